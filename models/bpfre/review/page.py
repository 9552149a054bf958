"""The page as one HTML file: markup, style, script and data of its own, nothing from anywhere else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from bpfre.errors import UsageError
from bpfre.photos.atomic import atomic_file

PAGE = "review.html"

_MARK = b'<meta name="generator" content="bpfre review">'
_SLOT = re.compile(r"\{\{(\w+)\}\}")


def check_page(out: Path) -> None:
    """Make sure that a page in this folder replaces nothing but a page of this kind.

    Raises:
        UsageError: another file or a folder has its name.
    """
    path = out / PAGE
    try:
        if not path.exists():
            return
        with path.open("rb") as file:
            if _MARK in file.read(1000):
                return
    except OSError:
        pass
    raise UsageError(f"{path} is there already and no review page.", "Move it, or choose another output folder.")


def write_page(document: Mapping[str, object], path: Path) -> None:
    """Write the page; it appears whole or not at all.

    Args:
        document: plain JSON values without infinite numbers; see `template/page.js` for what is shown of them.
        path: where to.
    Raises:
        PhotoError: the disk refuses.
    """
    page = render(document)
    with atomic_file(path) as file:
        file.write(page)


def render(document: Mapping[str, object]) -> bytes:
    """Return the page as ASCII.

    The data cannot end the element that holds them, and are set as text by the script. Should something slip through
    all the same, the page's policy runs no script but this one and loads nothing over a network.
    """
    folder = files("bpfre.review") / "template"
    style, script = ((folder / name).read_text("utf-8") for name in ("page.css", "page.js"))
    data = json.dumps(document, separators=(",", ":"), allow_nan=False)
    slots = {
        "style": style,
        "style_hash": _hash(style),
        "script": script,
        "script_hash": _hash(script),
        "data": data.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026"),
    }
    html = (folder / "page.html").read_text("utf-8")
    return _SLOT.sub(lambda slot: slots[slot[1]], html).encode("ascii")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
