"""Pictures and figures of what the network does."""

from bpfre.evaluation.albums import Album, AlbumKind, open_album
from bpfre.evaluation.attention import FacePass, face_pass, faces_of
from bpfre.evaluation.examples import example_photos
from bpfre.evaluation.map_masks import map_masks
from bpfre.evaluation.sheets import Subject, attention_sheet, compare_sheet, features_sheet, stages_sheet
from bpfre.evaluation.views import Made, Viewer, Wanted, check_masks
from bpfre.evaluation.walk import check_mp4, gif, mp4, walk

__all__ = [
    "Album",
    "AlbumKind",
    "FacePass",
    "Made",
    "Subject",
    "Viewer",
    "Wanted",
    "attention_sheet",
    "check_masks",
    "check_mp4",
    "compare_sheet",
    "example_photos",
    "face_pass",
    "faces_of",
    "features_sheet",
    "gif",
    "map_masks",
    "mp4",
    "open_album",
    "stages_sheet",
    "walk",
]
