import numpy as np
import pytest

from bpfre.evaluation import attention_sheet


def sheet(**changes):
    side = 64
    crop = np.full((side, side, 3), 0.5, np.float32)
    parts = {
        "coarse": crop,
        "refined": crop,
        "map_e2d": np.zeros((side, side), np.float32),
        "map_d2g": np.zeros((side, side), np.float32),
        "caption": "a face",
    }
    return attention_sheet(crop, **(parts | changes))


def panels(picture: np.ndarray, side: int = 64) -> list[np.ndarray]:
    """The six panels in order; titles are 30 px high, gaps 6 px wide."""
    return [picture[30 : 30 + side, 6 + i * (side + 6) : 6 + i * (side + 6) + side] for i in range(6)]


def test_panels_show_what_they_are_given():
    refined = np.full((64, 64, 3), 0.6, np.float32)
    _, _, coarse, _, shown, correction = panels(sheet(refined=refined))
    assert (coarse == 128).all()
    assert (shown == 153).all()
    assert (correction == round((0.5 + 4 * 0.1) * 255)).all()


def test_maps_share_one_scale():
    low, high = np.zeros((64, 64), np.float32), np.ones((64, 64), np.float32)
    first = panels(sheet(map_e2d=low, map_d2g=high))
    second = panels(sheet(map_e2d=high, map_d2g=low))
    assert (first[1] == second[3]).all() and (first[3] == second[1]).all()
    assert (first[1] != first[3]).any()


def test_map_colours_grow_lighter_with_the_value():
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    luma = panels(sheet(map_e2d=ramp))[1] @ np.array([0.299, 0.587, 0.114])
    assert (np.diff(luma[0]) > -1).all()
    assert luma[0, -1] > luma[0, 0] + 100


@pytest.mark.parametrize("caption", ["plain", "ümläut 顔.jpg"])
def test_captions_are_written(caption):
    assert (sheet(caption=caption) != sheet(caption="")).any()
