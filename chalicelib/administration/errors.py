"""Refusals about who administers, and about the journal."""

from __future__ import annotations

from ..errors import DomainError


class UnnamedSession(DomainError):
    """The gateway's word on who calls names no person whom nobody but an account's administrator could change."""

    code = "unnamed_session"
    status = 403
    indonesian = (
        "{arn} tidak menyebut nama orang. Pakai pengguna IAM, sesi dari IAM Identity Center, atau peran milik stage "
        "ini, yang memaksa nama sesinya."
    )
    english = (
        "{arn} names no person. Use an IAM user, a session of IAM Identity Center, or one of this stage's own roles, "
        "which force their sessions' names."
    )


class NotOnRoster(DomainError):
    """The stage has a roster, and nobody on it has this name."""

    code = "not_on_roster"
    status = 403
    indonesian = "Nama {name} tidak ada di daftar petugas stage ini."
    english = "Nobody on this stage's roster has the name {name}."


class MalformedRoster(DomainError):
    """`line` is of the file, `reason` what is wrong with it."""

    code = "malformed_roster"
    status = 422
    indonesian = "Daftar petugas, baris {line}: {reason}."
    english = "The roster, line {line}: {reason}."


class RosterWithoutYou(DomainError):
    """Who proposes or approves a roster is on it: so two people are left who can change it again."""

    code = "roster_without_you"
    status = 422
    indonesian = "Nama Anda, {name}, tidak ada di daftar petugas yang diajukan."
    english = "Your name, {name}, is not on the roster that is proposed."


class NameOfAnother(DomainError):
    """A name is one person's for good, so that nobody approves as somebody else what they proposed."""

    code = "roster_name_of_another"
    status = 422
    indonesian = "Nama {name} sudah milik {person}, dan tetap demikian. Pakai nama lain."
    english = "The name {name} is {person}'s for good. Use another name."


class RosterStands(DomainError):
    code = "roster_stands"
    status = 409
    indonesian = "Daftar petugas lain sudah diajukan oleh {maker}."
    english = "Another roster stands, proposed by {maker}."


class NoRoster(DomainError):
    """No roster is proposed, or not the one that was looked at any more."""

    code = "no_roster_proposed"
    status = 404
    indonesian = "Tidak ada daftar petugas yang diajukan, atau bukan lagi yang ini."
    english = "No roster is proposed, or not this one any more."


class RosterBySamePerson(DomainError):
    """One person by the roster that holds, or by the one that is proposed."""

    code = "roster_by_same_person"
    status = 409
    indonesian = "Daftar petugas harus disetujui orang lain daripada pengusulnya."
    english = "A roster is approved by another person than the one who proposed it."


class ForeignStep(DomainError):
    """Where a command is to go on, and what it counted, is what the administration answered to the same caller."""

    code = "foreign_step"
    status = 400
    indonesian = "Perintah ini tidak pernah sampai ke langkah itu. Jalankan lagi dari awal."
    english = "The command has never come to this step. Run it again from its beginning."


class LateStep(DomainError):
    """What a command had done may not hold any more an hour after the last answer, or a day after it began."""

    code = "late_step"
    status = 409
    indonesian = (
        "Langkah sebelumnya sudah lebih dari satu jam yang lalu, atau perintah ini dimulai lebih dari sehari yang "
        "lalu. Jalankan lagi dari awal."
    )
    english = (
        "The step before was more than an hour ago, or the command began more than a day ago. Run it again from its "
        "beginning."
    )


class PersonalDataInLine(DomainError):
    """A line of the journal is kept for good: no NIK, phone number or e-mail address, and a person by an id alone."""

    code = "personal_data_in_line"
    status = 422
    indonesian = (
        "Alasan atau rujukan berisi NIK, nomor telepon atau alamat email, atau orangnya tidak disebut dengan id, "
        "padahal disimpan selamanya."
    )
    english = (
        "A reason or what it is about has a NIK, a phone number or an e-mail address, or a person is not named by "
        "an id, and it would be kept for good."
    )
