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
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
LOOK_S = 0.02


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

    `find` gives the processes, `functions` are those that may die. `done` counts the work so far: from one kill to the
    next there is as much of it as `every` says, from the least to the most, so that a slow machine gets as far as a
    fast one. That and the choices follow from the seed; which processes there are does not. `kills` counts them by
    function.
    """

    def __init__(
        self,
        find: Callable[[], Mapping[int, str]],
        functions: Collection[str],
        seed: int,
        done: Callable[[], int],
        every: tuple[int, int],
        kill: Callable[[int], None] = _kill,
    ) -> None:
        self.kills: Counter[str] = Counter()
        self._find = find
        self._functions = functions
        self._random = random.Random(seed)  # noqa: S311 - a run must be repeatable
        self._done = done
        self._every = every
        self._next = done() + self._random.randint(*every)
        self._kill = kill
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def look(self) -> None:
        """Kill one process, if enough has been done since the last one and there is any that may die."""
        if self._done() < self._next:
            return
        mortal = {pid: function for pid, function in self._find().items() if function in self._functions}
        if not mortal:
            return
        victim = self._random.choice(list(mortal))
        with suppress(ProcessLookupError):  # it has ended since
            self._kill(victim)
            self.kills[mortal[victim]] += 1
            self._next = self._done() + self._random.randint(*self._every)

    def _run(self) -> None:
        while not self._over.wait(LOOK_S):
            self.look()

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
