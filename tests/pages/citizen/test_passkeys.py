"""Passkeys by clicks, on a device that asks its owner for a finger: made, used instead of a code, and removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

import app as application
from chalicelib import wiring
from chalicelib.config import load_programme
from tests.e2e.world import World

from .conftest import Open, Phone

SITI = "siti@example.org"
Start = Callable[..., tuple[Phone, str]]


@pytest.fixture
def start(phone: Open, world: World, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Siti signs in by a code and opens her passkeys: her window, and the id of its authenticator."""
    before = world.services
    rules = replace(before.programme.accounts, sms=load_programme("prod").accounts.sms, young_session_s=0)
    world.url = world.url.replace("127.0.0.1", "localhost")  # an address of numbers has no passkeys
    settings = replace(before.settings, rp_id="localhost", public_url=world.url)
    world.services = wiring.Services(settings, replace(before.programme, accounts=rules), World.clock)
    monkeypatch.setattr(application, "services", lambda: world.services)

    def started(**changes: object) -> tuple[Phone, str]:
        siti = phone()
        siti.cdp = siti.page.context.new_cdp_session(siti.page)
        siti.cdp.send("WebAuthn.enable")
        device = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
        device |= {"isUserVerified": True, "automaticPresenceSimulation": True, **changes}
        authenticator = siti.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": device})["authenticatorId"]
        siti.sign_in(SITI)
        siti.state("unregistered")
        siti.press("Akun saya")
        siti.press("Kunci sandi")
        siti.page.get_by_text("Belum ada kunci sandi.").wait_for()
        return siti, authenticator

    return started


def credentials(phone: Any, authenticator: str) -> list[dict[str, Any]]:
    kept = phone.cdp.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})
    return list(kept["credentials"])


def sign_out(phone: Phone) -> None:
    phone.open("akun")
    phone.press("Keluar dari ponsel ini")
    phone.press("Keluar")
    phone.state("guest")


def account(phone: Phone) -> str:
    return str(phone.page.evaluate("import(document.scripts[1].src.replace('citizen/main', 'common/net'))"
                                   ".then(({ account }) => account())"))  # fmt: skip


def test_a_passkey_is_made_and_signs_its_owner_in_without_a_code_until_it_is_removed(start: Start, world: World):
    siti, authenticator = start()
    who = account(siti)
    siti.press("Buat kunci sandi")
    siti.title("Kunci sandi")
    siti.page.get_by_role("heading", level=2, name="Komputer").wait_for()
    [made] = credentials(siti, authenticator)
    assert (made["rpId"], made["isResidentCredential"]) == ("localhost", True)

    sent = len(world.mails())
    siti.page.evaluate("PublicKeyCredential.isConditionalMediationAvailable = async () => false")
    sign_out(siti)  # the key of the device is forgotten, too
    siti.press("Masuk atau daftar")
    siti.press("Masuk dengan kunci sandi")
    siti.state("unregistered")
    assert account(siti) == who
    world.deliver()
    assert [subject for _, subject, _ in world.mails()[sent:] if "kode" in subject.lower()] == []

    siti.open("akun/kunci")
    siti.page.get_by_text("Terakhir dipakai").wait_for()
    siti.page.get_by_role("button", name="Hapus").click()
    siti.page.get_by_role("button", name="Ya, hapus").click()
    siti.page.get_by_text("Belum ada kunci sandi.").wait_for()
    sign_out(siti)
    siti.press("Masuk atau daftar")
    siti.press("Masuk dengan kunci sandi")
    siti.page.get_by_role("main").locator(".notice.bad").wait_for()


def test_a_browser_that_suggests_passkeys_below_the_field_signs_in_by_one(start: Start):
    siti, _ = start()
    siti.press("Buat kunci sandi")
    siti.page.get_by_role("heading", level=2, name="Komputer").wait_for()
    assert siti.page.evaluate("PublicKeyCredential.isConditionalMediationAvailable()") is True
    sign_out(siti)
    siti.press("Masuk atau daftar")
    siti.state("unregistered")  # the device takes the first suggestion by itself


def test_a_device_makes_one_passkey_for_a_person_and_says_so(start: Start):
    siti, authenticator = start(defaultBackupEligibility=True, defaultBackupState=True)
    siti.press("Buat kunci sandi")
    siti.page.get_by_role("heading", level=2, name="Komputer").wait_for()
    siti.press("Buat kunci sandi")
    siti.page.get_by_text("Perangkat ini sudah punya kunci sandi Anda.").wait_for()
    assert len(credentials(siti, authenticator)) == 1


def test_a_device_that_does_not_ask_who_holds_it_makes_no_passkey(start: Start):
    siti, authenticator = start(hasUserVerification=False, isUserVerified=False)
    siti.press("Buat kunci sandi")
    siti.page.get_by_text("Kunci sandi tidak dibuat.").wait_for()
    assert credentials(siti, authenticator) == []
