"""The refusals of the outcomes domain, with their status and wording."""

from __future__ import annotations

from ..errors import DomainError


class SurveyClosed(DomainError):
    code = "survey_closed"
    status = 409
    indonesian = "Survei ini sudah ditutup pada {closed_at}."
    english = "This survey closed at {closed_at}."


class SurveyAlreadyAnswered(DomainError):
    code = "survey_already_answered"
    status = 409
    indonesian = "Survei ini sudah Anda jawab; jawaban tidak dapat diubah."
    english = "You have already answered this survey; answers cannot be changed."


class InvalidAnswer(DomainError):
    """The answers do not fit the survey's questions.

    `question` is the id of the one concerned; `reason`: missing, unknown_question, not_a_choice, chosen_twice,
    out_of_range, wrong_type.
    """

    code = "survey_answer_invalid"
    status = 422
    indonesian = "Jawaban untuk pertanyaan {question} tidak sesuai ({reason})."
    english = "The answer to the question {question} does not fit ({reason})."


class MalformedHistory(DomainError):
    """A file of past totals has `wrong` wrong lines; `lines` names the first of them."""

    code = "malformed_history"
    status = 422
    indonesian = "Berkas memuat {wrong} baris yang salah: {lines}."
    english = "The file has {wrong} wrong lines: {lines}."


RESPONSE = (SurveyClosed, SurveyAlreadyAnswered, InvalidAnswer)
"""The refusals that an answer to a survey may get."""
