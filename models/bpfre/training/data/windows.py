"""Training windows: random views of faces with their targets, each decided by seed, step and index alone."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from bpfre.blemishes import draw_marks, place_marks, skin_tone
from bpfre.errors import BpfreError, DataError
from bpfre.training.config import TrainConfig
from bpfre.training.data.colour import draw_look
from bpfre.training.data.faces import FaceSource, TrainingFace
from bpfre.training.data.views import look_through, positions, template_matrix, view_matrix
from bpfre.training.schedule import is_adversarial

EDIT = 3  # grey levels of 255 beyond which raw and target of a pair differ by a retoucher's doing
SHARP_SHARE = 0.8  # of windows of unpaired faces; small and soft faces only teach what to leave alone
_REAL_SPOTS = 0.75  # share of windows of unpaired faces that keep the photo's own spots in their input
_MARKED_PAIRS = 0.5  # share of windows of pairs that get drawn marks besides
_UNMARKED = 0.1  # share of windows for drawn blemishes that get none
_TRIES = 20  # faces drawn for one window before loading is given up
_VALIDATION_SEED = 20230618
_FAULTS = (BpfreError, OSError, ValueError, MemoryError, cv2.error)  # of a file that broke after it was found

_log = logging.getLogger(__name__)


class Role(IntEnum):
    """What a window teaches."""

    SUPERVISED = 0  # its target
    CLEAN = 1  # to leave it alone
    UNPAIRED = 2  # what the discriminator says of it


@dataclass(frozen=True)
class Batch:
    """Windows of one micro-batch."""

    raw: Tensor  # [N, 3, H, W] in [0, 1]
    target: Tensor  # [N, 3, H, W] in [0, 1]; equal to raw where role is CLEAN; equal to raw and meaningless if UNPAIRED
    position: Tensor  # [N, 2, H, W] in about [-1, 1]
    role: Tensor  # [N] int64, values of Role


@dataclass(frozen=True, eq=False)
class Window:
    """One window."""

    raw: np.ndarray  # [side, side, 3] float32 in [0, 1]
    target: np.ndarray  # [side, side, 3] float32 in [0, 1]
    position: np.ndarray  # [side, side, 2] float32
    role: Role


class WindowDataset(Dataset[Batch]):
    """Item k is micro-batch k of this process: batch k % accumulate of step k // accumulate.

    The windows of a step are numbered over all its batches and processes, (m * world + rank) * N + j for window j of
    N in batch m, and everything random in a window follows from seed, step and number: two processes with batch 4 see
    the windows of one process with batch 8, a resumed run those of an unbroken one.

    The last `config.whole` of the steps show whole crops, as many as have the pixels of a batch of windows, at least
    one.

    Each window's role is drawn: `clean_share` CLEAN, from retouched faces and targets of pairs or, where there are
    neither, healed raw faces; `unpaired_share` UNPAIRED, from raw faces, once the adversarial terms take part;
    SUPERVISED otherwise. Of those, `paired_share` come from pairs, the rest from unpaired faces with drawn blemishes;
    all come from the one where there is no other. Where nothing can be supervised they are CLEAN.

    Args:
        faces: what to draw from.
        config: the run.
        rank: number of this process.
        world: how many processes there are.

    Raises:
        DataError: with these faces and settings no network can learn to remove anything.
    """

    def __init__(self, faces: Sequence[FaceSource], config: TrainConfig, *, rank: int = 0, world: int = 1) -> None:
        self.config, self.rank, self.world = config, rank, world
        pairs = [face for face in faces if face.kind == "pair"]
        raws = [face for face in faces if face.kind == "raw"]
        retouched = [face for face in faces if face.kind == "retouched"]
        self._pairs, self._raws = _Group(pairs), _Group(raws)
        self._marked = _Group([*raws, *retouched] if config.synthesis else [])  # get blemishes drawn on
        self._clean = _Group([*pairs, *retouched] or raws)
        self._warned: set[str] = set()
        if not self._pairs and not self._marked and not (raws and retouched and config.adv_synt):
            raise DataError(
                f"There is nothing to supervise: {len(faces)} faces, no pair among them, and synthesis is off.",
                "Give pairs with --paired, or switch synthesis on.",
            )

    def __len__(self) -> int:
        return self.config.steps * self.config.accumulate

    def __getitem__(self, item: int) -> Batch:
        config = self.config
        step, m = divmod(item, config.accumulate)
        whole = config.window == config.size or step >= config.steps * (1 - config.whole)
        side = config.size if whole else config.window
        count = max(1, round(config.batch_size * (config.window / side) ** 2))
        first = (m * self.world + self.rank) * count
        return _batch([self._window(step, first + j, side=side, whole=whole) for j in range(count)])

    def _window(self, step: int, number: int, *, side: int, whole: bool) -> Window:
        config = self.config
        rng = np.random.default_rng((config.seed % 2**63, step, number))
        role, group = self._draw_role(rng, step)
        face = self._load(group, rng)
        progress = min(1.0, 2 * step / config.steps)
        density = config.density * (config.dense_factor + (1 - config.dense_factor) * progress)
        return make_window(face, role, rng, side=side, whole=whole, density=density, config=config)

    def _draw_role(self, rng: np.random.Generator, step: int) -> tuple[Role, _Group]:
        config = self.config
        at, from_pairs = rng.uniform(size=2)
        unpaired_share = config.unpaired_share if self._raws and is_adversarial(step, config) else 0.0
        if config.clean_share <= at < config.clean_share + unpaired_share:
            return Role.UNPAIRED, self._raws
        if at < config.clean_share or not (self._pairs or self._marked):
            return Role.CLEAN, self._clean
        if self._pairs and (not self._marked or from_pairs < config.paired_share):
            return Role.SUPERVISED, self._pairs
        return Role.SUPERVISED, self._marked

    def _load(self, group: _Group, rng: np.random.Generator) -> TrainingFace:
        """Draw faces until one can be loaded; which ones follows from the window's seed."""
        reason: Exception | None = None
        for _ in range(_TRIES):
            source = group.draw(rng)
            try:
                return source.load()
            except _FAULTS as error:
                reason = error
                if source.name not in self._warned:
                    self._warned.add(source.name)
                    _log.warning("%s cannot be loaded, another face takes its place: %s", source.name, error)
        raise DataError(
            f"None of {_TRIES} training faces could be loaded; of the last one: {reason}", "Check the training folders."
        )


class _Group:
    """Faces that one sort of windows is drawn from; sharp ones most of the time, whatever their number."""

    def __init__(self, faces: Sequence[FaceSource]) -> None:
        self._sharp = [face for face in faces if face.sharp]
        self._soft = [face for face in faces if not face.sharp]

    def __bool__(self) -> bool:
        return bool(self._sharp or self._soft)

    def draw(self, rng: np.random.Generator) -> FaceSource:
        sharp = self._sharp and (not self._soft or rng.uniform() < SHARP_SHARE)
        faces = self._sharp if sharp else self._soft
        return faces[rng.integers(len(faces))]


def make_window(
    face: TrainingFace,
    role: Role,
    rng: np.random.Generator,
    *,
    side: int,
    whole: bool,
    density: float,
    config: TrainConfig,
) -> Window:
    """Draw one window of a face.

    Args:
        face: the face.
        role: what the window is to teach.
        rng: source of randomness.
        side: of the window, px.
        whole: show the whole crop, rather than a part of it centred on an edit or on skin.
        density: drawn blemishes on 100 000 px of skin of a 512 crop.
        config: zoom, centring, synthesis, augmentation.
    """
    stored = len(face.raw)
    relative = rng.uniform(0.97, 1.06) if whole else float(np.exp(rng.uniform(*np.log(config.zoom))))
    zoom = relative * config.size / stored
    centre = _whole_centre(stored, rng) if whole else _part_centre(face, role, rng, reach=side / zoom, config=config)
    flip = config.flip and rng.uniform() < 0.5
    matrix = view_matrix(centre, zoom, rng.normal(0, 4 if whole else 7), side, flip)
    skin = look_through(face.skin, matrix, side)
    target = look_through(face.raw if role is Role.UNPAIRED else face.target, matrix, side)
    raw = target
    if role is Role.SUPERVISED and (face.kind == "pair" or rng.uniform() < _REAL_SPOTS):
        raw = look_through(face.raw, matrix, side)  # real spots are the best blemishes there are
    marked = config.synthesis and role is not Role.UNPAIRED
    if marked and role is Role.SUPERVISED and face.kind == "pair":
        marked = rng.uniform() < _MARKED_PAIRS
    if marked:
        blemishes = density if role is Role.SUPERVISED and rng.uniform() >= _UNMARKED else 0.0
        contrast = float(np.exp(rng.uniform(np.log(0.45), np.log(1.4))))
        to_template = template_matrix(matrix, stored)
        raw, target = _with_marks(raw, target, skin, to_template, rng, blemishes, config.keep_density, contrast)
    if config.colour:
        look = draw_look(skin, rng)
        same = raw is target
        target = look.apply(target)
        raw = target if same else look.apply(raw)
    return Window(raw, target, positions(matrix, side=side, stored=stored, flip=flip), role)


def validation_batches(faces: Sequence[FaceSource], config: TrainConfig) -> Iterator[Batch]:
    """Show whole crops as they are, one a batch, the same at every call and in every run.

    Pairs come as they are. Where synthesis is on, raw faces get drawn blemishes besides their own spots, and marks to
    keep, against their healed targets, at the density of the end of training; retouched faces likewise, against
    themselves. Where it is off, nothing is known of what these ought to become, and they are left out. So are faces
    that cannot be loaded.
    """
    for source in faces:
        if source.kind != "pair" and not config.synthesis:
            continue
        try:
            face = source.load()
        except _FAULTS as error:
            _log.warning("%s cannot be loaded for validation: %s", source.name, error)
            continue
        stored, size = len(face.raw), config.size
        matrix = view_matrix(np.full(2, (stored - 1) / 2), size / stored, 0.0, size, False)
        raw, target = (look_through(image, matrix, size) for image in (face.raw, face.target))
        if face.kind != "pair":
            rng = np.random.default_rng((_VALIDATION_SEED, zlib.crc32(source.name.encode("utf-8", "surrogateescape"))))
            skin = look_through(face.skin, matrix, size)
            to_template = template_matrix(matrix, stored)
            raw, target = _with_marks(raw, target, skin, to_template, rng, config.density, config.keep_density, 1.0)
        position = positions(matrix, side=size, stored=stored, flip=False)
        yield _batch([Window(raw, target, position, Role.SUPERVISED)])


def _with_marks(
    raw: np.ndarray,
    target: np.ndarray,
    skin: np.ndarray,
    to_template: np.ndarray,
    rng: np.random.Generator,
    density: float,
    keep_density: float,
    contrast: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw marks to keep on both sides, blemishes on the raw side alone."""
    where: dict[str, Any] = {"template": to_template, "tone": skin_tone(target, skin)}
    kept = place_marks(skin, rng, density=keep_density, keep=True, **where)
    drawn = place_marks(skin, rng, density=density, keep=False, contrast=contrast, **where)
    same = raw is target
    target = draw_marks(target, kept)
    raw = target if same else draw_marks(raw, kept)
    return (draw_marks(raw, drawn) if drawn else raw), target


def _whole_centre(stored: int, rng: np.random.Generator) -> np.ndarray:
    return np.full(2, (stored - 1) / 2) + rng.normal(0, 0.01 * stored, 2)


def _part_centre(
    face: TrainingFace, role: Role, rng: np.random.Generator, *, reach: float, config: TrainConfig
) -> np.ndarray:
    """Choose what a window shows: mostly an edit of a pair, or skin. -> x and y [2], px of the stored crop"""
    stored = len(face.raw)
    if rng.uniform() < config.edit_centred:
        wanted = face.skin
        if role is Role.SUPERVISED and face.kind == "pair":
            edits = np.abs(face.raw.astype(np.int16) - face.target).max(axis=2) > EDIT
            wanted = edits if edits.any() else wanted
        rows, columns = np.nonzero(wanted)
        if len(rows):
            at = rng.integers(len(rows))
            # Off the middle, so that no place in a window is the place of edits.
            return np.array([columns[at], rows[at]], float) + rng.uniform(-0.25, 0.25, 2) * reach
    return rng.uniform(0.08 * stored, 0.92 * stored, 2)


def _batch(windows: Sequence[Window]) -> Batch:
    def stack(arrays: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()

    return Batch(
        raw=stack([window.raw for window in windows]),
        target=stack([window.target for window in windows]),
        position=stack([window.position for window in windows]),
        role=torch.tensor([int(window.role) for window in windows]),
    )
