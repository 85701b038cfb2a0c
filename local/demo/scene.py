"""What demo and chaos share: clock, patience, screen, the run on a local cloud and its files. And the demo's scene."""

from __future__ import annotations

import shutil
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import TaskID

from admin.deployment import stages
from admin.deployment.stacks import DeployFailed
from admin.terminal import bars
from chalicelib.clock import utc_now
from chalicelib.config import Programme

from ..cloud.local_cloud import CloudFailed, LocalCloud
from ..sandbox import registry
from .administrator import Administrator, CommandFailed
from .api import Unexpected
from .crowd import Crowd, Diary

LOOK = timedelta(seconds=1)
TELL = timedelta(seconds=15)

LOGS_S = 5
"""How long fetching the logs may take at the end, in seconds."""


class Clock:
    """The real time. `waited_s` counts the seconds slept."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.waited_s = 0.0
        self._tell = tell

    def now(self) -> datetime:
        return utc_now()

    def wait_until(self, instant: datetime, awaited: str = "") -> None:
        """Sleep until an instant. A longer wait is printed."""
        left_s = max(0.0, (instant - utc_now()).total_seconds())
        if awaited and left_s > 1:
            self._tell(f"waiting {left_s:.0f} s: {awaited}")
        self.waited_s += left_s
        time.sleep(left_s)


class Patience:
    """Waits as long as a number gets smaller, however slowly. Gives up after some seconds without progress.

    `awaited` says what the number counts; both are printed now and then. `look` is the time between two looks.
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
        """Pause a moment. Returns False if it is time to give up."""
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
    """What a play needs besides its people.

    `second` has the people of the second act. `folder` gets the published files, in a folder named after the wave. The
    provider never pays into account numbers that end in `failing_suffix`. `tell` prints a sentence about each step.
    """

    crowd: Crowd
    second: Crowd
    admin: Administrator
    clock: Clock
    programme: Programme
    folder: Path
    failing_suffix: str
    tell: Callable[[str], None]

    @property
    def everybody(self) -> list[Diary]:
        return [*self.crowd.diaries, *self.second.diaries]

    def patience(self, awaited: str, given_up_after_s: float) -> Patience:
        return Patience(self.clock, self.tell, awaited, given_up_after_s)


class Screen:
    """The output: progress bars on a terminal, otherwise a line for each finished step."""

    def __init__(self) -> None:
        # Keep the real stdout: commands that run in this process replace it.
        self._console = Console(highlight=False, file=sys.stdout)
        self._began = self._ended = time.monotonic()
        self._tasks: dict[str, TaskID] = {}
        self._begun: dict[str, float] = {}
        self._bars = bars(self._console, 32)

    def line(self, text: str) -> None:
        self._ended = time.monotonic()
        self._console.print(f"{self._ended - self._began:5.0f} s  {text}", markup=False, soft_wrap=True)

    def count(self, step: str, done: int, total: int) -> None:
        """Show the progress of a step on a terminal only."""
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=total)
        self._bars.update(self._tasks[step], completed=done, total=total)

    def progress(self, step: str, done: int, total: int) -> None:
        """Show the progress of a step. At its end a line says how long it took."""
        self.count(step, done, total)
        began = self._begun.setdefault(step, self._ended)
        if done == total:
            took = time.monotonic() - began
            self.line(f"{step}: {total}, in {took:.0f} s")

    def __enter__(self) -> Screen:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()


def run(
    folder: Path,
    seed: int,
    play: Callable[[LocalCloud, Screen, list[str]], None],
    known: Sequence[registry.Person] | None = None,
) -> list[str]:
    """Play on a local cloud and stop all of it. Returns the disagreements, and the error if one ended the play.

    With `known` the cloud has a civil registry, which knows these people.
    """
    found: list[str] = []
    screen = Screen()
    try:
        made = LocalCloud(folder / "cloud", seed=str(seed), people=known, report=screen.line, count=screen.count)
        with screen, made as cloud:
            _remove_earlier(folder)  # this process holds the cloud's lock, so nobody else uses the folder
            try:
                play(cloud, screen, found)
            finally:
                screen.line(f"stopping everything that was started; logs are in {folder.name}/logs")
                keep_logs(folder / "logs", LOGS_S)
    except (CloudFailed, DeployFailed, CommandFailed, Unexpected, TimeoutError) as error:
        found.append(str(error))
    except Exception as error:  # noqa: BLE001 - whatever happens, the last line must tell that it failed
        (folder / "traceback.txt").write_text(traceback.format_exc())
        found.append(f"{type(error).__name__}, see {folder.name}/traceback.txt")
    except (KeyboardInterrupt, SystemExit):
        found.append("interrupted")
    for one in found:
        screen.line(f"disagreement: {one}")
    return found


def _remove_earlier(folder: Path) -> None:
    for left in ("logs", "draws"):
        shutil.rmtree(folder / left, ignore_errors=True)
    (folder / "traceback.txt").unlink(missing_ok=True)
    (folder / "logs").mkdir()


def keep_logs(folder: Path, limit_s: float | None = None) -> None:
    """Write the log of every deployed function to a file, as the local cloud keeps logs in memory only.

    What takes longer than `limit_s` is left out, as a person who stops a run does not want to wait.
    """
    logs = stages.connect().client("logs")
    keeping = Thread(target=_keep_logs, args=(logs, folder), daemon=True)
    keeping.start()
    keeping.join(limit_s)


def _keep_logs(logs: Any, folder: Path) -> None:
    with suppress(BotoCoreError, ClientError):
        for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
            name = group["logGroupName"]
            with (folder / f"{Path(name).name}.log").open("w") as file:
                for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                    file.writelines(event["message"].rstrip() + "\n" for event in page["events"])
