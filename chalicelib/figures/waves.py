"""When waves are, who may take part, and how they are drawn and awarded: sections of the figures."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from ..draw import cosignatures
from ..draw.note import Chain
from . import Instant, NotNegative, Positive, Section, Text

FIRST_EXTRA = 100_001
"""The first number of a wave that an administrator adds; regular numbers reach it in some 3,800 years."""

AWARD_BATCH_MAX = 100
"""Winners in one message: as many entries as are read in one call."""


class ListedWave(Section, frozen=True):
    """A wave of a calendar that is a list: it accepts entries from `opens_at` until `closes_at`, exclusive."""

    number: Annotated[int, Meta(gt=0, lt=FIRST_EXTRA)]
    opens_at: Instant
    closes_at: Instant
    quota: NotNegative | None = None


class PlannedPause(Section, frozen=True, rename={"since": "from"}):
    """No wave opens from an instant on until another, and why."""

    since: Instant
    until: Instant
    why_id: Text
    why_en: Text


class CalendarRules(Section, frozen=True):
    """When waves are: every `every_days` for `open_hours`, the first at `first_opens_at`; or those of a list.

    `first_wave` is the number of the first. No wave opens after the WIB day `ends_on`, or in a pause. A list with
    `first_opens_at` is moved as a whole, so that its first wave opens then; a stage may do that.
    """

    exceptions_cached_s: NotNegative
    closing_soon_s: NotNegative
    first_wave: Annotated[int, Meta(gt=0, lt=FIRST_EXTRA)]
    first_opens_at: Instant | None = None
    every_days: Annotated[int, Meta(ge=0, le=3_660)] = 0
    open_hours: Annotated[int, Meta(ge=0, le=3_660 * 24)] = 0
    waves: tuple[ListedWave, ...] = ()
    ends_on: date | None = None
    pauses: tuple[PlannedPause, ...] = ()


class Waiting(Section, frozen=True):
    """So many days after the last day of the wave that chose a person they may be chosen again."""

    days: Annotated[int, Meta(gt=0, le=36_500)]


Once = Literal["lifetime", "scheme"] | Waiting
"""How often a person may be chosen: once in a lifetime, once under each scheme, or again after a time."""


class EligibilityRules(Section, frozen=True):
    """Who may take part. `employment`: of what people do now (`registration.Employment`), what allows it. `education`:
    the same of the highest level completed (`registration.Education`); empty: any.

    `family_card_cap`: the most beneficiaries on one family card, ever; None: any number.
    """

    age_min: Positive
    age_max: Positive
    employment: Annotated[tuple[str, ...], Meta(min_length=1)]
    refusals_max: Positive
    nik_claims_max: Positive
    nik_claim_wait_s: Positive
    consent_versions: Annotated[tuple[str, ...], Meta(min_length=1)]
    education: tuple[str, ...] = ()
    once: Once = "lifetime"
    family_card_cap: Positive | None = None

    @property
    def several_places(self) -> bool:
        """Whether a person may be chosen more than once."""
        return self.once != "lifetime"


class WitnessRules(Section, frozen=True):
    """The witnesses whose cosignatures of a note count (`keys`, as C2SP's vkeys), and how many a draw needs in time."""

    quorum: NotNegative
    keys: tuple[str, ...]

    def __post_init__(self) -> None:
        known = self.known
        if len({key.name for key in known}) < len(known):
            raise ValueError("two witnesses have one name")
        # A signature does not contain its witness's name, so two witnesses with one key would count as one.
        if len({key.key for key in known}) < len(known):
            raise ValueError("two witnesses have one key")
        if self.quorum > len(known):
            raise ValueError("the quorum is above the number of witnesses")

    @property
    def known(self) -> tuple[cosignatures.WitnessKey, ...]:
        return tuple(map(cosignatures.parse_key, self.keys))


class AwardRules(Section, frozen=True):
    """With more undecided winners than `ahead_from` they are queued in batches, so that many are decided at once.
    Winners not decided after `resend_after_s` are queued again.
    """

    batch: Annotated[int, Meta(gt=0, le=AWARD_BATCH_MAX)]
    ahead_from: NotNegative
    resend_after_s: Positive


class DrawRules(Section, frozen=True):
    """`beacon_waiting_told_after_s`: how long after its round was due the public is told that a draw waits for it."""

    freeze_delay_s: Positive
    beacon_waiting_told_after_s: Positive
    chain: str
    chains: dict[str, Chain]
    witnesses: WitnessRules
    awards: AwardRules

    @property
    def pinned(self) -> Chain:
        """The chain to which this stage commits."""
        return self.chains[self.chain]
