"""A web site with the published files of wave 62, and what such a site may do besides answering."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.builders.draws.publications import GOOD

FOLDER = "/draws/62/"


class ResultsSite(ThreadingHTTPServer):
    """`files` by their names in `FOLDER`, others by their whole path; `asked` are the paths and the ranges of parts."""

    files: dict[str, bytes]
    asked: list[str]
    missing = 404
    modified: str | None = "Fri, 15 Sep 2023 10:30:05 GMT"
    ranges = True

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: ResultsSite

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path.removeprefix(FOLDER))
        status, wanted = 200, self.headers.get("Range")
        if content is not None and wanted and self.server.ranges:
            first, last = map(int, wanted.removeprefix("bytes=").split("-"))
            last = min(last, len(content) - 1)
            whole, status, content = len(content), 206, content[first : last + 1]
            self.server.asked.append(wanted)
        self.send_response(self.server.missing if content is None else status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{last}/{whole}")
        if self.server.modified:
            self.send_header("Last-Modified", self.server.modified)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content or b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def results_site() -> Iterator[ResultsSite]:
    """The site, with a good wave, while the block runs."""
    running = ResultsSite(("127.0.0.1", 0), _Handler)
    running.files, running.asked = dict(GOOD), []
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()
