from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bpfre.blemishes import skin_tone
from bpfre.blemishes.tone import DARK, LIGHT, darkness


def test_tone_orders_skins(make_skin: Callable) -> None:
    skin = np.ones((192, 192), bool)
    light, medium, dark = (skin_tone(make_skin(tone), skin) for tone in ("light", "medium", "dark"))
    assert light > 41 > medium > 0 > dark, "by the classes of Chardon et al."


def test_tone_is_that_of_the_skin_alone(make_skin: Callable, disc: Callable) -> None:
    rgb, skin = make_skin("medium"), disc(192, 96, 96, 40)
    painted = np.where(skin[..., None], rgb, 0.02).astype(np.float32)
    assert skin_tone(painted, skin) == skin_tone(rgb, skin)
    assert skin_tone(rgb, np.zeros((192, 192))) == LIGHT


@pytest.mark.parametrize(("tone", "expected"), [(90, 0), (LIGHT, 0), ((LIGHT + DARK) / 2, 0.5), (DARK, 1), (-80, 1)])
def test_darkness(tone: float, expected: float) -> None:
    assert darkness(tone) == pytest.approx(expected)
