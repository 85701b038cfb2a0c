"""The refusals of the job market, with their status and wording."""

from __future__ import annotations

from ..errors import DomainError
from ..registration.errors import UnknownRegion


class UnknownSkill(DomainError):
    """A vacancy asks for a `skill` that is not on the programme's list."""

    code = "unknown_skill"


class SalaryRangeReversed(DomainError):
    """The lowest salary is above the highest."""

    code = "salary_range_reversed"


class ClosingTimeOutOfRange(DomainError):
    """A vacancy would close in the past, or more than `days` days from now."""

    code = "closing_time_out_of_range"


class VacancyReferenceUsed(DomainError):
    """The partner posted another vacancy under this reference; it is `vacancy_id`."""

    code = "vacancy_reference_used"


class VacancyClosed(DomainError):
    """The partner closed the vacancy, or its closing time has passed; only the former stands in a change's way."""

    code = "vacancy_closed"


class UnknownVacancy(DomainError):
    """There is no such vacancy."""

    code = "unknown_vacancy"


class NotGraduated(DomainError):
    """The job market is for alumni: who has completed and reviewed a training."""

    code = "not_graduated"


class ConsentIncomplete(DomainError):
    """An application shares name, phone and certificates, or is none; `missing` is the first one not agreed to."""

    code = "consent_incomplete"


class ApplicationWithdrawn(DomainError):
    """The person withdrew their application to this vacancy. That is final: no late repeat may share anything again."""

    code = "application_withdrawn"


OFFER = (UnknownRegion, UnknownSkill, SalaryRangeReversed, ClosingTimeOutOfRange)
"""What a vacancy's description can be refused for."""

APPLY = (ConsentIncomplete, ApplicationWithdrawn, NotGraduated, UnknownVacancy, VacancyClosed)
"""What an application can be refused for, in this order."""

PROBLEMS: dict[type[DomainError], tuple[int, str, str]] = {
    UnknownSkill: (
        422,
        "Keterampilan {skill} tidak ada dalam daftar program.",
        "The skill {skill} is not on the programme's list.",
    ),
    SalaryRangeReversed: (
        422,
        "Gaji terendah melebihi gaji tertinggi.",
        "The lowest salary is above the highest.",
    ),
    ClosingTimeOutOfRange: (
        422,
        "Lowongan harus ditutup setelah saat ini dan paling lama {days} hari lagi.",
        "A vacancy must close after now and within {days} days.",
    ),
    VacancyReferenceUsed: (
        409,
        "Referensi ini sudah dipakai untuk lowongan lain; ubah lowongan {vacancy_id} bila perlu.",
        "This reference was used for another vacancy; change vacancy {vacancy_id} if that is meant.",
    ),
    VacancyClosed: (409, "Lowongan ini sudah ditutup.", "This vacancy is closed."),
    UnknownVacancy: (404, "Lowongan tidak ditemukan.", "There is no such vacancy."),
    NotGraduated: (
        409,
        "Bursa kerja terbuka bagi alumni: selesaikan dan ulas satu pelatihan terlebih dahulu.",
        "The job market is for alumni: complete and review a training first.",
    ),
    ConsentIncomplete: (
        422,
        "Lamaran memerlukan persetujuan Anda untuk membagikan nama, telepon dan sertifikat; belum ada: {missing}.",
        "An application needs your consent to share name, phone and certificates; not given: {missing}.",
    ),
    ApplicationWithdrawn: (
        409,
        "Anda telah menarik lamaran ini; lamaran yang ditarik tidak dapat diajukan kembali.",
        "You have withdrawn this application; a withdrawn one cannot be made again.",
    ),
}
"""HTTP status, Indonesian text, English text; texts may use the error's facts."""
