"""The mails that people were sent, as their mailboxes show them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from ..scene import Scene

ARRIVES_WITHIN_S = 90

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


def tell_people(scene: Scene) -> None:
    """Have results and payments told now; the mails follow by themselves."""
    scene.office.fire("write_notices")


def read_mailboxes(scene: Scene) -> None:
    """Wait until no more mails arrive, and note in each diary what has come."""
    crowd, deadline = scene.crowd, scene.pace.now() + timedelta(seconds=ARRIVES_WITHIN_S)
    arrived, before = scene.office.mails(), -1
    while len(arrived) != before and scene.pace.now() < deadline:
        before = len(arrived)
        scene.pace.wait_until(scene.pace.now() + timedelta(seconds=3))
        arrived = scene.office.mails()
    owners = {diary.person.email: diary for diary in crowd.diaries}
    for to, subject in arrived:
        kind = kind_of(subject)
        if kind:  # the rest are the codes by which accounts are confirmed
            owners[to].mails[kind] += 1
    kinds = sum((diary.mails for diary in crowd.diaries), Counter[str]())
    said = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    scene.tell(f"mail: {kinds.total()} mails have arrived: {said}")


def kind_of(subject: str) -> str:
    """The kind of notice that a subject is of; empty for other mails."""
    return next((kind for kind, beginning in _SUBJECTS if subject.startswith(beginning)), "")
