"""What registration refuses, each with its status and its words; a docstring adds what these leave out.

No fact here identifies a person.
"""

from __future__ import annotations

from ..errors import DomainError, Words


class MalformedNik(DomainError):
    """Not a NIK: `reason` is `digits` (not 16 of them), `date` (no such day or month) or `serial` (0000)."""

    code = "malformed_nik"
    about = "nik"
    status = 422
    indonesian = (
        "NIK tidak valid: NIK terdiri dari 16 angka seperti di KTP, dengan tanggal lahir pada angka ke-7 sampai ke-12."
    )
    english = "The NIK is not valid: it has 16 digits, as on the KTP, with the date of birth in the 7th to 12th."


class MalformedKk(DomainError):
    """Not a family card number; `reason` as for a NIK, or `nik`: it is the person's own NIK."""

    code = "malformed_kk"
    about = "kk"
    status = 422
    indonesian = "Nomor Kartu Keluarga tidak valid: 16 angka di bagian atas Kartu Keluarga, bukan NIK Anda."
    english = "The family card number is not valid: it is the 16 digits at the top of the family card, not your NIK."


class MalformedPhone(DomainError):
    code = "malformed_phone"
    about = "phone"
    status = 422
    indonesian = "Nomor telepon bukan nomor seluler Indonesia yang valid; contoh yang benar: 0812-3456-7890."
    english = "The phone number is not a valid Indonesian mobile number, such as 0812-3456-7890."


class MalformedName(DomainError):
    """Not a name (`field` is `name` or `holder_name`): no letter, an emoji, or over `length_max` characters.

    Nor is a registrant's `name` that of several people ("Siti atau Joko").
    """

    code = "malformed_name"
    status = 422
    indonesian = (
        "Nama ditulis dengan huruf, paling banyak {length_max} karakter, tanpa emoji. Nama pendaftar adalah nama satu "
        'orang, tanpa "atau" dan garis miring.'
    )
    english = (
        "A name is written in letters, in at most {length_max} characters, without emoji. A registrant's name is that "
        'of one person, without "or" and slashes.'
    )


class UnknownRegion(DomainError):
    """No such province today (`field` is `province`), or no such regency in it (`field` is `regency`)."""

    code = "unknown_region"
    status = 422
    indonesian = "Provinsi atau kabupaten/kota tidak dikenal."
    english = "The province or regency is not known."


class InFormalEducation(DomainError):
    code = "in_formal_education"
    status = 422
    indonesian = "Peserta tidak boleh sedang menempuh pendidikan formal."
    english = "Participants may not be in formal education."


class ExcludedOccupation(DomainError):
    """The stated occupation (`employment`) is one the programme excludes."""

    code = "excluded_occupation"
    status = 422
    indonesian = "Pekerjaan Anda tidak dapat mengikuti program ini."
    english = "Your occupation is excluded from this programme."


class EducationNotAccepted(DomainError):
    """The highest level completed (`education`) is none of those that the programme takes (`accepted`)."""

    code = "education_not_accepted"
    about = "education"
    status = 422
    indonesian = "Pendidikan terakhir Anda tidak termasuk yang dapat mengikuti program ini."
    english = "Your highest education is not one with which you can take part in this programme."


class UnderAge(DomainError):
    code = "under_age"
    status = 422
    indonesian = "Usia minimal {age_min} tahun."
    english = "The minimum age is {age_min}."


class OverAge(DomainError):
    code = "over_age"
    status = 422
    indonesian = "Usia maksimal {age_max} tahun."
    english = "The maximum age is {age_max}."


class ConsentMissing(DomainError):
    code = "consent_missing"
    about = "consent_version"
    status = 422
    indonesian = "Persetujuan versi {current} diperlukan."
    english = "Consent to version {current} of the terms is required."


class ConsentWithdrawn(DomainError):
    code = "consent_withdrawn"
    status = 403
    indonesian = "Anda telah menarik persetujuan untuk ikut serta. Untuk ikut lagi, berikan lagi di pendaftaran Anda."
    english = "You have withdrawn your consent to take part. To take part again, give it again in your registration."


class Excluded(DomainError):
    code = "excluded"
    status = 403
    indonesian = (
        "NIK ini tercantum dalam daftar yang tidak dapat mengikuti program. Bila keliru, ajukan pengaduan "
        "(POST /me/grievances)."
    )
    english = (
        "This NIK is on a list of people who cannot take part in the programme. If that is wrong, file a grievance "
        "(POST /me/grievances)."
    )


class NikAlreadyRegistered(DomainError):
    code = "nik_already_registered"
    about = "nik"
    status = 409
    indonesian = (
        "NIK ini sudah terdaftar. Bila NIK ini milik Anda, daftarlah dengan klaim (claim_nik), atau ajukan pengaduan "
        "(POST /me/grievances)."
    )
    english = (
        "This NIK is already registered. If it is yours, register with a claim to it (claim_nik), or file a grievance "
        "(POST /me/grievances)."
    )


class TooManyClaims(DomainError):
    code = "too_many_claims"
    about = "nik"
    status = 409
    indonesian = (
        "Satu akun dapat mengklaim NIK paling banyak {claims_max} kali. Ajukan pengaduan (POST /me/grievances)."
    )
    english = "An account claims a NIK at most {claims_max} times. File a grievance (POST /me/grievances)."


_WHAT_NEXT: dict[str, Words] = {
    "nik_contested": (
        "Belum jelas siapa pemilik NIK Anda. Datanglah sendiri dengan KTP ke kantor kami, atau tanyakan lewat "
        "pengaduan tentang pendaftaran.",
        "It is not clear yet whose your NIK is. Come yourself to an office of ours with your KTP, or ask by a "
        "complaint about the registration.",
    ),
    "differs": (
        "Data Anda berbeda dengan data kependudukan. Ajukan pengaduan tentang pendaftaran.",
        "Your data differ from the civil registry. File a complaint about the registration.",
    ),
    "undecided": (
        "Data kependudukan belum dapat memastikan data Anda. Kami menanyakannya lagi. Waktu untuk membeli tidak "
        "berkurang; bila lama, tanyakan lewat pengaduan tentang pendaftaran.",
        "The civil registry could not confirm your data yet. We ask it again. You lose no time to buy; if it takes "
        "long, ask by a complaint about the registration.",
    ),
    "pending": (
        "Data kependudukan belum menjawab tentang Anda. Tunggulah: waktu untuk membeli tidak berkurang.",
        "The civil registry has not answered about you yet. Please wait: you lose no time to buy.",
    ),
}


class NikCannotChange(DomainError):
    code = "nik_cannot_change"
    about = "nik"
    status = 409
    indonesian = "NIK tidak dapat diubah setelah pendaftaran."
    english = "The NIK cannot be changed after registration."


class NotConfirmed(DomainError):
    """It is not certain yet who the person is: nothing is bought, and a place may only wait for them.

    `because`: `nik_contested` (another registration has the NIK, or no less proof of it), `differs`, `undecided` (the
    civil registry has answered, and could not decide), or `pending` (it has not answered yet).
    """

    code = "person_not_confirmed"
    status = 409
    indonesian = "Pelatihan belum dapat dibeli. {what_next}"
    english = "No training can be bought yet. {what_next}"

    def __init__(self, because: str = "pending") -> None:
        super().__init__(because=because, what_next=_WHAT_NEXT[because])


class FrozenUntilSettled(DomainError):
    code = "frozen_until_settled"
    status = 409
    indonesian = (
        "Nama, tanggal lahir, pekerjaan, dan nomor KK tidak dapat diubah sejak Anda mengikuti gelombang {wave} sampai "
        "hasilnya selesai. Ubahlah sesudah itu, atau ajukan pengaduan tentang pendaftaran."
    )
    english = (
        "Name, birth date, occupation and family card cannot be changed from when you joined wave {wave} until it is "
        "settled. Change them after that, or file a grievance about your registration."
    )


class FixedAfterAward(DomainError):
    code = "fixed_after_award"
    status = 409
    indonesian = (
        "Nama, tanggal lahir, pekerjaan, dan nomor KK penerima tidak dapat diubah sendiri. Ajukan pengaduan tentang "
        "pendaftaran; dua petugas akan memperbaikinya."
    )
    english = (
        "A beneficiary cannot change name, birth date, occupation and family card. File a grievance about your "
        "registration; two administrators will correct them."
    )


class PhoneAlreadyUsed(DomainError):
    code = "phone_already_used"
    about = "phone"
    status = 409
    indonesian = (
        "Nomor telepon ini sudah dipakai pendaftar lain. Bila itu nomor Anda, ajukan pengaduan (POST /me/grievances)."
    )
    english = "This phone number is used by another registrant. If it is yours, file a grievance (POST /me/grievances)."


class TooManyRefusals(DomainError):
    code = "too_many_refusals"
    status = 429
    indonesian = (
        "Data yang Anda kirim hari ini sudah {refusals_max} kali tidak diterima. Coba lagi besok, atau ajukan "
        "pengaduan (POST /me/grievances) agar petugas membantu."
    )
    english = (
        "What you sent was not accepted {refusals_max} times today. Try again tomorrow, or file a grievance "
        "(POST /me/grievances) so that the helpdesk helps you."
    )


class TooManyCorrections(DomainError):
    """What the civil registry did not confirm was corrected too often, by account or NIK; again from `again_from`."""

    code = "too_many_corrections"
    status = 429
    indonesian = (
        "Data Anda sudah terlalu sering diubah sejak tidak cocok dengan data kependudukan. Cocokkan dengan KTP dan "
        "Kartu Keluarga, lalu ubah lagi nanti, atau ajukan pengaduan (POST /me/grievances)."
    )
    english = (
        "Your data was changed too often since it did not agree with the civil registry. Compare it with your KTP and "
        "family card and change it again later, or file a grievance (POST /me/grievances)."
    )


class NotRegistered(DomainError):
    code = "not_registered"
    status = 409
    indonesian = "Anda belum melakukan pendaftaran."
    english = "You have not registered yet."


class PresenceCodeUnknown(DomainError):
    """Nobody who registered with this NIK, or claims it, has made this code, or it is used, replaced or too old."""

    code = "presence_code_unknown"
    status = 404
    indonesian = (
        "Tidak ada pendaftaran dengan NIK dan kode ini, atau kodenya tidak berlaku lagi. Minta peserta membuat kode "
        "baru dan memeriksa NIK di pendaftarannya."
    )
    english = (
        "There is no registration with this NIK and code, or the code is no longer good. Have the person make a new "
        "code and check the NIK of their registration."
    )


class PresenceOfAnother(DomainError):
    """The national ID names another NIK than the registration."""

    code = "presence_of_another"
    status = 409
    indonesian = "Identitas digital itu menyebut NIK lain daripada pendaftaran Anda. Periksa NIK di pendaftaran Anda."
    english = "The digital ID names another NIK than your registration. Check the NIK of your registration."


class UnknownPayoutCode(DomainError):
    code = "unknown_payout_code"
    about = "code"
    status = 422
    indonesian = "Bank atau dompet digital tidak dikenal."
    english = "The bank or e-wallet is not known."


class MalformedAccountNumber(DomainError):
    """Not an account number of that `kind`: a bank's has 6 to 20 digits, a wallet's is an Indonesian mobile number."""

    code = "malformed_account_number"
    about = "account_number"
    status = 422
    indonesian = "Nomor rekening tidak valid: 6 sampai 20 angka untuk bank, nomor seluler untuk dompet digital."
    english = "The account number is not valid: a bank's has 6 to 20 digits, a wallet's is its mobile number."


class AccountAlreadyUsed(DomainError):
    code = "account_already_used"
    about = "account_number"
    status = 409
    indonesian = "Rekening ini sudah digunakan pendaftar lain."
    english = "This account is used by another registrant."


class PaymentUnderWay(DomainError):
    code = "payment_under_way"
    status = 409
    indonesian = "Pembayaran ke rekening Anda sedang diproses. Rekening dapat diubah setelah pembayaran itu selesai."
    english = "A payment to your account is being processed. You can change the account once it is over."


CORRECTING: tuple[type[DomainError], ...] = (
    MalformedKk,
    MalformedPhone,
    MalformedName,
    UnknownRegion,
    InFormalEducation,
    ExcludedOccupation,
    EducationNotAccepted,
    UnderAge,
    OverAge,
    ConsentMissing,
    TooManyRefusals,
    TooManyCorrections,
    Excluded,
    FixedAfterAward,
    FrozenUntilSettled,
    PhoneAlreadyUsed,
)
"""What a change of a registration may be refused for."""
OF_NIK = (NikCannotChange, NikAlreadyRegistered)
"""And one of its NIK."""
