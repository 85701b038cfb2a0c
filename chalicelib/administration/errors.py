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


class PersonalDataInLine(DomainError):
    """A line of the journal is kept for good and may not have a NIK, a phone number or an e-mail address."""

    code = "personal_data_in_line"
    status = 422
    indonesian = "Alasan atau rujukan berisi NIK, nomor telepon atau alamat email, padahal disimpan selamanya."
    english = (
        "A reason or what it is about has a NIK, a phone number or an e-mail address, which would be kept for good."
    )
