"""`make demo`: a whole wave on a local cloud, through the public API, and the sums at the end.

The last line is `demo: ok registered=... refused=... joined=... chosen=... paid=... failed=... revoked=...
substituted=... surveys=... nps=... disagreements=0`, and the exit code is 0, only if all the sums agree. Everything
that was started is stopped, whatever happens.
"""

from __future__ import annotations

import shutil
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from admin import stages
from admin.stacks import DeployFailed
from chalicelib.clock import utc_now, wib_date
from chalicelib.config import load_programme

from .api import Api, Unexpected
from .cloud import STAGE, CloudFailed, LocalCloud
from .fsp_books import Faults
from .office import CommandLine, OfficeFailed
from .people import Person, people
from .play import play
from .players.crowd import Crowd
from .scene import Scene
from .sums import Played

FOLDER = stages.ROOT / ".demo"
WORKERS = 6

LOGS_S = 5
"""What fetching the logs may take at the end."""

FAULTS = {
    "timeout_after_rate": 0.03,
    "timeout_before_rate": 0.02,
    "error_after_rate": 0.05,
    "error_before_rate": 0.05,
    "fail_rate": 0.05,
    "hang_s": 4,
    "settle_ms": 150,
}
"""How the sandbox provider misbehaves; accounts that end in its failing suffix are never paid besides."""


class Clock:
    """The real time. `waited_s` counts what was slept away."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.waited_s = 0.0
        self._tell = tell

    def now(self) -> datetime:
        """The present instant, UTC."""
        return utc_now()

    def wait_until(self, instant: datetime, awaited: str = "") -> None:
        """Sleep until then; a longer wait is shown."""
        left_s = max(0.0, (instant - utc_now()).total_seconds())
        if awaited and left_s > 1:
            self._tell(f"waiting {left_s:.0f} s: {awaited}")
        self.waited_s += left_s
        time.sleep(left_s)


class Screen:
    """What one sees: bars on a terminal, a line per finished step anywhere else."""

    def __init__(self) -> None:
        # Commands that run in this process write to another stdout meanwhile.
        self._console = Console(highlight=False, file=sys.stdout)
        self._began = self._ended = time.monotonic()
        self._tasks: dict[str, TaskID] = {}
        self._bars = Progress(
            TextColumn("{task.description:<32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )

    def line(self, text: str) -> None:
        """A line, with the seconds since the beginning."""
        self._ended = time.monotonic()
        self._console.print(f"{self._ended - self._began:5.0f} s  {text}", markup=False, soft_wrap=True)

    def count(self, step: str, done: int, total: int) -> None:
        """How far a step is, where one can see it move."""
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=total)
        self._bars.update(self._tasks[step], completed=done, total=total)

    def progress(self, step: str, done: int, total: int) -> None:
        """How far a step is, anywhere; at its end, what it took since the last one."""
        self.count(step, done, total)
        if done == total:
            took = time.monotonic() - self._ended
            self.line(f"{step}: {total}, in {took:.0f} s")

    def __enter__(self) -> Screen:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()


def stage(cloud: LocalCloud, screen: Screen, invented: Sequence[Person], found: list[str]) -> Mapping[str, int]:
    """Deploy and play the wave; the figures of the last line. `found` gets the disagreements, whatever happens."""
    screen.line("deployment: the same code, templates and commands as for AWS, onto the local cloud")
    deployed = cloud.deploy()
    cloud.fsp.books.configure(FAULTS)
    cloud.fsp.books.open_accounts(person.address for person in invented)
    api = Api(deployed.api_url, deployed.settings.jwks_url, WORKERS + 2)
    crowd = Crowd(api, invented, utc_now, screen.progress, found, WORKERS)
    office = CommandLine(STAGE, cloud.endpoint, cloud.fsp.url, FOLDER / "logs/office.log")
    programme, folder = load_programme(STAGE), FOLDER / "draws"
    clock = Clock(screen.line)
    played = play(Scene(crowd, office, clock, programme, folder, Faults().fail_suffix, screen.line))
    _tell(screen.line, played)
    screen.line(f"of this time, {clock.waited_s:.0f} s were waiting; processors worked for {cloud.cpu_s():.0f} s")
    return played.counts


def begin(folder: Path) -> None:
    """Remove what an earlier run has left. The cloud is held by then, so nobody else is at it."""
    for left in ("logs", "draws"):
        shutil.rmtree(folder / left, ignore_errors=True)
    (folder / "traceback.txt").unlink(missing_ok=True)
    (folder / "logs").mkdir()


def keep_logs(folder: Path, limit_s: float | None = None) -> None:
    """Write what every deployed function has logged to a file each; the local cloud keeps it in memory only.

    What takes longer than `limit_s` is left out: whoever stops does not want to wait.
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


def _tell(line: Callable[[str], None], played: Played) -> None:
    wave, reasons = played.wave, Counter(one["reason"] for one in played.results.substitutions)
    line(f"wave {wave['number']}: {wave['entries']} entries, quota {wave['quota']}, chosen {wave['chosen']}")
    line(f"seats that went on: {', '.join(f'{number} {reason}' for reason, number in sorted(reasons.items()))}")
    line(f"check the draw yourself: .venv/bin/gelombang draw verify --stage {STAGE} .demo/draws/{wave['number']}")


@click.command()
@click.option("--people", "count", default=300, show_default=True, help="How many people, the refused ones included.")
@click.option("--seed", default=54, show_default=True, help="The same seed invents the same people.")
def main(count: int, seed: int) -> None:
    """Play one wave on a local cloud, from registration to what became of its people."""
    try:
        invented = people(seed, count, wib_date(utc_now()), load_programme(STAGE), Faults().fail_suffix)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--people") from error
    counts: Mapping[str, int] = {}
    found: list[str] = []
    screen = Screen()
    try:
        with screen, LocalCloud(FOLDER / "cloud", seed=str(seed), report=screen.line, count=screen.count) as cloud:
            begin(FOLDER)
            try:
                counts = stage(cloud, screen, invented, found)
            finally:
                screen.line("stopping everything that was started; logs are in .demo/logs")
                keep_logs(FOLDER / "logs", LOGS_S)
    except (CloudFailed, DeployFailed, OfficeFailed, Unexpected, TimeoutError) as error:
        found.append(str(error))
    except Exception as error:  # noqa: BLE001 - whatever happens, the last line must tell that it failed
        (FOLDER / "traceback.txt").write_text(traceback.format_exc())
        found.append(f"{type(error).__name__}, see .demo/traceback.txt")
    except (KeyboardInterrupt, SystemExit):
        found.append("interrupted")
    for one in found:
        screen.line(f"disagreement: {one}")
    figures = " ".join(f"{name}={figure}" for name, figure in {**counts, "disagreements": len(found)}.items())
    click.echo(f"demo: {'FAILED' if found else 'ok'} {figures}")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
