"""Proof of presence: an office has read the card of the NIK that a person registered, or the national ID names it.

The person makes a code, which is good once and for ten minutes, and shows it to the office, or signs in with it at the
national ID. So the proof is of their account.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from ...aws import dynamodb
from ...errors import Unavailable
from ...ids import Randomness
from ...vault import Vault
from ..errors import NotRegistered, PresenceCodeUnknown, PresenceOfAnother
from ..items import CLAIMS, TRIES, ClaimItem, PresenceItem, Profile, person_pk
from ..records import person_of
from ..rules import Registrant
from ..store import Legs, RegistrationStore
from ..wire import AttestedView, PresenceCodeView, PresenceForm, PresenceView, SignedInForm, masked_name

LIVES = timedelta(minutes=10)
"""How long a code is good."""

CODE_BYTES = 10
"""Nobody finds a code by trying, so wrong ones are not counted."""

Source = tuple[str, str | None]
"""Who says it: a partner's id and its own reference, or the name of an issuer."""


class Presence:
    """`seen` notes in the journal that a partner acted on a person: partner, about what, whose data.

    `nik_of` gives the NIK that an ID token names: of an issuer's name, token, nonce and now.
    """

    def __init__(
        self,
        store: RegistrationStore,
        vault: Vault,
        transaction: Callable[[], dynamodb.Transaction],
        seen: Callable[[str, str, str], None],
        nik_of: Callable[[str, str, str, datetime], str],
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._vault = vault
        self._transaction = transaction
        self._seen = seen
        self._nik_of = nik_of
        self._randomness = randomness

    def code(self, registrant_id: str, now: datetime) -> PresenceCodeView:
        """A new code; the one before is good no longer. One transaction. Raises `NotRegistered`."""
        code = base64.b32encode(self._randomness(CODE_BYTES)).decode()
        item = PresenceItem(person_pk(registrant_id), "PRESENCE")
        try:
            with self._transaction() as tx:  # nothing is left of who is erased meanwhile
                tx.check("profile", Profile, (item.pk, "PROFILE"), Profile.pk.exists())
                tx.update("code", item, [PresenceItem.code.set(_hash(code)), PresenceItem.made_at.set(now)])
        except dynamodb.LegsFailed as failure:
            raise NotRegistered() from failure
        return PresenceCodeView(code, now + LIVES)

    def attest(self, partner_id: str, form: PresenceForm, now: datetime) -> tuple[AttestedView, bool]:
        """What an office has read from a card proves presence for whoever showed the code; True if that is new.

        The same again changes nothing, and is a look of its own at the name that is answered. Raises
        `PresenceCodeUnknown` if nobody who registered with this NIK, or claims it, showed this code, or it is no longer
        good: the office does not learn which.
        """
        nik_mac = self._vault.mac("nik", form.nik)
        for _ in range(TRIES):
            item = self._shown(nik_mac, _hash(form.presence_code))
            if item is None:
                raise PresenceCodeUnknown()
            known, who = _known(item, (partner_id, form.reference), now), item.pk.removeprefix(person_pk(""))
            self._seen(partner_id, "presence", who)
            record = self._store.record(who)
            if record is None or record.registrant.nik_mac != nik_mac:
                raise PresenceCodeUnknown()
            if known is not None or self._keep(item, nik_mac, (partner_id, form.reference), now):
                name = person_of(self._vault.open_key(who, record.wrapped_key), record).name
                return AttestedView(now if known is None else known.proven_at, masked_name(name)), known is None
        raise Unavailable()

    def sign_in(self, registrant_id: str, form: SignedInForm, now: datetime) -> tuple[PresenceView, bool]:
        """The national ID's word, for this code, proves presence for whoever made the code; True if that is new.

        The same again changes nothing. Raises `PresenceCodeUnknown`, `IdTokenRefused`, `PresenceOfAnother`.
        """
        for _ in range(TRIES):
            item = dynamodb.find(PresenceItem, person_pk(registrant_id), "PRESENCE")
            if item is None or item.code != _hash(form.presence_code):
                raise PresenceCodeUnknown()
            known = _known(item, (form.issuer, None), now)
            if known is not None:
                return known, False
            nik_mac = self._vault.mac("nik", self._nik_of(form.issuer, form.token, form.presence_code, now))
            registrant = self._store.registrant(registrant_id)
            if registrant is None or registrant.nik_mac != nik_mac:
                raise PresenceOfAnother()
            if self._keep(item, nik_mac, (form.issuer, None), now):
                return PresenceView(now), True
        raise Unavailable()

    def _shown(self, nik_mac: str, code: str) -> PresenceItem | None:
        """The row of whoever has, or claims, a NIK and made this code."""
        rows = ClaimItem.query(CLAIMS, ClaimItem.sk.startswith(f"{nik_mac}#"), consistent_read=True)
        people = {row.sk.partition("#")[2] for row in rows}
        holder = self._store.holder("nik", nik_mac)
        keys = [(person_pk(one), "PRESENCE") for one in sorted(people | {holder} if holder else people)]
        return next((item for item in dynamodb.get_batch(PresenceItem, keys) if item.code == code), None)

    def _keep(self, shown: PresenceItem, nik_mac: str, by: Source, now: datetime) -> bool:
        """Keep a proof; False if the code was used or replaced meanwhile.

        Raises `PresenceCodeUnknown` if the person has another NIK by now.
        """
        proven = [
            PresenceItem.used.set(shown.code),
            PresenceItem.proven_at.set(now),
            PresenceItem.proven_by.set(by[0]),
            PresenceItem.reference.remove() if by[1] is None else PresenceItem.reference.set(by[1]),
        ]
        unused = PresenceItem.used.does_not_exist() | (PresenceItem.used != shown.code)
        try:
            with self._transaction() as tx:
                present = [Profile.present_at.set(now), Profile.version.add(1)]
                tx.update("profile", Profile(shown.pk, "PROFILE"), present, Profile.nik_mac == nik_mac)
                tx.update("code", PresenceItem(shown.pk, shown.sk), proven, (PresenceItem.code == shown.code) & unused)
        except dynamodb.LegsFailed as failure:
            if "profile" in failure.legs:
                raise PresenceCodeUnknown() from failure
            return False
        return True


def forgetting(before: Registrant, after: Registrant) -> Legs | None:
    """The legs that forget a proof which a change takes back or puts another in the place of, with its code."""
    if before.present_at in {None, after.present_at}:
        return None
    return lambda tx: tx.delete("presence", PresenceItem(person_pk(before.id), "PRESENCE"))


def _known(item: PresenceItem, by: Source, now: datetime) -> PresenceView | None:
    """What was proven by this code before, by the same; None if it may be used. Raises `PresenceCodeUnknown`."""
    if item.used == item.code and item.proven_at is not None and (item.proven_by, item.reference) == by:
        return PresenceView(item.proven_at)
    if item.used == item.code or now >= item.made_at + LIVES:
        raise PresenceCodeUnknown()
    return None


def _hash(code: str) -> str:
    """What is kept of a code."""
    return sha256(code.encode()).hexdigest()
