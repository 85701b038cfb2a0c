"""The JSON of waves: what is shown of a wave, of an entry and of a receipt. Times as `2026-11-24T03:00:00Z`."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from ..clock import iso
from ..draw import note, published
from ..draw.proofs import Proof
from ..draw.selection import DrawResult, open_value, rank
from ..figures.schemes import Scheme, Trigger
from ..figures.waves import DrawRules
from ..notices.rules import Facts, Kind, Told
from ..structs import fill
from .calendar import PlannedWave
from .places.place_rules import UNCONFIRMED
from .rules import (
    NOT_DRAWN,
    Beneficiary,
    BeneficiaryState,
    Entry,
    EntryStanding,
    Wave,
    WaveState,
    chain_of,
    is_closed,
    standing,
    state_at,
)

WAITS_AFTER = timedelta(minutes=2)
"""A draw waits if it is missing so long after its round: triggers come every minute, and a big draw takes a while."""


class BeaconView(Struct, frozen=True):
    """The round of the public beacon that a draw is committed to, and when it comes into being."""

    round: int
    due_at: str


class WaveView(Struct, frozen=True):
    """A wave. `results_url` is where the draw's files are, from the freeze on.

    `quota` is null until the wave opens unless an admin set it, `entries` and `beacon` until the list is frozen,
    `chosen` until every seat is settled. `waiting_for` is `beacon` while a draw is held up because no relay of the
    beacon gives its round. The draw cannot be before `draw_due_at`, and follows it by minutes if nothing is late.
    """

    number: int
    state: WaveState
    opens_at: str
    closes_at: str
    quota: int | None
    entries: int | None
    chosen: int | None
    results_url: str | None
    beacon: BeaconView | None
    waiting_for: Literal["beacon"] | None
    draw_due_at: str
    locked_at: str | None
    note_sha256: str | None
    witnesses: list[str]
    settled_at: str | None


class WaveList(Struct, frozen=True):
    """The waves that were run here, the open one and the next few, in order of opening.

    `none_coming`: no wave is open, and none opens in the next half a year. The programme pauses.
    """

    waves: list[WaveView]
    none_coming: bool


class Receipt(Struct, frozen=True):
    """What somebody who joined keeps, to find their entry again; nobody signed it, so it proves nothing to others.

    Only this person and the system are to hold the `ticket` (hex); its `leaf` (hex) will be in the `region`'s list. The
    system forgets tickets when the audit of the wave is closed; then `ticket` is "".
    """

    wave: int
    ticket: str
    leaf: str
    region: int
    joined_at: str


class ReceiptFile(Struct, frozen=True):
    """A receipt to keep: under this name, this text (docs/draw.md section 6), which a verifier reads."""

    name: str
    content: str


class _KeptReceipt(Struct, frozen=True):
    """The JSON of a receipt's file."""

    format: str
    wave: int
    region: int
    ticket: str
    leaf: str
    joined_at: str
    results_url: str


class ProofQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """On the list of which region to look: that of the receipt."""

    region: Annotated[int, Meta(ge=10, le=99)]


class InclusionProof(Struct, frozen=True):
    """That a leaf is on its region's list: its index (from 0) among the `entries`, and the path of RFC 9162 2.1.3.

    Hashes in hex; the path is from the bottom up. It leads to the region's root in `regions.json`.
    """

    wave: int
    region: int
    leaf: str
    index: int
    entries: int
    path: list[str]


class DrawnValues(Struct, frozen=True):
    """An entry's place in the draw against the last one chosen, in hex; a lower value is better.

    `rank` counts for the seats reserved for the region, null where it had none.
    """

    open: str
    open_cutoff: str | None
    rank: str | None
    rank_cutoff: str | None


RevokedBecause = Literal["no_first_purchase", "not_confirmed", "family_card", "nik_passed"]


class EntryView(Struct, frozen=True):
    """A wave that was joined.

    `reason` is set with not_chosen: not_drawn; family_card, already_beneficiary, ineligible; or, if the entry was
    removed before the freeze, which is shown at once, excluded, excluded_occupation, in_formal_education,
    education_not_accepted, under_age, over_age, withdrawn, already_beneficiary, barred, not_confirmed. `drawn` is
    set with not_drawn.
    """

    wave: int
    standing: EntryStanding
    reason: str | None
    drawn: DrawnValues | None
    receipt: Receipt
    receipt_file: ReceiptFile
    revoked_at: str | None
    revoked_because: RevokedBecause | None


class EntryList(Struct, frozen=True):
    """A person's entries, the latest wave first."""

    entries: list[EntryView]


class BeneficiaryView(Struct, frozen=True):
    """What a person sees of having been chosen. `state`: RESERVED, LAPSED, POTENTIAL, ACTIVE, REVOKED, GRADUATED,
    PASSED.

    RESERVED: nothing can be bought until the civil registry has confirmed the person; LAPSED: it did not, or their
    family card had its most (`family_card`), and at `revoked_at` the place went to another. POTENTIAL: a first
    training must be bought before `buy_by`, or the place goes to another; null where payments begin at the award.
    REVOKED: at `revoked_at`, because none was. PASSED: the NIK is another person's by now (`nik_passed`), and from
    `revoked_at` the place is theirs. The amounts are those of the person's scheme. `first_payment_at`: what the first
    of them waits for.
    """

    wave: int
    card_number: str
    scheme: str
    state: str
    awarded_at: str
    buy_by: str | None
    revoked_at: str | None
    revoked_because: RevokedBecause | None
    graduated_at: str | None
    training_idr: int
    incentive_idr: int
    survey_idr: int
    first_payment_at: Trigger | None


def wave_view(planned: PlannedWave, wave: Wave | None, now: datetime, results_url: str, rules: DrawRules) -> WaveView:
    """A wave as it is at `now`. `wave` is its record if it has one; `results_url` ends without a slash."""
    commitment = note.parse(wave.note.encode()) if wave and wave.note else None
    due = note.round_time(chain_of(rules, commitment.chain), commitment.round) if commitment else None
    state = state_at(wave, planned, now)
    regular = planned.closes_at + timedelta(seconds=rules.freeze_delay_s + rules.pinned.delay_s)
    return fill(
        WaveView,
        planned,
        state=state,
        quota=wave.quota if wave else planned.quota,
        entries=commitment.entries if commitment else None,
        chosen=wave.chosen if wave else None,
        results_url=f"{results_url}/{published.folder(planned.number)}" if commitment else None,
        beacon=BeaconView(commitment.round, iso(due)) if commitment and due else None,
        waiting_for="beacon" if due and state is WaveState.FROZEN and now >= due + WAITS_AFTER else None,
        draw_due_at=iso(due or regular),
        locked_at=iso(commitment.frozen) if commitment else None,
        note_sha256=sha256(wave.note.encode()).hexdigest() if wave and wave.note else None,
        witnesses=sorted(wave.witnesses) if wave else [],
        settled_at=iso(wave.settled_at) if wave and wave.settled_at else None,
    )


def receipt(entry: Entry) -> Receipt:
    ticket = "" if is_closed(entry.ticket) else entry.ticket.hex()
    return fill(Receipt, entry, ticket=ticket, leaf=entry.leaf.hex())


def receipt_file(proof: Receipt, results_url: str) -> ReceiptFile:
    """A receipt as a file to keep. `results_url` ends without a slash."""
    where = f"{results_url}/{published.folder(proof.wave)}"
    kept = fill(_KeptReceipt, proof, format="gelombang/receipt/1", results_url=where)
    return ReceiptFile(f"gelombang-{proof.wave}-receipt.json", msgspec.json.encode(kept).decode() + "\n")


def inclusion(wave: int, leaf: str, region: int, proof: Proof) -> InclusionProof:
    """A proof as it is answered. `leaf` is in hex."""
    return InclusionProof(wave, region, leaf, proof.index, proof.entries, [node.hex() for node in proof.path])


def entry_view(
    entry: Entry, state: WaveState, beneficiary: Beneficiary | None, draw: DrawResult | None, results_url: str
) -> EntryView:
    """An entry with its standing. `state` is its wave's; `draw` is needed once that is SETTLED."""
    what, reason = standing(entry, state, beneficiary)
    values = _values(entry, draw) if draw is not None and reason == NOT_DRAWN else None
    proof = receipt(entry)
    file = receipt_file(proof, results_url)
    revoked = beneficiary if what is EntryStanding.REVOKED else None
    return EntryView(entry.wave, what, reason, values, proof, file, *_revocation(revoked))


def _revocation(beneficiary: Beneficiary | None) -> tuple[str | None, RevokedBecause | None]:
    """When a place was revoked, lapsed or passed with its NIK, and why. One of an earlier release has no instant."""
    if beneficiary is None:
        return None, None
    because: dict[BeneficiaryState, RevokedBecause] = {
        BeneficiaryState.LAPSED: beneficiary.lost_because or "not_confirmed",
        BeneficiaryState.PASSED: "nik_passed",
        BeneficiaryState.REVOKED: "no_first_purchase",
    }
    at = beneficiary.revoked_at
    return None if at is None else iso(at), because.get(beneficiary.state)


_NO_DEADLINE = UNCONFIRMED | {BeneficiaryState.PASSED}


def beneficiary_view(beneficiary: Beneficiary, scheme: Scheme) -> BeneficiaryView:
    """A beneficiary with the amounts of their scheme, for a person of their province."""
    return fill(
        BeneficiaryView,
        beneficiary,
        buy_by=None if scheme.begins_at_award or beneficiary.state in _NO_DEADLINE else iso(beneficiary.buy_by),
        revoked_because=_revocation(beneficiary)[1],
        first_payment_at=first.trigger if (first := scheme.payment("INCENTIVE")) else None,
        training_idr=scheme.training_idr,
        incentive_idr=scheme.each_idr("INCENTIVE", beneficiary.region),
        survey_idr=scheme.each_idr("SURVEY", beneficiary.region),
    )


def chosen_notice(one: Beneficiary, scheme: Scheme) -> Told:
    """What a person who was drawn is told: that they have the place, or that it waits until they are confirmed.

    Without `buy_by` where payments begin with the award.
    """
    if one.state in UNCONFIRMED:
        return one.registrant_id, Kind.RESERVED, f"reserved/{one.wave}", {"wave": one.wave}
    buy_by = "" if scheme.begins_at_award else iso(one.buy_by)
    facts: Facts = {"wave": one.wave, "training_idr": scheme.training_idr, "buy_by": buy_by}
    return one.registrant_id, Kind.CHOSEN, f"chosen/{one.wave}", facts


def _values(entry: Entry, draw: DrawResult) -> DrawnValues:
    own = entry.leaf
    reserved = entry.region in draw.reserved
    return DrawnValues(
        open=open_value(draw.seed, own).hex(),
        open_cutoff=_hex(draw.open),
        rank=rank(draw.seed, own).hex() if reserved else None,
        rank_cutoff=_hex(draw.reserved.get(entry.region)),
    )


def _hex(value: bytes | None) -> str | None:
    return value.hex() if value is not None else None
