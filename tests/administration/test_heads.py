"""The heads of the journal: published once a day in a chain, and any change of the past is found against them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from chalicelib.administration.heads import DAY_S, FILE, Found, Head, Heads, Read, Verdict, head_of
from chalicelib.administration.identity import Principal
from chalicelib.administration.journal import DONE, Journal, Line, LineItem
from chalicelib.administration.roster import RosterItem
from chalicelib.administration.terms import end_lines
from chalicelib.config import Programme, Settings
from chalicelib.wiring import Services
from tests.builders.aws.rights import rights_of
from tests.conftest import REGION, T0

DAY = timedelta(days=1)
FIRST = T0.date()
AFTER = datetime.combine(FIRST + 3 * DAY, datetime.min.time(), T0.tzinfo) + timedelta(minutes=30)
"""When three days are over, the second one without lines."""
LINE = Line(T0, "person/s1", "arn:aws:iam::123456789012:user/sari", "POST /payout/hold", ("p1",), "r1", "asked")


class World:
    def __init__(self, cloud: Settings, programme: Programme) -> None:
        self.services = Services(cloud, programme)
        self.journal: Journal = self.services.journal
        self.heads: Heads = self.services.journal_heads
        self.bucket = cloud.results_bucket
        self.announced: list[dict[str, Any]] = []
        self.heads._sns = self

    def publish(self, Message: str, **_: Any) -> None:  # noqa: N803 - SNS's own name
        self.announced.append(json.loads(Message))

    def three_days(self) -> None:
        """Published."""
        begun = self.journal.write(LINE)
        self.journal.end(begun, DONE, T0)
        self.journal.write(replace(LINE, at=T0 + 2 * DAY))
        self.heads.run(AFTER, 800)

    @property
    def published(self) -> list[dict[str, Any]]:
        body = boto3.client("s3", REGION).get_object(Bucket=self.bucket, Key=FILE)["Body"].read()
        return [json.loads(line) for line in body.splitlines()]

    def replace_published(self, rows: list[dict[str, Any]]) -> None:
        body = "".join(f"{json.dumps(row)}\n" for row in rows)
        boto3.client("s3", REGION).put_object(Bucket=self.bucket, Key=FILE, Body=body.encode())

    def item(self, place: int = 0) -> Any:
        every = LineItem.scan(LineItem.pk.startswith(f"LINE#{FIRST}#"))
        return sorted(every, key=lambda item: item.sk)[place]

    def verdicts(self, now: datetime = AFTER, since: date = date.min) -> list[Verdict]:
        return [found.verdict for found in self.heads.verify(now, Read(since))]


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> World:
    return World(cloud, programme)


def test_each_day_that_is_over_has_one_head_that_follows_from_the_day_before(world: World) -> None:
    world.three_days()
    assert [(row["day"], row["lines"]) for row in world.published] == [
        (str(FIRST + number * DAY), lines) for number, lines in enumerate((2, 0, 1))
    ]
    assert [row["before"] for row in world.published] == ["", *(row["head"] for row in world.published[:2])]
    assert [row["head"] for row in world.announced] == [row["head"] for row in world.published]
    assert {row["event"] for row in world.announced} == {"journal_head"}
    before = world.published
    world.heads.run(AFTER, 800)
    assert (world.published, len(world.announced)) == (before, 3)
    assert list(world.heads.verify(AFTER)) == [
        Found(FIRST + number * DAY, lines, lines, Verdict.SAME) for number, lines in enumerate((2, 0, 1))
    ]


def test_a_head_is_made_of_bytes_that_anyone_can_make(world: World) -> None:
    kept = world.journal.write(LINE)
    said = (
        f'{{"about":["p1"],"arn":"{LINE.arn}","at":"2026-11-24T03:00:00Z","id":"{kept.id}","person":"person/s1",'
        '"reason":"asked","registrant":"r1","route":"POST /payout/hold"}'
    )
    first = hashlib.sha256(f"{said}\n".encode()).hexdigest()
    second = hashlib.sha256(f"{first}{said}\n".encode()).hexdigest()
    raw = f"gelombang-journal/v2\nabc\n{FIRST}\n2\n{second}\n\n3650\n"
    head = head_of("abc", Read(FIRST).with_line(kept).with_line(kept), [], 3650)
    assert head == Head(FIRST, 2, second, "", 3650, "abc", hashlib.sha256(raw.encode()).hexdigest())


def test_a_day_is_compared_in_as_many_requests_as_it_takes(world: World) -> None:
    for number in range(7):
        world.journal.write(replace(LINE, at=T0 + timedelta(minutes=number // 3, microseconds=123_456)))
    world.heads.run(AFTER, 800)
    stands, requests, found = Read(date.min), 0, list[Found]()

    class Late(Exception): ...

    def pause(read: Read) -> None:
        if read.count == stands.count + 2:
            raise Late(read)

    while not found:
        requests += 1
        try:
            found += world.heads.verify(AFTER, stands, pause)
        except Late as late:
            stands = late.args[0]
    assert requests == 4
    assert [(one.published, one.present, one.verdict) for one in found] == [
        (7, 7, Verdict.SAME), (0, 0, Verdict.SAME), (0, 0, Verdict.SAME)
    ]  # fmt: skip


def test_a_day_gets_its_head_only_when_no_line_can_come_any_more(world: World) -> None:
    world.journal.write(LINE)
    over = datetime.combine(FIRST + DAY, datetime.min.time(), T0.tzinfo)
    world.heads.run(over + timedelta(minutes=14), 800)
    [earlier] = world.published
    assert earlier["day"] == str(FIRST - DAY)
    world.heads.run(over + timedelta(minutes=15), 800)
    assert [row["day"] for row in world.published] == [str(FIRST - DAY), str(FIRST)]


def _change(world: World) -> None:
    item = world.item()
    item.reason = "another reason"
    item.save()


def _add(world: World) -> None:
    world.journal.write(replace(LINE, at=T0 + timedelta(hours=1)))


def _swap(world: World) -> None:
    one, other = world.item(0), world.item(1)
    one.sk, other.sk = other.sk, one.sk
    one.save()
    other.save()


def _rename(world: World) -> None:
    item = world.item()
    item.person = "person/b1"
    item.save()


@pytest.mark.parametrize(
    ("plant", "verdict"),
    [
        (_change, Verdict.REWRITTEN),
        (_rename, Verdict.REWRITTEN),
        (_swap, Verdict.REWRITTEN),
        (lambda world: world.item().delete(), Verdict.REMOVED),
        (_add, Verdict.ADDED),
    ],
    ids=["changed", "another person", "another order", "removed", "added"],
)
def test_a_change_of_a_past_day_is_found(world: World, plant: Callable[[World], None], verdict: Verdict) -> None:
    world.three_days()
    plant(world)
    assert world.verdicts() == [verdict, Verdict.SAME, Verdict.SAME]
    assert world.verdicts(since=FIRST + DAY) == [Verdict.SAME] * 2


def test_a_changed_roster_is_found(world: World) -> None:
    sari = Principal("arn:aws:iam::123456789012:user/sari", "sari")
    roster = world.services.roster
    roster.propose({"s1": ("sari",), "b1": ("budi",)}, sari, "we begin", T0)
    world.three_days()
    assert world.verdicts() == [Verdict.SAME] * 3
    [item] = RosterItem.query("ROSTER")
    item.people = {"s1": ("sari", "tono"), "b1": ("budi",)}
    item.save()
    assert world.verdicts() == [Verdict.REWRITTEN, Verdict.SAME, Verdict.SAME]


def test_heads_that_were_made_anew_contradict_one_that_somebody_kept(world: World) -> None:
    world.three_days()
    last = world.published[-1]["head"]
    assert world.heads.is_published(f" {last.upper()}")
    _change(world)
    boto3.client("s3", REGION).delete_object(Bucket=world.bucket, Key=FILE)
    world.heads.run(AFTER, 800)
    assert world.verdicts() == [Verdict.SAME] * 3
    assert not world.heads.is_published(last)


def test_a_published_head_that_was_changed_or_left_out_breaks_the_chain(world: World) -> None:
    world.three_days()
    rows = world.published
    world.replace_published([rows[0], rows[2]])
    assert world.verdicts() == [Verdict.SAME, Verdict.CHAIN]
    _change(world)
    again = world.heads._head("", FIRST)
    world.replace_published([rows[0] | {"acts": again.acts, "head": again.head}, *rows[1:]])
    assert world.verdicts() == [Verdict.SAME, Verdict.CHAIN, Verdict.SAME]
    for forged in ({"acts": again.acts}, {"roster": again.acts}, {"days": 1}, {"lines": 1}):
        world.replace_published([rows[0] | forged, *rows[1:]])
        assert world.verdicts() == [Verdict.CHAIN, Verdict.SAME, Verdict.SAME], forged


def test_a_file_that_lost_its_front_is_found(world: World) -> None:
    world.three_days()
    _change(world)
    rows = world.published
    world.replace_published(rows[1:])
    assert world.verdicts() == [Verdict.MISSING, Verdict.CHAIN, Verdict.SAME]
    assert world.verdicts(since=FIRST + DAY) == [Verdict.CHAIN, Verdict.SAME]
    second = world.heads._head("", FIRST + DAY)
    third = world.heads._head(second.head, FIRST + 2 * DAY)
    anew = [row | {"before": one.before, "head": one.head} for row, one in zip(rows[1:], (second, third), strict=True)]
    world.replace_published(anew)
    assert world.verdicts() == [Verdict.MISSING, Verdict.SAME, Verdict.SAME]


def test_a_head_that_is_not_published_is_named(world: World) -> None:
    world.three_days()
    rows, late = world.published, AFTER + DAY + timedelta(hours=12)
    assert world.verdicts(late) == [Verdict.SAME] * 3 + [Verdict.MISSING]
    world.replace_published(rows[:2])
    assert world.verdicts() == [Verdict.SAME] * 2, "it may still come"
    assert not world.heads.is_published(rows[2]["head"])


def test_without_the_time_for_a_day_nothing_is_begun(world: World) -> None:
    world.journal.write(LINE)
    assert not world.heads.run(AFTER, DAY_S - 1)
    assert world.announced == []
    assert world.heads.run(AFTER, 800)


def test_of_two_runs_at_once_one_publishes_and_the_other_goes_on_from_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.journal.write(LINE)
    real, seen = world.heads._put, list[date]()

    def overtaken(heads: list[Head], version: str | None) -> None:
        if not seen:
            seen.append(heads[-1].day)
            real(heads, version)  # the other one's
        real(heads, version)

    monkeypatch.setattr(world.heads, "_put", overtaken)
    world.heads.run(AFTER, 800)
    assert [row["lines"] for row in world.published] == [1, 0, 0]
    assert world.verdicts() == [Verdict.SAME] * 3


def test_a_run_that_dies_before_it_publishes_announces_the_same_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.journal.write(LINE)
    with monkeypatch.context() as patch:
        refusal = ClientError({"Error": {"Code": "InternalError"}}, "PutObject")
        patch.setattr(world.heads._s3, "put_object", lambda **_: (_ for _ in ()).throw(refusal))
        with pytest.raises(ClientError):
            world.heads.run(AFTER, 800)
    world.heads.run(AFTER, 800)
    assert world.announced[0] == world.announced[1]
    assert len(world.published) == 3


def test_lines_past_their_term_go_and_what_is_left_is_verified(
    cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(cloud, replace(programme, retention=replace(programme.retention, acts_days=2)))
    world.three_days()
    world.journal.seen("p" * 26, "POST /partners/redemptions/validations", "code", "r1", T0)
    late = T0 + 4 * DAY
    monkeypatch.setattr("chalicelib.privacy.terms.PAGE", 1)
    with rights_of("end_terms"):
        assert not world.services.terms.run(late, 800, count(0, 100).__next__), "it has time for a few pages"
        while not world.services.terms.run(late, 800, count(0, 100).__next__):
            pass
    assert [item.at.date() for item in LineItem.scan()] == [FIRST + 2 * DAY]
    assert world.services.runs.gone().gone["acts"] == 3
    assert world.verdicts(late)[:3] == [Verdict.GONE, Verdict.SAME, Verdict.SAME]
    assert world.verdicts(late - 2 * DAY)[0] is Verdict.REMOVED, "before its term"

    item = next(iter(LineItem.scan()))
    item.reason = "another reason"
    item.save()
    assert world.verdicts(late)[2] is Verdict.REWRITTEN
    rows = world.published
    world.replace_published([rows[0] | {"head": "0" * 64}, *rows[1:]])
    assert world.verdicts(late)[:2] == [Verdict.CHAIN] * 2, "heads of days that are gone stay in the chain"


def test_no_rewriting_hides_behind_a_term(cloud: Settings, programme: Programme) -> None:
    world = World(cloud, replace(programme, retention=replace(programme.retention, acts_days=2)))
    sari = Principal("arn:aws:iam::123456789012:user/sari", "sari")
    world.services.roster.propose({"s1": ("sari",), "b1": ("budi",)}, sari, "we begin", T0)
    world.three_days()
    late = T0 + 4 * DAY
    world.item(0).delete()
    _change(world)
    assert world.verdicts(late)[0] is Verdict.HALF_GONE
    assert not Verdict.HALF_GONE.is_well
    world.item().delete()
    assert world.verdicts(late)[0] is Verdict.GONE
    world.heads._days = 1
    assert world.verdicts(late - 2 * DAY)[0] is Verdict.REMOVED, "the term is the head's, not that of today"
    [item] = RosterItem.query("ROSTER")
    item.reason = "another reason"
    item.save()
    assert world.verdicts(late)[0] is Verdict.REMOVED
    item.delete()
    assert world.verdicts(late)[0] is Verdict.REMOVED, "what was done to the roster stays"


def test_a_day_that_becomes_due_during_a_round_stays_whole(cloud: Settings, programme: Programme) -> None:
    world = World(cloud, replace(programme, retention=replace(programme.retention, acts_days=2)))
    world.three_days()
    late = datetime.combine(FIRST + 3 * DAY, datetime.min.time(), T0.tzinfo) - timedelta(minutes=1)
    assert world.services.terms.run(late, 100_000, count(0, 100).__next__)
    assert world.verdicts(late + DAY)[0] is Verdict.SAME


def test_a_day_that_is_not_past_its_term_stays(world: World, cloud: Settings) -> None:
    world.journal.write(LINE)
    table = cloud.table("journal")
    rows = boto3.client("dynamodb", REGION).scan(TableName=table)["Items"]
    assert end_lines(table, REGION, 1)(rows, T0 + DAY) == {"acts": 0}
    for _ in range(2):  # a page that is done again
        assert end_lines(table, REGION, 1)(rows, T0 + 2 * DAY) == {"acts": 1}
    assert list(LineItem.scan()) == []


def test_a_line_that_was_put_over_another_stays_and_holds_up_nothing(
    world: World, cloud: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    world.journal.write(LINE)
    world.journal.write(LINE)
    item = world.item()
    item.at = T0 + 9 * DAY
    item.save()
    table = cloud.table("journal")
    rows = boto3.client("dynamodb", REGION).scan(TableName=table)["Items"]
    assert end_lines(table, REGION, 1)(rows, T0 + 2 * DAY) == {"acts": 1}
    assert [left.sk for left in LineItem.scan()] == [item.sk]
    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == ["line_of_another_day"]
