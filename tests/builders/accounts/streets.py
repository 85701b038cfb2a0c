"""People with devices, who sign in by codes and by passkeys."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.accounts.errors import ChallengeExpired
from chalicelib.accounts.passkeys.wire import UsedPasskey
from chalicelib.accounts.sessions.ways import Way
from chalicelib.accounts.wire import SessionForm, SessionOpened
from chalicelib.config import Programme, Settings, load_programme
from tests.builders.accounts.accounts import Device
from tests.builders.accounts.contacts import Household
from tests.builders.accounts.passkeys import Passkey
from tests.builders.accounts.sessions import REFRESHES, SESSIONS, account_of, asked


class Street(Household):
    """Their limits are as wide as tests need."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        figures = replace(load_programme("prod").accounts, codes_per_hour=1000, codes_per_day=1000, sendings=3)
        super().__init__(settings, replace(programme, accounts=figures))

    def sign_in(self, contact: str, device: Device | None, **more: Any) -> SessionOpened:
        return self.enter(SessionForm(code=self.entered(contact), **more), device)

    def enter(self, form: SessionForm, device: Device | None) -> SessionOpened:
        request = asked(device, "POST", SESSIONS, self.now)
        return self.services.sessions.open(form, request, self.now)

    def signed(self, passkey: Passkey) -> UsedPasskey:
        """What a passkey signs to sign in."""
        challenge = self.services.passkeys.challenge(self.now).challenge
        return msgspec.convert(passkey.used(challenge), UsedPasskey)

    def refresh(self, opened: SessionOpened, device: Device) -> None:
        self.services.sessions.refresh(opened.refresh_token or "", asked(device, "POST", REFRESHES, self.now), self.now)

    def alive(self, opened: SessionOpened) -> int:
        account_id = account_of(opened)
        return sum(one.ended_at is None for one in self.store.of(account_id).sessions)

    def by_passkey(self, account_id: str, device: Device | None) -> SessionOpened:
        way = Way(account_id, "passkey", token_hex(), "phone", new_account=False, used=ChallengeExpired)
        return self.services.sessions._open_by(way, device.jkt if device else None, self.now)
