"""Find, read and write photographs without losing what they carry: depth, alpha, colour profile, metadata."""

from bpfre.photos.find import RAW_SUFFIXES, SUFFIXES, FoundPhoto, find_others, find_photos
from bpfre.photos.photo import Photo, rgb8, to_bytes
from bpfre.photos.plain import write_png
from bpfre.photos.read import read_photo
from bpfre.photos.write import copy_photo, write_photo

__all__ = [
    "RAW_SUFFIXES",
    "SUFFIXES",
    "FoundPhoto",
    "Photo",
    "copy_photo",
    "find_others",
    "find_photos",
    "read_photo",
    "rgb8",
    "to_bytes",
    "write_photo",
    "write_png",
]
