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


class AddressUnchecked(DomainError):
    """The provider did not say under which name the account is known; the message must come again."""

    code = "payout_address_unchecked"


class NotNow(DomainError):
    """`action` is nothing that an administrator may do to an entitlement that is `state`, such as `HELD (ADMIN)`."""

    code = "payout_not_now"


class NoProposal(DomainError):
    """Nothing is proposed about `entitlement_id`, or what was is out of date since the entitlement moved on."""

    code = "payout_no_proposal"


class ProposalStands(DomainError):
    """`decision` is proposed already by `maker`; it is approved or taken back before another is proposed."""

    code = "payout_proposal_stands"


class SamePerson(DomainError):
    """The maker of a proposal cannot approve it."""

    code = "payout_same_person"


class ProviderObjects(DomainError):
    """The provider's answer (`fact`) does not rule out that the attempt is alive or has paid; nothing was decided."""

    code = "payout_provider_objects"


class CeilingChanged(DomainError):
    """The ceiling `name` is not what the administrator gave as its present value; nothing was changed."""

    code = "payout_ceiling_changed"


class UnknownBatch(DomainError):
    """There is no bank file `batch`."""

    code = "unknown_bank_file"


class StatementUnreadable(DomainError):
    """A provider's statement could not be read to its end; `fact` says why. Nothing was compared with a part of it."""

    code = "statement_unreadable"


class DayNotOver(DomainError):
    """The WIB day `day` is not over for long enough to be compared; the latest that is is `latest`."""

    code = "day_not_over"


class BatchMoved(DomainError):
    """Somebody else decided about the bank file `batch` since it was read; nothing was written."""

    code = "bank_file_moved"


class BatchNotNow(DomainError):
    """`action` is nothing that may be done to the bank file `batch` while it is `state`."""

    code = "bank_file_not_now"


class BatchDiffers(DomainError):
    """The bank file `batch`, made again, is not the one that was proposed: its `what` differs; nothing was written."""

    code = "bank_file_differs"


class BatchOutdated(DomainError):
    """`moved` transfers of the bank file `batch` were settled or answered by the bank: it is not written (again)."""

    code = "bank_file_outdated"


class PayoutsPaused(DomainError):
    """Payouts are paused, so no bank file is written."""

    code = "payouts_paused"


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
    AddressUnchecked: (
        503,
        "Rekening belum dapat diperiksa dan akan diperiksa lagi.",
        "The account could not be checked yet and will be checked again.",
    ),
    NotNow: (
        409,
        "Tindakan {action} tidak dapat dilakukan atas pembayaran berstatus {state}.",
        "This is no time for {action}: the payout is {state}.",
    ),
    NoProposal: (404, "Tidak ada usulan untuk pembayaran ini.", "Nothing is proposed about this payout."),
    ProposalStands: (
        409,
        "Sudah ada usulan {decision} untuk pembayaran ini.",
        "{decision} is proposed about this payout already.",
    ),
    SamePerson: (
        403,
        "Usulan harus disetujui oleh orang lain.",
        "A proposal is approved by another person than the one who made it.",
    ),
    ProviderObjects: (
        409,
        "Penyedia belum memastikan bahwa pembayaran ini berakhir ({fact}).",
        "The provider does not say that this payment is over ({fact}).",
    ),
    CeilingChanged: (
        409,
        "Nilai itu bukan batas {name} yang sekarang berlaku; tidak ada yang diubah.",
        "That value is not the present ceiling {name}; nothing was changed.",
    ),
    UnknownBatch: (404, "Berkas bank {batch} tidak ada.", "There is no bank file {batch}."),
    StatementUnreadable: (
        502,
        "Laporan penyedia tidak dapat dibaca seluruhnya ({fact}).",
        "The provider's statement cannot be read to its end ({fact}).",
    ),
    DayNotOver: (
        409,
        "Tanggal {day} belum dapat dicocokkan; yang terakhir adalah {latest}.",
        "The day {day} cannot be compared yet; the latest that can is {latest}.",
    ),
    BatchMoved: (
        409,
        "Berkas bank {batch} baru saja diputuskan orang lain.",
        "Somebody else decided about the bank file {batch} just now.",
    ),
    BatchNotNow: (
        409,
        "Berkas bank {batch} berstatus {state} dan tidak dapat di-{action}.",
        "The bank file {batch} is {state} and cannot be changed by {action}.",
    ),
    BatchDiffers: (
        409,
        "Berkas bank {batch} tidak sama dengan yang diusulkan ({what}).",
        "The bank file {batch} is not the one that was proposed ({what}).",
    ),
    BatchOutdated: (
        409,
        "{moved} transfer pada berkas bank {batch} sudah diselesaikan atau dijawab bank, jadi berkas tidak ditulis.",
        "{moved} transfers of the bank file {batch} are settled or answered by the bank already: it is not written.",
    ),
    PayoutsPaused: (409, "Pembayaran sedang dihentikan sementara.", "Payouts are paused."),
    InvalidCallback: (401, "Token panggilan balik tidak sah.", "The callback token is not valid."),
}
