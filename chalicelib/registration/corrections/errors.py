"""What a correction is refused for."""

from __future__ import annotations

from ...errors import DomainError


class NothingToCorrect(DomainError):
    code = "nothing_to_correct"
    status = 409
    indonesian = "Data itu sudah tercatat demikian."
    english = "This is how it is kept already."


class NoCorrection(DomainError):
    """For administrators: no correction is proposed, it is out of date, or it is not the one that was shown."""

    code = "no_correction"
    status = 404
    indonesian = "Tidak ada usulan perbaikan yang berlaku untuk pendaftaran ini."
    english = "No correction of this registration is proposed that still holds."


class CorrectionStands(DomainError):
    """For administrators: `maker` has proposed another correction; that must be approved or rejected first."""

    code = "correction_stands"
    status = 409
    indonesian = "Sudah ada usulan perbaikan untuk pendaftaran ini."
    english = "A correction of this registration is proposed already."


class CorrectionBySamePerson(DomainError):
    code = "correction_same_person"
    status = 403
    indonesian = "Usulan perbaikan harus disetujui oleh orang lain."
    english = "A correction is approved by another person than the one who proposed it."
