"""`gelombang payout hold ... ceiling`: what is recorded and printed, and refusals in sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from admin.terminal import progress
from chalicelib import wiring
from chalicelib.clock import iso
from chalicelib.config import load_programme
from chalicelib.payouts.errors import UnknownEntitlement
from chalicelib.payouts.rules import Hold, State
from tests.builders.payouts.desk import Desk
from tests.builders.payouts.states import ANI, BUDI, Place, placed, refused
from tests.builders.payouts.world import World, incentive_id
from tests.conftest import T0


@pytest.fixture
def desk(world: World, monkeypatch: pytest.MonkeyPatch) -> Desk:
    world.services.waves._store.start(T0 - timedelta(days=60))
    return Desk(world, monkeypatch)


def row(world: World, id_: str, state: str, n: int, hold: str | None = None) -> dict[str, object]:
    money = {"amount_idr": 600_000, "kind": "INCENTIVE", "wave": 143, "since": iso(world.now)}
    return {"id": id_, "state": state, "hold": hold, "attempts": n} | money


def test_hold_release_and_cancel_record_who_and_why(desk, world):
    id_ = placed(world, "ani", Place(State.DUE)).id
    assert desk.found("hold", id_, "--reason", "asked by the hotline") == row(world, id_, "HELD", 0, "ADMIN")
    assert desk.refused("hold", id_, "--reason", "again").startswith(
        "Error: This is no time for hold: the payout is HELD (ADMIN). (payout_not_now); hold, cancel: no attempt alive"
    )
    assert desk.found("release", id_, "--reason", "looked into")["proposed"] == "RELEASE"
    assert "(payout_same_person)" in desk.refused("approve", id_, "--yes")
    desk.me = BUDI
    assert desk.found("approve", id_, "--yes") == row(world, id_, "DUE", 0)
    assert desk.refused("release", id_, "--reason", "again").startswith(
        "Error: This is no time for release: the payout is DUE. "
    )
    assert desk.found("cancel", id_, "--reason", "\x1b[2Jnot due") == row(world, id_, "CANCELLED", 0)
    assert "\N{REPLACEMENT CHARACTER}[2Jnot due" in desk.run("show", id_).output
    history = desk.found("show", id_)["history"][1:]
    assert [(each["because"], each["by"], each["reason"]) for each in history] == [
        ("held_by_administrator", ANI, "asked by the hotline"),
        ("decided_release", BUDI, "looked into"),
        ("cancelled_by_administrator", BUDI, "\x1b[2Jnot due"),
    ]
    assert [history[0][name] for name in ("before", "state", "hold", "attempts")] == ["DUE", "HELD", "ADMIN", 0]


def test_who_is_entitled_can_read_who_looked_and_who_held_it(desk, world):
    id_ = placed(world, "ani", Place(State.DUE)).id
    desk.found("hold", id_, "--reason", "asked by the hotline")
    desk.found("show", id_, "--reason", "called")
    kept = list(world.services.journal.of_person("ani"))
    assert sorted((line.route, line.person, line.about, line.reason, line.outcome) for line in kept) == [
        ("payout hold", ANI, (id_,), "asked by the hotline", "done"),
        ("payout show", ANI, (id_,), "called", "done"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["hold", "id"], ["release", "id"], ["cancel", "id"], ["reverse", "id"], ["resolve", "id", "--as", "PAID"],
        ["reject", "id"], ["pause"], ["resume"], ["ceiling", "set", "5", "--was", "5"],
    ],
)  # fmt: skip
def test_every_changing_command_needs_a_reason(desk, words):
    for reason, said in (
        ([], "Missing option '--reason'"),
        (["--reason", " "], "it has 0 characters, and a reason has 1 to 500"),
        (["--reason", "x" * 501], "it has 501 characters, and a reason has 1 to 500"),
    ):
        result = desk.run(*words, *reason)
        assert result.exit_code == 2
        assert said in result.output


def test_an_unknown_entitlement_is_reported_with_its_code(desk):
    nobody = incentive_id("nobody")
    for command in ("hold", "release", "cancel", "reverse"):
        assert desk.refused(command, nobody, "--reason", "why").startswith(
            f"Error: There is no such entitlement. (unknown_entitlement entitlement_id={nobody}); "
        )
    for words in (["approve", nobody], ["reject", nobody, "--reason", "why"]):
        assert desk.refused(*words).startswith("Error: Nothing is proposed about this payout. (payout_no_proposal ")


def test_one_administrator_proposes_and_another_approves_what_was_shown(desk, world):
    id_ = placed(world, "ani", Place(State.PAID)).id
    proposed = {"proposed": "REVERSED", "proposed_at": iso(T0), "by": ANI, "reason": "bank letter 12"}
    next_ = f"another person approves it: gelombang payout approve --stage test {id_}"
    assert desk.found("reverse", id_, "--reason", "bank letter 12") == {"id": id_} | proposed | {"next": next_}
    assert desk.found("show", id_)["proposal"] == [proposed]
    assert desk.refused("approve", id_, "--yes") == (
        "Error: A proposal is approved by another person than the one who made it. (payout_same_person)"
    )
    desk.me = BUDI
    asked = desk.run("approve", id_, input="n\n")
    assert asked.exit_code == 1
    lines = [line.rstrip() for line in asked.output.splitlines()]
    entitlement = next(line for line in lines if id_ in line)
    assert all(said in entitlement for said in ("PAID", "INCENTIVE", "600")), "what and how much"
    at = lines.index("the bank said: none")
    assert [*lines[:5], *lines[at:]] == [
        "proposed     REVERSED",
        "proposed at  Tue 2026-11-24 10:00:00 WIB",
        f"by           {ANI}",
        "reason       bank letter 12",
        "registrant   ani",
        "the bank said: none",
        "approve it? [y/N]: n",
        "Aborted!",
    ]
    assert desk.run("approve", id_, "--json").exit_code == 2, "nobody is asked in JSON"
    assert world.state(id_) is State.PAID
    assert "REVERSED" in "".join(desk.told("approve", id_, input="y\n")[-8:])
    last = desk.found("show", id_)["history"][-1]
    decided = ["decided_reversed", BUDI, ANI, "bank letter 12"]
    assert [last[name] for name in ("because", "by", "proposed_by", "reason")] == decided
    assert "(payout_no_proposal" in desk.refused("approve", id_, "--yes")


def test_an_attempt_is_not_resolved_against_the_providers_answer(desk, world):
    id_ = placed(world, "ani", Place(State.HELD, Hold.KEY_EXPIRED)).id
    desk.told("resolve", id_, "--as", "failed", "--reason", "never arrived")
    desk.me = BUDI
    assert desk.refused("approve", id_, "--yes") == (
        "Error: The provider does not say that this payment is over (not_found). (payout_provider_objects)"
    )
    assert desk.refused("resolve", id_, "--as", "PAID", "--reason", "it did").startswith(
        "Error: FAILED is proposed about this payout already. (payout_proposal_stands maker="
    )
    taken = desk.found("reject", id_, "--reason", "it did")
    assert [taken[name] for name in ("done", "proposed", "by")] == ["taken away", "FAILED", ANI]
    desk.told("resolve", id_, "--as", "PAID", "--reason", "seen on the statement")
    desk.me = ANI
    assert desk.found("approve", id_, "--yes") == row(world, id_, "PAID", 1)
    assert desk.run("resolve", id_, "--as", "DUE", "--reason", "why").exit_code == 2
    assert desk.run("resolve", id_, "--reason", "why").exit_code == 2


def test_a_failed_payout_can_be_queued_but_still_rests(desk, world):
    id_ = placed(world, "ani", Place(State.FAILED)).id
    rested = iso(T0 + timedelta(seconds=world.rules.requeue_after_s))
    retried = desk.found("retry", id_)
    assert (retried["done"], retried["next_attempt_from"]) == ("queued", rested)
    (message,) = world.messages()
    assert world.deliver(message)
    assert world.state(id_) is State.FAILED
    world.later(seconds=world.rules.requeue_after_s)
    assert world.deliver(message)
    assert world.state(id_) is State.PAID


@pytest.mark.parametrize("state", [State.CANCELLED, State.REVERSED])
def test_an_ended_payout_is_reopened_by_two_people(desk, world, state):
    id_ = placed(world, "ani", Place(state)).id
    assert f"it is {state}, and two people decide to pay it: give --reason" in desk.run("retry", id_).output
    assert desk.found("retry", id_, "--reason", "new account")["proposed"] == "RETRY"
    desk.me = BUDI
    world.later(seconds=world.rules.key_lifetime_s)
    assert desk.found("approve", id_, "--yes") == row(world, id_, "DUE", int(state is State.REVERSED))
    assert len(world.messages()) == 1


def test_a_waiting_or_running_payout_is_not_retried(desk, world):
    for name, place in (("a", Place(State.DUE)), ("b", Place(State.SENDING)), ("c", Place(State.PAID))):
        id_ = placed(world, name, place).id
        for reason in (["--reason", "why"], []):  # no reason is asked for where none would help
            assert desk.refused("retry", id_, *reason).startswith(
                f"Error: This is no time for retry: the payout is {place.state}. (payout_not_now); "
            )


def test_if_a_worker_was_faster_the_command_says_so_and_writes_nothing(desk, world, monkeypatch):
    id_ = placed(world, "ani", Place(State.DUE)).id
    stale = world.store.get(id_)
    world.worker.process(id_, world.now)
    monkeypatch.setattr(world.store, "get", lambda _: stale)
    assert desk.refused("hold", id_, "--reason", "why") == (
        f"Error: This payment is being processed; try again shortly. (payout_superseded entitlement_id={id_})"
    )
    assert {event.authority for event in world.store.events(id_)} == {None}


# All payouts at once


def test_the_status_of_a_pause_says_since_when_by_whom_and_why(desk, world):
    assert desk.found("status")["payouts"] == "not paused"
    paused = {"payouts": "paused", "since": iso(T0), "by": ANI, "reason": "wrong amounts"}
    assert desk.found("pause", "--reason", "wrong amounts") == paused
    world.later(seconds=60)
    desk.me = BUDI
    assert desk.found("status").items() >= paused.items()
    assert desk.found("resume", "--reason", "put right") == {"payouts": "not paused"}
    status = desk.found("status")
    assert status["payouts"] == "not paused"
    assert status["today"] == [ceiling("DAY#2026-11-24", 150_000_000_000) | {"payments": 0, "paid_idr": 0}]
    assert [(act["deed"], act["at"], act["by"], act["reason"]) for act in status["acts"]] == [
        ("RESUME", iso(world.now), BUDI, "put right"),
        ("PAUSE", iso(T0), ANI, "wrong amounts"),
    ]


def ceiling(name: str, amount: int, reserved: int = 0, by: str | None = None, why: str | None = None) -> object:
    sums = {"amount_idr": amount, "reserved_idr": reserved, "left_idr": amount - reserved}
    return {"ceiling": name} | sums | {"set_by": by, "reason": why}


def test_the_status_tells_what_is_reserved_from_what_is_paid(desk, world):
    world.worker.process(world.entitle(world.person("ani")), world.now)
    world.later(seconds=60)
    (today,) = desk.found("status")["today"]
    sums = [today[name] for name in ("reserved_idr", "payments", "paid_idr")]
    assert sums == [BLOCK, 1, 600_000], "a worker takes a block of 20 payments"
    world.now += timedelta(days=1)
    assert [desk.found("status")["today"][0][name] for name in ("reserved_idr", "payments")] == [0, 0]


BLOCK = 20 * 600_000


def test_a_ceiling_is_shown_and_set_with_its_read_value(desk, world):
    envelope = desk.found("ceiling", "show", "--wave", "143", "--kind", "incentive")
    assert envelope == ceiling("WAVE#143#INCENTIVE", 60_000_000_000)
    world.worker.process(world.entitle(world.person("ani")), world.now)
    assert desk.found("ceiling", "show") == ceiling("DAY#2026-11-24", 150_000_000_000, BLOCK)
    day = ["--date", "2026-11-24"]
    lower = ceiling("DAY#2026-11-24", 1_000_000, BLOCK, ANI, "trial")
    assert desk.found("ceiling", "set", "1000000", *day, "--was", "150000000000", "--reason", "trial") == lower
    assert desk.refused("ceiling", "set", "9", *day, "--was", "150000000000", "--reason", "late") == (
        "Error: That value is not the present ceiling DAY#2026-11-24; nothing was changed. (payout_ceiling_changed); "
        "read it again: `gelombang payout ceiling show`"
    )
    assert desk.found("ceiling", "show") == lower
    assert "left      -Rp11.000.000" in [line.rstrip() for line in desk.told("ceiling", "show")]
    act = desk.found("status")["acts"][0]
    assert (act["deed"], act["about"]) == ("SET_CEILING", "DAY#2026-11-24 from 150000000000 to 1000000")


@pytest.mark.parametrize("wave", ["142", "143", "145", "155"])
def test_the_envelope_of_a_past_or_coming_wave_can_be_set(desk, wave):
    envelope = ["--wave", wave, "--kind", "incentive"]
    less = desk.found("ceiling", "set", "5", *envelope, "--was", "60000000000", "--reason", "less")
    assert less == ceiling(f"WAVE#{wave}#INCENTIVE", 5, by=ANI, why="less")


@pytest.mark.parametrize("wave", ["0", "53", "140", "200", "9999", "99999", "100001"])
def test_the_envelope_of_an_unknown_wave_cannot_be_set(desk, wave):
    envelope = ["--wave", wave, "--kind", "incentive"]
    said = f"Error: There is no wave {wave}. (unknown_wave); `gelombang wave list` shows those there are"
    assert desk.refused("ceiling", "set", "5", *envelope, "--was", "60000000000", "--reason", "less") == said
    assert desk.refused("ceiling", "show", *envelope) == said
    assert desk.world.administration.acts(1) == []


def test_today_is_the_day_in_jakarta(desk, world):
    world.now = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
    assert desk.found("ceiling", "show")["ceiling"] == "DAY#2026-11-25"


@pytest.mark.parametrize(
    "words",
    [["--wave", "143"], ["--kind", "incentive"], ["--date", "2026-11-24", "--wave", "143", "--kind", "SURVEY_1"]],
)
def test_a_ceiling_is_either_a_days_or_an_envelopes(desk, words):
    result = desk.run("ceiling", "show", *words)
    assert result.exit_code == 2
    assert "give a --date, or --wave and --kind" in result.output


# Who and how


def test_the_services_of_a_stage_have_what_the_commands_use(cloud):
    administration = wiring.build(cloud).payout_administration
    administration.pause(ANI, "why", T0)
    assert wiring.build(cloud).payout_administration.paused().by == ANI
    assert [act.by for act in administration.acts(5)] == [ANI]
    assert administration.ceiling("DAY#2026-11-24").ceiling_idr == load_programme("test").payouts.ceilings.day_idr
    refused(lambda: administration.hold(incentive_id("nobody"), ANI, "why", T0), UnknownEntitlement)


def test_progress_bars_are_shown_on_a_terminal_only(capsys):
    assert list(progress(iter(range(3)), "reading")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")
