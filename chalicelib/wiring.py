"""The one place that builds things: a deployment's settings in, services out, each when it is first asked for.

A function pays only for what it uses: the join never builds the draw, the draw never builds the payouts.
"""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from . import aws, dynamo
from .clock import Clock, utc_now
from .config import Programme, Settings, load_programme
from .ids import Randomness, system_randomness
from .me import Me, next_deadline

if TYPE_CHECKING:
    from datetime import datetime

    from pynamodb.models import Model

    # Imported only by the function that asks for them.
    from .helpdesk.service import Helpdesk
    from .jobs.service import Jobs
    from .notices.events import EventStore
    from .notices.mailer import Mailer
    from .notices.service import NoticeService
    from .notices.store import NoticeStore
    from .notices.unsubscriptions import Unsubscriptions
    from .outcomes.statistics import PublishedStatistics
    from .outcomes.survey_opening import Opening
    from .outcomes.survey_store import SurveyStore
    from .outcomes.surveys import Surveys
    from .outcomes.tally import Tallying
    from .outcomes.tally_store import TallyStore
    from .payouts.service import Payouts
    from .registration.accounts import Accounts
    from .registration.exclusions import ExclusionLists
    from .registration.service import Registrations
    from .registration.tokens import TokenVerifier
    from .registration.vault import Vault
    from .tidings import Tidings
    from .training.courses import Courses
    from .training.partner_store import PartnerStore
    from .training.partners import Partners
    from .training.reports import Reports
    from .training.service import Trainings
    from .training.store import TrainingStore
    from .waves.advance import Stepper
    from .waves.award import Award
    from .waves.beneficiaries import BeneficiaryStore
    from .waves.drawing import Beacons, Drawing
    from .waves.entries import EntryStore
    from .waves.publication import Publication
    from .waves.revocation import Revocation
    from .waves.service import Waves
    from .waves.store import WaveStore

RELAY_TIMEOUT_S = 5
"""How long one relay of the beacon may take before the next one is asked."""


FEED_LENGTH = 50
"""How many of the last events the feed has."""


class Services:
    """Every service of one deployment. `clock` is used only where no request brings its own time (token expiry)."""

    def __init__(
        self,
        settings: Settings,
        programme: Programme,
        clock: Clock = utc_now,
        randomness: Randomness = system_randomness,
    ) -> None:
        self.settings = settings
        self.programme = programme
        self._clock = clock
        self._randomness = randomness

    @cached_property
    def tokens(self) -> TokenVerifier:
        """Who an access token speaks for."""
        from .registration.tokens import TokenVerifier

        settings = self.settings
        return TokenVerifier(settings.issuer, settings.user_pool_client, settings.jwks_url, _fetch, self._clock)

    @cached_property
    def accounts(self) -> Accounts:
        """Sign up and sign in, at the user pool."""
        from .registration.accounts import Accounts

        return Accounts(self._client("cognito-idp"), self.settings.user_pool_client)

    @cached_property
    def vault(self) -> Vault:
        """Keyed hashes and each person's own encryption."""
        from .registration.vault import Vault

        settings = self.settings
        return Vault(lambda: self._client("kms"), settings.mac_key, settings.data_key, self._randomness)

    @cached_property
    def registrations(self) -> Registrations:
        """Who people are."""
        from .registration.service import Registrations
        from .registration.store import RegistrationsTable, RegistrationStore

        self._bind(RegistrationsTable, "registrations")
        store = RegistrationStore(self.settings.region)
        return Registrations(store, self.vault, self.programme.eligibility, self.programme.payouts.codes)

    @cached_property
    def exclusion_lists(self) -> ExclusionLists:
        """Who may not take part, as the authorities' lists say."""
        from .registration.exclusions import ExclusionLists
        from .registration.store import RegistrationsTable, RegistrationStore

        self._bind(RegistrationsTable, "registrations")
        return ExclusionLists(RegistrationStore(self.settings.region), self.vault)

    def me(self, registrant_id: str, now: datetime) -> Me:
        """`GET /me`: registration and financial address, masked, the place in the programme and what is next."""
        from .waves.wire import beneficiary_view

        kept = self.registrations.me(registrant_id)
        beneficiary = self.waves.beneficiary(registrant_id)
        return Me(
            registration=kept.registration,
            financial_address=kept.financial_address,
            beneficiary=beneficiary_view(beneficiary) if beneficiary else None,
            balance_idr=self.training.balance(beneficiary) if beneficiary else None,
            next_deadline=next_deadline(beneficiary, self.surveys.next_closing(registrant_id, now), now),
        )

    @cached_property
    def waves(self) -> Waves:
        """The calendar, joins, standings and beneficiaries."""
        from .waves.service import Stores, Waves

        return Waves(
            self.programme,
            Stores(self._wave_store, self._entries, self._beneficiaries, lambda: self._publication),
            self.registrations,
            self.settings.results_url,
            self._randomness,
        )

    @cached_property
    def stepper(self) -> Stepper:
        """The step that takes waves on."""
        from .notices.announcements import Announcements
        from .waves.advance import Stepper
        from .waves.freeze import Freeze

        settings, programme = self.settings, self.programme
        return Stepper(
            programme,
            self._wave_store,
            Freeze(self._entries, self._publication, programme.draw),
            self._drawing,
            self._award,
            Announcements(self._client("sns"), settings.announcements_topic, self._events, self._clock),
            settings.results_url,
        )

    @cached_property
    def revocation(self) -> Revocation:
        """The step that takes places from who bought nothing in time."""
        from .waves.revocation import Revocation, Stores
        from .waves.revocation_log import RevocationLog

        beneficiaries = self._beneficiaries
        stores = Stores(self._wave_store, beneficiaries, RevocationLog(self.transaction, beneficiaries))
        return Revocation(self.programme, stores, self._award, self.registrations, self.notices)

    @cached_property
    def _award(self) -> Award:
        from .waves.award import Award

        return Award(
            self._entries,
            self._beneficiaries,
            self.registrations,
            self._drawing,
            self._publication,
            self.programme,
            self._randomness,
        )

    @cached_property
    def _drawing(self) -> Drawing:
        from .waves.drawing import Drawing

        return Drawing(self._publication, self.beacons, self.programme.draw)

    @cached_property
    def _publication(self) -> Publication:
        from .waves.publication import Publication

        return Publication(self._client("s3"), self.settings.results_bucket)

    @cached_property
    def beacons(self) -> Beacons:
        """Where random numbers come from; the command line puts a signature that was handed in here."""
        from .waves.beacon import Relays, UrllibGet

        return Relays(self.settings.beacon_relays, UrllibGet(RELAY_TIMEOUT_S))

    @cached_property
    def _wave_store(self) -> WaveStore:
        from .waves.store import WavesTable, WaveStore

        self._bind(WavesTable, "waves")
        return WaveStore(self.transaction)

    @cached_property
    def _entries(self) -> EntryStore:
        from .waves.entries import EntryStore
        from .waves.store import WavesTable

        self._bind(WavesTable, "waves")
        return EntryStore()

    @cached_property
    def _beneficiaries(self) -> BeneficiaryStore:
        from .waves.beneficiaries import BeneficiaryStore
        from .waves.store import WavesTable

        self._bind(WavesTable, "waves")
        return BeneficiaryStore(self.transaction, self.programme.eligibility.family_card_cap)

    @cached_property
    def payouts(self) -> Payouts:
        """The ledger and the provider."""
        from .payouts.fsp_http import HttpFsp
        from .payouts.items import PayoutsTable
        from .payouts.queue import PayoutQueue
        from .payouts.secret import FspSecret
        from .payouts.service import Payouts, Ports
        from .payouts.store import PayoutStore

        self._bind(PayoutsTable, "payouts")
        settings, programme = self.settings, self.programme
        secret = FspSecret(settings.fsp_secret, settings.region)
        ports = Ports(
            registrations=self.registrations,
            sealer=self.registrations,
            fsp=HttpFsp(settings.fsp_url, programme.payouts.fsp_timeout_s, secret.api_key),
            queue=PayoutQueue(settings.payouts_queue_url, settings.region),
            callback_token=secret.callback_token,
        )
        return Payouts(PayoutStore(settings.region), ports, programme)

    @cached_property
    def partners(self) -> Partners:
        """Training partners and their signatures."""
        from .training.partners import PartnerKeys, Partners

        keys = PartnerKeys(self._client("kms"), self.settings.data_key)
        return Partners(self._partner_store, keys, self.programme.partners.clock_skew_s, self._randomness)

    @cached_property
    def courses(self) -> Courses:
        """The catalogue."""
        from .registration.identity import is_province
        from .training.course_store import CourseStore
        from .training.courses import Courses
        from .training.store import TrainingTable

        self._bind(TrainingTable, "training")
        return Courses(CourseStore(), self._partner_store, self.programme.skills, is_province)

    @cached_property
    def training(self) -> Trainings:
        """What beneficiaries buy and review."""
        from .training.service import Trainings

        return Trainings(self._training_store, self.courses, self.waves, self.payouts, self.programme, self._randomness)

    @cached_property
    def reports(self) -> Reports:
        """What partners report of trainings."""
        from .training.reports import Reports

        return Reports(self._training_store, self.waves)

    @cached_property
    def _training_store(self) -> TrainingStore:
        from .training.store import TrainingStore, TrainingTable

        self._bind(TrainingTable, "training")
        return TrainingStore(self.transaction)

    @cached_property
    def _partner_store(self) -> PartnerStore:
        from .training.partner_store import PartnerStore
        from .training.store import TrainingTable

        self._bind(TrainingTable, "training")
        return PartnerStore()

    @cached_property
    def notices(self) -> NoticeService:
        """Telling people; the port `notices.port.Notices` of every domain."""
        from .notices.queue import MailQueue
        from .notices.service import NoticeService

        queue = MailQueue(self.settings.mails_queue_url, self.settings.region)
        return NoticeService(self._notice_store, queue, self.programme.notices, self._clock)

    @cached_property
    def tidings(self) -> Tidings:
        """Who is to be told what, found where it happened."""
        from .cursors import Cursors
        from .notices.progress import CursorItem, Progress
        from .tidings import Tidings

        cursors = Cursors(CursorItem)
        return Tidings(self.programme, self.waves, self.payouts, self.notices, cursors, Progress())

    @cached_property
    def mailer(self) -> Mailer:
        """From the queue to mails."""
        from .notices.mailer import Mailer
        from .notices.ses import CONSUMERS, Pace, SesMail
        from .registration.mailboxes import MailAddresses

        settings = self.settings
        addresses = MailAddresses(self._client("cognito-idp"), settings.user_pool)
        # SES has no key against doubles: its client must make each call once.
        ses = aws.client("sesv2", settings.region, attempts=1)
        pace = Pace(self.programme.notices.mails_per_s / CONSUMERS)
        mail = SesMail(ses, settings.mail_from, settings.configuration_set, pace)
        return Mailer(self._notice_store, addresses, mail, settings.public_url, self._randomness)

    @cached_property
    def mailboxes(self) -> NoticeStore:
        """What is known of mailboxes."""
        return self._notice_store

    @cached_property
    def unsubscriptions(self) -> Unsubscriptions:
        """The links in reminders."""
        from .notices.unsubscriptions import Unsubscriptions

        return Unsubscriptions(self._notice_store)

    def feed(self) -> str:
        """`GET /feed.atom`."""
        from .notices import atom

        return atom.feed(self._events.latest(FEED_LENGTH), self.settings.public_url, self.settings.mail_domain)

    def agenda(self, now: datetime) -> str:
        """`GET /waves.ics`."""
        from .notices import ics

        agenda = self.waves.agenda(now)
        slots = [ics.Slot(plan.number, plan.opens_at, plan.closes_at) for plan in agenda.waves]
        slots += [ics.Slot(plan.number, plan.opens_at, plan.closes_at, skipped=True) for plan in agenda.skipped]
        return ics.calendar(slots, agenda.version, now, self.settings.mail_domain, self.settings.public_url)

    @cached_property
    def _events(self) -> EventStore:
        from .notices.events import EventStore
        from .notices.store import NoticesTable

        self._bind(NoticesTable, "notices")
        return EventStore(self.settings.region)

    @cached_property
    def _notice_store(self) -> NoticeStore:
        from .notices.store import NoticesTable, NoticeStore

        self._bind(NoticesTable, "notices")
        return NoticeStore(self.settings.region)

    @cached_property
    def helpdesk(self) -> Helpdesk:
        """Complaints and appeals."""
        from .helpdesk.holidays_id import is_holiday
        from .helpdesk.lists import PublishedLists
        from .helpdesk.service import Helpdesk, Ports
        from .helpdesk.store import HelpdeskStore, HelpdeskTable

        self._bind(HelpdeskTable, "helpdesk")
        settings = self.settings
        ports = Ports(
            keys=self.registrations,
            selections=self.waves,
            disbursements=self.payouts,
            lists=PublishedLists(lambda: self._client("s3"), settings.results_bucket),
            is_holiday=is_holiday,
        )
        return Helpdesk(HelpdeskStore(self.transaction), ports, self.programme.helpdesk, settings.results_url)

    @cached_property
    def surveys(self) -> Surveys:
        """What people are asked, and what they answered."""
        from .outcomes import questions
        from .outcomes.surveys import Surveys

        return Surveys(self._survey_store, questions.load(), self.waves, self.payouts)

    @cached_property
    def survey_opening(self) -> Opening:
        """The daily job that opens surveys."""
        from .cursors import Cursors
        from .outcomes.store import CursorItem
        from .outcomes.survey_opening import Opening

        store = self._survey_store
        return Opening(store, Cursors(CursorItem), self.payouts, self.waves, self.notices, self.programme)

    @cached_property
    def _survey_store(self) -> SurveyStore:
        from .outcomes.store import OutcomesTable
        from .outcomes.survey_store import SurveyStore

        self._bind(OutcomesTable, "outcomes")
        return SurveyStore(self.transaction)

    @cached_property
    def jobs(self) -> Jobs:
        """Vacancies, matches and applications."""
        from .jobs.applications import ApplicationStore
        from .jobs.service import Jobs
        from .jobs.store import JobsTable, VacancyStore

        self._bind(JobsTable, "jobs")
        vacancies = VacancyStore(self.transaction)
        return Jobs(
            vacancies,
            ApplicationStore(self.transaction, vacancies),
            self.registrations,
            self.waves,
            self.training,
            self.programme.skills,
            self.programme.jobs,
        )

    @cached_property
    def statistics(self) -> PublishedStatistics:
        """What was counted, as anybody reads it."""
        from .outcomes.statistics import PublishedStatistics
        from .registration.identity import is_province

        return PublishedStatistics(self._tally_store, self.waves, is_province)

    @cached_property
    def tallying(self) -> Tallying:
        """The job that counts."""
        from .outcomes.tally import Sources, Tallying
        from .registration.identity import province_name

        sources = Sources(
            registrations=self.registrations,
            waves=self.waves,
            payouts=self.payouts,
            training=self.training,
            surveys=self.surveys,
            jobs=self.jobs,
            helpdesk=self.helpdesk,
        )
        return Tallying(self._tally_store, sources, self.programme, province_name)

    @cached_property
    def _tally_store(self) -> TallyStore:
        from .outcomes.store import OutcomesTable
        from .outcomes.tally_store import TallyStore

        self._bind(OutcomesTable, "outcomes")
        return TallyStore()

    def transaction(self) -> dynamo.Transaction:
        """A new, empty transaction."""
        return dynamo.Transaction(self.settings.region)

    def _bind(self, table: type[Model], domain: str) -> None:
        dynamo.bind(table, self.settings.table(domain), self.settings.region)

    def _client(self, service: str) -> Any:
        return aws.client(service, self.settings.region)


def build(settings: Settings) -> Services:
    """The services of a deployment, with the figures of its stage. Raises `BadConfiguration`."""
    return Services(settings, load_programme(settings.stage))


def _fetch(url: str) -> bytes:
    """The body of a 200 answer, within seconds; anything else is an OSError."""
    import urllib3

    try:
        answer = urllib3.request("GET", url, retries=False, timeout=urllib3.Timeout(connect=1, read=2))
    except urllib3.exceptions.HTTPError as error:
        raise OSError(type(error).__name__) from error
    if answer.status != HTTPStatus.OK:
        raise OSError(f"status {answer.status}")
    return bytes(answer.data)
