"""The keys that sign tokens: one for each UTC day, made by KMS.

The first process that needs a day's key has KMS make it (`GenerateDataKeyPairWithoutPlaintext`). If several make one,
the first to store it wins. The private key is stored wrapped by the data key, and a process has KMS unwrap it once. The
next day's key is made and published an hour before its day. A revoked key signs and verifies nothing after `CACHED`.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from joserfc.jwk import ECKey

from ...aws import dynamodb
from ...aws.kms import Kms
from ...errors import Unavailable
from ...values import Hidden
from ..items import SigningItem

log = logging.getLogger(__name__)

CACHED = timedelta(seconds=60)
"""How long a process may use the keys of a day that it has read."""
ASK_AGAIN = timedelta(seconds=1)
"""An unknown key is looked for at most once in this time, even if many tokens name it."""
OVERLAP = timedelta(hours=1)
"""How long before its day a key is published."""
KEPT_DAYS = 401
"""A day longer than any token lives."""

_DAY = timedelta(days=1)
_KID = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.([1-9][0-9]{0,2})")


class SigningKey(Hidden, frozen=True):
    """A stored key. Its id is its day and its number on that day, such as `2026-11-29.1`."""

    day: date
    number: int
    public_jwk: dict[str, str]
    wrapped: bytes
    made_at: datetime
    revoked_at: datetime | None = None

    @property
    def kid(self) -> str:
        return _kid(self.day, self.number)


class SigningKeyStore:
    """The keys in the accounts table."""

    def of(self, day: date) -> list[SigningKey]:
        """All keys of a day, in the order in which they were made. One consistent query."""
        return [
            SigningKey(
                day, int(item.sk), json.loads(item.public_jwk), bytes(item.wrapped), item.made_at, item.revoked_at
            )
            for item in SigningItem.query(_pk(day), consistent_read=True)
        ]

    def add(self, key: SigningKey) -> bool:
        """Store a key. Returns False if another process was first with this number."""
        item = SigningItem(
            _pk(key.day),
            f"{key.number:03d}",
            public_jwk=json.dumps(key.public_jwk),
            wrapped=key.wrapped,
            made_at=key.made_at,
            expires_at=datetime.combine(key.day, datetime.min.time(), UTC) + timedelta(days=KEPT_DAYS),
        )
        return dynamodb.save_if(item, SigningItem.pk.does_not_exist())

    def revoke(self, key: SigningKey, now: datetime) -> None:
        """Revoke a key. A key that was revoked before stays unchanged."""
        item = SigningItem(_pk(key.day), f"{key.number:03d}")
        unrevoked = SigningItem.pk.exists() & SigningItem.revoked_at.does_not_exist()
        dynamodb.update_if(item, [SigningItem.revoked_at.set(now)], unrevoked)


class SigningKeys:
    """The keys of a deployment that one process knows. Raises `Unavailable` when KMS is late or busy."""

    def __init__(self, kms: Callable[[], Any], data_key: str, store: SigningKeyStore) -> None:
        self._kms = Kms(kms)
        self._data_key = data_key
        self._store = store
        self._read: dict[date, tuple[datetime, list[SigningKey]]] = {}
        self._private: dict[str, ECKey] = {}
        self._public: dict[str, ECKey] = {}
        self._looked_ahead: datetime | None = None

    def current(self, now: datetime) -> tuple[str, ECKey]:
        """The id and the private key to sign with now."""
        key = self._usable(_day_of(now), now)
        self._look_ahead(now)
        if key.kid not in self._private:
            self._private[key.kid] = self._opened(key)
        return key.kid, self._private[key.kid]

    def verifying(self, kid: str, now: datetime, days: int = 1) -> tuple[date, ECKey] | None:
        """A key's day and public key, if its day is at most `days` before today and it was not revoked."""
        day = _day_named(kid)
        # The next day counts too, as another process's clock may be ahead.
        if day is None or not -1 <= (_day_of(now) - day).days <= days:
            return None
        key = self._known(kid, day, now)
        if key is None or key.revoked_at is not None:
            return None
        if kid not in self._public:
            self._public[kid] = ECKey.import_key({**key.public_jwk})
        return day, self._public[kid]

    def published(self, now: datetime) -> list[SigningKey]:
        """The keys that verify tokens of yesterday, today and, in the last hour of a day, tomorrow."""
        today = _day_of(now)
        self._usable(today, now)
        self._look_ahead(now)
        days = [today - _DAY, today] + ([today + _DAY] if _is_late(now) else [])
        return [key for day in days for key in self._of(day, now, CACHED) if key.revoked_at is None]

    def rotate(self, now: datetime) -> SigningKey:
        """Make a new key for today, and revoke all others that may have signed an access token."""
        before, today = self.of_last_days(now), _day_of(now)
        made = self._make(today, [key for key in before if key.day == today], now)
        for key in before:
            if key.revoked_at is None:
                self._store.revoke(key, now)
        self._read.clear()
        return made

    def of_last_days(self, now: datetime) -> list[SigningKey]:
        """Every key of yesterday, today and tomorrow, revoked or not."""
        today = _day_of(now)
        return [key for day in (today - _DAY, today, today + _DAY) for key in self._store.of(day)]

    def _usable(self, day: date, now: datetime) -> SigningKey:
        """The newest key of a day that was not revoked. If there is none, one is made."""
        for known in (CACHED, ASK_AGAIN):
            for key in reversed(self._of(day, now, known)):
                if key.revoked_at is None:
                    return key
        return self._make(day, self._of(day, now, ASK_AGAIN), now)

    def _make(self, day: date, before: list[SigningKey], now: datetime) -> SigningKey:
        """Make a key with the next number of its day. If another process made that one meanwhile, return theirs."""
        number = 1 + max((key.number for key in before), default=0)
        made = self._kms.ask(
            "generate_data_key_pair_without_plaintext",
            KeyId=self._data_key,
            KeyPairSpec="ECC_NIST_P256",
            EncryptionContext=_context(_kid(day, number)),
        )
        public = ECKey.import_key(made["PublicKey"]).as_dict(private=False)
        jwk = {name: str(public[name]) for name in ("kty", "crv", "x", "y")}
        # Another process may have been first with this number, so the stored key is read.
        self._store.add(SigningKey(day, number, jwk, made["PrivateKeyCiphertextBlob"], now))
        self._read.pop(day, None)
        return self._usable(day, now)

    def _look_ahead(self, now: datetime) -> None:
        """Make the next day's key, an hour before its day. As it is not needed yet, an error fails no request."""
        if not _is_late(now) or (self._looked_ahead is not None and now - self._looked_ahead < CACHED):
            return
        self._looked_ahead = now
        try:
            self._usable(_day_of(now) + _DAY, now)
        except Unavailable:
            log.warning("signing_key_not_made_ahead")

    def _known(self, kid: str, day: date, now: datetime) -> SigningKey | None:
        for known in (CACHED, ASK_AGAIN):
            for key in self._of(day, now, known):
                if key.kid == kid:
                    return key
        return None

    def _of(self, day: date, now: datetime, known: timedelta) -> list[SigningKey]:
        """A day's keys, read at most `known` ago."""
        at, keys = self._read.get(day, (None, []))
        if at is None or now - at >= known:
            keys = self._store.of(day)
            self._read[day] = now, keys
        return keys

    def _opened(self, key: SigningKey) -> ECKey:
        answer = self._kms.ask(
            "decrypt", KeyId=self._data_key, CiphertextBlob=key.wrapped, EncryptionContext=_context(key.kid)
        )
        return ECKey.import_key(answer["Plaintext"])


def _kid(day: date, number: int) -> str:
    return f"{day.isoformat()}.{number}"


def _day_named(kid: str) -> date | None:
    named = _KID.fullmatch(kid)
    try:
        return date.fromisoformat(named[1]) if named else None
    except ValueError:
        return None


def _day_of(now: datetime) -> date:
    return now.astimezone(UTC).date()


def _is_late(now: datetime) -> bool:
    return _day_of(now + OVERLAP) > _day_of(now)


def _pk(day: date) -> str:
    return f"SIGNING#{day.isoformat()}"


def _context(kid: str) -> dict[str, str]:
    """The encryption context of a key: KMS unwraps it only under its own id."""
    return {"signing": kid}
