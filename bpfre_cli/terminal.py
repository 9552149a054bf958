"""Pictures in terminals that can show them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from bpfre.errors import UsageError
from bpfre_cli import console

if TYPE_CHECKING:
    import numpy as np


def open_terminal() -> Callable[[np.ndarray], None]:
    """Return what shows a picture, [H, W, 3] uint8 RGB, in this terminal by kitty's protocol or Sixel.

    Raises:
        UsageError: there is no terminal, it shows no pictures, or the package for them is not installed.
    """
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise UsageError("--show needs a terminal.", "Leave --show out and open the files instead.")
    try:
        from textual_image import renderable
    except ImportError as error:
        raise UsageError(
            "The package that shows pictures in terminals is not installed.",
            'Run pip install "bpfre[show]", or leave --show out and open the files instead.',
        ) from error
    if renderable.Image not in (renderable.SixelImage, renderable.TGPImage):
        raise UsageError(
            "This terminal shows no pictures: it has neither kitty's graphics protocol nor Sixel.",
            "Leave --show out and open the files instead, or use kitty, iTerm2, WezTerm, foot or the like.",
        )
    from PIL import Image

    # Kitty scrolls pictures as it does text; Sixel is drawn at once and has to fit on the screen.
    width = "100%" if renderable.Image is renderable.TGPImage else "auto"

    def show(picture: np.ndarray) -> None:
        console.draw(renderable.Image(Image.fromarray(picture), width=width, height="auto"))

    return show
