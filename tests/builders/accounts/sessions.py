"""People who sign in by codes, and the requests of their devices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import boto3
from msgspec.structs import replace

from chalicelib.accounts.sessions.rules import ProofRequest
from chalicelib.accounts.wire import EnteredCode, SessionForm, SessionOpened, SessionRefreshed
from chalicelib.config import Programme, Settings
from tests.builders.accounts.accounts import Device
from tests.builders.accounts.sign_ins import SITI, SignInsWorld
from tests.conftest import T0

SESSIONS, REFRESHES, MINE = "/sessions", "/sessions/refreshes", "/me/sessions"


class Entrance(SignInsWorld):
    """Sessions on the test's cloud, for people who may have any number of codes."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        figures = programme.accounts
        sms = replace(figures.sms, enabled=True)
        often = replace(figures, codes_per_hour=1000, codes_per_day=1000, code_tries=10, sms=sms)
        super().__init__(settings, replace(programme, accounts=often))

    @property
    def sessions(self) -> Any:
        return self.services.sessions

    def entered(self, contact: str = SITI, at: datetime = T0) -> EnteredCode:
        """A code that was sent to a contact at a time, as its owner enters it."""
        self.now = at
        return super().entered(contact)

    def enter(self, entered: EnteredCode, device: Device | None, now: datetime) -> SessionOpened:
        """Send a code from a device; None: from a client without a key."""
        return self.services.sessions.open(SessionForm(code=entered), asked(device, "POST", SESSIONS, now), now)

    def sign_in(self, contact: str, device: Device | None, now: datetime) -> SessionOpened:
        return self.enter(self.entered(contact, now), device, now)

    def refresh(self, opened: SessionOpened, device: Device, now: datetime) -> SessionRefreshed:
        return self.services.sessions.refresh(opened.refresh_token or "", asked(device, "POST", REFRESHES, now), now)

    def everything(self, kind: str = "") -> list[dict[str, Any]]:
        """What the table has of a kind: `CONTACT`, `ACCOUNT` or `SESSION`."""
        table = self.settings.table("accounts")
        rows = boto3.client("dynamodb", self.settings.region).scan(TableName=table)["Items"]
        return [row for row in rows if row["sk"]["S"].startswith(kind) and not row["pk"]["S"].startswith("SIGNING")]


def asked(
    device: Device | None, method: str, path: str, now: datetime, access_token: str | None = None
) -> ProofRequest:
    """A request with a proof by the device's key; None: of a client without one."""
    proofs = [device.proof(method, path, now, access_token=access_token)] if device else []
    return ProofRequest(proofs, method, path, access_token)


def account_of(opened: SessionOpened) -> str:
    """The account of a session that has a refresh token."""
    assert opened.refresh_token is not None
    return opened.refresh_token.partition(".")[0]
