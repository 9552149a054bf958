"""`bpfre weights` against a server on this machine; nothing of it ever asks another one."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch.hub

from bpfre.user_cache import CACHE_VARIABLE
from bpfre.weights import catalog
from bpfre.weights.catalog import CATALOG, STARTER
from bpfre.weights.fetch import OFFLINE_VARIABLE
from bpfre.weights.published import PublishedFile, ShippedFile, torch_hub_folder, verify

ROOT = Path(__file__).parents[2]
CONTENT = bytes(range(256)) * 100


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("BPFRE_RETINAFACE", raising=False)
    monkeypatch.delenv(OFFLINE_VARIABLE, raising=False)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Serve a folder. Yields its URL."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    (tmp_path / "served").mkdir()
    handler = functools.partial(Handler, directory=tmp_path / "served")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def toys(served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Know two toys: `toy` is served as published, `lost` is not served at all."""
    (tmp_path / "served" / "toy.pth").write_bytes(CONTENT)
    known = {
        name: PublishedFile(
            name=name,
            title=name.title(),
            purpose="tests",
            file=f"{name}.pth",
            sha256=hashlib.sha256(CONTENT).hexdigest(),
            size=len(CONTENT),
            licence="MIT",
            source="the tests",
            url=f"{served}/{name}.pth",
        )
        for name in ("lost", "toy")
    }
    monkeypatch.setattr(catalog, "CATALOG", {STARTER.name: STARTER} | known)


def test_the_shipped_file_is_the_recorded_one() -> None:
    verify(STARTER.place, STARTER)
    assert STARTER.place.stat().st_size == STARTER.size


def test_every_record_is_complete() -> None:
    for name, known in CATALOG.items():
        assert known.name == name and len(known.sha256) == 64 and known.size > 0
        assert known.licence and known.source and known.purpose and known.title
        assert isinstance(known, ShippedFile) or (isinstance(known, PublishedFile) and known.url.startswith("https://"))


def test_torchs_own_cache_is_where_torch_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for changes in ({"TORCH_HOME": str(tmp_path)}, {"TORCH_HOME": "", "XDG_CACHE_HOME": str(tmp_path)}, {}):
        for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in changes.items():
            if value:
                monkeypatch.setenv(name, value)
        assert torch_hub_folder() == Path(torch.hub.get_dir()) / "checkpoints"


def test_list_tells_everything_of_all(cli) -> None:
    ended = cli("weights", "list")
    assert ended.code == 0 and ended.err == ""
    for known in CATALOG.values():
        for fact in (known.name, known.sha256, known.licence, known.source, f"{known.size / 1e6:.1f} MB"):
            assert fact in ended.out
    assert "https://" in ended.out and str(STARTER.place) in ended.out and "bpfre weights fetch vgg19" in ended.out


def test_list_as_json(cli) -> None:
    rows = {row["name"]: row for row in json.loads(cli("weights", "list", "--json").out)["weights"]}
    assert rows.keys() == CATALOG.keys()
    assert rows["starter"]["here"] == str(STARTER.place) and rows["vgg19"]["here"] is None
    assert all(
        rows[name]["sha256"] == known.sha256 and rows[name]["size"] == known.size for name, known in CATALOG.items()
    )


def test_fetch_downloads_once(cli, toys: None, tmp_path: Path) -> None:
    place = tmp_path / "cache" / "weights" / "toy.pth"
    ended = cli("weights", "fetch", "toy")
    assert ended.code == 0 and ended.out == f"toy: downloaded, {place}\n" and ended.err == ""
    assert place.read_bytes() == CONTENT
    (tmp_path / "served" / "toy.pth").unlink()
    ended = cli("weights", "fetch", "toy")
    assert ended.code == 0 and ended.out == f"toy: there already, {place}\n"


def test_fetch_all_does_what_it_can(cli, toys: None, tmp_path: Path) -> None:
    ended = cli("weights", "fetch", "--all")
    assert ended.code == 1
    assert "starter: there already" in ended.out and "toy: downloaded" in ended.out
    assert "The Lost weights cannot be downloaded: the server answers 404" in ended.err
    assert "Traceback" not in ended.err


def test_fetch_replaces_what_is_damaged(cli, toys: None, tmp_path: Path) -> None:
    place = tmp_path / "cache" / "weights" / "toy.pth"
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT[:-1])
    ended = cli("weights", "verify")
    assert ended.code == 1 and str(place) in ended.err and "sha256 is wrong" in ended.err
    assert "starter: sound" in ended.out and "lost: not on this machine" in ended.out
    assert "bpfre weights fetch toy" in ended.err
    assert cli("weights", "fetch", "toy").code == 0 and place.read_bytes() == CONTENT
    ended = cli("weights", "verify")
    assert ended.code == 0 and f"toy: sound, {place}" in ended.out


def test_fetch_of_a_wrong_file_is_told(cli, toys: None, tmp_path: Path) -> None:
    (tmp_path / "served" / "toy.pth").write_bytes(CONTENT[::-1])
    ended = cli("weights", "fetch", "toy")
    assert ended.code == 1 and "another sha256" in ended.err and not list((tmp_path / "cache").rglob("toy.pth"))


@pytest.mark.parametrize("args", [["fetch"], ["fetch", "toy", "--all"], ["fetch", "toy", "nope"], ["path", "nope"]])
def test_wrong_usage(cli, toys: None, tmp_path: Path, args: list[str]) -> None:
    ended = cli("weights", *args)
    assert ended.code == 2 and ended.err and "Traceback" not in ended.err and not (tmp_path / "cache").exists()


def test_path(cli, toys: None, tmp_path: Path) -> None:
    assert cli("weights", "path").out == f"{tmp_path / 'cache' / 'weights'}\n"
    assert cli("weights", "path", "starter").out == f"{STARTER.place}\n"
    ended = cli("weights", "path", "toy")
    assert ended.code == 1 and ended.out == "" and "not on this machine" in ended.err
    cli("weights", "fetch", "toy")
    assert cli("weights", "path", "toy").out == f"{tmp_path / 'cache' / 'weights' / 'toy.pth'}\n"


def test_verify_of_what_is_not_here_fails_where_it_was_named(cli, toys: None) -> None:
    ended = cli("weights", "verify", "toy", "starter")
    assert ended.code == 1 and "not on this machine" in ended.err and "starter: sound" in ended.out


WATCHED = """
import json, sys
def hook(event, args):
    if event.startswith(("socket.connect", "socket.getaddr", "socket.gethost", "socket.sendto", "urllib.Request")):
        sys.stderr.write(f"NETWORK {event} {args!r}\\n")
        raise OSError("no network in this test")
sys.addaudithook(hook)
from bpfre_cli.app import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["bpfre", *arguments]
    try:
        main()
    except SystemExit as end:
        print("ended with", end.code, flush=True)
from bpfre.network.perceptual import pick_phi
print("phi:", pick_phi("auto").reason)
"""


def watched(*commands: tuple[object, ...], offline: bool) -> tuple[str, str]:
    """Run commands and the choice of phi, with every attempt to use the network made to fail and told on stderr."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "models")])}
    environment |= {OFFLINE_VARIABLE: "1"} if offline else {}
    lines = json.dumps([[str(argument) for argument in command] for command in commands])
    ended = subprocess.run(
        [sys.executable, "-c", WATCHED, lines], env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, ended.stderr


def test_offline_never_touches_the_network(folder: Path, weights: Path, tmp_path: Path) -> None:
    out, err = watched(
        ("weights", "fetch", "--all"),
        ("weights", "list"),
        ("weights", "verify"),
        ("weights", "path"),
        ("retouch", folder, "--out", tmp_path / "out", "--weights", weights, "--device", "cpu"),
        offline=True,
    )
    assert "NETWORK" not in err
    assert [line for line in out.splitlines() if line.startswith("ended")] == ["ended with 1", *["ended with 0"] * 4]
    assert err.count("BPFRE_OFFLINE is set") >= 2 and len(list((tmp_path / "out").rglob("*.png"))) == 2
    assert "phi: " in out and "BPFRE_OFFLINE is set" in out


def test_the_watch_sees_the_network() -> None:
    """The test above can fail."""
    out, err = watched(("weights", "fetch", "vgg19"), offline=False)
    assert err.count("NETWORK") >= 2 and "VGG-19 weights cannot be downloaded" in err
    assert "ended with 1" in out and "cannot be downloaded" in out
