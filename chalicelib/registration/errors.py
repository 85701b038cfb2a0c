"""What registration refuses, each with its status and its words. No fact here identifies a person."""

from __future__ import annotations

from ..errors import DomainError


class MalformedNik(DomainError):
    """Not a NIK: `reason` is `digits` (not 16 of them), `date` (no such day or month) or `serial` (0000)."""

    code = "malformed_nik"


class MalformedKk(DomainError):
    """Not a family card number; `reason` as for a NIK, or `nik`: it is the person's own NIK."""

    code = "malformed_kk"


class MalformedPhone(DomainError):
    """Not a valid Indonesian mobile number."""

    code = "malformed_phone"


class MalformedName(DomainError):
    """Not a name (`field` is `name` or `holder_name`): no letter, an emoji, or over `length_max` characters."""

    code = "malformed_name"


class UnknownRegion(DomainError):
    """No such province today (`field` is `province`), or no such regency in it (`field` is `regency`)."""

    code = "unknown_region"


class InFormalEducation(DomainError):
    """A student."""

    code = "in_formal_education"


class ExcludedOccupation(DomainError):
    """The stated occupation (`employment`) is one the programme excludes."""

    code = "excluded_occupation"


class UnderAge(DomainError):
    """Younger than `age_min` on the day that counts."""

    code = "under_age"


class OverAge(DomainError):
    """Older than `age_max` on the day that counts."""

    code = "over_age"


class ConsentMissing(DomainError):
    """None of the current consent texts was agreed to; `current` is the one to show."""

    code = "consent_missing"


class Excluded(DomainError):
    """The NIK is on an imported exclusion list."""

    code = "excluded"


class NikAlreadyRegistered(DomainError):
    """The NIK belongs to another registration."""

    code = "nik_already_registered"


class NikCannotChange(DomainError):
    """A registration keeps its NIK for good."""

    code = "nik_cannot_change"


class FrozenUntilSettled(DomainError):
    """Name, birth date, occupation and family card stay as they are from the join of a wave until it is settled."""

    code = "frozen_until_settled"


class FixedAfterAward(DomainError):
    """Who was chosen cannot change name, birth date, occupation and family card: two administrators correct them."""

    code = "fixed_after_award"


class NothingToCorrect(DomainError):
    """For administrators: all values are as they are kept."""

    code = "nothing_to_correct"


class NoCorrection(DomainError):
    """For administrators: nothing is proposed about a registration, or it is out of date, or another than was shown."""

    code = "no_correction"


class CorrectionStands(DomainError):
    """For administrators: `maker` has proposed another correction; it is approved or rejected before the next one."""

    code = "correction_stands"


class CorrectionBySamePerson(DomainError):
    """For administrators: the maker of a proposal cannot approve it."""

    code = "correction_same_person"


class PhoneAlreadyUsed(DomainError):
    """The phone number belongs to another registration."""

    code = "phone_already_used"


class TooManyRefusals(DomainError):
    """As many registrations and financial addresses of the account were refused on this WIB day as may be."""

    code = "too_many_refusals"


class NotRegistered(DomainError):
    """The account has no registration yet."""

    code = "not_registered"


class UnknownPayoutCode(DomainError):
    """No bank or e-wallet of that code pays incentives."""

    code = "unknown_payout_code"


class MalformedAccountNumber(DomainError):
    """Not an account number of that `kind`: a bank's has 6 to 20 digits, a wallet's is an Indonesian mobile number."""

    code = "malformed_account_number"


class AccountAlreadyUsed(DomainError):
    """Another person is paid to this account."""

    code = "account_already_used"


class PaymentUnderWay(DomainError):
    """A payment to the person's present account may be under way; it can be changed when that is over."""

    code = "payment_under_way"


class MalformedExclusionList(DomainError):
    """An exclusion list was refused whole: `wrong` lines of it are wrong, the first of them are named in `lines`."""

    code = "malformed_exclusion_list"


class UnknownExclusionList(DomainError):
    """No list of that name and version was imported."""

    code = "unknown_exclusion_list"


class ExclusionListRetracted(DomainError):
    """That version of the list was retracted for good: what is right comes as another version."""

    code = "exclusion_list_retracted"


class MalformedEmail(DomainError):
    """Not of the form of an e-mail address."""

    code = "malformed_email"


class AccountExists(DomainError):
    """The e-mail address has an account already."""

    code = "account_exists"


class WeakPassword(DomainError):
    """The pool's policy refuses the password."""

    code = "weak_password"


class CodeMismatch(DomainError):
    """The confirmation code is not the one that was sent."""

    code = "code_mismatch"


class CodeExpired(DomainError):
    """The confirmation code is too old, or none was sent; ask for a new one."""

    code = "code_expired"


class NotConfirmed(DomainError):
    """The e-mail address has not been confirmed."""

    code = "not_confirmed"


class WrongCredentials(DomainError):
    """E-mail address and password do not belong together; which of the two is wrong is not said."""

    code = "wrong_credentials"


class SessionExpired(DomainError):
    """The refresh token is forged, revoked or too old: sign in again."""

    code = "session_expired"


class TooManyRequests(DomainError):
    """The user pool refuses more attempts for now."""

    code = "too_many_requests"


class InvalidToken(DomainError):
    """Not a valid access token of this deployment's user pool; why is not said."""

    code = "invalid_token"


PROBLEMS: dict[type[DomainError], tuple[int, str, str]] = {
    MalformedNik: (
        422,
        "NIK tidak valid: NIK terdiri dari 16 angka seperti di KTP, dengan tanggal lahir pada angka ke-7 sampai ke-12.",
        "The NIK is not valid: it has 16 digits, as on the KTP, with the date of birth in the 7th to 12th.",
    ),
    MalformedKk: (
        422,
        "Nomor Kartu Keluarga tidak valid: 16 angka di bagian atas Kartu Keluarga, bukan NIK Anda.",
        "The family card number is not valid: it is the 16 digits at the top of the family card, not your NIK.",
    ),
    MalformedPhone: (
        422,
        "Nomor telepon bukan nomor seluler Indonesia yang valid; contoh yang benar: 0812-3456-7890.",
        "The phone number is not a valid Indonesian mobile number, such as 0812-3456-7890.",
    ),
    MalformedName: (
        422,
        "Nama ditulis dengan huruf, paling banyak {length_max} karakter, tanpa emoji.",
        "A name is written in letters, in at most {length_max} characters, without emoji.",
    ),
    UnknownRegion: (
        422,
        "Provinsi atau kabupaten/kota tidak dikenal.",
        "The province or regency is not known.",
    ),
    InFormalEducation: (
        422,
        "Peserta tidak boleh sedang menempuh pendidikan formal.",
        "Participants may not be in formal education.",
    ),
    ExcludedOccupation: (
        422,
        "Pekerjaan Anda tidak dapat mengikuti program ini.",
        "Your occupation is excluded from this programme.",
    ),
    UnderAge: (422, "Usia minimal {age_min} tahun.", "The minimum age is {age_min}."),
    OverAge: (422, "Usia maksimal {age_max} tahun.", "The maximum age is {age_max}."),
    ConsentMissing: (
        422,
        "Persetujuan versi {current} diperlukan.",
        "Consent to version {current} of the terms is required.",
    ),
    Excluded: (
        403,
        "NIK ini tercantum dalam daftar yang tidak dapat mengikuti program. Bila keliru, ajukan pengaduan "
        "(POST /me/grievances).",
        "This NIK is on a list of people who cannot take part in the programme. If that is wrong, file a grievance "
        "(POST /me/grievances).",
    ),
    NikAlreadyRegistered: (
        409,
        "NIK ini sudah terdaftar. Bila bukan Anda yang mendaftarkannya, ajukan pengaduan (POST /me/grievances).",
        "This NIK is already registered. If it was not you who registered it, file a grievance (POST /me/grievances).",
    ),
    NikCannotChange: (
        409,
        "NIK tidak dapat diubah setelah pendaftaran.",
        "The NIK cannot be changed after registration.",
    ),
    FrozenUntilSettled: (
        409,
        "Nama, tanggal lahir, pekerjaan, dan nomor KK tidak dapat diubah sejak Anda mengikuti gelombang {wave} sampai "
        "hasilnya selesai. Ubahlah sesudah itu, atau ajukan pengaduan tentang pendaftaran.",
        "Name, birth date, occupation and family card cannot be changed from when you joined wave {wave} until it is "
        "settled. Change them after that, or file a grievance about your registration.",
    ),
    FixedAfterAward: (
        409,
        "Nama, tanggal lahir, pekerjaan, dan nomor KK penerima tidak dapat diubah sendiri. Ajukan pengaduan tentang "
        "pendaftaran; dua petugas akan memperbaikinya.",
        "A beneficiary cannot change name, birth date, occupation and family card. File a grievance about your "
        "registration; two administrators will correct them.",
    ),
    NothingToCorrect: (409, "Data itu sudah tercatat demikian.", "This is how it is kept already."),
    NoCorrection: (
        404,
        "Tidak ada usulan perbaikan yang berlaku untuk pendaftaran ini.",
        "No correction of this registration is proposed that still holds.",
    ),
    CorrectionStands: (
        409,
        "Sudah ada usulan perbaikan untuk pendaftaran ini.",
        "A correction of this registration is proposed already.",
    ),
    CorrectionBySamePerson: (
        403,
        "Usulan perbaikan harus disetujui oleh orang lain.",
        "A correction is approved by another person than the one who proposed it.",
    ),
    PhoneAlreadyUsed: (
        409,
        "Nomor telepon ini sudah dipakai pendaftar lain. Bila itu nomor Anda, ajukan pengaduan (POST /me/grievances).",
        "This phone number is used by another registrant. If it is yours, file a grievance (POST /me/grievances).",
    ),
    TooManyRefusals: (
        429,
        "Data yang Anda kirim hari ini sudah {refusals_max} kali tidak diterima. Coba lagi besok, atau ajukan "
        "pengaduan (POST /me/grievances) agar petugas membantu.",
        "What you sent was not accepted {refusals_max} times today. Try again tomorrow, or file a grievance "
        "(POST /me/grievances) so that the helpdesk helps you.",
    ),
    NotRegistered: (409, "Anda belum melakukan pendaftaran.", "You have not registered yet."),
    UnknownPayoutCode: (422, "Bank atau dompet digital tidak dikenal.", "The bank or e-wallet is not known."),
    MalformedAccountNumber: (
        422,
        "Nomor rekening tidak valid: 6 sampai 20 angka untuk bank, nomor seluler untuk dompet digital.",
        "The account number is not valid: a bank's has 6 to 20 digits, a wallet's is its mobile number.",
    ),
    AccountAlreadyUsed: (
        409,
        "Rekening ini sudah digunakan pendaftar lain.",
        "This account is used by another registrant.",
    ),
    PaymentUnderWay: (
        409,
        "Pembayaran ke rekening Anda sedang diproses. Rekening dapat diubah setelah pembayaran itu selesai.",
        "A payment to your account is being processed. You can change the account once it is over.",
    ),
    MalformedExclusionList: (
        422,
        "Daftar ditolak seluruhnya: {wrong} baris salah ({lines}).",
        "The whole list is refused: {wrong} wrong lines ({lines}).",
    ),
    UnknownExclusionList: (
        404,
        "Tidak ada daftar dengan nama dan versi itu.",
        "There is no list of that name and version.",
    ),
    ExclusionListRetracted: (
        409,
        "Versi daftar ini sudah ditarik; impor yang benar sebagai versi lain.",
        "This version of the list was retracted; import what is right as another version.",
    ),
    MalformedEmail: (422, "Alamat surel tidak valid.", "The e-mail address is not valid."),
    AccountExists: (409, "Alamat surel ini sudah memiliki akun.", "This e-mail address already has an account."),
    WeakPassword: (
        422,
        "Kata sandi terlalu lemah; minimal {length_min} karakter.",
        "The password is too weak; use at least {length_min} characters.",
    ),
    CodeMismatch: (422, "Kode konfirmasi salah.", "The confirmation code is wrong."),
    CodeExpired: (
        422,
        "Kode konfirmasi sudah kedaluwarsa; mintalah kode baru.",
        "The confirmation code has expired; ask for a new one.",
    ),
    NotConfirmed: (
        403,
        "Alamat surel belum dikonfirmasi.",
        "The e-mail address has not been confirmed.",
    ),
    WrongCredentials: (401, "Surel atau kata sandi salah.", "The e-mail address or the password is wrong."),
    SessionExpired: (401, "Sesi berakhir; silakan masuk lagi.", "The session has ended; sign in again."),
    TooManyRequests: (
        429,
        "Terlalu banyak percobaan; coba lagi nanti.",
        "Too many attempts; try again later.",
    ),
    InvalidToken: (401, "Token tidak valid.", "The token is not valid."),
}
