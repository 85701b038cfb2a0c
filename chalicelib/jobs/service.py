"""The job market: partners post vacancies; alumni see those that suit them, apply, and decide who may know of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from ..config import Programme
from ..errors import NotFound, Unavailable
from ..privacy.rules import Consent
from ..registration.identity import parse_province
from ..registration.service import Registrations
from ..training.rules import Partner, to_milliseconds
from ..training.service import Trainings
from ..waves.rules import BeneficiaryState
from ..waves.service import Waves
from . import rules, wire
from .errors import ApplicationWithdrawn, NotGraduated, UnknownVacancy, VacancyClosed, VacancyReferenceUsed
from .rules import Application, JobCounts, Offer, Vacancy
from .store import JobsStore

log = logging.getLogger(__name__)

CONSENT = "job_application"
"""The kind of a consent to share with a vacancy's partner; its id ends in that of the vacancy."""
TRIES = 4
"""How often a change is decided again when another one of the same vacancy came first."""
KEPT = timedelta(minutes=1)
"""How long a process answers from a page of open vacancies that it has read."""
_PAGES_MAX = 100
_CLOSED_AT_ONCE = 100  # as many as one batch of reads takes


class Jobs:
    def __init__(
        self,
        store: JobsStore,
        registrations: Registrations,
        waves: Waves,
        trainings: Trainings,
        programme: Programme,
        seen: Callable[[str, str, str], None],
    ) -> None:
        """`seen` records that a partner is shown a person's data, for a vacancy."""
        self._store = store
        self._seen = seen
        self._registrations = registrations
        self._waves = waves
        self._trainings = trainings
        self._skills = frozenset(programme.skills)
        self._rules = programme.jobs
        self._skew = timedelta(seconds=programme.partners.clock_skew_s)
        self._pages: dict[wire.PageQuery, tuple[datetime, wire.VacancyList]] = {}

    # Partners

    def post(self, partner: Partner, form: wire.PostingForm, now: datetime) -> tuple[wire.PostingView, bool]:
        """Post a vacancy; True if it is new. The same posting again returns the vacancy as it is now, changed or
        closed.

        Raises the first that holds of `UnknownRegion`, `VacancyReferenceUsed`, `UnknownSkill`, `SalaryRangeReversed`,
        `ClosingTimeOutOfRange`. One read and one transaction.
        """
        offer = _offer(form)
        vacancy = Vacancy(
            id=rules.vacancy_id(partner.id, form.reference),
            partner_id=partner.id,
            partner_name=partner.name,
            reference=form.reference,
            posted_as=rules.digest(offer),
            offer=offer,
            posted_at=now.replace(microsecond=0),
        )
        recorded = self._store.vacancy(vacancy.id)
        if recorded is None:
            rules.check_offer(offer, self._skills, now, self._rules, self._skew)
            if self._store.post(vacancy):
                return wire.posting_view(vacancy, now), True
            # Another request with the same reference came first.
            recorded = self._own(partner.id, vacancy.id)
        if recorded.posted_as != vacancy.posted_as:
            raise VacancyReferenceUsed(vacancy_id=vacancy.id)
        return wire.posting_view(recorded, now), False

    def change(self, partner: Partner, vacancy_id: str, form: wire.OfferForm, now: datetime) -> wire.PostingView:
        """Replace a vacancy's description; its applications stay. The same again changes nothing.

        A vacancy that expired is open again with a later closing time; one that was closed stays closed. Raises the
        first that holds of `UnknownRegion`, `NotFound` (none, or another's), `VacancyClosed`, `UnknownSkill`,
        `SalaryRangeReversed`, `ClosingTimeOutOfRange`. One read and at most one transaction.
        """
        offer = _offer(form)
        for _ in range(TRIES):
            old = self._own(partner.id, vacancy_id)
            if old.closed_at is not None:
                raise VacancyClosed()
            if offer == old.offer:
                return wire.posting_view(old, now)
            rules.check_offer(offer, self._skills, now, self._rules, self._skew)
            new = replace(old, offer=offer, version=old.version + 1)
            if self._store.replace(old, new):
                return wire.posting_view(new, now)
        raise Unavailable()

    def close(self, partner: Partner, vacancy_id: str, now: datetime) -> wire.PostingView:
        """Take no more applications, for good; those that were made stay. A repeat is harmless.

        Raises `NotFound`. One read and at most one transaction.
        """
        return wire.posting_view(self._close(partner.id, vacancy_id, now), now)

    def close_all(self, partner_id: str, now: datetime) -> int:
        """Close every vacancy of a partner who was revoked; returns how many it closed.

        A read for each page of 100, and a read and a transaction for each vacancy. A repeat continues where it broke
        off.
        """
        closed, last = 0, None
        while keys := self._store.posted(partner_id, last, _CLOSED_AT_ONCE):
            found = self._store.vacancies([_id(key) for key in keys])
            still = [vacancy.id for vacancy in found.values() if vacancy.closed_at is None]
            for vacancy_id in still:
                self._close(partner_id, vacancy_id, now)
            closed, last = closed + len(still), keys[-1]
        return closed

    def posted(self, partner: Partner, page: wire.PageQuery, now: datetime) -> wire.PostingList:
        """A partner's own vacancies, newest first: one query and one batch of reads."""
        keys = self._store.posted(partner.id, wire.key(page.cursor), page.limit)
        ids = [_id(key) for key in keys]
        found = self._store.vacancies(ids)
        views = [wire.posting_view(found[one], now) for one in ids if one in found]
        return wire.PostingList(views, _next_cursor(keys, page.limit))

    def applicants(self, partner: Partner, vacancy_id: str, page: wire.ApplicantQuery) -> wire.ApplicantList:
        """The people who applied to a partner's own vacancy and have neither withdrawn nor restricted, with what they
        share, as it is now.

        No other answer of the job market has personal data. Two reads, and for each applicant of the page three reads,
        two KMS calls and a line for them to see (`GET /me/readers`). Raises `NotFound` (no such vacancy, or another's).
        """
        self._own(partner.id, vacancy_id)
        found = self._store.applicants(vacancy_id, wire.key(page.cursor), page.limit)
        views = [view for key, person in found if (view := self._applicant(partner.id, vacancy_id, key, person))]
        # The law asks who was shown to whom, and when; that takes no names.
        log.info("applicants_shown", extra={"vacancy": vacancy_id, "partner": partner.id, "applicants": len(views)})
        return wire.ApplicantList(views, _next_cursor([key for key, _ in found], page.limit))

    # Anybody

    def open(self, page: wire.PageQuery, now: datetime) -> wire.VacancyList:
        """The vacancies to which one may apply, by closing time: one query and one batch of reads, once a minute for
        each page.
        """
        kept = self._pages.get(page)
        if kept is None or not timedelta(0) <= now - kept[0] < KEPT:
            keys = self._store.open(wire.key(page.cursor) or rules.dated(now, "~"), page.limit)
            found = self._store.vacancies([_id(key) for key in keys])
            still = [one for key in keys if (one := found.get(_id(key))) is not None and rules.is_open(one, now)]
            views = [wire.vacancy_view(one, now) for one in still]
            kept = now, wire.VacancyList(views, _next_cursor(keys, page.limit))
            if len(self._pages) >= _PAGES_MAX:
                self._pages.clear()
            self._pages[page] = kept
        return kept[1]

    # Alumni

    def matches(self, registrant_id: str, page: wire.MatchQuery, now: datetime) -> wire.MatchList:
        """Open vacancies that ask for what a person has learned, best first.

        Exact among the `newest_per_skill` newest vacancies of each of the person's skills. It takes one query for each
        of those skills, and three reads and one batch of reads, however many are posted. None for a person who has
        restricted what is done with their data. Raises `NotGraduated`.
        """
        self._check_graduated(registrant_id)
        registrant = self._registrations.registrant(registrant_id)
        if registrant.restricted_at is not None:
            return wire.MatchList([], None)
        province = registrant.region
        skills = self._trainings.skills_of(registrant_id)
        listings = [one for skill in sorted(skills) for one in self._store.newest(skill, self._rules.newest_per_skill)]
        ranked = rules.ranked(listings, skills, province, now)
        if page.cursor is not None:
            ranked = [one for one in ranked if one.rank > wire.rank(page.cursor)]
        shown = ranked[: page.limit]
        # The lists lag behind: only a vacancy that is still open and still suits is shown.
        found = self._store.vacancies([one.listing.vacancy_id for one in shown])
        views = [
            wire.MatchView(wire.vacancy_view(vacancy, now), wire.Reason(sorted(matched.shared), matched.place))
            for one in shown
            if (vacancy := found.get(one.listing.vacancy_id)) is not None
            and rules.is_open(vacancy, now)
            and (matched := rules.match(rules.listing(vacancy), skills, province)) is not None
        ]
        return wire.MatchList(views, wire.match_cursor(shown[-1].rank) if len(ranked) > len(shown) else None)

    def apply(self, registrant_id: str, form: wire.ApplicationForm, now: datetime) -> tuple[wire.ApplicationView, bool]:
        """Apply to an open vacancy, agreeing that its partner learns name, phone and certificates; True if it is new.

        Once for each vacancy; the same again gives the same answer, also after the vacancy has closed. Raises the first
        that holds of `ConsentIncomplete`, `ApplicationWithdrawn`, `NotGraduated`, `UnknownVacancy`, `VacancyClosed`.
        Three reads and one transaction.
        """
        rules.check_consent(form.share)
        recorded = self._store.application(registrant_id, form.vacancy_id)
        if recorded is not None and recorded.withdrawn_at is not None:
            raise ApplicationWithdrawn()
        if recorded is None:
            self._check_graduated(registrant_id)
        vacancy = self._store.vacancy(form.vacancy_id)
        if vacancy is None:
            raise UnknownVacancy()
        if recorded is not None:
            return wire.application_view(recorded, vacancy, now), False
        application = Application(registrant_id, vacancy.id, to_milliseconds(now))
        new = self._store.add(application, now)
        if not new:
            # Another request of the same person came first.
            application = self._application(registrant_id, vacancy.id)
        return wire.application_view(application, vacancy, now), new

    def withdraw(self, registrant_id: str, vacancy_id: str, now: datetime) -> wire.ApplicationView:
        """Take back an application and its consent, for good: from now on the partner sees nothing of it.

        A repeat is harmless. Raises `NotFound` if the person never applied. Two reads and at most one transaction.
        """
        application = self._application(registrant_id, vacancy_id)
        vacancy = self._store.vacancy(vacancy_id)
        if vacancy is None:
            raise NotFound()
        if application.withdrawn_at is None:
            withdrawn_at = to_milliseconds(now)
            if self._store.withdraw(application, withdrawn_at):
                application = replace(application, withdrawn_at=withdrawn_at)
            else:
                # Another request of the same person came first.
                application = self._application(registrant_id, vacancy_id)
        return wire.application_view(application, vacancy, now)

    def applications(self, registrant_id: str, page: wire.PageQuery, now: datetime) -> wire.ApplicationList:
        """A person's applications, withdrawn ones too, newest first: one query and one batch of reads."""
        mine = {rules.dated(one.consented_at, one.vacancy_id): one for one in self._store.applications(registrant_id)}
        before = wire.key(page.cursor)
        keys = sorted((key for key in mine if before is None or key < before), reverse=True)[: page.limit]
        found = self._store.vacancies([mine[key].vacancy_id for key in keys])
        shown = [mine[key] for key in keys if mine[key].vacancy_id in found]
        views = [wire.application_view(one, found[one.vacancy_id], now) for one in shown]
        return wire.ApplicationList(views, _next_cursor(keys, page.limit))

    # Consents

    def consents(self, person: str) -> Sequence[Consent]:
        """What a person agreed to share, with each vacancy to which they applied, the newest first. One query."""
        applied = sorted(self._store.applications(person), key=lambda one: (one.consented_at, one.vacancy_id))
        return [
            Consent(f"{CONSENT}-{one.vacancy_id}", CONSENT, one.consented_at, one.withdrawn_at, None, one.vacancy_id)
            for one in reversed(applied)
        ]

    def withdraw_consent(self, person: str, consent_id: str, now: datetime) -> None:
        """As `withdraw`."""
        self.withdraw(person, consent_id.partition("-")[2], now)

    # The statistics

    def counts(self, now: datetime) -> JobCounts:
        """How large the market is; for a schedule, not for a request."""
        return self._store.counts(now)

    def _own(self, partner_id: str, vacancy_id: str) -> Vacancy:
        vacancy = self._store.vacancy(vacancy_id)
        if vacancy is None or vacancy.partner_id != partner_id:
            raise NotFound()
        return vacancy

    def _close(self, partner_id: str, vacancy_id: str, now: datetime) -> Vacancy:
        for _ in range(TRIES):
            old = self._own(partner_id, vacancy_id)
            if old.closed_at is not None:
                return old
            new = replace(old, closed_at=now.replace(microsecond=0), version=old.version + 1)
            if self._store.replace(old, new):
                return new
        raise Unavailable()

    def _application(self, registrant_id: str, vacancy_id: str) -> Application:
        application = self._store.application(registrant_id, vacancy_id)
        if application is None:
            raise NotFound()
        return application

    def _check_graduated(self, registrant_id: str) -> None:
        places = self._waves.beneficiaries.places(registrant_id)
        if not any(one.state is BeneficiaryState.GRADUATED for one in places):
            raise NotGraduated()

    def _applicant(self, partner: str, vacancy: str, key: str, registrant_id: str) -> wire.ApplicantView | None:
        contact = self._registrations.contact(registrant_id)
        if contact is None:
            return None
        self._seen(partner, vacancy, registrant_id)
        certificates = self._trainings.certificates_of(registrant_id)
        return wire.applicant_view(key, contact.name, contact.phone, certificates)


def _offer(form: wire.OfferForm) -> Offer:
    return wire.offer(form, None if form.province is None else parse_province(form.province))


def _id(key: str) -> str:
    return key.partition("#")[2]


def _next_cursor(keys: Sequence[str], limit: int) -> str | None:
    """The cursor of the next page, None if there can be none; the last page may be empty."""
    return wire.cursor(keys[-1]) if len(keys) == limit else None
