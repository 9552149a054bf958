"""One HTTP connection that brings a file, or the rest of one."""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Iterator
from urllib.error import HTTPError, URLError
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request, build_opener

CONNECT_TIMEOUT = 4.0  # s, for each address of the host: an unreachable network must not hold up a run
READ_TIMEOUT = 60.0  # s without a byte
_CHUNK = 1 << 20  # bytes
_PARTIAL, _BEYOND_THE_END = 206, 416


class RefusedDownloadError(Exception):
    """The server will not give the file; asking again is no use."""


class BrokenDownloadError(Exception):
    """The connection could not be made or broke; asking again may help."""


def continue_download(url: str, have: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield the pieces of a file from a position on, each with its own position.

    Args:
        url: http or https.
        have: bytes that are here already. Servers that cannot go on from there begin at 0 again.
        size: bytes of the whole file.

    Raises:
        RefusedDownloadError: the server answers with an error, or has a file of another size.
        BrokenDownloadError: the server cannot be reached, falls silent, breaks off or talks nonsense.
    """
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with _opener().open(request, timeout=CONNECT_TIMEOUT) as response:
            position = _start(response) if response.status == _PARTIAL else 0
            if position not in (0, have):
                raise RefusedDownloadError("the server answers with another part of the file than it was asked for")
            total = position + response.length if response.length is not None else None
            if total not in (None, size):
                raise RefusedDownloadError(f"{url} is another file now, of {total} bytes instead of {size}")
            while chunk := response.read1(_CHUNK):
                yield position, chunk
                position += len(chunk)
        if position < size:
            raise BrokenDownloadError("the download broke off")
    except HTTPError as error:
        if error.code == _BEYOND_THE_END and have:  # the server's file is shorter than what is here
            yield from continue_download(url, 0, size)
            return
        raise RefusedDownloadError(f"the server answers {error.code} {error.reason}") from error
    except URLError as error:
        raise BrokenDownloadError(f"the server cannot be reached ({error.reason})") from error
    except (OSError, http.client.HTTPException) as error:
        raise BrokenDownloadError(f"the connection broke ({error})") from error


def _start(response: http.client.HTTPResponse) -> int:
    """Return the position that a partial answer begins at."""
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if found is None:
        raise RefusedDownloadError("the server does not say which part of the file it sends")
    return int(found[1])


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
