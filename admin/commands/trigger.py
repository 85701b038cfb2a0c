"""`gelombang trigger`, which runs a scheduled function now."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import click
from botocore.exceptions import ReadTimeoutError

from chalicelib.aws.errands import Errand, Errands, State
from chalicelib.clock import iso, utc_now
from chalicelib.watch import PROMISED

from ..desk import OPERATOR, Administered, Desk
from ..options import example
from ..rows import Row

SCHEDULED = (
    "open_wave",
    "close_wave",
    "advance",
    "expire_places",
    "sweep_registry",
    "sweep_payouts",
    "advance_plans",
    "erase_people",
    "end_terms",
    "reconcile_payouts",
    "write_notices",
    "open_surveys",
    "tally_statistics",
    "check_grievances",
    "publish_journal",
    "watch",
)
"""The functions that a schedule invokes."""

WAIT_S = 20
"""For how long it is waited; the gateway waits for 29 seconds."""


LOOKS_EVERY_S = 60
"""How long a terminal waits at most before it asks again whether a function has come to an end: each look is kept."""


class Busy(click.ClickException):
    """The function is running, and has one execution."""


@example("trigger expire_places")
@click.command(cls=Administered, sets=(OPERATOR,))
@click.argument("function", type=click.Choice(SCHEDULED), required=False, metavar="[FUNCTION]")
def trigger(desk: Desk, function: str | None) -> None:
    """Run a scheduled FUNCTION now, and show what it logged that it did. Without FUNCTION list them.

    It runs with its own rights; one that runs for long goes on by itself. Every one of them does what is due and
    nothing else, so a run too many changes nothing. The list has when each last left nothing undone; some keep no
    record of it.
    """
    if function is not None:
        try:
            desk.show(fire(desk.stage, function, desk.client("lambda", WAIT_S)), SAID_NOTHING)
        except ReadTimeoutError:
            still = f"it runs for longer than {WAIT_S} seconds, and goes on by itself"
            desk.show({"function": function, "done": still, "log": _log(desk.stage, function)})
        return
    whole = desk.services.runs.last_whole()
    desk.show(
        [{"function": name, "last_done_at": whole.get(name), "keeps_record": name in PROMISED} for name in SCHEDULED]
    )


SAID_NOTHING = "it has run and logged nothing: nothing was due"

_EVERY_LINE = {"level", "location", "message", "timestamp", "service", "_aws"}


def fire(stage: str, function: str, client: Any) -> list[Row]:
    """Invoke a scheduled function with the event that its schedule would send, and wait for it.

    Returns the last facts that it logged, as Lambda gives them back (4 KB). Raises as `invoke`.
    """
    return list(_logged(base64.b64decode(invoke(stage, function, client).get("LogResult", ""))))


def invoke(
    stage: str, function: str, client: Any, detail: Mapping[str, object] | None = None, how: str = "RequestResponse"
) -> Any:
    """What Lambda answers; with `Event` nobody waits for the function.

    Raises `Busy` if it is running, and `ClickException` with the type of the error that ended it.
    """
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "gelombang.admin",
        "account": "",
        "time": iso(utc_now()),
        "region": client.meta.region_name,
        "resources": [],
        "detail": detail or {},
    }
    try:
        answer = client.invoke(
            FunctionName=f"gelombang-{stage}-{function}",
            InvocationType=how,
            LogType="Tail",
            Payload=json.dumps(event).encode(),
        )
    except client.exceptions.TooManyRequestsException as busy:
        raise Busy(f"{function} is running: do the same in some minutes") from busy
    if answer.get("FunctionError"):
        died: dict[str, Any] = json.loads(answer["Payload"].read() or b"{}")
        error = died.get("errorType", answer["FunctionError"])
        raise click.ClickException(f"{function} failed: {error}; its log is {_log(stage, function)}")
    return answer


def errand(
    desk: Desk,
    function: str,
    errands: Errands,
    about: str,
    asked: Any = None,
    *,
    joins: bool = False,
    last: Errand | None = None,
) -> Errand:
    """What a function has done, at its end: the first request of a command begins it, the others look.

    It goes on where the `last` one came to, with what that one found. Raises `NotYet` until then, and
    `ClickException` with the type of the error that ended it.
    """

    def send(detail: Mapping[str, object]) -> object:
        return invoke(desk.stage, function, desk.client("lambda"), detail, "Event")

    if not desk.cursor:
        line = desk.begun.id if desk.begun else ""
        after, found_so_far = (last.after, last.found) if last else ("", None)
        new = Errand(line, about, asked, utc_now(), after=after, found=found_so_far)
        errands.begin(new, send, joins=joins)
    found = errands.look(about, utc_now(), send)
    if found is None:
        desk.counts["looks"] += 1
        desk.wait(about, min(2 * desk.counts["looks"], LOOKS_EVERY_S))
    if found.state is State.FAILED:
        raise click.ClickException(f"{function} failed: {found.error}; its log is {_log(desk.stage, function)}")
    return found


def _log(stage: str, function: str) -> str:
    return f"/aws/lambda/gelombang-{stage}-{function}"


def _logged(tail: bytes) -> Iterator[Row]:
    """The facts among the lines of a log, which are without personal data; the first line may be cut."""
    for line in tail.decode(errors="replace").splitlines():
        try:
            fact = json.loads(line)
        except ValueError:
            continue
        if isinstance(fact, dict) and "message" in fact:
            facts = {name: value for name, value in fact.items() if name not in _EVERY_LINE}
            yield {"level": str(fact.get("level")), "fact": str(fact["message"]), "with": facts}
