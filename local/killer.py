"""Ends the processes of deployed functions at random moments, as a machine that dies does: no warning, no clean-up.

MiniStack runs each instance of a function as a process of its own, from a folder below its TMPDIR that is named after
the function.
"""

from __future__ import annotations

import os
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
GRACE_S = 3


def workers(folder: Path, stage: str, proc: Path = PROC) -> dict[int, str]:
    """The processes that run functions of a local cloud in `folder` now, each with its function."""
    begin = re.escape(str(folder / "tmp" / f"ministack-lambda-gelombang-{stage}-"))
    pattern = re.compile(begin + r"(\w+)-\w{8}/")
    found = {}
    for process in proc.iterdir():
        if process.name.isdigit() and (match := pattern.search(_command(process))):
            found[int(process.name)] = match[1]
    return dict(sorted(found.items()))


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:  # it has ended since
        return ""


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


class Killer:
    """A context manager; inside the block one of the functions' processes is killed every now and then.

    `find` gives the processes, `functions` are those that may die, `pause_s` the shortest and the longest pause. Who is
    killed was seen at least `GRACE_S` before, so that a slow machine gets further than starting them. The moments and
    the choices follow from the seed; which processes there are does not. `kills` counts them by function.
    """

    def __init__(
        self,
        find: Callable[[], Mapping[int, str]],
        functions: Collection[str],
        seed: int,
        pause_s: tuple[float, float],
        *,
        kill: Callable[[int], None] = _kill,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.kills: Counter[str] = Counter()
        self._find = find
        self._functions = functions
        self._random = random.Random(seed)  # noqa: S311 - a run must be repeatable
        self._pause_s = pause_s
        self._kill = kill
        self._clock = clock
        self._seen: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def strike(self) -> None:
        """Kill one process, if there is any that may die."""
        now, found = self._clock(), self._find()
        self._seen = {pid: self._seen.get(pid, now) for pid in found}
        mortal = [pid for pid, since in self._seen.items() if found[pid] in self._functions and now - since >= GRACE_S]
        if not mortal:
            return
        victim = self._random.choice(mortal)
        with suppress(ProcessLookupError):  # it has ended since
            self._kill(victim)
            self.kills[found[victim]] += 1

    def _run(self) -> None:
        while not self._over.wait(self._random.uniform(*self._pause_s)):
            self.strike()

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
