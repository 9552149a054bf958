from pathlib import Path

import cv2
import numpy as np
import pytest

from bpfre.errors import PhotoError
from bpfre.evaluation import attention_sheets, example_photos, write_png
from bpfre.faces import open_detector
from bpfre.network import BPFRe, preset


@pytest.fixture(scope="module")
def network():
    return BPFRe(preset("tiny")).eval()


@pytest.fixture(scope="module")
def detector():
    return open_detector("mtcnn")


def test_every_example_photo_has_a_face_and_a_sheet(network, detector):
    photos = example_photos()
    assert [p.name for p in photos] == [
        "astronaut.jpg",
        "astronaut_blemishes.jpg",
        "grace_hopper.jpg",
        "grace_hopper_blemishes.jpg",
    ]
    for photo in photos:
        sheets = list(attention_sheets(photo, network, detector))
        assert len(sheets) == 1
        assert sheets[0].shape == (64 + 90, 6 * 70 + 6, 3)


def test_photo_without_a_face_gives_no_sheet(network, detector, tmp_path):
    path = tmp_path / "flat.png"
    cv2.imwrite(str(path), np.full((200, 300, 3), 128, np.uint8))
    assert list(attention_sheets(path, network, detector)) == []


def test_broken_photo_is_a_sentence(network, detector, tmp_path):
    path = tmp_path / "broken.jpg"
    path.write_text("this is no photo")
    with pytest.raises(PhotoError):
        list(attention_sheets(path, network, detector))


def test_png_is_written_as_it_was(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    write_png(tmp_path / "new" / "sheet.png", pixels)
    assert (cv2.imread(str(tmp_path / "new" / "sheet.png"))[..., ::-1] == pixels).all()
