"""Questions that the registry answers later, by a call to us.

A question's transaction says which version of a registration it asks about and until when it waits, sealed with a key
of ours. So nothing is kept of it, and no other transaction is believed. It is outstanding while that version waits for
an answer: the first one that is judged ends it. Nothing that a message names is ever called.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from ..clock import Clock
from ..ids import Randomness
from ..registration.verifications import Ask
from .errors import AnswerRefused, NoAnswer
from .service import Asked, Judge, Students, each, say
from .wire import Acknowledged, Acknowledgement

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from .dci import Answer
    from .registry import Said, StudentsRegister

_NONCE_BYTES = 12
_NUMBER_BYTES = 5
"""Of a version, and of an instant in Unix seconds. With an id of 36 letters, a transaction has the standard's 99."""


class LaterRegistry(Protocol):
    """A registry that is asked now and answers later. `ask`, `believed` and `said` raise `NoAnswer`."""

    source: str

    def transactions_key(self) -> bytes:
        """32 bytes that serve nothing but to seal transactions, the same in every process."""

    def ask(self, nik: str, transaction: str) -> None:
        """Ask for the record of a NIK."""

    def believed(self, signature: str) -> Answer:
        """What the registry signed."""

    def said(self, answer: Answer, niks: Sequence[str]) -> list[Said]:
        """What it says of each NIK."""


class Transactions:
    """Seals which version a question is about, with the key of a registry."""

    def __init__(self, registry: LaterRegistry, randomness: Randomness) -> None:
        self._registry = registry
        self._randomness = randomness

    @cached_property
    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._registry.transactions_key())

    def seal(self, version: Ask, until: datetime) -> str:
        """A transaction that nobody can guess or make."""
        numbers = (version.version, int(until.timestamp()))
        plain = b"".join(one.to_bytes(_NUMBER_BYTES, "big") for one in numbers) + version.registrant_id.encode()
        nonce = self._randomness(_NONCE_BYTES)
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, plain, b"")).decode().rstrip("=")

    def open(self, transaction: str, now: datetime) -> Ask:
        """Raises `AnswerRefused` unless it was sealed here and waits still."""
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.urlsafe_b64decode(transaction + "=" * (-len(transaction) % 4))
            plain = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], b"")
        except (ValueError, InvalidTag):
            raise AnswerRefused(reason="not_outstanding") from None
        version, until = (int.from_bytes(plain[at : at + _NUMBER_BYTES], "big") for at in (0, _NUMBER_BYTES))
        if datetime.fromtimestamp(until, UTC) <= now:
            raise AnswerRefused(reason="not_outstanding")
        return Ask(plain[2 * _NUMBER_BYTES :].decode(), version)


class LaterVerifier:
    """Asks about registrations. `wait` returns when the next question may be put."""

    def __init__(
        self,
        judge: Judge,
        registry: LaterRegistry,
        randomness: Randomness,
        waits: timedelta,
        wait: Callable[[], None],
        clock: Clock,
        students: StudentsRegister | None = None,
    ) -> None:
        self._judge = judge
        self._registry = registry
        self._transactions = Transactions(registry, randomness)
        self._waits = waits
        self._wait = wait
        self._clock = clock
        self._students = Students(judge, students, wait)

    def process(self, versions: Sequence[Ask]) -> None:
        """Ask about each version of a registration, unless it was changed or answered meanwhile."""
        trouble: list[Exception] = []
        asked = [one for one in each(self._judge.asked, versions, trouble) if one is not None]
        each(self._ask, [one for one in asked if not one.confirmed], trouble)
        self._students.settle([one for one in asked if one.confirmed], trouble)
        if trouble:
            raise trouble[0]

    def _ask(self, asked: Asked) -> None:
        self._wait()
        try:
            self._registry.ask(asked.person.nik, self._transactions.seal(asked.version, self._clock() + self._waits))
        except NoAnswer as silence:
            say(silence)


class Callbacks:
    """Takes the answers. Without a `registry` that answers later, none is taken."""

    def __init__(self, judge: Judge, registry: LaterRegistry | None, randomness: Randomness) -> None:
        self._judge = judge
        self._registry = registry
        self._randomness = randomness

    def take(self, signature: str, now: datetime) -> Acknowledged:
        """Judge an answer as one that came at once. Raises `AnswerRefused`.

        One that says nothing yet, or nothing that can be judged, is acknowledged: the sweep asks again.
        """
        if self._registry is None:
            raise AnswerRefused(reason="signature")
        try:
            answer = self._registry.believed(signature)
        except NoAnswer as not_believed:
            say(not_believed)
            raise AnswerRefused(reason="signature") from None
        transactions = Transactions(self._registry, self._randomness)
        asked = self._judge.asked(transactions.open(answer.message.transaction_id, now))
        if asked is None or asked.confirmed:
            raise AnswerRefused(reason="not_outstanding")
        try:
            [said] = self._registry.said(answer, [asked.person.nik])
        except NoAnswer as silence:
            said = silence
        self._judge.take(asked, said, self._registry.source)
        correlation = answer.message.correlation_id or answer.message.transaction_id
        return Acknowledged(Acknowledgement("ACK", now, correlation))
