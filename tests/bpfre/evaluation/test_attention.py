"""A pass over a face is what retouch does with it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from bpfre.errors import FaceRefusedError, PhotoError
from bpfre.evaluation import FacePass, example_photos, face_pass, faces_of
from bpfre.faces import Face, crop_extent, paste
from bpfre.network import BPFRe
from bpfre.photos import read_photo
from bpfre.retouching import Job, RetouchSettings, retouch_photos
from bpfre.retouching.batches import crop_sizes, size_for


def test_every_example_photo_has_a_face(network, detector) -> None:
    photos = example_photos()
    assert [path.name for path in photos] == [
        "astronaut.jpg",
        "astronaut_blemishes.jpg",
        "grace_hopper.jpg",
        "grace_hopper_blemishes.jpg",
    ]
    for path in photos:
        assert len(faces_of(read_photo(path), detector)) == 1


def test_a_pass_holds_what_the_network_returns(seen: FacePass, network) -> None:
    side = seen.size
    assert seen.coarse.shape == seen.refined.shape == (side, side, 3)
    assert seen.map_e2d.shape == seen.map_d2g.shape == (side, side)
    assert [weights.shape for weights in seen.weights_e2d] == [(side // 2**n, side // 2**n) for n in (1, 2, 3)]
    with torch.inference_mode():
        out = network(torch.from_numpy(seen.crop.pixels).permute(2, 0, 1)[None])
    assert np.array_equal(seen.refined, out.refined[0].permute(1, 2, 0).numpy())
    assert np.array_equal(seen.map_d2g, out.map_d2g[0, 0].numpy())
    assert np.array_equal(seen.weights_d2g[2], out.weights_d2g[2][0, 0].numpy())


def test_what_finishing_adds_can_be_told_from_the_second_stage(seen: FacePass, finished: FacePass, finishing) -> None:
    assert seen.unfinished is None
    with torch.inference_mode():
        crop = torch.from_numpy(finished.crop.pixels).permute(2, 0, 1)[None]
        made, out = finishing.stages(crop), finishing(crop)
    assert finished.unfinished is not None
    assert np.array_equal(finished.unfinished, made.refined[0].permute(1, 2, 0).numpy())
    assert np.array_equal(finished.refined, out.refined[0].permute(1, 2, 0).numpy())
    assert np.abs(finished.refined - finished.unfinished).max() > 1 / 255


def test_a_pass_knows_whether_the_stages_are_apart(seen: FacePass, photo, network, detector) -> None:
    apart = BPFRe(dataclasses.replace(network.config, apart=True)).eval()
    assert not seen.apart and face_pass(apart, photo, faces_of(photo, detector)[0]).apart


def test_a_crop_beyond_the_photo_is_known_as_such(seen: FacePass, photo, network) -> None:
    narrow = dataclasses.replace(photo, rgb=np.ascontiguousarray(photo.rgb[:, :190]))
    assert not seen.mirrored
    assert face_pass(network, narrow, seen.crop.face).mirrored


def test_correction_is_what_retouch_adds_to_the_photo(seen: FacePass, photo, network, detector, tmp_path: Path) -> None:
    assert seen.size == size_for(crop_extent(seen.crop.face), crop_sizes(network)) == 128
    job = Job(photo.path, tmp_path / "out.png")
    [result] = retouch_photos([job], RetouchSettings(device="cpu"), network=network, detector=detector)
    assert result.status == "retouched"
    after = read_photo(job.destination).rgb
    same = photo.rgb.copy()
    paste(same, seen.crop, seen.refined - seen.crop.pixels)
    assert np.array_equal(after, same)
    change = np.abs(after.astype(int) - photo.rgb).max()
    assert change > 0 and abs(255 * np.abs(seen.correction).max() - change) < 2
    assert not seen.correction[0].any() and not seen.correction[:, -1].any()  # faded out at the edge


def test_faces_that_retouch_refuses_are_refused(photo, network, detector) -> None:
    [face] = faces_of(photo, detector)
    with pytest.raises(FaceRefusedError, match="less than 400 px"):
        face_pass(network, photo, face, min_face=400)
    line = Face(box=face.box, landmarks=np.linspace((0, 0), (100, 0), 5, dtype=np.float32), score=1.0)
    with pytest.raises(FaceRefusedError, match="line"):
        face_pass(network, photo, line)


def test_output_that_is_no_number_is_refused(photo, network, detector) -> None:
    broken = BPFRe(network.config).eval()
    with torch.no_grad():
        for parameter in broken.generator.parameters():
            parameter.fill_(float("nan"))
    with pytest.raises(FaceRefusedError, match="not numbers"):
        face_pass(broken, photo, faces_of(photo, detector)[0])


def test_a_detector_that_fails_is_a_sentence(photo) -> None:
    class Failing:
        name = "failing"

        def detect(self, images):
            raise RuntimeError("no memory on the card")

    with pytest.raises(PhotoError, match=r"could not be searched for faces: RuntimeError: no memory"):
        faces_of(photo, Failing())


def test_two_sizes_of_a_face_get_two_working_sizes(photo, network, detector) -> None:
    from PIL import Image

    small = np.asarray(Image.fromarray(photo.rgb).resize((100, 100), Image.Resampling.LANCZOS))
    [face] = faces_of(photo, detector)
    smaller = Face(
        box=face.box * np.float32(100 / 256), landmarks=face.landmarks * np.float32(100 / 256), score=face.score
    )
    shrunk = dataclasses.replace(photo, rgb=small)
    assert face_pass(network, shrunk, smaller, min_face=20).size < face_pass(network, photo, face).size
