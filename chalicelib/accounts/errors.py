"""What accounts refuse, each with its status and its words; a docstring adds what these leave out.

No fact here identifies a person, and none says whether a contact has an account.
"""

from __future__ import annotations

from ..errors import DomainError


class MalformedContact(DomainError):
    """`kind`: what the text was taken for, by whether it has an @."""

    code = "malformed_contact"
    status = 422
    indonesian = "Tuliskan alamat surel, atau nomor ponsel Indonesia."
    english = "Give an e-mail address, or an Indonesian mobile number."


class CodeExpired(DomainError):
    code = "code_expired"
    status = 422
    indonesian = "Kode konfirmasi sudah kedaluwarsa; mintalah kode baru."
    english = "The confirmation code has expired; ask for a new one."


class MalformedPasskey(DomainError):
    """A new passkey that a browser did not make for us as asked: the answer does not say what is wrong with it."""

    code = "malformed_passkey"
    status = 422
    indonesian = "Kunci sandi ini tidak dapat didaftarkan; silakan coba lagi."
    english = "This passkey cannot be registered; please try again."


class PasskeyRefused(DomainError):
    """Unknown, removed, not usable yet, or not signed as it must be; the answer does not say which."""

    code = "passkey_refused"
    status = 401
    indonesian = "Kunci sandi ini tidak diterima; silakan masuk dengan cara lain."
    english = "This passkey is not accepted; please sign in another way."


class ChallengeExpired(DomainError):
    """The challenge was not made by us for this purpose, is older than five minutes, or was used."""

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
    """No ID token of a configured issuer for us, or too old, or exchanged before; the answer does not say which."""

    code = "id_token_refused"
    status = 401
    indonesian = "Masuk lewat penyedia identitas ini tidak berhasil; silakan ulangi dari awal."
    english = "Signing in with this identity provider did not work; please begin again."


class SessionExpired(DomainError):
    """The refresh token is forged, revoked or too old: sign in again."""

    code = "session_expired"
    status = 401
    indonesian = "Sesi berakhir; silakan masuk lagi."
    english = "The session has ended; sign in again."


class TooManyRequests(DomainError):
    """The user pool refuses more attempts for now."""

    code = "too_many_requests"
    status = 429
    indonesian = "Terlalu banyak percobaan; coba lagi nanti."
    english = "Too many attempts; try again later."


class InvalidToken(DomainError):
    """Not a valid token of this deployment, of the kind that is asked for; the answer does not say why."""

    code = "invalid_token"
    status = 401
    indonesian = "Token tidak valid."
    english = "The token is not valid."


class InvalidDpopProof(DomainError):
    """The header `DPoP` is missing, or is no proof for this request (RFC 9449, 4.3); `reason` names the part."""

    code = "invalid_dpop_proof"
    status = 401
    indonesian = "Bukti kepemilikan kunci (DPoP) tidak valid untuk permintaan ini."
    english = "The proof of possession (DPoP) is not valid for this request."


class UseDpopNonce(DomainError):
    """The proof needs the nonce of the answer's header `DPoP-Nonce`: its clock is off, or its nonce is too old."""

    code = "use_dpop_nonce"
    status = 401
    indonesian = "Jam perangkat Anda berbeda dengan jam kami. Ulangi dengan nilai dari DPoP-Nonce."
    english = "Your device's clock is not ours. Repeat the request with the value of DPoP-Nonce."

    def __init__(self, nonce: str) -> None:
        super().__init__()
        self.headers["DPoP-Nonce"] = nonce


class SmsNotOffered(DomainError):
    code = "sms_not_offered"
    status = 422
    indonesian = "Kode lewat SMS belum tersedia; gunakan alamat surel."
    english = "Codes are not sent by SMS here; use an e-mail address."


class ProofOfWorkNeeded(DomainError):
    """More people sign in than usual. Repeat the request with `work`: an answer for this challenge and its bits."""

    code = "proof_of_work_needed"
    status = 429
    indonesian = "Sedang ramai. Perangkat Anda perlu menghitung sebentar; ini berjalan sendiri."
    english = "Many people sign in right now. Your device has to calculate for a moment; it does so by itself."


class TooManyCodes(DomainError):
    """One contact was sent as many codes as it may be in an hour or a day, or another one is asked for too soon."""

    code = "too_many_codes"
    status = 429
    indonesian = "Kode sudah terlalu sering diminta; coba lagi {retry_after_s} detik lagi."
    english = "Too many codes were asked for; try again in {retry_after_s} seconds."


class TooManyTries(DomainError):
    """Codes of one contact were guessed as often as they may be in a day."""

    code = "too_many_tries"
    status = 429
    indonesian = "Terlalu banyak kode salah; coba lagi {retry_after_s} detik lagi."
    english = "Too many wrong codes; try again in {retry_after_s} seconds."


class UnknownSignIn(DomainError):
    """There is none of this id, or its secret is another one, or it is over; the answer does not say which."""

    code = "unknown_sign_in"
    status = 404
    indonesian = "Proses masuk ini tidak ditemukan atau sudah berakhir; mulailah lagi."
    english = "This sign-in is not known, or is over; begin again."


class WrongCode(DomainError):
    code = "wrong_code"
    status = 422
    indonesian = "Kode salah. Sisa percobaan: {tries_left}."
    english = "The code is wrong. Tries left: {tries_left}."


class CodeUsedUp(DomainError):
    """It was guessed as often as it may be; another one may be asked for."""

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
    """Said only to who has proved the contact by its code."""

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
    """A number that was proved too long ago. `identity_tries_left`: by NIK and birth date."""

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
    """Contacts that wait for their time, or are about to end, do not count."""

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
    """None waits, or it is not as it was shown any more."""

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
    """The account that somebody made to recover another one."""

    code = "not_one_contact"
    status = 409
    indonesian = "Akun baru itu memiliki {contacts} kontak, seharusnya satu."
    english = "That new account has {contacts} contacts, and must have one."


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
"""What judging a code refuses."""
PROOF = (InvalidDpopProof, UseDpopNonce)
OTHER_WAYS = (MalformedPasskey, PasskeyRefused, ChallengeExpired, IdTokenRefused)
"""What signing in without a code refuses."""
OPENING = (*ENTERING, CodeUsed, ContactWaits, MoreProofNeeded, IdentityUnconfirmed, *OTHER_WAYS, *PROOF)
REFRESHING = (SessionExpired, TooManyRequests, *PROOF)
"""What a route refuses that reads the session, and changes something."""
LOOKING = (SessionExpired, *PROOF)
ADDING = (*ENTERING, CodeUsed, ContactTaken, TooManyContacts, *REFRESHING)
"""What adding a contact refuses."""
ADDING_PASSKEY = (MalformedPasskey, ChallengeExpired, PasskeyKnown, TooManyPasskeys, *REFRESHING)
"""What adding a passkey refuses."""
