"""How the services of training, of the job market, of the help desk and of outcomes are built."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from .waves import WavesServices

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..aws.admin_acts import Journal
    from ..helpdesk.service import Helpdesk
    from ..jobs.service import Jobs
    from ..outcomes.statistics_service import PublishedStatistics
    from ..outcomes.store import SurveyStore, TallyStore
    from ..outcomes.survey_job import SurveyJob
    from ..outcomes.surveys import Surveys
    from ..outcomes.tally_job import TallyJob
    from ..registration.claims.presence import Presence
    from ..registration.claims.service import Claims
    from ..training.courses import Courses
    from ..training.partners import Partners, PartnerStore
    from ..training.reports import Reports
    from ..training.service import Trainings
    from ..training.store import TrainingStore
    from ..waves.places.passing import Passing


VALIDATION = "POST /partners/redemptions/validations"
PRESENCES = "POST /partners/presences"
APPLICANTS = "GET /partners/vacancies/{vacancy_id}/applicants"


class ParticipantsServices(WavesServices):
    """Partners, their courses and what beneficiaries buy of them; the job market of those who learned; complaints and
    appeals, surveys, and the count behind the statistics.
    """

    @cached_property
    def partners(self) -> Partners:
        from ..training.partners import PartnerKeys, Partners

        keys = PartnerKeys(self._client("kms"), self.settings.data_key)
        return Partners(self._partner_store, keys, self.programme.partners.clock_skew_s, self._randomness)

    @cached_property
    def courses(self) -> Courses:
        from ..registration.identity import is_province
        from ..training.courses import Courses

        return Courses(self._partner_store, self.training_journal, self.programme, is_province, self.transaction)

    @cached_property
    def training_journal(self) -> Journal:
        from ..aws.admin_acts import Journal
        from ..training.partners import ActItem
        from ..training.store import TrainingTable

        self._bind(TrainingTable, "training")
        return Journal(ActItem)

    @cached_property
    def training(self) -> Trainings:
        from ..training.service import Trainings

        return Trainings(
            self._training_store,
            self.courses,
            self.waves,
            self.registrations,
            self.payouts,
            self.programme,
            self._randomness,
        )

    def settle_and_sweep(self, now: datetime, remaining_s: Callable[[], float]) -> bool:
        """Settle the claims on NIKs, then ask the registry again about who waits; whether both came to their end.

        Claims come first and have half of the time: the sweep takes all that there is. No error of one stops the other.
        """
        try:
            settled = self.nik_claims.run(now, remaining_s() / 2)
        finally:
            swept = self.registry_sweep.run(now, remaining_s())
        return settled and swept is not None

    @cached_property
    def nik_claims(self) -> Claims:
        from ..registration.claims.service import Claims
        from ..registration.items import RegistrationsTable
        from ..waves.places.nik_claims import EntriesOfNik

        def entries() -> EntriesOfNik:
            return EntriesOfNik(self.waves, self._wave_store, self._entries, self._beneficiaries)

        def hand_over(former: str, to: str, now: datetime) -> bool:
            return self._passing.hand_over(former, to, now)

        self._bind(RegistrationsTable, "registrations")
        wait_s = self.programme.eligibility.nik_claim_wait_s
        ask = self.registrations.have_asked_about
        return Claims(self.transaction, lambda: self.notices, entries, hand_over, ask, wait_s)

    @cached_property
    def _passing(self) -> Passing:
        from ..payouts.passing import PassedPayments
        from ..payouts.service import AtAward
        from ..training.passing import PassedCourses
        from ..waves.places.passing import Following, Passing, Places
        from ..waves.places.revocation import RevocationLog

        return Passing(
            self.programme,
            self.transaction,
            Places(self._wave_store, self._beneficiaries, RevocationLog(self.transaction, self._beneficiaries)),
            self.registrations,
            self.notices,
            self._randomness,
            Following(
                PassedPayments(self.payout_store, self.payouts),
                PassedCourses(self._training_store, self.programme),
                AtAward(self.payouts),
            ),
        )

    @cached_property
    def reports(self) -> Reports:
        from ..training.reports import Reports

        store, partners, seen = self._training_store, self._partner_store, self._seen_by(VALIDATION)
        return Reports(store, partners, self.waves, self.registrations, self.payouts, self.programme, seen)

    @cached_property
    def presence(self) -> Presence:
        from ..registration.claims.presence import Presence

        store, vault, seen = self.registration_store, self.vault, self._seen_by(PRESENCES)

        def nik_of(*given: Any) -> str:
            return self.issuers.nik(*given)  # which most offices never need

        return Presence(store, vault, self.transaction, seen, nik_of, self._randomness)

    def _seen_by(self, route: str) -> Callable[[str, str, str], None]:
        """Records in the journal what a partner looks at by a route: partner, about what, at whose data."""
        journal, clock = self.journal, self._clock
        return lambda partner, about, registrant: journal.seen(partner, route, about, registrant, clock())

    @cached_property
    def jobs(self) -> Jobs:
        from ..jobs.service import Jobs
        from ..jobs.store import JobsStore, JobsTable

        self._bind(JobsTable, "jobs")
        store = JobsStore(self.transaction)
        seen = self._seen_by(APPLICANTS)
        return Jobs(store, self.registrations, self.waves, self.training, self.programme, seen)

    @cached_property
    def _training_store(self) -> TrainingStore:
        from ..training.store import TrainingStore, TrainingTable

        self._bind(TrainingTable, "training")
        return TrainingStore(self.transaction, self.registrations.key, self.vault.mac)

    @cached_property
    def _partner_store(self) -> PartnerStore:
        from ..training.partners import PartnerStore
        from ..training.store import TrainingTable

        self._bind(TrainingTable, "training")
        return PartnerStore()

    @cached_property
    def helpdesk(self) -> Helpdesk:
        from ..helpdesk.evidence import PublishedLists
        from ..helpdesk.service import Helpdesk
        from ..helpdesk.store import HelpdeskStore, HelpdeskTable

        self._bind(HelpdeskTable, "helpdesk")
        lists = PublishedLists(lambda: self._client("s3"), self.settings.results_bucket, self.settings.results_url)
        return Helpdesk(
            HelpdeskStore(self.transaction),
            self.account_keys,
            self.waves,
            self.payouts,
            lists,
            self.notices,
            self.programme.helpdesk,
        )

    @cached_property
    def surveys(self) -> Surveys:
        from ..outcomes import questions
        from ..outcomes.surveys import Surveys

        return Surveys(self._survey_store, questions.load(), self.waves, self.payouts)

    @cached_property
    def survey_job(self) -> SurveyJob:
        from ..aws.job_progress import Cursors
        from ..outcomes.store import SurveyCursor
        from ..outcomes.survey_job import SurveyJob

        store, cursors, here = self._survey_store, Cursors(SurveyCursor), self.registration_store.unrestricted
        return SurveyJob(store, cursors, self.payouts, self.waves, self.notices, self.programme, here)

    @cached_property
    def statistics(self) -> PublishedStatistics:
        from ..outcomes.statistics_service import PublishedStatistics
        from ..registration.identity import is_province

        return PublishedStatistics(self._tally_store, self.waves, is_province)

    @cached_property
    def tally_job(self) -> TallyJob:
        from ..outcomes.tally_job import Sources, TallyJob
        from ..registration.identity import province_name

        sources = Sources(
            registrations=self.registration_store,
            waves=self.waves,
            payouts=self.payouts,
            training=self._training_store,
            surveys=self._survey_store,
            jobs=self.jobs,
            helpdesk=self.helpdesk,
        )
        return TallyJob(self._tally_store, sources, self.programme, province_name)

    @cached_property
    def _survey_store(self) -> SurveyStore:
        from ..outcomes.store import OutcomesTable, SurveyStore

        self._bind(OutcomesTable, "outcomes")
        return SurveyStore(self.transaction)

    @cached_property
    def _tally_store(self) -> TallyStore:
        from ..outcomes.store import OutcomesTable, TallyStore

        self._bind(OutcomesTable, "outcomes")
        return TallyStore()
