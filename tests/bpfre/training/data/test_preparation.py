from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from bpfre.blemishes import KEPT, LabelledPhoto, Labels, Place
from bpfre.errors import BpfreError, DataError, TrainingError
from bpfre.faces import Face, FaceDetector, open_detector
from bpfre.training.config import TrainConfig
from bpfre.training.data import FaceSource, TrainingFace, discover, prepare
from bpfre.training.data.aligned import AlignedFace
from bpfre.training.data.cache import CachedFace

Write = Callable[[Path, np.ndarray], Path]
CONFIG = TrainConfig(size=64, window=32, validation=0.0)
SIDE = 80


class Listener:
    """Remembers what it was told of each photo."""

    def __init__(self) -> None:
        self.reasons: dict[str, str | None] = {}

    def __call__(self, path: Path, reason: str | None) -> None:
        assert path.name not in self.reasons, "each photo is told once"
        self.reasons[path.name] = reason


class Counting:
    """Hands calls on to a detector and counts them."""

    name = "counting"

    def __init__(self, detector: FaceDetector) -> None:
        self.detector, self.calls = detector, 0

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        self.calls += 1
        return self.detector.detect(images)


def run(
    detector: Any,
    cache: Path,
    *,
    paired: Sequence[Path] = (),
    unpaired: Sequence[Path] = (),
    config: TrainConfig = CONFIG,
    exclude: Sequence[str] = (),
    on_photo: Callable[[Path, str | None], None] | None = None,
) -> list[FaceSource]:
    return prepare(discover(paired, unpaired, config, exclude=exclude), detector, cache, config, on_photo)[0]


def same(a: TrainingFace, b: TrainingFace) -> bool:
    arrays = all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("raw", "target", "skin"))
    return arrays and (a.kind, a.sharp) == (b.kind, b.sharp)


# FFHQ and FFHQR


@pytest.fixture
def ffhqr(tmp_path: Path, crop: np.ndarray, healed: np.ndarray) -> Path:
    """Ten pairs as distributed: foldered, targets with an alpha channel, the official split."""
    alpha = np.full((*crop.shape[:2], 1), 255, np.uint8)
    for number in (0, 1, 2, 999, 1000, 55_999, 56_000, 62_999, 63_000, 69_999):
        name = f"{number // 1000 * 1000:05d}/{number:05d}.png"
        for side, picture in (("images1024x1024", crop), ("ffhqr", np.concatenate([healed, alpha], axis=2))):
            path = tmp_path / "data" / side / name
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), picture[..., [2, 1, 0, 3][: picture.shape[2]]])
    return tmp_path / "data"


def test_ffhq_is_read_lazily_without_a_detector(
    ffhqr: Path, tmp_path: Path, crop: np.ndarray, healed: np.ndarray, never_called: Any
) -> None:
    listener = Listener()
    train, kept = prepare(discover([ffhqr], [], CONFIG), never_called, tmp_path / "cache", CONFIG, listener)
    assert [face.name[-9:-4] for face in train] == ["00000", "00001", "00002", "00999", "01000", "55999"]
    assert {face.name[-9:-4] for face in kept} == {"56000", "62999"}, "and tests are nowhere"
    assert set(listener.reasons.values()) == {None} and len(listener.reasons) == 8
    for face in [*train, *kept]:
        assert isinstance(face, AlignedFace) and len(pickle.dumps(face)) < 2000
        loaded = face.load()
        assert loaded.kind == face.kind == "pair"
        for mine, picture in ((loaded.raw, crop), (loaded.target, healed)):
            expected = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            assert np.abs(mine.astype(int) - expected).max() <= 1


def test_a_large_ffhq_opens_only_a_few_files(
    ffhqr: Path, tmp_path: Path, never_called: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.setattr("bpfre.training.data.aligned.FEW", 3)
    monkeypatch.setattr("bpfre.training.data.preparation.FEW", 3)
    opened: list[Path] = []
    original = Image.open
    monkeypatch.setattr(Image, "open", lambda path: opened.append(path) or original(path))
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("a photo was read"))
    assert len(run(never_called, tmp_path / "cache", paired=[ffhqr])) == 6
    assert len(opened) == 6, "headers of both sides of three"
    assert not (tmp_path / "cache").exists()


def test_a_broken_photo_of_few_is_told_before_training(ffhqr: Path, tmp_path: Path, never_called: Any) -> None:
    for side, number in (("images1024x1024", 1), ("ffhqr", 2)):
        path = ffhqr / side / "00000" / f"{number:05d}.png"
        path.write_bytes(path.read_bytes()[:3000])
    for _ in range(2):  # what is known of sound files does not cover broken ones
        listener = Listener()
        train = run(never_called, tmp_path / "cache", paired=[ffhqr], on_photo=listener)
        assert len(train) == 4
        assert {name for name, reason in listener.reasons.items() if reason} == {"00001.png", "00002.png"}


def test_shares_of_pairs_and_the_order_of_validation(ffhqr: Path, tmp_path: Path, never_called: Any) -> None:
    config = TrainConfig(size=64, window=32, paired_fraction=0.3)
    found = discover([ffhqr], [ffhqr], config)
    train, kept = prepare(found, never_called, tmp_path / "cache", config)
    assert sum(face.kind == "pair" for face in train) == 2
    assert [face.kind for face in kept[:2]] == ["pair", "pair"] and len(kept) == 6


# Pairs of other kinds


def test_pairs_of_whole_photos_are_aligned_alike(
    tmp_path: Path, portrait: np.ndarray, write_picture: Write, known_face: Any
) -> None:
    retouched = portrait.copy()
    retouched[90:110, 215:235] = (255, 0, 0)  # between the eyes
    write_picture(tmp_path / "raw" / "a.png", portrait[:, :500])
    write_picture(tmp_path / "retouched" / "a.png", retouched[:, :500])
    (face,) = run(known_face, tmp_path / "cache", paired=[tmp_path])
    assert known_face.calls == 1, "both sides are cut by the raw side's face"
    loaded = face.load()
    changed = (loaded.raw != loaded.target).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert 0.01 < changed.mean() < 0.1
    assert abs(columns.mean() - SIDE / 2) < 5 and abs(rows.mean() - 0.46 * SIDE) < 8
    assert loaded.raw.shape == (SIDE, SIDE, 3) and face.kind == "pair"


def test_square_pairs_whose_faces_lie_elsewhere_are_aligned(
    tmp_path: Path, portrait: np.ndarray, write_picture: Write, known_face: Any
) -> None:
    for side in ("raw", "retouched"):
        write_picture(tmp_path / side / "a.png", portrait)
    (face,) = run(known_face, tmp_path / "cache", paired=[tmp_path])
    assert isinstance(face, CachedFace)


def test_a_pair_in_two_sizes_is_cut_at_one_place(
    tmp_path: Path, portrait: np.ndarray, write_picture: Write, known_face: Any
) -> None:
    write_picture(tmp_path / "raw" / "a.png", cv2.resize(portrait, (1024, 1024), interpolation=cv2.INTER_CUBIC))
    write_picture(tmp_path / "retouched" / "a.png", portrait)
    (face,) = run(known_face, tmp_path / "cache", paired=[tmp_path])
    loaded = face.load()
    assert np.abs(loaded.raw.astype(int) - loaded.target).mean() < 3


def test_pairs_that_differ_in_shape_are_left_out(
    tmp_path: Path, portrait: np.ndarray, write_picture: Write, known_face: Any
) -> None:
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / "raw" / name, portrait)
        write_picture(tmp_path / "retouched" / name, portrait if name == "a.png" else portrait[:300])
    listener = Listener()
    assert len(run(known_face, tmp_path / "cache", paired=[tmp_path], on_photo=listener)) == 1
    assert "differ in shape" in str(listener.reasons["b.png"]) and listener.reasons["a.png"] is None


def test_what_discovery_left_out_is_told(tmp_path: Path, crop: np.ndarray, write_picture: Write, template_face) -> None:
    write_picture(tmp_path / "raw" / "a.png", crop)
    write_picture(tmp_path / "raw" / "b.png", crop)
    write_picture(tmp_path / "retouched" / "a.png", crop)
    listener = Listener()
    assert len(run(template_face, tmp_path / "cache", paired=[tmp_path], on_photo=listener)) == 1
    assert listener.reasons == {"a.png": None, "b.png": "no retouched photo of that name"}


# Unpaired photos


@pytest.fixture
def wild(tmp_path: Path, portrait: np.ndarray, write_picture: Write) -> Path:
    """A portrait, a broken file and a picture without a face."""
    root = tmp_path / "wild"
    write_picture(root / "portrait.png", portrait)
    write_picture(root / "wall.png", np.full((200, 300, 3), 128, np.uint8))
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off here")
    return root


def test_real_photos_are_prepared_once(wild: Path, tmp_path: Path) -> None:
    config = TrainConfig(validation=0.0)  # 512: large crops, so that the face is small in its photo
    detector, listener = Counting(open_detector("mtcnn")), Listener()
    (face,) = run(detector, tmp_path / "cache", unpaired=[wild], config=config, on_photo=listener)
    assert listener.reasons["portrait.png"] is None
    assert "broken.jpg" in str(listener.reasons["broken.jpg"])
    assert "No face" in str(listener.reasons["wall.png"])
    assert detector.calls == 2
    loaded = face.load()
    assert loaded.raw.shape == (640, 640, 3) and face.kind == "raw" and not face.sharp
    assert np.array_equal(loaded.raw, loaded.target), "a small face is left alone"
    assert 0.05 < loaded.skin.mean() < 0.3

    again_listener = Listener()
    (again,) = run(detector, tmp_path / "cache", unpaired=[wild], config=config, on_photo=again_listener)
    assert detector.calls == 2, "not even for the wall"
    assert again_listener.reasons == listener.reasons and same(loaded, again.load())


def test_a_refused_face_is_remembered(
    tmp_path: Path, portrait: np.ndarray, write_picture: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut:
        name, calls = "cut", 0

        def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
            self.calls += 1
            landmarks = np.array([[204, 100], [246, 102], [224, 128], [201, 139], [244, 141]], np.float32) - 230
            return [[Face(box=np.array([0, 0, 90, 90], np.float32), landmarks=landmarks, score=1.0)]]

    write_picture(tmp_path / "wild" / "a.png", portrait[:, :500])
    detector = Cut()
    for _ in range(2):
        with pytest.raises(DataError, match="outside of the photo"):
            run(detector, tmp_path / "cache", unpaired=[tmp_path / "wild"])
        monkeypatch.setattr("bpfre.training.data.crops.read_photo", lambda path: pytest.fail("decoded again"))
    assert detector.calls == 1


def test_raw_retouched_and_synthesis_decide_the_target(
    tmp_path: Path, portrait: np.ndarray, write_picture: Write, known_face: Any
) -> None:
    for side in ("raw", "retouched"):
        write_picture(tmp_path / side / f"{side}.png", cv2.resize(portrait, None, fx=2, fy=2)[:, :1000])
    made = {face.kind: face.load() for face in run(known_face, tmp_path / "cache", unpaired=[tmp_path])}
    assert made["retouched"].target is made["retouched"].raw
    plain = TrainConfig(size=64, window=32, validation=0.0, synthesis=False)
    for face in run(known_face, tmp_path / "cache", unpaired=[tmp_path], config=plain):
        loaded = face.load()
        assert np.array_equal(loaded.target, loaded.raw), "nothing is healed where nothing is drawn"
    assert known_face.calls == 1, "a photo's face is known to other sides and runs"


@pytest.mark.parametrize("change", ["size", "photo", "landmarks", "detector"])
def test_the_cache_notices_what_matters(
    tmp_path: Path, portrait: np.ndarray, write_picture: Write, known_face: Any, change: str
) -> None:
    photo = write_picture(tmp_path / "wild" / "a.png", portrait[:, :500])
    first = run(known_face, tmp_path / "cache", unpaired=[tmp_path / "wild"])[0].load()
    config, calls = CONFIG, known_face.calls
    if change == "size":
        config = TrainConfig(size=128, window=32, validation=0.0)
    elif change == "photo":
        write_picture(photo, portrait[:, :500] // 2)
    elif change == "landmarks":
        angle = np.linspace(0, 2 * np.pi, 189)
        lines = [f"{224 + 50 * np.cos(a):.2f} {115 + 60 * np.sin(a):.2f}" for a in angle]
        photo.with_suffix(".tem").write_text("\n".join(["189", *lines]))
    else:
        known_face.name = "other"
    second = run(known_face, tmp_path / "cache", unpaired=[tmp_path / "wild"], config=config)[0].load()
    assert known_face.calls == calls + (change in ("photo", "detector"))
    assert same(first, second) is (change == "detector")


@pytest.mark.parametrize("damage", [b"", b"no archive", None])
def test_a_damaged_cache_is_made_again(wild: Path, tmp_path: Path, known_face: Any, damage: bytes | None) -> None:
    (face,) = run(known_face, tmp_path / "cache", unpaired=[wild])
    before = face.load()
    (stored,) = (tmp_path / "cache").rglob("*.npz")
    stored.write_bytes(stored.read_bytes()[:5000] if damage is None else damage)
    (again,) = run(known_face, tmp_path / "cache", unpaired=[wild])
    assert same(before, again.load())


def test_bits_that_rot_are_noticed_when_loaded_and_made_again(wild: Path, tmp_path: Path, known_face: Any) -> None:
    (face,) = run(known_face, tmp_path / "cache", unpaired=[wild])
    before = face.load()
    (stored,) = (tmp_path / "cache").rglob("*.npz")
    data = bytearray(stored.read_bytes())
    data[4000] ^= 0xFF
    stored.write_bytes(data)
    (again,) = run(known_face, tmp_path / "cache", unpaired=[wild])
    with pytest.raises(BpfreError):
        again.load()
    (third,) = run(known_face, tmp_path / "cache", unpaired=[wild])
    assert same(before, third.load())


def test_a_copied_photo_is_known(wild: Path, tmp_path: Path, known_face: Any) -> None:
    run(known_face, tmp_path / "cache", unpaired=[wild])
    calls = known_face.calls
    shutil.copytree(wild, tmp_path / "moved")
    assert len(run(known_face, tmp_path / "cache", unpaired=[tmp_path / "moved"])) == 1
    assert known_face.calls == calls


def test_aligned_raw_faces_start_at_once_and_are_healed_when_loaded(
    tmp_path: Path, crop: np.ndarray, write_picture: Write, template_face: Any
) -> None:
    write_picture(tmp_path / "wild" / "a.png", crop)
    write_picture(tmp_path / "wild" / "wall.png", np.full((128, 128, 3), 99, np.uint8))
    listener = Listener()
    (face,) = run(template_face, tmp_path / "cache", unpaired=[tmp_path / "wild"], on_photo=listener)
    assert isinstance(face, AlignedFace) and face.sharp
    assert "No face" in str(listener.reasons["wall.png"])
    assert not list((tmp_path / "cache").rglob("*.npz"))
    loaded = face.load()
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == 1
    calls = template_face.calls
    (again,) = run(template_face, tmp_path / "cache", unpaired=[tmp_path / "wild"])
    assert template_face.calls == calls, "how the folder is laid out is remembered too"
    assert same(loaded, again.load())


def test_square_portraits_are_not_taken_for_crops(
    tmp_path: Path, crop: np.ndarray, write_picture: Write, shifted_face: Any
) -> None:
    write_picture(tmp_path / "wild" / "a.png", crop)
    (face,) = run(shifted_face, tmp_path / "cache", unpaired=[tmp_path / "wild"])
    assert isinstance(face, CachedFace)


# What cannot be used


def test_a_folder_without_a_face_is_refused_with_the_layouts(
    wild: Path, tmp_path: Path, known_face: Any, write_picture: Write
) -> None:
    write_picture(tmp_path / "walls" / "wall.png", np.full((200, 300, 3), 128, np.uint8))
    with pytest.raises(DataError) as caught:
        run(known_face, tmp_path / "cache", unpaired=[wild, tmp_path / "walls"])
    assert "walls" in caught.value.message and "No face" in caught.value.message
    assert "looked for" in caught.value.next_step
    calls = known_face.calls
    with pytest.raises(DataError):
        run(known_face, tmp_path / "cache", unpaired=[wild, tmp_path / "walls"])
    assert known_face.calls == calls


def test_a_folder_of_broken_pairs_is_refused(tmp_path: Path, known_face: Any) -> None:
    for side in ("raw", "retouched"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "a.png").write_bytes(b"no picture")
    with pytest.raises(DataError) as caught:
        run(known_face, tmp_path / "cache", paired=[tmp_path])
    assert "a.png" in caught.value.message and "Pairs are looked for" in caught.value.next_step


def test_a_photo_that_may_not_be_read_is_left_out(
    wild: Path, tmp_path: Path, known_face: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.read_bytes

    def read(self: Path) -> bytes:
        if self.name == "wall.png":
            raise PermissionError(13, "Permission denied")
        return original(self)

    monkeypatch.setattr(Path, "read_bytes", read)
    listener = Listener()
    assert len(run(known_face, tmp_path / "cache", unpaired=[wild], on_photo=listener)) == 1
    assert "Permission denied" in str(listener.reasons["wall.png"])


def test_a_detector_that_fails_on_one_photo_costs_that_photo(
    wild: Path, tmp_path: Path, known_face: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = known_face.detect

    def detect(images: Sequence[np.ndarray]) -> list[list[Face]]:
        if images[0].shape[0] == 200:
            raise cv2.error("layer 7")
        return original(images)

    monkeypatch.setattr(known_face, "detect", detect)
    listener = Listener()
    assert len(run(known_face, tmp_path / "cache", unpaired=[wild], on_photo=listener)) == 1
    assert "layer 7" in str(listener.reasons["wall.png"])


def test_a_cache_that_cannot_be_written_ends_the_run(wild: Path, tmp_path: Path, known_face: Any) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(TrainingError) as caught:
        run(known_face, tmp_path / "cache", unpaired=[wild])
    assert "--cache" in caught.value.next_step


def test_photos_that_break_the_training_side_are_an_error_with_a_way_out(
    tmp_path: Path, portrait: np.ndarray, write_picture: Write, known_face: Any
) -> None:
    config = TrainConfig(size=64, window=32, validation=0.01)
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / "wild" / name, portrait[:, :500])
    (training,) = (s.photo for s in discover([], [tmp_path / "wild"], config).samples if s.split == "train")
    training.write_bytes(b"broken")
    with pytest.raises(DataError) as caught:
        run(known_face, tmp_path / "cache", unpaired=[tmp_path / "wild"], config=config)
    assert "validation=0" in caught.value.next_step


def labels_of(photo: str, *marks: Place) -> Labels:
    return Labels({}, (LabelledPhoto(photo, "a", marks, (), ()),))


def test_labels_decide_what_is_healed_noted_and_lifted(
    tmp_path: Path, portrait: np.ndarray, write_picture: Write, known_face: Any
) -> None:
    clean = cv2.resize(portrait, None, fx=2, fy=2)[:, :1000]
    spotted = clean.copy()
    for x in (385, 505):
        cv2.circle(spotted, (x, 250), 4, (110, 60, 50), -1, cv2.LINE_AA)
    for name in ("a", "b"):
        write_picture(tmp_path / "wild" / f"{name}.png", spotted)
    labels = labels_of("a.png", Place("red mark", 385, 250, 4), Place("mole", 505, 250, 4))
    config = TrainConfig(size=256, window=64, validation=0.0)
    found = discover([], [tmp_path / "wild"], config, labels=labels)
    assert "1 of the photos have labels, 2 marks in all" in found.describe()
    faces = {face.name: face for face in prepare(found, known_face, tmp_path / "cache", config)[0]}
    assert faces["a.png"].labelled and not faces["b.png"].labelled
    a, b = faces["a.png"].load(), faces["b.png"].load()
    assert [stamp.keep for stamp in a.stamps] == [False, True] and not b.stamps
    assert a.notes is not None and b.notes is not None
    healed = np.abs(a.target.astype(int) - a.raw).max(axis=2) > 20
    assert 5 < healed.sum() < 400 and (a.notes == KEPT).any() and not healed[a.notes == KEPT].any()
    assert np.array_equal(b.target, b.raw) and not (b.notes == KEPT).any()
    (again,) = (face for face in prepare(found, known_face, tmp_path / "cache", config)[0] if face.labelled)
    assert same(again.load(), a) and np.array_equal(again.load().stamps[1].density, a.stamps[1].density)
    without = discover([], [tmp_path / "wild"], config)
    judged = prepare(without, known_face, tmp_path / "cache", config)[0][0].load()
    assert not judged.stamps and not same(judged, a)
