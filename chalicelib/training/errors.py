"""The refusals of the training domain, with their status and wording."""

from __future__ import annotations

from ..errors import DomainError


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


class CertificateAlreadyUsed(DomainError):
    """The partner reported this certificate before, with another card, course or time."""

    code = "certificate_already_used"


class CompletedInFuture(DomainError):
    """`completed_at` is after the present."""

    code = "completed_in_future"


class CompletedBeforeAward(DomainError):
    """`completed_at` is before the person was chosen (`awarded_at`)."""

    code = "completed_before_award"


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
    CertificateAlreadyUsed: (
        409,
        "Nomor sertifikat ini sudah dilaporkan dengan data lain.",
        "This certificate number was already reported with other facts.",
    ),
    CompletedInFuture: (
        422,
        "Waktu penyelesaian berada di masa depan.",
        "The time of completion is in the future.",
    ),
    CompletedBeforeAward: (
        422,
        "Pelatihan diselesaikan sebelum peserta terpilih pada {awarded_at}.",
        "The training was completed before the person was chosen at {awarded_at}.",
    ),
    AlreadyReviewed: (
        409,
        "Pelatihan ini sudah Anda ulas; ulasan tidak dapat diubah.",
        "You have already reviewed this training; a review cannot be changed.",
    ),
}
"""HTTP status, Indonesian text, English text; texts may use the error's facts."""
