"""What asking the civil registry may end in."""

from __future__ import annotations

from ..errors import DomainError


class NoAnswer(Exception):
    """The registry has not answered, so nothing is known of the person: ask again later.

    `fact` is a short word for the log, without personal data. `passes`: it may well pass by itself; else somebody must
    look. `undecided`: the registry has answered about this NIK, and what it says decides nothing. `refused`: a message
    or its answer is not taken, which one of the people in it may be the cause of.
    """

    def __init__(self, fact: str, *, passes: bool = False, undecided: bool = False, refused: bool = False) -> None:
        super().__init__(fact)
        self.fact = fact
        self.passes = passes
        self.undecided = undecided
        self.refused = refused


class UnknownBatch(DomainError):
    code = "unknown_registry_batch"
    status = 404
    indonesian = "Tidak ada berkas pencocokan dengan nomor ini."
    english = "There is no batch to the registry with this id."


class BatchStands(DomainError):
    """`batch` is proposed, sent or answered, and must be applied or given up first."""

    code = "registry_batch_stands"
    status = 409
    indonesian = "Berkas pencocokan {batch} belum selesai."
    english = "The batch {batch} is not finished."


class BatchMoved(DomainError):
    """`state`: what it is in now."""

    code = "registry_batch_moved"
    status = 409
    indonesian = "Berkas pencocokan ini sedang dalam keadaan {state}."
    english = "This batch is {state}."


class BatchBySamePerson(DomainError):
    code = "registry_batch_same_person"
    status = 403
    indonesian = "Langkah ini harus dilakukan oleh orang lain."
    english = "This step is taken by another person than the step before it."


class AnotherAnswer(DomainError):
    """The file is not, byte for byte, the one that was imported last."""

    code = "another_registry_answer"
    status = 409
    indonesian = "Berkas ini bukan jawaban yang diimpor."
    english = "This file is not the answer that was imported."


class RegistrySumsDiffer(DomainError):
    """`sum`: `rows` or `sha256`; the file has others than its control line or than what was sent."""

    code = "registry_sums_differ"
    status = 422
    indonesian = "Seluruh berkas ditolak: jumlah kontrol ({sum}) tidak cocok."
    english = "The whole file is refused: its control sum ({sum}) does not agree."


class MalformedRegistryFile(DomainError):
    """`wrong` lines are wrong, or are none of what was sent, or come twice; `lines` names the first of them."""

    code = "malformed_registry_file"
    status = 422
    indonesian = "Berkas ditolak seluruhnya: {wrong} baris salah ({lines})."
    english = "The whole file is refused: {wrong} wrong lines ({lines})."


class AnswerRefused(DomainError):
    """`reason`: `signature` (the registry did not sign this), or `not_outstanding` (no such question waits)."""

    code = "registry_answer_refused"
    status = 403
    indonesian = "Jawaban ini tidak diterima ({reason})."
    english = "This answer is not taken ({reason})."
