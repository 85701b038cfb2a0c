"""The sections of `service.toml` and of a programme's file, typed. `config` loads and compares them.

Each cold start reads them, so their annotations are types already, and not text that would have to be evaluated.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ..draw import cosignatures
from ..draw.note import Chain

Positive = Annotated[int, Meta(gt=0)]
NotNegative = Annotated[int, Meta(ge=0)]
Bic = Annotated[str, Meta(pattern="^[A-Z]{4}ID[A-Z0-9]{2}([A-Z0-9]{3})?$")]
BankText = Annotated[str, Meta(pattern=r"^[A-Za-z0-9/?:().,'+ -]{1,70}$")]
Skill = Annotated[str, Meta(pattern="^[a-z]+(_[a-z]+)*$", max_length=32)]

Instant = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(min_length=1)]

FIRST_EXTRA = 100_001
"""The first number of a wave that an administrator adds; regular numbers reach it in some 3,800 years."""

AWARD_BATCH_MAX = 100
"""Winners in one message: as many entries as are read in one call."""


class _Frozen(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Words(_Frozen, frozen=True):
    """A text in Indonesian and English."""

    id: Text
    en: Text


class ListedWave(_Frozen, frozen=True):
    """A wave of a calendar that is a list: it accepts entries from `opens_at` until `closes_at`, exclusive."""

    number: Annotated[int, Meta(gt=0, lt=FIRST_EXTRA)]
    opens_at: Instant
    closes_at: Instant
    quota: NotNegative | None = None


class PlannedPause(_Frozen, frozen=True, rename={"since": "from"}):
    """No wave opens from an instant on until another, and why."""

    since: Instant
    until: Instant
    why_id: Text
    why_en: Text


class CalendarRules(_Frozen, frozen=True):
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


class Waiting(_Frozen, frozen=True):
    """So many days after the last day of the wave that chose a person they may be chosen again."""

    days: Annotated[int, Meta(gt=0, le=36_500)]


Once = Literal["lifetime", "scheme"] | Waiting
"""How often a person may be chosen: once in a lifetime, once under each scheme, or again after a time."""


class EligibilityRules(_Frozen, frozen=True):
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


class TrainingRules(_Frozen, frozen=True):
    """`buy_within_days`: calendar days in WIB; the day of the award is day 1. A stage may count seconds instead.

    A programme in which nobody has to take a training may leave its figures out; a check finds them missing elsewhere.
    """

    hour_s: Positive
    """How long an hour of a course takes at least."""
    buy_within_days: NotNegative = 0
    cancel_within_s: NotNegative = 0
    """How long after a purchase it may be cancelled."""
    course_hours_min: NotNegative = 0
    price_per_hour_min_idr: NotNegative = 0
    """0: a course may cost nothing, such as a placement."""
    buy_within_s: Positive | None = None


class PayoutCode(_Frozen, frozen=True):
    """A bank or wallet through which people may be paid; `rail` names the provider that pays into it."""

    kind: Literal["bank", "wallet"]
    rail: Literal["xendit-v2", "bank-file"]
    bic: Bic | None = None
    """Its code in a bank file; required there."""


class CeilingRules(_Frozen, frozen=True):
    """The most that is sent on one WIB day, and for one wave's payments of one kind, unless an administrator sets
    another ceiling. A worker takes `block` payments at a time.
    """

    day_idr: Positive
    envelope_idr: Positive
    block: Positive


class BankFileRules(_Frozen, frozen=True):
    """The payer in a bank file, in the characters that banks accept, and the most transfers in one file."""

    initiating_party: BankText
    debtor_name: BankText
    debtor_account: Annotated[str, Meta(pattern="^[0-9]{6,20}$")]
    debtor_bic: Bic
    transfers_max: Annotated[int, Meta(gt=0, le=5_000)]


class PayoutRules(_Frozen, frozen=True):
    attempts_max: Positive
    key_lifetime_s: Positive
    resend_before_percent: Annotated[int, Meta(gt=0, lt=100)]
    requeue_after_s: Positive
    held_look_factor: Positive
    address_wait_s: Positive
    """From the change of a person's account to the first payment to it, unless they confirm it before."""
    retry_after_s: Annotated[tuple[Positive, ...], Meta(min_length=1)]
    """From an account's first, second, ... refusal to the next attempt; after the last figure, that long each time."""
    our_retry_after_s: Annotated[tuple[Positive, ...], Meta(min_length=1)]
    """The same if our own account was short."""
    failed_rest_s: Annotated[tuple[Positive, ...], Meta(min_length=1)]
    """From the first, second, ... passing failure to the next attempt."""
    fsp_timeout_s: Positive
    inquiry_timeout_s: Annotated[int, Meta(gt=0, le=2)]
    """As `fsp_timeout_s`, for an account inquiry, which is part of a person's request: that has `API_TIMEOUT_S`."""
    name_score_min: Annotated[int, Meta(ge=0, le=100)]
    """How alike, out of 100, the holder's name and the provider's must be."""
    ceilings: CeilingRules
    codes: dict[str, PayoutCode]
    bank_file: BankFileRules | None = None
    month_s: Positive | None = None
    """How long a stage plays a month between two instalments; None: as the calendar has it."""

    @property
    def kinds(self) -> dict[str, Literal["bank", "wallet"]]:
        """What each code is: a bank or a wallet."""
        return {name: code.kind for name, code in self.codes.items()}


class UnusualRules(_Frozen, frozen=True):
    """Which completions of a partner on one WIB day ring.

    More than `hours` of courses; or at least `quick_min` quick ones that are `quick_percent` of all. A completion is
    quick if it took no more than `quick_within_percent` of the hours of the course.
    """

    hours: Positive
    quick_within_percent: Annotated[int, Meta(ge=100)]
    quick_percent: Annotated[int, Meta(gt=0, le=100)]
    quick_min: Positive


class PartnerRules(_Frozen, frozen=True):
    clock_skew_s: Positive
    unusual: UnusualRules


class SurveyRules(_Frozen, frozen=True):
    """When surveys open, in seconds from the first incentive's payment, and for how long; `questions`: the version.

    A programme that says none of these asks nobody, whatever a stage says.
    """

    comparison_after_s: Positive
    """From the settling of a wave to the survey of its comparison group of `comparison_size` people."""
    comparison_size: Positive
    questions: Annotated[str, Meta(pattern=r"^([0-9]{4}-[0-9]{2})?$")] = ""
    after_s: Annotated[tuple[Positive, ...], Meta(max_length=3)] = ()
    open_s: NotNegative = 0
    remind_before_s: NotNegative = 0


class SmsRules(_Frozen, frozen=True):
    """What SMS may cost. A prefix of numbers is shut once it had `prefix_min` codes on a day and entered too few."""

    enabled: bool
    price_idr: Positive
    day_stop_idr: Positive
    prefix_min: Positive
    prefix_entered_percent: Annotated[int, Meta(ge=0, le=100)]


class PresenceClaims(_Frozen, frozen=True):
    """What an ID token says of whoever proved to be the holder of a NIK: in which claim, and under which `acr`."""

    nik_claim: Annotated[str, Meta(min_length=1)]
    acr: Annotated[tuple[str, ...], Meta(min_length=1)]


class IssuerRules(_Frozen, frozen=True):
    """An issuer of OpenID Connect whose ID tokens for the client `audience` are exchanged for sessions.

    `jwks_url`: where its public keys are. Only algorithms with a public key can be named. `presence`: of a national ID,
    whose sign-in proves that a NIK is the person's; None: it proves nothing of that kind.
    """

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,31}$")]
    issuer: Annotated[str, Meta(min_length=1)]
    audience: Annotated[str, Meta(min_length=1)]
    algorithms: Annotated[tuple[Literal["ES256", "PS256", "RS256", "Ed25519", "EdDSA"], ...], Meta(min_length=1)]
    jwks_url: Annotated[str, Meta(pattern="^(https://|http://127[.]0[.]0[.]1:)")]
    presence: PresenceClaims | None = None


class AccountRules(_Frozen, frozen=True):
    """How people sign in, and how often they may try. `codes_per_s`: of all that send codes together."""

    code_lifetime_s: Positive
    code_tries: Annotated[int, Meta(gt=0, le=10)]
    """Of a code with six digits; ten would let one guess in 100,000 succeed."""
    contact_failures: Positive
    codes_per_hour: Positive
    codes_per_day: Positive
    sendings: Positive
    code_again_after_s: Positive
    sign_in_lifetime_s: Positive
    codes_per_s: Positive
    session_lifetime_s: Positive
    keyless_lifetime_s: Positive
    access_token_s: Annotated[int, Meta(gt=0, le=600)]
    """So long a session that was ended is believed by routes that do not read it."""
    sessions_max: Positive
    passkeys_max: Annotated[int, Meta(gt=0, le=10)]
    young_session_s: NotNegative
    phone_trusted_s: Positive
    recovery_wait_s: Positive
    identity_tries: Positive
    network_window_s: Positive
    network_sign_ins: Positive
    work_bits: Annotated[int, Meta(gt=0, le=24)]
    surge_wait_s: Positive
    sms: SmsRules
    issuers: tuple[IssuerRules, ...] = ()


class ChannelRules(_Frozen, frozen=True):
    """A channel of announcements. `to`: a webhook's address, a Mastodon server's, or a Telegram channel (`@name`).

    Its key or token is in the secret `gelombang-<stage>-channels`, under `name`.
    """

    name: Annotated[str, Meta(pattern="^[a-z0-9-]{1,30}$")]
    kind: Literal["webhook", "telegram", "mastodon"]
    to: Annotated[str, Meta(pattern=r"^(https://|http://127\.0\.0\.1:|@|-)[^\s/]", max_length=500)]
    language: Literal["id", "en"] = "id"
    api: str = "https://api.telegram.org"


class NoticeRules(_Frozen, frozen=True):
    """`mails_per_s`: what is left of the mail service's rate beside `AccountRules.codes_per_s`, for all together.

    `remind_before_s`: when people are reminded before the deadline of their first purchase; a programme may leave it to
    us.
    """

    mails_per_s: Positive
    requeue_after_s: Positive
    remind_before_s: Annotated[tuple[Positive, ...], Meta(min_length=1)] = (432_000, 86_400)
    channels: tuple[ChannelRules, ...] = ()


class StudentsRules(_Frozen, frozen=True):
    """How the register of pupils and students is asked about whom the civil registry confirmed, where a stage has one
    (`Settings.students_url`).

    `reg_type`: its word for the kind of record. Whose record has one of `active` as its `status_field` is a pupil or
    student now. `awaited`: no place and no money is given before it has answered.
    """

    reg_type: str
    status_field: Text
    active: Annotated[tuple[Text, ...], Meta(min_length=1)]
    awaited: bool


class RegistryRules(_Frozen, frozen=True):
    """How registrations are compared with the civil registry, where a stage has one (`Settings.registry_url`).

    `compared`: what must agree. `nik_type`, `kk_type`, `reg_type`: the registry's words for these identifiers and for
    its records ("": it wants none). A silent registry is asked again after `ask_again_after_s`, one whose answer
    decides nothing after `undecided_again_after_s`. `persons_per_question`: how many a question may be about.
    `answers_later`: by a call to us within `answer_within_s`, about one person each. From `asked_before_close_s`
    before its close a wave's entrants are asked about who wait or whose answer is older than `answer_holds_s`. Whose
    data differ is removed from a draw if they were told `removed_if_told_for_s` before its freeze; a place waits for
    its winner until they were told for `place_waits_s`.
    """

    compared: Annotated[tuple[Literal["name", "birth_date", "kk", "province", "sex"], ...], Meta(min_length=1)]
    name_score_min: Annotated[int, Meta(gt=0, le=100)]
    asks_per_s: Positive
    persons_per_question: Annotated[int, Meta(gt=0, le=100)]
    timeout_s: Positive
    ask_again_after_s: Positive
    undecided_again_after_s: Positive
    corrections_max: Positive
    corrections_within_s: Positive
    removed_if_told_for_s: Positive
    place_waits_s: Positive
    nik_type: Text
    kk_type: Text
    reg_type: str
    answers_later: bool
    answer_within_s: Positive
    asked_before_close_s: Positive
    answer_holds_s: Positive
    students: StudentsRules

    def __post_init__(self) -> None:
        if self.answers_later and self.persons_per_question > 1:
            raise ValueError("a question that is answered later is about one person")


class HelpdeskRules(_Frozen, frozen=True):
    personal_data_hours: Positive
    """Within which a grievance about personal data is answered, by the clock."""
    working_days: Positive
    open_max: Positive


class RetentionRules(_Frozen, frozen=True):
    """After how many days what is kept about people goes by itself. A person is told `warned_days` before the account
    goes, and using it keeps it. A round over all of it begins `round_days` after the last one began.
    """

    unregistered_days: Positive
    """From the last use of an account in which nobody registered."""
    unchosen_days: Positive
    """From the last use of an account whose person was never chosen."""
    warned_days: Positive
    tickets_days: Positive
    """From when a wave was settled to the close of its audit; later while a seat of it may be passed on."""
    evidence_days: Positive
    """Of an appeal, from its answer."""
    grievances_days: Positive
    """From the answer."""
    notices_days: Annotated[int, Meta(ge=400)]
    """An event of a notice that is remembered is not told again; none comes again after so long."""
    acts_days: Annotated[int, Meta(ge=1825)]
    """Of the journals of administrators' acts: no line of configuration makes what was done of late go."""
    round_days: Positive


class JobRules(_Frozen, frozen=True):
    """`newest_per_skill`: from how many vacancies of each skill a person's matches are chosen."""

    open_days_max: Positive
    newest_per_skill: Annotated[int, Meta(gt=0, le=1500)]


class StatisticsRules(_Frozen, frozen=True):
    """`final_after_days`: how long after it was settled a wave is counted for the last time."""

    final_after_days: Positive


class WitnessRules(_Frozen, frozen=True):
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


class AwardRules(_Frozen, frozen=True):
    """With more undecided winners than `ahead_from` they are queued in batches, so that many are decided at once.
    Winners not decided after `resend_after_s` are queued again.
    """

    batch: Annotated[int, Meta(gt=0, le=AWARD_BATCH_MAX)]
    ahead_from: NotNegative
    resend_after_s: Positive


class DrawRules(_Frozen, frozen=True):
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
