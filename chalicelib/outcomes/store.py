"""The outcomes table: surveys and samples, the rounds of the count with their tallies, and what is published.

Waves are written in six digits, registrations as `REGISTERED`. Tallies and published answers are written whole, and
never over those of a later round: a run that was overtaken changes nothing.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

import msgspec
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from ..aws.admin_acts import ActColumns
from ..aws.attributes import EnumAttribute, InstantAttribute, JsonAttribute, RupiahAttribute, WholeAttribute, item_of
from ..aws.dynamodb import Transaction, find, save_if
from ..aws.job_progress import CursorFields
from ..aws.table import Table
from ..payouts.plans.plan_rules import SURVEYS
from ..structs import fill
from ..values import Value
from ..waves.rules import shard_of
from .survey_rules import Group, Survey
from .tally_rules import PastTotals, PastWave, Tally


class OutcomesTable(Table):
    """The base of every item kind; `wiring` gives it its table."""


class SurveyCursor(CursorFields, OutcomesTable):
    """See `chalicelib.aws.job_progress`."""


ANSWER_LEG = "survey_answer"


class SurveysOfWaveIndex(GlobalSecondaryIndex["SurveyItem"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """Sparse: without those of people who have restricted what is done with their data."""

    class Meta:
        index_name = "roster"
        projection = AllProjection()

    roster_shard = UnicodeAttribute(hash_key=True)
    pk = UnicodeAttribute(range_key=True)


class SurveyItem(OutcomesTable):
    """`S#<registrant>` / `SURVEY_1#<wave>`...`SURVEY_3#<wave>`, `COMPARISON#<wave>`: an opened survey; `answers`: JSON,
    if given.
    """

    survey_id = UnicodeAttribute()
    number = WholeAttribute()
    group = EnumAttribute(Group)
    wave = WholeAttribute()
    region = WholeAttribute()
    version = UnicodeAttribute()
    amount_idr = RupiahAttribute()
    opened_at = InstantAttribute()
    closes_at = InstantAttribute()
    answers = UnicodeAttribute(null=True)
    answered_at = InstantAttribute(null=True)
    roster_shard = UnicodeAttribute(null=True)
    roster: ClassVar[SurveysOfWaveIndex] = SurveysOfWaveIndex()


class SampleItem(OutcomesTable):
    """`SAMPLES` / `<wave>`: a wave whose comparison group has been offered the survey."""

    opened_at = InstantAttribute()


class SurveyStore:
    """Reads and conditional writes. `transaction` makes a new, empty transaction."""

    def __init__(self, transaction: Callable[[], Transaction]) -> None:
        self.transaction = transaction

    def open(self, survey: Survey) -> Survey:
        """Open a survey unless it is open already (one write); returns the one that counts (then one more read)."""
        item = _to_item(survey)
        if save_if(item, SurveyItem.pk.does_not_exist()):
            return survey
        return _from_item(SurveyItem.get(item.pk, item.sk, consistent_read=True))

    def of(self, registrant_id: str) -> list[Survey]:
        """A person's surveys, oldest first; one consistent query."""
        items = SurveyItem.query(f"S#{registrant_id}", consistent_read=True)
        return sorted((_from_item(item) for item in items), key=lambda survey: survey.opened_at)

    def find(self, registrant_id: str, wave: int, number: int) -> Survey | None:
        """The survey of a place, by one consistent read."""
        item = find(SurveyItem, f"S#{registrant_id}", f"{SURVEYS[number - 1].value}#{wave:06}")
        return _from_item(item) if item else None

    def answer(self, tx: Transaction, survey: Survey) -> None:
        """Add the answers of `survey` to a transaction. The leg `ANSWER_LEG` fails if there are answers already."""
        if survey.answers is None or survey.answered_at is None:
            raise ValueError("a survey without answers")
        answers = json.dumps(dict(survey.answers), sort_keys=True)
        actions = [SurveyItem.answers.set(answers), SurveyItem.answered_at.set(survey.answered_at)]
        unanswered = SurveyItem.pk.exists() & SurveyItem.answered_at.does_not_exist()
        tx.update(ANSWER_LEG, SurveyItem(f"S#{survey.registrant_id}", _sk(survey)), actions, unanswered)

    def restrict(self, registrant_id: str, since: datetime | None) -> None:
        """Leave a person's surveys out of counts and reminders, or (None) take them in again. A query, a write each."""
        for item in SurveyItem.query(f"S#{registrant_id}", consistent_read=True):
            shard = f"{item.wave}#{shard_of(registrant_id)}"
            item.update([SurveyItem.roster_shard.set(shard) if since is None else SurveyItem.roster_shard.remove()])

    def of_wave(self, wave: int, shard: str) -> Iterator[Survey]:
        """One shard (two digits) of a wave's surveys of both groups; paged, eventually consistent."""
        return map(_from_item, SurveyItem.roster.query(f"{wave}#{shard}"))

    def samples(self) -> dict[int, datetime]:
        """The waves whose whole comparison group was offered the survey, and when the last was; one query."""
        return {int(item.sk): item.opened_at for item in SampleItem.query("SAMPLES", consistent_read=True)}

    def add_sample(self, wave: int, opened_at: datetime) -> None:
        """Record that a wave's comparison group was offered the survey; a repeat is harmless."""
        SampleItem("SAMPLES", f"{wave:06}", opened_at=opened_at).save()


def _sk(survey: Survey) -> str:
    """A person may have the surveys of several waves that chose them, or in which they are compared."""
    kind = "COMPARISON" if survey.group is Group.COMPARISON else SURVEYS[survey.number - 1].value
    return f"{kind}#{survey.wave:06}"


def _to_item(survey: Survey) -> SurveyItem:
    roster = f"{survey.wave}#{shard_of(survey.registrant_id)}"
    pk, given = f"S#{survey.registrant_id}", {"survey_id": survey.id, "answers": None, "roster_shard": roster}
    return item_of(SurveyItem, pk, _sk(survey), survey, **given)


def _from_item(item: SurveyItem) -> Survey:
    answers = json.loads(item.answers) if item.answers else None
    given = answers and {name: tuple(one) if isinstance(one, list) else one for name, one in answers.items()}
    who, left_out = item.pk.removeprefix("S#"), item.roster_shard is None
    return fill(Survey, item, id=item.survey_id, registrant_id=who, answers=given, left_out=left_out)


log = logging.getLogger(__name__)

REGISTERED = "REGISTERED"
COUNTRY = "COUNTRY"


class RoundItem(OutcomesTable):
    """`ROUND` / `ROUND`: the present or last round of the count."""

    number = WholeAttribute()
    began_at = InstantAttribute()
    ended_at = InstantAttribute(null=True)


class TallyItem(OutcomesTable):
    """`TALLY#<wave>` / `<shard>`, `JOINED`: a part of a wave; `TALLIES` / `<wave>`: the sum, which stays.

    `counts` is compressed JSON; a sum has `final`.
    """

    round = WholeAttribute()
    counts = BinaryAttribute(legacy_encoding=False)
    final = BooleanAttribute(null=True)


class PublishedItem(OutcomesTable):
    """`STATISTICS` / `COUNTRY`, `WAVE#<wave>`: an answer; `STATISTICS_CSV` / `WAVE#<wave>`: lines. Compressed."""

    round = WholeAttribute()
    content = BinaryAttribute(legacy_encoding=False)


class ImportActItem(OutcomesTable, ActColumns):
    """What an administrator imported."""


class HistoryItem(OutcomesTable):
    """`HISTORY` / `<wave>`: totals of a wave before this system; `regions`: JSON, by province."""

    year = WholeAttribute()
    regions = JsonAttribute[Mapping[int, PastTotals]](dict[int, PastTotals])


class RoundOvertaken(Exception):
    """A later round has begun; what this one still writes is not used."""


class Round(Value, frozen=True):
    """One pass of counting everything. `ended_at` is set when all of it was published."""

    number: int
    began_at: datetime
    ended_at: datetime | None = None


class Whole(Value, frozen=True):
    """The sum of a wave's parts, as of a round; `final`: its parts are no longer counted."""

    round: int
    final: bool
    regions: Tally


class TallyStore:
    # Rounds

    def round(self) -> Round | None:
        """The latest round, by a consistent read."""
        item = find(RoundItem, "ROUND", "ROUND")
        return fill(Round, item) if item else None

    def begin(self, before: Round | None, now: datetime) -> Round:
        """The round after `before`; if another run has begun it, that one."""
        number = before.number + 1 if before else 1
        item = RoundItem("ROUND", "ROUND", number=number, began_at=now)
        if save_if(item, RoundItem.number == before.number if before else RoundItem.pk.does_not_exist()):
            return Round(number, now)
        begun = self.round()
        assert begun is not None, "the condition failed, so there is one"  # noqa: S101 - for the type checker
        return begun

    def end(self, done: Round, now: datetime) -> None:
        """Record that everything of this round is published. Raises `RoundOvertaken`."""
        item = item_of(RoundItem, "ROUND", "ROUND", done, ended_at=now)
        if not save_if(item, RoundItem.number == done.number):
            raise RoundOvertaken

    # Tallies; `of` is a wave in six digits, or `REGISTERED`

    def parts(self, of: str, number: int) -> dict[str, Tally]:
        """The parts that this round has counted, by name. One query."""
        items = TallyItem.query(f"TALLY#{of}", filter_condition=TallyItem.round == number, consistent_read=True)
        return {item.sk: _unpacked(item.counts, dict[int, dict[str, int]]) for item in items}

    def put_part(self, of: str, name: str, number: int, tally: Tally) -> None:
        """Write a part whole. Raises `RoundOvertaken`."""
        _put(TallyItem(f"TALLY#{of}", name, round=number, counts=_packed(tally)))

    def wholes(self) -> dict[str, Whole]:
        """All sums, by wave (and of the registrations), of any round."""
        return {
            item.sk: Whole(item.round, bool(item.final), _unpacked(item.counts, dict[int, dict[str, int]]))
            for item in TallyItem.query("TALLIES", consistent_read=True)
        }

    def put_whole(self, of: str, whole: Whole) -> None:
        """Write a sum whole. Raises `RoundOvertaken`."""
        _put(TallyItem("TALLIES", of, round=whole.round, counts=_packed(whole.regions), final=whole.final))

    # What is published

    def publish(self, name: str, number: int, answer: msgspec.Struct) -> None:
        """Replace `COUNTRY` or a wave's answer (in six digits). Raises `RoundOvertaken`."""
        _put(PublishedItem("STATISTICS", name, round=number, content=_packed(answer)))

    def publish_lines(self, wave: str, number: int, lines: str) -> None:
        """Replace a wave's lines of the CSV. Raises `RoundOvertaken`."""
        _put(PublishedItem("STATISTICS_CSV", wave, round=number, content=_packed(lines)))

    def published(self, name: str, kind: type[Any]) -> Any:
        """An answer of this type; None if there is none, or it has another release's form. One read, moments late."""
        item = find(PublishedItem, "STATISTICS", name, consistent=False)
        try:
            return _unpacked(item.content, kind) if item else None
        except msgspec.ValidationError:
            log.warning("statistics_of_another_form", extra={"answer": name})
            return None

    def lines(self) -> Iterator[str]:
        """Every wave's lines, ascending; one query for each megabyte."""
        return (_unpacked(item.content, str) for item in PublishedItem.query("STATISTICS_CSV"))

    # History

    def history(self) -> list[PastWave]:
        """Every wave that was imported, ascending."""
        items = HistoryItem.query("HISTORY", consistent_read=True)
        return [fill(PastWave, item, number=int(item.sk)) for item in items]

    def put_history(self, wave: PastWave) -> None:
        item_of(HistoryItem, "HISTORY", f"{wave.number:06d}", wave).save()


def _put(item: TallyItem | PublishedItem) -> None:
    kind = type(item)
    if not save_if(item, kind.pk.does_not_exist() | (kind.round <= item.round)):
        raise RoundOvertaken


def _packed(value: Any) -> bytes:
    """A tenth of the size of the JSON, which is mostly names: fewer units to read and write."""
    return zlib.compress(msgspec.json.encode(value))


def _unpacked(content: bytes, kind: type[Any]) -> Any:
    return msgspec.json.decode(zlib.decompress(content), type=kind)
