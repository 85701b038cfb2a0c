"""The refusals of the job market, with their status and wording."""

from __future__ import annotations

from ..errors import DomainError
from ..registration.errors import UnknownRegion


class UnknownSkill(DomainError):
    """A vacancy asks for a `skill` that is not on the programme's list."""

    code = "unknown_skill"
    about = "skills"
    status = 422
    indonesian = "Keterampilan {skill} tidak ada dalam daftar program."
    english = "The skill {skill} is not on the programme's list."


class SalaryRangeReversed(DomainError):
    code = "salary_range_reversed"
    about = "salary_max_idr"
    status = 422
    indonesian = "Gaji terendah melebihi gaji tertinggi."
    english = "The lowest salary is above the highest."


class ClosingTimeOutOfRange(DomainError):
    """A vacancy would close in the past, or more than `days` days from now."""

    code = "closing_time_out_of_range"
    about = "closes_at"
    status = 422
    indonesian = "Lowongan harus ditutup setelah saat ini dan paling lama {days} hari lagi."
    english = "A vacancy must close after now and within {days} days."


class VacancyReferenceUsed(DomainError):
    """The partner posted another vacancy under this reference; it is `vacancy_id`."""

    code = "vacancy_reference_used"
    about = "reference"
    status = 409
    indonesian = "Referensi ini sudah dipakai untuk lowongan lain; ubah lowongan {vacancy_id} bila perlu."
    english = "This reference was used for another vacancy; change vacancy {vacancy_id} if that is meant."


class VacancyClosed(DomainError):
    """The partner closed the vacancy, or its closing time has passed; only a closed one cannot be changed."""

    code = "vacancy_closed"
    status = 409
    indonesian = "Lowongan ini sudah ditutup."
    english = "This vacancy is closed."


class UnknownVacancy(DomainError):
    code = "unknown_vacancy"
    status = 404
    indonesian = "Lowongan tidak ditemukan."
    english = "There is no such vacancy."


class NotGraduated(DomainError):
    code = "not_graduated"
    status = 409
    indonesian = "Bursa kerja terbuka bagi alumni: selesaikan dan ulas satu pelatihan terlebih dahulu."
    english = "The job market is for alumni: complete and review a training first."


class ConsentIncomplete(DomainError):
    """An application shares name, phone and certificates, all or none; `missing` is the first one not agreed to."""

    code = "consent_incomplete"
    about = "share"
    status = 422
    indonesian = (
        "Lamaran memerlukan persetujuan Anda untuk membagikan nama, telepon dan sertifikat; belum ada: {missing}."
    )
    english = "An application needs your consent to share name, phone and certificates; not given: {missing}."


class ApplicationWithdrawn(DomainError):
    """The person withdrew their application to this vacancy. That is final, so that no late repeat shares anything
    again.
    """

    code = "application_withdrawn"
    status = 409
    indonesian = "Anda telah menarik lamaran ini; lamaran yang ditarik tidak dapat diajukan kembali."
    english = "You have withdrawn this application; a withdrawn one cannot be made again."


OFFER = (UnknownRegion, UnknownSkill, SalaryRangeReversed, ClosingTimeOutOfRange)
"""Why a vacancy's description can be refused."""

APPLY = (ConsentIncomplete, ApplicationWithdrawn, NotGraduated, UnknownVacancy, VacancyClosed)
"""Why an application can be refused, in this order."""
