"""What is sent to a stage's administration and what it answers, with the files in both."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Collection, Sequence
from typing import Annotated, Any

import msgspec

from .rows import Marked, Row, as_data

FILE_MAX = 64 * 1024 * 1024
"""Bytes of a file, once it is unpacked."""


Hash = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which run of a command a step is: the id of its first line in the journal, if it has one, and the seconds of
    the epoch at which that was written and at which the last step was answered.
    """

    line: str
    began: int
    answered: int


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sent: arguments as they were typed, by name; a file as `packed`. `seen` is what was shown and approved.

    `stage` is the one that was named; another stage's administration refuses.
    `cursor`, `counts`, `run` and `seal` are those of the answer before, if it said that there is more to do.
    """

    arguments: dict[str, str | bool | list[str | list[str]]] = {}
    stage: str | None = None
    seen: Hash = ""
    cursor: str = ""
    counts: dict[str, int] = {}
    run: Run | None = None
    seal: Hash = ""

    def digest(self, words: str, by: str, at: Answer, apart: Collection[str] = ()) -> str:
        """The SHA-256 of where somebody's command with these arguments, but those `apart`, stands."""
        arguments = {name: value for name, value in self.arguments.items() if name not in apart}
        stands = [words, by, arguments, self.seen, at.cursor, at.counts, msgspec.to_builtins(at.run)]
        return hashlib.sha256(json.dumps(stands, sort_keys=True).encode()).hexdigest()


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is answered: rows to show, or to ask about, if `asks` has what is then to be sent as `seen`.

    Or how far it has come, if there is a `cursor`: send the same with it, with `counts`, `run` and `seal` again. The
    rows of such answers follow each other.
    """

    rows: Any = None
    nothing: str = ""
    for_programs: Any = None
    """What `--json` prints, if it is not the rows."""
    exit_code: int = 0
    asks: str = ""
    cursor: str = ""
    steps: int = 0
    """Of how many the cursor begins with the number; 0: nobody knows."""
    counts: dict[str, int] = {}
    run: Run | None = None
    seal: str = ""
    """Proves that cursor, counts and run are the administration's own."""
    file: str = ""
    """What is written to a file at the terminal, `packed`; the parts of steps follow each other."""
    wait_s: int = 0
    """How many seconds the terminal waits before it goes on at the cursor."""
    into: str = ""
    """The name of the list in `rows` that the rows of the steps before belong to."""


class NotYet(Exception):
    """The caller has to send the same again: having seen the rows, or because there was no time for all of it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def sent(found: Row | Sequence[Row]) -> object:
    return as_data(found, lambda one: {MARKED: one})


MARKED = ""
"""The one name of what stands for a `Marked` text in rows that are sent."""


def received(found: dict[str, Any]) -> Any:
    """A hook of JSON's reader: the opposite of what `Desk.show` sends."""
    return Marked(*found[MARKED]) if found.keys() == {MARKED} else found


def packed(file: bytes) -> str:
    """A file as it is sent: compressed, in Base64."""
    return base64.b64encode(zlib.compress(file)).decode()


def unpacked(text: str) -> bytes:
    """The opposite of `packed`. Raises ValueError for anything else, and for more than `FILE_MAX` bytes."""
    reader = zlib.decompressobj()
    try:
        file = reader.decompress(base64.b64decode(text, validate=True), FILE_MAX + 1)
    except zlib.error as error:
        raise ValueError("not compressed") from error
    if len(file) > FILE_MAX or not reader.eof or reader.unused_data:
        raise ValueError("cut, or too large")
    return file
