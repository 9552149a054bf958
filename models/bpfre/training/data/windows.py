"""Training windows: random views of faces with their targets, each decided by seed, step and index alone."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from bpfre.blemishes import KEPT, UNKNOWN, Stamp, mark_sides
from bpfre.errors import BpfreError, DataError
from bpfre.training.config import TrainConfig
from bpfre.training.data.faces import FaceSource, TrainingFace
from bpfre.training.data.matching import Edits, MarkFactors, edits_of, match_marks
from bpfre.training.data.views import look_through, positions, template_matrix, view_matrix
from bpfre.training.data.window import Role, Window, make_window, notes_through, with_kept
from bpfre.training.schedule import is_adversarial, shows_whole

SHARP_SHARE = 0.8  # of windows of faces without labels; small and soft faces only teach what to leave alone
MATCHED_WINDOWS = 64  # of each sort, by which unpaired faces are matched to pairs
_MATCHING = 7919  # stream of random numbers of its own
_TRIES = 20  # faces drawn for one window before loading is given up
_VALIDATION_SEED = 20230618
_FAULTS = (BpfreError, OSError, ValueError, MemoryError, cv2.error)  # of a file that broke after it was found

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """Windows of one micro-batch."""

    raw: Tensor  # [N, 3, H, W] in [0, 1]
    target: Tensor  # [N, 3, H, W] in [0, 1]; equal to raw where role is CLEAN; equal to raw and meaningless if UNPAIRED
    position: Tensor  # [N, 2, H, W] in about [-1, 1]
    role: Tensor  # [N] int64, values of Role
    notes: Tensor | None = None  # [N, 1, H, W] uint8: PLAIN, KEPT or UNKNOWN; None is PLAIN everywhere

    @property
    def kept(self) -> Tensor:
        """Marks that are to stay, where they are known. -> [N, 1, H, W] float32 in {0, 1}"""
        return self._noted(KEPT)

    @property
    def trusted(self) -> Tensor:
        """Where it is known what the target ought to be. -> [N, 1, H, W] float32 in {0, 1}"""
        return 1 - self._noted(UNKNOWN)

    def _noted(self, value: int) -> Tensor:
        return torch.zeros_like(self.raw[:, :1]) if self.notes is None else (self.notes == value).float()


class WindowDataset(Dataset[Batch]):
    """Item k is micro-batch k of this process: batch k % accumulate of step k // accumulate.

    The windows of a step are numbered over all its batches and processes, (m * world + rank) * N + j for window j of
    N in batch m, and everything random in a window follows from seed, step and number: two processes with batch 4 see
    the windows of one process with batch 8, a resumed run those of an unbroken one.

    The last `config.whole` of the steps of each round show whole crops, as many as have the pixels of a batch of
    windows, at least one.

    Each window's role is drawn: `clean_share` CLEAN, from retouched faces and targets of pairs or, where there are
    neither, healed raw faces; `unpaired_share` UNPAIRED, from raw faces, once the adversarial terms take part;
    SUPERVISED otherwise. Of those, `paired_share` come from pairs, the rest from unpaired faces with drawn blemishes;
    all come from the one where there is no other. Where nothing can be supervised they are CLEAN. With `matched`,
    blemishes are drawn on unpaired faces by the measure of the pairs' edits (`bpfre.training.data.matching`).

    In the first `kept_late` of the steps more and more windows say which marks are to stay; the others say that nothing
    is known of these.

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
        share = config.labelled_share
        self._pairs, self._raws = _Group(pairs, share), _Group(raws, share)
        self._marked = _Group([*raws, *retouched] if config.synthesis else [], share)  # get blemishes drawn on
        self._clean = _Group([*pairs, *retouched] or raws, share)
        self._warned: set[str] = set()
        self._stamps: list[Stamp] | None = None  # lifted in the process that draws windows
        self._lifted_from = raws
        if not self._pairs and not self._marked and not (raws and retouched and config.adv_synt):
            raise DataError(
                f"There is nothing to supervise: {len(faces)} faces, no pair among them, and synthesis is off.",
                "Give pairs with --paired, or switch synthesis on.",
            )
        self.factors = self._match() if config.matched and self._pairs and self._marked else MarkFactors()

    def __len__(self) -> int:
        return self.config.all_steps * self.config.accumulate

    def __getitem__(self, item: int) -> Batch:
        config = self.config
        step, m = divmod(item, config.accumulate)
        whole = shows_whole(step, config)
        side = config.size if whole else config.window
        count = max(1, round(config.batch_size * (config.window / side) ** 2))
        first = (m * self.world + self.rank) * count
        return _batch([self._window(step, first + j, side=side, whole=whole) for j in range(count)])

    def _window(self, step: int, number: int, *, side: int, whole: bool) -> Window:
        config = self.config
        rng = np.random.default_rng((config.seed % 2**63, step, number))
        role, group = self._draw_role(rng, step)
        progress = min(1.0, 2 * step / config.steps)
        dense = config.dense_factor + (1 - config.dense_factor) * progress
        factors = self.factors if group is self._marked else MarkFactors()
        window = self._view(rng, role, group, side=side, whole=whole, dense=dense, factors=factors)
        if rng.uniform() * config.kept_late * config.steps > step:
            window = dataclasses.replace(window, notes=np.where(window.notes == KEPT, UNKNOWN, window.notes))
        return window

    def _view(
        self,
        rng: np.random.Generator,
        role: Role,
        group: _Group,
        *,
        side: int,
        whole: bool,
        dense: float,
        factors: MarkFactors,
    ) -> Window:
        config = self.config
        face = self._load(group, rng)
        low, high = (factors.contrast * end for end in config.contrast)
        return make_window(
            face,
            role,
            rng,
            side=side,
            whole=whole,
            density=config.density * dense * factors.density,
            config=dataclasses.replace(config, contrast=(low, high)),
            stamps=self._all_stamps() if config.stamped else [],
        )

    def _match(self) -> MarkFactors:
        """Measure windows of both sorts, the same in every process."""

        def edits(group: _Group, factors: MarkFactors) -> Edits:
            windows = (
                self._view(
                    np.random.default_rng((self.config.seed % 2**63, _MATCHING, number)),
                    Role.SUPERVISED,
                    group,
                    side=self.config.window,
                    whole=False,
                    dense=1.0,
                    factors=factors,
                )
                for number in range(MATCHED_WINDOWS)
            )
            return edits_of(windows, self.config)

        return match_marks(edits(self._pairs, MarkFactors()), lambda factors: edits(self._marked, factors))

    def _all_stamps(self) -> list[Stamp]:
        """Marks lifted off all labelled faces, in the order of the faces."""
        if self._stamps is None:
            self._stamps = []
            for source in self._lifted_from:
                with contextlib.suppress(*_FAULTS):  # told when a window is drawn of it
                    if source.labelled:
                        self._stamps += source.load().stamps
        return self._stamps

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
    """Faces that one sort of windows is drawn from: labelled ones in a share of the windows, then sharp ones."""

    def __init__(self, faces: Sequence[FaceSource], labelled_share: float) -> None:
        self._labelled_share = labelled_share
        self._labelled = [face for face in faces if face.labelled]
        self._sharp = [face for face in faces if face.sharp and not face.labelled]
        self._soft = [face for face in faces if not face.sharp and not face.labelled]

    def __bool__(self) -> bool:
        return bool(self._labelled or self._sharp or self._soft)

    def draw(self, rng: np.random.Generator) -> FaceSource:
        faces = self._labelled
        if not faces or ((self._sharp or self._soft) and rng.uniform() >= self._labelled_share):
            sharp = self._sharp and (not self._soft or rng.uniform() < SHARP_SHARE)
            faces = self._sharp if sharp else self._soft
        return faces[rng.integers(len(faces))]


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
        notes = notes_through(face, matrix, size)
        if face.kind != "pair":
            rng = np.random.default_rng((_VALIDATION_SEED, zlib.crc32(source.name.encode("utf-8", "surrogateescape"))))
            skin = look_through(face.skin, matrix, size)
            before = target
            raw, target = mark_sides(
                raw,
                target,
                skin,
                rng,
                template=template_matrix(matrix, stored),
                density=config.density,
                keep_density=config.keep_density,
                kinds=config.kinds or None,
            )
            notes = with_kept(notes, before, target)
        position = positions(matrix, side=size, stored=stored, flip=False)
        yield _batch([Window(raw, target, position, notes, Role.SUPERVISED)])


def _batch(windows: Sequence[Window]) -> Batch:
    def stack(arrays: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()

    return Batch(
        raw=stack([window.raw for window in windows]),
        target=stack([window.target for window in windows]),
        position=stack([window.position for window in windows]),
        role=torch.tensor([int(window.role) for window in windows]),
        notes=stack([window.notes[..., None] for window in windows]),
    )
