"""Maps at the photo's resolution lie where the face is."""

from __future__ import annotations

import dataclasses

import numpy as np

from bpfre.evaluation import FacePass, map_masks
from bpfre.faces.similarity import invert, transform


def marked(seen: FacePass, at: tuple[float, float]) -> FacePass:
    """The pass with one round mark of 5 px in its first map."""
    y, x = np.mgrid[: seen.size, : seen.size]
    spot = ((x - at[0]) ** 2 + (y - at[1]) ** 2 <= 5**2).astype(np.float32)
    return dataclasses.replace(seen, map_e2d=spot, map_d2g=np.zeros_like(spot))


def test_a_mark_lies_where_it_is_in_the_photo(seen: FacePass, photo) -> None:
    masks = map_masks([marked(seen, (70, 50))], photo.rgb.shape)
    assert masks.keys() == {"e2d", "d2g"} and not masks["d2g"].any()
    mask = masks["e2d"]
    assert mask.shape == photo.rgb.shape[:2] and mask.dtype == np.uint16 and mask.max() > 65000
    y, x = np.nonzero(mask > 32768)
    place = transform(invert(seen.crop.matrix), np.array([[70.0, 50.0]]))[0]
    assert np.abs(place - (x.mean(), y.mean())).max() < 0.5


def test_masks_have_more_than_8_bits(seen: FacePass, photo) -> None:
    mask = map_masks([seen], photo.rgb.shape)["e2d"]
    assert len(np.unique(mask)) > 1000


def test_faces_do_not_erase_each_other(seen: FacePass, photo) -> None:
    first, second = marked(seen, (60, 60)), marked(seen, (80, 60))
    both = map_masks([first, second], photo.rgb.shape)["e2d"]
    alone = [map_masks([one], photo.rgb.shape)["e2d"] for one in (first, second)]
    assert np.array_equal(both, np.maximum(*alone))


def test_masks_fade_out_at_the_edge_of_the_crop(seen: FacePass, photo) -> None:
    full = np.ones_like(seen.map_e2d)
    mask = map_masks([dataclasses.replace(seen, map_e2d=full, map_d2g=full)], photo.rgb.shape)["e2d"]
    inside = mask[mask > 0]
    assert (mask == 65535).mean() > 0.3 and inside.min() < 5000
    steps = np.abs(np.diff(mask.astype(int), axis=0))
    assert steps.max() < 65535 / 4
