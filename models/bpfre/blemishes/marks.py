"""One mark on skin: its place and everything that decides how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from bpfre.blemishes.kinds import MARK_KINDS


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One mark. Lengths in px of the picture; optical densities and shares of light as in `MarkKind`."""

    kind: str
    x: float
    y: float
    radius: float  # half the width; of a line, half its thickness
    haemoglobin: float  # optical density
    melanin: float  # optical density
    edge: float  # share of the radius
    waves: tuple[tuple[float, float], ...]  # amplitude (share of the radius) and phase of each harmonic of the outline
    aspect: float  # axis ratio, 1 and up
    angle: float  # rad
    length: float = 0.0  # px; 0 for anything but lines
    bend: float = 0.0  # px by which the middle lies off the line between the ends
    grey: float = 0.0  # optical density, in all channels alike
    mottle: float = 0.0  # unevenness inside, share of the amount
    grain: tuple[tuple[float, float, float], ...] = ()  # its plane waves: two frequencies [rad per radius] and a phase
    halo: float = 0.0  # share of the haemoglobin
    relief: float = 0.0  # optical density between the lit and the shaded side
    head: float = 0.0  # share of light replaced by a yellow-white centre
    glint: float = 0.0  # share of full light
    shine: float = 0.0  # share of full light
    opacity: float = 0.0  # share of light hidden
    colour: tuple[float, float, float] = (0.0, 0.0, 0.0)  # linear RGB of what hides it

    @property
    def keep(self) -> bool:
        """Whether the mark belongs to the person."""
        return MARK_KINDS[self.kind].keep
