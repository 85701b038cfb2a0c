"""The directory: the contacts of an account in the clear, for domains that write to people."""

from __future__ import annotations

import boto3
import pytest
from cryptography.exceptions import InvalidTag

from chalicelib.accounts.contacts.contact import Contact
from chalicelib.accounts.sessions.rules import Account, KeptContact
from chalicelib.config import Programme, Settings
from chalicelib.wiring import Services
from tests.conftest import T0

SITI = Contact("email", "siti@example.org")
PHONE = Contact("phone", "+6281234567890")


def kept(services: Services, account_id: str, *contacts: Contact) -> Account:
    """An account with these contacts, written down."""
    key = services.vault.new_key(account_id)
    sealed = [
        KeptContact(f"c{n}", f"mac-{n}", one.kind, key.seal("contact/1", one.value.encode()), T0)
        for n, one in enumerate(contacts)
    ]
    account = Account(account_id, key.wrapped, "en", T0, tuple(sealed))
    assert services.account_store.add_account(account)
    return account


def test_a_person_is_reached_at_every_contact_in_their_language(cloud: Settings, programme: Programme) -> None:
    services = Services(cloud, programme)
    kept(services, "siti", SITI, PHONE)
    reach = services.directory.contacts("siti", T0)
    assert reach is not None
    assert ([*reach.contacts.items()], reach.language) == ([("c0", SITI), ("c1", PHONE)], "en")
    assert services.directory.contacts("nobody", T0) is None
    assert "siti@" not in repr(reach)


def test_a_contact_is_stored_encrypted_and_opens_for_its_account_only(cloud: Settings, programme: Programme) -> None:
    services = Services(cloud, programme)
    account, other = kept(services, "siti", SITI), kept(services, "budi", PHONE)
    assert services.account_store.account("siti") == account
    table = boto3.client("dynamodb", cloud.region).scan(TableName=cloud.table("accounts"))["Items"]
    assert len(table) == 2
    assert SITI.value not in str(table)
    assert "siti@" not in str(table)
    with pytest.raises(InvalidTag):
        services.vault.open_key("budi", other.wrapped_key).unseal("contact/1", account.contacts[0].sealed)
