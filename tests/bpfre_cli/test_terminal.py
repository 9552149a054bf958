"""Pictures in a terminal, on a real pseudo-terminal that answers as such terminals do."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals of this kind", allow_module_level=True)

import fcntl
import pty
import termios

pytest.importorskip("textual_image", reason="the extra show is not installed")

ROOT = Path(__file__).parents[2]
SCRIPT = """
import textual_image._terminal as asking
read = asking.read
asking.read = lambda file, count, timeout: read(file, count, 30.0)  # a busy machine answers late
import numpy as np
from bpfre.errors import UsageError
from bpfre_cli.terminal import open_terminal
try:
    show = open_terminal()
    show(np.tile(np.arange(256, dtype=np.uint8)[:, None], (1, 512))[..., None].repeat(3, 2))
except UsageError as error:
    print("refused:", error)
"""


def shown(*, sixel: bool, kitty: bool) -> bytes:
    """What a terminal of 40 lines of 20 px, 80 columns of 10 px, gets to show."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 800, 800))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "models")]), "TERM": "xterm"}
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True
    )
    os.close(theirs)
    got, answered = b"", 0
    end = time.monotonic() + 60
    try:
        while time.monotonic() < end:
            if not select.select([ours], [], [], 0.1)[0]:
                if child.poll() is not None:
                    break
                continue
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux: the child has gone
                break
            if not part:
                break
            got += part
            if got[answered:].endswith(b"\x1b[c"):
                os.write(ours, b"\x1b[?62;4c" if sixel else b"\x1b[?62c")
                answered = len(got)
            elif b"a=q" in got[answered:] and got.endswith(b"\x1b\\"):
                os.write(ours, b"\x1b_Gi=1;OK\x1b\\" if kitty else b"no")
                answered = len(got)
    finally:
        child.kill()
        child.wait()
        os.close(ours)
    return got


def test_sixel_pictures_fit_on_the_screen() -> None:
    got = shown(sixel=True, kitty=False)
    start = got.index(b"\x1bP")
    header = got[start : start + 60].split(b'"')[1].split(b"#")[0]
    _, _, width, height = (int(value) for value in header.split(b";"))
    assert width <= 800 and height <= 38 * 20
    assert width == pytest.approx(2 * height, rel=0.05)


def test_kitty_gets_a_png() -> None:
    got = shown(sixel=False, kitty=True)
    assert b"f=100" in got and b"iVBORw0KGgo" in got  # a PNG's first bytes in base64


def test_a_terminal_without_pictures_is_a_sentence() -> None:
    got = shown(sixel=False, kitty=False)
    assert b"refused: This terminal shows no pictures" in got and b"\x1bP" not in got


def test_a_missing_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from bpfre.errors import UsageError
    from bpfre_cli.terminal import open_terminal

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for name in [name for name in sys.modules if name.startswith("textual_image")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual_image", None)
    with pytest.raises(UsageError, match=r"not installed.*bpfre\[show\]"):
        open_terminal()
