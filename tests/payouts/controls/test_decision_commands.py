"""`gelombang payout hold ... ceiling`: what is recorded and printed, and refusals in sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from admin.deployment import stages
from admin.terminal import progress
from chalicelib import wiring
from chalicelib.config import load_programme
from chalicelib.payouts.errors import UnknownEntitlement
from chalicelib.payouts.rules import Hold, State
from tests.builders.payouts.desk import Desk
from tests.builders.payouts.states import ANI, BUDI, Place, placed, refused
from tests.builders.payouts.world import World, incentive_id
from tests.conftest import REGION, T0


@pytest.fixture
def desk(world: World, monkeypatch: pytest.MonkeyPatch) -> Desk:
    world.services.waves._store.start(T0 - timedelta(days=60))
    return Desk(world, monkeypatch)


def line(world: World, id_: str, state: str, n: int) -> str:
    return f"{id_}  {state}  n={n}  Rp600.000  INCENTIVE  143  {world.now.isoformat().replace('+00:00', 'Z')}"


def test_hold_release_and_cancel_record_who_and_why(desk, world):
    id_ = placed(world, "ani", Place(State.DUE)).id
    assert desk.told("hold", id_, "--reason", "asked by the hotline") == [line(world, id_, "HELD(ADMIN)", 0)]
    assert desk.refused("hold", id_, "--reason", "again") == (
        "Error: This is no time for hold: the payout is HELD (ADMIN). (payout_not_now)"
    )
    desk.me = BUDI
    assert desk.told("release", id_, "--reason", "looked into") == [line(world, id_, "DUE", 0)]
    assert desk.refused("release", id_, "--reason", "again").endswith("the payout is DUE. (payout_not_now)")
    assert desk.told("cancel", id_, "--reason", "\x1b[2Jnot due") == [line(world, id_, "CANCELLED", 0)]
    shown = desk.told("show", id_)
    assert [each.strip().split("  ", 3)[-1] for each in shown[2:]] == [
        f"held_by_administrator  by {ANI}: asked by the hotline",
        f"released_by_administrator  by {BUDI}: looked into",
        f"cancelled_by_administrator  by {BUDI}: \N{REPLACEMENT CHARACTER}[2Jnot due",
    ]
    assert "DUE -> HELD(ADMIN)  n=0" in shown[2]


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
        (["--reason", " "], "a reason has 1 to 500 characters, not all blank"),
        (["--reason", "x" * 501], "a reason has 1 to 500 characters"),
    ):
        result = desk.run(*words, *reason)
        assert result.exit_code == 2
        assert said in result.output


def test_an_unknown_entitlement_is_reported_with_its_code(desk):
    nobody = incentive_id("nobody")
    for command in ("hold", "release", "cancel", "reverse"):
        assert desk.refused(command, nobody, "--reason", "why") == (
            "Error: There is no such entitlement. (unknown_entitlement)"
        )
    for words in (["approve", nobody], ["reject", nobody, "--reason", "why"]):
        assert desk.refused(*words) == "Error: Nothing is proposed about this payout. (payout_no_proposal)"


def test_one_proposes_and_another_approves_what_was_shown(desk, world):
    id_ = placed(world, "ani", Place(State.PAID)).id
    proposed = f"proposed: REVERSED  2026-11-24T03:00:00Z  by {ANI}: bank letter 12"
    assert desk.told("reverse", id_, "--reason", "bank letter 12") == [
        proposed,
        f"another person approves it: gelombang payout approve --stage test {id_}",
    ]
    assert desk.told("show", id_)[-1] == f"  {proposed}"
    assert desk.refused("approve", id_, "--yes") == (
        "Error: A proposal is approved by another person than the one who made it. (payout_same_person)"
    )
    desk.me = BUDI
    asked = desk.run("approve", id_, input="n\n")
    assert asked.exit_code == 1
    assert asked.output.splitlines() == [proposed, "approve it? [y/N]: n", "Aborted!"]
    assert world.state(id_) is State.PAID
    assert desk.told("approve", id_, input="y\n")[-1] == line(world, id_, "REVERSED", 1)
    assert desk.told("show", id_)[-1].endswith(f"decided_reversed  by {BUDI} (proposed by {ANI}): bank letter 12")
    assert desk.refused("approve", id_, "--yes").endswith("(payout_no_proposal)")


def test_an_attempt_is_not_resolved_against_the_providers_answer(desk, world):
    id_ = placed(world, "ani", Place(State.HELD, Hold.KEY_EXPIRED)).id
    desk.told("resolve", id_, "--as", "failed", "--reason", "never arrived")
    desk.me = BUDI
    assert desk.refused("approve", id_, "--yes") == (
        "Error: The provider does not say that this payment is over (not_found). (payout_provider_objects)"
    )
    assert desk.refused("resolve", id_, "--as", "PAID", "--reason", "it did") == (
        "Error: FAILED is proposed about this payout already. (payout_proposal_stands)"
    )
    assert desk.told("reject", id_, "--reason", "it did") == [f"taken away: FAILED, as {ANI} had proposed"]
    desk.told("resolve", id_, "--as", "PAID", "--reason", "seen on the statement")
    desk.me = ANI
    assert desk.told("approve", id_, "--yes")[-1] == line(world, id_, "PAID", 1)
    assert desk.run("resolve", id_, "--as", "DUE", "--reason", "why").exit_code == 2
    assert desk.run("resolve", id_, "--reason", "why").exit_code == 2


def test_a_failed_payout_can_be_queued_but_still_rests(desk, world):
    id_ = placed(world, "ani", Place(State.FAILED)).id
    rested = (T0 + timedelta(seconds=world.rules.requeue_after_s)).strftime("%H:%M:%S")
    assert desk.told("retry", id_) == [f"queued; the next attempt is made after 2026-11-24T{rested}Z"]
    (message,) = world.messages()
    assert world.deliver(message)
    assert world.state(id_) is State.FAILED
    world.later(seconds=world.rules.requeue_after_s)
    assert world.deliver(message)
    assert world.state(id_) is State.PAID


@pytest.mark.parametrize("state", [State.CANCELLED, State.REVERSED])
def test_an_ended_payout_is_reopened_by_two_people(desk, world, state):
    id_ = placed(world, "ani", Place(state)).id
    assert "give the reason with --reason" in desk.run("retry", id_).output
    assert desk.told("retry", id_, "--reason", "new account")[0].startswith("proposed: RETRY  ")
    desk.me = BUDI
    world.later(seconds=world.rules.key_lifetime_s)
    assert desk.told("approve", id_, "--yes")[-1] == line(world, id_, "DUE", int(state is State.REVERSED))
    assert len(world.messages()) == 1


def test_a_waiting_or_running_payout_is_not_retried(desk, world):
    for name, place in (("a", Place(State.DUE)), ("b", Place(State.SENDING)), ("c", Place(State.PAID))):
        id_ = placed(world, name, place).id
        assert desk.refused("retry", id_, "--reason", "why") == (
            f"Error: This is no time for retry: the payout is {place.state}. (payout_not_now)"
        )


def test_if_a_worker_was_faster_the_command_says_so_and_writes_nothing(desk, world, monkeypatch):
    id_ = placed(world, "ani", Place(State.DUE)).id
    stale = world.store.get(id_)
    world.worker.process(id_, world.now)
    monkeypatch.setattr(world.store, "get", lambda _: stale)
    assert desk.refused("hold", id_, "--reason", "why") == (
        "Error: This payment is being processed; try again shortly. (payout_superseded)"
    )
    assert {event.authority for event in world.store.events(id_)} == {None}


# All payouts at once


def test_the_status_of_a_pause_says_since_when_by_whom_and_why(desk, world):
    assert desk.told("status")[0] == "not paused"
    assert desk.told("pause", "--reason", "wrong amounts") == ["paused"]
    world.later(seconds=60)
    desk.me = BUDI
    assert desk.told("status")[0] == f"paused since 2026-11-24T03:00:00Z by {ANI}: wrong amounts"
    assert desk.told("resume", "--reason", "put right") == ["not paused"]
    assert desk.told("status") == [
        "not paused",
        "DAY#2026-11-24  Rp150.000.000.000  taken Rp0  left Rp150.000.000.000",
        f"  RESUME  2026-11-24T03:01:00Z  by {BUDI}: put right",
        f"  PAUSE  2026-11-24T03:00:00Z  by {ANI}: wrong amounts",
    ]


def test_a_ceiling_is_shown_and_set_with_its_read_value(desk, world):
    assert desk.told("ceiling", "show", "--wave", "143", "--kind", "incentive") == [
        "WAVE#143#INCENTIVE  Rp60.000.000.000  taken Rp0  left Rp60.000.000.000"
    ]
    world.worker.process(world.entitle(world.person("ani")), world.now)
    block = f"{20 * 600_000:,}".replace(",", ".")
    assert desk.told("ceiling", "show")[0].startswith(
        f"DAY#2026-11-24  Rp150.000.000.000  taken Rp{block}  left Rp149."
    )
    day = ["--date", "2026-11-24"]
    assert desk.told("ceiling", "set", "1000000", *day, "--was", "150000000000", "--reason", "trial") == [
        f"DAY#2026-11-24  Rp1.000.000  taken Rp{block}  left Rp-11.000.000  set by {ANI}: trial"
    ]
    assert desk.refused("ceiling", "set", "9", *day, "--was", "150000000000", "--reason", "late") == (
        "Error: That value is not the present ceiling DAY#2026-11-24; nothing was changed. (payout_ceiling_changed)"
    )
    assert desk.told("ceiling", "show")[0].endswith(f"set by {ANI}: trial")
    assert desk.told("status")[2].startswith("  SET_CEILING DAY#2026-11-24 from 150000000000 to 1000000  ")


@pytest.mark.parametrize("wave", ["142", "143", "145", "155"])
def test_the_envelope_of_a_past_or_coming_wave_can_be_set(desk, wave):
    envelope = ["--wave", wave, "--kind", "incentive"]
    assert desk.told("ceiling", "set", "5", *envelope, "--was", "60000000000", "--reason", "less") == [
        f"WAVE#{wave}#INCENTIVE  Rp5  taken Rp0  left Rp5  set by {ANI}: less"
    ]


@pytest.mark.parametrize("wave", ["0", "53", "140", "200", "9999", "99999", "100001"])
def test_the_envelope_of_an_unknown_wave_cannot_be_set(desk, wave):
    envelope = ["--wave", wave, "--kind", "incentive"]
    said = f"Error: There is no wave {wave}. (unknown_wave)"
    assert desk.refused("ceiling", "set", "5", *envelope, "--was", "60000000000", "--reason", "less") == said
    assert desk.refused("ceiling", "show", *envelope) == said
    assert desk.world.administration.acts(1) == []


def test_today_is_the_day_in_jakarta(desk, world):
    world.now = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
    assert desk.told("ceiling", "show")[0].startswith("DAY#2026-11-25  ")


@pytest.mark.parametrize(
    "words",
    [["--wave", "143"], ["--kind", "incentive"], ["--date", "2026-11-24", "--wave", "143", "--kind", "SURVEY_1"]],
)
def test_a_ceiling_is_either_a_days_or_an_envelopes(desk, words):
    result = desk.run("ceiling", "show", *words)
    assert result.exit_code == 2
    assert "give a --date, or --wave and --kind" in result.output


# Who and how


def test_an_act_is_recorded_under_the_iam_identity(cloud):
    assert stages.caller() == boto3.client("sts", REGION).get_caller_identity()["Arn"]


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
