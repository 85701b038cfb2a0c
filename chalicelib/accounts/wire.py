"""The JSON of accounts. Unknown fields are refused; a contact is masked on the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from ..structs import fill

if TYPE_CHECKING:
    from .sign_ins import Progress, Started

Language = Annotated[Literal["id", "en"], Meta(description="The language to write to the person in")]
Device = Annotated[
    Literal["phone", "computer", "tablet", "other"], Meta(description="What it is: the message with the code names it")
]


class _Form(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    # Struct's own repr would put a secret into a traceback.
    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


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


class CodeAgainForm(_Form, frozen=True):
    """`POST /sign-ins/{sign_in_id}/codes`."""

    secret: Annotated[str, Meta(max_length=64, description="As `POST /sign-ins` gave it")]


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


def started_view(started: Started) -> SignInStarted:
    """What the device that began is told."""
    return fill(SignInStarted, started)


def progress_view(progress: Progress) -> SignInProgress:
    """What anybody is told who knows the sign-in's id."""
    return fill(SignInProgress, progress)
