"""The refusals of accounts, each with its status and texts. A docstring adds what these leave out.

No refusal identifies a person or shows whether a contact has an account.
"""

from __future__ import annotations

from ..errors import DomainError


class MalformedContact(DomainError):
    """`kind` says what the text was read as; that depends on whether it has an @."""

    code = "malformed_contact"
    about = "contact"
    status = 422
    indonesian = "Tuliskan alamat surel, atau nomor ponsel Indonesia."
    english = "Give an e-mail address, or an Indonesian mobile number."


class CodeExpired(DomainError):
    code = "code_expired"
    status = 422
    indonesian = "Kode konfirmasi sudah kedaluwarsa; mintalah kode baru."
    english = "The confirmation code has expired; ask for a new one."


class MalformedPasskey(DomainError):
    """The browser did not make the new passkey for us as asked. The answer does not say what is wrong."""

    code = "malformed_passkey"
    status = 422
    indonesian = "Kunci sandi ini tidak dapat didaftarkan; silakan coba lagi."
    english = "This passkey cannot be registered; please try again."


class PasskeyRefused(DomainError):
    """The passkey is unknown, removed, not usable yet, or its signature is wrong. The answer does not say which."""

    code = "passkey_refused"
    status = 401
    indonesian = "Kunci sandi ini tidak diterima; silakan masuk dengan cara lain."
    english = "This passkey is not accepted; please sign in another way."


class ChallengeExpired(DomainError):
    """We did not make the challenge for this purpose, or it is older than five minutes or was used."""

    code = "challenge_expired"
    status = 401
    indonesian = "Permintaan ini sudah kedaluwarsa; silakan ulangi dari awal."
    english = "This request has expired; please begin again."


class PasskeyKnown(DomainError):
    code = "passkey_known"
    status = 409
    indonesian = "Kunci sandi ini sudah terdaftar."
    english = "This passkey is already registered."


class TooManyPasskeys(DomainError):
    code = "too_many_passkeys"
    status = 409
    indonesian = "Paling banyak {passkeys_max} kunci sandi; hapus satu lebih dahulu."
    english = "At most {passkeys_max} passkeys; remove one first."


class IdTokenRefused(DomainError):
    """It is no ID token of a configured issuer for us, or too old, or used before. The answer does not say which."""

    code = "id_token_refused"
    status = 401
    indonesian = "Masuk lewat penyedia identitas ini tidak berhasil; silakan ulangi dari awal."
    english = "Signing in with this identity provider did not work; please begin again."


class SessionExpired(DomainError):
    """The refresh token is forged, revoked or too old. The person must sign in again."""

    code = "session_expired"
    status = 401
    indonesian = "Sesi berakhir; silakan masuk lagi."
    english = "The session has ended; sign in again."


class TooManyRequests(DomainError):
    """The session has used as many proofs as it may in some minutes."""

    code = "too_many_requests"
    status = 429
    indonesian = "Terlalu banyak percobaan; coba lagi nanti."
    english = "Too many attempts; try again later."


class InvalidToken(DomainError):
    """It is no valid token of this deployment and of the required kind. The answer does not say why."""

    code = "invalid_token"
    status = 401
    indonesian = "Token tidak valid."
    english = "The token is not valid."


class InvalidDpopProof(DomainError):
    """The header `DPoP` is missing or is no proof for this request (RFC 9449, 4.3). `reason` names the wrong part."""

    code = "invalid_dpop_proof"
    status = 401
    indonesian = "Bukti kepemilikan kunci (DPoP) tidak valid untuk permintaan ini."
    english = "The proof of possession (DPoP) is not valid for this request."


class UseDpopNonce(DomainError):
    """The device's clock is wrong or its nonce too old. The proof needs the nonce in the header `DPoP-Nonce`."""

    code = "use_dpop_nonce"
    status = 401
    indonesian = "Jam perangkat Anda berbeda dengan jam kami. Ulangi dengan nilai dari DPoP-Nonce."
    english = "Your device's clock is not ours. Repeat the request with the value of DPoP-Nonce."

    def __init__(self, nonce: str) -> None:
        super().__init__()
        self.headers["DPoP-Nonce"] = nonce


class SmsNotOffered(DomainError):
    code = "sms_not_offered"
    about = "contact"
    status = 422
    indonesian = "Kode lewat SMS belum tersedia; gunakan alamat surel."
    english = "Codes are not sent by SMS here; use an e-mail address."


class ProofOfWorkNeeded(DomainError):
    """More people sign in than usual. The client repeats the request with `work`, which answers this challenge."""

    code = "proof_of_work_needed"
    status = 429
    indonesian = "Sedang ramai. Perangkat Anda perlu menghitung sebentar; ini berjalan sendiri."
    english = "Many people sign in right now. Your device has to calculate for a moment; it does so by itself."


class TooManyCodes(DomainError):
    """A contact got as many codes as it may in an hour or a day, or another code was asked for too soon."""

    code = "too_many_codes"
    status = 429
    indonesian = "Kode sudah terlalu sering diminta; coba lagi {retry_after_s} detik lagi."
    english = "Too many codes were asked for; try again in {retry_after_s} seconds."


class TooManyTries(DomainError):
    """Codes of a contact were entered wrongly as often as they may be in a day."""

    code = "too_many_tries"
    status = 429
    indonesian = "Terlalu banyak kode salah; coba lagi {retry_after_s} detik lagi."
    english = "Too many wrong codes; try again in {retry_after_s} seconds."


class UnknownSignIn(DomainError):
    """No sign-in has this id, its secret is another one, or it is over. The answer does not say which."""

    code = "unknown_sign_in"
    status = 404
    indonesian = "Proses masuk ini tidak ditemukan atau sudah berakhir; mulailah lagi."
    english = "This sign-in is not known, or is over; begin again."


class WrongCode(DomainError):
    code = "wrong_code"
    about = "code"
    status = 422
    indonesian = "Kode salah. Sisa percobaan: {tries_left}."
    english = "The code is wrong. Tries left: {tries_left}."


class CodeUsedUp(DomainError):
    """The code was tried as often as it may be. Another one may be asked for."""

    code = "code_used_up"
    status = 422
    indonesian = "Kode ini sudah terlalu sering salah; mintalah kode baru."
    english = "This code was entered wrongly too often; ask for a new one."


class CodeUsed(DomainError):
    code = "code_used"
    status = 409
    indonesian = "Kode ini sudah dipakai; mulailah lagi."
    english = "This code was used already; begin again."


class ContactTaken(DomainError):
    """Only a person who has proved the contact by its code gets this answer."""

    code = "contact_taken"
    status = 409
    indonesian = "Kontak ini dipakai akun lain; masuklah dengannya, lalu hapus di sana."
    english = "This contact belongs to another account; sign in with it, and remove it there."


class ContactWaits(DomainError):
    """Another account has added this contact, and the wait is not over."""

    code = "contact_waits"
    status = 409
    indonesian = "Kontak ini sudah ditambahkan ke sebuah akun dan baru dapat dipakai masuk mulai {from_at}."
    english = "This contact was added to an account, and signs in to it from {from_at}."


class MoreProofNeeded(DomainError):
    """The number was proved too long ago. `identity_tries_left` counts tries by NIK and birth date."""

    code = "more_proof_needed"
    status = 409
    indonesian = (
        "Nomor ini lama tidak dipakai masuk dan bisa saja sudah berganti pemilik. Masuklah dari perangkat Anda yang "
        "lama, atau sertakan kunci sandi, kontak Anda yang lain, atau NIK dan tanggal lahir. Akunnya bukan milik Anda? "
        "Mulailah akun baru."
    )
    english = (
        "This number was not used to sign in for long, and may be another person's by now. Sign in from a device of "
        "yours, or add a passkey, your other contact, or NIK and birth date. Is the account not yours? Begin a new one."
    )


class IdentityUnconfirmed(DomainError):
    code = "identity_unconfirmed"
    status = 422
    indonesian = "NIK atau tanggal lahir tidak cocok. Sisa percobaan: {tries_left}."
    english = "NIK or birth date do not match. Tries left: {tries_left}."


class LastContact(DomainError):
    """Contacts that still wait or are about to end do not count."""

    code = "last_contact"
    status = 409
    indonesian = "Ini satu-satunya kontak yang dapat dipakai masuk; tambahkan yang lain dahulu."
    english = "This is the only contact that signs in; add another one first."


class TooManyContacts(DomainError):
    code = "too_many_contacts"
    status = 409
    indonesian = "Akun ini sudah memiliki {contacts_max} kontak; hapus salah satunya dahulu."
    english = "This account has {contacts_max} contacts; remove one of them first."


class NoRecovery(DomainError):
    """No recovery waits, or it has changed since it was shown."""

    code = "no_recovery"
    status = 409
    indonesian = "Tidak ada pemulihan akun yang menunggu."
    english = "No recovery of this account waits."


class RecoveryStands(DomainError):
    code = "recovery_stands"
    status = 409
    indonesian = "Pemulihan lain sudah diajukan oleh {maker}."
    english = "Another recovery stands, proposed by {maker}."


class RecoveryBySamePerson(DomainError):
    code = "recovery_by_same_person"
    status = 409
    indonesian = "Pemulihan harus disetujui orang lain."
    english = "Another person than its maker must approve a recovery."


class NotOneContact(DomainError):
    """The account that a person made to recover another one does not have exactly one contact."""

    code = "not_one_contact"
    status = 409
    indonesian = "Akun baru itu memiliki {contacts} kontak, seharusnya satu."
    english = "That new account has {contacts} contacts, and must have one."


class NotDeletableYet(DomainError):
    """Something of the person is under way.

    `because`: `payment` (money is due), `instalments` (more falls due by month), `reconciliation` (what was paid is not
    compared with the provider's statement yet), or `selection` (they are in a wave that is being drawn).
    """

    code = "not_deletable_yet"
    status = 409
    indonesian = (
        "Akun belum dapat dihapus: masih ada pembayaran yang belum selesai dan dicocokkan, atau undian yang sedang "
        "berjalan. Coba lagi setelah itu selesai."
    )
    english = (
        "The account cannot be deleted yet: a payment is not finished and compared, or a draw that you are in is under "
        "way. Try again when that is done."
    )


BEGIN = (
    MalformedContact,
    SmsNotOffered,
    TooManyCodes,
    TooManyTries,
    ProofOfWorkNeeded,
    InvalidDpopProof,
    UseDpopNonce,
)
BEGIN_AGAIN = (UnknownSignIn, TooManyCodes, TooManyTries)
ENTERING = (UnknownSignIn, WrongCode, CodeUsedUp, CodeExpired, TooManyTries)
"""The refusals of judging a code."""
PROOF = (InvalidDpopProof, UseDpopNonce)
OTHER_WAYS = (MalformedPasskey, PasskeyRefused, ChallengeExpired, IdTokenRefused)
"""The refusals of signing in without a code."""
OPENING = (*ENTERING, CodeUsed, ContactWaits, MoreProofNeeded, IdentityUnconfirmed, *OTHER_WAYS, *PROOF)
REFRESHING = (SessionExpired, TooManyRequests, *PROOF)
"""The refusals of a route that reads the session and changes something."""
LOOKING = (SessionExpired, *PROOF)
ADDING = (*ENTERING, CodeUsed, ContactTaken, TooManyContacts, *REFRESHING)
"""The refusals of adding a contact."""
ADDING_PASSKEY = (MalformedPasskey, ChallengeExpired, PasskeyKnown, TooManyPasskeys, *REFRESHING)
"""The refusals of adding a passkey."""
