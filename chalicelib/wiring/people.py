"""How the services of notices and of registration are built."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from ..aws import clients
from .accounts import AccountsServices

if TYPE_CHECKING:
    from datetime import date, datetime

    from ..accounts.contacts.changes import Changes
    from ..accounts.contacts.contacts import Contacts
    from ..accounts.contacts.recovery import Recoveries
    from ..accounts.passkeys.passkeys import Passkeys
    from ..accounts.sessions.sessions import Sessions
    from ..accounts.sessions.ways import Ways
    from ..civil_registry.batches import Batches
    from ..civil_registry.dci import DciRegistry, DciStudents
    from ..civil_registry.later import Callbacks
    from ..civil_registry.service import Asking, Judge
    from ..notices.announcements import PublicEventStore
    from ..notices.channels import Channels
    from ..notices.links import Unsubscriptions
    from ..notices.mailer import Mailer
    from ..notices.own_notices import OwnNotices
    from ..notices.service import NoticeService
    from ..notices.store import NoticeStore
    from ..registration.account_keys import AccountKeys
    from ..registration.addresses.store import AddressStore
    from ..registration.exclusions.service import ExclusionLists
    from ..registration.finding import Finding
    from ..registration.service import Registrations
    from ..registration.store import RegistrationStore
    from ..registration.verifications import Verifications


FEED_LENGTH = 50
"""How many of the last events the feed has."""


class PeopleServices(AccountsServices):
    """Announcements and notices, and registrations."""

    @cached_property
    def notices(self) -> NoticeService:
        from ..aws.queues import Queue
        from ..notices.service import NoticeService

        queue = Queue(self.settings.mails_queue_url, self.settings.region)
        return NoticeService(self.mailboxes, queue, self.programme.notices, self._clock)

    @cached_property
    def mailer(self) -> Mailer:
        from ..notices.mailer import Mailer
        from ..notices.ses import CONSUMERS, Pace, SesMail

        settings = self.settings
        # SES cannot tell a repeated call, so its client must make each call once.
        ses = clients.client("sesv2", settings.region, attempts=1)
        pace = Pace(self.programme.notices.mails_per_s / CONSUMERS)
        mail = SesMail(ses, settings.mail_from, settings.configuration_set, pace)
        sms = self._sms(pace) if self.programme.accounts.sms.enabled else None
        return Mailer(self.mailboxes, self.directory, mail, sms, settings.public_url, self._randomness)

    @cached_property
    def sessions(self) -> Sessions:
        from ..accounts.sessions.openings import Openings
        from ..accounts.sessions.sessions import Sessions

        store, sign_ins, figures = self.account_store, self.sign_ins, self.programme.accounts
        opened = store, self.contacts, self.recoveries, sign_ins, self.vault, self._is_person, figures
        openings = Openings(*opened, passkeys=self.passkeys)
        given = store, sign_ins, openings, self.access_tokens, self.proofs, figures, self._randomness
        return Sessions(*given, ways=self._ways, notices=self.notices)

    def _is_person(self, account_id: str, nik: str, birth_date: date) -> bool:
        return self.finding.is_person(account_id, nik, birth_date)  # which most sign-ins never need

    @cached_property
    def contacts(self) -> Contacts:
        from ..accounts.contacts.contacts import Contacts

        figures = self.programme.accounts
        return Contacts(self.account_store, self.changes, self.sign_ins, self.vault, self.transaction, figures)

    @cached_property
    def changes(self) -> Changes:
        from ..accounts.contacts.changes import Changes

        figures = self.programme.accounts
        return Changes(self.account_store, self.transaction, self.notices, figures, self._randomness)

    @cached_property
    def _ways(self) -> Ways:
        from ..accounts.sessions.ways import Ways

        store, macs, vault = self.account_store, self.macs, self.vault
        return Ways(self.passkeys, self.issuers, store, self.recoveries, macs, vault)

    @cached_property
    def passkeys(self) -> Passkeys:
        from ..accounts.passkeys.checks import relying_party
        from ..accounts.passkeys.passkeys import Passkeys

        party = relying_party(self.settings.rp_id, self.settings.public_url)
        most = self.programme.accounts.passkeys_max
        recovery = self.recoveries.get
        return Passkeys(self.access_tokens, party, self.changes, recovery, self.transaction, most)

    @cached_property
    def recoveries(self) -> Recoveries:
        from ..accounts.contacts.recovery import Recoveries

        return Recoveries(
            self.account_store,
            self.transaction,
            self.vault,
            self.notices,
            self.accounts_journal,
            self.programme.accounts,
            self._randomness,
        )

    @cached_property
    def unsubscriptions(self) -> Unsubscriptions:
        from ..notices.links import Unsubscriptions

        return Unsubscriptions(self.mailboxes)

    def feed(self) -> str:
        """`GET /feed.atom`."""
        from ..notices import feeds

        return feeds.feed(self._events.latest(FEED_LENGTH), self.settings.public_url, self.settings.mail_domain)

    @cached_property
    def _events(self) -> PublicEventStore:
        from ..notices.announcements import PublicEventStore
        from ..notices.store import NoticesTable

        self._bind(NoticesTable, "notices")
        return PublicEventStore(self.settings.region)

    @cached_property
    def channels(self) -> Channels:
        from ..notices.channels import Channels, Https

        def secret(name: str) -> str:
            id_ = f"gelombang-{self.settings.stage}-channels"
            kept = self._client("secretsmanager").get_secret_value(SecretId=id_)["SecretString"]
            return msgspec.json.decode(kept, type=dict[str, str])[name]

        public_url = self.settings.public_url
        return Channels(self.programme.notices.channels, self._events, secret, Https(), public_url, self._clock)

    @cached_property
    def mailboxes(self) -> NoticeStore:
        """Notices, and what is known of their mailboxes."""
        from ..notices.store import NoticesTable, NoticeStore

        self._bind(NoticesTable, "notices")
        return NoticeStore(self.settings.region, self.programme.retention.notices_days)

    @cached_property
    def own_notices(self) -> OwnNotices:
        from ..notices.own_notices import OwnNotices

        return OwnNotices(self.mailboxes)

    @cached_property
    def registrations(self) -> Registrations:
        from ..registration.addresses.service import FinancialAddresses
        from ..registration.phones import Phones
        from ..registration.refusals import Refusals
        from ..registration.service import Registrations

        store, vault, notices = self.registration_store, self.vault, lambda: self.notices
        eligibility = self.programme.eligibility
        refusals = Refusals(store, eligibility.refusals_max)
        addresses = FinancialAddresses(store, self.address_store, vault, self.programme.payouts, notices, refusals)
        phones = Phones(store, vault, self.transaction, notices, self._has_phone)
        return Registrations(store, vault, eligibility, notices, refusals, addresses, self.verifications, phones)

    def _has_phone(self, account_id: str, phone: str, now: datetime) -> bool:
        from ..accounts.contacts.contact import Contact

        return self.account_store.has(account_id, self.macs.contact(Contact("phone", phone)), now)

    @cached_property
    def verifications(self) -> Verifications:
        from ..aws.queues import Queue
        from ..registration.items import RegistrationsTable
        from ..registration.verifications import Verifications

        self._bind(RegistrationsTable, "registrations")
        settings = self.settings
        asked = Queue(settings.registry_queue_url, settings.region) if settings.has_registry_interface else None
        figures, asks = self.programme.registry, settings.has_registry
        return Verifications(self.transaction, asked, lambda: self.notices, figures, asks=asks)

    @cached_property
    def registry_verifier(self) -> Asking:
        from ..civil_registry.later import LaterVerifier
        from ..civil_registry.registry import ByFile
        from ..civil_registry.service import Verifier
        from ..config import REGISTRY_CONSUMERS
        from ..notices.ses import Pace

        figures, registry = self.programme.registry, self._dci
        pace = Pace(figures.asks_per_s / REGISTRY_CONSUMERS)
        if registry is not None and figures.answers_later:
            waits = timedelta(seconds=figures.answer_within_s)
            given = self.registry_judge, registry, self._randomness, waits
            return LaterVerifier(*given, pace.wait, self._clock, self._students_register)
        asked = ByFile() if registry is None else registry
        return Verifier(self.registry_judge, asked, pace.wait, self._students_register)

    @cached_property
    def registry_callbacks(self) -> Callbacks:
        from ..civil_registry.later import Callbacks

        later = self._dci if self.programme.registry.answers_later else None
        return Callbacks(self.registry_judge, later, self._randomness)

    @cached_property
    def _dci(self) -> DciRegistry | None:
        from ..civil_registry import dci

        settings = self.settings

        def asking() -> dci.AskingSecret:
            return dci.secret(settings.registry_secret, settings.region, dci.AskingSecret)

        def answers() -> dci.AnswersSecret:
            return dci.secret(settings.registry_answers_secret, settings.region, dci.AnswersSecret)

        given = settings.registry_url, self.programme.registry, asking, answers, self._clock, self._randomness
        answer_to = f"{settings.public_url}/registry/on-search"
        return dci.DciRegistry(*given, answer_to) if settings.has_registry_interface else None

    @cached_property
    def _students_register(self) -> DciStudents | None:
        from ..civil_registry import dci

        settings, figures = self.settings, self.programme.registry

        def asking() -> dci.StudentsSecret:
            return dci.secret(settings.students_secret, settings.region, dci.StudentsSecret)

        def answers() -> dci.AnswersSecret:
            return dci.AnswersSecret(asking().verify_with, "")  # it is asked at once, and no transaction is sealed

        figures = replace(figures, reg_type=figures.students.reg_type)
        given = settings.students_url, figures, asking, answers, self._clock, self._randomness
        return dci.DciStudents(*given) if self._asks_students else None

    @property
    def _asks_students(self) -> bool:
        """Only a programme from which pupils and students are excluded asks."""
        return self.settings.has_students_register and "student" not in self.programme.eligibility.employment

    @cached_property
    def registry_judge(self) -> Judge:
        from ..civil_registry.service import Judge

        stores = self.registration_store, self.verifications, self.vault
        return Judge(*stores, self.programme.registry, self._clock, asks_students=self._asks_students)

    @cached_property
    def registry_batches(self) -> Batches:
        from ..civil_registry.batches import Batches

        return Batches(self.registry_judge, self.verifications, self.vault, self._randomness)

    @cached_property
    def account_keys(self) -> AccountKeys:
        from ..registration.account_keys import AccountKeys
        from ..registration.items import RegistrationsTable

        self._bind(RegistrationsTable, "registrations")
        return AccountKeys(self.transaction, self.vault)

    @cached_property
    def exclusion_lists(self) -> ExclusionLists:
        from ..aws.admin_acts import Journal
        from ..registration.exclusions.service import ExclusionLists
        from ..registration.items import ExclusionActItem

        return ExclusionLists(self.registration_store, self.vault, Journal(ExclusionActItem))

    @cached_property
    def finding(self) -> Finding:
        from ..registration.finding import Finding

        return Finding(self.registration_store, self.vault)

    @cached_property
    def address_store(self) -> AddressStore:
        from ..registration.addresses.store import AddressStore
        from ..registration.items import RegistrationsTable

        self._bind(RegistrationsTable, "registrations")
        return AddressStore(self.settings.region)

    @cached_property
    def registration_store(self) -> RegistrationStore:
        from ..registration.items import RegistrationsTable
        from ..registration.store import RegistrationStore

        self._bind(RegistrationsTable, "registrations")
        return RegistrationStore(self.settings.region)
