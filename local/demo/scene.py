"""Waiting for what happens by itself: as long as something moves, however slowly, and with what is awaited shown.

What a play needs besides its people: an administrator, time, and somebody to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from chalicelib.config import Programme

from .players.crowd import Crowd, Partner

LOOK = timedelta(seconds=1)
TELL = timedelta(seconds=15)


class Patience:
    """`awaited` says of what something is left; who waits gives up when it did not become less for so many seconds."""

    def __init__(self, scene: Scene, awaited: str, given_up_after_s: float) -> None:
        self._scene = scene
        self._awaited = awaited
        self._given_up_after = timedelta(seconds=given_up_after_s)
        self._least: int | None = None
        self._moved_at = self._told_at = scene.pace.now()

    def goes_on(self, left: int) -> bool:
        """Pause a moment; False if it is time to give up."""
        now = self._scene.pace.now()
        if self._least is None or left < self._least:
            self._least, self._moved_at = left, now
        if now - self._moved_at > self._given_up_after:
            return False
        if now - self._told_at > TELL:
            self._scene.tell(f"waiting: {left} {self._awaited}")
            self._told_at = now
        self._scene.pace.wait_until(now + LOOK)
        return True


@dataclass(frozen=True)
class Comparison:
    """Of the ledger with the provider's books: the sums as they were printed, and what does not agree."""

    said: Sequence[str]
    wrong: Sequence[str]


class Office(Protocol):
    """The administrator. Every method raises if the step fails."""

    def add_wave(self, opens_at: datetime, closes_at: datetime, quota: int) -> int:
        """Set a wave and return its number."""

    def move_wave(self, number: int, opens_at: datetime, closes_at: datetime) -> bool:
        """Give a wave other times; False if that comes too late for them."""

    def close_wave(self, number: int) -> datetime:
        """Let an open wave close now instead of when it is due; the first instant that is refused."""

    def end_buying(self) -> datetime:
        """Let the deadline come now of everyone who has bought nothing yet; its instant."""

    def fire(self, schedule: str) -> None:
        """Let a deployed function that has a schedule, such as `advance`, run now instead of when it is due."""

    def firing(self, schedule: str) -> AbstractContextManager[None]:
        """Let such a function run while the block does; after the block it has run."""

    def look_again(self) -> None:
        """Have the payouts that wait for a financial address tried again."""

    def add_partner(self, name: str) -> Partner:
        """Admit a training partner."""

    def import_courses(self, catalogue: str) -> int:
        """Import a catalogue (CSV) and return how many courses it has."""

    def answer_grievances(self) -> int:
        """Escalate the first grievance, answer every one, and return how many there were."""

    def mails(self) -> Sequence[tuple[str, str, str]]:
        """Every mail that was sent so far: address, subject and text."""

    def mails_in_doubt(self) -> int:
        """How often nobody knew whether a mail had gone out; so many may have come twice."""

    def show_statistics(self) -> Sequence[str]:
        """The published statistics as an administrator sees them, line by line."""

    def add_cosignature(self, wave: int, line: bytes) -> None:
        """Publish the line that a witness signed."""

    def check_draw(self, wave: int, folder: Path) -> list[str]:
        """Verify the draw, as deployed and as fetched into `folder`; what does not hold."""

    def compare_books(self) -> Comparison:
        """Compare the ledger with the provider's books."""

    def books(self) -> dict[str, Any]:
        """The provider's own report."""


class Pace(Protocol):
    """Time, as far as the play goes along with it."""

    def now(self) -> datetime:
        """The present instant, UTC."""

    def wait_until(self, instant: datetime, awaited: str = "") -> None:
        """Return at or after that instant; what happens by itself meanwhile has happened. `awaited` is shown."""


@dataclass(frozen=True)
class Scene:
    """`folder` gets the published files, below a folder named after the wave; `failing_suffix` ends the account numbers
    that the provider never pays; `tell` gets a sentence about each step.
    """

    crowd: Crowd
    office: Office
    pace: Pace
    programme: Programme
    folder: Path
    failing_suffix: str
    tell: Callable[[str], None]
