from __future__ import annotations

import torch

from bpfre.network.skin_light import AROUND, DARK, LIGHT, skin_light


def test_runs_from_dark_to_light_skin() -> None:
    levels = torch.tensor([DARK - 0.1, DARK, (DARK + LIGHT) / 2, LIGHT, LIGHT + 0.1])
    images = levels[:, None, None, None].expand(-1, 3, 40, 40)
    found = skin_light(images, 0.25)[:, 0, 20, 20]
    torch.testing.assert_close(found, torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]), atol=1e-5, rtol=0)


def test_a_mark_does_not_make_its_skin_dark() -> None:
    scale = 0.5
    image = torch.full((1, 3, 96, 96), LIGHT)
    image[..., 46:50, 46:50] -= 0.3
    assert AROUND * scale > 4  # the mark is small against what is looked at
    assert float(skin_light(image, scale)[0, 0, 48, 48]) > 0.85
