"""How the services of accounts are built, and the vault of personal data."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

from ..aws import clients
from ..config import CODE_CONSUMERS
from .administration import AdministrationServices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from ..accounts.account_store import AccountStore
    from ..accounts.contacts.contact import ContactKind
    from ..accounts.contacts.directory import Directory
    from ..accounts.delivery.channels import SnsSms
    from ..accounts.delivery.consumer import CodeSender
    from ..accounts.macs import Macs
    from ..accounts.sessions.admission import Admission
    from ..accounts.sessions.issuers import Issuers
    from ..accounts.signing_in.budgets import KnownDevice
    from ..accounts.signing_in.known_devices import KnownDevices
    from ..accounts.signing_in.networks import Networks
    from ..accounts.signing_in.sign_ins import SignIns
    from ..accounts.tokens.dpop import Proofs
    from ..accounts.tokens.signing_keys import SigningKeys
    from ..accounts.tokens.tokens import Tokens
    from ..aws.admin_acts import Journal
    from ..notices.ses import Pace
    from ..vault import Vault


class AccountsServices(AdministrationServices):
    """Accounts and sessions of people, and what they are sealed with."""

    @cached_property
    def vault(self) -> Vault:
        from ..vault import Vault

        settings = self.settings
        return Vault(lambda: self._client("kms"), settings.mac_key, settings.data_key, self._randomness)

    @cached_property
    def directory(self) -> Directory:
        """How people are reached."""
        from ..accounts.contacts.directory import Directory

        return Directory(self.account_store, self.vault)

    @cached_property
    def account_store(self) -> AccountStore:
        from ..accounts.account_store import AccountStore
        from ..accounts.items import AccountsTable

        self._bind(AccountsTable, "accounts")
        return AccountStore(self.programme.accounts)

    @cached_property
    def admission(self) -> Admission:
        """For the authorizer."""
        from ..accounts.sessions.admission import Admission

        return Admission(self.account_store, self.access_tokens, self.programme.accounts)

    @cached_property
    def sign_ins(self) -> SignIns:
        from ..accounts.delivery.sms_costs import SmsCosts
        from ..accounts.signing_in.budgets import Budgets
        from ..accounts.signing_in.code_queue import CodeQueue
        from ..accounts.signing_in.hour_keys import HourKeys
        from ..accounts.signing_in.items import SignInsTable
        from ..accounts.signing_in.sign_ins import SignIns
        from ..accounts.signing_in.store import SignInStore
        from ..aws.queues import Queue

        self._bind(SignInsTable, "sign-ins")
        settings, rules = self.settings, self.programme.accounts
        stores = SignInStore(), Budgets(rules)
        hour_keys = HourKeys(self.vault, self._randomness)
        counts = self.networks, SmsCosts(rules.sms)
        queue = CodeQueue(Queue(settings.codes_queue_url, settings.region), rules.codes_per_s)
        return SignIns(rules, stores, hour_keys, self.macs, queue, counts, self._randomness)

    @cached_property
    def _known_devices(self) -> KnownDevices:
        from ..accounts.signing_in.known_devices import KnownDevices

        return KnownDevices(self.access_tokens, self.proofs)

    def known_device(
        self, token: str | None, proof: Callable[[], tuple[Sequence[str], str, str]], now: datetime
    ) -> KnownDevice | None:
        """The device of a device token; most who begin have none, and pay for no part of this."""
        return None if token is None else self._known_devices.of(token, proof(), now)

    @cached_property
    def code_sender(self) -> CodeSender:
        from ..accounts.delivery.channels import TAG, Channel, Mails
        from ..accounts.delivery.consumer import CodeSender
        from ..notices.ses import Pace, SesMail

        settings, rules = self.settings, self.programme.accounts
        pace = Pace(rules.codes_per_s / CODE_CONSUMERS)
        # SES cannot tell a repeated call, so each call is made once.
        ses = clients.client("sesv2", settings.region, attempts=1)
        mails = Mails(SesMail(ses, settings.mail_from, settings.configuration_set, pace, TAG))
        channels: dict[ContactKind, Channel] = {"email": mails, "phone": self._sms(pace)}
        return CodeSender(rules, self.sign_ins, self.macs, channels, settings.rp_id, self._clock)

    def _sms(self, pace: Pace) -> SnsSms:
        from ..accounts.delivery.channels import SnsSms
        from ..accounts.delivery.sms_costs import SmsCosts
        from ..accounts.signing_in.items import SignInsTable

        self._bind(SignInsTable, "sign-ins")
        sns = partial(clients.client, "sns", self.settings.region, attempts=1)  # it cannot tell a repeated call either
        return SnsSms(sns, SmsCosts(self.programme.accounts.sms), pace)

    @cached_property
    def networks(self) -> Networks:
        from ..accounts.signing_in.networks import Networks

        return Networks(self.programme.accounts, self._randomness)

    @cached_property
    def macs(self) -> Macs:
        from ..accounts.macs import Macs

        return Macs(lambda: self._client("kms"), self.settings.contacts_key, self.settings.codes_key)

    @cached_property
    def signing_keys(self) -> SigningKeys:
        from ..accounts.items import AccountsTable
        from ..accounts.tokens.signing_keys import SigningKeys, SigningKeyStore

        self._bind(AccountsTable, "accounts")
        return SigningKeys(lambda: self._client("kms"), self.settings.data_key, SigningKeyStore())

    @cached_property
    def access_tokens(self) -> Tokens:
        """Tokens that we sign: of access, of devices, and the nonces of proofs."""
        from ..accounts.tokens.tokens import Tokens

        return Tokens(self.signing_keys, self.settings.public_url, self._randomness)

    @cached_property
    def proofs(self) -> Proofs:
        """Judges the proofs of devices' keys."""
        from ..accounts.tokens.dpop import Proofs

        return Proofs(self.access_tokens, self.settings.public_url)

    @cached_property
    def issuers(self) -> Issuers:
        """Who else may say who somebody is."""
        from ..accounts.sessions import issuers

        return issuers.Issuers(self.programme.accounts.issuers, issuers.fetch)

    @cached_property
    def accounts_journal(self) -> Journal:
        """What administrators did to accounts and their keys."""
        from ..accounts.items import AccountActItem, AccountsTable
        from ..aws.admin_acts import Journal

        self._bind(AccountsTable, "accounts")
        return Journal(AccountActItem)
