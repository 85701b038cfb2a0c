"""What became of each place: its state, the trainings and what is left of the balance."""

from __future__ import annotations

from collections.abc import Iterator

from ..players.crowd import Diary
from .played import Played


def differences(played: Played) -> Iterator[str]:
    for diary in played.diaries:
        who = f"person {diary.person.number}"
        if not (diary.chosen or diary.revoked):
            if diary.place or diary.trainings or diary.balance_idr is not None:
                yield f"{who} was never chosen, and is shown a place"
            continue
        spent = sum(training["price_idr"] for training in diary.bought)
        left = 0 if diary.revoked else played.scheme.training_idr - spent
        if diary.balance_idr != left:
            yield f"{who} has {diary.balance_idr} rupiah for training, and {left} must be left"
        state = diary.place["state"] if diary.place else "nothing"
        if state != _state(diary):
            yield f"{who} is {state}, and should be {_state(diary)}"
        cancelled = len(diary.trainings) - len(diary.bought)
        if diary.chosen and cancelled != diary.person.changes_mind:
            yield f"{who} is shown {cancelled} cancelled trainings"
        if diary.chosen and len(diary.bought) != 1 + diary.person.buys_two:
            yield f"{who} has bought {len(diary.bought)} courses"
        if len(diary.completed) != (len(diary.bought) if diary.finishes else 0):
            yield f"{who} has completed {len(diary.completed)} of {len(diary.bought)} courses"


def _state(diary: Diary) -> str:
    if diary.revoked:
        return "REVOKED"
    return "GRADUATED" if diary.completed else "ACTIVE"
