from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from bpfre.evaluation.contrast import high_pass_energy
from bpfre.network import BPFRe, CoarseOnly, position_grid, preset
from bpfre.network.completion import complete

SIDE = 96


def skin(seed: int = 0, side: int = SIDE) -> Tensor:
    """Skin with shading and pores. -> [1, 3, side, side]"""
    rng = np.random.default_rng(seed)
    pores = rng.normal(0, 0.012, (side, side, 1))
    shade = np.linspace(-0.05, 0.05, side)[:, None, None]
    return torch.from_numpy(np.array([0.75, 0.58, 0.5]) + pores + shade).permute(2, 0, 1)[None].float()


def spot(radius: float, strength: float = 0.12, side: int = SIDE) -> Tensor:
    """A reddish spot in the middle, negative values. -> [1, 3, side, side]"""
    y, x = np.mgrid[:side, :side] - side / 2
    cover = np.exp(-0.5 * (np.hypot(x, y) / radius) ** 2)
    return -torch.from_numpy(cover[None] * np.array([0.4, 1.0, 0.9])[:, None, None])[None].float() * strength


def left(result: Tensor, clean: Tensor, mark: Tensor) -> float:
    """Share of a mark that is left: projection of what differs from clean skin onto the mark."""
    return float(((result - clean) * mark).sum() / (mark * mark).sum())


@pytest.mark.parametrize("radius", [2.0, 3.0, 5.0])
@pytest.mark.parametrize("taken", [0.35, 0.5, 0.7])
def test_half_made_correction_is_carried_through(radius: float, taken: float) -> None:
    clean, mark = skin(), spot(radius)
    image = clean + mark
    result = complete(image, image - taken * mark)
    assert abs(left(result, clean, mark)) < 0.25 < 1 - 0.7 < 1 - taken + 0.01


@pytest.mark.parametrize("taken", [0.0, 0.03, 0.06])
def test_mark_that_was_hardly_touched_stays(taken: float) -> None:
    clean, mark = skin(), spot(3)
    image = clean + mark
    assert left(complete(image, image - taken * mark), clean, mark) > 0.9


def test_on_dark_skin_a_smaller_share_says_that_a_mark_is_to_go() -> None:
    def remains(light: float, taken: float) -> float:
        clean, mark = skin() * light, spot(3) * light
        image = clean + mark
        return left(complete(image, image - taken * mark), clean, mark)

    dark, bright = 0.6, 1.1
    assert remains(dark, 0.17) < 0.3 and remains(bright, 0.17) > 0.8
    assert remains(bright, 0.4) < 0.25
    assert remains(dark, 0.04) > 0.9


@pytest.mark.parametrize("radius", [3.0, 5.0])
def test_whole_correction_is_not_overdone(radius: float) -> None:
    clean, mark = skin(), spot(radius)
    image = clean + mark
    assert abs(left(complete(image, image - mark), clean, mark)) < 0.15


@pytest.mark.parametrize("taken", [0.35, 0.6])
def test_dimmed_highlight_is_used_as_it_is(taken: float) -> None:
    """Of a correction that darkens, the fine part belongs to the highlight, and the whole of it is not wanted."""
    clean, mark = skin(), spot(4)
    grain = torch.from_numpy(np.random.default_rng(1).uniform(0.2, 1.8, (1, 1, SIDE, SIDE))).float()
    image = clean - mark * grain
    dimmed = image + taken * mark * grain
    assert (complete(image, dimmed) - dimmed).abs().max() < 1.5 / 255


def test_spot_beside_a_highlight_is_still_carried_through() -> None:
    clean, mark = skin(), spot(3)
    shine = -torch.roll(mark, 24, dims=3)
    image = clean + mark + shine
    result = complete(image, image - 0.5 * mark - 0.5 * shine)
    assert abs(left(result - shine / 2, clean, mark)) < 0.25
    assert left(result, clean, shine) == pytest.approx(0.5, abs=0.1)


def test_correction_that_is_not_of_a_mark_is_not_raised() -> None:
    image = skin()  # no spot where the network saw one
    lightened = complete(image, image - 0.2 * spot(3)) - image
    assert float(lightened.max()) <= float((-0.2 * spot(3)).max()) * 1.1


def test_pores_are_kept() -> None:
    image = skin()
    smoothed = torch.nn.functional.avg_pool2d(image, 5, 1, 2, count_include_pad=False)

    def pores(picture: Tensor) -> float:
        rgb = np.ascontiguousarray(picture[0].permute(1, 2, 0).numpy())
        return high_pass_energy(rgb, np.ones((SIDE, SIDE), bool))

    assert pores(image + 0.3 * (smoothed - image)) < 0.8 * pores(image)
    assert pores(complete(image, image + 0.3 * (smoothed - image))) > 0.9 * pores(image)


def test_nothing_changes_away_from_corrections() -> None:
    image = skin() + spot(3)
    corrected = image - 0.5 * spot(3) * (spot(3).abs() > 0.005)
    changed = (complete(image, corrected) != image).any(dim=1)[0]
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    assert not changed[torch.from_numpy(np.hypot(x, y) > 20)].any() and changed.any()
    assert torch.equal(complete(image, image), image)


def test_larger_crop_is_finished_alike() -> None:
    clean, mark = skin(), spot(3)
    image = clean + mark
    large, corrected = (
        torch.nn.functional.interpolate(picture, scale_factor=2, mode="bicubic")
        for picture in (image, image - 0.5 * mark)
    )
    small = complete(image, image - 0.5 * mark)
    result = torch.nn.functional.avg_pool2d(complete(large, corrected, 2.0), 2)
    assert float((result - small)[..., 16:-16, 16:-16].abs().mean()) < 0.004
    assert left(result, clean, mark) < 0.25


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 9), (33, 64)])
def test_any_size_and_precision(height: int, width: int) -> None:
    image = torch.rand(2, 3, height, width)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = complete(image, (image + 0.1).bfloat16())
    assert result.shape == image.shape and result.dtype == torch.float32 and bool(result.isfinite().all())


def test_networks_finish_when_they_are_told_to_and_not_in_training() -> None:
    torch.manual_seed(0)
    plain = BPFRe(preset("tiny")).eval()
    for module in plain.modules():  # a correction large enough to be seen
        if isinstance(module, torch.nn.Conv2d) and module.out_channels == 1 and module.bias is not None:
            torch.nn.init.constant_(module.bias, 3.0)
    finishing = BPFRe(dataclasses.replace(plain.config, completion=True)).eval()
    finishing.load_state_dict(plain.state_dict())
    image = skin(side=64)
    with torch.no_grad():
        raw, done = plain(image), finishing(image)
        assert torch.equal(raw.coarse, done.coarse) and not torch.equal(raw.refined, done.refined)
        torch.testing.assert_close(done.refined, complete(image, raw.refined, 64 / plain.config.size))
        coarse = CoarseOnly(finishing)(image).refined
        torch.testing.assert_close(coarse, complete(image, raw.coarse, 64 / plain.config.size))
        window = position_grid(64, 64, device=image.device, dtype=image.dtype) * 0.3
        torch.testing.assert_close(finishing(image, window).refined, complete(image, plain(image, window).refined))
        torch.testing.assert_close(finishing.train()(image).refined, plain.train()(image).refined)


def tint(radius: float, colour: tuple[float, float, float], side: int = SIDE) -> Tensor:
    """A spot of a colour in the middle. -> [1, 3, side, side]"""
    y, x = np.mgrid[:side, :side] - side / 2
    cover = np.exp(-0.5 * (np.hypot(x, y) / radius) ** 2)
    return torch.from_numpy(cover[None] * np.array(colour)[:, None, None])[None].float()


@pytest.mark.parametrize("radius", [2.5, 4.0])
def test_colours_that_the_correction_does_not_have_go_with_the_mark(radius: float) -> None:
    clean, dark, blue = skin(), tint(radius, (-0.06, -0.06, -0.06)), tint(radius, (-0.03, 0.0, 0.03))
    image = clean + dark + blue
    result = complete(image, image - 0.6 * dark)  # of the darkness alone
    assert abs(left(result, clean, dark)) < 0.2
    assert abs(left(result, clean, blue)) < 0.4


def test_colours_of_a_mark_that_stays_stay() -> None:
    clean, dark, blue = skin(), tint(3, (-0.06, -0.06, -0.06)), tint(3, (-0.03, 0.0, 0.03))
    image = clean + dark + blue
    result = complete(image, image - 0.05 * dark)
    assert left(result, clean, dark) > 0.95 and left(result, clean, blue) > 0.95


def test_a_brow_beside_a_mark_is_not_drawn_into_it() -> None:
    clean, mark = skin(), spot(3)
    brow = torch.zeros_like(clean)
    brow[..., : SIDE // 2 - 8, :] = -0.4  # its edge is two radii and a half above the mark's middle
    image = clean + mark + brow
    result = complete(image, image - 0.5 * mark)
    assert abs(left(result, clean + brow, mark)) < 0.35
    assert float((result - image)[..., : SIDE // 2 - 14, :].abs().max()) < 2 / 255
