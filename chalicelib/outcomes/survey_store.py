"""Surveys in DynamoDB: `S#<registrant>` / `SURVEY_1`, `SURVEY_2`, `COMPARISON#<wave>`, and `SAMPLES` / `<wave>`.

The index `roster` lists a wave's surveys, in 64 partitions by person.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from ..aws.dynamodb import Transaction, find, save_if
from ..clock import iso, parse_iso
from ..money import rupiah
from ..waves.rules import shard_of
from .store import OutcomesTable
from .survey_rules import KINDS, Group, Survey

ANSWER_LEG = "survey_answer"


class SurveysOfWaveIndex(GlobalSecondaryIndex["SurveyItem"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """A wave's surveys, of both groups."""

    class Meta:
        index_name = "roster"
        projection = AllProjection()

    roster_shard = UnicodeAttribute(hash_key=True)
    pk = UnicodeAttribute(range_key=True)


class SurveyItem(OutcomesTable):
    """A survey that was opened, and its answers (JSON) once there are any."""

    survey_id = UnicodeAttribute()
    number = NumberAttribute()
    group = UnicodeAttribute()
    wave = NumberAttribute()
    region = NumberAttribute()
    version = UnicodeAttribute()
    amount_idr = NumberAttribute()
    opened_at = UnicodeAttribute()
    closes_at = UnicodeAttribute()
    answers = UnicodeAttribute(null=True)
    answered_at = UnicodeAttribute(null=True)
    roster_shard = UnicodeAttribute()
    roster: ClassVar[SurveysOfWaveIndex] = SurveysOfWaveIndex()


class SampleItem(OutcomesTable):
    """A wave's comparison group has been offered the survey."""

    opened_at = UnicodeAttribute()


@dataclass(frozen=True, slots=True)
class OfferedSample:
    """A wave whose whole comparison group has been offered the survey; the last of them at `opened_at`."""

    wave: int
    opened_at: datetime


class SurveyStore:
    """Reads and conditional writes. `transaction` makes a new, empty transaction."""

    def __init__(self, transaction: Callable[[], Transaction]) -> None:
        self.transaction = transaction

    def open(self, survey: Survey) -> Survey:
        """Open a survey unless it is open already (one write); returns the one that holds (then one more read)."""
        item = _to_item(survey)
        if save_if(item, SurveyItem.pk.does_not_exist()):
            return survey
        return _from_item(SurveyItem.get(item.pk, item.sk, consistent_read=True))

    def of(self, registrant_id: str) -> list[Survey]:
        """A person's surveys, oldest first; one consistent query."""
        items = SurveyItem.query(f"S#{registrant_id}", consistent_read=True)
        return sorted((_from_item(item) for item in items), key=lambda survey: survey.opened_at)

    def find(self, registrant_id: str, number: int) -> Survey | None:
        """A beneficiary's survey, by one consistent read."""
        item = find(SurveyItem, f"S#{registrant_id}", KINDS[number - 1].value)
        return _from_item(item) if item else None

    def answer(self, tx: Transaction, survey: Survey) -> None:
        """Add the answers of `survey` to a transaction. The leg `ANSWER_LEG` fails if there are answers already."""
        if survey.answers is None or survey.answered_at is None:
            raise ValueError("a survey without answers")
        tx.update(
            ANSWER_LEG,
            SurveyItem(f"S#{survey.registrant_id}", _sk(survey)),
            [
                SurveyItem.answers.set(json.dumps(dict(survey.answers), sort_keys=True)),
                SurveyItem.answered_at.set(iso(survey.answered_at)),
            ],
            SurveyItem.pk.exists() & SurveyItem.answered_at.does_not_exist(),
        )

    def of_wave(self, wave: int, shard: str) -> Iterator[Survey]:
        """One shard (two digits) of a wave's surveys of both groups; paged, eventually consistent."""
        for item in SurveyItem.roster.query(f"{wave}#{shard}"):
            yield _from_item(item)

    def samples(self) -> list[OfferedSample]:
        """The waves whose comparison group has been offered the survey; one query."""
        items = SampleItem.query("SAMPLES", consistent_read=True)
        return [OfferedSample(int(item.sk), parse_iso(item.opened_at)) for item in items]

    def add_sample(self, sample: OfferedSample) -> None:
        """Record that a wave's comparison group has been offered the survey; again is harmless."""
        SampleItem("SAMPLES", f"{sample.wave:06}", opened_at=iso(sample.opened_at)).save()


def _sk(survey: Survey) -> str:
    """Who was in a wave's comparison group may be chosen in a later wave, and has that wave's surveys too."""
    return f"COMPARISON#{survey.wave:06}" if survey.group is Group.COMPARISON else KINDS[survey.number - 1].value


def _to_item(survey: Survey) -> SurveyItem:
    return SurveyItem(
        f"S#{survey.registrant_id}",
        _sk(survey),
        survey_id=survey.id,
        group=survey.group.value,
        **{name: getattr(survey, name) for name in ("number", "wave", "region", "version", "amount_idr")},
        opened_at=iso(survey.opened_at),
        closes_at=iso(survey.closes_at),
        roster_shard=f"{survey.wave}#{shard_of(survey.registrant_id)}",
    )


def _from_item(item: SurveyItem) -> Survey:
    answers = json.loads(item.answers) if item.answers else None
    return Survey(
        id=item.survey_id,
        registrant_id=item.pk.removeprefix("S#"),
        number=int(item.number),
        group=Group(item.group),
        wave=int(item.wave),
        region=int(item.region),
        version=item.version,
        amount_idr=rupiah(int(item.amount_idr)),
        opened_at=parse_iso(item.opened_at),
        closes_at=parse_iso(item.closes_at),
        answers=answers and {name: tuple(one) if isinstance(one, list) else one for name, one in answers.items()},
        answered_at=parse_iso(item.answered_at) if item.answered_at else None,
    )
