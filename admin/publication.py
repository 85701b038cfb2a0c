"""Reads a published draw from a folder, trusting nothing about what it finds there (from a web address: `site`).

A verifier is pointed at whatever a stranger hands over: sizes are bounded before anything is read, only plain files
are opened, and every fault is one of two exceptions with a short reason.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

_PIECE_BYTES = 1 << 20
_NOT_PLAIN = "not a plain file in a plain folder"

Watch = Callable[[bytes], None]
"""Sees the bytes of a file as they come, and stops the reading with an exception of its own."""


class Absent(Exception):
    """There is no such file."""


class Unreadable(Exception):
    """The file is not of its form; the message says why and quotes nothing of it."""


class Unreachable(Unreadable):
    """The file cannot be had, though it may be there."""


class Publication(Protocol):
    """The files of one wave, by their names below `draws/<wave>/`."""

    def read(self, name: str, limit: int, watch: Watch | None = None) -> bytes:
        """A file of at most `limit` bytes, with `watch` of exactly so many. Raises `Absent` or `Unreadable`."""

    def read_part(self, name: str, start: int, length: int, whole: int) -> bytes:
        """`length` bytes of a file of `whole` bytes, from the one with number `start` on. Raises as `read`."""

    def note_published_at(self) -> datetime | None:
        """When the note came to be where it is, as far as that place knows."""


def bounded(size: int, limit: int, watch: Watch | None) -> None:
    """Refuse a file by its size. Raises `Unreadable`."""
    if size > limit:
        raise Unreadable(f"longer than {limit} bytes")
    if watch and size < limit:
        raise Unreadable(f"{size} bytes, not {limit}")


class Folder:
    """A publication that lies in a folder, which does not know when it was published."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str, limit: int, watch: Watch | None = None) -> bytes:
        with self._opened(name) as (file, size):
            bounded(size, limit, watch)
            if not watch:
                return file.read(size)
            body = bytearray()
            while piece := file.read(min(_PIECE_BYTES, size - len(body))):
                watch(piece)
                body += piece
            return bytes(body)

    def read_part(self, name: str, start: int, length: int, whole: int) -> bytes:
        with self._opened(name) as (file, size):
            if size != whole:
                raise Unreadable(f"{size} bytes, not {whole}")
            file.seek(start)
            return _of_length(file.read(length), length)

    @contextmanager
    def _opened(self, name: str) -> Iterator[tuple[BinaryIO, int]]:
        """The file and its size. Neither a link out of the folder is followed nor a pipe waited for."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        *folders, last = name.split("/")
        try:
            with ExitStack() as handles:

                def entered(name: str | Path, flags: int, within: int | None = None) -> int:
                    handle = os.open(name, flags, dir_fd=within)
                    handles.callback(os.close, handle)
                    return handle

                place = entered(self._path.resolve(), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                for folder in folders:
                    place = entered(folder, flags | os.O_DIRECTORY, place)
                handle = entered(last, flags, place)
                facts = os.fstat(handle)
                if not stat.S_ISREG(facts.st_mode):
                    raise Unreadable(_NOT_PLAIN)
                with open(handle, "rb", closefd=False) as file:
                    yield file, facts.st_size
        except FileNotFoundError as error:
            raise Absent from error
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ENOTDIR):  # a link, a folder, a socket
                raise Unreadable(_NOT_PLAIN) from error
            raise Unreachable(error.strerror or type(error).__name__) from error

    def note_published_at(self) -> datetime | None:
        return None


def _of_length(body: bytes, length: int) -> bytes:
    if len(body) != length:
        raise Unreadable("shorter than it must be")
    return body
