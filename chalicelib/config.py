"""The figures (`service.toml` and a file of `programmes/`) and a deployment's settings (the environment), validated.

`app.py` or the command line loads them once; importing this module reads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from . import tables
from .errors import DomainError
from .figures import (
    AccountRules,
    CalendarRules,
    DrawRules,
    EligibilityRules,
    HelpdeskRules,
    JobRules,
    NoticeRules,
    PartnerRules,
    PayoutRules,
    Positive,
    Scheme,
    Skill,
    StatisticsRules,
    SurveyRules,
    TrainingRules,
    Words,
)

FOLDER = Path(__file__).parent
"""Where `service.toml` and `programmes/` are."""

DEFAULT_PROGRAMME = "prakerja-2023"
"""The programme of a deployment that names none."""

CODE_CONSUMERS = 2
"""How many send codes at once, each a tenth of a second for one; more than twenty codes a second need more of them."""

AUTHORIZER_TIMEOUT_S = 5
API_TIMEOUT_S = 10
LONGEST_REQUEST_S = AUTHORIZER_TIMEOUT_S + API_TIMEOUT_S
"""How long after its arrival a request may still write: both time-outs (as `infrastructure/functions.py` has them). A
cold start may add Lambda's ten seconds for each; production's quarter of an hour covers that.
"""


class BadConfiguration(DomainError):
    """A file or the environment does not say what the programme needs; `reason` names the place."""

    code = "bad_configuration"
    status = 500
    indonesian = "Kesalahan pada layanan."
    english = "Something is wrong with the service."


class Programme(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All figures of one programme for one stage. `skills`: what a course may teach and a vacancy ask for."""

    name: Words
    skills: Annotated[tuple[Skill, ...], Meta(min_length=1)]
    calendar: CalendarRules
    eligibility: EligibilityRules
    targets: dict[str, Positive]
    schemes: Annotated[tuple[Scheme, ...], Meta(min_length=1)]
    training: TrainingRules
    payouts: PayoutRules
    partners: PartnerRules
    surveys: SurveyRules
    accounts: AccountRules
    notices: NoticeRules
    jobs: JobRules
    draw: DrawRules
    helpdesk: HelpdeskRules
    statistics: StatisticsRules

    def scheme(self, wave: int) -> Scheme:
        """The scheme of a wave: the last one whose first wave is not after it."""
        return max((s for s in self.schemes if s.first_wave <= wave), key=lambda s: s.first_wave)

    def paid_here(self) -> list[Scheme]:
        """The schemes of the waves that may run here: from the calendar's first on."""
        first = self.calendar.first_wave
        since = max((s.first_wave for s in self.schemes if s.first_wave <= first), default=first)
        return [s for s in self.schemes if s.first_wave >= since]

    def target(self, year: int) -> int:
        """The participants of a year (the WIB year of a wave's opening)."""
        return self.targets.get(str(year), self.targets["default"])


def load_programme(stage: str, name: str = DEFAULT_PROGRAMME, folder: Path = FOLDER) -> Programme:
    """Read and validate the figures of a programme for a stage.

    `folder` has `service.toml` and `programmes/<name>.toml`. Raises `BadConfiguration` naming the first thing that is
    wrong.
    """
    file = folder / "programmes" / f"{name}.toml"
    if name not in (known := programmes(folder)):
        raise BadConfiguration(reason=f"there is no programme {name}; there are {', '.join(known)}")
    raw = tables.read(folder / "service.toml")
    stages = raw.pop("stages", {})
    _merge(raw, tables.read(file), file.name)
    for section, changes in stages.get(stage, {}).items():
        raw[section] |= changes
    try:
        programme = msgspec.convert(raw, Programme, str_keys=True)
    except msgspec.ValidationError as error:
        raise BadConfiguration(reason=str(error)) from error
    _check(programme)
    return programme


def programmes(folder: Path = FOLDER) -> list[str]:
    """The names of the programmes that there are, sorted."""
    return sorted(file.stem for file in (folder / "programmes").glob("*.toml"))


def _merge(service: dict[str, Any], programme: Mapping[str, Any], file: str) -> None:
    """Add a programme's sections to the service's. What the service says, no programme says otherwise."""
    for section, said in programme.items():
        present = service.setdefault(section, {} if isinstance(said, dict) else said)
        if present is said:
            continue
        if not isinstance(said, dict) or (twice := sorted(set(said) & set(present))):
            where = section if not isinstance(said, dict) else f"{section}.{twice[0]}"
            raise BadConfiguration(reason=f"{file} says {where}, which service.toml says for every programme")
        present |= said


def _check(programme: Programme) -> None:
    by_bank_file = [code for code in programme.payouts.codes.values() if code.rail == "bank-file"]
    rules = {
        "targets need a default": "default" in programme.targets,
        "draw.chain is not one of draw.chains": programme.draw.chain in programme.draw.chains,
        # A request accepted in the last millisecond must have written its entry, or ended, before the list is read.
        "draw.freeze_delay_s must exceed the longest request": programme.draw.freeze_delay_s > LONGEST_REQUEST_S,
        "eligibility.age_min is above age_max": programme.eligibility.age_min <= programme.eligibility.age_max,
        "a code of payouts.codes that is paid by bank file needs a bic": all(code.bic for code in by_bank_file),
        "a code of payouts.codes that is paid by bank file needs payouts.bank_file": not by_bank_file
        or programme.payouts.bank_file is not None,
        "waves overlap": programme.calendar.open_hours <= programme.calendar.every_days * 24,
        "the first scheme starts after the first wave": min(s.first_wave for s in programme.schemes)
        <= programme.calendar.first_wave,
        "two schemes have one version": len({s.version for s in programme.schemes}) == len(programme.schemes),
        "two schemes have one first_wave": len({s.first_wave for s in programme.schemes}) == len(programme.schemes),
        "a scheme that is paid here has more surveys than surveys.after_s": all(
            s.surveys <= len(programme.surveys.after_s) for s in programme.paid_here()
        ),
        "surveys.after_s is not in order of time": list(programme.surveys.after_s)
        == sorted(set(programme.surveys.after_s)),
        "accounts.sign_in_lifetime_s ends before its last code": programme.accounts.sign_in_lifetime_s
        >= programme.accounts.code_lifetime_s + programme.accounts.sendings * programme.accounts.code_again_after_s,
        "accounts.access_token_s is above a session's life": programme.accounts.access_token_s
        <= min(programme.accounts.keyless_lifetime_s, programme.accounts.session_lifetime_s),
        "accounts.codes_per_hour is above accounts.codes_per_day": programme.accounts.codes_per_hour
        <= programme.accounts.codes_per_day,
        "accounts.sms.price_idr is above accounts.sms.day_stop_idr": programme.accounts.sms.price_idr
        <= programme.accounts.sms.day_stop_idr,
        "two of accounts.issuers have one name": len({one.name for one in programme.accounts.issuers})
        == len(programme.accounts.issuers),
        "two of notices.channels have one name": len({one.name for one in programme.notices.channels})
        == len(programme.notices.channels),
        "a Telegram channel of notices.channels is @name or a number, any other an address": all(
            (one.kind == "telegram") == one.to.startswith(("@", "-")) for one in programme.notices.channels
        ),
    }
    for reason, holds in rules.items():
        if not holds:
            raise BadConfiguration(reason=reason)


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What belongs to one deployment. Table names and key aliases follow from the stage; the rest is given.

    In a function it comes from environment variables (`GELOMBANG_STAGE`, `GELOMBANG_MAIL_DOMAIN`, ...); for the command
    line from the outputs of the data stack, whose names are the same fields in CamelCase.
    """

    stage: Annotated[str, Meta(pattern="^[a-z][a-z0-9]{1,15}$")]
    region: str
    payouts_queue_url: str
    results_bucket: str
    results_url: str
    """The public address of the results bucket, without a slash at the end."""
    reports_bucket: str
    """Not public: reports on money, for the people who run the programme."""
    announcements_topic: str
    beacon_relays: tuple[str, ...]
    fsp_url: str
    fsp_secret: str
    """The Secrets Manager id of `{"api_key": ..., "callback_token": ...}`."""
    mails_queue_url: str
    awards_queue_url: str
    codes_queue_url: str
    rp_id: Annotated[str, Meta(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*$")]
    """The domain to which passkeys belong, for good: pages on it and below it may ask for them."""
    mail_domain: Annotated[str, Meta(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]
    """The domain that mails come from, verified at the mail service."""
    public_url: str
    """The public address of the API, without a slash at the end; links in mails begin with it."""
    programme: Annotated[str, Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$")] = DEFAULT_PROGRAMME
    """The name of a file in `programmes/`, without `.toml`."""
    aws_client: Literal["lean", "ordinary"] = "lean"
    """How DynamoDB and KMS are called: the short way, or botocore's own, should the short one ever be in doubt."""

    @property
    def mac_key(self) -> str:
        """The KMS HMAC key of keyed hashes."""
        return f"alias/gelombang-{self.stage}-mac"

    @property
    def contacts_key(self) -> str:
        """The KMS HMAC key of keyed hashes of e-mail addresses, phone numbers and networks."""
        return f"alias/gelombang-{self.stage}-contacts"

    @property
    def codes_key(self) -> str:
        """The KMS HMAC key from which the codes of sign-ins are derived."""
        return f"alias/gelombang-{self.stage}-codes"

    @property
    def data_key(self) -> str:
        """The KMS key that wraps each person's data key."""
        return f"alias/gelombang-{self.stage}-data"

    @property
    def mail_from(self) -> str:
        return f"Gelombang <kabar@{self.mail_domain}>"

    @property
    def configuration_set(self) -> str:
        """The mail service's set of rules for this stage's mails."""
        return f"gelombang-{self.stage}-mails"

    def table(self, domain: str) -> str:
        """The table of a domain, such as `gelombang-local-waves`."""
        return f"gelombang-{self.stage}-{domain}"


def settings_from_environment(environ: Mapping[str, str]) -> Settings:
    """Read the `GELOMBANG_*` variables and `AWS_REGION`; raises `BadConfiguration` naming what is missing."""
    prefix = "GELOMBANG_"
    raw: dict[str, Any] = {
        name.removeprefix(prefix).lower(): value for name, value in environ.items() if name.startswith(prefix)
    }
    raw["region"] = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION", "")
    known = {name: raw[name] for name in Settings.__struct_fields__ if name in raw}
    known["beacon_relays"] = [url for url in str(known.get("beacon_relays", "")).split(",") if url]
    try:
        return msgspec.convert(known, Settings)
    except msgspec.ValidationError as error:
        raise BadConfiguration(reason=str(error)) from error
