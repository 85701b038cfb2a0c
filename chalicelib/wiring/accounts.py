"""How the services of accounts are built, and the vault of personal data."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .deployment import Deployment

if TYPE_CHECKING:
    from ..accounts.account_store import AccountStore
    from ..accounts.directory import Directory
    from ..accounts.dpop import Proofs
    from ..accounts.signing_keys import SigningKeys
    from ..accounts.tokens import Tokens
    from ..vault import Vault


class AccountsServices(Deployment):
    """Accounts and sessions of people, and what they are sealed with."""

    @cached_property
    def vault(self) -> Vault:
        from ..vault import Vault

        settings = self.settings
        return Vault(lambda: self._client("kms"), settings.mac_key, settings.data_key, self._randomness)

    @cached_property
    def directory(self) -> Directory:
        """How people are reached."""
        from ..accounts.directory import Directory

        return Directory(self.account_store, self.vault)

    @cached_property
    def account_store(self) -> AccountStore:
        from ..accounts.account_store import AccountStore
        from ..accounts.items import AccountsTable

        self._bind(AccountsTable, "accounts")
        return AccountStore(self.programme.accounts)

    @cached_property
    def signing_keys(self) -> SigningKeys:
        from ..accounts.items import AccountsTable
        from ..accounts.signing_keys import SigningKeys, SigningKeyStore

        self._bind(AccountsTable, "accounts")
        return SigningKeys(lambda: self._client("kms"), self.settings.data_key, SigningKeyStore())

    @cached_property
    def access_tokens(self) -> Tokens:
        """Tokens that we sign: of access, of devices, and the nonces of proofs."""
        from ..accounts.tokens import Tokens

        return Tokens(self.signing_keys, self.settings.public_url, self._randomness)

    @cached_property
    def proofs(self) -> Proofs:
        """Judges the proofs of devices' keys."""
        from ..accounts.dpop import Proofs

        return Proofs(self.access_tokens, self.settings.public_url)
