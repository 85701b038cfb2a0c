"""`make demo`: a whole wave on a local cloud, through the public API; at the end all figures are compared.

The last line is `demo: ok registered=... refused=... joined=... chosen=... paid=... failed=... revoked=...
substituted=... surveys=... instalments=... nps=... disagreements=0`, and the exit code is 0, only if all figures agree.
Everything that was started is stopped, whatever happens.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import click

from admin.commands.administered import COMMANDS
from admin.deployment import stages
from chalicelib.administration.identity import SETS
from chalicelib.clock import utc_now, wib_date
from chalicelib.config import load_programme

from ..cloud.administrators import wrong_rights
from ..cloud.local_cloud import STAGE, LocalCloud
from ..sandbox.provider_books import Faults
from . import rights
from .administrator import Administrator
from .api import Api
from .crowd import Crowd
from .people import Person, newcomers, people
from .play import play
from .postbox import Postbox
from .scene import LOOK, Clock, Scene, Screen, run

FOLDER = stages.ROOT / ".demo"
WORKERS = 4
"""How many people act at once. Four keep two processors busy; each more starts another API and authorizer process."""

SECOND = 5
"""How many people are in the second act."""

FAULTS = {
    "timeout_after_rate": 0.03,
    "timeout_before_rate": 0.02,
    "error_after_rate": 0.05,
    "error_before_rate": 0.05,
    "fail_rate": 0.05,
    "hang_s": 4,
    "settle_ms": 150,
}
"""How the sandbox provider misbehaves. Besides, it never pays into accounts that end in its failing suffix."""


def stage(cloud: LocalCloud, screen: Screen, acts: Sequence[Sequence[Person]], found: list[str]) -> Mapping[str, int]:
    """Deploy and play the wave, with the people of each of the three acts.

    Returns the figures of the last line. Disagreements are added to `found`.
    """
    screen.line("deployment: the same code, templates and commands as for AWS, onto the local cloud")
    deployed = cloud.deploy()
    cloud.fsp.books.configure(FAULTS)
    programme, folder = load_programme(STAGE), FOLDER / "draws"
    *two, third = acts
    cloud.fsp.books.open_accounts(person.address for act in acts for person in act)
    api = Api(deployed.api_url, 2 * WORKERS)
    admin = Administrator(STAGE, cloud.endpoint, cloud.fsp.url, FOLDER / "logs/office.log")
    postbox = Postbox(admin.mails, partial(time.sleep, LOOK.total_seconds()))
    crowd, second, last = (
        Crowd(api, postbox, who, utc_now, screen.progress, found, WORKERS) for who in (*two, rights.cast(third))
    )
    clock = Clock(screen.line)
    scene = Scene(crowd, second, admin, clock, programme, folder, Faults().fail_suffix, screen.line)
    with ThreadPoolExecutor(1) as aside:
        wrong = aside.submit(lambda: list(wrong_rights(STAGE)))
        played = play(scene)
        rights.play(replace(scene, crowd=last), third)
    found += wrong.result()
    wave, reasons = played.wave, Counter(one["reason"] for one in played.results.substitutions)
    for line in (
        f"wave {wave['number']}: {wave['entries']} entries, quota {wave['quota']}, chosen {wave['chosen']}",
        f"seats that went on: {', '.join(f'{number} {reason}' for reason, number in sorted(reasons.items()))}",
        f"administration: each of {len(COMMANDS)} commands was called under each of {len(SETS)} permission sets",
        f"check the draw yourself: .venv/bin/gelombang draw verify --stage {STAGE} .demo/draws/{wave['number']}",
        f"of this time, {clock.waited_s:.0f} s were waiting; processors worked for {cloud.cpu_s():.0f} s",
    ):
        screen.line(line)
    return played.counts


@click.command()
@click.option("--people", "count", default=240, show_default=True, help="How many people, the refused ones included.")
@click.option("--seed", default=54, show_default=True, help="The same seed invents the same people.")
def main(count: int, seed: int) -> None:
    """Play one wave on a local cloud, from registration to what became of its people."""
    today, programme, suffix = wib_date(utc_now()), load_programme(STAGE), Faults().fail_suffix
    try:
        invented = people(seed, count, today, programme, suffix)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--people") from error
    handful = newcomers(SECOND, today, programme, suffix, count)
    third = newcomers(rights.PEOPLE, today, programme, suffix, count + SECOND)
    confirmed = rights.known([*invented, *handful, *(one for one in third if one is not third[3])])
    counts: dict[str, int] = {}

    def demo(cloud: LocalCloud, screen: Screen, found: list[str]) -> None:
        counts.update(stage(cloud, screen, (invented, handful, third), found))

    found = run(FOLDER, seed, demo, confirmed)
    figures = " ".join(f"{name}={figure}" for name, figure in {**counts, "disagreements": len(found)}.items())
    click.echo(f"demo: {'FAILED' if found else 'ok'} {figures}")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
