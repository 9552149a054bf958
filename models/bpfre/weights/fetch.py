"""Downloading published weights into the user's cache: whole and verified, or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
from collections.abc import Iterator
from urllib.error import HTTPError, URLError
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from bpfre.errors import PhotoError, WeightsError
from bpfre.photos.atomic import atomic_file
from bpfre.user_cache import CACHE_VARIABLE
from bpfre.weights.published import PublishedFile

OFFLINE_VARIABLE = "BPFRE_OFFLINE"
CONNECT_TIMEOUT = 4.0  # s, for each address of the host: an unreachable network must not hold up a run
READ_TIMEOUT = 60.0  # s without a byte
_CHUNK = 1 << 20  # bytes


def fetch(published: PublishedFile) -> None:
    """Download a weights file to its place in the cache; nothing appears there unless it is whole and right.

    Several processes may do so at once: each writes a file of its own, and the last one to end takes the place.

    Raises:
        WeightsError: downloads are switched off (`BPFRE_OFFLINE=1`), the host cannot be reached, the download broke
            off or is not the published file, or the cache cannot be written.
    """
    if os.environ.get(OFFLINE_VARIABLE, "") not in ("", "0"):
        raise _failed(published, f"{OFFLINE_VARIABLE} is set")
    found = hashlib.sha256()
    try:
        with atomic_file(published.place) as file:
            for chunk in _download(published):
                found.update(chunk)
                file.write(chunk)
            if found.hexdigest() != published.sha256:
                raise _failed(published, f"what {published.url} serves has another sha256 than published")
    except PhotoError as error:
        raise WeightsError(error.message, f"Free space, or set {CACHE_VARIABLE} to another folder.") from error


def _failed(published: PublishedFile, why: str) -> WeightsError:
    return WeightsError(f"The {published.title} weights cannot be downloaded: {why}.", published.how_to_get)


def _download(published: PublishedFile) -> Iterator[bytes]:
    """Yield the body of the server's answer; whatever the network does wrong is a `WeightsError`."""
    received = 0
    try:
        with _opener().open(published.url, timeout=CONNECT_TIMEOUT) as response:
            length = response.headers.get("Content-Length")
            while chunk := response.read(_CHUNK):
                received += len(chunk)
                yield chunk
    except HTTPError as error:
        raise _failed(published, f"the server answers {error.code} {error.reason}") from error
    except URLError as error:
        raise _failed(published, f"the server cannot be reached ({error.reason})") from error
    except (OSError, http.client.HTTPException) as error:
        raise _failed(published, f"the connection broke after {received} bytes ({error})") from error
    if length is not None and received != int(length):
        raise _failed(published, f"the download broke off after {received} of {length} bytes")


def _opener() -> OpenerDirector:
    """Return urllib's opener, proxies and all, with one patience for connecting and another for data."""
    return build_opener(_PatientHttpHandler, _PatientHttpsHandler)


class _PatientHttp(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(READ_TIMEOUT)


class _PatientHttps(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(READ_TIMEOUT)


class _PatientHttpHandler(HTTPHandler):
    def http_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(_PatientHttp, req)


class _PatientHttpsHandler(HTTPSHandler):
    def https_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(_PatientHttps, req, context=ssl.create_default_context())
