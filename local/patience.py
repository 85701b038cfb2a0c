"""Waiting for what happens by itself: as long as something moves, however slowly, and with what is awaited shown."""

from __future__ import annotations

from datetime import timedelta

from .scene import Scene

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
