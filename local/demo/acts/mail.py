"""The mails that people were sent, as their mailboxes show them."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager

from ..scene import Scene
from ..sums.mail import due

GIVEN_UP_AFTER_S = 600
"""How long nothing may arrive: twice as long as the claim of a function that died is valid."""

_SUBJECTS = (
    ("chosen", "Selamat, Anda terpilih"),
    ("not_chosen", "Hasil gelombang"),
    ("purchase_deadline", "Tinggal"),
    ("payment_failed", "Pembayaran"),
    ("survey_open", "Ceritakan pengalaman Anda"),
    ("survey_deadline", "Survei Anda segera ditutup"),
    ("revoked", "Kepesertaan"),
    ("grievance_answered", "Pengaduan"),
    ("paid", "Rp"),
)
"""How each kind's subject begins; the last one with the amount."""


def telling_people(scene: Scene) -> AbstractContextManager[None]:
    """Have results and payments told while the block runs; the mails follow by themselves."""
    return scene.admin.firing("write_notices")


def read_mailboxes(scene: Scene) -> None:
    """Wait until everybody was mailed what is due to them, and note in each diary what has come."""
    crowd = scene.crowd
    patience = scene.patience("mails are still to come", GIVEN_UP_AFTER_S)
    while (missing := _read(scene)) and patience.goes_on(missing):
        scene.admin.fire("write_notices")
    kinds = sum((diary.mails for diary in crowd.diaries), Counter[str]())
    said = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    scene.tell(f"mail: {kinds.total()} mails have arrived: {said}")


def _read(scene: Scene) -> int:
    """Note what has come so far; returns how many mails are missing."""
    owners = {diary.person.email: diary for diary in scene.crowd.diaries}
    for diary in owners.values():
        diary.mails.clear()
    arrived = Counter(scene.admin.mails())
    for to, subject, _ in arrived:
        kind = kind_of(subject)
        if kind:  # the rest are the codes by which accounts are confirmed
            owners[to].mails[kind] += 1
    doubled = sum(times - 1 for (_, subject, _), times in arrived.items() if kind_of(subject))
    if doubled and doubled > (doubts := scene.admin.mails_in_doubt()):
        scene.crowd.differences.append(f"{doubled} mails came twice, and of {doubts} nobody knew whether they had gone")
    return sum((due(diary) - diary.mails).total() for diary in owners.values())


def kind_of(subject: str) -> str:
    """The kind of notice that a subject is of; empty for other mails."""
    return next((kind for kind, beginning in _SUBJECTS if subject.startswith(beginning)), "")
