"""Planted bugs of claims: plausible mistakes. The schedules must find each, or they prove nothing.

Two more are too rare in them, and tests/registration/claims finds them: a day that was announced counts whatever the
holder has proven since, or for the next holder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from chalicelib.registration import corrections, records, service, store, verifications
from chalicelib.registration.claims import service as claims
from chalicelib.registration.claims.claim_rules import Claim, Proof, Settlement, proof, settle
from chalicelib.registration.items import Guard
from chalicelib.registration.rules import Registrant, Verification

_released, _with_nik, _told = records.released, records.with_nik, claims._Found.told
_presence = records.presence
Claimed = Mapping[str, tuple[Claim, Registrant]]


def _passes_to_equal_proof(holder: Registrant | None, given: Claimed, now: datetime, wait: timedelta) -> Settlement:
    """Two who have typed the same data take the NIK from each other, day after day."""
    done = settle(holder, given, now, wait)
    if holder is None or done.passes_to or proof(holder) is Proof.NONE:
        return done
    same = {one: claim.moves_at or now + wait for one, (claim, who) in given.items() if proof(who) >= proof(holder)}
    return done._replace(
        passes_to=next((one for one, at in same.items() if at <= now), None),
        moves_at={one: same.get(one) for one in given},
    )


def _passes_at_once(holder: Registrant | None, given: Claimed, now: datetime, _: timedelta) -> Settlement:
    return settle(holder, given, now, timedelta())


def _never_contested(holder: Registrant | None, given: Claimed, now: datetime, wait: timedelta) -> Settlement:
    return settle(holder, given, now, wait)._replace(contested=False)


def _contested_by_any_claim(holder: Registrant | None, given: Claimed, now: datetime, wait: timedelta) -> Settlement:
    """Whoever claims a NIK stops its holder's money."""
    return settle(holder, given, now, wait)._replace(contested=bool(given and holder))


def _older_claim_first(holder: Registrant | None, given: Claimed, now: datetime, wait: timedelta) -> Settlement:
    """Only the first claim on a NIK is looked at."""
    first = dict(list(given.items())[:1])
    done = settle(holder, first, now, wait)
    return done._replace(moves_at={one: done.moves_at.get(one) for one in given} if holder else {})


def _silence_is_no_proof(holder: Registrant | None, given: Claimed, now: datetime, wait: timedelta) -> Settlement:
    """Whoever is not answered about has proven nothing, and loses the NIK to scraped data."""
    if holder is not None and holder.verification is Verification.PENDING:
        holder = replace(holder, verification=Verification.MISMATCH)
    return settle(holder, given, now, wait)


def _released_though_claimed(before: Registrant, after: Registrant) -> list[records.Number]:
    """Whoever gives up a claim releases the holder's guard."""
    return _released(replace(before, claimed_at=None), after)


def _proof_stays(registrant: Registrant, nik_mac: str) -> Registrant:
    """A corrected NIK keeps the presence that was seen for another."""
    return replace(_with_nik(registrant, nik_mac), present_at=registrant.present_at)


def _presence_of_any_nik(_: str, *, proven: bool) -> str:
    return _presence("any", proven=proven)


def _holder_not_told(found: claims._Found, news: str, at: datetime | None = None) -> Any:
    who, told = _told(found, news, at)
    return who, [] if found.who.claimed_at is None and news == "passes" else told


def _former_holder_forgotten(_tx: Any, _who: Registrant, _at: datetime) -> None:
    """Whoever lost a NIK is on no list."""


def _claimed_again_on_every_save(tx: Any, kind: Any, mac: str, registrant_id: str, _: Any = None) -> None:
    """The guard is written whoever has it."""
    tx.put(kind, Guard(store.unique_pk(kind, mac), "UNIQUE", registrant=registrant_id))


BUGS: Mapping[str, list[tuple[Any, str, Any]]] = {
    "a NIK passes to equal proof": [(claims, "settle", _passes_to_equal_proof)],
    "a NIK passes at once": [(claims, "settle", _passes_at_once)],
    "nobody is ever contested": [(claims, "settle", _never_contested)],
    "any claim contests": [(claims, "settle", _contested_by_any_claim)],
    "only the first claim is looked at": [(claims, "settle", _older_claim_first)],
    "a given-up claim frees the NIK": [
        (service, "released", _released_though_claimed),
        (corrections, "released", _released_though_claimed),
    ],
    "presence stays with another NIK": [(service, "with_nik", _proof_stays), (corrections, "with_nik", _proof_stays)],
    "presence is of no NIK": [
        (records, "presence", _presence_of_any_nik),
        (corrections, "presence", _presence_of_any_nik),
    ],
    "silence is no proof": [(claims, "settle", _silence_is_no_proof)],
    "the holder is not told": [(claims._Found, "told", _holder_not_told)],
    "the former holder is forgotten": [(claims, "keep_claim", _former_holder_forgotten)],
    "a guard is written over": [(store, "_claim", _claimed_again_on_every_save)],
    "the sweep asks nobody": [(verifications.Verifications, "waiting", lambda *_: iter(()))],
}


@contextmanager
def planted(bug: str) -> Iterator[None]:
    """The bug is there."""
    with ExitStack() as stack:
        for target, name, mistake in BUGS[bug]:
            stack.enter_context(patch.object(target, name, mistake))
        yield
