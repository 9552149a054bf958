"""Sheets show what they are given, on the same scales, and say what it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from bpfre.evaluation import FacePass, attention_sheet, compare_sheet, features_sheet, stages_sheet
from bpfre.evaluation import sheets as module
from bpfre.evaluation.canvas import Legend, Panel
from bpfre.evaluation.pictures import difference, fit, heat
from bpfre.evaluation.sheets import panel_side
from bpfre.evaluation.stage_words import words_for
from bpfre.photos import to_bytes


@dataclasses.dataclass
class Drawn:
    """What a sheet hands to the canvas."""

    heading: str = ""
    lines: tuple[str, ...] = ()
    panels: tuple[Panel, ...] = ()
    legends: tuple[Legend, ...] = ()

    @property
    def words(self) -> str:
        parts = [self.heading, *self.lines]
        parts += [word for panel in self.panels for word in (panel.title, panel.note)]
        return " ".join(parts + [word for legend in self.legends for word in (legend.title, *legend.ticks)])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Drawn]:
    """What the sheet drawn last is made of; it is drawn all the same."""
    record, compose = Drawn(), module.compose

    def spy(heading, lines, rows, legends):
        record.heading, record.lines, record.legends = heading, tuple(lines), tuple(legends)
        record.panels = tuple(panel for row in rows for panel in row)
        return compose(heading, lines, rows, legends)

    monkeypatch.setattr(module, "compose", spy)
    yield record


def test_attention_sheet_shows_the_six_pictures_in_order(seen: FacePass, subject, drawn: Drawn) -> None:
    sheet = attention_sheet(seen, subject)
    side = panel_side(seen.size)
    expected = [
        to_bytes(seen.crop.pixels),
        heat(seen.map_e2d),
        to_bytes(seen.coarse),
        heat(seen.map_d2g),
        to_bytes(seen.refined),
        difference(seen.correction),
    ]
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3
    for panel, pixels in zip(drawn.panels, expected, strict=True):
        assert np.array_equal(panel.pixels, fit(pixels, side))
    assert [panel.title.split(":")[0] for panel in drawn.panels] == [
        "1. Input",
        "2. Map E2D",
        "3. Coarse",
        "4. Map D2G",
        "5. Refined",
        "6. Correction x 4",
    ]


def test_attention_sheet_says_name_sizes_scales_and_colours(seen: FacePass, subject, drawn: Drawn) -> None:
    attention_sheet(seen, dataclasses.replace(subject, number=2, faces=3))
    size = f"{seen.crop.face.size:.0f} px large"
    for fact in (
        "portrait.png, face 2 of 3",
        size,
        "128 x 128 px",
        "weights: tiny",
        "3 scales: 64 x 64, 32 x 32, 16 x 16",
    ):
        assert fact in drawn.words, fact
    for word in (
        "encoder to decoder",
        "decoder to generator",
        "0: surely none",
        "1: surely one",
        "32 or more",
        "no change",
    ):
        assert word in drawn.words, word


def test_notes_measure_the_maps_and_the_correction(seen: FacePass, subject, drawn: Drawn) -> None:
    marked = np.zeros_like(seen.map_e2d)
    marked[40:50, 40:50] = 0.75
    refined = seen.crop.pixels.copy()
    refined[64, 64] += 0.1
    attention_sheet(dataclasses.replace(seen, map_e2d=marked, refined=refined), subject)
    assert f"{100 / 128**2:.2%} of the area is over 0.5, the highest value 0.75" in drawn.panels[1].note
    assert "at most by 26 of 255 levels" in drawn.panels[5].note


def test_equal_maps_look_equal_whatever_the_other_is(seen: FacePass, subject, drawn: Drawn) -> None:
    faint, strong = np.full_like(seen.map_e2d, 0.2), np.ones_like(seen.map_e2d)
    attention_sheet(dataclasses.replace(seen, map_e2d=faint, map_d2g=strong), subject)
    first = drawn.panels
    attention_sheet(dataclasses.replace(seen, map_e2d=strong, map_d2g=faint), subject)
    assert np.array_equal(first[1].pixels, drawn.panels[3].pixels)
    assert np.array_equal(first[3].pixels, drawn.panels[1].pixels)
    [legend] = [legend for legend in drawn.legends if legend.title.startswith("Maps")]
    assert np.array_equal(legend.colours[-1], first[3].pixels[0, 0])
    assert np.array_equal(legend.colours[51], first[1].pixels[0, 0])


def test_changes_of_the_stages_add_up(seen: FacePass, subject, drawn: Drawn) -> None:
    stages_sheet(seen, subject)
    both, first, second = (panel.pixels.astype(int) - 128 for panel in drawn.panels[3:])
    assert np.abs(both - first - second).max() <= 2
    assert first.any() and second.any()


def test_finishing_is_not_taken_for_the_second_stage(finished: FacePass, subject, drawn: Drawn) -> None:
    stages_sheet(finished, subject)
    side = panel_side(finished.size)
    assert finished.unfinished is not None
    expected = [
        *(to_bytes(p) for p in (finished.crop.pixels, finished.coarse, finished.unfinished, finished.refined)),
        difference(finished.refined - finished.crop.pixels),
        difference(finished.coarse - finished.crop.pixels),
        difference(finished.unfinished - finished.coarse),
        difference(finished.refined - finished.unfinished),
    ]
    for panel, pixels in zip(drawn.panels, expected, strict=True):
        assert np.array_equal(panel.pixels, fit(pixels, side))
    assert [panel.title for panel in drawn.panels] == [
        "1. Input",
        "2. Coarse: after the first stage",
        "3. After the second stage",
        "4. Refined: finished",
        "5. Change in all x 4",
        "6. Change by the first stage x 4",
        "7. Change by the second stage x 4",
        "8. Change by finishing x 4",
    ]
    assert "Panel 4 minus panel 3." in drawn.panels[7].note


def test_sheets_say_where_results_are_finished(seen: FacePass, finished: FacePass, subject, drawn: Drawn) -> None:
    for draw in (attention_sheet, stages_sheet):
        draw(seen, subject)
        assert "finish" not in drawn.words
        draw(finished, subject)
        assert "At the end the correction is finished" in drawn.words
    compare_sheet(seen, finished, subject, ("a", "b"))
    notes = [panel.note for panel in drawn.panels if panel.title.endswith("refined")]
    assert notes == ["After the second stage: the result.", "After the second stage, then finished: the result."]


@pytest.mark.parametrize("apart", [False, True])
def test_sheets_tell_what_the_stages_of_such_a_network_do(seen: FacePass, subject, drawn: Drawn, apart: bool) -> None:
    such, other = (dataclasses.replace(seen, apart=kind) for kind in (apart, not apart))
    for words in (words_for(apart=kind) for kind in (apart, not apart)):
        told = words is words_for(apart=apart)
        attention_sheet(such, subject)
        for word in (words.story, words.found, words.sought_second, words.refined):
            assert (word in drawn.words) == told, word
        stages_sheet(such, subject)
        for word in (words.story, words.first, words.second):
            assert (word in drawn.words) == told, word
        compare_sheet(such, other, subject, ("one", "two"))
        for word in (words.story, words.sought_first, words.sought_second):
            assert word in drawn.words, word


def test_what_is_mirrored_is_said_to_be(seen: FacePass, subject, drawn: Drawn) -> None:
    attention_sheet(dataclasses.replace(seen, mirrored=True), subject)
    assert drawn.panels[0].note.endswith("Beyond the photo's edge it is mirrored.")
    attention_sheet(dataclasses.replace(seen, mirrored=False), subject)
    assert "mirrored" not in drawn.words


def test_features_sheet_has_every_scale_of_both_modules(seen: FacePass, subject, drawn: Drawn) -> None:
    features_sheet(seen, subject)
    side = panel_side(seen.size)
    weights = [panel for panel in drawn.panels if "scale" in panel.title]
    assert [panel.title[:3] for panel in weights] == ["E2D"] * 3 + ["D2G"] * 3
    for panel, values in zip(weights, (*seen.weights_e2d, *seen.weights_d2g), strict=True):
        assert np.array_equal(panel.pixels, fit(heat(values), side))
        assert f"{len(values)} x {len(values)} features. Mean weight {values.mean():.2f}" in panel.note


def test_compare_sheet_shows_both_and_their_difference(seen: FacePass, subject, drawn: Drawn) -> None:
    other = dataclasses.replace(seen, refined=seen.refined + np.float32(0.05))
    compare_sheet(seen, other, subject, ("before", "after"))
    assert [panel.title[0] for panel in drawn.panels[1:6]] == ["A"] * 5
    assert [panel.title[0] for panel in drawn.panels[7:]] == ["B"] * 5
    assert "A: weights before" in drawn.words and "B: weights after" in drawn.words
    apart = drawn.panels[6].pixels
    middle = apart[100:-100, 100:-100].astype(int)
    assert np.abs(middle - round((0.5 + 4 * 0.05) * 255)).max() <= 1
    compare_sheet(seen, seen, subject, ("same", "same"))
    assert (drawn.panels[6].pixels == 128).all()


def test_networks_of_different_working_sizes_are_compared(
    seen: FacePass, subject, drawn: Drawn, photo, network, detector
) -> None:
    import torch

    from bpfre.evaluation import face_pass, faces_of
    from bpfre.network import BPFRe, preset

    torch.manual_seed(4)
    smaller = BPFRe(preset("tiny")).eval()
    other = face_pass(smaller, photo, faces_of(photo, detector)[0])
    assert other.size != seen.size
    compare_sheet(seen, other, subject, ("a", "b"))
    assert len({panel.pixels.shape for panel in drawn.panels}) == 1
    assert "working at 128 x 128" in drawn.words and "working at 64 x 64" in drawn.words


@pytest.mark.parametrize(("size", "side"), [(64, 384), (128, 384), (256, 512), (300, 600), (512, 512), (1024, 1024)])
def test_panels_are_whole_multiples(size: int, side: int) -> None:
    assert panel_side(size) == side
