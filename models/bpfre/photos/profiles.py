"""Colour profiles that are made, not read."""

from __future__ import annotations

import functools


@functools.cache
def srgb() -> bytes:
    """Return an ICC profile of sRGB."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
