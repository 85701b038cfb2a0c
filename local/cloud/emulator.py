"""Starts MiniStack with the interpreter of MiniStack's own environment, and makes it faster in four ways.

This module cannot import anything of the project.

1. MiniStack unpacks the whole package for each instance of a function. That takes 50 MB and a second of CPU, compiles
   every module again, and takes seconds to delete. Here all instances share one copy. In AWS a function may not write
   to its package either.
2. After each invocation MiniStack waits for lines that the function may still log: 50 ms if it logged nothing. But a
   function logs before it answers, so all lines are in the pipe by then.
3. MiniStack looks up the caller and their permissions several times in a request, and parses the policies each time.
   Here it looks up once a request, and parses each policy once.
4. The head and the body of an answer are sent in one write, so the client wakes up once.
"""

from __future__ import annotations

import fcntl
import hashlib
import sys
import tempfile
import termios
import time
import zipfile
from array import array
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import hypercorn.asyncio
import uvicorn
import uvloop
from ministack.app import main
from ministack.core import iam_evaluator, lambda_runtime
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

READING_S = 0.001
"""How long a thread may need to read the lines that are in a pipe, in seconds."""

_unpacking = Lock()


class _Shared(zipfile.ZipFile):
    """A zip of code that is unpacked once. Later folders for it become links to the first."""

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        archive = Path(str(self.filename))
        if archive.name != "code.zip":
            super().extractall(path, members, pwd)
            return
        with _unpacking:
            with archive.open("rb") as file:
                shared = Path(tempfile.gettempdir(), f"code-{hashlib.file_digest(file, 'sha256').hexdigest()}")
            if not shared.exists():
                unpacked = shared.with_suffix(".new")
                super().extractall(unpacked, members, pwd)
                unpacked.rename(shared)
        Path(path).rmdir()
        Path(path).symlink_to(shared)
        archive.unlink()


class _Zipfile:
    """The module `zipfile` as MiniStack's Lambda sees it."""

    ZipFile = _Shared

    def __getattr__(self, name: str) -> Any:
        return getattr(zipfile, name)


def _logged(worker: lambda_runtime.Worker, **_waits: float) -> str:
    """The lines that an invocation logged. Waits only until the thread that reads them has read all."""
    unread = array("i", [1])
    while unread[0] and worker._proc is not None:
        time.sleep(READING_S)
        fcntl.ioctl(worker._proc.stderr, termios.FIONREAD, unread)
    time.sleep(READING_S)
    return str(worker._drain_stderr())


_parsed_once = lru_cache(maxsize=None)(iam_evaluator.parse_policy_document)


def _parsed(document: Any, parse: Any = iam_evaluator.parse_policy_document) -> Any:
    """The statements of a policy, parsed once. Nobody changes them, so they can be shared."""
    return _parsed_once(document) if isinstance(document, str) else parse(document)


_asked_by: ContextVar[tuple[Any, Any]] = ContextVar("asked_by", default=(None, None))


def _principal(key: str, account: str, *known: Any, resolve: Any = iam_evaluator.resolve_principal) -> Any:
    """The caller and their permissions, looked up once in the context of each request."""
    asked, found = _asked_by.get()
    if asked != (key, account):
        found = resolve(key, account, *known)
        _asked_by.set(((key, account), found))
    return found


class _Gathered:
    """A transport that collects writes and sends them in one piece when it is flushed."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> None:
        self._parts.append(part)

    def flush(self) -> None:
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def _send(cycle: Any, message: Any, send: Any = RequestResponseCycle.send) -> None:
    """Send a part of an answer, its head with the first part of its body."""
    if message["type"] == "http.response.start":
        cycle.transport = _Gathered(cycle.transport)
    await send(cycle, message)
    if message["type"] == "http.response.body":
        cycle.transport.flush()


async def _serve(app: Any, config: Any) -> None:
    """Serve MiniStack's application as its own server would, in less time for each request."""
    host, _, port = config.bind[0].rpartition(":")
    quiet = {"access_log": False, "log_level": "warning", "server_header": False, "date_header": False}
    kept = int(config.keep_alive_timeout)
    await uvicorn.Server(uvicorn.Config(app, host=host, port=int(port), timeout_keep_alive=kept, **quiet)).serve()


if __name__ == "__main__":
    hypercorn.asyncio.serve = _serve
    uvloop.install()
    RequestResponseCycle.send = _send
    iam_evaluator.parse_policy_document = _parsed
    iam_evaluator.resolve_principal = _principal
    lambda_runtime.zipfile = _Zipfile()
    lambda_runtime.Worker._drain_stderr_bounded = _logged
    sys.exit(main())
