"""Planted bugs of claims: plausible mistakes. The schedules must find each, or they prove nothing.

Three more are too rare in them, and tests/registration/claims finds them: silence of the registry is no proof, and a
day that was announced counts whatever the holder has proven since, or for the next holder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from chalicelib.aws import dynamodb
from chalicelib.payouts import passing
from chalicelib.payouts.passing import _of_owner
from chalicelib.payouts.rules import Entitlement, Hold, State
from chalicelib.registration import records, service, store, verifications
from chalicelib.registration.claims import service as claims
from chalicelib.registration.claims.claim_rules import Claim, Proof, Settlement, proof, settle
from chalicelib.registration.corrections import service as corrections
from chalicelib.registration.exclusions import rows as exclusions
from chalicelib.registration.items import CLAIMS, ClaimItem, Guard
from chalicelib.registration.rules import Registrant
from chalicelib.waves.places.passing import Passing
from chalicelib.waves.rules import Beneficiary

_released, _with_nik, _told = records.released, records.with_nik, claims._Found.told
_presence = records.presence
Holder = Registrant | None
Claimed = Mapping[str, tuple[Claim, Registrant]]


def _passes_to_equal_proof(holder: Holder, given: Claimed, now: datetime, wait: timedelta, *only: Any) -> Settlement:
    """Two who have typed the same data take the NIK from each other, day after day."""
    done = settle(holder, given, now, wait, *only)
    if holder is None or done.passes_to or proof(holder) is Proof.NONE:
        return done
    same = {one: claim.moves_at or now + wait for one, (claim, who) in given.items() if proof(who) >= proof(holder)}
    return done._replace(
        passes_to=next((one for one, at in same.items() if at <= now), None),
        moves_at={one: same.get(one) for one in given},
    )


def _passes_at_once(holder: Holder, given: Claimed, now: datetime, _: timedelta, *only: Any) -> Settlement:
    return settle(holder, given, now, timedelta(), *only)


def _never_contested(holder: Holder, given: Claimed, now: datetime, wait: timedelta, *only: Any) -> Settlement:
    return settle(holder, given, now, wait, *only)._replace(contested=False)


def _contested_by_any_claim(holder: Holder, given: Claimed, now: datetime, wait: timedelta, *only: Any) -> Settlement:
    """Whoever claims a NIK stops its holder's money."""
    return settle(holder, given, now, wait, *only)._replace(contested=bool(given and holder))


def _older_claim_first(holder: Holder, given: Claimed, now: datetime, wait: timedelta, *only: Any) -> Settlement:
    """Only the first claim on a NIK is looked at."""
    first = dict(list(given.items())[:1])
    done = settle(holder, first, now, wait, *only)
    return done._replace(moves_at={one: done.moves_at.get(one) for one in given} if holder else {})


def _released_though_claimed(before: Registrant, after: Registrant) -> list[records.Number]:
    """Whoever gives up a claim releases the holder's guard."""
    return _released(replace(before, claimed_at=None), after)


def _proof_stays(registrant: Registrant, nik_mac: str) -> Registrant:
    """A corrected NIK keeps the presence that was seen for another."""
    return replace(_with_nik(registrant, nik_mac), present_at=registrant.present_at)


def _presence_of_any_nik(_: str, *, proven: bool) -> str:
    return _presence("any", proven=proven)


def _begun_is_done(self: claims.Claims, nik_mac: str, owed: Mapping[str, str], now: datetime) -> bool:
    """That something is to follow is forgotten before it has."""
    for former, to in owed.items():
        row, owed_to = ClaimItem(CLAIMS, f"{nik_mac}#{former}"), ClaimItem.owed_to
        dynamodb.update_if(row, [owed_to.remove()], owed_to == to)
        return self._hand_over(former, to, now)
    return False


def _hold_ends(one: Entitlement, theirs: Entitlement | None, to: str, now: datetime) -> Entitlement | None:
    """What an administrator held is due to the owner."""
    after = _of_owner(one, theirs, to, now)
    return replace(after, state=State.DUE, hold=None) if after and after.hold is Hold.ADMIN else after


def _due_again(one: Entitlement, theirs: Entitlement | None, to: str, now: datetime) -> Entitlement | None:
    """What was paid to the former holder is paid to the owner, too, and no two have decided it."""
    after = _of_owner(one, theirs, to, now)
    return after and replace(after, state=State.DUE, hold=None)


def _stop_forgotten(self: passing.PassedPayments, place: Beneficiary, to: str) -> None:
    """A stopped plan goes on once it is another's."""
    plan = self._store.plans.of((place.registrant_id, place.wave))
    if plan is not None:
        with self._store.transaction() as tx:
            self._store.plans.remove(tx, plan)
            due_at = plan.stopped_at.replace(microsecond=0) if plan.stopped_at else plan.due_at
            after = replace(plan, registrant_id=to, stopped=None, stopped_at=None, due_at=due_at)
            self._store.plans.add(tx, after)


def _holder_not_told(found: claims._Found, news: str, now: datetime, at: datetime | None = None) -> Any:
    who, told = _told(found, news, now, at)
    return who, [] if found.who.claimed_at is None and news == "passes" else told


def _former_holder_forgotten(*_: Any, **_owed: Any) -> None:
    """Whoever lost a NIK is on no list."""


def _claimed_again_on_every_save(tx: Any, kind: Any, mac: str, registrant_id: str, _: Any = None) -> None:
    """The guard is written whoever has it."""
    tx.put(kind, Guard(store.unique_pk(kind, mac), "UNIQUE", registrant=registrant_id))


BUGS: Mapping[str, tuple[str, list[tuple[Any, str, Any]]]] = {
    "a NIK passes to equal proof": ("a NIK passed from DATA to DATA", [(claims, "settle", _passes_to_equal_proof)]),
    "a NIK passes at once": ("the holder was not told a day before", [(claims, "settle", _passes_at_once)]),
    "nobody is ever contested": (
        "a holder is contested who should not be, or is not who should",
        [(claims, "settle", _never_contested)],
    ),
    "any claim contests": (
        "a holder is contested who should not be, or is not who should",
        [(claims, "settle", _contested_by_any_claim)],
    ),
    "only the first claim is looked at": (
        "a holder has DATA and somebody PRESENCE",
        [(claims, "settle", _older_claim_first)],
    ),
    "a given-up claim frees the NIK": (
        "does not hold what they do not claim",
        [
            (service, "released", _released_though_claimed),
            (corrections, "released", _released_though_claimed),
        ],
    ),
    "presence stays with another NIK": (
        "somebody was seen with another's card",
        [(service, "with_nik", _proof_stays), (corrections, "with_nik", _proof_stays)],
    ),
    "presence is of no NIK": (
        "somebody was seen with another's card",
        [
            (records, "presence", _presence_of_any_nik),
            (corrections, "presence", _presence_of_any_nik),
        ],
    ),
    "the holder is not told": ("the holder was not told a day before", [(claims._Found, "told", _holder_not_told)]),
    "the former holder is forgotten": (
        "the list of claims is not that of the claimants and contested holders",
        [(claims, "keep_claim", _former_holder_forgotten)],
    ),
    "a guard is written over": (
        "does not hold what they do not claim",
        [(store, "claim", _claimed_again_on_every_save)],
    ),
    "the place stays with the former holder": (
        "a place is with somebody who does not hold the NIK",
        [(Passing, "hand_over", lambda *_: True)],
    ),
    "a place that was begun to pass is forgotten": (
        "a place was lost on its way to the owner of the NIK",
        [(claims.Claims, "_follow", _begun_is_done)],
    ),
    "the plan stays with the former holder": (
        "a former holder's plan runs on",
        [(passing.PassedPayments, "_pass_plan", lambda *_: None)],
    ),
    "what was paid is due again": (
        "an instalment was paid twice, and no two decided it",
        [(passing, "_of_owner", _due_again)],
    ),
    "a hold ends by itself": (
        "what an administrator held is paid, and no two released it",
        [(passing, "_of_owner", _hold_ends)],
    ),
    "a payment under way is not waited for": (
        "an instalment was paid twice, and no two decided it",
        [(passing, "State", SimpleNamespace(**{**State.__members__, "SENDING": None}))],
    ),
    "a stop is forgotten on the way": (
        "a stopped plan went on, and no two let it",
        [(passing.PassedPayments, "_pass_plan", _stop_forgotten)],
    ),
    "lists are not looked at when paying": (
        "somebody on an exclusion list is paid",
        [(service.Registrations, "check_not_excluded", lambda *_: None)],
    ),
    "a retracted list holds its people": (
        "a list that was retracted still holds money",
        [(exclusions, "take_off", lambda *_: None)],
    ),
    "whoever is drawn counts as confirmed": (
        "somebody unconfirmed is paid",
        [(service.Registrations, "is_confirmed", lambda *_: True)],
    ),
    "the sweep asks nobody": (
        "somebody was never answered about",
        [(verifications.Verifications, "waiting", lambda *_: iter(()))],
    ),
}
"""Of each: how the sentence ends by which it must be found, and what takes whose place."""


@contextmanager
def planted(bug: str) -> Iterator[None]:
    """The bug is there."""
    with ExitStack() as stack:
        for target, name, mistake in BUGS[bug][1]:
            stack.enter_context(patch.object(target, name, mistake))
        yield
