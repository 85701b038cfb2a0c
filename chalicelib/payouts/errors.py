"""What the payouts domain refuses, and what it asks to be tried again."""

from __future__ import annotations

from ..errors import DomainError


class UnknownEntitlement(DomainError):
    """The ledger has no entitlement `entitlement_id`."""

    code = "unknown_entitlement"


class NotInScheme(DomainError):
    """The person's scheme `scheme` pays nothing of this `kind`."""

    code = "not_in_scheme"


class PendingOutcome(DomainError):
    """Whether the provider has acted on `entitlement_id` is not known (`reason`); the message must come again."""

    code = "payout_outcome_pending"


class Superseded(DomainError):
    """Another worker moved `entitlement_id` since it was read; nothing was written; the message must come again."""

    code = "payout_superseded"


class InvalidCallback(DomainError):
    """A webhook without the callback token that was agreed with the provider."""

    code = "invalid_callback"


PROBLEMS: dict[type[DomainError], tuple[int, str, str]] = {
    UnknownEntitlement: (404, "Hak pembayaran ini tidak ada.", "There is no such entitlement."),
    NotInScheme: (
        409,
        "Skema {scheme} tidak membayar jenis {kind}.",
        "Scheme {scheme} pays nothing of the kind {kind}.",
    ),
    PendingOutcome: (
        503,
        "Hasil pembayaran belum diketahui dan akan ditanyakan lagi.",
        "The outcome of the payment is not known yet and will be asked again.",
    ),
    Superseded: (
        503,
        "Pembayaran ini sedang diproses; coba lagi sebentar lagi.",
        "This payment is being processed; try again shortly.",
    ),
    InvalidCallback: (401, "Token panggilan balik tidak sah.", "The callback token is not valid."),
}
