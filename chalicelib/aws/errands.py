"""What an administrator has a function do, in as many runs as it takes: one after another, whoever waits for them.

How far it came is in a file. A run ends when its time is up, and whoever looks has the function run again. A run begins
only if it was asked for since the one before, so a doubled event does nothing, and one that was lost or killed is asked
for again. Of one thing there is one errand, and each run of another one since does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from botocore.exceptions import ClientError
from msgspec import Struct
from msgspec.structs import replace

_OVERTAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}

_LOST = "no end within its time"

Invoke = Callable[[Mapping[str, object]], object]
"""Has the function run with this detail of its event, and does not wait for it."""


KEPT_EVERY_S = 60
"""How much of its work a run that is killed may lose."""

LOST_MAX = 3
"""How many runs without progress may be lost in a row."""


class State(StrEnum):
    ASKED = "asked"
    """The function was asked to run, and has not begun."""
    RUNS = "runs"
    PAUSES = "pauses"
    """Its time was up: the function is to run again."""
    DONE = "done"
    FAILED = "failed"


_UNDER_WAY = {State.ASKED, State.RUNS, State.PAUSES}


class Errand(Struct, frozen=True):
    """`id` is its own, `about` what it is about. `asked` and `found` are as JSON has them. `after`: how far it came.

    `at`: when the function was last asked to run, or began to. `lost`: how many runs ended without a word since one
    made progress. `error`: the type of what ended it.
    """

    id: str
    about: str
    asked: Any
    at: datetime
    state: State = State.ASKED
    after: str = ""
    found: Any = None
    lost: int = 0
    error: str = ""


class _Run(Struct, frozen=True):
    """What a function is asked: the errand with this id, if it still is the one about this."""

    about: str
    id: str


class Errands:
    """Those of one function. `s3` is a client. A run of which nothing is heard for as long as it `lives` is lost."""

    def __init__(self, s3: Any, bucket: str, function: str, lives: timedelta) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._folder = f"errands/{function}"
        self._lives = lives

    def begin(self, new: Errand, invoke: Invoke, *, joins: bool = False) -> None:
        """Begin an errand in the place of the one before. One that `joins` waits for that one, if it is under way."""
        while True:
            known, version = self._read(new.about)
            if joins and known and known.state in _UNDER_WAY and new.at - known.at < self._lives:
                return
            if self._ask(new, version, invoke):
                return

    def last(self, about: str) -> Errand | None:
        """The errand about something as it stands, also if it was long ago."""
        return self._read(about)[0]

    def look(self, about: str, now: datetime, invoke: Invoke) -> Errand | None:
        """The errand, once it is done or failed; None: look again later.

        The function is asked to run again if it paused, or if a run was lost; too many in a row have failed.
        """
        known, version = self._read(about)
        if known is None:
            return Errand("", about, None, now, State.FAILED, error=_LOST)
        if known.state not in _UNDER_WAY:
            return known
        lost = 0 if known.state is State.PAUSES else known.lost + 1
        if known.state is State.PAUSES or now - known.at >= self._lives:
            if lost > LOST_MAX:
                failed = replace(known, state=State.FAILED, error=_LOST)
                return failed if self._put(failed, version) else None
            self._ask(replace(known, state=State.ASKED, at=now, lost=lost), version, invoke)
        return None

    def run(
        self,
        detail: Mapping[str, object],
        now: datetime,
        work: Callable[[Errand], Iterator[Errand]],
        seconds: Callable[[], float] = time.monotonic,
    ) -> bool:
        """Run in the function, if the `detail` of its event asks for an errand; whether it does. `work` yields the
        errand as it stands after each part of it: the last one is kept, also if an error follows, which is then raised.
        """
        if "errand" not in detail:
            return False
        run = msgspec.convert(detail["errand"], _Run)
        known, version = self._read(run.about)
        if known is None or known.id != run.id or known.state is not State.ASKED:
            return True
        last = begun = replace(known, state=State.RUNS, at=now)
        version, kept = self._put(begun, version), seconds()
        try:
            for last in work(begun) if version else ():
                if seconds() - kept >= KEPT_EVERY_S:
                    version, kept = self._put(replace(last, state=State.RUNS, lost=0), version), seconds()
                if not version:
                    break
        except Exception as error:
            if version:
                self._put(replace(last, state=State.FAILED, error=type(error).__name__), version)
            raise
        if version:
            self._put(last, version)
        return True

    def _ask(self, errand: Errand, version: str, invoke: Invoke) -> bool:
        """Have the function run; False if another overtook. What is raised ends the errand, unless a run began."""
        if not (version := self._put(errand, version)):
            return False
        try:
            invoke({"errand": {"about": errand.about, "id": errand.id}})
        except Exception as error:
            self._put(replace(errand, state=State.FAILED, error=type(error).__name__), version)
            raise
        return True

    def _read(self, about: str) -> tuple[Errand | None, str]:
        """The errand, and the version of its file."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._key(about))
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None, ""
            raise
        return msgspec.json.decode(answer["Body"].read(), type=Errand), answer["ETag"]

    def _put(self, errand: Errand, version: str) -> str:
        """Write the file if it still is of this version; its new one. Nothing: another overtook."""
        unchanged = {"IfMatch": version} if version else {"IfNoneMatch": "*"}
        body, key = msgspec.json.encode(errand), self._key(errand.about)
        try:
            told = self._s3.put_object(
                Bucket=self._bucket, Key=key, Body=body, ContentType="application/json", **unchanged
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _OVERTAKEN:
                raise
            return ""
        return str(told["ETag"])

    def _key(self, about: str) -> str:
        return f"{self._folder}/{about}.json"
