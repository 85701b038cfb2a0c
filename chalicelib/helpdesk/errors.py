"""What this domain refuses, in which words."""

from __future__ import annotations

from ..errors import DomainError, NotFound
from ..waves.errors import SelectionNotFinished


class TooManyGrievances(DomainError):
    """The person has as many unanswered grievances as are allowed. Facts: `open_max`."""

    code = "too_many_grievances"
    status = 409
    indonesian = (
        "Anda masih memiliki {open_max} pengaduan yang belum dijawab. Tunggu jawabannya sebelum mengajukan yang baru."
    )
    english = (
        "You have {open_max} grievances that are not answered yet. Wait for an answer before you file another one."
    )


class UnknownGrievance(DomainError):
    """For administrators: no grievance has this number. Facts: `number`."""

    code = "unknown_grievance"
    status = 404
    indonesian = "Pengaduan {number} tidak ditemukan."
    english = "There is no grievance {number}."


class AlreadyAnswered(DomainError):
    """For administrators: the grievance has another answer already. Facts: `number`."""

    code = "grievance_already_answered"
    status = 409
    indonesian = "Pengaduan {number} sudah dijawab; jawaban tidak dapat diubah."
    english = "Grievance {number} was answered before; an answer cannot be changed."


class AlreadyEscalated(DomainError):
    """For administrators: it was escalated before, with another note. Facts: `number`."""

    code = "grievance_already_escalated"
    status = 409
    indonesian = "Pengaduan {number} sudah diteruskan dengan catatan lain."
    english = "Grievance {number} was escalated before, with another note."


FILING = (NotFound, SelectionNotFinished, TooManyGrievances)
"""Why filing a grievance may be refused; `NotFound`: no such wave or payout of this person."""
