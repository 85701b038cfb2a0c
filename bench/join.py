"""The join, measured: calls to DynamoDB, capacity units, and CPU per request, against four other ways to write it.

    python -m bench.join [REQUESTS] [--json]

The application and the others (`bench/alternatives`) get API Gateway's event and return its answer. The others are (a)
Powertools' resolver with boto3 and the usual three calls, (b) the same with a single put that checks nothing, (c)
FastAPI with Mangum and boto3, (d) Chalice with unchanged pynamodb. `ordinary` is the application with botocore's own
client of DynamoDB. Each must first join somebody twice and return the same receipt. Then all take turns with people who
have not joined yet, in process and with HTTP counted. Exits with 1 if the join makes more than two calls or writes more
than one unit. A missed target of CPU is only printed.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import partial
from typing import Any

from .aws.expressions import Item
from .harness import Report, Table, Target, command, machine
from .race import ORDINARY, Stage, Way, apart, race, ratio
from .requests import CONTEXT, HANDLERS, NOW, REGISTRATIONS, expect, handler, join_event, profile_of, registered

REQUESTS = 1000
TURN = 20
CALLS_MAX = 2
WRITE_UNITS_MAX = 1
AT_MOST = {
    False: {"(a) Powertools": 0.30, "(d) pynamodb": 0.35},
    True: {"(a) Powertools": 0.45, "(b) one put": 1.0, "(d) pynamodb": 0.50},
}
"""The most CPU that a join may take compared with another way. The first key says whether HTTP is counted."""


class Joins:
    """Joins by one handler; each run has a new person."""

    def __init__(self, named: str, profile: Item, stage: Stage) -> None:
        self._handler, self._profile, self._stage = handler(named), profile, stage
        self._people = 0
        for stage.counted in (False, True):
            given = self.prepare()
            receipt = expect(self.run(given), 201)
            if expect(self.run(given), 200) != receipt or len(bytes.fromhex(receipt["ticket"])) != 32:
                raise RuntimeError(f"{named}: a second click did not return the same receipt")
            expect(self.run(join_event("nobody", NOW)), 201 if named == HANDLERS["(b) one put"] else 409)

    def prepare(self) -> dict[str, Any]:
        self._people += 1
        person = f"{self._people:08x}-0000-4000-8000-000000000000"
        self._stage.endpoint.put(REGISTRATIONS, profile_of(person, self._profile))
        return join_event(person, NOW + timedelta(milliseconds=self._people))

    def run(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._handler(given, CONTEXT)

    def check(self, _given: dict[str, Any], answer: dict[str, Any]) -> None:
        expect(answer, 201)


def report(requests: int) -> Report:
    profile = apart(registered)
    ways = [Way(name, partial(Joins, named, profile)) for name, named in HANDLERS.items()]
    ways.append(Way("gelombang, ordinary", ways[0].make, environment=ORDINARY))
    raced = race(ways, requests, turn=TURN)
    ours, by_name = raced[0], {each.way.name: each for each in raced}
    written = ours.mean(sum(call.write_units for call in ours.made()))
    targets = [
        Target(name="calls", value=ours.mean(len(ours.made())), at_most=CALLS_MAX, condition=True),
        Target(name="write units", value=written, at_most=WRITE_UNITS_MAX, condition=True),
    ]
    for http, limits in AT_MOST.items():
        targets += [ratio(ours, by_name[name], http=http, at_most=limit) for name, limit in limits.items()]
    about = f"The join: medians of {len(ours.runs[False])} requests each, in turns of {TURN}"
    return Report("join", about, machine(), [Table("a join", {each.way.name: each.row() for each in raced})], targets)


if __name__ == "__main__":
    sys.exit(command(__doc__ or "", report, REQUESTS))
