"""How the services of payouts are built."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from .people import PeopleServices

if TYPE_CHECKING:
    from ..aws.errands import Errands
    from ..payouts.address_checks import AddressBook
    from ..payouts.bank_files.export import BankFiles
    from ..payouts.bank_files.reports import BankReports
    from ..payouts.bank_files.store import BankStore
    from ..payouts.controls.administration import Administration
    from ..payouts.controls.limits import CeilingStore
    from ..payouts.ledger.store import PayoutStore
    from ..payouts.plans.service import Plans
    from ..payouts.providers.provider import Providers
    from ..payouts.providers.xendit import ProviderSecret
    from ..payouts.reconciliation.nightly import DayComparison, NightlyComparison
    from ..payouts.service import PayoutQueue, Payouts
    from ..payouts.worker import Worker


class PayoutsServices(PeopleServices):
    """The ledger, the work on it, and the connections to the providers."""

    @cached_property
    def payouts(self) -> Payouts:
        from ..payouts.service import Payouts

        return Payouts(self.payout_store, self.payout_queue, self._fsp_secret.callback_token, self.programme)

    @cached_property
    def payout_worker(self) -> Worker:
        from ..payouts.controls.limits import Allowance
        from ..payouts.worker import Ports, Worker

        ports = Ports(
            payees=self.address_book,
            sealer=self.registrations,
            providers=self.providers,
            allowance=Allowance(self.ceilings, self.programme.payouts.ceilings),
        )
        return Worker(self.payout_store, ports, self.programme.payouts)

    @cached_property
    def plans(self) -> Plans:
        from ..payouts.plans.service import Plans

        return Plans(self.payout_store, self.payout_queue, self.programme)

    @cached_property
    def payout_administration(self) -> Administration:
        from ..payouts.controls.administration import Administration, JournalStore, PayoutStores
        from ..payouts.controls.limits import PauseStore
        from ..payouts.controls.proposals import ProposalStore

        stores = PayoutStores(self.payout_store, ProposalStore(), PauseStore(), self.ceilings, JournalStore())
        return Administration(stores, self.providers, self.payout_queue, self.programme.payouts)

    @cached_property
    def address_book(self) -> AddressBook:
        from ..payouts.address_checks import AddressBook

        return AddressBook(self.registrations, self.providers, self.programme.payouts.name_score_min)

    @cached_property
    def ceilings(self) -> CeilingStore:
        from ..payouts.controls.limits import CeilingStore
        from ..payouts.ledger.items import PayoutsTable

        self._bind(PayoutsTable, "payouts")
        return CeilingStore()

    @cached_property
    def providers(self) -> Providers:
        from ..payouts.bank_files.transfers import BankFile
        from ..payouts.providers.provider import Providers
        from ..payouts.providers.xendit import Xendit

        rules = self.programme.payouts
        api_key = self._fsp_secret.api_key
        xendit = Xendit(self.settings.fsp_url, rules.fsp_timeout_s, api_key, rules.inquiry_timeout_s)
        bank = BankFile(self.bank_store, rules.codes)
        return Providers({xendit.rail: xendit, bank.rail: bank}, rules.codes)

    @cached_property
    def daily_reconciliation(self) -> NightlyComparison:
        from ..payouts.reconciliation.nightly import DayStore, NightlyComparison

        store = DayStore(self._client("s3"), self.settings.reports_bucket)
        return NightlyComparison(self.day_comparison(), store, f"gelombang-{self.settings.stage}")

    @cached_property
    def comparisons(self) -> Errands:
        """Days that an administrator has compared again."""
        from ..aws.errands import Errands

        lives = timedelta(seconds=1_000)  # a run of 900 seconds
        return Errands(self._client("s3"), self.settings.reports_bucket, "reconcile_payouts", lives)

    def day_comparison(self) -> DayComparison:
        """The comparison of days, in their order; each has its own memory of what it read last."""
        from ..payouts.bank_files.transfers import BankFile, BankStatements
        from ..payouts.providers.xendit import Xendit
        from ..payouts.providers.xendit_statements import XenditStatements
        from ..payouts.reconciliation.nightly import DayComparison

        settings, timeout_s = self.settings, self.programme.payouts.fsp_timeout_s
        xendit = XenditStatements(settings.fsp_url, timeout_s, self._fsp_secret.api_key)
        bank = BankStatements(self.bank_store)
        each_place = self.programme.eligibility.several_places
        return DayComparison(self.payout_store, {Xendit.rail: xendit, BankFile.rail: bank}, each_place=each_place)

    @cached_property
    def bank_store(self) -> BankStore:
        from ..payouts.bank_files.store import BankStore
        from ..payouts.ledger.items import PayoutsTable

        self._bind(PayoutsTable, "payouts")
        return BankStore(self.settings.region)

    @cached_property
    def bank_files(self) -> BankFiles:
        """Files of transfers for the bank, by two people. Raises `BadConfiguration` if no account pays by file."""
        from ..config import BadConfiguration
        from ..ids import system_randomness
        from ..payouts.bank_files.export import BankFiles
        from ..payouts.controls.limits import PauseStore

        rules = self.programme.payouts.bank_file
        if rules is None:
            raise BadConfiguration(reason="service.toml has no [payouts.bank_file]: no account pays by bank file")
        return BankFiles(self.bank_store, self.payout_store, PauseStore(), self.registrations, rules, system_randomness)

    @cached_property
    def bank_reports(self) -> BankReports:
        from ..payouts.bank_files.reports import BankReports

        return BankReports(self.bank_store, self.payout_store, self.payout_worker, self.registrations)

    @cached_property
    def _fsp_secret(self) -> ProviderSecret:
        from ..payouts.providers.xendit import ProviderSecret

        return ProviderSecret(self.settings.fsp_secret, self.settings.region)

    @cached_property
    def payout_queue(self) -> PayoutQueue:
        from ..payouts.service import PayoutQueue

        return PayoutQueue(self.settings.payouts_queue_url, self.settings.region)

    @cached_property
    def payout_store(self) -> PayoutStore:
        from ..payouts.ledger.items import PayoutsTable
        from ..payouts.ledger.store import PayoutStore

        self._bind(PayoutsTable, "payouts")
        return PayoutStore(self.settings.region)
