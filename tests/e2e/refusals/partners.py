"""Courses, purchases, partners' reports and the job market: successes and refusals of each endpoint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from chalicelib.clock import iso
from chalicelib.training import signatures
from chalicelib.training.store import TrainingItem
from tests.builders.training import SECOND
from tests.builders.waves import CLOSES, OPENS
from tests.e2e import routes
from tests.e2e.gateway import A_MONTH, AN_HOUR, Bought, Call, Gateway, Provoke

WRONG_OFFERS: dict[str, dict[str, Any]] = {
    "unknown_region": {"province": "99"},
    "unknown_skill": {"skills": ["juggling"]},
    "salary_range_reversed": {"salary_min_idr": 8_000_001},
    "closing_time_out_of_range": {"closes_at": "2126-11-24T03:00:00Z"},
}

# Participants


def buying(gateway: Gateway, course: str = "", person: str = "") -> Call:
    return Call(routes.BUY, {"course_id": course or gateway.course}, person=person or gateway.chosen().registrant_id)


def buy_too_late(gateway: Gateway) -> Call:
    beneficiary = gateway.chosen()
    gateway.now = beneficiary.buy_by
    return buying(gateway, person=beneficiary.registrant_id)


def cancelling(bought: Bought) -> Call:
    return Call(routes.CANCEL, person=bought.person).at(bought.training_id)


def cancel_too_late(gateway: Gateway) -> Call:
    call = cancelling(gateway.bought())
    gateway.now += timedelta(seconds=gateway.services.programme.training.cancel_within_s)
    return call


def reviewing(bought: Bought, text: str = "Sangat membantu sekali.") -> Call:
    return Call(routes.REVIEW, {"rating": 9, "text": text}, person=bought.person).at(bought.training_id)


# What partners report


def signed_wrongly(report: Provoke) -> dict[str, Provoke]:
    """What any report meets that is not signed as it should be; `report` is one that would succeed."""
    wrong_key = "00" * signatures.KEY_BYTES
    return {
        "partner_signature_missing": lambda gateway: report(gateway).but(partner=None),
        "partner_signature_expired": lambda gateway: report(gateway).but(signed_at=gateway.now - AN_HOUR),
        "partner_signature_invalid": lambda gateway: report(gateway).but(partner=(gateway.partner[0], wrong_key)),
        "partner_revoked": lambda gateway: report(gateway).but(partner=revoked_partner(gateway)),
        "partner_not_allowed": lambda gateway: report(gateway).but(partner=gateway.office),
        "partner_request_replayed": lambda gateway: gateway.sent(report(gateway).but(signed_at=gateway.now)),
    }


def revoked_partner(gateway: Gateway) -> tuple[str, str]:
    """A partner who may report nothing any more."""
    partner = gateway.new_partner()
    gateway.services.partners.revoke(partner[0], gateway.now)
    return partner


def anothers(report: Provoke) -> Provoke:
    """A partner says the same of what is another's."""
    return lambda gateway: report(gateway).but(partner=gateway.new_partner())


def reporting(
    route: str,
    form: Callable[[Gateway, Bought], dict[str, Any]],
    bought: Callable[[Gateway], Bought],
    **changes: Any,
) -> Provoke:
    """The partner reports of somebody who has come so far."""
    return lambda gateway: Call(route, form(gateway, bought(gateway)) | changes, partner=gateway.partner)


def redeeming(route: str, bought: Callable[[Gateway], Bought] = Gateway.bought, **changes: str) -> Provoke:
    return reporting(route, Gateway.redemption, bought, **changes)


def cancelled(gateway: Gateway) -> Bought:
    bought = gateway.bought()
    gateway.ok(cancelling(bought))
    return bought


def excluded_since(gateway: Gateway) -> Bought:
    bought = gateway.bought()
    gateway.exclude(bought.person)
    return bought


def redemption_refusals(route: str) -> dict[str, Provoke]:
    return {
        **signed_wrongly(redeeming(route)),
        "redeem_code_unknown": anothers(redeeming(route)),
        "card_mismatch": redeeming(route, card_number="2026000000000017"),
        "training_cancelled": redeeming(route, cancelled),
        "participant_blocked": redeeming(route, excluded_since),
    }


def attending(bought: Callable[[Gateway], Bought] = Gateway.redeemed, **changes: str) -> Provoke:
    return reporting(routes.ATTEND, Gateway.attendance, bought, **changes)


def completing(bought: Callable[[Gateway], Bought] = Gateway.attended, **changes: str) -> Provoke:
    return reporting(routes.COMPLETE, Gateway.completion, bought, **changes)


def complete_too_soon(gateway: Gateway) -> Call:
    call = completing()(gateway)
    return call.but(body=call.body | {"completed_at": iso(gateway.now - 2 * SECOND)})


def complete_with_used_certificate(gateway: Gateway) -> Call:
    number = gateway.sent(completing()(gateway)).body["certificate_number"]
    return completing(certificate_number=number)(gateway)


def attending_month(bought: Callable[[Gateway], Bought] = Gateway.placed, **changes: Any) -> Provoke:
    return reporting(routes.ATTEND_MONTH, Gateway.attended_month, bought, **changes)


def excluded_at_work(gateway: Gateway) -> Bought:
    placed = gateway.placed()
    gateway.exclude(placed.person)
    return placed


def complete_before_attended_days(gateway: Gateway) -> Call:
    began = gateway.now - A_MONTH
    placed = gateway.placed()
    TrainingItem(f"T#{placed.person}", placed.training_id).update([TrainingItem.purchased_at.set(began)])
    for route, form in (
        (routes.ATTEND_MONTH, gateway.attended_month(placed) | {"days": 2}),
        (routes.ATTEND, gateway.attendance(placed) | {"attended_at": iso(began)}),
    ):
        gateway.ok(Call(route, form, partner=gateway.partner))
    ended = began + timedelta(seconds=gateway.services.programme.training.hour_s)
    return Call(routes.COMPLETE, gateway.completion(placed) | {"completed_at": iso(ended)}, partner=gateway.partner)


def say_other_days(gateway: Gateway) -> Call:
    call = gateway.sent(attending_month()(gateway))
    return call.but(body=call.body | {"days": 2})


# The job market


def offered(gateway: Gateway) -> Call:
    """Anybody looks for work, and there is some."""
    gateway.vacancy()
    return Call(routes.VACANCIES)


def posting(**changes: Any) -> Provoke:
    return lambda gateway: Call(routes.POST_VACANCY, gateway.posting(**changes), partner=gateway.partner)


def post_another_under_the_same_reference(gateway: Gateway) -> Call:
    call = gateway.sent(posting()(gateway))
    return call.but(body=call.body | {"title": "Analis data"})


def using(route: str, vacancy: Callable[[Gateway], str] = Gateway.vacancy) -> Provoke:
    """Its partner asks something of a vacancy."""
    return lambda gateway: Call(route, partner=gateway.partner).at(vacancy(gateway))


def changing(vacancy: Callable[[Gateway], str] = Gateway.vacancy, **changes: Any) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        form = gateway.posting(title="Pengembang senior", **changes)
        del form["reference"]
        return using(routes.CHANGE_VACANCY, vacancy)(gateway).but(body=form)

    return provoke


def closed(gateway: Gateway) -> str:
    """A vacancy that its partner has closed."""
    vacancy = gateway.vacancy()
    gateway.ok(using(routes.CLOSE_VACANCY, lambda _: vacancy)(gateway))
    return vacancy


def expired(gateway: Gateway) -> str:
    """A vacancy whose time is over."""
    vacancy = gateway.vacancy(closes_at=iso(gateway.now + timedelta(minutes=1)))
    gateway.now += timedelta(minutes=2)
    return vacancy


def applied_to(gateway: Gateway) -> str:
    """A vacancy to which the alumnus applied."""
    vacancy = gateway.vacancy()
    gateway.ok(applying(vacancy, gateway.alumnus))
    return vacancy


def withdrawn_from(gateway: Gateway) -> str:
    """A vacancy from which the alumnus has withdrawn."""
    vacancy = applied_to(gateway)
    gateway.ok(withdrawing(vacancy, gateway.alumnus))
    return vacancy


def applying(vacancy: str, person: str, *share: str) -> Call:
    shared = list(share or ("name", "phone", "certificates"))
    return Call(routes.APPLY, {"vacancy_id": vacancy, "share": shared}, person=person)


def withdrawing(vacancy: str, person: str) -> Call:
    return Call(routes.WITHDRAW, person=person).at(vacancy)


def look_for_a_job(gateway: Gateway) -> Call:
    gateway.vacancy()
    return Call(routes.MATCHES, person=gateway.alumnus)


def look_at_applications(gateway: Gateway) -> Call:
    applied_to(gateway)
    return Call(routes.APPLICATIONS, person=gateway.alumnus)


SUCCESSES: dict[str, Provoke] = {
    routes.BUY: buying,
    routes.CANCEL: lambda gateway: cancelling(gateway.bought()),
    routes.REVIEW: lambda gateway: reviewing(gateway.trained()),
    routes.GET_COURSE: lambda gateway: Call(routes.GET_COURSE).at(gateway.course),
    routes.TRAININGS: lambda gateway: Call(routes.TRAININGS, person=gateway.veteran),
    routes.COURSES: lambda _: Call(routes.COURSES),
    routes.VALIDATE: redeeming(routes.VALIDATE),
    routes.REDEEM: redeeming(routes.REDEEM),
    routes.ATTEND: attending(),
    routes.ATTEND_MONTH: attending_month(),
    routes.COMPLETE: completing(),
    routes.POST_VACANCY: posting(),
    # A partner of its own: without a body or an id, two in one second would have the same signature.
    routes.VACANCIES: offered,
    routes.LIST_VACANCIES: lambda gateway: Call(routes.LIST_VACANCIES, partner=gateway.new_partner()),
    routes.CHANGE_VACANCY: changing(),
    routes.CLOSE_VACANCY: using(routes.CLOSE_VACANCY),
    routes.APPLICANTS: using(routes.APPLICANTS, applied_to),
    routes.MATCHES: look_for_a_job,
    routes.APPLY: lambda gateway: applying(gateway.vacancy(), gateway.alumnus),
    routes.APPLICATIONS: look_at_applications,
    routes.WITHDRAW: lambda gateway: withdrawing(applied_to(gateway), gateway.alumnus),
}

REFUSALS: dict[str, dict[str, Provoke]] = {
    routes.BUY: {
        "not_beneficiary": lambda gateway: buying(gateway, person=gateway.registered()),
        "beneficiary_revoked": lambda gateway: buying(gateway, person=gateway.revoked()),
        "person_not_confirmed": lambda gateway: buying(gateway, person=gateway.reserved()),
        "purchase_deadline_passed": buy_too_late,
        "excluded": lambda gateway: buying(gateway, person=gateway.exclude(gateway.chosen().registrant_id)),
        "unknown_course": lambda gateway: buying(gateway, "a" * 26),
        "course_not_offered": lambda gateway: buying(gateway, gateway.new_course(offered="no")),
        "balance_too_low": lambda gateway: buying(gateway, gateway.new_course(price_idr="3500001")),
    },
    routes.CANCEL: {
        "not_found": lambda gateway: Call(routes.CANCEL, person=gateway.veteran).at("a" * 26),
        "training_already_redeemed": lambda gateway: cancelling(gateway.redeemed()),
        "cancellation_too_late": cancel_too_late,
    },
    routes.REVIEW: {
        "not_found": lambda gateway: reviewing(gateway.trained()).but(person=gateway.chosen().registrant_id),
        "already_reviewed": lambda gateway: reviewing(gateway.graduated(), "Kurang membantu, ternyata."),
        "training_not_completed": lambda gateway: reviewing(gateway.attended()),
    },
    routes.GET_COURSE: {
        "not_found": lambda _: Call(routes.GET_COURSE).at("PY-101"),
        "unknown_course": lambda _: Call(routes.GET_COURSE).at("a" * 26),
    },
    routes.VALIDATE: redemption_refusals(routes.VALIDATE),
    routes.REDEEM: redemption_refusals(routes.REDEEM),
    routes.ATTEND: {
        **signed_wrongly(attending()),
        "redeem_code_unknown": anothers(attending()),
        "wrong_training_state": attending(Gateway.bought),
        "reported_otherwise": attending(Gateway.attended),
        "time_in_future": attending(attended_at=iso(CLOSES)),
        "time_too_early": attending(attended_at=iso(OPENS)),
    },
    routes.ATTEND_MONTH: {
        **signed_wrongly(attending_month()),
        "redeem_code_unknown": anothers(attending_month()),
        "reported_otherwise": say_other_days,
        "wrong_training_state": attending_month(Gateway.bought),
        "time_in_future": attending_month(month="2026-11"),
        "time_too_early": attending_month(month="2026-09"),
        "too_many_days": attending_month(days=31),
        "attendance_not_paid": attending_month(lambda gateway: gateway.placed("")),
        "participant_blocked": attending_month(excluded_at_work),
    },
    routes.COMPLETE: {
        **signed_wrongly(completing()),
        "redeem_code_unknown": anothers(completing()),
        "wrong_training_state": completing(Gateway.redeemed),
        "reported_otherwise": completing(Gateway.trained),
        "time_in_future": completing(completed_at=iso(CLOSES)),
        "time_too_early": completing(completed_at=iso(OPENS)),
        "completed_too_soon": complete_too_soon,
        "attended_later": complete_before_attended_days,
        "certificate_already_used": complete_with_used_certificate,
    },
    routes.POST_VACANCY: {
        **signed_wrongly(posting()),
        **{code: posting(**changes) for code, changes in WRONG_OFFERS.items()},
        "vacancy_reference_used": post_another_under_the_same_reference,
    },
    routes.LIST_VACANCIES: signed_wrongly(SUCCESSES[routes.LIST_VACANCIES]),
    routes.CHANGE_VACANCY: {
        **signed_wrongly(changing()),
        **{code: changing(**changes) for code, changes in WRONG_OFFERS.items()},
        "vacancy_closed": changing(closed),
        "not_found": anothers(changing()),
    },
    routes.CLOSE_VACANCY: {
        **signed_wrongly(using(routes.CLOSE_VACANCY)),
        "not_found": anothers(using(routes.CLOSE_VACANCY)),
    },
    routes.APPLICANTS: {
        **signed_wrongly(using(routes.APPLICANTS)),
        "not_found": anothers(using(routes.APPLICANTS, applied_to)),
    },
    routes.MATCHES: {"not_graduated": lambda gateway: Call(routes.MATCHES, person=gateway.veteran)},
    routes.APPLY: {
        "consent_incomplete": lambda gateway: applying(gateway.vacancy(), gateway.alumnus, "name", "phone"),
        "application_withdrawn": lambda gateway: applying(withdrawn_from(gateway), gateway.alumnus),
        "not_graduated": lambda gateway: applying(gateway.vacancy(), gateway.veteran),
        "unknown_vacancy": lambda gateway: applying("z" * 26, gateway.alumnus),
        "vacancy_closed": lambda gateway: applying(expired(gateway), gateway.alumnus),
    },
    routes.WITHDRAW: {"not_found": lambda gateway: withdrawing(applied_to(gateway), gateway.veteran)},
}
