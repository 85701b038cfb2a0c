"""Partners' reports: redeeming a code, attendance, completion; each once, in order, by the right partner."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from chalicelib.clock import WIB, iso
from chalicelib.config import Programme, load_programme
from chalicelib.training import errors, wire
from chalicelib.training.courses import CourseItem
from chalicelib.training.reports import UNUSUAL
from chalicelib.training.rules import Certificate, TrainingAccount
from chalicelib.training.store import TrainingItem
from chalicelib.waves.rules import Beneficiary
from tests.builders.training import OTHER, PERSON, SECOND, Scene, scene
from tests.conftest import T0

MS = timedelta(milliseconds=1)
SKEW = timedelta(minutes=5)


def with_unusual(programme: Programme, **figures: int) -> Programme:
    unusual = msgspec.structs.replace(programme.partners.unusual, **figures)
    return msgspec.structs.replace(programme, partners=msgspec.structs.replace(programme.partners, unusual=unusual))


def validate(stage: Scene, bought: wire.TrainingView, card: str = PERSON.card_number) -> wire.RedemptionView:
    return stage.services.reports.validate(stage.partner, wire.RedemptionForm(bought.redeem_code, card))


def training(stage: Scene) -> wire.TrainingView:
    [view] = stage.trainings().trainings
    return view


def test_a_training_goes_from_its_code_to_its_certificate(stage):
    bought = stage.buy()
    before = stage.items("")
    checked = validate(stage, bought)
    assert stage.items("") == before
    assert (checked.redeem_code, checked.course, checked.state) == (bought.redeem_code, bought.course, "PURCHASED")
    reports = (stage.redeem, "redeemed_at"), (stage.attend, "attended_at"), (stage.complete, "completed_at")
    for second, (report, at) in enumerate(reports, start=1):
        completed, new = report(bought)
        said = (completed.state, getattr(completed, at), new)
        assert said == (at.removesuffix("_at").upper(), f"2026-11-24T03:00:0{second}Z", True)
    assert (completed.certificate_number, validate(stage, bought)) == ("C-1", completed)
    mine = training(stage)
    for name in ("state", "redeemed_at", "attended_at", "completed_at", "certificate_number"):
        assert getattr(mine, name) == getattr(completed, name)
    assert mine.cancellable_until is None
    person = PERSON.registrant_id
    assert stage.account() == TrainingAccount(2_500_000, purchases=1, completed=1)
    assert stage.services.training.skills_of(person) == {"programming", "data_analysis"}
    assert stage.services.training.certificates_of(person) == [
        Certificate("Dasar Pemrograman Python", "Pelatihan Jaya", "C-1", T0 + 3 * SECOND)
    ]
    assert stage.queued() == []


def test_each_report_again_gives_the_training_as_it_stands_and_changes_nothing(stage):
    bought = stage.buy()
    for report in (stage.redeem, stage.attend, stage.complete):
        view, _ = report(bought)
        assert report(bought) == (view, False)
    before = stage.items("")
    # In another time zone and with microseconds it is the same time.
    wib = (T0 + 2 * SECOND + timedelta(microseconds=999)).astimezone(WIB)
    assert stage.attend(bought, wib) == (view, False)
    assert stage.complete(bought) == (view, False)
    assert stage.items("") == before
    for again in (
        lambda: stage.attend(bought, T0 + 2 * SECOND + MS),
        lambda: stage.complete(bought, "C-2"),
        lambda: stage.complete(bought, at=T0 + 3 * SECOND + MS),
    ):
        with pytest.raises(errors.ReportedOtherwise):
            again()
    assert stage.items("") == before


def test_another_partners_code_looks_unknown(stage):
    code, stranger = stage.attended().redeem_code, stage.new_partner()
    reports, late = stage.services.reports, T0 + 9 * SECOND

    def refused(report: Any, *told: Any) -> None:
        with pytest.raises(errors.RedeemCodeUnknown) as refusal:
            report(*told)
        assert refusal.value.facts == {}

    for partner, sent in ((stranger, code), (stage.partner, "A" * 16)):
        refused(reports.validate, partner, wire.RedemptionForm(sent, PERSON.card_number))
        refused(reports.redeem, partner, wire.RedemptionForm(sent, PERSON.card_number), late)
        refused(reports.attend, partner, wire.AttendanceForm(sent, T0), late)
        refused(reports.complete, partner, wire.CompletionForm(sent, "C-1", T0 + 2 * SECOND), late)
    assert training(stage).state == "ATTENDED"


def test_a_code_is_redeemed_only_with_the_buyers_card_and_a_standing_purchase(stage):
    bought = stage.buy()
    for report in (lambda: validate(stage, bought, OTHER.card_number), lambda: stage.redeem(bought, OTHER)):
        with pytest.raises(errors.CardMismatch):
            report()
    stage.services.training.cancel(PERSON.registrant_id, bought.training_id, T0)
    for happens in (lambda: None, stage.revoke):
        happens()
        for report in (lambda: validate(stage, bought), lambda: stage.redeem(bought)):
            with pytest.raises(errors.TrainingCancelled):
                report()
    assert training(stage).state == "CANCELLED"


def test_no_report_comes_before_the_one_that_it_needs(stage):
    bought = stage.buy()

    def refused(report: Any) -> dict[str, Any]:
        with pytest.raises(errors.WrongTrainingState) as refusal:
            report(bought)
        return refusal.value.facts

    assert refused(stage.attend) == {"state": "PURCHASED", "needs": "REDEEMED"}
    assert refused(stage.complete) == {"state": "PURCHASED", "needs": "ATTENDED"}
    stage.redeem(bought)
    assert refused(stage.complete) == {"state": "REDEEMED", "needs": "ATTENDED"}
    assert training(stage).state == "REDEEMED"
    bought = stage.buy()
    stage.services.training.cancel(PERSON.registrant_id, bought.training_id, T0)
    assert refused(stage.attend)["state"] == "CANCELLED"
    assert stage.items("CERT#") == []


def test_an_attested_time_lies_between_the_previous_step_and_now(stage):
    """As far as that of a signature may be: the purchase and now are by our clock, attendance is by the partner's."""
    reports, code = stage.services.reports, stage.redeemed().redeem_code
    assert timedelta(seconds=stage.services.programme.partners.clock_skew_s) == SKEW
    now = T0 + timedelta(hours=1)
    wrong = (now + SKEW + MS, errors.ReportedInFuture), (T0 - SKEW - MS, errors.ReportedTooEarly)
    for at, error in wrong:
        with pytest.raises(error):
            reports.attend(stage.partner, wire.AttendanceForm(code, at), now)
    reports.attend(stage.partner, wire.AttendanceForm(code, T0 - SKEW), now)
    for at, error in wrong:
        with pytest.raises(error):
            reports.complete(stage.partner, wire.CompletionForm(code, "C-1", at), now)
    assert stage.items("CERT#") == []
    ahead = wire.CompletionForm(code, "C-1", now + SKEW)
    view, new = reports.complete(stage.partner, ahead, now)
    assert (view.completed_at, new) == (iso(now + SKEW), True)
    assert reports.complete(stage.partner, ahead, now + SECOND) == (view, False)
    ahead = wire.AttendanceForm(stage.redeemed(OTHER).redeem_code, now + SKEW)
    view, new = reports.attend(stage.partner, ahead, now)
    assert (view.attended_at, new) == (iso(now + SKEW), True)
    assert reports.attend(stage.partner, ahead, now + timedelta(hours=9)) == (view, False)


def test_a_certificate_proves_one_training_and_two_partners_may_use_its_number(stage):
    stage.completed("C-1")
    other = stage.attended(OTHER)
    with pytest.raises(errors.CertificateAlreadyUsed):
        stage.complete(other, "C-1")
    assert stage.services.training.certificates_of(OTHER.registrant_id) == []
    assert stage.complete(other, "C-2")[1]
    rival = stage.new_partner()
    bought = stage.buy(stage.course(provider=rival.id))
    reports, late = stage.services.reports, T0 + 9 * SECOND
    reports.redeem(rival, wire.RedemptionForm(bought.redeem_code, PERSON.card_number), late)
    reports.attend(rival, wire.AttendanceForm(bought.redeem_code, T0), late)
    assert reports.complete(rival, wire.CompletionForm(bought.redeem_code, "C-1", T0 + SECOND), late + SECOND)[1]


def test_a_course_is_completed_after_its_hours_and_not_before(cloud):
    """What a partner sells, attends and completes within a second, with the figures of production."""
    stage = scene(cloud, load_programme("prod"))
    course = stage.course(hours="15")
    bought = stage.buy(course)
    stage.redeem(bought)
    stage.attend(bought, T0 + 2 * SECOND)
    at, lasts = T0 + 2 * SECOND, timedelta(hours=15)
    for completed_at in (at, at + lasts - MS):
        with pytest.raises(errors.CompletedTooSoon) as refusal:
            stage.complete(bought, at=completed_at)
        assert refusal.value.facts == {"hours": 15, "earliest": iso(at + lasts)}
    assert stage.items("CERT#") == []
    # A later import changes nothing of what was bought.
    [row] = stage.items("COURSES")
    stage.course(code=row["code"], hours="100")
    assert [stage.complete(bought, at=at + lasts)[1] for _ in range(2)] == [True, False]


def test_a_course_without_hours_is_not_sold_but_bought_ones_can_be_completed(stage):
    bought = stage.attended()
    course = bought.course_id
    CourseItem("COURSES", course).update([CourseItem.hours.remove()])
    TrainingItem(f"T#{PERSON.registrant_id}", bought.training_id).update([TrainingItem.hours.remove()])
    with pytest.raises(errors.CourseNotOffered):
        stage.buy(course, OTHER)
    assert stage.complete(bought, at=T0 + 2 * SECOND)[1]


def rung(caplog: pytest.LogCaptureFixture) -> list[tuple[int, int, int]]:
    """What rang since the last look: completions, hours and quick ones of the day."""
    lines = [(one.completions, one.hours, one.quick) for one in caplog.records if one.message == UNUSUAL]
    caplog.clear()
    return lines


def complete_one(stage: Scene, hours: int, after: int, person: Beneficiary = PERSON) -> None:
    """A course of so many hours (seconds here) is completed so many after its code was taken in."""
    bought = stage.buy(stage.course(hours=str(hours), price_idr=str(hours * 10_000)), person)
    stage.redeem(bought, person)
    stage.attend(bought)
    done = T0 + SECOND + after * SECOND
    form = wire.CompletionForm(bought.redeem_code, bought.redeem_code, max(done, T0 + (2 + hours) * SECOND))
    assert [stage.services.reports.complete(stage.partner, form, done)[1] for _ in range(2)] == [True, False]


def test_a_too_quick_completion_rings_and_is_accepted(cloud, programme, caplog):
    """Half of a day's completions, and three of them, took less than twice the hours of the course."""
    stage = scene(cloud, with_unusual(programme, quick_min=3))
    rings = {6: [(6, 60, 3)], 8: [(8, 80, 4)]}  # not for two of five, nor for three of seven
    for number, after in enumerate((30, 20, 20, 19, 10, 19, 30, 11), start=1):
        complete_one(stage, 10, after)
        assert rung(caplog) == rings.get(number, [])
    assert len(stage.items("CERT#")) == 8


def test_a_partner_that_teaches_more_hours_a_day_than_it_can_rings(cloud, programme, caplog):
    stage = scene(cloud, with_unusual(programme, hours=30))
    for _ in range(3):
        complete_one(stage, 10, 100)
    assert rung(caplog) == []
    complete_one(stage, 1, 100)
    assert rung(caplog) == [(4, 31, 0)]
    # What comes again is not counted again, and the next day begins anew.
    [day] = stage.items("DAY#")
    assert (day["sk"], int(day["completions"])) == ("2026-11-24", 4)
    complete_one(stage, 1, 24 * 3600)
    assert rung(caplog) == []
    assert sorted(row["sk"] for row in stage.items("DAY#")) == ["2026-11-24", "2026-11-25"]


def test_two_equal_reports_at_once_are_one(stage):
    bought = stage.buy()
    for report in (stage.redeem, stage.attend, stage.complete):
        first: list[tuple[wire.RedemptionView, bool]] = []
        stage.just_before_the_next_commit(lambda report=report, first=first: first.append(report(bought)))
        view, new = report(bought)
        assert (first, new) == ([(view, True)], False)
    assert len(stage.items("CERT#")) == 1
    assert stage.account().completed == 1


def test_a_change_between_reading_and_writing_is_noticed(stage):
    bought = stage.buy()
    stage.just_before_the_next_commit(
        lambda: stage.services.training.cancel(PERSON.registrant_id, bought.training_id, T0)
    )
    with pytest.raises(errors.TrainingCancelled):
        stage.redeem(bought)
    ours, others = stage.attended(), stage.attended(OTHER)
    stage.just_before_the_next_commit(lambda: stage.complete(ours, "C-1"))
    with pytest.raises(errors.CertificateAlreadyUsed):
        stage.complete(others, "C-1")
    third = stage.redeemed()
    stage.just_before_the_next_commit(lambda: stage.attend(third, T0))
    with pytest.raises(errors.ReportedOtherwise):
        stage.attend(third, T0 + SECOND)
