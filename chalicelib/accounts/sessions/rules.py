"""Stored accounts and sessions: which session is alive, and which proofs of its key were used. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from ...figures.people import AccountRules
from ...values import Value
from ..contacts.contact import ContactKind
from ..errors import InvalidDpopProof, TooManyRequests

How = Literal["email", "phone", "passkey", "issuer"]
"""The way in which a session was opened."""

SeenProofs = tuple[tuple[str, int], ...]
"""The last proofs of a session's key: a hash of each one's id, and when it came (Unix seconds)."""

PROOFS_KEPT = timedelta(minutes=7)
"""How long a proof is stored. One is accepted for at most six minutes: five after its time, and one before it."""
PROOFS_MAX = 12
"""How many changes and refreshes a session may ask for in that time, so that its item stays small."""

KEPT_AFTER = timedelta(days=7)
"""How long a session is stored after it could last be used. While it is stored, its code cannot be used again."""


class KeptContact(Value, frozen=True):
    """A contact of an account. It signs in from `valid_from` until `valid_until`; None: always."""

    id: str
    mac: str
    kind: ContactKind
    sealed: bytes
    proved_at: datetime
    valid_from: datetime | None = None
    valid_until: datetime | None = None


class ContactGuard(Value, frozen=True):
    """The account that a contact belongs to, with all that is needed to make the account again."""

    account_id: str
    kind: ContactKind
    sealed: bytes
    wrapped_key: bytes
    language: Literal["id", "en"]
    proved_at: datetime
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    identity_tries: int | None = None
    """How often somebody tried NIK and birth date since the contact was proved."""
    recovers: str | None = None
    """The account that this contact opens once a recovery takes effect."""


class Account(Value, frozen=True):
    """A person's account. Its contacts are encrypted with the person's key, which is stored wrapped.

    `subject_mac` is the keyed hash of another issuer's subject, if the account was made for one.
    """

    id: str
    wrapped_key: bytes
    language: Literal["id", "en"]
    created_at: datetime
    contacts: tuple[KeptContact, ...]
    subject_mac: str | None = None


class Session(Value, frozen=True):
    """A device that is signed in. `jkt` is the thumbprint of its key (RFC 7638); without it nothing is refreshed."""

    account_id: str
    id: str
    jkt: str | None
    device: str
    how: How
    started_at: datetime
    last_used_at: datetime
    refresh_hash: str | None
    ended_at: datetime | None = None
    proofs: SeenProofs = ()


class ProofRequest(Value, frozen=True):
    """The request that a proof is about, with its headers `DPoP` and its access token."""

    headers: Sequence[str]
    method: str
    path: str
    access_token: str | None = None


def ends_at(session: Session, rules: AccountRules) -> datetime:
    """When a session expires if it is not used again."""
    if session.jkt is None:
        return session.started_at + timedelta(seconds=rules.keyless_lifetime_s)
    return session.last_used_at + timedelta(seconds=rules.session_lifetime_s)


def alive(session: Session, now: datetime, rules: AccountRules) -> bool:
    """Whether a session was neither ended nor unused for too long."""
    return session.ended_at is None and now < ends_at(session, rules)


def is_known(begun: Session, sessions: Iterable[Session]) -> bool:
    """Whether the device of a session has used another session before.

    A session that was never used does not count: its answer may have been lost before anybody was told of the device.
    """
    used = (one for one in sessions if one.id != begun.id and one.last_used_at > one.started_at)
    return begun.jkt is not None and any(one.jkt == begun.jkt for one in used)


def beyond(sessions: Iterable[Session], newest: Session, now: datetime, rules: AccountRules) -> list[Session]:
    """The sessions that must end so that with the newest one there are at most `sessions_max`."""
    others = [one for one in sessions if one.id != newest.id and alive(one, now, rules)]
    return sorted(others, key=lambda one: one.last_used_at, reverse=True)[rules.sessions_max - 1 :]


def with_proof(proofs: SeenProofs, jti: str, now: datetime) -> SeenProofs:
    """The proofs with one more. Raises `InvalidDpopProof` if it was used before, `TooManyRequests` for too many."""
    known = hashlib.sha256(jti.encode()).hexdigest()[:24]
    kept = tuple(one for one in proofs if now.timestamp() - one[1] < PROOFS_KEPT.total_seconds())
    if any(used == known for used, _ in kept):
        raise InvalidDpopProof(reason="used")
    if len(kept) >= PROOFS_MAX:
        raise TooManyRequests()
    return (*kept, (known, int(now.timestamp())))
