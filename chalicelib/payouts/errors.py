"""What the payouts domain refuses, and what must be tried again."""

from __future__ import annotations

from ..errors import DomainError


class UnknownEntitlement(DomainError):
    """The ledger has no entitlement `entitlement_id`."""

    code = "unknown_entitlement"
    status = 404
    indonesian = "Hak pembayaran ini tidak ada."
    english = "There is no such entitlement."


class NotInScheme(DomainError):
    """The person's scheme `scheme` pays nothing of this `kind`."""

    code = "not_in_scheme"
    status = 409
    indonesian = "Skema {scheme} tidak membayar jenis {kind}."
    english = "Scheme {scheme} pays nothing of the kind {kind}."


class OutcomeNotKnown(DomainError):
    """It is not known whether the provider has acted on `entitlement_id` (`reason`); the message must come again."""

    code = "payout_outcome_pending"
    status = 503
    indonesian = "Hasil pembayaran belum diketahui dan akan ditanyakan lagi."
    english = "The outcome of the payment is not known yet and will be asked again."


class Superseded(DomainError):
    """Another worker moved `entitlement_id` since it was read; nothing was written; the message must come again."""

    code = "payout_superseded"
    status = 503
    indonesian = "Pembayaran ini sedang diproses; coba lagi sebentar lagi."
    english = "This payment is being processed; try again shortly."


class AddressUnchecked(DomainError):
    """The provider did not say under which name the account is known; the message must come again."""

    code = "payout_address_unchecked"
    status = 503
    indonesian = "Rekening belum dapat diperiksa dan akan diperiksa lagi."
    english = "The account could not be checked yet and will be checked again."


class NotNow(DomainError):
    """An administrator may not do `action` to an entitlement that is `state`, such as `HELD (ADMIN)`."""

    code = "payout_not_now"
    status = 409
    indonesian = "Tindakan {action} tidak dapat dilakukan atas pembayaran berstatus {state}."
    english = "This is no time for {action}: the payout is {state}."


class NoProposal(DomainError):
    """No proposal about `entitlement_id` stands, or the entitlement moved on since."""

    code = "payout_no_proposal"
    status = 404
    indonesian = "Tidak ada usulan untuk pembayaran ini."
    english = "Nothing is proposed about this payout."


class ProposalStands(DomainError):
    """`decision` is proposed already by `maker`; it must be approved or taken back before another is proposed."""

    code = "payout_proposal_stands"
    status = 409
    indonesian = "Sudah ada usulan {decision} untuk pembayaran ini."
    english = "{decision} is proposed about this payout already."


class SamePerson(DomainError):
    """The maker of a proposal cannot approve it."""

    code = "payout_same_person"
    status = 403
    indonesian = "Usulan harus disetujui oleh orang lain."
    english = "A proposal is approved by another person than the one who made it."


class ProviderObjects(DomainError):
    """The provider's answer (`fact`) does not rule out that the attempt is alive or has paid; nothing was decided."""

    code = "payout_provider_objects"
    status = 409
    indonesian = "Penyedia belum memastikan bahwa pembayaran ini berakhir ({fact})."
    english = "The provider does not say that this payment is over ({fact})."


class CeilingChanged(DomainError):
    """The ceiling `name` is not what the administrator gave as its present value; nothing was changed."""

    code = "payout_ceiling_changed"
    status = 409
    indonesian = "Nilai itu bukan batas {name} yang sekarang berlaku; tidak ada yang diubah."
    english = "That value is not the present ceiling {name}; nothing was changed."


class UnknownBatch(DomainError):
    """There is no bank file `batch`."""

    code = "unknown_bank_file"
    status = 404
    indonesian = "Berkas bank {batch} tidak ada."
    english = "There is no bank file {batch}."


class StatementUnreadable(DomainError):
    """A provider's statement could not be read to its end; `fact` says why. Part of a statement is never compared."""

    code = "statement_unreadable"
    status = 502
    indonesian = "Laporan penyedia tidak dapat dibaca seluruhnya ({fact})."
    english = "The provider's statement cannot be read to its end ({fact})."


class DayNotOver(DomainError):
    """The WIB day `day` ended too recently to be compared; `latest` is the latest day that may be."""

    code = "day_not_over"
    status = 409
    indonesian = "Tanggal {day} belum dapat dicocokkan; yang terakhir adalah {latest}."
    english = "The day {day} cannot be compared yet; the latest that can is {latest}."


class BatchMoved(DomainError):
    """Somebody else decided about the bank file `batch` since it was read; nothing was written."""

    code = "bank_file_moved"
    status = 409
    indonesian = "Berkas bank {batch} baru saja diputuskan orang lain."
    english = "Somebody else decided about the bank file {batch} just now."


class BatchNotNow(DomainError):
    """`action` is not allowed for the bank file `batch` while it is `state`."""

    code = "bank_file_not_now"
    status = 409
    indonesian = "Berkas bank {batch} berstatus {state} dan tidak dapat di-{action}."
    english = "The bank file {batch} is {state} and cannot be changed by {action}."


class BatchDiffers(DomainError):
    """The bank file `batch`, made again, is not the one that was proposed: its `what` differs; nothing was written."""

    code = "bank_file_differs"
    status = 409
    indonesian = "Berkas bank {batch} tidak sama dengan yang diusulkan ({what})."
    english = "The bank file {batch} is not the one that was proposed ({what})."


class BatchOutdated(DomainError):
    """`moved` transfers of the bank file `batch` were settled or answered by the bank: it is not written (again)."""

    code = "bank_file_outdated"
    status = 409
    indonesian = (
        "{moved} transfer pada berkas bank {batch} sudah diselesaikan atau dijawab bank, jadi berkas tidak ditulis."
    )
    english = (
        "{moved} transfers of the bank file {batch} are settled or answered by the bank already: it is not written."
    )


class NothingToCome(DomainError):
    """The person `registrant` has no incentives to come that could be stopped."""

    code = "nothing_to_come"
    status = 409
    indonesian = "Tidak ada insentif yang akan datang bagi {registrant}."
    english = "There are no incentives to come for {registrant}."


class NothingToContinue(DomainError):
    """The payments of the person `registrant` are not stopped, or what was proposed is not what was shown."""

    code = "nothing_to_continue"
    status = 409
    indonesian = (
        "Pembayaran bagi {registrant} tidak dihentikan, atau usulan untuk melanjutkannya tidak ada atau berubah."
    )
    english = "The payments of {registrant} are not stopped, or the proposal to continue them is not there or changed."


class PayoutsPaused(DomainError):
    """Payouts are paused, so no bank file is written."""

    code = "payouts_paused"
    status = 409
    indonesian = "Pembayaran sedang dihentikan sementara."
    english = "Payouts are paused."


class InvalidCallback(DomainError):
    """A webhook without the callback token that was agreed with the provider."""

    code = "invalid_callback"
    status = 401
    indonesian = "Token panggilan balik tidak sah."
    english = "The callback token is not valid."
