"""The figures (`service.toml` and a file of `programmes/`) and a deployment's settings (the environment), validated.

`app.py` or the command line loads them once; importing this module reads nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from . import tables
from .errors import DomainError
from .figures import Positive, Skill, Words
from .figures.benefits import JobRules, PartnerRules, PayoutRules, StatisticsRules, SurveyRules, TrainingRules
from .figures.people import AccountRules, HelpdeskRules, NoticeRules, RegistryRules, RetentionRules
from .figures.schemes import Scheme
from .figures.waves import CalendarRules, DrawRules, EligibilityRules

FOLDER = Path(__file__).parent
"""Where `service.toml` and `programmes/` are."""

DEFAULT_PROGRAMME = "prakerja-2023"
"""The programme of a deployment that names none."""

REGISTRY_CONSUMERS = 10
"""How many ask the civil registry at once; they share `registry.asks_per_s`, each one question at a time."""

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
    registry: RegistryRules
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
    retention: RetentionRules

    def scheme(self, wave: int) -> Scheme:
        """The scheme of a wave: the last one whose first wave is not after it."""
        return max((s for s in self.schemes if s.first_wave <= wave), key=lambda s: s.first_wave)

    def target(self, year: int) -> int:
        """The participants of a year (the WIB year of a wave's opening)."""
        return self.targets.get(str(year), self.targets["default"])


def load_programme(stage: str, name: str = DEFAULT_PROGRAMME, folder: Path = FOLDER) -> Programme:
    """Read and validate the figures of a programme for a stage.

    `folder` has `service.toml` and `programmes/<name>.toml`. Raises `BadConfiguration`: a line for each thing that is
    wrong, with the file, the line and what would be right.
    """
    if name not in (known := programmes(folder)):
        raise BadConfiguration(reason=f"there is no programme {name}; there are {', '.join(known)}")
    return read_programme(stage, folder / "programmes" / f"{name}.toml", folder / "service.toml")


def read_programme(stage: str, file: Path, service: Path = FOLDER / "service.toml") -> Programme:
    """As `load_programme`, of any file."""
    raw = _read(service)
    changes = raw.pop("stages", {}).get(stage, {})
    _merge(raw, _read(file), file, service)
    for section, changed in changes.items():
        raw[section] |= changed
    # Where a place is said: what a stage changes is stronger than what it changes.
    files = [(service, f"stages.{stage}."), (file, ""), (service, "")]
    try:
        programme = msgspec.convert(raw, Programme, str_keys=True)
    except msgspec.ValidationError as error:
        from .figures.faults import in_plain_words

        raise _refused([in_plain_words(str(error), raw, Programme)], files) from error
    if not tables.is_packed(service):
        # A deployment checks the whole before it makes a package: no cold start does it again.
        from .figures.checks import faults

        if found := faults(programme):
            raise _refused(found, files)
    return programme


def _read(file: Path) -> dict[str, Any]:
    try:
        return tables.read(file)
    except (OSError, ValueError) as error:
        raise BadConfiguration(reason=f"{file.name}: {error}") from error


def _refused(found: Iterable[tuple[str, str]], files: list[tuple[Path, str]]) -> BadConfiguration:
    """`found`: each place, and what is wrong there."""
    from .figures.faults import placed

    return BadConfiguration(reason="\n".join(f"{placed(where, files)} {wrong}" for where, wrong in found))


def programmes(folder: Path = FOLDER) -> list[str]:
    """The names of the programmes that there are, sorted."""
    return sorted(file.stem for file in (folder / "programmes").glob("*.toml"))


def _merge(merged: dict[str, Any], programme: Mapping[str, Any], file: Path, service: Path) -> None:
    """Add a programme's sections to the service's. What the service says, no programme says otherwise."""
    for section, said in programme.items():
        present = merged.setdefault(section, {} if isinstance(said, dict) else said)
        if present is said:
            continue
        if not isinstance(said, dict) or (twice := sorted(set(said) & set(present))):
            where = section if not isinstance(said, dict) else f"{section}.{twice[0]}"
            wrong = f"is said by {service.name} for every programme: leave it out"
            raise _refused([(where, wrong)], [(file, "")])
        present |= said


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
    registry_queue_url: str
    rp_id: Annotated[str, Meta(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*$")]
    """The domain to which passkeys belong, for good: pages on it and below it may ask for them."""
    mail_domain: Annotated[str, Meta(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]
    """The domain that mails come from, verified at the mail service."""
    public_url: str
    """The public address of the API, without a slash at the end; links in mails begin with it."""
    registry_url: Annotated[str, Meta(pattern=r"^(none|files|https://[^\s?#]+|http://127\.0\.0\.1:\d+)$")] = "none"
    """The civil registry's DCI interface; "files": an office that takes files; "none": registrations stay PENDING."""
    students_url: Annotated[str, Meta(pattern=r"^(none|https://[^\s?#]+|http://127\.0\.0\.1:\d+)$")] = "none"
    """The DCI interface of the register of pupils and students; "none": it is not asked."""
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
    def has_registry(self) -> bool:
        """Whether registrations are compared with a civil registry."""
        return self.registry_url != "none"

    @property
    def has_registry_interface(self) -> bool:
        """Whether that registry is called, and does not answer in files alone."""
        return self.registry_url not in {"none", "files"}

    @property
    def has_students_register(self) -> bool:
        """Whether the register of students is asked about whom the civil registry confirmed; both must be called."""
        return self.students_url != "none" and self.has_registry_interface

    @property
    def registry_secret(self) -> str:
        """The Secrets Manager id of what the civil registry asks for (`civil_registry.dci.AskingSecret`)."""
        return f"gelombang-{self.stage}-registry"

    @property
    def registry_answers_secret(self) -> str:
        """The Secrets Manager id of what its answers are told by (`civil_registry.dci.AnswersSecret`)."""
        return f"gelombang-{self.stage}-registry-answers"

    @property
    def students_secret(self) -> str:
        """The Secrets Manager id of what the students' register is asked and told by (`StudentsSecret`)."""
        return f"gelombang-{self.stage}-students"

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
