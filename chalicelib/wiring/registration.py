"""How the services of registration are built."""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING

from .notices import NoticesServices

if TYPE_CHECKING:
    from ..registration.accounts import Accounts
    from ..registration.exclusions import ExclusionLists
    from ..registration.keys import AccountKeys
    from ..registration.service import Registrations
    from ..registration.store import RegistrationStore
    from ..registration.tokens import TokenVerifier
    from ..registration.vault import Vault


class RegistrationServices(NoticesServices):
    """People: their accounts at the user pool, their registrations, the vault that keeps their data."""

    @cached_property
    def tokens(self) -> TokenVerifier:
        from ..registration.tokens import TokenVerifier

        settings = self.settings
        return TokenVerifier(settings.issuer, settings.user_pool_client, settings.jwks_url, _fetch, self._clock)

    @cached_property
    def accounts(self) -> Accounts:
        from ..registration.accounts import Accounts

        return Accounts(self._client("cognito-idp"), self.settings.user_pool_client)

    @cached_property
    def vault(self) -> Vault:
        from ..registration.vault import Vault

        settings = self.settings
        return Vault(lambda: self._client("kms"), settings.mac_key, settings.data_key, self._randomness)

    @cached_property
    def registrations(self) -> Registrations:
        from ..registration.service import Registrations

        store = self._registration_store
        rules = self.programme
        return Registrations(store, self.vault, rules.eligibility, rules.payouts, self.notices)

    @cached_property
    def account_keys(self) -> AccountKeys:
        from ..registration.items import RegistrationsTable
        from ..registration.keys import AccountKeys

        self._bind(RegistrationsTable, "registrations")
        return AccountKeys(self.transaction, self.vault)

    @cached_property
    def exclusion_lists(self) -> ExclusionLists:
        from ..aws.admin_acts import Journal
        from ..registration.exclusions import ExclusionLists
        from ..registration.items import ExclusionActItem

        return ExclusionLists(self._registration_store, self.vault, Journal(ExclusionActItem))

    @cached_property
    def _registration_store(self) -> RegistrationStore:
        from ..registration.items import RegistrationsTable
        from ..registration.store import RegistrationStore

        self._bind(RegistrationsTable, "registrations")
        return RegistrationStore(self.settings.region)


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
