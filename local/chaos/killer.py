"""Kills processes of deployed functions at random moments (SIGKILL), without warning or clean-up.

MiniStack runs each instance of a function as a separate process, in a folder below its TMPDIR that is named after the
function.
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
    """The ids of the processes that run functions of the local cloud in `folder`, with their functions."""
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
    """A context manager that now and then kills a process of a function inside the block.

    `find` returns the processes; only those of `functions` are killed. `done` returns the amount of work so far. The
    work between two kills lies between the two numbers of `every`, so a slow machine gets as far as a fast one. The
    seed decides amounts and choices, but not which processes there are. `kills` counts the kills by function.
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
        """Kill one process, if enough work was done since the last kill and one that may be killed exists."""
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
