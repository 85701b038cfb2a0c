"""What a play needs besides its people: an administrator, time, somebody to tell, and patience."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.config import Programme

from .players.crowd import Crowd
from .screen import Clock

if TYPE_CHECKING:
    from .administrator import Administrator

LOOK = timedelta(seconds=1)
TELL = timedelta(seconds=15)


class Patience:
    """Waits as long as what is left becomes less, however slowly, and gives up after so many seconds without that.

    `awaited` says of what something is left; it is told now and then. `look` is from one look to the next.
    """

    def __init__(
        self,
        clock: Clock,
        tell: Callable[[str], None],
        awaited: str,
        given_up_after_s: float,
        look: timedelta = LOOK,
    ) -> None:
        self._clock = clock
        self._tell = tell
        self._awaited = awaited
        self._given_up_after = timedelta(seconds=given_up_after_s)
        self._look = look
        self._least: int | None = None
        self._moved_at = self._told_at = clock.now()

    def goes_on(self, left: int) -> bool:
        """Pause a moment; False if it is time to give up."""
        now = self._clock.now()
        if self._least is None or left < self._least:
            self._least, self._moved_at = left, now
        if now - self._moved_at > self._given_up_after:
            return False
        if now - self._told_at > TELL:
            self._tell(f"waiting: {left} {self._awaited}")
            self._told_at = now
        self._clock.wait_until(now + self._look)
        return True


@dataclass(frozen=True)
class Scene:
    """`folder` gets the published files, below a folder named after the wave; `failing_suffix` ends the account numbers
    that the provider never pays; `tell` gets a sentence about each step.
    """

    crowd: Crowd
    admin: Administrator
    clock: Clock
    programme: Programme
    folder: Path
    failing_suffix: str
    tell: Callable[[str], None]

    def patience(self, awaited: str, given_up_after_s: float) -> Patience:
        """Patience by this scene's clock."""
        return Patience(self.clock, self.tell, awaited, given_up_after_s)
