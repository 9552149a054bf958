from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from bpfre.errors import WeightsError
from bpfre.user_cache import CACHE_VARIABLE
from bpfre.weights import download
from bpfre.weights import fetch as fetching
from bpfre.weights.fetch import OFFLINE_VARIABLE, fetch
from bpfre.weights.published import PublishedFile

CONTENT = bytes(range(256)) * 12_000  # several pieces of a download
TOY = PublishedFile(
    name="toy",
    title="Toy",
    purpose="tests",
    file="toy.pth",
    url="",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    size=len(CONTENT),
    licence="MIT",
    source="the tests",
)
MEGA = 1 << 20


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv(OFFLINE_VARIABLE, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    return tmp_path / "cache" / "weights"


def at(url: str) -> PublishedFile:
    return dataclasses.replace(TOY, url=url)


def part_of(cache: Path) -> Path:
    return cache / f".toy.pth.{TOY.sha256[:12]}.part"


def left_in(cache: Path) -> dict[str, int]:
    """Names and sizes in the cache, but for the empty lock."""
    return {p.name: p.stat().st_size for p in cache.glob("*") if p.name != ".toy.pth.lock"} if cache.exists() else {}


def assert_fetches(published: PublishedFile, cache: Path) -> None:
    fetch(published)
    assert (cache / "toy.pth").read_bytes() == CONTENT
    assert left_in(cache) == {"toy.pth": len(CONTENT)}


def assert_fails(published: PublishedFile, message: str, *, kept: int = 0) -> None:
    with pytest.raises(WeightsError, match=message) as caught:
        fetch(published)
    assert caught.value.message.startswith("The Toy weights cannot be downloaded: ")
    assert "bpfre weights fetch toy" in caught.value.next_step
    assert published.url in caught.value.next_step and str(published.place) in caught.value.next_step
    assert left_in(published.place.parent) == ({part_of(published.place.parent).name: kept} if kept else {})


def test_the_file_lands_in_the_cache_whole(server: Any, cache: Path) -> None:
    heard: list[int] = []
    fetch(at(server.serve("/toy.pth", CONTENT)), tell=heard.append)
    assert (cache / "toy.pth").read_bytes() == CONTENT
    assert left_in(cache) == {"toy.pth": len(CONTENT)}
    assert heard == sorted(heard) and heard[-1] == len(CONTENT)


def test_what_is_there_already_is_not_fetched_again(server: Any, cache: Path) -> None:
    published = at(server.serve("/toy.pth", CONTENT))
    assert_fetches(published, cache)
    assert_fetches(published, cache)
    assert len(server.asked) == 1


def test_a_damaged_file_is_replaced(server: Any, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "toy.pth").write_bytes(CONTENT[:-1])
    assert_fetches(at(server.serve("/toy.pth", CONTENT)), cache)


def test_redirections_are_followed(server: Any, cache: Path) -> None:
    server.serve("/elsewhere", CONTENT)

    def moved(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", "/elsewhere")
        request.end_headers()

    assert_fetches(at(server.answer("/toy.pth", moved)), cache)


def without_length(content: bytes) -> Any:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(content)

    return answer


def test_a_body_without_a_length_is_taken(server: Any, cache: Path) -> None:
    assert_fetches(at(server.answer("/toy.pth", without_length(CONTENT))), cache)


# Going on where it broke off.


def test_a_connection_that_breaks_is_taken_up_again(server: Any, cache: Path) -> None:
    assert_fetches(at(server.serve("/toy.pth", CONTENT, cuts=[MEGA, MEGA + 7])), cache)
    assert [wanted for _, wanted in server.asked] == [None, f"bytes={MEGA}-", f"bytes={2 * MEGA + 7}-"]
    assert server.sent == len(CONTENT)  # nothing came twice


def test_a_download_goes_on_as_long_as_it_gets_further(
    server: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "STEP", 1000)
    assert_fetches(at(server.serve("/toy.pth", CONTENT, cuts=[100_000] * 30)), cache)
    assert len(server.asked) == 31 and server.sent == len(CONTENT)


def test_one_that_hardly_gets_further_is_given_up(server: Any) -> None:
    published = at(server.serve("/toy.pth", CONTENT, cuts=[10] * 99))
    assert_fails(published, rf"broke .*after 30 of {len(CONTENT)} bytes", kept=30)
    assert len(server.asked) == fetching.FRUITLESS


def test_the_next_call_goes_on(server: Any, cache: Path) -> None:
    assert_fails(at(server.serve("/toy.pth", CONTENT, cuts=[1000] * 3)), "after 3000 of", kept=3000)
    server.asked.clear()
    assert_fetches(at(server.serve("/toy.pth", CONTENT)), cache)
    assert server.asked == [("/toy.pth", "bytes=3000-")]


def test_a_killed_download_goes_on(server: Any, cache: Path) -> None:
    stalled = threading.Event()

    def stall(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(CONTENT)))
        request.end_headers()
        request.wfile.write(CONTENT[: 2 * MEGA])
        stalled.wait(60)

    published = at(server.answer("/toy.pth", stall))
    code = f"""
        from bpfre.weights.fetch import fetch
        from bpfre.weights.published import PublishedFile
        fetch(PublishedFile(**{dataclasses.asdict(published)!r}))
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    try:
        for _ in range(3000):
            if part_of(cache).exists() and part_of(cache).stat().st_size > MEGA:
                break
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        process.wait()
    finally:
        process.kill()
        stalled.set()
    had = part_of(cache).stat().st_size
    assert MEGA < had <= 2 * MEGA and not (cache / "toy.pth").exists()
    server.asked.clear()
    assert_fetches(at(server.serve("/toy.pth", CONTENT)), cache)
    assert server.asked == [("/toy.pth", f"bytes={had}-")]


def begun(cache: Path, content: bytes) -> None:
    cache.mkdir(parents=True)
    part_of(cache).write_bytes(content)


def test_a_server_that_cannot_go_on_begins_anew(server: Any, cache: Path) -> None:
    begun(cache, CONTENT[:5000])
    assert_fetches(at(server.serve("/toy.pth", CONTENT, ranges=False)), cache)
    assert server.asked == [("/toy.pth", "bytes=5000-")]


def test_a_download_that_lacks_only_its_place_asks_nobody(server: Any, cache: Path) -> None:
    begun(cache, CONTENT)
    assert_fetches(at(server.serve("/toy.pth", CONTENT)), cache)
    assert server.asked == []


@pytest.mark.parametrize("wrong", [b"\1" * 5000, bytes(len(CONTENT)), CONTENT + b"more"])
def test_a_beginning_that_is_wrong_is_thrown_away(server: Any, cache: Path, wrong: bytes) -> None:
    begun(cache, wrong)
    assert_fetches(at(server.serve("/toy.pth", CONTENT)), cache)
    assert server.asked[-1] == ("/toy.pth", None)


def test_a_beginning_longer_than_the_servers_file(server: Any, cache: Path) -> None:
    begun(cache, CONTENT[:5000])
    assert_fails(at(server.serve("/toy.pth", CONTENT[:4000])), f"4000 bytes instead of {len(CONTENT)}", kept=5000)
    assert [wanted for _, wanted in server.asked] == ["bytes=5000-", None]


@pytest.mark.parametrize("place", ["bytes 7-9/10", "", "bytes */10", "five"])
def test_another_part_than_the_one_wanted_is_refused(server: Any, cache: Path, place: str) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(206)
        request.send_header("Content-Range", place)
        request.end_headers()
        request.wfile.write(CONTENT[7:])

    begun(cache, CONTENT[:5])
    assert_fails(at(server.answer("/toy.pth", answer)), "part of the file", kept=5)


# Offline.


@pytest.mark.parametrize("value", ["1", "true"])
def test_offline_asks_nobody(server: Any, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(OFFLINE_VARIABLE, value)
    assert_fails(at(server.serve("/toy.pth", CONTENT)), "BPFRE_OFFLINE is set")
    assert server.asked == []


@pytest.mark.parametrize("value", ["", "0"])
def test_offline_can_be_switched_off(server: Any, cache: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(OFFLINE_VARIABLE, value)
    assert_fetches(at(server.serve("/toy.pth", CONTENT)), cache)


# Everything that goes wrong.


@pytest.mark.parametrize("share", [0.0, 0.1, 0.999])
def test_a_body_that_breaks_off_each_time_is_noticed(server: Any, share: float) -> None:
    sent = int(len(CONTENT) * share)
    published = at(server.serve("/toy.pth", CONTENT, ranges=False, cuts=[sent] * 99))
    assert_fails(published, f"broke off( after {sent} of {len(CONTENT)} bytes)?", kept=sent)


@pytest.mark.parametrize("content", [b"", b"<html>Sign in to this network</html>", CONTENT[:-1], CONTENT + b"\0"])
def test_a_file_of_another_size_is_refused_before_it_is_downloaded(server: Any, content: bytes) -> None:
    assert_fails(at(server.serve("/toy.pth", content)), f"{len(content)} bytes instead of {len(CONTENT)}")


def test_other_content_is_refused(server: Any) -> None:
    assert_fails(at(server.serve("/toy.pth", CONTENT[:-1] + b"\0")), "another sha256")


def test_a_body_that_never_ends_does_not_fill_the_disk(server: Any) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(CONTENT)
                server.sent += len(CONTENT)
        except OSError:
            pass

    assert_fails(at(server.answer("/toy.pth", endless)), f"more than the {len(CONTENT)} bytes")
    assert server.sent < 40 * len(CONTENT)


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_the_servers_refusal_is_told(server: Any, status: int) -> None:
    assert_fails(at(server.answer("/toy.pth", lambda request: request.send_error(status))), f"answers {status}")


def test_a_server_that_talks_nonsense_is_told(server: Any) -> None:
    assert_fails(
        at(server.answer("/x", lambda request: request.wfile.write(b"nonsense\r\n\r\n"))), "the connection broke"
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


@pytest.mark.parametrize("sent", [0, 5])
def test_a_server_that_falls_silent_is_given_up(server: Any, monkeypatch: pytest.MonkeyPatch, sent: int) -> None:
    monkeypatch.setattr(download, "READ_TIMEOUT", 0.2)
    done = threading.Event()

    def silent(request: BaseHTTPRequestHandler) -> None:
        if sent:
            request.send_response(200)
            request.send_header("Content-Length", str(len(CONTENT)))
            request.end_headers()
            request.wfile.write(CONTENT[:sent])
        done.wait(10)

    try:
        assert_fails(at(server.answer("/toy.pth", silent)), "timed out", kept=sent)
    finally:
        done.set()


def test_a_failed_download_leaves_the_old_file(server: Any, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "toy.pth").write_bytes(b"old")
    with pytest.raises(WeightsError):
        fetch(at(server.serve("/toy.pth", b"other")))
    assert (cache / "toy.pth").read_bytes() == b"old" and left_in(cache) == {"toy.pth": 3}


def test_a_cache_that_cannot_be_written_names_the_variable(server: Any, cache: Path) -> None:
    cache.parent.write_bytes(b"")  # a file where the folder should be
    with pytest.raises(WeightsError, match="cannot be written") as caught:
        fetch(at(server.serve("/toy.pth", CONTENT)))
    assert CACHE_VARIABLE in caught.value.next_step


def test_a_full_disk_is_told(server: Any, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WeightsError, match="cannot be written: the disk is full") as caught:
        fetch(at(server.serve("/toy.pth", CONTENT)))
    assert "Free space" in caught.value.next_step and not (cache / "toy.pth").exists()


def test_several_at_once_share_one_download(server: Any, cache: Path) -> None:
    published = at(server.serve("/toy.pth", CONTENT))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fetch, [published] * 4))
    assert left_in(cache) == {"toy.pth": len(CONTENT)} and (cache / "toy.pth").read_bytes() == CONTENT
    assert len(server.asked) == 1


def test_knowing_what_is_published_loads_no_network_code() -> None:
    code = "import sys, bpfre.weights.catalog; print({'http.client', 'ssl', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
