"""`make serve`: the local cloud with the application deployed, until Ctrl-C, and enough in it to begin with."""

from __future__ import annotations

import csv
import io
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import click

from admin.commands.stage import fetch
from admin.deployment import stages
from admin.deployment.stacks import DeployFailed
from admin.deployment.stages import ROOT
from admin.rows import wib
from chalicelib.clock import utc_now
from chalicelib.config import load_programme
from chalicelib.training.catalogue import COLUMNS
from chalicelib.wiring import Services

from .. import sample as history
from ..demo.administrator import Administrator
from ..sandbox.registry import Person
from .administrators import PROPOSING, user
from .local_cloud import STAGE, CloudFailed, LocalCloud

FOLDER = ROOT / "build/serve"

PERSON = {
    "contact": "siti@example.id",
    "name": "Siti Aminah",
    "nik": "3174095708950001",
    "kk": "3174091203180002",
    "born": "1995-08-17",
    "phone": "0812-3456-7890",
    "lives in": "31 / 3174",
}
"""What somebody may type who has no KTP at hand. The NIK is no person's."""

KNOWN = Person(
    nik=PERSON["nik"], name=PERSON["name"], birth_date=PERSON["born"], kk=PERSON["kk"], province=PERSON["lives in"][:2]
)
"""Whom the civil registry knows."""

OPENS_AFTER = timedelta(seconds=30)
OPEN_FOR = timedelta(minutes=30)
SEATS = 5

PAGES = {
    "/": "the citizen's page",
    "/docs": "the reference of the API",
    "/draws": "every draw, and its check",
    "/dashboard": "what came of the programme",
    "/status": "whether the service is well",
    "/openapi.json": "the API for programs",
    "/feed.atom": "announcements",
    "/waves.ics": "the calendar of waves",
}

COURSES = (
    {"code": "EXCEL", "title": "Spreadsheet untuk Usaha Kecil", "price_idr": "500000", "skills": "spreadsheets"},
    {"code": "BARISTA", "title": "Dasar Barista", "price_idr": "1500000", "skills": "barista"},
    {"code": "WEB", "title": "Membuat Situs Web", "price_idr": "3000000", "skills": "web_development;programming"},
)

_GREETING = """
{pages}

API      {api}
AWS      export AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION={region}
         export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test GELOMBANG_STAGE={stage}
         .venv/bin/gelombang status

That is the account's root, who is asked for no right. As in a real stage, Sari proposes and Budi approves, each with
permission sets (docs/administration.md):

Sari     export {sari}
Budi     export {budi}

There is a wave with {seats} seats, open from {opens} to {closes}; it is drawn a minute later. Another one, with its
times: .venv/bin/gelombang wave add --help. There are {courses} courses; whoever is chosen has three hours to buy one.

Sign in as {contact}. The code, and every other mail, is read by: .venv/bin/gelombang inbox {contact}
What may be typed: {person}.
The civil registry knows this person alone: of anybody else's data, and of a mistake in these, GET /me says DIFFERS.
So it does of a pupil or student: curl {registry}/sandbox/students -d '{{"{nik}": "aktif"}}'
Money: any account at any bank is held by {name}, and a wallet knows no names; a number that ends in 0000 refuses it.

A token for curl, for a day. The code comes a moment after the first command:

API={api}
SIGN_IN=$(curl -s $API/sign-ins -H 'Content-Type: application/json' -d '{{"contact": "{contact}"}}')
.venv/bin/gelombang inbox {contact}
read -p 'code: ' CODE
TOKEN=$(echo "$SIGN_IN" | CODE=$CODE python3 -c 'import json, os, sys; made = json.load(sys.stdin)
entered = {{name: made[name] for name in ("sign_in_id", "secret")}} | {{"code": os.environ["CODE"]}}
print(json.dumps({{"code": entered}}))' \\
     | curl -s $API/sessions -H 'Content-Type: application/json' -d @- \\
     | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
curl $API/me -H "Authorization: Bearer $TOKEN"

Ctrl-C stops everything, and keeps nothing: the next start begins anew.
"""


COUNT = "tally_statistics"


@click.command()
@click.option("--sample", is_flag=True, help="Publish statistics of a generated history of two years.")
def main(sample: bool) -> None:
    """Serve the application from a local cloud."""
    try:
        with LocalCloud(FOLDER, people=[KNOWN], report=click.echo) as cloud:
            stage = cloud.deploy()
            office = Administrator(STAGE, cloud.endpoint, cloud.fsp.url, FOLDER / "office.log")
            cloud.fsp.books.configure({"holder_name": PERSON["name"]})
            office.import_courses(catalogue(office.add_partner("Pelatihan Jaya").id))
            opens = utc_now().replace(microsecond=0) + OPENS_AFTER
            office.add_wave(opens, opens + OPEN_FOR, SEATS)
            if sample:
                publish_sample(stages.load(STAGE).services)
            said = _GREETING.format(
                pages="\n".join(pages(stage.api_url, fetch)),
                api=stage.api_url,
                endpoint=cloud.endpoint,
                region=stage.settings.region,
                stage=STAGE,
                sari=_exported(user("sari", PROPOSING, STAGE)),
                budi=_exported(user("budi", ["checker"], STAGE)),
                seats=SEATS,
                opens=wib(opens, "%H:%M:%S"),
                closes=wib(opens + OPEN_FOR, "%H:%M:%S WIB"),
                courses=len(COURSES),
                registry=cloud.registry.url if cloud.registry else "",
                nik=PERSON["nik"],
                contact=PERSON["contact"],
                name=PERSON["name"],
                person=", ".join(f"{name} {value}" for name, value in PERSON.items() if name != "contact"),
            )
            click.echo(said)
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
            click.echo("stopping")
    except (CloudFailed, DeployFailed) as error:
        raise click.ClickException(str(error)) from error


def _exported(variables: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in variables.items())


def publish_sample(services: Services) -> None:
    """Publish the figures of a generated history. The hourly count is stopped: it would publish those of this stage."""
    stop_schedule(stages.connect().client("events"), COUNT)
    click.echo(f"counting a generated history of {history.PEOPLE:,} people")
    began = time.monotonic()
    history.publish(services._tally_store, load_programme("prod"), utc_now())
    click.echo(f"counted in {time.monotonic() - began:.0f} s; the hourly count is off")


def stop_schedule(events: Any, function: str) -> None:
    for rule in events.list_rules()["Rules"]:
        targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        if any(function in target["Arn"] for target in targets):
            events.disable_rule(Name=rule["Name"])


def pages(api_url: str, get: Callable[[str], tuple[int, bytes]]) -> Iterator[str]:
    """A line for each page that this release has: its address, and what it is."""
    for path, about in PAGES.items():
        if get(f"{api_url}{path}")[0] == 200:
            yield f"{about:28} {api_url}{path}"


def catalogue(partner: str) -> str:
    """The courses as a file to import, all of one partner."""
    text = io.StringIO()
    rows = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    rows.writeheader()
    same: Mapping[str, str] = {"provider": partner, "hours": "15", "mode": "online", "province": "", "offered": "yes"}
    rows.writerows({**course, **same} for course in COURSES)
    return text.getvalue()


if __name__ == "__main__":
    main()
