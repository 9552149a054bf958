"""Every method's result stands over what it changed, by name."""

from __future__ import annotations

import numpy as np
import pytest

from bpfre.evaluation import methods_sheet as module
from bpfre.evaluation.canvas import Panel
from bpfre.evaluation.methods_sheet import methods_sheet


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[list[Panel]]:
    """The panels of the sheet drawn last; it is drawn all the same."""
    handed: list[list[Panel]] = []
    compose = module.compose

    def spy(heading, lines, rows, legends):
        handed[:] = rows
        return compose(heading, lines, rows, legends)

    monkeypatch.setattr(module, "compose", spy)
    return handed


@pytest.mark.parametrize("side", [200, 1600])
def test_results_stand_over_their_changes(side: int, rows: list[list[Panel]]) -> None:
    before = np.full((side, side + 20, 3), 100, np.uint8)
    sheet = methods_sheet("face.jpg: hair, 0.50", before, {"mine": before + np.uint8(10), "idle": before.copy()})
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3
    pictures, changes = rows
    assert [panel.title for panel in pictures] == ["Unedited", "mine", "idle"]
    assert [panel.title for panel in changes] == ["", "mine: change x 4", "idle: change x 4"]
    assert [int(panel.pixels[100, 100, 0]) for panel in pictures] == [100, 110, 100]
    assert (changes[1].pixels == 168).all() and (changes[2].pixels == 128).all()  # 127.5 + 4 x 10, rounded
    assert "100.0% of the area changes, at most by 10 of 255 levels" in changes[1].note


def test_the_middle_is_shown(rows: list[list[Panel]]) -> None:
    before = np.zeros((100, 160, 3), np.uint8)
    before[20:80, 50:110] = 200  # 60 % of the shorter side
    methods_sheet("", before, {})
    assert (rows[0][0].pixels == 200).all()
