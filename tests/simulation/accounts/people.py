"""People and what they have: mailboxes, phones with keys, sign-ins that wait for a code, sessions."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from joserfc.jwk import ECKey

from chalicelib.accounts.sessions.rules import ProofRequest
from chalicelib.accounts.wire import SessionOpened
from tests.builders.accounts.accounts import Device

from .cloud import key_pair

THIEF = "thief"


@dataclass
class Waiting:
    """A sign-in that a handset has begun; `known` is whether it had a device token for the contact."""

    id: str
    secret: str
    contact: str
    at: datetime
    known: bool


@dataclass
class Held:
    """A session as the handset knows it."""

    opened: SessionOpened
    account: str
    contact: str
    sign_in_id: str
    access_token: str
    token_at: datetime

    @property
    def id(self) -> str:
        return self.opened.session_id


@dataclass
class Handset:
    """What somebody signs in with; without a `device` it has no key. `tokens`: its device tokens by contact."""

    name: str
    owner: str
    device: Device | None
    waiting: list[Waiting] = field(default_factory=list)
    adding: list[Waiting] = field(default_factory=list)
    """Sign-ins whose codes are to add a contact."""
    held: Held | None = None
    tokens: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    refusal: Exception | None = None
    """What the last code that it entered was refused with."""

    def keep_for_adding(self, waiting: Waiting) -> None:
        """Its code is not for signing in."""
        self.waiting.remove(waiting)
        self.adding.append(waiting)

    def asks(self, method: str, path: str, now: datetime, access_token: str | None = None) -> ProofRequest:
        """A request with a proof, where there is a key."""
        if self.device is None:
            return ProofRequest([], method, path, access_token)
        proof = self.device.proof(method, path, now, access_token=access_token)
        return ProofRequest([proof], method, path, access_token)


def subject(access_token: str) -> str:
    """The account that a token is for."""
    payload = access_token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"])


@cache
def device(number: int) -> Device:
    """A phone whose key follows from its number: so do the ids that follow from the key."""
    made = Device()
    made.key = ECKey.import_key(key_pair(f"device {number}")[0])
    made.jwk = {name: made.key.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")}
    made.jkt = made.key.thumbprint()
    return made


@dataclass(frozen=True)
class Message:
    """A code in a mailbox, with the sign-in and the number of the sending that it is of."""

    contact: str
    code: str
    sign_in_id: str
    sending: int
    at: datetime
