"""Signing in, up to the proof that a person reads the messages to a contact.

A start reads nothing from the table of accounts. So its answer, time, limits and messages depend only on the request
and the contact, and do not show whether there is an account.
"""

from __future__ import annotations

import hmac
import logging
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from ... import ids
from ...aws.clients import is_passing
from ...errors import Unavailable
from ...figures.people import AccountRules
from ...ids import Randomness
from ...values import Hidden, Value
from ..contacts.contact import Contact, parse_contact
from ..delivery.sms_costs import SmsCosts
from ..errors import CodeExpired, ProofOfWorkNeeded, SmsNotOffered, TooManyCodes, UnknownSignIn, WrongCode
from ..macs import Macs
from ..wire import Device, Language, SignInStart, WorkDone
from . import codes, networks
from .budgets import Budgets, KnownDevice, budget_of
from .code_queue import USUAL_DELAY_S, CodeQueue
from .hour_keys import HourKeys
from .networks import Networks
from .store import SignIn, SignInStore
from .work import challenge, is_done

log = logging.getLogger(__name__)

_SECRET_BYTES = 32


class Started(Hidden, frozen=True):
    """The answer to a start. `secret` has 64 hex digits, and only the device that started has it."""

    sign_in: SignIn
    secret: str
    arrives_in_s: int
    code_again_at: datetime

    @property
    def sign_in_id(self) -> str:
        return self.sign_in.id

    @property
    def expires_at(self) -> datetime:
        return self.sign_in.expires_at


class Progress(Value, frozen=True):
    """The progress of the last code. `code_again_at` is None if no other code may be asked for."""

    state: Literal["queued", "sent", "undeliverable"]
    arrives_in_s: int
    code_again_at: datetime | None


class Proved(Hidden, frozen=True):
    """The proof that a person reads the messages to this contact. `code_key` is the sign-in's key from KMS."""

    sign_in_id: str
    contact: Contact
    contact_mac: str
    language: Language
    device: Device
    code_key: bytes


class SignIns:
    """All methods also raise `Unavailable`, and passing errors of KMS and DynamoDB."""

    def __init__(
        self,
        rules: AccountRules,
        stores: tuple[SignInStore, Budgets],
        hour_keys: HourKeys,
        macs: Macs,
        queue: CodeQueue,
        counts: tuple[Networks, SmsCosts],
        randomness: Randomness,
    ) -> None:
        self._rules = rules
        self.store, self.budgets = stores
        self._networks, self._sms = counts
        self._hour_keys = hour_keys
        self._macs = macs
        self._queue = queue
        self._randomness = randomness

    def start(self, form: SignInStart, source: str, now: datetime, device: KnownDevice | None = None) -> Started:
        """Have a code sent to a contact. Two writes, and a third for one start in sixteen.

        `source` is the IP address of the request. Raises `MalformedContact`, `SmsNotOffered`,
        `TooManyCodes`, `TooManyTries` or `ProofOfWorkNeeded`.
        """
        contact = parse_contact(form.contact)
        if contact.kind == "phone" and not self._rules.sms.enabled:
            raise SmsNotOffered()
        contact_mac = self._macs.contact(contact)
        network = self._macs.network(networks.prefix_of(source))
        if device is None or device.contact_mac != contact_mac:
            device = None
            self._check_work(form.work, network, contact_mac, now)
        hour, key = self._hour_keys.present(now)
        sign_in_id, secret = ids.random_id(self._randomness), self._randomness(_SECRET_BYTES).hex()
        budget_id = budget_of(contact_mac, device)
        place, waits_since = self.budgets.take(budget_id, sign_in_id, now)
        delay_s = self._queue.delay_s(now)
        sign_in = SignIn(
            id=sign_in_id,
            secret_hash=_hash(secret),
            contact_mac=contact_mac,
            contact_kind=contact.kind,
            sealed=key.seal("sign-in/1", f"{sign_in_id}\0{contact.value}".encode()),
            hour=hour,
            language=form.language,
            device=form.device,
            budget_id=budget_id,
            created_at=now,
            asked_at=now,
            due_at=now + timedelta(seconds=delay_s),
            expires_at=now + timedelta(seconds=self._rules.sign_in_lifetime_s),
            places=(place,),
        )
        self.store.put(sign_in)
        self._enqueue(sign_in, place.day, waits_since, network, now)
        return Started(sign_in, secret, delay_s, now + timedelta(seconds=self._rules.code_again_after_s))

    def again(self, sign_in_id: str, secret: str, source: str, now: datetime) -> Progress:
        """Have another code sent to the same contact, unless the last one is still on its way. Two writes.

        Raises `UnknownSignIn`, `TooManyCodes` (also if it is too soon, or was asked for often enough) or
        `TooManyTries`.
        """
        sign_in = self._own(sign_in_id, secret, now)
        again_at = self._again_at(sign_in)
        if again_at is None or now < again_at:
            raise TooManyCodes(retry_after_s=-((now - (again_at or sign_in.expires_at)) // timedelta(seconds=1)))
        on_its_way = sign_in.sent[-1] is None
        if not on_its_way or now >= sign_in.due_at + timedelta(seconds=self._rules.code_again_after_s):
            place, waits_since = self.budgets.take(sign_in.budget_id, sign_in_id, now)
            if not on_its_way:
                self.store.add_sending(sign_in, place, now + timedelta(seconds=self._queue.delay_s(now)), now)
            network = self._macs.network(networks.prefix_of(source))
            self._enqueue(sign_in, place.day, waits_since, network, now)
        return self.progress(sign_in_id, now)

    def progress(self, sign_in_id: str, now: datetime) -> Progress:
        """The progress of the last code. One read. Raises `UnknownSignIn`."""
        sign_in = self.store.get(sign_in_id, now)
        if sign_in is None:
            raise UnknownSignIn()
        if sign_in.undeliverable_at is not None:
            return Progress("undeliverable", 0, None)
        if sign_in.sent[-1] is not None:
            return Progress("sent", 0, self._again_at(sign_in))
        left = (sign_in.due_at - now) // timedelta(seconds=1)
        return Progress("queued", max(USUAL_DELAY_S, left), self._again_at(sign_in))

    def judge(self, sign_in_id: str, secret: str, code: str, now: datetime) -> Proved:
        """Check a code. One write, before anything is compared.

        The last two codes are accepted while they live, each for its number of tries. A right code is accepted again
        within its life, so the caller must make sure to act on it once. Raises `UnknownSignIn`, `WrongCode`,
        `CodeUsedUp`, `CodeExpired` (also if none was sent yet) or `TooManyTries`.
        """
        sign_in = self._own(sign_in_id, secret, now)
        alive = sign_in.sent_since(timedelta(seconds=self._rules.code_lifetime_s), now)[-2:]
        if not alive:
            raise CodeExpired()
        places = [sign_in.places[number - 1] for number in alive]
        if places[0].day != places[-1].day:  # tries are counted in one item, that of a day
            alive, places = alive[-1:], places[-1:]
        code_key = self._macs.code_key(sign_in_id)
        contact = self.contact(sign_in)
        tries = self.budgets.try_codes(sign_in.budget_id, places, now)
        tried = zip(alive, tries.of_codes, strict=True)
        good = [number for number, times in tried if times <= self._rules.code_tries]
        if not any([codes.same(codes.code(code_key, number), code) for number in good]):  # noqa: C419 - compare all
            left = min(self._rules.code_tries - tries.of_codes[-1], self._rules.contact_failures - tries.failures)
            raise WrongCode(tries_left=left)
        if tries.failures > 1:  # the first of a day is not taken back, which saves a new person one write
            self.budgets.forgive(sign_in.budget_id, places[-1], tries.of_codes[-1])
        if contact.kind == "phone":
            self._sms.entered(contact.value, now)
        return Proved(sign_in_id, contact, sign_in.contact_mac, sign_in.language, sign_in.device, code_key)

    def contact(self, sign_in: SignIn) -> Contact:
        """The contact of a sign-in, decrypted. At most one read and one KMS call an hour."""
        plain = self._hour_keys.named(sign_in.hour).unseal("sign-in/1", sign_in.sealed).decode()
        sign_in_id, _, value = plain.partition("\0")
        if sign_in_id != sign_in.id:
            raise ValueError("sealed for another sign-in")
        return Contact(sign_in.contact_kind, value)

    def _check_work(self, work: WorkDone | None, network: str, contact_mac: str, now: datetime) -> None:
        """In a surge, require a proof of work of an unknown device. Raises `ProofOfWorkNeeded`."""
        crowded = self._networks.is_crowded(network, now)
        if not crowded and self._queue.delay_s(now) - USUAL_DELAY_S <= self._rules.surge_wait_s:
            return
        key, bits = self._macs.work_key, self._rules.work_bits
        if work is None or not is_done(key, contact_mac, bits, (work.challenge, work.answer), now):
            raise ProofOfWorkNeeded(challenge=challenge(key, contact_mac, now), bits=bits, retry_after_s=1)

    def _own(self, sign_in_id: str, secret: str, now: datetime) -> SignIn:
        sign_in = self.store.get(sign_in_id, now)
        if sign_in is None or not hmac.compare_digest(sign_in.secret_hash, _hash(secret)):
            raise UnknownSignIn()
        return sign_in

    def _again_at(self, sign_in: SignIn) -> datetime | None:
        if sign_in.undeliverable_at is not None or sign_in.sendings >= self._rules.sendings:
            return None
        return sign_in.asked_at + timedelta(seconds=self._rules.code_again_after_s)

    def _enqueue(self, sign_in: SignIn, day: str, waits_since: datetime | None, network: str, now: datetime) -> None:
        """Queue the budget of a sign-in, unless a message of this budget is in the queue already."""
        patience = timedelta(seconds=self._rules.code_again_after_s + self._queue.delay_s(now))
        if waits_since is not None and now - waits_since < patience:
            return
        try:
            self._queue.send(sign_in.budget_id, day, network)
        except Exception as error:
            if not (isinstance(error, Unavailable) or is_passing(error)):
                raise
            log.warning("code_not_queued", extra={"error": type(error).__name__})
            self.budgets.not_queued(sign_in.budget_id, sign_in.id, now)
            raise Unavailable() from error


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
