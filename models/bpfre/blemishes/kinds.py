"""What kinds of marks there are, and what the marks of a kind look like."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]
_NONE: Range = (0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class MarkKind:
    """What marks of one kind look like; lengths are px of a 512 face crop.

    Ranges of amounts and radii are drawn from with more weight near the lower end: most marks are small and faint.
    Amounts are for light skin; see `place_marks` for darker skin.
    """

    keep: bool  # a permanent mark: part of the person, in input and target alike
    share: float = 0.0  # relative frequency among marks that come by number, on light skin
    share_dark: float | None = None  # the same on the darkest skin, where it is another
    per_face: float = 0.0  # expected number on a face, for those that come by face instead; they need the template
    regions: tuple[str, ...] = ()  # where most lie, names of `REGIONS`; none is anywhere on skin
    mirrored: bool = False  # comes on both sides of the face alike
    cluster: float = 0.0  # share that lies beside an earlier mark of a clustering kind
    radius: Range  # half the width; for lines half their thickness
    haemoglobin: Range = _NONE  # optical density along the haemoglobin direction
    melanin: Range = _NONE  # optical density along the melanin direction
    grey: Range = _NONE  # density of all channels alike, relative to the pigment's: channels overlap, relief shades
    inflamed: bool = False  # on dark skin such a mark is brown: part of its haemoglobin turns into melanin
    edge: Range = (0.5, 1.0)  # softness of the rim as a share of the radius
    irregular: float = 0.0  # waviness of the outline as a share of the radius
    aspect: Range = (1.0, 1.5)  # axis ratio
    mottle: Range = _NONE  # unevenness inside, as a share of the amount
    halo: Range = _NONE  # diffuse redness around, as a share of the haemoglobin
    relief: Range = _NONE  # light and shade of a raised mark, optical density
    head: Range = _NONE  # yellow-white centre: share of light that it replaces
    glint: Range = _NONE  # reflection on a raised mark, share of full light
    shine: Range = _NONE  # reflection of skin itself, share of full light
    opacity: Range = _NONE  # of what lies on the skin and hides it
    metal: bool = False  # what hides skin is metal rather than hair
    length: Range = _NONE  # of lines


@dataclass(frozen=True)
class Region:
    """A soft ellipse in the five-point template, px of a 512 face crop."""

    x: float
    y: float
    width: float  # sigma
    height: float  # sigma


REGIONS: dict[str, tuple[Region, ...]] = {
    "forehead": (Region(256, 150, 62, 32),),
    "glabella": (Region(256, 208, 18, 18),),
    "hairline": (Region(256, 100, 80, 14), Region(130, 160, 14, 40), Region(382, 160, 14, 40)),
    "temples": (Region(122, 235, 14, 40), Region(390, 235, 14, 40)),
    "nose": (Region(256, 296, 16, 30),),
    "nose wings": (Region(222, 322, 12, 14), Region(290, 322, 12, 14)),
    "cheeks": (Region(165, 330, 30, 34), Region(347, 330, 30, 34)),
    "cheekbones": (Region(162, 292, 26, 16), Region(350, 292, 26, 16)),
    "nose bridge": (Region(205, 288, 24, 14), Region(307, 288, 24, 14), Region(256, 270, 14, 22)),
    "mouth": (Region(256, 345, 26, 8), Region(195, 395, 14, 20), Region(317, 395, 14, 20)),
    "chin": (Region(256, 440, 32, 20),),
    "jaw": (Region(158, 405, 18, 28), Region(354, 405, 18, 28)),
    "under eyes": (Region(193, 270, 3, 2), Region(319, 270, 3, 2)),
}

_ACNE = ("forehead", "forehead", "glabella", "nose", "cheeks", "cheeks", "mouth", "chin", "chin", "jaw")
_SUN = ("nose bridge", "nose bridge", "cheekbones", "cheekbones", "forehead")

MARK_KINDS: dict[str, MarkKind] = {
    "pimple": MarkKind(
        keep=False,
        share=4.0,
        regions=_ACNE,
        cluster=0.35,
        radius=(1.6, 6.0),
        haemoglobin=(0.06, 0.38),
        melanin=(0.0, 0.07),
        grey=(0.1, 0.8),
        inflamed=True,
        edge=(0.9, 1.6),
        irregular=0.15,
        mottle=(0.0, 0.35),
        halo=(0.0, 0.4),
        relief=(0.0, 0.10),
        glint=(0.0, 0.05),
    ),
    "pustule": MarkKind(
        keep=False,
        share=0.8,
        regions=_ACNE,
        cluster=0.3,
        radius=(2.5, 5.5),
        haemoglobin=(0.10, 0.36),
        melanin=(0.0, 0.04),
        grey=(0.05, 0.5),
        inflamed=True,
        edge=(0.9, 1.5),
        irregular=0.12,
        mottle=(0.0, 0.2),
        halo=(0.1, 0.5),
        relief=(0.03, 0.14),
        glint=(0.0, 0.10),
        head=(0.12, 0.5),
    ),
    "scab": MarkKind(
        keep=False,
        share=0.8,
        regions=_ACNE,
        cluster=0.2,
        radius=(1.2, 4.0),
        haemoglobin=(0.25, 0.70),
        melanin=(0.04, 0.30),
        grey=(0.2, 0.8),
        inflamed=True,
        edge=(0.3, 0.9),
        irregular=0.3,
        mottle=(0.15, 0.55),
        halo=(0.0, 0.3),
        relief=(0.0, 0.08),
    ),
    "flat mark": MarkKind(
        keep=False,
        share=3.0,
        regions=_ACNE,
        cluster=0.35,
        radius=(1.8, 6.5),
        haemoglobin=(0.03, 0.16),
        melanin=(0.02, 0.16),
        grey=(0.2, 0.8),
        inflamed=True,
        edge=(1.0, 1.7),
        irregular=0.2,
        mottle=(0.0, 0.4),
    ),
    "brown mark": MarkKind(  # what inflammation leaves on darker skin
        keep=False,
        share=0.1,
        share_dark=9.0,
        regions=_ACNE,
        cluster=0.4,
        radius=(1.8, 5.5),
        haemoglobin=(0.0, 0.02),
        melanin=(0.10, 0.32),
        grey=(0.2, 0.8),
        edge=(0.9, 1.7),
        irregular=0.2,
        mottle=(0.0, 0.4),
    ),
    "dot": MarkKind(
        keep=False,
        share=2.5,
        regions=_ACNE,
        cluster=0.25,
        radius=(0.9, 2.2),
        haemoglobin=(0.10, 0.36),
        melanin=(0.0, 0.12),
        grey=(0.2, 0.9),
        inflamed=True,
        edge=(0.8, 1.5),
        irregular=0.1,
    ),
    "pigment spot": MarkKind(
        keep=False,
        share=1.6,
        regions=_SUN,
        radius=(2.2, 6.0),
        haemoglobin=(0.0, 0.03),
        melanin=(0.08, 0.28),
        grey=(0.1, 0.5),
        edge=(1.0, 1.7),
        irregular=0.25,
        mottle=(0.0, 0.35),
    ),
    "patch": MarkKind(
        keep=False,
        share=1.2,
        regions=("cheeks", "cheeks", "nose", "nose wings", "glabella", "chin", "forehead"),
        radius=(8.0, 20.0),
        haemoglobin=(0.05, 0.18),
        melanin=(0.0, 0.03),
        grey=(0.0, 0.4),
        inflamed=True,
        edge=(1.3, 1.7),
        irregular=0.3,
        aspect=(1.0, 1.8),
        mottle=(0.15, 0.5),
    ),
    "vessel": MarkKind(
        keep=False,
        share=0.6,
        regions=("nose wings", "nose wings", "cheeks", "cheekbones", "nose"),
        cluster=0.5,
        radius=(0.45, 0.85),
        haemoglobin=(0.10, 0.40),
        grey=(0.1, 0.5),
        edge=(0.6, 1.0),
        mottle=(0.0, 0.3),
        length=(5.0, 22.0),
    ),
    "under-eye": MarkKind(
        keep=False,
        per_face=0.35,
        mirrored=True,
        regions=("under eyes",),
        radius=(13.0, 18.0),
        haemoglobin=(0.04, 0.16),
        melanin=(0.02, 0.14),
        grey=(0.2, 0.7),
        edge=(0.9, 1.0),
        irregular=0.05,
        aspect=(2.4, 3.2),
        mottle=(0.0, 0.15),
    ),
    "shine": MarkKind(
        keep=False,
        per_face=0.6,
        regions=("forehead", "forehead", "nose", "nose", "cheekbones", "chin"),
        radius=(9.0, 26.0),
        edge=(1.5, 1.6),
        irregular=0.15,
        aspect=(1.0, 2.2),
        mottle=(0.05, 0.3),
        shine=(0.03, 0.16),
    ),
    "hair": MarkKind(
        keep=False,
        per_face=0.7,
        regions=("hairline", "hairline", "forehead", "temples", "cheeks"),
        radius=(0.35, 0.7),
        edge=(0.3, 0.5),
        opacity=(0.35, 0.9),
        length=(25.0, 110.0),
    ),
    "mole": MarkKind(
        keep=True,
        share=1.0,
        radius=(0.9, 4.6),
        haemoglobin=(0.0, 0.25),
        melanin=(0.25, 1.2),
        grey=(0.4, 1.0),
        edge=(0.2, 1.1),
        irregular=0.15,
        mottle=(0.0, 0.3),
        relief=(0.0, 0.08),
        glint=(0.0, 0.05),
    ),
    "freckle": MarkKind(
        keep=True,
        share=1.4,
        share_dark=0.4,
        regions=_SUN,
        cluster=0.6,
        radius=(0.9, 3.8),
        haemoglobin=(0.0, 0.03),
        melanin=(0.12, 0.55),
        grey=(0.2, 0.8),
        edge=(0.5, 1.2),
        irregular=0.15,
    ),
    "birthmark": MarkKind(
        keep=True,
        share=0.12,
        radius=(5.0, 15.0),
        haemoglobin=(0.0, 0.12),
        melanin=(0.18, 0.5),
        grey=(0.1, 0.5),
        edge=(0.1, 0.35),
        irregular=0.25,
        aspect=(1.0, 1.7),
        mottle=(0.05, 0.2),
    ),
    "scar": MarkKind(
        keep=True,
        share=0.3,
        radius=(0.6, 1.5),
        haemoglobin=(-0.10, 0.08),
        melanin=(-0.25, 0.15),
        edge=(0.2, 0.5),
        relief=(0.0, 0.10),
        length=(7.0, 32.0),
    ),
    "stud": MarkKind(
        keep=True,
        share=0.25,
        regions=("nose wings", "nose wings", "nose wings", "mouth", "chin"),
        radius=(1.1, 3.2),
        edge=(0.1, 0.4),
        aspect=(1.0, 1.15),
        relief=(0.1, 0.5),
        glint=(0.1, 0.9),
        opacity=(0.85, 1.0),
        metal=True,
    ),
}
