"""Settles what several registrations say of one NIK, every few minutes, by what each of them has proven by then.

Nothing is remembered of how it came to be so. A run may die anywhere, come late or run beside another one, and
registrations may change in any order: the next run decides by what it finds. Each decision is one transaction, on the
condition that all whom it is about are as they were read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from ...aws import dynamodb
from ...clock import iso
from ...errors import Unavailable
from ...ids import shard
from ...notices.rules import Facts, Kind
from ...structs import fill
from ...time_budget import OutOfTime, TimeBudget
from ..change_notices import ChangeNotice, event, telling
from ..items import CLAIMS, ClaimItem, Guard, PresenceItem, Profile, claim_item, keep_claim, person_pk
from ..rules import DIFFERING, Registrant, Standing, Verification
from ..store import UNVERIFIED, registrant_of, unique_pk
from .claim_rules import Claim, Proof, proof, settle

if TYPE_CHECKING:
    from ...notices.service import NoticeService

log = logging.getLogger(__name__)

ONE_NIK_S = 40
"""No NIK is begun with less time left than this: some calls with their retries, and some for each payment of a place
that follows.
"""

MOST = 100
"""So many steps of one NIK are done in a run, the others in the next."""


HandOver = Callable[[str, str, datetime], bool]
"""Lets what was given to the first follow the NIK to the second; whether nothing is left (`waves.places.passing`)."""


class Entries(Protocol):
    """What waves do for a NIK that passes from one registration to another (`waves.places.nik_claims`)."""

    def in_draw(self, registrant_id: str, now: datetime) -> bool:
        """Whether a wave that is closed has yet to decide about the person."""

    def given(self, registrant_id: str) -> int | None:
        """The latest wave whose place the person has used, or may still use; None: nothing was given to them."""

    def join_too(self, claimant: str, holder: str, now: datetime) -> None:
        """Have the claimant join the open wave that the holder joined, if they may; a repeat changes nothing."""


class _Found:
    """A registration as read: its version, and what the claims need of it."""

    def __init__(self, item: Profile) -> None:
        self.version = item.version
        self.asked = item.ask_from is not None
        self.who: Registrant = registrant_of(item.pk.removeprefix(person_pk("")), item)

    def claims(self, nik_mac: str) -> bool:
        return self.who.claimed_at is not None and self.who.nik_mac == nik_mac

    def update(self, tx: dynamodb.Transaction, *actions: Any) -> None:
        """Add the leg of a change, if the registration is still as read."""
        item = Profile(person_pk(self.who.id), "PROFILE")
        tx.update("profile", item, [*actions, Profile.version.add(1)], Profile.version == self.version)

    def told(self, news: str, now: datetime, at: datetime | None = None) -> tuple[str, list[ChangeNotice]]:
        """The notice that goes with a change."""
        facts: Facts = {"news": news, "passes_at": iso(at) if at else ""}
        by_presence = proof(self.who) is Proof.PRESENCE
        if self.who.claimed_at is not None and news != "passed" and not by_presence:
            return self.who.id, []  # it would say that the civil registry confirms what they typed
        return self.who.id, [(event(f"{Kind.NIK_CLAIM}/{news}", now), Kind.NIK_CLAIM, facts)]


class Claims:
    """See the module. `wait_s`: from when more proof was found to when the NIK passes.

    `hand_over` lets what was given to a NIK follow it. `ask` has the civil registry asked about somebody who never was,
    if there is one.
    """

    def __init__(
        self,
        transaction: Callable[[], dynamodb.Transaction],
        notices: Callable[[], NoticeService],
        entries: Callable[[], Entries],
        hand_over: HandOver,
        ask: Callable[[str, datetime], object],
        wait_s: int,
    ) -> None:
        self._transaction = transaction
        self._notices = notices
        self._entries = entries
        self._hand_over = hand_over
        self._ask = ask
        self._wait = timedelta(seconds=wait_s)
        self._from = ""
        """The NIK at which the last run ended early, in this process; "": none did."""

    def run(self, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic) -> bool:
        """Settle every NIK that is claimed, for `deadline_s` seconds at most; whether the last was reached.

        The next run goes on where one ended early; in another process it begins anew. One NIK that fails holds up no
        other: what failed is raised at the end.
        """
        trouble: list[Exception] = []
        budget = TimeBudget(now, deadline_s, seconds)
        left = ClaimItem.sk >= self._from if self._from else None
        rows = ClaimItem.query(CLAIMS, left, consistent_read=True, attributes_to_get=["pk", "sk"])
        try:
            for nik_mac, _ in groupby(rows, key=lambda row: row.sk.partition("#")[0]):
                self._from = nik_mac
                budget.need(ONE_NIK_S)
                try:
                    self.settle(nik_mac, budget.now())
                except Exception as error:  # noqa: BLE001 - raised below, after the others
                    log.warning("nik_not_settled", extra={"error": type(error).__name__})
                    trouble.append(error)
        except OutOfTime:
            log.warning("nik_claims_go_on_later")
            reached = False
        else:
            self._from, reached = "", True
        if trouble:
            raise ExceptionGroup("NIKs that could not be settled", trouble)
        return reached

    def settle(self, nik_mac: str, now: datetime) -> None:
        """Do what follows now for one NIK, until nothing does. Raises `Unavailable`."""
        for _ in range(MOST):
            with suppress(dynamodb.LegsFailed):  # somebody changed a registration meanwhile
                if not self._settle(nik_mac, now):
                    return
        raise Unavailable()

    def _settle(self, nik_mac: str, now: datetime) -> bool:
        """Do the first thing that follows from what is found; False if nothing does. Raises `LegsFailed`."""
        rows = ClaimItem.query(CLAIMS, ClaimItem.sk.startswith(f"{nik_mac}#"), consistent_read=True)
        listed = {row.sk.partition("#")[2]: row for row in rows}
        guard = dynamodb.find(Guard, unique_pk("nik", nik_mac), "UNIQUE")
        people = sorted({*listed, *([guard.registrant] if guard else [])})
        keys = [(person_pk(one), "PROFILE") for one in people]
        found = {one.who.id: one for one in map(_Found, dynamodb.get_batch(Profile, keys))}
        holder = found.get(guard.registrant) if guard else None
        claimants = {one: found[one] for one in listed if one in found and found[one].claims(nik_mac)}
        claims = {one: (_claim(listed[one], holder), each.who) for one, each in claimants.items()}
        only = self._seen_by_two(claimants.values()) if holder and self._is_barred(holder.who) else None
        what = settle(holder.who if holder else None, claims, now, self._wait, only)
        owed = {one: row.owed_to for one, row in listed.items() if row.owed_to}
        for one, row in listed.items():
            as_holder = holder is not None and one == holder.who.id and holder.who.contested_at is not None
            if one not in claimants and one not in owed and not as_holder:
                self._forget(row, found.get(one), one)
                return True
        if guard and holder is None and not owed:
            return self._inherit(guard.registrant, claimants.values(), now)
        if what.passes_to is not None and not owed and not (holder and self._entries().in_draw(holder.who.id, now)):
            self._pass(holder, claimants[what.passes_to], now)
            return True
        if holder is None:
            return self._follow(nik_mac, owed, now)
        if what.contested and holder.who.verification is Verification.PENDING and not holder.asked:
            self._ask(holder.who.id, now)
        for one, at in what.moves_at.items():
            if (claims[one][0].moves_at is None) is not (at is None):
                self._announce(holder, claimants[one], listed[one], now, at)
                return True
        if what.contested is not (holder.who.contested_at is not None):
            told = [] if any(what.moves_at.values()) else [holder, *claimants.values()]
            self._contest(holder, told, now, ends=not what.contested)
            return True
        return self._follow(nik_mac, owed, now)

    def _follow(self, nik_mac: str, owed: Mapping[str, str], now: datetime) -> bool:
        """Let what was given to a former holder follow the NIK; whether it did. Until then the NIK passes to nobody."""
        for former, to in owed.items():
            if self._hand_over(former, to, now):
                row, owed_to = ClaimItem(CLAIMS, f"{nik_mac}#{former}"), ClaimItem.owed_to
                return dynamodb.update_if(row, [owed_to.remove()], owed_to == to)
        return False

    def _forget(self, row: ClaimItem, found: _Found | None, who: str) -> None:
        """Take off the list whoever claims the NIK no more: they were erased, have another, or hold it."""
        as_read = Profile.pk.does_not_exist() if found is None else Profile.version == found.version
        with self._transaction() as tx:
            tx.check("profile", Profile, (person_pk(who), "PROFILE"), as_read)
            tx.delete("claim", ClaimItem(row.pk, row.sk))

    def _inherit(self, erased: str, claimants: Iterable[_Found], now: datetime) -> bool:
        """Give the NIK of an erased person, to whom something was given, to whoever was seen with its card.

        Nobody is left who could prove more. What was given to the NIK is not given again.
        """
        seen = [one for one in claimants if proof(one.who) is Proof.PRESENCE]
        wave, place = self._entries().given(erased), list[Action]()
        if wave is None:  # they may have been barred for a place that they did not use
            two = self._seen_by_two(seen)
            seen = [one for one in seen if one.who.id in two]
        if not seen:
            return False
        claimant = min(seen, key=lambda one: (one.who.claimed_at or now, one.who.id))
        if wave is not None and claimant.who.standing is Standing.REGISTERED:
            place = [Profile.standing.set(Standing.BENEFICIARY), Profile.beneficiary_wave.set(wave)]
        guard = Guard(unique_pk("nik", claimant.who.nik_mac), "UNIQUE", registrant=claimant.who.id)

        def legs(tx: dynamodb.Transaction) -> None:
            tx.put("nik", guard, Guard.registrant == erased)
            tx.check("erased", Profile, (person_pk(erased), "PROFILE"), Profile.pk.does_not_exist())
            claimant.update(tx, Profile.claimed_at.remove(), *place)
            tx.delete("claim", claim_item(claimant.who))

        self._do(legs, claimant.told("passed", now))
        log.info("nik_passed", extra={"held": False})
        return True

    def _pass(self, holder: _Found | None, claimant: _Found, now: datetime) -> None:
        """Give a NIK to a claimant. Whoever held it claims it from now on, until they correct or prove it."""
        who, place = claimant.who, []
        if holder is not None:
            # Before the NIK passes, so that it is not forgotten: until then both may have joined.
            self._entries().join_too(who.id, holder.who.id, now)
            place = self._standing(holder.who, who)
        if who.verification in DIFFERING:
            # They were not told while they claimed: the registry is asked again, and they are.
            place += [Profile.verification.set(Verification.PENDING), Profile.verified_at.remove()]
            place += [Profile.verification_source.remove(), Profile.school.remove(), Profile.ask_from.set(now)]
            place += [Profile.differs.remove(), Profile.question.set(claimant.version + 1)]
            place += [Profile.unverified_shard.set(shard(who.id, UNVERIFIED)), Profile.waits_since.set(now)]
        guard = Guard(unique_pk("nik", who.nik_mac), "UNIQUE", registrant=who.id)
        as_read: Condition = Guard.pk.does_not_exist() if holder is None else Guard.registrant == holder.who.id

        def legs(tx: dynamodb.Transaction) -> None:
            tx.put("nik", guard, as_read)
            claimant.update(tx, Profile.claimed_at.remove(), *place)
            tx.delete("claim", claim_item(who))
            if holder is not None:
                holder.update(tx, Profile.claimed_at.set(now), Profile.contested_at.remove())
                keep_claim(tx, holder.who, now, owed_to=who.id)

        self._do(legs, claimant.told("passed", now), *([holder.told("passed", now)] if holder else []))
        log.info("nik_passed", extra={"held": holder is not None})

    def _is_barred(self, holder: Registrant) -> bool:
        """Whether a holder is barred for a place that they did not use, so that whoever gets the NIK is not."""
        return holder.standing is Standing.REVOKED and self._entries().given(holder.id) is None

    def _seen_by_two(self, claimants: Iterable[_Found]) -> set[str]:
        """Whose presence two administrators attested last. An office, or a sign-in, cannot tell the owner of a NIK from
        its barred holder with a second account.
        """
        seen = {one.who.id: one.who.present_at for one in claimants if proof(one.who) is Proof.PRESENCE}
        rows = ((who, dynamodb.find(PresenceItem, person_pk(who), "PRESENCE")) for who in seen)
        return {who for who, row in rows if row is None or row.proven_at != seen[who]}

    def _standing(self, before: Registrant, after: Registrant) -> list[Action]:
        """What the new holder takes over: a NIK is given a place once, whoever holds it.

        A holder who was barred for an unused place was given nothing, so nothing is taken over. Two administrators have
        seen the new holder then.
        """
        if before.standing is Standing.REGISTERED or self._is_barred(before):
            return []
        place: list[Action] = [Profile.schemes.add(before.schemes)] if before.schemes else []
        if after.standing is not Standing.REGISTERED:
            return place
        names = ("standing", "beneficiary_wave", "chosen_on", "ended_on")
        values = {name: getattr(before, name) for name in names}
        return place + [getattr(Profile, name).set(value) for name, value in values.items() if value is not None]

    def _announce(
        self, holder: _Found, claimant: _Found, listed: ClaimItem, now: datetime, at: datetime | None
    ) -> None:
        """Say to both when a NIK passes, or that it does not."""
        moves: list[Action] = [ClaimItem.moves_at.remove(), ClaimItem.moves_from.remove()]
        if at is not None:
            moves = [ClaimItem.moves_at.set(at), ClaimItem.moves_from.set(holder.who.id)]

        def legs(tx: dynamodb.Transaction) -> None:
            tx.update("claim", ClaimItem(listed.pk, listed.sk), moves, ClaimItem.pk.exists())
            holder.update(tx)
            claimant.update(tx)

        news = "stays" if at is None else "passes"
        self._do(legs, holder.told(news, now, at), claimant.told("stays" if at is None else "comes", now, at))

    def _contest(self, holder: _Found, told: Iterable[_Found], now: datetime, *, ends: bool) -> None:
        """Keep with the holder since when their right is in doubt, so that nothing is paid meanwhile; or since when it
        is not any more.
        """

        def legs(tx: dynamodb.Transaction) -> None:
            if ends:
                holder.update(tx, Profile.contested_at.remove(), Profile.uncontested_at.set(now))
                tx.delete("claim", claim_item(holder.who))
            else:
                holder.update(tx, Profile.contested_at.set(now))
                keep_claim(tx, holder.who, now)

        self._do(legs, *(one.told("contested", now) for one in told if not ends))

    def _do(self, legs: Callable[[dynamodb.Transaction], None], *told: tuple[str, list[ChangeNotice]]) -> None:
        """One transaction with its notices."""
        with ExitStack() as stack:
            kept = [stack.enter_context(telling(self._notices(), who, notices)) for who, notices in told]
            with self._transaction() as tx:
                legs(tx)
                for keep in kept:
                    keep(tx)


def _claim(row: ClaimItem, holder: _Found | None) -> Claim:
    """A claim as listed; a day that a former holder was told is none that this one was."""
    told = holder is not None and row.moves_from == holder.who.id
    return fill(Claim, row, registrant_id=row.registrant, moves_at=row.moves_at if told else None)
