"""Sheets of pictures that explain themselves: what the network sees and does on one face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpfre.evaluation.attention import FacePass
from bpfre.evaluation.canvas import Legend, Panel, compose
from bpfre.evaluation.pictures import GAIN, difference, fit, heat
from bpfre.evaluation.stage_words import words_for
from bpfre.photos import to_bytes

_LEAST_SIDE = 384  # px of a panel that its labels fit under
_MOST_SIDE = 512  # px of a panel on sheets of more than three columns
_FINISHING = (
    " At the end the correction is finished: marks that it takes in part are taken wholly, and the finest texture is"
    " left to the photo."
)
_INPUT = "The face as it is in the photo, cut out and turned upright."
_MIRRORED = " Beyond the photo's edge it is mirrored."
_SEEN = 0.5  # map value that is called a blemish in the notes


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whose face a sheet shows."""

    photo: str  # its name
    number: int  # of the face, from 1, the largest first
    faces: int  # in the photo
    weights: str  # what the network was loaded from


def attention_sheet(seen: FacePass, subject: Subject) -> np.ndarray:
    """Lay out input, map E2D, coarse; map D2G, refined, correction. -> [H, W, 3] uint8 RGB

    Both maps have one colour scale, from 0 to 1 on every sheet.
    """
    side, words = panel_side(seen.size), words_for(apart=seen.apart)
    rows = (
        (
            _input_panel("1. Input", seen, side),
            _map_panel(
                f"2. Map E2D: {words.found}",
                seen.map_e2d,
                side,
                "Looked for on the way from encoder to decoder (E2D): the brighter, the surer.",
            ),
            _panel(
                "3. Coarse: after the first stage",
                seen.coarse,
                side,
                "The input, repaired where map E2D is bright.",
            ),
        ),
        (
            _map_panel(
                "4. Map D2G: second look",
                seen.map_d2g,
                side,
                f"{words.sought_second}, looked for on the way from decoder to generator (D2G).",
            ),
            _panel(
                "5. Refined: after the second stage",
                seen.refined,
                side,
                f"{words.refined}{_then_finished(seen)}: the result.",
            ),
            _correction_panel("6. Correction", seen.correction, side),
        ),
    )
    grids = ", ".join(f"{len(weights)} x {len(weights)}" for weights in seen.weights_e2d)
    lines = (
        _story(seen),
        f"{_facts(seen, subject)} Attention, which makes the maps, works at {len(seen.weights_e2d)} scales: {grids}.",
    )
    return compose(_heading(subject, "what the network sees and does"), lines, rows, (_MAP_LEGEND, CHANGE_LEGEND))


def stages_sheet(seen: FacePass, subject: Subject) -> np.ndarray:
    """Lay out the face after every step, and below what each changed. -> [H, W, 3] uint8 RGB

    The steps are both stages and, where the network does that, the finishing of marks.
    """
    words = words_for(apart=seen.apart)
    steps = [
        ("Coarse: after the first stage", "the first stage", seen.coarse, words.first),
        ("Refined: after the second stage", "the second stage", seen.refined, f"{words.second}: the result."),
    ]
    if seen.unfinished is not None:
        steps[1:] = [
            ("After the second stage", "the second stage", seen.unfinished, f"{words.second}."),
            ("Refined: finished", "finishing", seen.refined, "Marks taken in part are taken wholly: the result."),
        ]
    side = panel_side(seen.size) if len(steps) < 3 else min(panel_side(seen.size), _MOST_SIDE)
    faces, changes = [_input_panel("1. Input", seen, side)], []
    before = seen.crop.pixels
    for number, (title, maker, after, note) in enumerate(steps, 2):
        faces.append(_panel(f"{number}. {title}", after, side, note))
        about = f"Panel {number} minus panel {number - 1}."
        changes.append(change_panel(f"{number + len(steps) + 1}. Change by {maker}", after - before, side, about))
        before = after
    whole = seen.refined - seen.crop.pixels
    together = change_panel(f"{len(steps) + 2}. Change in all", whole, side, f"Panel {len(steps) + 1} minus panel 1.")
    rows = (faces, [together, *changes])
    lines = (_story(seen), _facts(seen, subject))
    return compose(_heading(subject, "what each stage does"), lines, rows, (CHANGE_LEGEND,))


def features_sheet(seen: FacePass, subject: Subject) -> np.ndarray:
    """Lay out the suppression weights of every scale for both attention modules. -> [H, W, 3] uint8 RGB"""
    side = min(panel_side(seen.size), _MOST_SIDE)
    count = len(seen.weights_e2d)

    def row(name: str, base: Panel, weights: tuple[np.ndarray, ...]) -> tuple[Panel, ...]:
        return (
            base,
            *(
                Panel(
                    f"{name}, scale {scale} of {count}",
                    fit(heat(w), side),
                    f"{w.shape[1]} x {w.shape[0]} features. Mean weight {w.mean():.2f}, largest {w.max():.2f}.",
                )
                for scale, w in enumerate(weights, 1)
            ),
        )

    rows = (
        row("E2D", _panel("Input", seen.crop.pixels, side, "The face that the encoder gets."), seen.weights_e2d),
        row("D2G", _panel("Coarse", seen.coarse, side, "The face after the first stage."), seen.weights_d2g),
    )
    lines = (
        _facts(seen, subject),
        "Between its parts the network hands on features: what it has made out at each place, on grids from fine (scale"
        f" 1) to coarse (scale {count}). Attention decides place by place how much of them is replaced by something"
        " learned, so that blemishes are not handed on: upper row on the way from encoder to decoder (E2D), lower row"
        " from decoder to generator (D2G). The finest scale is trained to mark blemishes; the coarser ones may replace"
        " whatever helps.",
    )
    return compose(_heading(subject, "suppression weights"), lines, rows, (_WEIGHT_LEGEND,))


def compare_sheet(first: FacePass, second: FacePass, subject: Subject, names: tuple[str, str]) -> np.ndarray:
    """Lay out the same face as two networks see it, a row each, and the difference of their results.

    Args:
        first, second: passes over the same face; their working sizes may differ.
        subject: whose face it is; its `weights` are not used.
        names: of the weights.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    side = min(max(panel_side(first.size), panel_side(second.size)), _MOST_SIDE)

    def row(letter: str, seen: FacePass, base: Panel) -> tuple[Panel, ...]:
        words = words_for(apart=seen.apart)
        return (
            base,
            _map_panel(f"{letter}: map E2D", seen.map_e2d, side, f"{words.sought_first}, seen by the first stage."),
            _panel(f"{letter}: coarse", seen.coarse, side, "After the first stage."),
            _map_panel(f"{letter}: map D2G", seen.map_d2g, side, f"{words.sought_second}."),
            _panel(
                f"{letter}: refined", seen.refined, side, f"After the second stage{_then_finished(seen)}: the result."
            ),
            _correction_panel(f"{letter}: correction", seen.correction, side),
        )

    between = fit(second.correction, side) - fit(first.correction, side)
    rows = (
        row("A", first, _input_panel("Input", first, side)),
        row(
            "B",
            second,
            change_panel(
                "B against A",
                between,
                side,
                f"Correction of B minus that of A, {GAIN} times as strong.",
                "differs",
            ),
        ),
    )
    lines = (
        _story(first, second),
        f"The face is {first.crop.face.size:.0f} px large in the photo. A: weights {names[0]}, working at"
        f" {first.size} x {first.size} px. B: weights {names[1]}, working at {second.size} x {second.size} px.",
    )
    return compose(_heading(subject, "two networks"), lines, rows, (_MAP_LEGEND, CHANGE_LEGEND))


def panel_side(size: int) -> int:
    """Side of the panels for a working size, px: the same, or the least multiple that labels fit under."""
    return size if size >= _LEAST_SIDE else size * -(-_LEAST_SIDE // size)


def _heading(subject: Subject, about: str) -> str:
    return f"{subject.photo}, face {subject.number} of {subject.faces}: {about}"


def _facts(seen: FacePass, subject: Subject) -> str:
    return (
        f"The face is {seen.crop.face.size:.0f} px large in the photo; the network (weights: {subject.weights}) works"
        f" on it at {seen.size} x {seen.size} px."
    )


def _story(*passes: FacePass) -> str:
    stories = dict.fromkeys(words_for(apart=seen.apart).story for seen in passes)
    return " Or: ".join(stories) + (_FINISHING if any(seen.unfinished is not None for seen in passes) else "")


def _then_finished(seen: FacePass) -> str:
    return "" if seen.unfinished is None else ", then finished"


def _input_panel(title: str, seen: FacePass, side: int) -> Panel:
    return _panel(title, seen.crop.pixels, side, _INPUT + (_MIRRORED if seen.mirrored else ""))


def _panel(title: str, pixels: np.ndarray, side: int, note: str) -> Panel:
    return Panel(title, fit(to_bytes(pixels), side), note)


def _map_panel(title: str, values: np.ndarray, side: int, note: str) -> Panel:
    seen = (values > _SEEN).mean()
    figures = f"{seen:.2%} of the area is over {_SEEN}, the highest value {values.max():.2f}."
    return Panel(title, fit(heat(values), side), f"{note} {figures}")


def change_panel(title: str, values: np.ndarray, side: int, note: str, verb: str = "changes") -> Panel:
    """Show a difference of two square pictures, [S, S, 3] float of full scale 1, with its size in the note."""
    return Panel(f"{title} x {GAIN}", fit(difference(values), side), f"{note} {_changed(values, verb)}")


def _correction_panel(title: str, values: np.ndarray, side: int) -> Panel:
    return change_panel(
        title, values, side, f"Refined minus input, {GAIN} times as strong: what retouch adds to the photo."
    )


def _changed(values: np.ndarray, verb: str) -> str:
    levels = 255 * np.abs(values).max(axis=2)
    return f"{(levels >= 1).mean():.1%} of the area {verb}, at most by {levels.max():.0f} of 255 levels."


def _ramp(colours: np.ndarray) -> np.ndarray:
    return colours.reshape(-1, 3)


_RISE = np.linspace(0, 1, 256, dtype=np.float32)[None]
_MAP_LEGEND = Legend(
    "Maps: how surely a place is one that the map looks for. The same colours on every sheet",
    _ramp(heat(_RISE)),
    ("0: surely none, left alone", "0.5", "1: surely one, worked on"),
)
_WEIGHT_LEGEND = Legend(
    "Weights: how much of the features at a place is replaced. The same colours on every sheet",
    _ramp(heat(_RISE)),
    ("0: handed on as they are", "0.5", "1: all replaced"),
)
_LEVELS = round(255 / 2 / GAIN)
CHANGE_LEGEND = Legend(
    f"Changes, {GAIN} times as strong: lighter or darker than grey; tinted where the colour changes",
    _ramp(np.repeat(to_bytes(_RISE)[..., None], 3, axis=2)),
    (f"{_LEVELS} or more of 255 levels darker", "no change", f"{_LEVELS} or more levels lighter"),
)
