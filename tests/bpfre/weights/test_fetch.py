from __future__ import annotations

import dataclasses
import hashlib
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from bpfre.errors import WeightsError
from bpfre.user_cache import CACHE_VARIABLE
from bpfre.weights import fetch as fetching
from bpfre.weights.fetch import OFFLINE_VARIABLE, fetch
from bpfre.weights.published import PublishedFile

CONTENT = bytes(range(256)) * 12_000  # several pieces of a download
TOY = PublishedFile(
    title="Toy",
    file="toy.pth",
    url="",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    size=len(CONTENT),
    licence="MIT",
)


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv(OFFLINE_VARIABLE, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


def at(url: str) -> PublishedFile:
    return dataclasses.replace(TOY, url=url)


def assert_fails(published: PublishedFile, message: str) -> None:
    with pytest.raises(WeightsError, match=message) as caught:
        fetch(published)
    assert caught.value.message.startswith("The Toy weights cannot be downloaded: ")
    assert published.url in caught.value.next_step and str(published.place) in caught.value.next_step
    folder = published.place.parent
    assert not folder.exists() or list(folder.iterdir()) == []  # no part, no damaged file


def test_the_file_lands_in_the_cache_whole(server: Any, cache: Path) -> None:
    fetch(at(server.serve("/toy.pth", CONTENT)))
    assert (cache / "toy.pth").read_bytes() == CONTENT
    assert [path.name for path in cache.iterdir()] == ["toy.pth"]


def test_redirections_are_followed(server: Any, cache: Path) -> None:
    server.serve("/elsewhere", CONTENT)

    def moved(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", "/elsewhere")
        request.end_headers()

    fetch(at(server.answer("/toy.pth", moved)))
    assert (cache / "toy.pth").read_bytes() == CONTENT


def test_a_body_without_a_length_is_taken(server: Any, cache: Path) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(CONTENT)

    fetch(at(server.answer("/toy.pth", endless)))
    assert (cache / "toy.pth").read_bytes() == CONTENT


@pytest.mark.parametrize("value", ["1", "true"])
def test_offline_asks_nobody(server: Any, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(OFFLINE_VARIABLE, value)
    assert_fails(at(server.serve("/toy.pth", CONTENT)), "BPFRE_OFFLINE is set")
    assert server.asked == []


@pytest.mark.parametrize("value", ["", "0"])
def test_offline_can_be_switched_off(server: Any, cache: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(OFFLINE_VARIABLE, value)
    fetch(at(server.serve("/toy.pth", CONTENT)))
    assert (cache / "toy.pth").is_file()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_body_that_breaks_off_is_noticed(server: Any, share: float) -> None:
    sent = int(len(CONTENT) * share)

    def broken(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(CONTENT)))
        request.end_headers()
        request.wfile.write(CONTENT[:sent])

    assert_fails(at(server.answer("/toy.pth", broken)), f"{sent} of {len(CONTENT)} bytes")


@pytest.mark.parametrize("content", [b"", b"<html>Sign in to this network</html>", CONTENT[:-1] + b"\0"])
def test_other_content_is_refused(server: Any, content: bytes) -> None:
    assert_fails(at(server.serve("/toy.pth", content)), "another sha256")


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_the_servers_refusal_is_told(server: Any, status: int) -> None:
    assert_fails(at(server.answer("/toy.pth", lambda request: request.send_error(status))), f"answers {status}")


def test_a_server_that_talks_nonsense_is_told(server: Any) -> None:
    assert_fails(
        at(server.answer("/x", lambda request: request.wfile.write(b"nonsense\r\n\r\n"))), "broke after 0 bytes"
    )


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert_fails(at(f"http://127.0.0.1:{port}/toy.pth"), "cannot be reached")


def test_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("no_proxy", "*")
    assert_fails(at("http://nobody.invalid/toy.pth"), "cannot be reached")


@pytest.mark.parametrize("sent", [None, 5])
def test_a_server_that_falls_silent_is_given_up(server: Any, monkeypatch: pytest.MonkeyPatch, sent: int | None) -> None:
    monkeypatch.setattr(fetching, "READ_TIMEOUT", 0.2)
    done = threading.Event()

    def silent(request: BaseHTTPRequestHandler) -> None:
        if sent is not None:
            request.send_response(200)
            request.send_header("Content-Length", str(len(CONTENT)))
            request.end_headers()
            request.wfile.write(CONTENT[:sent])
        done.wait(10)

    try:
        assert_fails(at(server.answer("/toy.pth", silent)), "timed out")
    finally:
        done.set()


def test_a_failed_download_leaves_the_old_file(server: Any, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "toy.pth").write_bytes(b"old")
    with pytest.raises(WeightsError):
        fetch(at(server.serve("/toy.pth", b"other")))
    assert (cache / "toy.pth").read_bytes() == b"old"
    assert len(list(cache.iterdir())) == 1


def test_a_cache_that_cannot_be_written_names_the_variable(server: Any, cache: Path) -> None:
    cache.parent.write_bytes(b"")  # a file where the folder should be
    with pytest.raises(WeightsError, match="cannot be written") as caught:
        fetch(at(server.serve("/toy.pth", CONTENT)))
    assert CACHE_VARIABLE in caught.value.next_step


def test_several_at_once_do_not_disturb_each_other(server: Any, cache: Path) -> None:
    published = at(server.serve("/toy.pth", CONTENT))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fetch, [published] * 4))
    assert [path.read_bytes() for path in cache.iterdir()] == [CONTENT]


def test_knowing_what_is_published_loads_no_network_code() -> None:
    code = "import sys, bpfre.weights.published; print({'http.client', 'ssl', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
