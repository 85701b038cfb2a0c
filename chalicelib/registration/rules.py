"""Who a registrant is, and who may take part. Pure: no AWS, no environment, no present time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from enum import StrEnum

from msgspec.structs import replace

from ..figures.waves import EligibilityRules, Once
from ..values import Hidden, Value
from .errors import ConsentMissing, EducationNotAccepted, ExcludedOccupation, InFormalEducation, OverAge, UnderAge


class Education(StrEnum):
    """The highest level completed."""

    NONE = "none"
    ELEMENTARY = "elementary"
    JUNIOR_HIGH = "junior_high"
    SENIOR_HIGH = "senior_high"
    DIPLOMA = "diploma"
    BACHELOR = "bachelor"
    POSTGRADUATE = "postgraduate"


class Employment(StrEnum):
    """What a person does now; the programme says with which of them one may take part (programme rule 2)."""

    JOBSEEKER = "jobseeker"
    LAID_OFF = "laid_off"
    WORKER = "worker"
    ENTREPRENEUR = "entrepreneur"
    STUDENT = "student"
    STATE_OFFICIAL = "state_official"
    LEGISLATOR = "legislator"
    CIVIL_SERVANT = "civil_servant"
    MILITARY = "military"
    POLICE = "police"
    VILLAGE_OFFICIAL = "village_official"
    SOE_EXECUTIVE = "soe_executive"


class Standing(StrEnum):
    """What a registration may still do: only REGISTERED may join a wave."""

    REGISTERED = "REGISTERED"
    BENEFICIARY = "BENEFICIARY"
    REVOKED = "REVOKED"


NEXT: dict[Standing, frozenset[Standing]] = {
    Standing.REGISTERED: frozenset({Standing.BENEFICIARY, Standing.REVOKED}),
    Standing.BENEFICIARY: frozenset({Standing.REVOKED}),
    Standing.REVOKED: frozenset(),
}
"""A person who was chosen is never a plain registrant again; a revoked person is barred for good."""


class Verification(StrEnum):
    """What the civil registry says of a person. PENDING: nobody was asked yet, or nobody has answered."""

    PENDING = "PENDING"
    VERIFIED = "VERIFIED"
    MISMATCH = "MISMATCH"
    """It knows the NIK, and something else of the registration differs."""
    UNKNOWN_NIK = "UNKNOWN_NIK"


DIFFERING = frozenset({Verification.MISMATCH, Verification.UNKNOWN_NIK})
"""Of these the person is told one thing: that something differs. Which it is would tell of a stranger's NIK, unless
`Registrant.sees_what_differs`.
"""


class School(StrEnum):
    """What the register of pupils and students says of somebody whom the civil registry confirmed, and who says that
    they are neither. None of these: it says so too, or is not asked.
    """

    STUDENT = "student"
    """They are one now; so the registration is a MISMATCH."""
    UNANSWERED = "unanswered"


class Registrant(Value, frozen=True):
    """A registration as every other domain sees it: nothing in it names the person.

    `region` is the province of the KTP address (31), `regency` its full code ("3174"); the three macs are keyed hashes.
    `beneficiary_wave` is set while the standing is BENEFICIARY or was: the latest, which chose them on the day
    `chosen_on` and has paid all by `ended_on`; they were chosen under all of `schemes`. `warnings` are for
    verification: `nik_region_unknown`, `nik_birth_date_differs`, `kk_region_unknown`, `kk_date_in_future`,
    `kk_date_impossible`.
    `verified_at` and `verification_source`: when which registry said what it said; None while it is PENDING.
    `claimed_at`: since when they claim a NIK that another registration holds; None: they hold it. `claims`: how many
    they ever made. `present_at`: when they proved by presence that it is theirs. `contested_at`: since when another has
    no less proof for the NIK that they hold; `uncontested_at`: since when, after that, none has. `confirmed_at`: when a
    registry last came to confirm this NIK with their data; one that goes on confirming them changes nothing.
    """

    id: str
    region: int
    regency: str
    birth_date: date
    education: Education
    employment: Employment
    consent_version: str
    nik_mac: str
    kk_mac: str
    phone_mac: str
    standing: Standing
    beneficiary_wave: int | None
    verification: Verification
    warnings: tuple[str, ...]
    registered_at: datetime
    updated_at: datetime
    consented_at: datetime | None = None
    """None: with the registration."""
    consent_withdrawn_at: datetime | None = None
    chosen_on: date | None = None
    ended_on: date | None = None
    schemes: frozenset[str] = frozenset()
    verified_at: datetime | None = None
    verification_source: str | None = None
    differs: frozenset[str] = frozenset()
    """What differs by the registry's word: fields of `RegistrationView`, and `sex`."""
    undecided: str | None = None
    """Why the registry's answer decided nothing (`several_records`, `without_kk`, `http_400`), since `undecided_at`."""
    undecided_at: datetime | None = None
    school: School | None = None
    claimed_at: datetime | None = None
    claims: int = 0
    present_at: datetime | None = None
    contested_at: datetime | None = None
    uncontested_at: datetime | None = None
    confirmed_at: datetime | None = None
    phone_lost_at: datetime | None = None
    """Since when the phone number is another's, who proved it by a code; None: it is theirs alone."""
    name_mac: str | None = None
    """Of name and birth date, by which administrators find a person; None: kept by an earlier release."""
    restricted_at: datetime | None = None
    """Since when what is kept of the person is used for nothing but what must go on (docs/privacy.md)."""

    @property
    def waits(self) -> bool:
        """Whether a registry is still to answer about the registration."""
        return self.verification is Verification.PENDING or self.school is School.UNANSWERED

    @property
    def sees_what_differs(self) -> bool:
        """Whether they are told which fields differ: they proved by presence that the NIK is theirs, and nobody else
        did.
        """
        return self.present_at is not None and not self.contested

    @property
    def contested(self) -> bool:
        """Whether it is not settled that the NIK is theirs: nothing is paid or bought meanwhile."""
        return self.claimed_at is not None or self.contested_at is not None


def unconfirmed_because(registrant: Registrant | None) -> str:
    """Why a place only waits for a person, as `errors.NotConfirmed` names it."""
    if registrant is None:
        return "pending"
    if registrant.contested:
        return "nik_contested"
    if registrant.verification in DIFFERING:
        return "differs"
    return "pending" if registrant.undecided is None else "undecided"


class Applicant(Value, frozen=True):
    """What a join asks of a registration, under the names of `Registrant`."""

    region: int
    birth_date: date
    education: Education
    employment: Employment
    kk_mac: str
    standing: Standing
    beneficiary_wave: int | None
    chosen_on: date | None
    ended_on: date | None
    schemes: frozenset[str]
    consent_withdrawn_at: datetime | None = None


class Place(Value, frozen=True):
    """What a wave gave to a person whom it chose: `on` is its last WIB day, `until` the first without a payment due."""

    wave: int
    scheme: str
    on: date
    until: date


class PersonalData(Hidden, frozen=True):
    """What is stored only in sealed form. `nik` and `kk` are 16 digits, `phone` is E.164. Its repr shows nothing."""

    nik: str
    kk: str
    name: str
    phone: str


class Contact(Hidden, frozen=True):
    """How to reach a person who agreed to it: `phone` is E.164. Its repr shows nothing."""

    name: str
    phone: str


class Verdict(StrEnum):
    """What the provider of payouts knows of a person's account."""

    MATCHED = "MATCHED"
    MISMATCHED = "MISMATCHED"
    """The account is held under the person's registered name, but the holder's name that they gave is not like it."""
    NOT_REGISTERED_NAME = "NOT_REGISTERED_NAME"
    """The account is held under the name that the person gave, which is not like their registered name."""
    ANOTHERS = "ANOTHERS"
    """The account is held under a name that is like neither."""
    NOT_FOUND = "NOT_FOUND"
    NOT_OFFERED = "NOT_OFFERED"
    """The provider of this bank or wallet answers no such questions."""


PAYABLE = frozenset({Verdict.MATCHED, Verdict.NOT_OFFERED})
"""Money may go to an account with such a verdict; to one that was never asked about it may not."""


class AddressCheck(Value, frozen=True):
    """The outcome of an inquiry: how alike the names were, 0 to 100 (None if there was none); never the name itself."""

    verdict: Verdict
    score: int | None
    checked_at: datetime


class FinancialAddress(Hidden, frozen=True):
    """Where a person is paid: `code` of a bank or wallet, digits of a bank account or the E.164 number of a wallet.

    `version` grows with each change. `check` is about this version; None until the provider has answered. `owner_name`
    is the person's registered name, empty if nobody is to be asked about it. Nothing is paid before `pay_from`, if it
    is set; nor while the person is `untold` of a change because the mail about it reached nobody.
    """

    code: str
    account_number: str
    holder_name: str
    version: int = 1
    check: AddressCheck | None = None
    owner_name: str = ""
    pay_from: datetime | None = None
    untold: bool = False
    named: int | None = None
    """As in `AddressRecord`: a check is about this name of the owner."""


class Payee(Hidden, frozen=True):
    """The person to pay, and where; in the clear, so it lives as long as one payment. Its repr shows nothing.

    `seal` encrypts an instruction to pay under the person's own key, so that erasing the person erases it too.
    """

    registrant: Registrant
    address: FinancialAddress
    seal: Callable[[bytes], bytes]
    disputed: bool = False
    """The person said that a change of their data was not theirs: nothing is paid until somebody has looked."""
    contested: bool = False
    """As in `Registrant`."""


def unverified(registrant: Registrant) -> Registrant:
    """The same, about which the civil registry has said nothing."""
    nothing = dict.fromkeys(("verified_at", "verification_source", "undecided", "undecided_at", "school"))
    return replace(registrant, verification=Verification.PENDING, differs=frozenset(), **nothing)


def age_on(birth_date: date, day: date) -> int:
    """Whole years on a day (in WIB); someone born on 29 February grows older on 1 March of a common year."""
    had_birthday = (day.month, day.day) >= (birth_date.month, birth_date.day)
    return day.year - birth_date.year - (0 if had_birthday else 1)


def check_eligible(
    employment: Employment, education: Education, birth_date: date, day: date, rules: EligibilityRules
) -> None:
    """Refuse a person who may not take part on `day` (WIB): at registration that day, at award the day the wave closes.

    Raises the first that holds of `InFormalEducation`, `ExcludedOccupation`, `EducationNotAccepted`,
    `UnderAge`, `OverAge`.
    """
    if employment.value not in rules.employment:
        raise (
            InFormalEducation() if employment is Employment.STUDENT else ExcludedOccupation(employment=employment.value)
        )
    if rules.education and education.value not in rules.education:
        raise EducationNotAccepted(education=education.value, accepted=list(rules.education))
    age = age_on(birth_date, day)
    if age < rules.age_min:
        raise UnderAge(age_min=rules.age_min)
    if age > rules.age_max:
        raise OverAge(age_max=rules.age_max)


def chosen_again_from(chosen_on: date | None, ended_on: date | None, once: Once) -> date | None:
    """The first day on which a person may be chosen again; None: never, or they were not chosen."""
    if once == "lifetime" or chosen_on is None or ended_on is None:
        return None
    return ended_on if once == "scheme" else max(ended_on, chosen_on + timedelta(days=once.days))


def may_be_chosen_again(again_from: date | None, schemes: Collection[str], scheme: str, day: date, once: Once) -> bool:
    """Whether a beneficiary may be chosen on `day` (WIB) by a wave under `scheme`."""
    return again_from is not None and again_from <= day and not (once == "scheme" and scheme in schemes)


def check_consent(version: str | None, rules: EligibilityRules) -> str:
    """The consent text agreed to. Raises `ConsentMissing` if it is not one that may be agreed to now."""
    if version is None or version not in rules.consent_versions:
        raise ConsentMissing(current=rules.consent_versions[-1], allowed=list(rules.consent_versions))
    return version
