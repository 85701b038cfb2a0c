"""The JSON of registration. Unknown fields are refused; what names a person is masked on the way out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from .. import holder_names, typed_text
from ..errors import all_of
from ..structs import fill
from ..values import Value
from . import identity
from .errors import MalformedName
from .rules import (
    DIFFERING,
    Education,
    Employment,
    FinancialAddress,
    PersonalData,
    Registrant,
    Standing,
    Verdict,
    Verification,
)

_GROUPED = "spaces, dashes and dots between them do not matter"
_NAME = f"letters and what goes with them, at most {typed_text.NAME_MAX} characters, no emoji"
ToDo = Literal["nothing", "wait", "correct_account_number", "correct_holder_name", "own_account_or_registered_name"]


class _Form(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    # Struct's own repr would put a NIK into a traceback.
    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def person_name(field: str, given: str) -> str:
    """A name as it is kept. Raises `MalformedName` of the field."""
    name = typed_text.name(given)
    if name is None:
        raise MalformedName(field=field, length_max=typed_text.NAME_MAX)
    return name


def registrant_name(field: str, given: str) -> str:
    """As `person_name`, of one person: any of several could be the one that a registry or a bank knows."""
    name = person_name(field, given)
    if not holder_names.is_of_one(name):
        raise MalformedName(field=field, length_max=typed_text.NAME_MAX)
    return name


_TYPED: dict[str, Callable[[str, str], str]] = {
    "nik": lambda _, typed: identity.parse_nik(typed),
    "kk": lambda _, typed: identity.parse_kk(typed),
    "phone": lambda _, typed: identity.parse_phone(typed),
    "name": registrant_name,
}


ClaimNik = Annotated[
    bool,
    Meta(
        description="If another registration holds the NIK: register all the same and claim it. Who proves more "
        "that it is theirs gets it, 24 hours after the proof. Three claims an account."
    ),
]


class RegistrationForm(_Form, frozen=True):
    """`PUT /me/registration`. NIK, KK, phone and region have codes of their own for what is wrong with them."""

    checks: ClassVar = _TYPED

    nik: Annotated[str, Meta(description=f"16 digits; {_GROUPED}", examples=["3174095708950001"])]
    kk: Annotated[str, Meta(description=f"16 digits: the family card; {_GROUPED}", examples=["3174091203180002"])]
    name: Annotated[str, Meta(description=f"The full name as on the KTP: {_NAME}", examples=["Siti Aminah"])]
    birth_date: Annotated[date, Meta(examples=["1995-08-17"])]
    phone: Annotated[
        str, Meta(description="An Indonesian mobile number, with or without +62", examples=["0812-3456-7890"])
    ]
    province: Annotated[str, Meta(description="Kemendagri code of the KTP address: 2 digits", examples=["31"])]
    regency: Annotated[str, Meta(description="Kemendagri code of the KTP address: 4 digits", examples=["3174"])]
    education: Annotated[Education, Meta(description="The highest level completed")]
    employment: Employment
    consent_version: Annotated[
        str | None, Meta(description="The version of the consent text agreed to", examples=["2026-01"])
    ] = None
    claim_nik: ClaimNik = False


class OwnCorrectionForm(_Form, frozen=True):
    """`PATCH /me/registration`; what is left out stays. The NIK changes only while the civil registry denies it."""

    checks: ClassVar = _TYPED

    nik: Annotated[str, Meta(description=f"16 digits; {_GROUPED}", examples=["3174095708950001"])] | None = None
    kk: str | None = None
    name: str | None = None
    birth_date: date | None = None
    phone: str | None = None
    province: str | None = None
    regency: str | None = None
    education: Education | None = None
    employment: Employment | None = None
    consent_version: str | None = None
    claim_nik: ClaimNik = False


class CorrectionForm(_Form, frozen=True):
    """What administrators correct; what is left out stays."""

    name: str | None = None
    birth_date: date | None = None
    employment: Employment | None = None
    kk: str | None = None
    nik: str | None = None
    """Only while the civil registry does not confirm it."""
    presence: Literal["", "proven"] | None = None
    """Whether an office or the help desk saw the person with the card of this NIK."""


class PresenceForm(typed_text.Typed, _Form, frozen=True):
    """What an office reports of a person who stands before it with their card."""

    nik: Annotated[str, Meta(description="As the reader has read it from the card: 16 digits")]
    presence_code: Annotated[str, Meta(description=f"What the person shows: {typed_text.SHOWN_CODE.right[1]}")]
    reference: Annotated[str, Meta(description=f"The office's own number of this: {typed_text.REFERENCE[1]}")]

    checks: ClassVar = {
        "nik": _TYPED["nik"],
        "presence_code": typed_text.SHOWN_CODE,
        "reference": typed_text.OWN_NUMBER,
    }


class SignedInForm(_Form, frozen=True):
    """The ID token of the national ID, whose nonce is the SHA-256 (base64url) of the code of presence."""

    issuer: Annotated[str, Meta(max_length=32, description="The issuer's name here")]
    token: Annotated[str, Meta(max_length=8192, description="The ID token, a JWT")]
    presence_code: Annotated[str, Meta(pattern=r"^[A-Z2-7]{16}(?!\n)$", description="As it was made")]


class PresenceCodeView(Struct, frozen=True):
    """What a person shows to an office that reads their card, or signs in with at the national ID, until it ends."""

    presence_code: str
    expires_at: datetime


class PresenceView(Struct, frozen=True):
    """When presence was proven."""

    proven_at: datetime


class AttestedView(PresenceView, frozen=True):
    """The same for the office, which compares the name with the card."""

    masked_name: str


class FinancialAddressForm(_Form, frozen=True):
    """`PUT /me/financial-address`."""

    code: Annotated[str, Meta(description="A bank or e-wallet that pays incentives", examples=["BNI", "DANA"])]
    account_number: Annotated[
        str,
        Meta(description=f"A bank's 6 to 20 digits ({_GROUPED}), or a wallet's mobile number", examples=["0123456789"]),
    ]
    holder_name: Annotated[str, Meta(description=f"The name the account is held under: {_NAME}")]


class RegistrationView(_Form, frozen=True):
    """A registration as its owner sees it: of the numbers only the ends."""

    nik: Annotated[str, Meta(examples=["3174**********01"])]
    kk: Annotated[str, Meta(examples=["3174**********02"])]
    name: str
    birth_date: date
    phone: Annotated[
        str | None,
        Meta(
            description="null: another account has proven the number by a code since, at `phone_lost_at`; give another",
            examples=["+62********7890"],
        ),
    ]
    phone_lost_at: datetime | None
    province: Annotated[str, Meta(examples=["31"])]
    regency: Annotated[str, Meta(examples=["3174"])]
    education: Education
    employment: Employment
    consent_version: str
    consent_withdrawn_at: datetime | None
    standing: Standing
    verification: Annotated[
        Literal["PENDING", "UNDECIDED", "VERIFIED", "DIFFERS"],
        Meta(
            description="Whether the civil registry has confirmed the registration; UNDECIDED: it could not yet, and "
            "is asked again; DIFFERS: something does not agree. Compare all of it with the KTP and the family card, "
            "and correct it."
        ),
    ]
    differs: Annotated[
        tuple[Literal["birth_date", "employment", "kk", "name", "province", "sex"], ...],
        Meta(
            description="Of DIFFERS: which fields do not agree, once presence has proven that the NIK is the person's; "
            "empty for anybody else, and if it is none of them. sex is that of the NIK; employment: the person is a "
            "pupil or student."
        ),
    ]
    nik_held: Annotated[
        Literal["yes", "claimed", "contested"],
        Meta(
            description="claimed: another registration holds the NIK; contested: another has proven no less that it is "
            "theirs. Nothing is paid then; come to an office with the KTP."
        ),
    ]
    present_at: datetime | None
    warnings: tuple[str, ...]
    registered_at: datetime
    updated_at: datetime


class FinancialAddressView(_Form, frozen=True):
    """A financial address as its owner sees it."""

    code: Annotated[str, Meta(examples=["BNI"])]
    account_number: Annotated[str, Meta(examples=["********6789"])]
    holder_name: str
    verification: Annotated[
        Literal["verified", "unverified", "pending"],
        Meta(description="Whether the bank has the account under that name and the person's; pending: no answer yet"),
    ]
    to_do: Annotated[
        ToDo,
        Meta(
            description="What has to happen before money is sent; nothing: it can be sent (wallets name nobody). "
            "own_account_or_registered_name: the bank has the holder's name as given, but it is not the name of the "
            "registration: give an account of your own, or have the registration corrected to the KTP's name."
        ),
    ]
    pay_from: Annotated[
        datetime | None,
        Meta(description="Of a changed address: nothing is paid before, unless the change is confirmed"),
    ] = None


class Kept(Value, frozen=True):
    """What is kept about a person, and as they see it; None where nothing was given yet."""

    registrant: Registrant | None
    registration: RegistrationView | None
    financial_address: FinancialAddressView | None


def personal_data(form: RegistrationForm) -> PersonalData:
    """The personal data of a form, normalised.

    Raises the first that holds of `MalformedNik`, `MalformedKk`, `MalformedPhone`, `MalformedName`, with the others.
    """
    nik, kk, phone, name = all_of(*(partial(read, field, getattr(form, field)) for field, read in _TYPED.items()))
    identity.check_apart(nik, kk)
    return PersonalData(nik, kk, name, phone)


def submitted_view(registrant: Registrant, form: RegistrationForm) -> RegistrationView:
    """The answer to a form that was just accepted, made without unsealing anything."""
    return registration_view(registrant, personal_data(form))


def registration_view(registrant: Registrant, person: PersonalData) -> RegistrationView:
    """Mask a registration."""
    return fill(
        RegistrationView,
        registrant,
        nik=f"{person.nik[:4]}**********{person.nik[-2:]}",
        kk=f"{person.kk[:4]}**********{person.kk[-2:]}",
        name=person.name,
        phone=None if registrant.phone_lost_at else f"+62********{person.phone[-4:]}",
        province=str(registrant.region),
        verification=_shown(registrant),
        differs=tuple(sorted(registrant.differs)) if registrant.sees_what_differs else (),
        nik_held="claimed" if registrant.claimed_at else "contested" if registrant.contested_at else "yes",
    )


def masked_name(name: str) -> str:
    """Of each word the first letter and how many follow, so that a clerk sees whether it may be the card's name."""
    return " ".join(word[0] + "*" * (len(word) - 1) for word in name.split())


def _shown(registrant: Registrant) -> Literal["PENDING", "UNDECIDED", "VERIFIED", "DIFFERS"]:
    """Who claims a NIK is told nothing, as any number of accounts may guess at its owner's data."""
    if registrant.claimed_at is not None:
        return "PENDING"
    if registrant.verification is Verification.PENDING:
        return "PENDING" if registrant.undecided is None else "UNDECIDED"
    return "DIFFERS" if registrant.verification in DIFFERING else "VERIFIED"


def financial_address(form: FinancialAddressForm, kind: Literal["bank", "wallet"]) -> FinancialAddress:
    """A financial address, normalised. Raises `MalformedAccountNumber`, `MalformedName`."""
    account_number, holder_name = all_of(
        partial(identity.parse_account_number, kind, form.account_number),
        partial(person_name, "holder_name", form.holder_name),
    )
    return FinancialAddress(form.code, account_number, holder_name)


def financial_address_view(address: FinancialAddress) -> FinancialAddressView:
    """Mask a financial address: its owner recognises it by the last four digits."""
    verdict = address.check.verdict if address.check else None
    return fill(
        FinancialAddressView,
        address,
        account_number=f"********{address.account_number[-4:]}",
        verification="verified" if verdict is Verdict.MATCHED else "unverified" if verdict else "pending",
        to_do=_TO_DO[verdict] if verdict else "wait",
    )


_TO_DO: dict[Verdict, ToDo] = {
    Verdict.MATCHED: "nothing",
    Verdict.NOT_OFFERED: "nothing",
    Verdict.NOT_FOUND: "correct_account_number",
    Verdict.MISMATCHED: "correct_holder_name",
    Verdict.NOT_REGISTERED_NAME: "own_account_or_registered_name",
    Verdict.ANOTHERS: "correct_account_number",
}
