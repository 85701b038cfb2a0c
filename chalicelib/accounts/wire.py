"""The JSON of accounts. Unknown fields are refused; a contact is masked on the way out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from .. import typed_text
from ..clock import iso
from ..errors import Malformed
from ..figures.people import AccountRules
from ..privacy.wire import Stays
from ..structs import fill
from .contacts.contact import ContactKind
from .passkeys.wire import UsedPasskey
from .sessions.rules import How, Session, ends_at

if TYPE_CHECKING:
    from .rules import AskedChange
    from .signing_in.sign_ins import Progress, Started
    from .tokens.signing_keys import SigningKey

Language = Annotated[Literal["id", "en"], Meta(description="The language to write to the person in")]
Device = Annotated[
    Literal["phone", "computer", "tablet", "other"], Meta(description="What it is: the message with the code names it")
]


_ONE_WAY = ("salah satu dari code, passkey, dan id_token", "one of code, passkey and id_token")
_NIK = typed_text.field(typed_text.compact, "[0-9]{16}", ("16 angka seperti di KTP", "16 digits, as on the KTP"))


class _Form(typed_text.Typed, frozen=True, forbid_unknown_fields=True, kw_only=True):
    # Struct's own repr would put a secret into a traceback.
    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class WorkDone(_Form, frozen=True):
    """SHA-256 of `<challenge>.<answer>` begins with as many zero bits as were asked for."""

    challenge: Annotated[str, Meta(max_length=100)]
    answer: Annotated[str, Meta(max_length=64)]


class SignInStart(_Form, frozen=True):
    """`POST /sign-ins`."""

    contact: Annotated[
        str,
        Meta(
            max_length=320,
            description="An e-mail address or an Indonesian mobile number",
            examples=["siti@example.com", "0812-3456-7890"],
        ),
    ]
    language: Language = "id"
    device: Device = "other"
    device_token: (
        Annotated[
            str,
            Meta(
                max_length=2048,
                description="As `POST /sessions` gave it, with a header `DPoP` of the same key: a device that has "
                "signed in with this contact before has limits of its own",
            ),
        ]
        | None
    ) = None
    work: Annotated[WorkDone, Meta(description="After `proof_of_work_needed`")] | None = None


class CodeAgainForm(_Form, frozen=True):
    """`POST /sign-ins/{sign_in_id}/codes`."""

    secret: Annotated[str, Meta(max_length=64, description="As `POST /sign-ins` gave it")]


class EnteredCode(_Form, frozen=True):
    """A code, as the person typed it, for the sign-in that it was sent for."""

    sign_in_id: Annotated[str, Meta(pattern=r"^[a-z2-7]{26}$", description="As `POST /sign-ins` gave it")]
    secret: Annotated[str, Meta(max_length=64, description="As `POST /sign-ins` gave it")]
    code: Annotated[str, Meta(max_length=32, examples=["123456"])]


class SignInStarted(_Form, frozen=True):
    """A sign-in that waits for its code. Only the device that began has the secret; it never stands in an address."""

    sign_in_id: str
    secret: str
    arrives_in_s: Annotated[int, Meta(description="About when the code comes")]
    code_again_at: Annotated[str, Meta(description="From when on another code may be asked for")]
    expires_at: str


class SignInProgress(Struct, frozen=True, kw_only=True):
    """How far the last code has come."""

    state: Literal["queued", "sent", "undeliverable"]
    arrives_in_s: Annotated[int, Meta(description="About when the code comes; 0 if it was sent, or never will be")]
    code_again_at: Annotated[
        str | None, Meta(description="From when on another code may be asked for; null if none may")
    ]


class IdentityForm(_Form, frozen=True):
    """By what the owner of a number is known that was not used to sign in for long."""

    nik: Annotated[str, Meta(description="16 digits", examples=["3174095708950001"])]
    birth_date: Annotated[date, Meta(examples=["1995-08-17"])]

    checks: ClassVar = {"nik": _NIK}


class PasskeySignIn(_Form, frozen=True):
    """A passkey, as a page has it from `navigator.credentials.get` with the options of `POST /passkey-challenges`."""

    credential: UsedPasskey
    device: Device = "other"


class TokenSignIn(_Form, frozen=True):
    """The ID token of another issuer, within ten minutes, once."""

    issuer: Annotated[str, Meta(max_length=32, description="The issuer's name here")]
    token: Annotated[str, Meta(max_length=8192, description="The ID token, a JWT")]
    nonce: Annotated[
        str, Meta(min_length=32, max_length=128, description="The text whose SHA-256 (base64url) is the token's nonce")
    ]
    language: Language = "id"
    device: Device = "other"


class SessionForm(_Form, frozen=True):
    """`POST /sessions`: a code, a passkey or an ID token. With a header `DPoP` (RFC 9449) the session belongs to the
    device whose key made it.

    A number that was not used to sign in for 60 days needs more than its code, on a device that does not know it: the
    code of another contact of the account, a passkey of it, or NIK and birth date, or `fresh`.
    """

    code: EnteredCode | None = None
    passkey: PasskeySignIn | None = None
    id_token: TokenSignIn | None = None
    other_code: EnteredCode | None = None
    other_passkey: Annotated[UsedPasskey, Meta(description="As the credential of `passkey`")] | None = None
    identity: IdentityForm | None = None
    fresh: Annotated[bool, Meta(description="The account of this number is not mine: begin a new one")] = False

    def __post_init__(self) -> None:
        if [self.code, self.passkey, self.id_token].count(None) != 2:
            raise Malformed(field="$", reason=_ONE_WAY)


class LanguageForm(_Form, frozen=True):
    """`PUT /me/language`."""

    language: Language


class RefreshForm(_Form, frozen=True):
    """`POST /sessions/refreshes`, with a header `DPoP` of the session's key."""

    refresh_token: Annotated[str, Meta(max_length=128)]


class SessionOpened(Struct, frozen=True, kw_only=True):
    """A session. The refresh token is good with its device's key only; a client without a key has none."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - no secret: how OAuth says that it needs no proof
    expires_in_s: int
    session_id: str
    refresh_token: str | None = None
    device_token: Annotated[
        str | None, Meta(description="For `POST /sign-ins`: this device has signed in with this contact before")
    ] = None
    new_account: bool


class SessionRefreshed(Struct, frozen=True, kw_only=True):
    """A new access token; the refresh token stays as it is."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - no secret: how OAuth says that it needs no proof
    expires_in_s: int


class SessionView(Struct, frozen=True, kw_only=True):
    """A device that is signed in."""

    session_id: str
    device: str
    how: Annotated[How, Meta(description="By what it was begun")]
    started_at: str
    last_used_at: str
    ends_at: Annotated[str, Meta(description="If it is not used again")]
    has_key: bool
    current: Annotated[bool, Meta(description="Whether it is the one that asks")]


class SessionList(Struct, frozen=True):
    """`GET /me/sessions`."""

    sessions: list[SessionView]


def started_view(started: Started) -> SignInStarted:
    """What the device that began is told."""
    return fill(SignInStarted, started)


def progress_view(progress: Progress) -> SignInProgress:
    """What anybody is told who knows the sign-in's id."""
    return fill(SignInProgress, progress)


class ContactForm(_Form, frozen=True):
    """`POST /me/contacts`: the code that `POST /sign-ins` had sent to the new contact."""

    code: EnteredCode
    fresh: Annotated[bool, Meta(description="A number that is mine now may be taken from whoever had it before")] = (
        False
    )


class ContactView(Struct, frozen=True, kw_only=True):
    """A contact of the caller, masked."""

    contact_id: str
    kind: ContactKind
    contact: Annotated[str, Meta(examples=["s•••@example.com", "+62•••••••7890"])]
    signs_in_from: Annotated[datetime | None, Meta(description="A new one that waits; null: it signs in")]
    signs_in_until: Annotated[datetime | None, Meta(description="One that is about to go; null: it stays")]


class ContactList(Struct, frozen=True):
    """`GET /me/contacts`, with the language in which the caller is written to."""

    contacts: list[ContactView]
    language: Literal["id", "en"]


class ChangeView(Struct, frozen=True, kw_only=True):
    """A change of how the caller signs in, or the deletion of the account: it waits until `takes_effect_at`, or took
    effect then.
    """

    change_id: str
    change: Literal["contact_added", "contact_removed", "passkey_added", "passkey_removed", "account_deleted"]
    subject: Annotated[str, Meta(description="The id of the contact or passkey, or of the deletion")]
    asked_at: datetime
    takes_effect_at: datetime
    stays: Annotated[list[Stays], Meta(description="Of a deletion: what is kept of the NIK after it")]


class ChangeList(Struct, frozen=True):
    """`GET /me/changes`."""

    changes: list[ChangeView]


def change_view(asked: AskedChange, stays: list[Stays]) -> ChangeView:
    """A change as its owner sees it."""
    return fill(ChangeView, asked, change_id=asked.id, change=asked.change.value, stays=stays)


class PublicKey(_Form, frozen=True):
    """The public half of a signing key (RFC 7517)."""

    kid: Annotated[str, Meta(description="Its UTC day and its number on that day", examples=["2026-11-29.1"])]
    x: str
    y: str
    kty: Literal["EC"] = "EC"
    crv: Literal["P-256"] = "P-256"
    alg: Literal["ES256"] = "ES256"
    use: Literal["sig"] = "sig"


class PublicKeys(_Form, frozen=True):
    """The keys that access tokens are signed with: yesterday's and today's, an hour before midnight tomorrow's."""

    keys: list[PublicKey]


def keys_view(published: Iterable[SigningKey]) -> PublicKeys:
    """Keys as `GET /.well-known/jwks.json` shows them."""
    return PublicKeys(keys=[PublicKey(kid=key.kid, x=key.public_jwk["x"], y=key.public_jwk["y"]) for key in published])


def session_view(session: Session, rules: AccountRules, *, current: bool) -> SessionView:
    """A session as its owner sees it."""
    until = iso(ends_at(session, rules))
    return fill(
        SessionView, session, session_id=session.id, ends_at=until, has_key=session.jkt is not None, current=current
    )
