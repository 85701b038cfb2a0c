"""The refusals of the training domain, with their status and wording."""

from __future__ import annotations

from ..errors import DomainError
from ..registration.errors import Excluded, NotConfirmed
from ..waves.errors import BeneficiaryRevoked, PurchaseDeadlinePassed


class SignatureMissing(DomainError):
    """A signing header is absent or not of its form; `header` names it."""

    code = "partner_signature_missing"
    status = 401
    indonesian = "Tajuk {header} tidak ada atau bentuknya salah."
    english = "The header {header} is missing or malformed."


class SignatureExpired(DomainError):
    """The signed time is more than `clock_skew_s` seconds off, either way."""

    code = "partner_signature_expired"
    status = 401
    indonesian = (
        "Waktu permintaan menyimpang lebih dari {clock_skew_s} detik. Periksa jam Anda lalu tanda tangani kembali."
    )
    english = "The time of the request is off by more than {clock_skew_s} seconds. Check your clock and sign again."


class SignatureInvalid(DomainError):
    """No such partner, or not its signature; the answer does not say which."""

    code = "partner_signature_invalid"
    status = 401
    indonesian = "Mitra tidak dikenal atau tanda tangan salah."
    english = "The partner is unknown or the signature is wrong."


class PartnerRevoked(DomainError):
    code = "partner_revoked"
    status = 401
    indonesian = "Akses mitra ini telah dicabut."
    english = "This partner's access has been revoked."


class PartnerNotAllowed(DomainError):
    """A partner of another kind: a training partner reports no presence, and an office nothing else, and nothing at all
    until another person approved it.
    """

    code = "partner_not_allowed"
    status = 403
    indonesian = "Mitra ini tidak berwenang untuk permintaan ini."
    english = "This partner may not make this request."


class RequestReplayed(DomainError):
    """This very signature was accepted before. A retry is signed anew, with its own time."""

    code = "partner_request_replayed"
    status = 401
    indonesian = "Permintaan ini sudah pernah diterima. Untuk mengulang, tanda tangani kembali dengan waktu baru."
    english = "This request was received before. To try again, sign it anew with a new time."


class UnknownCourse(DomainError):
    code = "unknown_course"
    status = 404
    indonesian = "Pelatihan ini tidak ada di katalog."
    english = "There is no such course in the catalogue."


class CourseNotOffered(DomainError):
    """The course, or its partner, has been withdrawn."""

    code = "course_not_offered"
    status = 409
    indonesian = "Pelatihan ini tidak lagi ditawarkan."
    english = "This course is no longer offered."


class MalformedCatalogue(DomainError):
    """A catalogue to import has wrong lines; none of it was imported.

    Facts: `wrong`, how many, and `lines`, the first of them with what is wrong: `3: price_idr; 7: skills`.
    """

    code = "malformed_catalogue"
    status = 400
    indonesian = "Katalog memiliki {wrong} baris yang salah: {lines}. Tidak ada yang diimpor."
    english = "The catalogue has {wrong} wrong lines: {lines}. Nothing was imported."


class CatalogueNotProposed(DomainError):
    """This catalogue is not the one that another administrator proposed, or nothing is proposed."""

    code = "catalogue_not_proposed"
    status = 409
    indonesian = "Katalog ini tidak diusulkan oleh pengelola lain, atau isinya berbeda."
    english = "This catalogue is not the one that was proposed; nothing was imported."


class ImportBegun(DomainError):
    """An approval writes the catalogue by now, or has broken off: approving it again ends it."""

    code = "catalogue_import_begun"
    status = 409
    indonesian = "Impor katalog ini sudah dimulai sehingga tidak dapat ditolak; setujui lagi untuk menyelesaikannya."
    english = "The import of this catalogue has begun and is not rejected any more; approve it again to finish it."


class NotBeneficiary(DomainError):
    code = "not_beneficiary"
    status = 409
    indonesian = "Hanya penerima manfaat yang memiliki saldo pelatihan."
    english = "Only a beneficiary has a training balance."


class BalanceTooLow(DomainError):
    """The course costs more than is left. Facts: `balance_idr`, `price_idr`."""

    code = "balance_too_low"
    status = 409
    indonesian = "Saldo pelatihan Anda {balance_idr}, sedangkan harga pelatihan ini {price_idr}."
    english = "Your training balance is {balance_idr}; this course costs {price_idr}."


class TrainingAlreadyRedeemed(DomainError):
    code = "training_already_redeemed"
    status = 409
    indonesian = "Kode pelatihan ini sudah ditukarkan sehingga pembelian tidak dapat dibatalkan."
    english = "The code of this training has been redeemed; the purchase cannot be cancelled."


class CancellationTooLate(DomainError):
    """The time to cancel is over. Facts: `until`, the last instant."""

    code = "cancellation_too_late"
    status = 409
    indonesian = "Pembelian ini hanya dapat dibatalkan sampai {until}."
    english = "This purchase could be cancelled until {until}."


class RedeemCodeUnknown(DomainError):
    """No such code, or another partner's; the answer does not say which."""

    code = "redeem_code_unknown"
    status = 404
    indonesian = "Kode penukaran tidak dikenal."
    english = "There is no such redeem code."


class CardMismatch(DomainError):
    code = "card_mismatch"
    status = 409
    indonesian = "Kartu ini bukan milik pembeli pelatihan."
    english = "This card is not that of the person who bought the training."


class TrainingCancelled(DomainError):
    code = "training_cancelled"
    status = 409
    indonesian = "Pembelian pelatihan ini telah dibatalkan."
    english = "The purchase of this training was cancelled."


class ParticipantBlocked(DomainError):
    """The participant may spend and earn nothing more; a partner is not told why."""

    code = "participant_blocked"
    status = 409
    indonesian = "Kode ini tidak dapat digunakan; peserta dapat menanyakan alasannya kepada layanan pengaduan."
    english = "This code cannot be used; the participant may ask the help desk why."


class WrongTrainingState(DomainError):
    """A report came before the report that must come first. Facts: `state`, where the training is, and `needs`."""

    code = "wrong_training_state"
    status = 409
    indonesian = "Pelatihan ini berstatus {state}; laporan ini memerlukan status {needs}."
    english = "This training is {state}; for this report it must be {needs}."


class ReportedOtherwise(DomainError):
    """This was reported before with other facts; a month, perhaps of another training of the participant's."""

    code = "reported_otherwise"
    status = 409
    indonesian = "Hal ini sudah dilaporkan dengan data lain; tidak ada yang diubah."
    english = "This was already reported with other facts; nothing was changed."


class CertificateAlreadyUsed(DomainError):
    """The partner reported this certificate before, for another training."""

    code = "certificate_already_used"
    status = 409
    indonesian = "Nomor sertifikat ini sudah dilaporkan untuk pelatihan lain."
    english = "This certificate number was already reported for another training."


class ReportedInFuture(DomainError):
    """`attended_at` or `completed_at` is later than the partner's clock may be ahead of ours; a month is not over."""

    code = "time_in_future"
    status = 422
    indonesian = "Waktu yang dilaporkan berada di masa depan."
    english = "The reported time is in the future."


class TooManyDays(DomainError):
    """The participant cannot have been there on so many days of the month. Facts: `most`."""

    code = "too_many_days"
    status = 422
    indonesian = "Peserta dapat hadir paling banyak {most} hari pada bulan itu."
    english = "The participant can have been there on {most} days of that month at most."


class AttendanceNotPaid(DomainError):
    """The participant's scheme pays no more months of attendance. Facts: `times`, how many it pays."""

    code = "attendance_not_paid"
    status = 409
    indonesian = "Skema peserta ini membayar {times} bulan kehadiran, dan tidak lebih."
    english = "The scheme of this participant pays {times} months of attendance, and no more."


class AttendedLater(DomainError):
    """The completion leaves fewer days of a month than were reported, and paid. Facts: `month`, `days` as reported."""

    code = "attended_later"
    status = 409
    indonesian = "Untuk bulan {month} sudah dilaporkan {days} hari hadir; pelatihan tidak dapat selesai sebelum itu."
    english = "{days} days of attendance were reported for {month}; the training cannot be completed before them."


class CompletedTooSoon(DomainError):
    """The hours of the course cannot have passed yet. Facts: `hours`, `earliest`, when they may have."""

    code = "completed_too_soon"
    status = 422
    indonesian = "Pelatihan ini berlangsung sedikitnya {hours} jam dan tidak dapat selesai sebelum {earliest}."
    english = "This course takes {hours} hours at least; it cannot be completed before {earliest}."


class ReportedTooEarly(DomainError):
    """`attended_at` is before the purchase, `completed_at` before `attended_at`, or a month before the code was taken
    in. Facts: `earliest`.
    """

    code = "time_too_early"
    status = 422
    indonesian = "Waktu yang dilaporkan mendahului {earliest}."
    english = "The reported time is before {earliest}."


class NotCompleted(DomainError):
    """Only a completed training can be reviewed. Facts: `state`."""

    code = "training_not_completed"
    status = 409
    indonesian = "Pelatihan diulas setelah diselesaikan; statusnya kini {state}."
    english = "A training is reviewed after it was completed; it is {state} now."


class AlreadyReviewed(DomainError):
    code = "already_reviewed"
    status = 409
    indonesian = "Pelatihan ini sudah Anda ulas; ulasan tidak dapat diubah."
    english = "You have already reviewed this training; a review cannot be changed."


SIGNED = (SignatureMissing, SignatureExpired, SignatureInvalid, PartnerRevoked, PartnerNotAllowed, RequestReplayed)
"""The refusals that any signed request may get."""

PURCHASE = (
    NotBeneficiary,
    BeneficiaryRevoked,
    NotConfirmed,
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
MONTH = (*ATTENDANCE, TooManyDays, AttendanceNotPaid, ParticipantBlocked)
COMPLETION = (*ATTENDANCE, CompletedTooSoon, AttendedLater, CertificateAlreadyUsed)
"""The refusals of an endpoint."""
