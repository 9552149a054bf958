"""A server on this machine that serves files well or badly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers each path with the function that a test put there."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str | None]] = []  # path and Range header, in order
        self.sent = 0  # bytes of files

    def serve(self, path: str, content: bytes, *, ranges: bool = True, cuts: list[int] | None = None) -> str:
        """Answer soundly, from where the client wants it if `ranges`. Returns the URL.

        Args:
            cuts: connections break after so many bytes, each number for one of them; the ones after that do not.
        """

        def answer(request: BaseHTTPRequestHandler) -> None:
            wanted = request.headers.get("Range") if ranges else None
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            if start >= len(content) > 0:
                request.send_error(416)
                return
            request.send_response(206 if wanted else 200)
            if wanted:
                request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            request.send_header("Content-Length", str(len(content) - start))
            request.end_headers()
            body = content[start:][: cuts.pop(0) if cuts else None]
            self.sent += len(body)
            request.wfile.write(body)

        return self.answer(path, answer)

    def answer(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return self.url + path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            held.asked.append((self.path, self.headers.get("Range")))
            if self.path in held.answers:
                held.answers[self.path](self)
            else:
                self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    held = Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield held
    http.shutdown()
    http.server_close()
    thread.join()
