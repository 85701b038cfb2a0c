"""Waves, entries and beneficiaries: what they are and the rules about them. Pure: no AWS, no present time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Literal

from ..clock import WIB, wib_date
from ..draw import note
from ..draw.leaves import TICKET_BYTES, leaf
from ..draw.note import Chain
from ..draw.selection import DrawResult
from ..figures.benefits import TrainingRules
from ..figures.schemes import Scheme
from ..figures.waves import DrawRules, EligibilityRules
from ..ids import shard
from ..registration.rules import (
    Applicant,
    Place,
    Registrant,
    Standing,
    chosen_again_from,
    may_be_chosen_again,
)
from ..values import Value
from .calendar import PlannedWave
from .errors import AlreadyBeneficiary, Barred

SHARDS = 64
"""Partitions of one wave's entries. DynamoDB gives each at least 1,000 writes a second."""


class WaveState(StrEnum):
    """How far a wave has come. SCHEDULED is never recorded: a wave has a record from its opening on."""

    SCHEDULED = "SCHEDULED"
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    FROZEN = "FROZEN"
    DRAWN = "DRAWN"
    SETTLED = "SETTLED"


NEXT: dict[WaveState, WaveState] = {
    WaveState.SCHEDULED: WaveState.OPEN,
    WaveState.OPEN: WaveState.CLOSED,
    WaveState.CLOSED: WaveState.FROZEN,
    WaveState.FROZEN: WaveState.DRAWN,
    WaveState.DRAWN: WaveState.SETTLED,
}
"""The order of a wave's states; each is recorded once, on the condition that the one before it is recorded."""


class EntryOutcome(StrEnum):
    """What became of an entry; written once, never changed.

    The award writes the first four. All but CHOSEN are also the public reasons of a substitution. The `REMOVALS` are
    reasons for a removal before the freeze; such an entry is on no list.
    """

    CHOSEN = "chosen"
    FAMILY_CARD = "family_card"
    ALREADY_BENEFICIARY = "already_beneficiary"
    INELIGIBLE = "ineligible"
    EXCLUDED = "excluded"
    EXCLUDED_OCCUPATION = "excluded_occupation"
    IN_FORMAL_EDUCATION = "in_formal_education"
    EDUCATION_NOT_ACCEPTED = "education_not_accepted"
    UNDER_AGE = "under_age"
    OVER_AGE = "over_age"
    WITHDRAWN = "withdrawn"
    BARRED = "barred"
    NOT_CONFIRMED = "not_confirmed"


REMOVALS = frozenset(EntryOutcome) - {EntryOutcome.CHOSEN, EntryOutcome.FAMILY_CARD, EntryOutcome.INELIGIBLE}


class EntryStanding(StrEnum):
    """What a person sees of an entry."""

    WAITING_FOR_CLOSING = "waiting_for_closing"
    IN_SELECTION = "in_selection"
    CHOSEN = "chosen"
    NOT_CHOSEN = "not_chosen"
    RESERVED = "reserved"
    REVOKED = "revoked"


NOT_DRAWN = "not_drawn"
"""The reason for a person who was not chosen because the draw did not reach them."""


class BeneficiaryState(StrEnum):
    """From chosen to alumnus. RESERVED waits for the civil registry, LAPSED did so in vain; REVOKED bought nothing."""

    RESERVED = "RESERVED"
    LAPSED = "LAPSED"
    POTENTIAL = "POTENTIAL"
    ACTIVE = "ACTIVE"
    REVOKED = "REVOKED"
    GRADUATED = "GRADUATED"
    PASSED = "PASSED"


NEXT_BENEFICIARY: dict[BeneficiaryState, frozenset[BeneficiaryState]] = {
    BeneficiaryState.RESERVED: frozenset(
        {BeneficiaryState.POTENTIAL, BeneficiaryState.ACTIVE, BeneficiaryState.LAPSED}
    ),
    BeneficiaryState.LAPSED: frozenset(),
    BeneficiaryState.POTENTIAL: frozenset({BeneficiaryState.ACTIVE, BeneficiaryState.REVOKED, BeneficiaryState.LAPSED}),
    BeneficiaryState.ACTIVE: frozenset({BeneficiaryState.POTENTIAL, BeneficiaryState.GRADUATED}),
    BeneficiaryState.REVOKED: frozenset(),
    BeneficiaryState.GRADUATED: frozenset(),
    BeneficiaryState.PASSED: frozenset(),
}
"""A purchase makes ACTIVE, its cancellation POTENTIAL again; REVOKED is for good. A LAPSED place bars nobody.

Any place that is not lost becomes PASSED when its NIK has passed to another person, who then has the place. If they may
not have it, an ACTIVE one for which nothing needs to be bought is LAPSED at once (`places.passing`).
"""

LOST = frozenset({BeneficiaryState.REVOKED, BeneficiaryState.LAPSED, BeneficiaryState.PASSED})
"""The place went, or goes, to another."""

REVOKED_PLACE = "revoked"
"""The public reason of a substitution whose holder's place was revoked, or lapsed, after the wave was settled."""


class Wave(Value, frozen=True):
    """A wave's record, from its opening on.

    `note` is the published commitment, from the freeze on; `chosen` the seats taken, from `settled_at` on. `announced`
    is the last state that the public was told, `closing_told` whether it was told that the close is near,
    `waiting_told` whether it was told that the draw waits for its random number. `revoked_count` places were entered in
    the wave's log. Registration and the people know of the first `barred_count`. The first `passed_count` were passed
    on: the published substitutions include them, and their successors were told. If the winners were queued, this was
    in `award_batches` batches, `award_sends` times, last at `awards_sent_at`. `witnesses` signed the note in time.
    The close was put off `extended` times, last at `extended_at`, and the public was told of `extension_told` of them.
    `scheme` is the version that it opened with (None: opened by an earlier release). From `audit_closed_at` on no
    ticket of it is kept.
    """

    number: int
    state: WaveState
    opens_at: datetime
    closes_at: datetime
    quota: int
    reserved: int
    weights: Mapping[int, int]
    note: str | None = None
    chosen: int | None = None
    announced: WaveState | None = None
    closing_told: bool = False
    waiting_told: bool = False
    settled_at: datetime | None = None
    revoked_count: int = 0
    barred_count: int = 0
    passed_count: int = 0
    award_batches: int = 0
    award_sends: int = 0
    awards_sent_at: datetime | None = None
    witnesses: frozenset[str] = frozenset()
    extended: int = 0
    extension_told: int = 0
    extended_at: datetime | None = None
    scheme: str | None = None
    audit_closed_at: datetime | None = None


class AwardedBatch(Value, frozen=True):
    """A batch of winners that was decided ahead of the walk: how many they are, and how many of them were chosen."""

    decided: int
    chosen: int


class Entry(Value, frozen=True):
    """One registrant's joining of one wave. `region` is the province at that time, `ticket` 32 random bytes, or what is
    left of it once the audit of the wave is closed (`closed_ticket`).

    `kk_mac` is the family card at that time, which counts whatever changes later ("" in an entry of an earlier
    release). `seat` is set with the outcome CHOSEN: `open` or a region's code.
    """

    wave: int
    registrant_id: str
    region: int
    ticket: bytes
    joined_at: datetime
    kk_mac: str
    outcome: EntryOutcome | None = None
    seat: str | None = None

    @property
    def leaf(self) -> bytes:
        """Its published leaf."""
        return leaf_of(self.wave, self.region, self.ticket)


_CLOSED = b"\0"


def closed_ticket(leaf: bytes) -> bytes:
    """What is kept in place of a ticket when the audit of its wave is closed: its published leaf behind a zero byte."""
    return _CLOSED + leaf


def is_closed(ticket: bytes) -> bool:
    """Whether a ticket has gone; one that is there has 32 bytes."""
    return len(ticket) > TICKET_BYTES


def leaf_of(wave: int, region: int, ticket: bytes) -> bytes:
    """The published leaf of an entry, whether or not its ticket has gone."""
    return ticket[len(_CLOSED) :] if is_closed(ticket) else leaf(wave, region, ticket)


class DrawnEntry(Value, frozen=True):
    """An entry in a wave whose seats are settled, with its draw, and what the person is told of it.

    If the reason is the family card, `family_card_holders` is how many beneficiaries count to it now.
    """

    entry: Entry
    draw: DrawResult
    standing: EntryStanding
    reason: str | None
    family_card_holders: int | None = None


class Beneficiary(Value, frozen=True):
    """A person who was chosen, for good under the scheme of that wave. `seat`: `open` or a region's code.

    `region` is the province of the entry, `kk_mac` its family card, to which the person counts until they are revoked
    (None: awarded by an earlier release). `buy_by` is the first instant at which a first purchase is too late, in whole
    seconds; of a RESERVED place it is when it was reserved. `revoked_seq` is the line of the wave's log of revocations,
    `follows` the wave of the place before; `followed`: a later wave gave the person another place.
    `put_off_at`: when `buy_by` was last put off. `lost_because` of a LAPSED one: `family_card` if that had its most.

    Where the place came with a NIK, `entry_of` is the registrant whose entry won it. Of a PASSED one, `passed_to` is
    who has it since `revoked_at`, and `passed_from` the state that it had.
    """

    registrant_id: str
    wave: int
    card_number: str
    scheme: str
    seat: str
    state: BeneficiaryState
    awarded_at: datetime
    region: int
    buy_by: datetime
    revoked_at: datetime | None = None
    revoked_seq: int | None = None
    graduated_at: datetime | None = None
    kk_mac: str | None = None
    follows: int | None = None
    followed: bool = False
    put_off_at: datetime | None = None
    lost_because: Literal["family_card"] | None = None
    entry_of: str | None = None
    passed_to: str | None = None
    passed_from: BeneficiaryState | None = None


class Result(Value, frozen=True):
    """What a settled wave came to for one person; `reason` is why they were not chosen, None if they were."""

    registrant_id: str
    reason: str | None


class Deadline(Value, frozen=True):
    """A person whose place depends on a purchase, or was revoked and is not passed on yet."""

    registrant_id: str
    buy_by: datetime


def check_may_join(person: Applicant | Registrant, scheme: str, day: date, rules: EligibilityRules) -> None:
    """Raises `Barred` or `AlreadyBeneficiary` for whoever was chosen before, unless they may be chosen again on `day`.

    `scheme` is the version of the wave's.
    """
    if person.standing is Standing.REVOKED:
        raise Barred()
    if person.standing is Standing.BENEFICIARY:
        again_from = chosen_again_from(person.chosen_on, person.ended_on, rules.once)
        if not may_be_chosen_again(again_from, person.schemes, scheme, day, rules.once):
            other_scheme = rules.once == "scheme" and scheme in person.schemes
            raise AlreadyBeneficiary(person.beneficiary_wave, again_from, other_scheme=other_scheme)


def place(wave: Wave, scheme: Scheme, awarded_at: datetime, rules: TrainingRules) -> Place:
    """What a wave gives to a person whom it chooses. It lasts from the award, which may come days after the close."""
    begins = awarded_at if scheme.begins_at_award else buy_by(awarded_at, rules)
    until = wib_date(begins) + timedelta(days=scheme.lasts_days + 1)
    return Place(wave.number, scheme.version, closing_day(wave.closes_at), until)


def shard_of(registrant_id: str) -> str:
    """The two digits of the partition that holds a person's entry, the same in every wave."""
    return shard(registrant_id, SHARDS)


def year_of(opens_at: datetime) -> int:
    """The WIB year of a wave's opening, to whose target it counts."""
    return opens_at.astimezone(WIB).year


def buy_by(awarded_at: datetime, rules: TrainingRules) -> datetime:
    """The first instant at which a first purchase is too late (programme rule 9).

    The WIB day of the award is day 1, so with 15 days it is the midnight that begins day 16.
    """
    if rules.buy_within_s is not None:
        return _whole_second(awarded_at + timedelta(seconds=rules.buy_within_s))
    day = wib_date(awarded_at) + timedelta(days=rules.buy_within_days)
    return datetime.combine(day, time(), WIB).astimezone(UTC)


def sources(to: BeneficiaryState) -> list[BeneficiaryState]:
    """The states from which a beneficiary may come to `to`."""
    return [state for state, targets in NEXT_BENEFICIARY.items() if to in targets]


def closing_day(closes_at: datetime) -> date:
    """The WIB day of the last accepted instant, on which age is tested: Monday if the wave closes as Tuesday begins."""
    return wib_date(closes_at - timedelta(microseconds=1))


def freeze_due(closes_at: datetime, delay_s: int) -> datetime:
    """When the list of a wave becomes final, in whole seconds: by then no request from before the close still runs."""
    return _whole_second(closes_at + timedelta(seconds=delay_s))


def frozen_at(due: datetime, beacon_delay_s: int, now: datetime) -> datetime:
    """The instant that a note published now declares, which decides the beacon's round.

    It is `due`, as long as at least half of the delay to the round is left. Later it is the present, so that a late
    freeze gets a round that surely does not exist when the note appears.
    """
    return due if now <= due + timedelta(seconds=beacon_delay_s / 2) else _whole_second(now)


def state_at(wave: Wave | None, planned: PlannedWave, now: datetime) -> WaveState:
    """The state that the public is shown: by the clock until the freeze, by the record from then on."""
    if now < planned.opens_at:
        return WaveState.SCHEDULED
    if now < planned.closes_at:
        return WaveState.OPEN
    if wave is None or wave.state in (WaveState.SCHEDULED, WaveState.OPEN):
        return WaveState.CLOSED
    return wave.state


def standing(entry: Entry, state: WaveState, beneficiary: Beneficiary | None) -> tuple[EntryStanding, str | None]:
    """An entry's standing and, for one that was not chosen, the reason.

    A recorded outcome counts at once. That an entry got no seat is known only when the wave is settled, since a seat
    may still become free.
    """
    if entry.outcome is EntryOutcome.CHOSEN:
        state_now = beneficiary.state if beneficiary is not None and beneficiary.wave == entry.wave else None
        if state_now is BeneficiaryState.RESERVED:
            return EntryStanding.RESERVED, None
        return (EntryStanding.REVOKED if state_now in LOST else EntryStanding.CHOSEN), None
    if entry.outcome is not None:
        return EntryStanding.NOT_CHOSEN, entry.outcome.value
    if state in (WaveState.SCHEDULED, WaveState.OPEN):
        return EntryStanding.WAITING_FOR_CLOSING, None
    if state is WaveState.SETTLED:
        return EntryStanding.NOT_CHOSEN, NOT_DRAWN
    return EntryStanding.IN_SELECTION, None


def chain_of(rules: DrawRules, chain_hash: str) -> Chain:
    """The pinned chain that a note names, even if the stage uses another one now."""
    return next(chain for chain in rules.chains.values() if chain.hash == chain_hash)


def commitment(wave: Wave) -> note.Note:
    if wave.note is None:
        raise ValueError(f"wave {wave.number} is not frozen")
    return note.parse(wave.note.encode())


def round_due(wave: Wave, rules: DrawRules) -> datetime:
    """When the round that a frozen wave's note names will exist."""
    committed = commitment(wave)
    return note.round_time(chain_of(rules, committed.chain), committed.round)


def _whole_second(instant: datetime) -> datetime:
    utc = instant.astimezone(UTC)
    return utc if utc.microsecond == 0 else utc.replace(microsecond=0) + timedelta(seconds=1)
