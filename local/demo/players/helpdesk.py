"""People who think that something went wrong say so, and read the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .crowd import Crowd, Diary


def appeal(crowd: Crowd, step: str, wave: int, diaries: Sequence[Diary]) -> None:
    """Each appeals against the selection, twice by mistake, and is handed the evidence at once."""
    about = {"kind": "selection", "wave": wave}
    text = "Mengapa saya tidak terpilih? Saya mendaftar paling awal."
    crowd.each(step, diaries, lambda diary: _file(crowd, diary, about, "selection_result", text))


def complain_of_payment(crowd: Crowd, step: str, diaries: Sequence[Diary]) -> None:

    def act(diary: Diary) -> None:
        payout_id = next(each["payout_id"] for each in diary.payouts if each["state"] != "paid")
        about = {"kind": "disbursement", "payout_id": payout_id}
        _file(crowd, diary, about, "payment_late", "Insentif saya belum masuk.")

    crowd.each(step, diaries, act)


def read_answers(crowd: Crowd, step: str) -> None:

    def act(diary: Diary) -> None:
        diary.grievances = crowd.call(diary, "GET", "/me/grievances").expect(200).body["grievances"]

    crowd.each(step, [d for d in crowd.diaries if d.grievances], act)


def _file(crowd: Crowd, diary: Diary, about: Mapping[str, Any], category: str, text: str) -> None:
    form = {"about": about, "category": category, "text": text}
    filed = crowd.call(diary, "POST", "/me/grievances", form).expect(201).body
    crowd.call(diary, "POST", "/me/grievances", form).expect(200)
    diary.grievances = [filed]
