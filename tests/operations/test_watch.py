"""The watch: if something due does not happen, the alarm of its promise rings in time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import msgspec
import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from chalicelib.aws.job_progress import Runs
from chalicelib.config import Programme, Settings, load_programme
from chalicelib.payouts.ledger.records import StoredAttempt
from chalicelib.payouts.reconciliation.nightly import DayComparison, DayStore, NightlyComparison
from chalicelib.payouts.rules import Entitlement, Hold, Move
from chalicelib.payouts.rules import State as Payout
from chalicelib.payouts.service import BACKLOG_MAX
from chalicelib.watch import DAILY, PROMISED, next_due
from chalicelib.waves.rules import WaveState
from chalicelib.wiring import Services
from tests.builders.crashes import Calls, Crash
from tests.builders.payouts.world import World as Payments
from tests.builders.registration import SITI
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld, joined
from tests.conftest import REGION, T0
from tests.e2e.world import Context

from .conftest import LOOK, MINUTE, OnDuty


def dies(*_: Any, **__: Any) -> Any:
    raise Crash


def unreachable(*_: Any, **__: Any) -> Any:
    raise ClientError({"Error": {"Code": "InternalError"}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "Publish")


# The waves


def test_a_wave_on_time_rings_nothing(world, on_duty):
    joined(world)
    for due in (OPENS, CLOSES - timedelta(seconds=5), CLOSES, FREEZES, ROUND):
        world.at(due)
        for job in ("step", "award", "results"):
            assert not on_duty.rings(job, due + 2 * LOOK)


def never_begun(world: WavesWorld, patch: pytest.MonkeyPatch) -> datetime:
    return OPENS


def not_closed(world: WavesWorld, patch: pytest.MonkeyPatch) -> datetime:
    world.at(OPENS, CLOSES - timedelta(seconds=5))
    return CLOSES


def killed_at_its_limit(world: WavesWorld, patch: pytest.MonkeyPatch) -> datetime:
    """Every sixteen minutes it gets as far as the lists, and is killed."""
    world.at(OPENS)
    patch.setattr(world.publication, "put", dies)
    for again in range(3):
        with pytest.raises(Crash):
            world.at(FREEZES + again * 16 * MINUTE)
    return FREEZES


def no_beacon(world: WavesWorld, patch: pytest.MonkeyPatch) -> datetime:
    world.at(OPENS, FREEZES)
    world.beacons.silent = True
    world.at(ROUND + MINUTE)
    return ROUND


def not_announced(world: WavesWorld, patch: pytest.MonkeyPatch) -> datetime:
    world.at(OPENS, CLOSES - timedelta(seconds=5))
    patch.setattr(world.sns, "publish", unreachable)
    world.at(CLOSES)
    assert world.store.wave(WAVE).state is WaveState.CLOSED
    return CLOSES


@pytest.mark.parametrize("cause", [never_begun, not_closed, killed_at_its_limit, no_beacon, not_announced])
def test_a_step_that_is_not_done_rings(cause, world, on_duty, monkeypatch):
    joined(world)
    due = cause(world, monkeypatch)
    on_duty.rings_in_time("step", due)
    assert str(WAVE) in on_duty.late("step")["waves"]
    assert not on_duty.cloudwatch.rings("award-late", on_duty.now + LOOK)


def test_unawarded_seats_ring_until_they_are_awarded(world, on_duty, monkeypatch):
    joined(world)
    world.at(OPENS, FREEZES)
    with monkeypatch.context() as patch:
        patch.setattr(type(world.stepper._award), "run", dies)
        with pytest.raises(Crash):
            world.at(ROUND)
    on_duty.rings_in_time("award", ROUND)
    assert on_duty.late("award")["waves"][str(WAVE)].startswith("SETTLED, ")
    assert not on_duty.cloudwatch.rings("step-late", on_duty.now + LOOK)
    world.at(on_duty.now + MINUTE)
    assert not on_duty.rings("award", on_duty.now + 3 * LOOK)
    # Nobody has told them, so the next promise is late in its turn.
    settled_at = world.store.wave(WAVE).settled_at
    on_duty.rings_in_time("results", settled_at)
    on_duty.fire("write_notices", on_duty.now + MINUTE)
    assert not on_duty.rings("results", on_duty.now + 3 * LOOK)


# Payments


def test_overdue_payments_ring_until_they_are_made(cloud, programme, on_duty):
    payments = Payments(cloud, programme)
    with payments.sandbox:
        due = payments.now
        entitlement = payments.entitle(payments.person("siti"))
        on_duty.rings_in_time("payouts", due)
        payments.now = on_duty.now
        payments.worker.process(entitlement, payments.now)
        assert not on_duty.rings("payouts", on_duty.now + 3 * LOOK)


DAY = timedelta(days=1)


def to_pay(cloud: Settings, programme: Programme, patch: pytest.MonkeyPatch) -> tuple[OnDuty, Payments, Entitlement]:
    """With the waits of production: a watch, and a payment that is due."""
    waits = msgspec.structs.replace(programme, payouts=load_programme("prod").payouts)
    on_duty, payments = OnDuty(Services(cloud, waits, lambda: T0), patch), Payments(cloud, waits)
    return on_duty, payments, payments.store.get(payments.entitle(payments.person("siti")))


def attempted(payments: Payments, entitlement: Entitlement, end: Move, rail: str = "rail") -> Entitlement:
    """One attempt more, and how it ended."""
    n = entitlement.n + 1
    attempt = StoredAttempt(n, f"{entitlement.id}-{n}", b"-", T0, rail)
    return payments.store.move(payments.store.claim(entitlement, attempt, T0), end, T0)


PASSING = Move(Payout.FAILED, "TEMPORARY_TRANSFER_ERROR")
LOOKED_AT_H = 1
"""In hours: how often what is HELD is looked at."""


@pytest.mark.parametrize(
    ("ends", "hours"),
    [
        ((PASSING,), 5 / 60),
        ((PASSING, PASSING), 12),
        ((Move(Payout.HELD, "INSUFFICIENT_BALANCE", Hold.OUR_SIDE),), 1 + LOOKED_AT_H),
        ((Move(Payout.HELD, "INVALID_DESTINATION", Hold.ACCOUNT_REFUSED),), 72 + LOOKED_AT_H),
        ((PASSING, Move(Payout.HELD, "INSUFFICIENT_BALANCE", Hold.OUR_SIDE)), 4 + LOOKED_AT_H),
    ],
)
def test_a_resting_payment_rings_only_after_its_rest(
    cloud, programme, monkeypatch, ends: tuple[Move, ...], hours: float
):
    on_duty, payments, entitlement = to_pay(cloud, programme, monkeypatch)
    for end in ends:
        entitlement = attempted(payments, entitlement, end)
    over = T0 + timedelta(hours=hours)
    assert not on_duty.rings("payouts", over)
    on_duty.rings_in_time("payouts", over)


def test_changing_an_account_again_restarts_the_wait_and_rings_nothing(cloud, programme, monkeypatch):
    on_duty, payments, due = to_pay(cloud, programme, monkeypatch)
    looked = timedelta(hours=LOOKED_AT_H)

    def look(now: datetime, pay_from: datetime) -> Payout:
        address = payments.people.addresses["siti"]
        payments.people.addresses["siti"] = replace(address, pay_from=pay_from)
        return payments.worker.process(due.id, now)

    assert look(T0, T0 + 3 * DAY) is Payout.HELD
    before = payments.store.get(due.id)
    again = T0 + 5 * DAY
    assert look(T0 + DAY, again) is Payout.HELD
    assert payments.store.get(due.id) == before, "each look while it waits writes nothing"
    assert look(T0 + 3 * DAY + looked, again) is Payout.HELD
    assert not on_duty.rings("payouts", T0 + 3 * DAY + 2 * looked + 3 * LOOK)
    assert not on_duty.rings("payouts", again + 2 * looked)
    on_duty.rings_in_time("payouts", T0 + 6 * DAY + 2 * looked)
    with payments.sandbox:
        payments.now = on_duty.now
        assert look(on_duty.now, again) is Payout.PAID
    assert not on_duty.rings("payouts", on_duty.now + 3 * LOOK)


def test_after_the_last_failed_attempt_the_cancellation_is_due_at_once(cloud, programme, monkeypatch):
    on_duty, payments, entitlement = to_pay(cloud, programme, monkeypatch)
    for _ in range(payments.rules.attempts_max):
        entitlement = attempted(payments, entitlement, PASSING)
    on_duty.rings_in_time("payouts", T0)


# The scheduled jobs

KILLED = {
    "sweep_payouts": ("payouts", "sweep"),
    "advance_plans": ("plans", "run_at_once"),
    "write_notices": ("notice_writer", "run"),
    "erase_people": ("erasure", "run"),
    "end_terms": ("terms", "run"),
    "tally_statistics": ("tally_job", "run"),
    "expire_places": ("revocation", "run"),
    "reconcile_payouts": ("daily_reconciliation", "run"),
    "open_surveys": ("survey_job", "run"),
    "check_grievances": ("helpdesk", "check"),
    "publish_journal": ("journal_heads", "run"),
}


def test_sweeps_that_do_nothing_for_a_backlog_ring(on_duty):
    queue = boto3.client("sqs", REGION)
    url = on_duty.services.settings.payouts_queue_url
    for batch in range(BACKLOG_MAX // 10 + 1):
        entries = [{"Id": str(n), "MessageBody": f"{batch}"} for n in range(10)]
        queue.send_message_batch(QueueUrl=url, Entries=entries)
    on_duty.fire("watch", T0)
    for minutes in range(20):
        on_duty.fire("sweep_payouts", T0 + minutes * MINUTE)
    on_duty.rings_in_time("sweep_payouts", next_due("sweep_payouts", T0))
    queue.purge_queue(QueueUrl=url)
    on_duty.fire("sweep_payouts", on_duty.now + MINUTE)
    assert not on_duty.rings("sweep_payouts", on_duty.now + 3 * LOOK)


@pytest.mark.parametrize("others", [(), tuple(job for job in KILLED if job != "check_grievances")])
def test_nothing_is_overdue_from_before_an_upgrade(world, on_duty, others: tuple[str, ...]):
    """It gets the table of runs, or one job more."""
    assert world.store.start(T0 - 100 * DAY) == T0 - 100 * DAY
    for job in others:
        on_duty.services.runs.whole(job, T0)
    for job in KILLED:
        assert not on_duty.rings(job, T0 + 2 * LOOK)
    on_duty.rings_in_time("check_grievances", next_due("check_grievances", T0))  # its first look


@pytest.mark.parametrize("job", KILLED)
def test_a_job_that_is_killed_rings_until_it_has_done_its_work(job, cloud, on_duty, monkeypatch):
    services = on_duty.services
    # The provider is not asked: there is none here, and nothing was paid.
    ledger = DayComparison(services.payout_store, {})
    services.daily_reconciliation = NightlyComparison(
        ledger, DayStore(services._client("s3"), cloud.reports_bucket), "gelombang-test"
    )
    on_duty.fire("watch", T0)
    first = next_due(job, T0)
    on_duty.rings_in_time(job, first)  # it has never run

    on_duty.fire(job, on_duty.now + MINUTE)
    assert not on_duty.rings(job, on_duty.now + 3 * LOOK)
    due = next_due(job, Runs().last_whole()[job])
    with monkeypatch.context() as patch:
        service, method = KILLED[job]
        patch.setattr(getattr(services, service), method, dies)
        with pytest.raises(Crash):
            on_duty.fire(job, due)
    on_duty.rings_in_time(job, due)


def test_an_unfinished_run_does_not_count(on_duty, monkeypatch):
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: 0)
    for job in sorted({*KILLED} - {"sweep_payouts", "expire_places"}):
        on_duty.fire(job, T0)
    assert Runs().last_whole() == {}


def test_a_run_that_ends_late_does_not_set_a_later_one_back(on_duty):
    runs = on_duty.services.runs
    runs.whole("sweep_payouts", T0 + MINUTE)
    runs.whole("sweep_payouts", T0)
    assert runs.last_whole() == {"sweep_payouts": T0 + MINUTE}


@pytest.mark.parametrize("job", DAILY)
def test_a_daily_job_is_due_at_its_hour_whenever_it_was_done_before(job):
    hour = datetime.combine(T0.date(), DAILY[job], UTC)
    assert next_due(job, hour - MINUTE) == hour
    assert next_due(job, hour) == next_due(job, hour + MINUTE) == hour + timedelta(days=1)


# The watch itself


def test_the_watch_reads_little_and_writes_what_it_found(on_duty, monkeypatch):
    on_duty.fire("watch", T0)  # the first one of a stage says since when
    calls = Calls(monkeypatch)
    on_duty.fire("watch", T0 + LOOK)
    assert Counter(calls.made) == {
        ("dynamodb", "Query"): 36,
        ("dynamodb", "GetItem"): 2,
        ("dynamodb", "PutItem"): 1,
    }
    calls.reset()
    on_duty.services.runs.whole("sweep_payouts", T0)
    assert calls.made == [("dynamodb", "PutItem")]


def test_a_watch_that_stops_is_noticed(on_duty):
    for job in PROMISED:
        assert on_duty.cloudwatch.rings(f"{job}-late", T0)
    for job in PROMISED:
        assert not on_duty.rings(job, T0 + 2 * LOOK)
    assert all(on_duty.cloudwatch.rings(f"{job}-late", T0 + 6 * LOOK) for job in PROMISED), "it died meanwhile"


def test_one_missed_look_rings_nothing(on_duty):
    on_duty.fire("watch", T0)
    assert not any(on_duty.cloudwatch.rings(f"{job}-late", T0 + 2 * LOOK) for job in PROMISED)


def test_a_failing_measurement_rings_and_does_not_stop_the_others(on_duty, monkeypatch):
    def refused() -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "Query")

    monkeypatch.setattr(on_duty.services.watch._results, "places", refused)
    assert on_duty.rings("results", T0 + 2 * LOOK)
    assert [job for job in PROMISED if on_duty.cloudwatch.rings(f"{job}-late", T0 + 2 * LOOK)] == ["results"]
    # A right that is missing does not come by itself: that rings at once, too.
    assert on_duty.cloudwatch.rang("another-needs-a-person")
    look = on_duty.services.runs.last_look()
    assert look.late_since.keys() == PROMISED.keys() - {"results"}


def test_a_registration_that_the_registry_never_answers_rings(cloud, programme, monkeypatch):
    services = Services(replace(cloud, registry_url="http://127.0.0.1:9"), programme, lambda: T0)
    on_duty = OnDuty(services, monkeypatch)
    assert not on_duty.rings("registry", T0)
    services.registrations.register("siti", SITI, T0)
    on_duty.fire("sweep_registry", T0 + timedelta(hours=1))  # which queues it again, and answers nothing
    on_duty.rings_in_time("registry", T0)
