from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Subset

from bpfre.blemishes import KEPT, PLAIN, UNKNOWN, Stamp
from bpfre.errors import DataError, UsageError
from bpfre.training.config import TrainConfig
from bpfre.training.data import Batch, FaceSource, LoadedFace, Role, TrainingFace, WindowDataset, validation_batches
from bpfre.training.data.window import make_window

Make = Callable[..., LoadedFace]
LARGE = {"size": 256, "window": 96}


def equal(a: Batch, b: Batch) -> bool:
    return all(torch.equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))


def joined(*batches: Batch) -> Batch:
    names = [field.name for field in dataclasses.fields(Batch)]
    return Batch(**{name: torch.cat([getattr(batch, name) for batch in batches]) for name in names})


def roles(dataset: WindowDataset, items: Sequence[int]) -> list[int]:
    return [role for item in items for role in dataset[item].role.tolist()]


@dataclasses.dataclass(frozen=True)
class Failing:
    """A face whose file broke after it was found."""

    name: str
    kind: str = "raw"
    sharp: bool = True
    labelled: bool = False

    def load(self) -> TrainingFace:
        raise DataError(f"{self.name} is broken.")


# Shapes and sizes


def test_a_batch_has_the_configured_shape(faces: list[FaceSource], short: TrainConfig) -> None:
    dataset = WindowDataset(faces, short)
    assert len(dataset) == 6 and len(WindowDataset(faces, dataclasses.replace(short, accumulate=3))) == 18
    batch = dataset[0]
    assert batch.raw.shape == batch.target.shape == (2, 3, 32, 32)
    assert batch.position.shape == (2, 2, 32, 32)
    assert batch.role.shape == (2,) and batch.role.dtype == torch.int64
    for tensor in (batch.raw, batch.target, batch.position):
        assert tensor.dtype == torch.float32 and torch.isfinite(tensor).all() and tensor.is_contiguous()
    assert batch.raw.min() >= 0 and batch.raw.max() <= 1 and batch.target.min() >= 0 and batch.target.max() <= 1


def test_the_last_steps_see_whole_crops(faces: list[FaceSource], short: TrainConfig) -> None:
    dataset = WindowDataset(faces, dataclasses.replace(short, batch_size=9, accumulate=2))
    assert dataset[7].raw.shape == (9, 3, 32, 32)
    assert dataset[8].raw.shape == (2, 3, 64, 64), "as many pixels a batch, rounded"
    assert WindowDataset(faces, dataclasses.replace(short, batch_size=1))[5].raw.shape == (1, 3, 64, 64)


def test_whole_crops_show_the_whole_crop(faces: list[FaceSource], short: TrainConfig) -> None:
    for config, item in ((short, 5), (dataclasses.replace(short, window=64, whole=0.0), 0)):
        batch = WindowDataset(faces, config)[item]
        assert -1.3 < batch.position.min() < -0.85 and 0.85 < batch.position.max() < 1.3
        assert batch.position.mean(dim=(2, 3)).abs().max() < 0.1


def test_the_size_of_the_working_crop_is_the_configurations(make_face: Make, plain: TrainConfig) -> None:
    """A window of a crop twice as large shows half as much of the face."""
    reach = []
    for size, side in ((64, 80), (128, 160)):
        config = dataclasses.replace(plain, size=size, zoom=(1.0, 1.0), batch_size=8)
        position = WindowDataset([make_face(0, side=side)], config)[0].position
        reach.append(float((position[:, 0, 16, 31] - position[:, 0, 16, 0]).abs().mean()))
    assert reach[0] == pytest.approx(2 * reach[1], rel=0.05) and reach[1] == pytest.approx(31 / 64, rel=0.05)


# What decides a window


def test_seed_and_step_decide_a_batch(faces: list[FaceSource], short: TrainConfig) -> None:
    first, again = WindowDataset(faces, short), WindowDataset(faces, short)
    first[3]  # what was drawn before has no say
    assert equal(first[1], again[1])
    assert not equal(first[1], first[2])
    assert not equal(first[1], WindowDataset(faces, dataclasses.replace(short, seed=1))[1])
    assert WindowDataset(faces, dataclasses.replace(short, seed=-1))[0].raw.shape[0] == 2


def test_windows_of_a_batch_differ(faces: list[FaceSource], short: TrainConfig) -> None:
    batch = WindowDataset(faces, short)[0]
    assert not torch.equal(batch.raw[0], batch.raw[1])


@pytest.mark.parametrize("item", [0, 5])
def test_processes_and_accumulation_share_out_the_windows_of_one_batch(
    faces: list[FaceSource], short: TrainConfig, item: int
) -> None:
    """Of a part of the crop, and of whole crops."""
    config = dataclasses.replace(short, adv_synt=1.0, adv_start=0.0)
    whole = WindowDataset(faces, dataclasses.replace(config, batch_size=16))[item]
    eight = dataclasses.replace(config, batch_size=8)
    two = [WindowDataset(faces, eight, rank=rank, world=2)[item] for rank in range(2)]
    assert equal(joined(*two), whole)
    parts = dataclasses.replace(eight, accumulate=2)
    assert equal(joined(*(WindowDataset(faces, parts)[2 * item + m] for m in range(2))), whole)
    four = dataclasses.replace(config, batch_size=4, accumulate=2)
    both = [WindowDataset(faces, four, rank=rank, world=2)[2 * item + m] for m in range(2) for rank in range(2)]
    assert equal(joined(*both), whole)


def test_worker_processes_draw_the_same(faces: list[FaceSource], short: TrainConfig) -> None:
    dataset = WindowDataset(faces, short)
    loader = DataLoader(Subset(dataset, range(2, 5)), batch_size=None, num_workers=2)
    for item, batch in enumerate(loader, 2):
        assert equal(batch, dataset[item])


# Roles


def test_shares_of_roles_are_the_configurations(make_face: Make, plain: TrainConfig) -> None:
    faces = [make_face(0), make_face(1, kind="pair"), make_face(2, kind="retouched")]
    config = dataclasses.replace(
        plain, batch_size=200, window=8, whole=0.0, clean_share=0.2, unpaired_share=0.3, adv_synt=1.0, adv_start=0.5
    )
    dataset = WindowDataset(faces, config)
    before, after = (np.bincount(roles(dataset, items), minlength=3) / 400 for items in ((1, 2), (3, 4)))
    assert before[Role.UNPAIRED] == 0 and 0.13 < before[Role.CLEAN] < 0.27
    assert 0.13 < after[Role.CLEAN] < 0.27 and 0.22 < after[Role.UNPAIRED] < 0.38


def test_there_are_no_unpaired_windows_without_raw_faces_or_without_a_discriminator(
    make_face: Make, plain: TrainConfig
) -> None:
    config = dataclasses.replace(plain, batch_size=60, window=8, whole=0.0, adv_synt=1.0, adv_start=0.0)
    pairs = [make_face(1, kind="pair"), make_face(2, kind="retouched")]
    assert Role.UNPAIRED not in roles(WindowDataset(pairs, config), [0])
    assert Role.UNPAIRED in roles(WindowDataset([*pairs, make_face(0)], config), [0])
    no_disc = dataclasses.replace(config, adv_synt=0.0)
    assert Role.UNPAIRED not in roles(WindowDataset([*pairs, make_face(0)], no_disc), [0])


def flat(value: int, kind: str, *, sharp: bool = True, labelled: bool = False, target: int | None = None) -> LoadedFace:
    """A face of one grey level, to tell what a window was drawn from."""
    raw = np.full((80, 80, 3), value, np.uint8)
    cleaned = raw if target is None else np.full((80, 80, 3), target, np.uint8)
    stamps = (Stamp(np.zeros((3, 3, 3), np.float32), 1.0, False, 40.0),) if labelled else ()
    skin = np.zeros((80, 80), bool)
    face = TrainingFace(raw, cleaned, skin, kind=kind, sharp=sharp, stamps=stamps)  # type: ignore[arg-type]
    return LoadedFace(face, f"{value}.png")


def levels(images: torch.Tensor) -> list[int]:
    return torch.round(images.mean(dim=(1, 2, 3)) * 255).int().tolist()


def test_each_role_comes_from_its_own_faces(plain: TrainConfig) -> None:
    faces = [flat(50, "raw", target=60), flat(100, "pair", target=110), flat(150, "retouched")]
    config = dataclasses.replace(
        plain, batch_size=300, window=8, whole=0.0, colour=False, clean_share=0.3, adv_synt=1.0, adv_start=0.0
    )
    batch = WindowDataset(faces, config)[0]
    seen: dict[int, set[tuple[int, int]]] = {}
    for role, raw, target in zip(batch.role.tolist(), levels(batch.raw), levels(batch.target), strict=True):
        seen.setdefault(role, set()).add((raw, target))
    assert seen[Role.UNPAIRED] == {(50, 50)}
    assert seen[Role.CLEAN] == {(110, 110), (150, 150)}
    assert seen[Role.SUPERVISED] == {(50, 60), (60, 60), (100, 110), (150, 150)}
    alone = WindowDataset([faces[0]], config)[0]
    assert {level for level, role in zip(levels(alone.raw), alone.role.tolist(), strict=True) if role == 1} == {60}


def test_pairs_have_their_share_of_supervised_windows(plain: TrainConfig) -> None:
    config = dataclasses.replace(
        plain, batch_size=300, window=8, whole=0.0, colour=False, clean_share=0.0, paired_share=0.7
    )
    pair = [flat(100, "pair")]
    unpaired = [flat(50, "raw") for _ in range(9)]
    assert 0.6 < np.mean(np.array(levels(WindowDataset([*pair, *unpaired], config)[0].raw)) == 100) < 0.8
    undrawn = dataclasses.replace(config, synthesis=False)
    assert set(levels(WindowDataset([*pair, *unpaired], undrawn)[0].raw)) == {100}, "raw faces teach nothing then"


def test_sharp_faces_are_drawn_most_of_the_time(plain: TrainConfig) -> None:
    config = dataclasses.replace(plain, batch_size=200, window=8, whole=0.0, colour=False)
    soft = [flat(20, "raw", sharp=False) for _ in range(3)]
    batch = WindowDataset([flat(250, "raw"), *soft], config)[0]
    assert 0.7 < np.mean(np.array(levels(batch.raw)) == 250) < 0.9


@pytest.mark.parametrize("share", [0.0, 0.6, 0.9, 1.0])
def test_labelled_faces_are_drawn_as_often_as_is_said(plain: TrainConfig, share: float) -> None:
    config = dataclasses.replace(
        plain, batch_size=300, window=8, whole=0.0, colour=False, clean_share=0.0, labelled_share=share
    )
    others = [flat(20, "raw") for _ in range(3)]
    batch = WindowDataset([flat(250, "raw", labelled=True), *others], config)[0]
    assert np.mean(np.array(levels(batch.raw)) == 250) == pytest.approx(share, abs=0.08 * (0 < share < 1))


@pytest.mark.parametrize(
    ("kinds", "adv_synt", "fine"),
    [
        (("raw",), 1.0, False),
        (("raw",), 0.0, False),
        (("retouched",), 1.0, False),
        (("raw", "retouched"), 0.0, False),
        (("raw", "retouched"), 1.0, True),
        (("pair",), 0.0, True),
        ((), 0.0, False),
    ],
)
def test_without_synthesis_something_must_be_there_to_learn_from(
    make_face: Make, short: TrainConfig, kinds: tuple[str, ...], adv_synt: float, fine: bool
) -> None:
    config = dataclasses.replace(short, synthesis=False, adv_synt=adv_synt, adv_start=0.0)
    faces = [make_face(i, kind=kind) for i, kind in enumerate(kinds)]
    if fine:
        assert WindowDataset(faces, config)[0].raw.shape[0] == 2
        return
    with pytest.raises(DataError) as caught:
        WindowDataset(faces, config)
    assert "supervise" in caught.value.message and "--paired" in caught.value.next_step


def test_raw_and_retouched_faces_alone_are_never_supervised_without_synthesis(
    make_face: Make, short: TrainConfig
) -> None:
    config = dataclasses.replace(short, synthesis=False, adv_synt=1.0, adv_start=0.5, batch_size=30, window=8)
    dataset = WindowDataset([make_face(0), make_face(1, kind="retouched")], config)
    assert set(roles(dataset, [0])) == {Role.CLEAN} and set(roles(dataset, [3])) == {Role.CLEAN, Role.UNPAIRED}


# What windows show


@pytest.mark.parametrize("step", range(6))
def test_without_blemishes_raw_is_the_target(make_face: Make, short: TrainConfig, step: int) -> None:
    """Permanent marks, colours, blur and grain come to both sides alike."""
    config = dataclasses.replace(short, density=0.0, keep_density=2000.0)
    batch = WindowDataset([make_face(0), make_face(3)], config)[step]
    assert torch.equal(batch.raw, batch.target)


def test_without_synthesis_nothing_is_drawn_on_anything(make_face: Make, short: TrainConfig) -> None:
    faces = [make_face(0), make_face(1, kind="pair"), make_face(2, kind="retouched")]
    config = dataclasses.replace(
        short, synthesis=False, adv_synt=1.0, adv_start=0.0, batch_size=40, density=300.0, keep_density=300.0
    )
    batch = WindowDataset(faces, config)[0]
    assert set(batch.role.tolist()) == {0, 1, 2}
    assert torch.equal(batch.raw, batch.target)
    drawn = WindowDataset(faces, dataclasses.replace(config, synthesis=True))[0]
    supervised = drawn.role == Role.SUPERVISED
    assert not torch.equal(drawn.raw[supervised], drawn.target[supervised])
    assert torch.equal(drawn.raw[~supervised], drawn.target[~supervised])


def test_marks_to_keep_are_on_both_sides_and_blemishes_on_one(make_face: Make, short: TrainConfig) -> None:
    face = make_face(0, side=320, skin=True)
    config = dataclasses.replace(short, **LARGE, colour=False, batch_size=6, whole=0.0, clean_share=0.0)
    plain, kept, both = (
        WindowDataset([face], dataclasses.replace(config, density=d, keep_density=k))[0]
        for d, k in ((0.0, 0.0), (0.0, 300.0), (300.0, 0.0))
    )
    assert (kept.raw != plain.raw).any() and torch.equal(kept.raw, kept.target)
    assert (both.raw != both.target).any() and torch.equal(both.target, plain.target)


def test_raw_is_the_target_away_from_marks(make_face: Make, short: TrainConfig) -> None:
    config = dataclasses.replace(short, **LARGE, density=60.0, batch_size=4)
    dataset = WindowDataset([make_face(0, side=320)], config)
    shares = []
    for step in range(4):
        batch = dataset[step]
        differs = (batch.raw != batch.target).any(dim=1)
        shares.append(float(differs.float().mean()))
    assert 0 < np.mean(shares) < 0.5


def test_more_density_is_more_blemishes_and_it_falls_over_the_run(make_face: Make, short: TrainConfig) -> None:
    config = dataclasses.replace(
        short, size=128, steps=100, batch_size=8, window=64, whole=0.0, density=60.0, dense_factor=10.0
    )
    config = dataclasses.replace(config, keep_density=0.0, colour=False, clean_share=0.0)
    dataset = WindowDataset([make_face(0, side=160)], config)

    def changed(steps: range) -> float:
        return float(np.mean([(dataset[s].raw != dataset[s].target).any(dim=1).float().mean() for s in steps]))

    assert changed(range(0, 4)) > 1.5 * changed(range(60, 64)) > 0


def spotted_pair(at: tuple[int, int] = (70, 250)) -> LoadedFace:
    """A pair with one edit of 9 px in a corner, far from skin."""
    target = np.full((320, 320, 3), 150, np.uint8)
    raw = target.copy()
    cv2.circle(raw, at, 4, (190, 120, 110), -1)
    skin = np.zeros((320, 320), bool)
    skin[100:120, 200:220] = True
    return LoadedFace(TrainingFace(raw, target, skin, kind="pair", sharp=True), "pair.png")


def test_windows_of_pairs_are_centred_on_edits(plain: TrainConfig) -> None:
    shares = {}
    for edit_centred in (0.0, 0.7, 1.0):
        config = dataclasses.replace(
            plain, **LARGE, batch_size=60, whole=0.0, edit_centred=edit_centred, clean_share=0.0, colour=False
        )
        batch = WindowDataset([spotted_pair()], config)[0]
        shows = ((batch.raw - batch.target).abs().amax(dim=(1, 2, 3)) > 0.05).float()
        shares[edit_centred] = float(shows.mean())
    assert shares[1.0] == 1.0 and 0.7 < shares[0.7] < 0.95 and shares[0.0] < 0.3


def test_edits_lie_anywhere_in_a_window(plain: TrainConfig) -> None:
    config = dataclasses.replace(plain, **LARGE, batch_size=60, whole=0.0, edit_centred=1.0, clean_share=0.0)
    batch = WindowDataset([spotted_pair((160, 160))], dataclasses.replace(config, colour=False))[0]
    places = [np.argwhere(d.amax(dim=0).numpy() > 0.05).mean(axis=0) for d in (batch.raw - batch.target).abs()]
    assert np.std(places, axis=0).min() > 8 and np.abs(np.mean(places, axis=0) - 47.5).max() < 8


def test_without_edits_pairs_are_centred_on_skin(plain: TrainConfig) -> None:
    face = spotted_pair().face
    clean = LoadedFace(dataclasses.replace(face, raw=face.target), "clean.png")
    config = dataclasses.replace(plain, **LARGE, batch_size=40, whole=0.0, edit_centred=1.0)
    position = WindowDataset([clean], config)[0].position.mean(dim=(2, 3))
    assert float((position[:, 0].abs() - (210 / 160 - 1)).abs().max()) < 0.3
    assert float((position[:, 1] - (110 / 160 - 1)).abs().max()) < 0.3


def test_pairs_show_the_retouchers_edit(make_face: Make, plain: TrainConfig) -> None:
    config = dataclasses.replace(plain, **LARGE, batch_size=4, clean_share=0.0)
    batch = WindowDataset([make_face(2, spots=True, kind="pair", side=320)], config)[0]
    difference = (batch.raw - batch.target).abs().mean(dim=1)
    assert all(float(window.max()) > 0.03 for window in difference)
    assert float((difference == 0).float().mean()) > 0.5


@pytest.mark.parametrize("sharp", [True, False])
def test_faces_of_one_sort_and_faces_without_skin_will_do(make_face: Make, short: TrainConfig, sharp: bool) -> None:
    batch = WindowDataset([make_face(0, sharp=sharp, skin=False)], short)[0]
    assert torch.equal(batch.raw, batch.target), "there is no skin to draw on"


def test_half_of_the_windows_are_mirrored_unless_that_is_off(plain: TrainConfig) -> None:
    left = np.full((80, 80, 3), 50, np.uint8)
    left[:, :40] = 200
    face = LoadedFace(TrainingFace(left, left, np.zeros((80, 80), bool), kind="pair", sharp=True), "half.png")
    for flip, low, high in ((True, 0.35, 0.65), (False, 0.0, 0.0)):
        config = dataclasses.replace(plain, batch_size=100, window=64, flip=flip, colour=False)
        raw = WindowDataset([face], config)[0].raw
        mirrored = (raw[..., :8].mean(dim=(1, 2, 3)) < raw[..., -8:].mean(dim=(1, 2, 3))).float().mean()
        assert low <= float(mirrored) <= high


def test_a_window_of_a_role_is_what_the_role_says(make_face: Make, plain: TrainConfig) -> None:
    face = make_face(0, spots=True, side=320).load()
    for role, image in ((Role.UNPAIRED, face.raw), (Role.CLEAN, face.target)):
        config = dataclasses.replace(plain, size=256, colour=False, flip=False)
        window = make_window(face, role, np.random.default_rng(0), side=256, whole=True, density=0.0, config=config)
        assert window.role is role and np.array_equal(window.raw, window.target)
        shown = np.median(np.abs(window.raw - cv2.resize(image, (256, 256)).astype(np.float32) / 255))
        assert shown < 0.03


# Faces that cannot be loaded


def test_another_face_takes_the_place_of_a_broken_one(
    make_face: Make, short: TrainConfig, caplog: pytest.LogCaptureFixture
) -> None:
    faces = [Failing("a.png"), make_face(0), Failing("b.png")]
    dataset = WindowDataset(faces, dataclasses.replace(short, batch_size=8))
    with caplog.at_level(logging.WARNING, logger="bpfre"):
        batches = [dataset[item] for item in range(3)]
    assert all(batch.raw.shape[0] == 8 for batch in batches)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2 and any("a.png is broken" in text for text in told), "each is told once"
    again = WindowDataset(faces, dataclasses.replace(short, batch_size=8))
    assert all(equal(batch, again[item]) for item, batch in enumerate(batches))


def test_nothing_but_broken_faces_ends_the_run(short: TrainConfig) -> None:
    with pytest.raises(DataError) as caught:
        WindowDataset([Failing("a.png")], short)[0]
    assert "a.png is broken" in caught.value.message and caught.value.next_step


@pytest.mark.parametrize("fault", [OSError(5, "Input/output error"), ValueError("bad"), MemoryError(), cv2.error("x")])
def test_whatever_a_file_raises_costs_that_face_alone(make_face: Make, short: TrainConfig, fault: Exception) -> None:
    class Broken(Failing):
        def load(self) -> TrainingFace:
            raise fault

    dataset = WindowDataset([Broken("a.png"), make_face(0)], short)
    assert dataset[0].raw.shape[0] == 2
    assert len(list(validation_batches([Broken("a.png"), make_face(0)], short))) == 1


# Validation


def test_validation_shows_whole_crops_the_same_in_every_run(faces: list[FaceSource], short: TrainConfig) -> None:
    first = list(validation_batches(faces, short))
    other = dataclasses.replace(short, seed=5, steps=9, dense_factor=9.0)
    again = list(validation_batches(faces[::-1], other))[::-1]
    assert len(first) == len(again) == 4
    for a, b in zip(first, again, strict=True):
        assert equal(a, b)
        assert a.raw.shape == (1, 3, 64, 64) and a.role.tolist() == [Role.SUPERVISED]
        assert a.position[0, 0, 0, 0] == pytest.approx(1 / 64 - 1, abs=1e-5)


def test_pairs_validate_as_they_are(make_face: Make, short: TrainConfig) -> None:
    face = make_face(2, spots=True, kind="pair")
    (batch,) = validation_batches([face], dataclasses.replace(short, density=5000.0, keep_density=5000.0))
    for image, tensor in ((face.face.raw, batch.raw), (face.face.target, batch.target)):
        back = cv2.resize(image, (64, 64), interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
        assert np.abs(tensor[0].permute(1, 2, 0).numpy() - back)[4:-4, 4:-4].mean() < 0.01


def test_raw_faces_validate_with_drawn_blemishes_against_the_healed_target(make_face: Make, short: TrainConfig) -> None:
    config = dataclasses.replace(short, size=256, density=40.0, keep_density=40.0)
    face = make_face(1, spots=True, side=320)
    (batch,) = validation_batches([face], config)
    (undrawn,) = validation_batches([face], dataclasses.replace(config, density=0.0, keep_density=0.0))
    (kept,) = validation_batches([face], dataclasses.replace(config, density=0.0))
    assert (undrawn.raw != undrawn.target).any(), "its own spots"
    assert (kept.target != undrawn.target).any() and torch.equal(kept.target, batch.target)
    drawn = (batch.raw - kept.raw).abs().amax(dim=1)
    assert 0.001 < float((drawn > 3 / 255).float().mean()) < 0.3


def test_what_cannot_be_measured_is_left_out(make_face: Make, short: TrainConfig) -> None:
    faces = [make_face(0), make_face(1, kind="retouched"), make_face(2, kind="pair")]
    assert len(list(validation_batches(faces, short))) == 3
    assert len(list(validation_batches(faces, dataclasses.replace(short, synthesis=False)))) == 1


# Labelled marks


def labelled_face(side: int = 320) -> LoadedFace:
    """A mole and an unknown place at fixed places of a flat face, and two stamps lifted off it."""
    raw = np.full((side, side, 3), 150, np.uint8)
    notes = np.full((side, side), PLAIN, np.uint8)
    raw[140:150, 140:150], notes[138:152, 138:152] = 90, KEPT
    raw[180:190, 180:190], notes[178:192, 178:192] = 110, UNKNOWN
    blob = np.zeros((15, 15, 3), np.float32)
    blob[3:12, 3:12] = (0.1, 0.5, 0.4)
    stamps = (Stamp(blob, side / 512, False, 40.0), Stamp(blob[..., ::-1].copy(), side / 512, True, 40.0))
    skin = np.zeros((side, side), bool)
    skin[60:260, 60:260] = True
    face = TrainingFace(raw, raw, skin, kind="raw", sharp=True, notes=notes, stamps=stamps)
    return LoadedFace(face, "labelled.png")


def test_notes_travel_with_the_window(short: TrainConfig) -> None:
    config = dataclasses.replace(
        short, **LARGE, density=0.0, keep_density=0.0, colour=False, batch_size=8, whole=0.0, clean_share=0.0
    )
    batch = WindowDataset([labelled_face()], config)[0]
    level = batch.raw[:, :1] * 255
    assert float((level < 95).float().sum()) > 50
    assert (batch.kept[level < 95] == 1).all()
    assert float(level[batch.trusted == 0].quantile(0.2)) == pytest.approx(110, abs=5)
    assert not (batch.kept * (1 - batch.trusted)).any()


def test_stamps_are_put_on_other_faces_kept_ones_on_both_sides(make_face: Make, short: TrainConfig) -> None:
    config = dataclasses.replace(
        short, **LARGE, density=60.0, keep_density=0.0, dense_factor=1.0, colour=False, batch_size=8, whole=0.0
    )
    config = dataclasses.replace(config, stamped=1.0, clean_share=0.0, flip=False)
    faces = [make_face(0, side=320), labelled_face()]
    batch = WindowDataset(faces, config)[0]
    edit = (batch.raw - batch.target).abs().amax(dim=1)
    assert 0.001 < float((edit > 0.02).float().mean()) < 0.3
    kept = WindowDataset(faces, dataclasses.replace(config, density=0.0, keep_density=60.0))[0]
    assert torch.equal(kept.raw, kept.target)
    assert float(kept.kept.mean()) > 0.002
    without = WindowDataset([make_face(0, side=320)], dataclasses.replace(config, stamped=1.0))[0]
    assert not torch.equal(without.raw, without.target)  # where there are no stamps, marks are drawn


def test_marks_to_keep_that_are_drawn_are_noted(make_face: Make, short: TrainConfig) -> None:
    config = dataclasses.replace(short, **LARGE, colour=False, batch_size=4, clean_share=0.0, density=0.0)
    face = make_face(0, side=320)
    plain, kept = (
        WindowDataset([face], dataclasses.replace(config, keep_density=density))[0] for density in (0.0, 200.0)
    )
    drawn = (kept.target - plain.target).abs().mean(dim=1, keepdim=True) > 0.02
    assert drawn.any() and (kept.kept[drawn] == 1).all() and not plain.kept.any()


def test_marks_that_stay_can_be_taught_late(make_face: Make, short: TrainConfig) -> None:
    changes = {"colour": False, "steps": 40, "batch_size": 4, "clean_share": 0.0, "density": 0.0, "keep_density": 200.0}
    config = dataclasses.replace(short, **LARGE, **changes)
    at_once, late = (
        WindowDataset([make_face(0, side=320)], dataclasses.replace(config, kept_late=share)) for share in (0.0, 0.5)
    )
    told = [float(late[step].kept.sum() / at_once[step].kept.sum()) for step in range(0, 32, 2)]
    assert told[0] == 0 and 0 < sum(told[2:8]) / 6 < 1 and told[10:] == [1.0] * 6
    first, then = late[0], at_once[0]
    assert torch.equal(first.raw, then.raw) and torch.equal(first.target, then.target)
    assert torch.equal(first.trusted == 0, then.kept == 1)  # nothing is known of them, so nothing counts


def test_kinds_can_be_chosen(make_face: Make, short: TrainConfig) -> None:
    changes = {"colour": False, "clean_share": 0.0, "density": 200.0, "keep_density": 200.0}
    config = dataclasses.replace(short, **LARGE, **changes)
    moles = WindowDataset([make_face(0, side=320)], dataclasses.replace(config, kinds=("mole",)))[0]
    assert torch.equal(moles.raw, moles.target) and moles.kept.any()
    both = WindowDataset([make_face(0, side=320)], dataclasses.replace(config, kinds=("mole", "scab")))[0]
    assert not torch.equal(both.raw, both.target)
    with pytest.raises(UsageError, match="no kind of mark 'wart'"):
        dataclasses.replace(config, kinds=("mole", "wart"))


def test_marks_are_drawn_on_skin_of_the_tone_that_is_shown(
    make_face: Make, short: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[float] = []

    def record(raw: np.ndarray, target: np.ndarray, *_: object, **__: object) -> tuple[np.ndarray, np.ndarray]:
        shown.append(float(target.mean()))
        return raw, target

    monkeypatch.setattr("bpfre.training.data.window.mark_sides", record)
    spread = []
    for share in (0.0, 1.0):
        shown.clear()
        dataset = WindowDataset([make_face(0, side=320)], dataclasses.replace(short, **LARGE, retoned=share))
        for item in range(8):
            dataset[item]
        spread.append(np.ptp(shown))
    assert spread[0] < 0.1 and spread[1] > 0.2


def test_tone_is_left_where_it_is_not_known(make_face: Make, short: TrainConfig) -> None:
    bare, none = (make_face(0, side=320, skin=skin) for skin in (True, False))
    for face, same in ((bare, False), (none, True)):
        plain, retoned = (
            WindowDataset([face], dataclasses.replace(short, **LARGE, retoned=share))[0] for share in (0.0, 1.0)
        )
        assert equal(plain, retoned) == same
