"""One training window: a view of a face, marks drawn on it, raw and target alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np

from bpfre.blemishes import KEPT, PLAIN, Stamp, mark_sides
from bpfre.training.config import TrainConfig
from bpfre.training.data.colour import channel_mean, draw_look
from bpfre.training.data.faces import TrainingFace
from bpfre.training.data.retone import retone
from bpfre.training.data.views import look_through, positions, template_matrix, view_matrix

EDIT = 3  # grey levels of 255 beyond which raw and target of a pair differ by a retoucher's doing
_REAL_SPOTS = 0.75  # share of windows of unpaired faces that keep the photo's own spots in their input
_MARKED_PAIRS = 0.5  # share of windows of pairs that get drawn marks besides
_SEEN = 2 / 255  # change from which a pixel belongs to a drawn mark
_ON_MARKS = 0.7  # share of centred windows of a raw face that show its known marks rather than any skin
_UNMARKED = 0.1  # share of windows for drawn blemishes that get none


class Role(IntEnum):
    """What a window teaches."""

    SUPERVISED = 0  # its target
    CLEAN = 1  # to leave it alone
    UNPAIRED = 2  # what the discriminator says of it


@dataclass(frozen=True, eq=False)
class Window:
    """One window."""

    raw: np.ndarray  # [side, side, 3] float32 in [0, 1]
    target: np.ndarray  # [side, side, 3] float32 in [0, 1]
    position: np.ndarray  # [side, side, 2] float32
    notes: np.ndarray  # [side, side] uint8: PLAIN, KEPT or UNKNOWN
    role: Role


def make_window(
    face: TrainingFace,
    role: Role,
    rng: np.random.Generator,
    *,
    side: int,
    whole: bool,
    density: float,
    config: TrainConfig,
    stamps: Sequence[Stamp] = (),
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
        stamps: real marks of other faces.
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
    if config.colour and config.retoned and skin.any() and rng.uniform() < config.retoned:
        raw, target = retone(raw, target, skin, rng)  # before marks are drawn, which are those of its tone
    notes = notes_through(face, matrix, side)
    marked = config.synthesis and role is not Role.UNPAIRED
    if marked and role is Role.SUPERVISED and face.kind == "pair":
        marked = rng.uniform() < _MARKED_PAIRS
    if marked:
        blemishes = density if role is Role.SUPERVISED and rng.uniform() >= _UNMARKED else 0.0
        contrast = float(np.exp(rng.uniform(*np.log(config.contrast))))
        before = target
        raw, target = mark_sides(
            raw,
            target,
            skin,
            rng,
            template=template_matrix(matrix, stored),
            density=blemishes,
            keep_density=config.keep_density,
            contrast=contrast,
            kinds=config.kinds or None,
            stamps=stamps,
            stamped=config.stamped,
        )
        notes = with_kept(notes, before, target)
    if config.colour:
        look = draw_look(skin, rng)
        same = raw is target
        target = look.apply(target)
        raw = target if same else look.apply(raw)
    return Window(raw, target, positions(matrix, side=side, stored=stored, flip=flip), notes, role)


def notes_through(face: TrainingFace, matrix: np.ndarray, side: int) -> np.ndarray:
    """Notes of a face as a window shows them. -> [side, side] uint8"""
    if face.notes is None:
        return np.full((side, side), PLAIN, np.uint8)
    return cv2.warpAffine(face.notes, matrix, (side, side), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)


def with_kept(notes: np.ndarray, before: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Add marks to keep that were drawn on the target."""
    drawn = channel_mean(cv2.absdiff(target, before)) > _SEEN
    return np.where(drawn & (notes == PLAIN), np.uint8(KEPT), notes)


def _whole_centre(stored: int, rng: np.random.Generator) -> np.ndarray:
    return np.full(2, (stored - 1) / 2) + rng.normal(0, 0.01 * stored, 2)


def _part_centre(
    face: TrainingFace, role: Role, rng: np.random.Generator, *, reach: float, config: TrainConfig
) -> np.ndarray:
    """Choose what a window shows: mostly an edit, a mark that stays, or skin. -> x and y [2], px of the stored crop"""
    stored = len(face.raw)
    if rng.uniform() < config.edit_centred:
        wanted = face.skin
        labelled = face.notes is not None and rng.uniform() < _ON_MARKS
        if role is Role.SUPERVISED and (face.kind == "pair" or labelled):
            marks = cv2.inRange(cv2.absdiff(face.raw, face.target), (0, 0, 0), (EDIT, EDIT, EDIT)) == 0
            if face.notes is not None:
                marks |= face.notes == KEPT
            wanted = marks if marks.any() else wanted
        rows, columns = np.nonzero(wanted)
        if len(rows):
            at = rng.integers(len(rows))
            # Off the middle, so that no place in a window is the place of edits.
            return np.array([columns[at], rows[at]], float) + rng.uniform(-0.25, 0.25, 2) * reach
    return rng.uniform(0.08 * stored, 0.92 * stored, 2)
