"""How each endpoint of the job market succeeds, and how each refusal that it declares is provoked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from chalicelib.clock import iso
from tests.e2e.gateway import POST_VACANCY, Call, Gateway, Provoke

from .reports import signed_wrongly

LIST_VACANCIES = "GET /partners/vacancies"
CHANGE_VACANCY = "PUT /partners/vacancies/{vacancy_id}"
CLOSE_VACANCY = "POST /partners/vacancies/{vacancy_id}/closure"
APPLICANTS = "GET /partners/vacancies/{vacancy_id}/applicants"
MATCHES = "GET /me/job-matches"
APPLY = "POST /me/job-applications"
APPLICATIONS = "GET /me/job-applications"
WITHDRAW = "POST /me/job-applications/{vacancy_id}/withdrawal"
NOBODYS = "z" * 26

WRONG_OFFERS: dict[str, dict[str, Any]] = {
    "unknown_region": {"province": "99"},
    "unknown_skill": {"skills": ["juggling"]},
    "salary_range_reversed": {"salary_min_idr": 8_000_001},
    "closing_time_out_of_range": {"closes_at": "2126-11-24T03:00:00Z"},
}


def posting(**changes: Any) -> Provoke:
    return lambda gateway: Call(POST_VACANCY, gateway.posting(**changes), partner=gateway.partner)


def post_another_under_the_same_reference(gateway: Gateway) -> Call:
    form = gateway.posting()
    gateway.ok(Call(POST_VACANCY, form, partner=gateway.partner))
    return Call(POST_VACANCY, form | {"title": "Analis data"}, partner=gateway.partner)


def changing(**changes: Any) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        form = gateway.posting(title="Pengembang senior", **changes)
        del form["reference"]
        path = f"/partners/vacancies/{gateway.vacancy()}"
        return Call(CHANGE_VACANCY, form, path, partner=gateway.partner)

    return provoke


def change_closed(gateway: Gateway) -> Call:
    call = changing()(gateway)
    gateway.ok(Call(CLOSE_VACANCY, path=f"{call.path}/closure", partner=gateway.partner))
    return call


def using(route: str, vacancy: Callable[[Gateway], str] = Gateway.vacancy) -> Provoke:
    """Its partner asks something of a vacancy."""
    return lambda gateway: Call(route, path=_path(route, vacancy(gateway)), partner=gateway.partner)


def using_anothers(report: Provoke) -> Provoke:
    """A partner asks the same of a vacancy that is not its own."""

    def provoke(gateway: Gateway) -> Call:
        call = report(gateway)
        return Call(call.route, call.body, call.path, partner=gateway.new_partner())

    return provoke


def applied_to(gateway: Gateway) -> str:
    """A vacancy to which the alumnus applied."""
    vacancy = gateway.vacancy()
    gateway.ok(applying(vacancy, gateway.alumnus))
    return vacancy


def applying(vacancy: str, person: str, *share: str) -> Call:
    shared = list(share or ("name", "phone", "certificates"))
    return Call(APPLY, {"vacancy_id": vacancy, "share": shared}, person=person)


def apply_to_closed(gateway: Gateway) -> Call:
    vacancy = gateway.vacancy(closes_at=iso(gateway.now + timedelta(minutes=1)))
    gateway.now += timedelta(minutes=2)
    return applying(vacancy, gateway.alumnus)


def apply_after_withdrawal(gateway: Gateway) -> Call:
    vacancy = applied_to(gateway)
    gateway.ok(Call(WITHDRAW, path=_path(WITHDRAW, vacancy), person=gateway.alumnus))
    return applying(vacancy, gateway.alumnus)


def withdraw_anothers(gateway: Gateway) -> Call:
    return Call(WITHDRAW, path=_path(WITHDRAW, applied_to(gateway)), person=gateway.veteran)


def _path(route: str, vacancy: str) -> str:
    return route.partition(" ")[2].replace("{vacancy_id}", vacancy)


REFUSALS: dict[str, dict[str, Provoke]] = {
    POST_VACANCY: {
        **signed_wrongly(posting()),
        **{code: posting(**changes) for code, changes in WRONG_OFFERS.items()},
        "vacancy_reference_used": post_another_under_the_same_reference,
    },
    LIST_VACANCIES: signed_wrongly(lambda gateway: Call(LIST_VACANCIES, partner=gateway.new_partner())),
    CHANGE_VACANCY: {
        **signed_wrongly(changing()),
        **{code: changing(**changes) for code, changes in WRONG_OFFERS.items()},
        "vacancy_closed": change_closed,
        "not_found": using_anothers(changing()),
    },
    CLOSE_VACANCY: {**signed_wrongly(using(CLOSE_VACANCY)), "not_found": using_anothers(using(CLOSE_VACANCY))},
    APPLICANTS: {**signed_wrongly(using(APPLICANTS)), "not_found": using_anothers(using(APPLICANTS, applied_to))},
    MATCHES: {"not_graduated": lambda gateway: Call(MATCHES, person=gateway.veteran)},
    APPLY: {
        "consent_incomplete": lambda gateway: applying(gateway.vacancy(), gateway.alumnus, "name", "phone"),
        "application_withdrawn": apply_after_withdrawal,
        "not_graduated": lambda gateway: applying(gateway.vacancy(), gateway.veteran),
        "unknown_vacancy": lambda gateway: applying(NOBODYS, gateway.alumnus),
        "vacancy_closed": apply_to_closed,
    },
    WITHDRAW: {"not_found": withdraw_anothers},
}
"""By route and code."""


def look_for_a_job(gateway: Gateway) -> Call:
    gateway.vacancy()
    return Call(MATCHES, person=gateway.alumnus)


def look_at_applications(gateway: Gateway) -> Call:
    applied_to(gateway)
    return Call(APPLICATIONS, person=gateway.alumnus)


SUCCESSES: dict[str, Provoke] = {
    POST_VACANCY: posting(),
    # A partner of its own: without a body or an id, two in one second would have the same signature.
    LIST_VACANCIES: lambda gateway: Call(LIST_VACANCIES, partner=gateway.new_partner()),
    CHANGE_VACANCY: changing(),
    CLOSE_VACANCY: using(CLOSE_VACANCY),
    APPLICANTS: using(APPLICANTS, applied_to),
    MATCHES: look_for_a_job,
    APPLY: lambda gateway: applying(gateway.vacancy(), gateway.alumnus),
    APPLICATIONS: look_at_applications,
    WITHDRAW: lambda gateway: Call(WITHDRAW, path=_path(WITHDRAW, applied_to(gateway)), person=gateway.alumnus),
}
"""By route: a request that succeeds."""
