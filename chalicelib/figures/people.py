"""How people sign in, are confirmed, told and answered, and how long that is kept: sections of the figures."""

from typing import Annotated, Literal

from msgspec import Meta

from . import NotNegative, Positive, Section, Text


class SmsRules(Section, frozen=True):
    """What SMS may cost. A prefix of numbers is shut once it had `prefix_min` codes on a day and entered too few."""

    enabled: bool
    price_idr: Positive
    day_stop_idr: Positive
    prefix_min: Positive
    prefix_entered_percent: Annotated[int, Meta(ge=0, le=100)]


_Page = Annotated[str, Meta(pattern=r"^https://[a-z0-9.-]+(:[0-9]+)?/[^\s#]*(?!\n)$")]


class SignInPage(Section, frozen=True):
    """Where the citizen's page sends people to sign in, and asks for the ID token; `title` is what people call it.

    `scope` gets the claim with the NIK into the ID token.
    """

    title: Text
    authorize_url: _Page
    token_url: _Page
    scope: Annotated[str, Meta(pattern="(^| )openid( |$)")] = "openid"


class PresenceClaims(Section, frozen=True):
    """What an ID token says of whoever proved to be the holder of a NIK: in which claim, and under which `acr`.

    `page` None: the citizen's page leads nobody there.
    """

    nik_claim: Annotated[str, Meta(min_length=1)]
    acr: Annotated[tuple[str, ...], Meta(min_length=1)]
    page: SignInPage | None = None


class IssuerRules(Section, frozen=True):
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


class AccountRules(Section, frozen=True):
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


class ChannelRules(Section, frozen=True):
    """A channel of announcements. `to`: a webhook's address, a Mastodon server's, or a Telegram channel (`@name`).

    Its key or token is in the secret `gelombang-<stage>-channels`, under `name`.
    """

    name: Annotated[str, Meta(pattern="^[a-z0-9-]{1,30}$")]
    kind: Literal["webhook", "telegram", "mastodon"]
    to: Annotated[str, Meta(pattern=r"^(https://|http://127\.0\.0\.1:|@|-)[^\s/]", max_length=500)]
    language: Literal["id", "en"] = "id"
    api: str = "https://api.telegram.org"


class NoticeRules(Section, frozen=True):
    """`mails_per_s`: what is left of the mail service's rate beside `AccountRules.codes_per_s`, for all together.

    `remind_before_s`: when people are reminded before the deadline of their first purchase; a programme may leave it to
    us.
    """

    mails_per_s: Positive
    requeue_after_s: Positive
    remind_before_s: Annotated[tuple[Positive, ...], Meta(min_length=1)] = (432_000, 86_400)
    channels: tuple[ChannelRules, ...] = ()


class StudentsRules(Section, frozen=True):
    """How the register of pupils and students is asked about whom the civil registry confirmed, where a stage has one
    (`Settings.students_url`).

    `reg_type`: its word for the kind of record. Whose record has one of `active` as its `status_field` is a pupil or
    student now. `awaited`: no place and no money is given before it has answered.
    """

    reg_type: str
    status_field: Text
    active: Annotated[tuple[Text, ...], Meta(min_length=1)]
    awaited: bool


class RegistryRules(Section, frozen=True):
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


class HelpdeskRules(Section, frozen=True):
    personal_data_hours: Positive
    """Within which a grievance about personal data is answered, by the clock."""
    working_days: Positive
    open_max: Positive


class RetentionRules(Section, frozen=True):
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
