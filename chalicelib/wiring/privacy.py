"""How the services are built by which people see what is kept about them, and take their consents back."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING

from .participants import ParticipantsServices

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from ..accounts.deletions import Deletions
    from ..accounts.rules import AskedChange
    from ..accounts.sessions.rules import Session
    from ..accounts.terms import How
    from ..accounts.wire import ChangeView
    from ..aws.errands import Errands
    from ..aws.job_progress import Runs
    from ..notices.ses import Suppressed
    from ..privacy.consents import Consents
    from ..privacy.erasure import Erasure
    from ..privacy.export import Export
    from ..privacy.readers import Look, Readers
    from ..privacy.rules import Held, Part
    from ..privacy.terms import Terms
    from ..privacy.wire import DataPage, DataQuery, Stays
    from ..registration.restriction import Restrictions
    from ..vault import PersonKey, SealKind


_WITH_ACTS = ("accounts", "registrations", "waves", "payouts", "training", "outcomes", "notices")
_IN_SELECTION = {"CLOSED", "FROZEN", "DRAWN"}


class PrivacyServices(ParticipantsServices):
    """Every domain's part of what is kept about a person, and what people may ask of it."""

    def my_data(self, session: Session, query: DataQuery, now: datetime) -> DataPage:
        """`GET /me/data`. A young session, which may be a thief's, gets nothing opened."""
        from datetime import timedelta

        from ..accounts.rules import is_young

        rules = self.programme.accounts
        opened_from = session.started_at + timedelta(seconds=rules.young_session_s)
        young = is_young(session, now, rules)
        return self.export.page(session.account_id, query, opened_from if young else None, now)

    @cached_property
    def export(self) -> Export:
        from ..privacy.export import Export

        return Export(self.held, self._key_of, self.programme.retention)

    def delete_me(self, session: Session, now: datetime) -> ChangeView:
        """`DELETE /me`. Raises `NotDeletableYet`."""
        from ..accounts.errors import NotDeletableYet
        from ..accounts.wire import change_view
        from ..privacy.wire import stays_view

        because = self.under_way(session.account_id)
        if because is not None:
            raise NotDeletableYet(because=because)
        stays = self.nik_stays(session.account_id, now)
        asked = self.deletions.ask(session, now, stays)
        return change_view(asked, stays_view(stays, self.programme.retention))

    def my_changes(self, person: str, now: datetime) -> list[ChangeView]:
        """`GET /me/changes`. What stays of the NIK is looked at only if the account is to be deleted."""
        from ..accounts.rules import Change
        from ..accounts.wire import change_view
        from ..privacy.wire import stays_view

        def stays(asked: AskedChange) -> list[Stays]:
            deleted = asked.change is Change.ACCOUNT_DELETED
            return stays_view(self.nik_stays(person, now), self.programme.retention) if deleted else []

        return [change_view(asked, stays(asked)) for asked in self.changes.recent(person, now)]

    def nik_stays(self, person: str, now: datetime) -> list[str]:
        """The kinds of rows with the keyed hash of a person's NIK that their erasure leaves as things are now.

        A query, a batch get, and a read for each place and one.
        """
        from ..privacy.rules import kept_of, stays
        from ..waves.places.place_rules import UNCONFIRMED

        told = [held for held in self.held["registrations"](person, now) if kept_of(held).told is not None]
        places = self.waves.beneficiaries.places(person) if told else []
        chosen = any(place.state not in UNCONFIRMED for place in places)
        return [held.kind for held in told if stays(held, chosen=chosen)]

    def under_way(self, person: str) -> str | None:
        """What of a person is not at its end, as `NotDeletableYet` says it; None if nothing is."""
        from ..clock import wib_date
        from ..payouts.reconciliation.nightly import last_compared
        from ..payouts.rules import State

        drawing = [wave.number for wave in self.waves.records() if wave.state in _IN_SELECTION]
        if drawing and self._entries.of(person, drawing):
            return "selection"
        places = self.waves.beneficiaries.places(person)  # read last: a place comes before its wave is settled
        if not places:
            return None
        own = self.payouts.of_many(places)[person]
        if any(each.state not in (State.PAID, State.CANCELLED) for each in own):
            return "payment"
        plans = [self.plans.of(place)[0] for place in places]
        if any(plan is not None and plan.due_at is not None for plan in plans):
            return "instalments"
        paid = [wib_date(each.changed_at) for each in own if each.state is State.PAID]
        compared = last_compared() if paid else None
        return "reconciliation" if paid and (compared is None or compared < max(paid)) else None

    @cached_property
    def deletions(self) -> Deletions:
        from ..accounts.deletions import Deletions

        rules = self.programme
        return Deletions(self.changes, self.transaction, rules.accounts, self._randomness, rules.retention.warned_days)

    @cached_property
    def runs(self) -> Runs:
        from ..aws.job_progress import Runs, RunsTable

        self._bind(RunsTable, "runs")
        return Runs()

    @cached_property
    def terms(self) -> Terms:
        """What goes when its term is over."""
        from ..accounts.terms import READ, UnusedAccounts
        from ..administration.terms import end_lines
        from ..aws.admin_acts import PARTITION, end_acts
        from ..helpdesk.terms import AnsweredTerms
        from ..privacy.terms import Place, Terms
        from ..waves.audit import Audits
        from ..waves.rules import SHARDS

        self.held, self.runs  # noqa: B018 - so that every table is bound
        figures, region, table = self.programme.retention, self.settings.region, self.settings.table
        audits = Audits(self._wave_store, self.waves.beneficiaries, figures.tickets_days)
        accounts = UnusedAccounts(self.deletions, figures, self._unchosen, self.under_way, self.nik_stays)
        answered = AnsweredTerms(self.transaction, figures)

        def places(now: datetime) -> dict[str, Place]:
            found = {
                f"acts of {name}": Place(table(name), end_acts(table(name), region, figures.acts_days), PARTITION)
                for name in _WITH_ACTS
            }
            lines = end_lines(table("journal"), region, figures.acts_days)
            found["journal"] = Place(table("journal"), lines, by_its_begin=True)
            found["accounts"] = Place(table("accounts"), accounts.end, only=READ)
            found["grievances"] = Place(table("helpdesk"), answered.end)
            for wave in audits.ending(now):
                for shard in range(SHARDS):
                    last = partial(audits.close, wave) if shard == SHARDS - 1 else None
                    entries = Place(table("waves"), audits.end, f"E#{wave}#{shard:02d}", last)
                    found[f"tickets of {wave:06d}, {shard:02d}"] = entries
            return found

        return Terms(places, region, self.transaction, figures.round_days)

    def _unchosen(self, accounts: Collection[str]) -> dict[str, How]:
        """Those accounts of a hundred whose person did not register, or was never chosen. Two batch gets."""
        from ..aws.dynamodb import get_rows
        from ..registration.items import RegistrationsTable, person_pk

        chosen = {one.registrant_id for one in self.waves.beneficiaries.of_many(accounts)}
        rows = get_rows(RegistrationsTable, [(person_pk(one), "PROFILE") for one in accounts], "pk")
        registered = {row["pk"]["S"] for row in rows}
        return {
            one: "unchosen" if person_pk(one) in registered else "unregistered" for one in accounts if one not in chosen
        }

    @cached_property
    def erasure(self) -> Erasure:
        from ..privacy.erasure import Erased, Erasure

        erased = Erased(lambda: self._client("s3"), self.settings.reports_bucket)
        settings = self.settings
        gone, leave, forget = self.under_way, self._leave_open_wave, self._unsuppress
        return Erasure(self.held, settings.table, settings.region, self.deletions, erased, gone, leave, forget)

    @cached_property
    def suppressed(self) -> Suppressed:
        from ..aws import clients
        from ..notices.ses import Suppressed

        # SES takes few such calls a second from the whole account: a replay slows down to what it takes.
        return Suppressed(clients.client("sesv2", self.settings.region, attempts=6, mode="adaptive"))

    def _unsuppress(self, person: str) -> None:
        """Take the e-mail addresses of an account off SES's list. One read; with any, a call of KMS, and one for each.

        Raises `ses.NotTaken`.
        """
        account = self.account_store.account(person)
        mails = [one for one in account.contacts if one.kind == "email"] if account else []
        if account and mails:
            key = self.vault.open_key(person, account.wrapped_key)
            for one in mails:
                self.suppressed.remove(key.unseal("contact/1", one.sealed).decode())

    @cached_property
    def replays(self) -> Errands:
        """What erases everybody of the list again."""
        from datetime import timedelta

        from ..aws.errands import Errands

        lives = timedelta(seconds=2_000)  # a run of 900 seconds, which waits for the hourly one
        return Errands(self._client("s3"), self.settings.reports_bucket, "erase_people", lives)

    def _leave_open_wave(self, person: str, now: datetime) -> None:
        """Whoever is in an open wave is chosen in none without the consent: it may close before they are erased."""
        from ..errors import NotFound
        from ..registration.consent import CONSENT

        settled = {wave.number for wave in self.waves.records() if wave.state == "SETTLED"}
        if self._entries.of(person, set(self.waves.numbers(now)) - settled):
            with suppress(NotFound):  # no longer registered
                self.consents.withdraw(person, CONSENT, now)

    @cached_property
    def consents(self) -> Consents:
        from ..jobs.service import CONSENT as APPLICATION
        from ..privacy.consents import Consents
        from ..registration.consent import CONSENT as REGISTRATION
        from ..registration.consent import RegistrationConsent

        registration = RegistrationConsent(self.registration_store, lambda: self.notices, self.verifications)
        return Consents({REGISTRATION: registration, APPLICATION: self.jobs})

    @cached_property
    def readers(self) -> Readers:
        from ..privacy.readers import Readers
        from ..training.personal_data import taken

        parts = self.held
        return Readers(self._looks, [parts["registrations"], parts["payouts"], lambda person, _now: taken(person)])

    def _looks(self, person: str) -> Iterator[Look]:
        """What the journal has of a person: a partner by name, an administrator by what they did and why."""
        from ..administration.journal import PARTNER
        from ..privacy.readers import Look

        names = {PARTNER + partner.id: partner.name for partner in self._partner_store.partners()}
        for line in self.journal.of_person(person):
            who = "partner" if line.person.startswith(PARTNER) else "administrator"
            yield Look(line.at, who, names.get(line.person), line.route, line.reason, line.outcome)

    @cached_property
    def restrictions(self) -> Restrictions:
        from ..registration.restriction import Restrictions

        surveys, mailboxes = self._survey_store, self.mailboxes

        def others(person: str, since: datetime | None) -> None:
            surveys.restrict(person, since)
            mailboxes.restrict(person, since)

        return Restrictions(self.registration_store, self.verifications, others)

    @cached_property
    def held(self) -> Mapping[str, Part]:
        """By domain what it keeps about a person, in the order in which it is shown."""
        from ..accounts.personal_data import of_account, of_sign_ins
        from ..helpdesk.personal_data import of_helpdesk
        from ..jobs.personal_data import of_jobs
        from ..notices.personal_data import of_notices
        from ..outcomes.personal_data import of_surveys
        from ..payouts.personal_data import of_payouts
        from ..registration.personal_data import of_registration
        from ..training.personal_data import of_trainings
        from ..waves.personal_data import of_waves

        # Each is made so that its table is bound.
        vault, registrations, waves, payouts = self.vault, self.registrations, self.waves, self.payouts
        self.account_store, self.sign_ins, self.jobs, self.helpdesk, self.surveys, self.mailboxes  # noqa: B018
        self.training  # noqa: B018

        def entries_and_place(person: str, now: datetime) -> Iterator[Held]:
            return of_waves(person, waves.numbers(now), waves.beneficiaries.places(person))

        def money(person: str, _now: datetime) -> Iterator[Held]:
            places = waves.beneficiaries.places(person)
            return of_payouts(person, [id_ for place in places for id_ in payouts.ids(place)])

        def trainings(person: str, _now: datetime) -> Iterator[Held]:
            return of_trainings(person, registrations.key, vault.mac)

        return {
            "accounts": of_account,
            "sign_ins": of_sign_ins,
            "registrations": of_registration,
            "waves": entries_and_place,
            "payouts": money,
            "training": trainings,
            "jobs": of_jobs,
            "helpdesk": of_helpdesk,
            "outcomes": of_surveys,
            "notices": of_notices,
        }

    def _key_of(self, person: str, sealed: SealKind) -> PersonKey:
        """The key under which such a value of a person is sealed. One or two reads and a call of KMS.

        Raises `NotRegistered`, `NotFound`.
        """
        from ..errors import NotFound

        if sealed == "grievance/1":
            return self.account_keys.key(person)
        if sealed != "contact/1":
            return self.registrations.key(person)
        account = self.account_store.account(person)
        if account is None:
            raise NotFound()
        return self.vault.open_key(person, account.wrapped_key)
