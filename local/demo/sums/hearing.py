"""Surveys, applications and appeals: who was asked, who was read by whom, and what an appeal was shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..players.crowd import Diary
from ..players.training import INCENTIVE
from .played import Played, unequal


def differences(played: Played) -> Iterator[str]:
    yield from _surveys(played)
    yield from _applicants(played)
    for diary in played.diaries:
        for grievance in diary.grievances:
            yield from _grievance(played, diary, grievance)


def _surveys(played: Played) -> Iterator[str]:
    """Whoever was paid is asked, and of the others exactly the published sample, which follows from the draw's seed."""
    sample = played.results.sample
    yield from unequal("the sample of those not chosen", published=sample, worked_out=played.results.sampled())
    asked = {leaf.hex() for diary, leaf in played.joined() if diary.surveys and not diary.surveys[0]["amount_idr"]}
    yield from unequal("people not chosen who are asked", asked=asked, published={leaf.hex() for leaf in sample})
    for diary in played.diaries:
        who = f"person {diary.person.number}"
        paid = any(each["kind"] == INCENTIVE and each["state"] == "paid" for each in diary.payouts)
        amounts = [survey["amount_idr"] for survey in diary.surveys]
        if paid and not diary.substitute and amounts != [played.scheme.survey_idr]:
            yield f"{who} was paid, and is asked {len(amounts)} surveys for {amounts} rupiah"
        if not paid and any(amounts):
            yield f"{who} was not paid, and is asked a paid survey"
        answered = [survey for survey in diary.surveys if survey["state"] == "answered"]
        if len(answered) != (diary.answers is not None):
            yield f"{who} has answered {diary.answers is not None}, and is shown {len(answered)} answered surveys"


def _applicants(played: Played) -> Iterator[str]:
    """A partner reads exactly those who applied and did not take it back, with the certificates that they earned."""
    for vacancy_id, read in played.applicants.items():
        applied = [diary for diary in played.diaries if diary.applied == vacancy_id and not diary.person.withdraws]
        yield from unequal(
            "applicants of a vacancy",
            read=sorted((one["name"], _certificates(one["certificates"])) for one in read),
            applied=sorted((diary.person.form["name"], _certificates(diary.completed)) for diary in applied),
        )


def _certificates(trainings: Any) -> list[str]:
    return sorted(each["certificate_number"] for each in trainings)


def _grievance(played: Played, diary: Diary, grievance: dict[str, Any]) -> Iterator[str]:
    who = f"person {diary.person.number}"
    if grievance["state"] != "ANSWERED" or not grievance["answer"]:
        yield f"{who} complained, and has no answer"
    evidence = grievance["evidence"]
    if evidence is None:
        return
    assert diary.receipt is not None  # noqa: S101 - who appeals against a selection had joined
    leaf = bytes.fromhex(diary.receipt["leaf"])
    leaves = played.results.leaves[int(diary.person.form["province"])]
    yield from unequal(
        f"{who}: the evidence of an appeal",
        shown=(evidence["leaf"], evidence["position"], evidence["entries"], evidence["open"], evidence["verdict"]),
        published=(
            leaf.hex(),
            leaves.index(leaf) + 1,
            len(leaves),
            played.results.open_value(leaf).hex(),
            diary.standing,
        ),
    )
