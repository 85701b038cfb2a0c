"""Months of attendance: which may be reported when, and that each pays once, by days or by province."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from msgspec.structs import replace

from chalicelib.aws.dynamodb import LegsFailed
from chalicelib.config import Programme, Settings
from chalicelib.errors import DomainError
from chalicelib.figures.schemes import Payment, Scheme
from chalicelib.payouts.errors import NothingToCome
from chalicelib.payouts.plans.plan_rules import INCENTIVES, SURVEYS, Stop, amount
from chalicelib.payouts.rules import Authority
from chalicelib.training import errors, wire
from chalicelib.training.rules import Training, TrainingAccount, TrainingState, check_month
from chalicelib.training.wire import AttendedMonthView, TrainingView
from chalicelib.waves.wire import beneficiary_view
from tests.builders.crashes import SOME_OR_ALL, Calls
from tests.builders.training import OTHER, PERSON, PLACED, Scene, paying_months, scene
from tests.conftest import T0

BY_PROVINCE = Scheme(
    version="stipend",
    first_wave=99_998,
    training_idr=0,
    payments=(
        Payment(
            kind="INCENTIVE",
            trigger="attendance",
            amount_idr=2_264_080,
            amounts_by_region={31: 5_396_761, 32: 2_191_232},
            times=6,
        ),
    ),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("scheme", "region", "days", "idr"),
    [
        (PLACED, 31, 1, 20_000),
        (PLACED, 94, 31, 620_000),
        (BY_PROVINCE, 31, 1, 5_396_761),
        (BY_PROVINCE, 32, 31, 2_191_232),
        (BY_PROVINCE, 33, 22, 2_264_080),
    ],
)
def test_a_month_pays_its_days_or_what_the_province_has(scheme, region, days, idr):
    assert {amount(kind, scheme, region, days) for kind in INCENTIVES[: scheme.incentives]} == {idr}
    told = beneficiary_view(replace(PERSON, region=region), scheme).incentive_idr
    assert told == (20_000 if scheme is PLACED else idr), "what a person reads is that of their province, or of a day"


def training(redeemed_at: str | None, completed_at: str | None = None) -> Training:
    return Training(
        registrant_id="ani",
        wave=54,
        id="t",
        course_id="c",
        partner_id="p",
        partner_name="P",
        code="C",
        title="T",
        skills=frozenset(),
        price_idr=0,
        hours=1,
        redeem_code="R",
        state=TrainingState.REDEEMED if redeemed_at else TrainingState.PURCHASED,
        purchased_at=T0,
        redeemed_at=at(redeemed_at) if redeemed_at else None,
        completed_at=at(completed_at) if completed_at else None,
    )


BEGUN = "2026-01-10T03:00:00+07:00"
NEVER = "2030-01-01T00:00:00+07:00"


@pytest.mark.parametrize(
    ("redeemed_at", "completed_at", "month", "now", "most"),
    [
        (BEGUN, None, "2026-01", "2026-02-01T00:00:00+07:00", 22),  # from the 10th, as soon as it is over in WIB
        (BEGUN, None, "2026-01", "2026-01-31T23:59:59+07:00", errors.ReportedInFuture),
        (BEGUN, None, "2026-02", NEVER, 28),
        (BEGUN, None, "2028-02", NEVER, 29),
        (BEGUN, None, "2026-12", NEVER, 31),
        (BEGUN, None, "2025-12", NEVER, errors.ReportedTooEarly),
        (BEGUN, None, "9999-12", NEVER, errors.ReportedInFuture),
        ("2026-01-31T16:59:59Z", None, "2026-01", NEVER, 1),  # the last second of January in WIB
        ("2026-01-31T17:00:00Z", None, "2026-01", NEVER, errors.ReportedTooEarly),
        (BEGUN, "2026-03-05T10:00:00+07:00", "2026-03", "2026-03-05T12:00:00+07:00", 5),  # its month need not be over
        (BEGUN, "2026-03-05T10:00:00+07:00", "2026-02", "2026-03-05T12:00:00+07:00", 28),
        (BEGUN, "2026-03-05T10:00:00+07:00", "2026-04", NEVER, 0),
        (BEGUN, "2026-03-05T10:00:00+07:00", "2026-04", "2026-03-31T12:00:00+07:00", errors.ReportedInFuture),
        (BEGUN, "2026-01-12T10:00:00+07:00", "2026-01", "2026-01-12T12:00:00+07:00", 3),
        # A partner's clock that is ahead over midnight gives no day that has not begun.
        (BEGUN, "2026-03-06T00:01:00+07:00", "2026-03", "2026-03-05T23:59:00+07:00", 5),
        (None, None, "2026-01", NEVER, errors.WrongTrainingState),
    ],
)
def test_as_many_days_of_a_month_as_have_passed_at_the_training(redeemed_at, completed_at, month, now, most):
    of = training(redeemed_at, completed_at)
    if not isinstance(most, int):
        with pytest.raises(most):
            check_month(of, month, 1, at(now))
        return
    for days in {1, most} - {0} if most else ():
        check_month(of, month, days, at(now))
    with pytest.raises(errors.TooManyDays) as refusal:
        check_month(of, month, most + 1, at(now))
    assert refusal.value.facts == {"most": most}


# Reports, on moto

ON_JANUARY_20 = at("2027-01-20T10:00:00+07:00")
LATER = at("2027-09-01T10:00:00+07:00")
ANI = replace(PERSON, registrant_id="ani", card_number="2026000000000033", scheme=PLACED.version, buy_by=LATER)


@pytest.fixture
def stage(cloud: Settings, programme: Programme) -> Scene:
    built = scene(cloud, paying_months(programme))
    built.choose(ANI)
    return built


@pytest.fixture
def placed(stage: Scene) -> TrainingView:
    """Ani's placement, taken in on 20 January."""
    bought = stage.buy(person=ANI, now=ON_JANUARY_20)
    stage.redeem(bought, ANI, ON_JANUARY_20)
    return bought


def attend(
    stage: Scene, of: TrainingView, month: str, days: int = 3, now: datetime = LATER
) -> tuple[AttendedMonthView, bool]:
    return stage.services.reports.attend_month(stage.partner, wire.AttendedMonthForm(of.redeem_code, month, days), now)


def earned(stage: Scene) -> list[tuple[str, int]]:
    return [(payout.kind, payout.amount_idr) for payout in stage.services.payouts.of(ANI)]


def test_months_in_any_order_are_paid_by_their_days_each_once_and_no_more_than_the_scheme_has(stage, placed):
    for number, (month, days) in enumerate((("2027-03", 20), ("2027-01", 12), ("2027-02", 28)), start=1):
        view, new = attend(stage, placed, month, days)
        assert (view.month, view.days, view.number, new) == (month, days, number, True)
        assert attend(stage, placed, month, days, LATER + timedelta(days=9)) == (view, False)
        with pytest.raises(errors.ReportedOtherwise):
            attend(stage, placed, month, days - 1)
    with pytest.raises(errors.AttendanceNotPaid) as refusal:
        attend(stage, placed, "2027-04")
    assert refusal.value.facts == {"times": 3}
    assert earned(stage) == [("INCENTIVE", 400_000), ("INCENTIVE_2", 240_000), ("INCENTIVE_3", 560_000)]
    assert len(stage.queued()) == 3
    assert len(stage.items("M#")) == 3


def test_a_month_counts_once_whatever_the_training_and_the_partner(stage, placed):
    rival = stage.new_partner()
    other = stage.buy(stage.course(provider=rival.id), ANI, ON_JANUARY_20)
    reports = stage.services.reports
    reports.redeem(rival, wire.RedemptionForm(other.redeem_code, ANI.card_number), ON_JANUARY_20)
    attend(stage, placed, "2027-02")
    with pytest.raises(errors.ReportedOtherwise):
        reports.attend_month(rival, wire.AttendedMonthForm(other.redeem_code, "2027-02", 3), LATER)
    march, _ = reports.attend_month(rival, wire.AttendedMonthForm(other.redeem_code, "2027-03", 4), LATER)
    assert march.number == 2
    assert earned(stage) == [("INCENTIVE", 60_000), ("INCENTIVE_2", 80_000)]


def test_what_is_refused_writes_nothing(stage, placed):
    stranger, ordinary = stage.new_partner(), stage.redeemed(OTHER)
    before = stage.items(""), stage.items("", "payouts")

    def refused(error: type[DomainError], call: Callable[[], object]) -> None:
        with pytest.raises(error):
            call()
        assert (stage.items(""), stage.items("", "payouts")) == before

    form = wire.AttendedMonthForm(placed.redeem_code, "2027-02", 3)
    refused(errors.RedeemCodeUnknown, lambda: stage.services.reports.attend_month(stranger, form, LATER))
    refused(errors.TooManyDays, lambda: attend(stage, placed, "2027-01", 13))
    refused(errors.ReportedTooEarly, lambda: attend(stage, placed, "2026-12"))
    refused(errors.ReportedInFuture, lambda: attend(stage, placed, "2027-09"))
    refused(errors.AttendanceNotPaid, lambda: attend(stage, ordinary, "2027-02"))
    stage.services.registrations.is_excluded = lambda _: True  # type: ignore[method-assign]
    refused(errors.ParticipantBlocked, lambda: attend(stage, placed, "2027-02"))


def test_nobody_excluded_earns_a_further_month_and_what_is_due_stays(stage, placed):
    january = attend(stage, placed, "2027-01")[0]
    stage.services.registrations.is_excluded = lambda _: True  # type: ignore[method-assign]
    with pytest.raises(errors.ParticipantBlocked):
        attend(stage, placed, "2027-02")
    assert attend(stage, placed, "2027-01") == (january, False)
    assert earned(stage) == [("INCENTIVE", 60_000)]


def test_nobody_who_was_stopped_earns_a_further_month_and_the_first_stop_counts(stage, placed):
    services = stage.services
    january = attend(stage, placed, "2027-01")[0]
    office = Authority("arn:aws:iam::123456789012:user/ani", "told us")
    for why in (Stop.DROPPED_OUT, Stop.DIED):
        [ended] = services.stop_plan(ANI.registrant_id, why, office, LATER)
        assert (ended.stopped, ended.stopped_at) == (Stop.DROPPED_OUT, LATER)
    with pytest.raises(errors.ParticipantBlocked):
        attend(stage, placed, "2027-02")
    assert attend(stage, placed, "2027-01") == (january, False)
    assert earned(stage) == [("INCENTIVE", 60_000)]
    assert services.payouts_of(ANI.registrant_id).stopped_because == "dropped_out"
    with pytest.raises(NothingToCome):
        services.stop_plan("nobody", Stop.DIED, office, LATER)


def test_a_stop_ends_months_and_no_survey_that_was_answered(cloud, programme):
    asking = replace(
        PLACED,
        version="asking",
        payments=(*PLACED.payments, Payment(kind="SURVEY", trigger="survey", amount_idr=50_000, times=1)),
    )
    built, who = scene(cloud, paying_months(programme, asking)), replace(ANI, scheme="asking")
    built.choose(who)
    services = built.services
    services.stop_plan(who.registrant_id, Stop.DROPPED_OUT, Authority("arn:aws:iam::1:user/ani", "told us"), LATER)
    with services.transaction() as tx:
        services.payouts.entitle(tx, who, SURVEYS[0], LATER)
    assert [(payout.kind, payout.amount_idr) for payout in services.payouts.of(who)] == [("SURVEY_1", 50_000)]
    with pytest.raises(LegsFailed), services.transaction() as tx:
        services.payouts.entitle(tx, who, INCENTIVES[0], LATER, 3)


def test_a_person_reads_what_their_first_payment_waits_for_and_a_deadline_only_where_one_must_buy(programme):
    payment = Payment(kind="INCENTIVE", trigger="award", amount_idr=1, times=2)
    award = Scheme(version="award", first_wave=99_997, training_idr=0, payments=(payment,))
    nothing = Scheme(version="nothing", first_wave=99_996, training_idr=1, payments=())
    told = [beneficiary_view(PERSON, scheme) for scheme in (*programme.schemes[:1], PLACED, award, nothing)]
    assert [view.first_payment_at for view in told] == ["review", "attendance", "award", None]
    assert [view.buy_by is None for view in told] == [False, False, True, False]


def test_a_place_depends_on_its_only_purchase_but_where_payments_begin_at_the_award(cloud, programme):
    payment = Payment(kind="INCENTIVE", trigger="award", amount_idr=1, times=2)
    award = Scheme(version="award", first_wave=99_997, training_idr=0, payments=(payment,))
    training = scene(cloud, paying_months(programme, award)).services.training
    only, two = TrainingAccount(0, purchases=1), TrainingAccount(0, purchases=2)
    assert training._place_until(only, ANI) == ANI.buy_by
    assert training._place_until(two, ANI) is None
    assert training._place_until(only, replace(ANI, scheme="award")) is None


def test_a_review_makes_a_graduate_and_nothing_due_where_attendance_is_paid(stage, placed):
    reports, now = stage.services.reports, ON_JANUARY_20 + timedelta(days=9)
    reports.attend(stage.partner, wire.AttendanceForm(placed.redeem_code, ON_JANUARY_20), now)
    reports.complete(stage.partner, wire.CompletionForm(placed.redeem_code, "C-1", now), now)
    stage.services.training.review(ANI.registrant_id, placed.training_id, wire.ReviewForm(9, "Baik."), now)
    assert stage.state(ANI) == "GRADUATED"
    assert earned(stage) == stage.queued() == []
    assert attend(stage, placed, "2027-01", 10, now)[1], "reported as soon as it is completed"
    with pytest.raises(errors.TooManyDays):
        attend(stage, placed, "2027-02", 1)
    assert earned(stage) == [("INCENTIVE", 200_000)]


def completes(stage: Scene, placed: TrainingView, text: str) -> Callable[[], object]:
    form = wire.CompletionForm(placed.redeem_code, "C-1", at(text))
    return lambda: stage.services.reports.complete(stage.partner, form, LATER)


@pytest.fixture
def present(stage, placed) -> TrainingView:
    """Ani's placement, where Ani was seen on the first day."""
    stage.services.reports.attend(stage.partner, wire.AttendanceForm(placed.redeem_code, ON_JANUARY_20), LATER)
    return placed


@pytest.mark.parametrize(
    ("month", "days", "too_early", "in_time"),
    [
        ("2027-01", 12, "2027-01-30T23:59:59+07:00", "2027-01-31T00:00:00+07:00"),  # from the 20th
        ("2027-02", 9, "2027-02-08T12:00:00+07:00", "2027-02-09T12:00:00+07:00"),
        ("2027-03", 1, "2027-02-28T23:59:59+07:00", "2027-03-01T00:00:00+07:00"),
    ],
)
def test_a_completion_contradicts_no_day_that_is_paid(stage, present, month, days, too_early, in_time):
    attend(stage, present, month, days)
    before = stage.items(""), earned(stage)
    with pytest.raises(errors.AttendedLater) as refusal:
        completes(stage, present, too_early)()
    assert refusal.value.facts == {"month": month, "days": days}
    assert (stage.items(""), earned(stage)) == before
    assert completes(stage, present, in_time)()[1]  # type: ignore[index]
    assert earned(stage) == before[1]


def test_of_a_completion_and_a_month_at_once_the_second_knows_of_the_first(stage, present):
    stage.just_before_the_next_commit(lambda: attend(stage, present, "2027-02", 20))
    with pytest.raises(errors.AttendedLater):
        completes(stage, present, "2027-02-10T12:00:00+07:00")()
    stage.just_before_the_next_commit(completes(stage, present, "2027-03-10T12:00:00+07:00"))
    with pytest.raises(errors.TooManyDays):
        attend(stage, present, "2027-03", 20)
    assert earned(stage) == [("INCENTIVE", 400_000)]


def test_another_trainings_months_bind_no_completion(stage, present):
    other = stage.buy(person=ANI, now=ON_JANUARY_20)
    stage.redeem(other, ANI, ON_JANUARY_20)
    attend(stage, other, "2027-03", 31)
    attend(stage, present, "2027-01", 12)
    assert completes(stage, present, "2027-01-31T12:00:00+07:00")()[1]  # type: ignore[index]


def test_two_reports_at_once_are_two_months_or_one(stage, placed):
    answers: list[tuple[AttendedMonthView, bool]] = []
    stage.just_before_the_next_commit(lambda: answers.append(attend(stage, placed, "2027-02", 2)))
    answers.append(attend(stage, placed, "2027-03", 5))
    stage.just_before_the_next_commit(lambda: answers.append(attend(stage, placed, "2027-04", 7)))
    answers.append(attend(stage, placed, "2027-04", 7))
    assert [(view.month, view.number, new) for view, new in answers] == [
        ("2027-02", 1, True),
        ("2027-03", 2, True),
        ("2027-04", 3, True),
        ("2027-04", 3, False),
    ]
    assert earned(stage) == [("INCENTIVE", 40_000), ("INCENTIVE_2", 100_000), ("INCENTIVE_3", 140_000)]


def test_a_month_that_a_restored_table_lost_is_kept_again_and_pays_nothing_twice(stage, placed):
    first, _ = attend(stage, placed, "2027-01")
    table = boto3.resource("dynamodb", stage.settings.region).Table(stage.settings.table("training"))
    table.delete_item(Key={"pk": "M#ani", "sk": f"{ANI.wave:06}#2027-01"})
    assert attend(stage, placed, "2027-01") == (first, True)
    assert attend(stage, placed, "2027-02")[0].number == 2
    assert earned(stage) == [("INCENTIVE", 60_000), ("INCENTIVE_2", 60_000)]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


@SOME_OR_ALL
@pytest.mark.parametrize("where", ["before", "after"])
def test_a_report_may_die_at_any_call_and_the_month_is_paid_once(stage, placed, calls, where, picked: Any):
    assert stage.partner
    calls.reset()
    attend(stage, placed, "2027-01")
    points = picked(range(len(calls.made)))
    stage.queued()
    for at_call in points:
        month = f"2027-0{2 + at_call % 2}"
        # A later point finds what an earlier one has left: a month that is written, or one that is not.
        calls.dies(lambda month=month: attend(stage, placed, month), where, at_call)
    for month in ("2027-02", "2027-03"):
        attend(stage, placed, month)
    assert [kind for kind, _ in earned(stage)] == ["INCENTIVE", "INCENTIVE_2", "INCENTIVE_3"]
    due = {payout.payout_id for payout in stage.services.payouts.of(ANI)} - set(stage.queued())
    later = LATER + timedelta(seconds=stage.services.programme.payouts.requeue_after_s + 1)
    stage.services.payouts.sweep(later)
    assert due <= set(stage.queued()), "the sweep finds what was not queued"
