"""The refusals of the training domain, with their status and wording."""

from __future__ import annotations

from ..errors import DomainError
from ..registration.errors import Excluded
from ..waves.errors import BeneficiaryRevoked, PurchaseDeadlinePassed


class SignatureMissing(DomainError):
    """A signing header is absent or not of its form; `header` names it."""

    code = "partner_signature_missing"


class SignatureExpired(DomainError):
    """The signed time is more than `clock_skew_s` seconds off, either way."""

    code = "partner_signature_expired"


class SignatureInvalid(DomainError):
    """No such partner, or not its signature: a stranger cannot tell which."""

    code = "partner_signature_invalid"


class PartnerRevoked(DomainError):
    """A good signature by a partner that has been revoked."""

    code = "partner_revoked"


class RequestReplayed(DomainError):
    """This very signature was accepted before. A retry is signed anew, with its own time."""

    code = "partner_request_replayed"


class UnknownCourse(DomainError):
    """There is no such course in the catalogue."""

    code = "unknown_course"


class CourseNotOffered(DomainError):
    """The course, or its partner, has been withdrawn."""

    code = "course_not_offered"


class MalformedCatalogue(DomainError):
    """A catalogue to import has wrong lines; nothing of it was taken.

    Facts: `wrong`, how many, and `lines`, the first of them with what is wrong: `3: price_idr; 7: skills`.
    """

    code = "malformed_catalogue"


class CatalogueNotProposed(DomainError):
    """What another administrator proposed to import, if anything, is not this catalogue."""

    code = "catalogue_not_proposed"


class NotBeneficiary(DomainError):
    """Only who was chosen has a training balance."""

    code = "not_beneficiary"


class BalanceTooLow(DomainError):
    """The course costs more than is left. Facts: `balance_idr`, `price_idr`."""

    code = "balance_too_low"


class TrainingAlreadyRedeemed(DomainError):
    """The partner has taken the redeem code in: there is nothing to cancel any more."""

    code = "training_already_redeemed"


class CancellationTooLate(DomainError):
    """The time to cancel is over. Facts: `until`, the last instant."""

    code = "cancellation_too_late"


class RedeemCodeUnknown(DomainError):
    """No such code, or another partner's: a partner cannot tell which."""

    code = "redeem_code_unknown"


class CardMismatch(DomainError):
    """The card is not that of the person who bought the training."""

    code = "card_mismatch"


class TrainingCancelled(DomainError):
    """The purchase was cancelled; its code is void."""

    code = "training_cancelled"


class ParticipantBlocked(DomainError):
    """The participant may spend nothing more; a partner is not told why."""

    code = "participant_blocked"


class WrongTrainingState(DomainError):
    """A report came before the one that it needs. Facts: `state`, where the training is, and `needs`."""

    code = "wrong_training_state"


class ReportedOtherwise(DomainError):
    """The partner reported this of the training before, with other facts."""

    code = "reported_otherwise"


class CertificateAlreadyUsed(DomainError):
    """The partner reported this certificate before, for another training."""

    code = "certificate_already_used"


class ReportedInFuture(DomainError):
    """`attended_at` or `completed_at` is later than the partner's clock may be ahead of ours."""

    code = "time_in_future"


class CompletedTooSoon(DomainError):
    """The hours of the course cannot have passed yet. Facts: `hours`, `earliest`, when they can have."""

    code = "completed_too_soon"


class ReportedTooEarly(DomainError):
    """`attended_at` is before the purchase, or `completed_at` before `attended_at`. Facts: `earliest`."""

    code = "time_too_early"


class NotCompleted(DomainError):
    """A training is reviewed after it was completed. Facts: `state`."""

    code = "training_not_completed"


class AlreadyReviewed(DomainError):
    """The training has another review; a review is written once."""

    code = "already_reviewed"


PROBLEMS: dict[type[DomainError], tuple[int, str, str]] = {
    SignatureMissing: (
        401,
        "Tajuk {header} tidak ada atau bentuknya salah.",
        "The header {header} is missing or malformed.",
    ),
    SignatureExpired: (
        401,
        "Waktu permintaan menyimpang lebih dari {clock_skew_s} detik. Periksa jam Anda lalu tanda tangani kembali.",
        "The time of the request is off by more than {clock_skew_s} seconds. Check your clock and sign again.",
    ),
    SignatureInvalid: (
        401,
        "Mitra tidak dikenal atau tanda tangan salah.",
        "The partner is unknown or the signature is wrong.",
    ),
    PartnerRevoked: (401, "Akses mitra ini telah dicabut.", "This partner's access has been revoked."),
    RequestReplayed: (
        401,
        "Permintaan ini sudah pernah diterima. Untuk mengulang, tanda tangani kembali dengan waktu baru.",
        "This request was received before. To try again, sign it anew with a new time.",
    ),
    UnknownCourse: (404, "Pelatihan ini tidak ada di katalog.", "There is no such course in the catalogue."),
    CourseNotOffered: (
        409,
        "Pelatihan ini tidak lagi ditawarkan.",
        "This course is no longer offered.",
    ),
    MalformedCatalogue: (
        400,
        "Katalog memiliki {wrong} baris yang salah: {lines}. Tidak ada yang diimpor.",
        "The catalogue has {wrong} wrong lines: {lines}. Nothing was imported.",
    ),
    CatalogueNotProposed: (
        409,
        "Katalog ini tidak diusulkan oleh pengelola lain, atau isinya berbeda.",
        "This catalogue is not the one that was proposed; nothing was imported.",
    ),
    NotBeneficiary: (
        409,
        "Hanya penerima manfaat yang memiliki saldo pelatihan.",
        "Only a beneficiary has a training balance.",
    ),
    BalanceTooLow: (
        409,
        "Saldo pelatihan Anda Rp{balance_idr}, sedangkan harga pelatihan ini Rp{price_idr}.",
        "Your training balance is Rp{balance_idr}; this course costs Rp{price_idr}.",
    ),
    TrainingAlreadyRedeemed: (
        409,
        "Kode pelatihan ini sudah ditukarkan sehingga pembelian tidak dapat dibatalkan.",
        "The code of this training has been redeemed; the purchase cannot be cancelled.",
    ),
    CancellationTooLate: (
        409,
        "Pembelian ini hanya dapat dibatalkan sampai {until}.",
        "This purchase could be cancelled until {until}.",
    ),
    RedeemCodeUnknown: (
        404,
        "Kode penukaran tidak dikenal.",
        "There is no such redeem code.",
    ),
    CardMismatch: (
        409,
        "Kartu ini bukan milik pembeli pelatihan.",
        "This card is not that of the person who bought the training.",
    ),
    TrainingCancelled: (
        409,
        "Pembelian pelatihan ini telah dibatalkan.",
        "The purchase of this training was cancelled.",
    ),
    ParticipantBlocked: (
        409,
        "Kode ini tidak dapat ditukarkan; peserta dapat menanyakan alasannya kepada layanan pengaduan.",
        "This code cannot be taken in; the participant may ask the help desk why.",
    ),
    WrongTrainingState: (
        409,
        "Pelatihan ini berstatus {state}; laporan ini memerlukan status {needs}.",
        "This training is {state}; for this report it must be {needs}.",
    ),
    ReportedOtherwise: (
        409,
        "Hal ini sudah dilaporkan dengan data lain; tidak ada yang diubah.",
        "This was already reported with other facts; nothing was changed.",
    ),
    CertificateAlreadyUsed: (
        409,
        "Nomor sertifikat ini sudah dilaporkan untuk pelatihan lain.",
        "This certificate number was already reported for another training.",
    ),
    ReportedInFuture: (
        422,
        "Waktu yang dilaporkan berada di masa depan.",
        "The reported time is in the future.",
    ),
    ReportedTooEarly: (
        422,
        "Waktu yang dilaporkan mendahului {earliest}.",
        "The reported time is before {earliest}.",
    ),
    CompletedTooSoon: (
        422,
        "Pelatihan ini berlangsung sedikitnya {hours} jam dan tidak dapat selesai sebelum {earliest}.",
        "This course takes {hours} hours at least; it cannot be completed before {earliest}.",
    ),
    NotCompleted: (
        409,
        "Pelatihan diulas setelah diselesaikan; statusnya kini {state}.",
        "A training is reviewed after it was completed; it is {state} now.",
    ),
    AlreadyReviewed: (
        409,
        "Pelatihan ini sudah Anda ulas; ulasan tidak dapat diubah.",
        "You have already reviewed this training; a review cannot be changed.",
    ),
}
"""HTTP status, Indonesian text, English text; texts may use the error's facts."""

SIGNED = (SignatureMissing, SignatureExpired, SignatureInvalid, PartnerRevoked, RequestReplayed)
"""What any signed request may meet."""

PURCHASE = (
    NotBeneficiary,
    BeneficiaryRevoked,
    PurchaseDeadlinePassed,
    Excluded,
    UnknownCourse,
    CourseNotOffered,
    BalanceTooLow,
)
CANCELLATION = (TrainingAlreadyRedeemed, CancellationTooLate)
REVIEW = (AlreadyReviewed, NotCompleted)
REDEMPTION = (*SIGNED, RedeemCodeUnknown, CardMismatch, TrainingCancelled, ParticipantBlocked)
ATTENDANCE = (*SIGNED, RedeemCodeUnknown, ReportedOtherwise, WrongTrainingState, ReportedInFuture, ReportedTooEarly)
COMPLETION = (*ATTENDANCE, CompletedTooSoon, CertificateAlreadyUsed)
"""The refusals of an endpoint."""
