"""What an import or a retraction of an exclusion list is refused for."""

from __future__ import annotations

from ...errors import DomainError


class MalformedExclusionList(DomainError):
    """An exclusion list was refused as a whole: `wrong` of its lines are wrong, and `lines` names the first of them."""

    code = "malformed_exclusion_list"
    status = 422
    indonesian = "Daftar ditolak seluruhnya: {wrong} baris salah ({lines})."
    english = "The whole list is refused: {wrong} wrong lines ({lines})."


class UnknownExclusionList(DomainError):
    """No list `name` has this `version`."""

    code = "unknown_exclusion_list"
    status = 404
    indonesian = "Tidak ada daftar {name} versi {version}."
    english = "There is no version {version} of a list {name}."


class RetractionNotProposed(DomainError):
    """For administrators: nobody has proposed to retract this version of a list."""

    code = "retraction_not_proposed"
    status = 409
    indonesian = "Penarikan daftar ini belum diusulkan."
    english = "Nobody has proposed to retract this list."


class RetractionBegun(DomainError):
    """A retraction that is being carried out is finished, by approving it again."""

    code = "retraction_begun"
    status = 409
    indonesian = "Penarikan daftar ini sudah dijalankan."
    english = "This list is being retracted already; what broke off is finished by approving it again."


class RetractionBySamePerson(DomainError):
    code = "retraction_same_person"
    status = 403
    indonesian = "Penarikan daftar harus disetujui oleh orang lain."
    english = "The retraction of a list is approved by another person than the one who proposed it."


class ExclusionListRetracted(DomainError):
    code = "exclusion_list_retracted"
    status = 409
    indonesian = "Versi daftar ini sudah ditarik; impor yang benar sebagai versi lain."
    english = "This version of the list was retracted; import what is right as another version."
