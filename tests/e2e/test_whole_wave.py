"""One wave over HTTP, from the first account to the last payment: the demo's own people and player, on moto."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import app as application
from chalicelib.clock import wib_date
from chalicelib.config import Programme, Settings, load_programme
from local.demo.api import Api
from local.demo.checks import differences
from local.demo.crowd import Crowd, Diary
from local.demo.people import Part, Person, newcomers, people
from local.demo.play import play
from local.demo.postbox import Postbox
from local.demo.results import Played
from local.demo.scene import Scene
from local.sandbox.beacon import WITNESS
from local.sandbox.provider_books import Faults

from .world import World, world_on

COUNT = 72

PHASES = [
    "registration", "calendar", "opening", "close", "catalogue", "commitment", "beacon", "witness", "draw", "award",
    "revocation", "training", "payout", "jobs", "helpdesk", "surveys", "mail", "feed", "statistics", "comparison",
]  # fmt: skip


PLANTED = ("diaries", "wave", "results", "books", "applicants", "statistics")
CHOSEN = {"standing": "chosen", "reason": None}

Whose = Callable[[Diary], Any]
Mistake = Callable[[Played], object]


def first(played: Played, whose: Whose) -> Diary:
    return next(diary for diary in played.diaries if whose(diary))


def put(thing: Any, **values: Any) -> None:
    """Change some keys of a dict, or attributes of anything else."""
    dict.update(thing if isinstance(thing, dict) else vars(thing), values)  # a Counter's own `update` adds


def change(whose: Whose, part: str = "", **values: Any) -> Mistake:
    """Change a part of the first diary for which something holds, or the diary; of a list the first thing in it."""

    def mistake(played: Played) -> None:
        diary = first(played, whose)
        thing = getattr(diary, part) if part else diary
        put(thing[0] if isinstance(thing, list) else thing, **values)

    return mistake


def figure(of: Callable[[Played], dict[str, Any]], name: str, more: int = 1) -> Mistake:
    """A number in a dict is another."""
    return lambda played: put(of(played), **{name: of(played)[name] + more})


def paid(played: Played, idr: int | None = None) -> dict[str, Any]:
    """A line of the provider's books by which money moved: so much, or any sum."""
    return next(line for line in played.books["payouts"] if line["moved_idr"] and idr in (None, line["moved_idr"]))


def told_share(played: Played) -> dict[str, Any]:
    """A share of the outcomes that is told: of few people it is withheld, and who wins is drawn."""
    shares = (played.statistics["outcomes"][name] for name in ("business_capital", "survey_1_response"))
    return next(share for share in shares if share["numerator"] is not None)


def choose_somebody_else(played: Played) -> None:
    winner, loser = first(played, lambda d: d.chosen), first(played, lambda d: d.standing == "not_chosen")
    put(winner.entry, standing="not_chosen", reason="not_drawn")
    put(loser.entry, **CHOSEN)


def drop_the_entry_of(whose: Whose) -> Mistake:
    def mistake(played: Played) -> None:
        leaf = bytes.fromhex((first(played, whose).receipt or {})["leaf"])
        next(leaves for leaves in played.results.leaves.values() if leaf in leaves).remove(leaf)

    return mistake


def publish_no_substitute(played: Played) -> None:
    del played.results.substitutions[played.results.settled :]


def pick_the_sample(played: Played) -> None:
    leaves = {bytes.fromhex(d.receipt["leaf"]) for d in played.diaries if d.standing == "not_chosen"}
    played.results.sample[-1] = next(iter(leaves - set(played.results.sample)))


def show_who_withdrew(played: Played) -> None:
    withdrew = first(played, lambda d: d.applied and d.person.withdraws)
    read = {"name": withdrew.person.form["name"], "certificates": withdrew.completed}
    played.applicants[withdrew.applied].append(read)


def unasked(diary: Diary) -> bool:
    """A substitute need not be asked, as the payment may come after the surveys."""
    return bool(diary.surveys and diary.surveys[0]["amount_idr"] and not diary.answers and not diary.substitute)


def appealed(diary: Diary) -> bool:
    return bool(diary.grievances and diary.grievances[0]["evidence"])


def payout_is(state: str, *, so: bool = True) -> Whose:
    return lambda d: d.payouts and (d.payouts[0]["state"] == state) is so


MISTAKES: dict[str, tuple[Mistake, str]] = {
    # The draw
    "lose a person": (
        change(lambda d: d.registered and not d.receipt, registered=False),
        "people: registered_and_refused",
    ),
    "change a ticket": (change(lambda d: d.receipt, "receipt", ticket="00" * 32), "does not follow from its ticket"),
    "drop the entry of one who lost a place": (drop_the_entry_of(lambda d: d.revoked), "not in the published list"),
    "drop the entry of one who appeals": (drop_the_entry_of(appealed), "not in the published list"),
    "choose somebody else": (choose_somebody_else, "the published draw says"),
    "choose one too many": (change(lambda d: d.standing == "not_chosen", "entry", **CHOSEN), "seats: "),
    "choose a third of a family": (
        change(lambda d: d.entry and d.entry["reason"] == "family_card", "entry", **CHOSEN),
        "3 people on one family card",
    ),
    "keep a revoked place": (change(lambda d: d.revoked, "entry", standing="chosen"), "places revoked: "),
    "publish no substitute": (publish_no_substitute, "substitutes: "),
    "pass a place to another": (change(lambda d: d.substitute, substitute=False), "substitutes: "),
    # Places and trainings
    "forget a purchase": (
        lambda played: first(played, lambda d: d.bought and len(d.bought) == len(d.trainings)).trainings.pop(),
        "rupiah for training, and",
    ),
    "give a revoked one a balance": (
        change(lambda d: d.revoked, balance_idr=3_500_000),
        "rupiah for training, and 0 must be left",
    ),
    "charge a rupiah more": (
        figure(lambda played: vars(first(played, lambda d: d.bought)), "balance_idr", -1),
        "rupiah for training, and",
    ),
    "leave a graduate active": (
        change(lambda d: d.completed, "place", state="ACTIVE"),
        "is ACTIVE, and should be GRADUATED",
    ),
    # Money
    "forget a payment": (lambda played: put(paid(played), moved_idr=0), "rupiah paid: "),
    "pay twice": (lambda played: played.books["payouts"].append(paid(played, 600_000)), "rupiah paid: "),
    "pay a rupiah less": (
        figure(lambda played: first(played, payout_is("paid")).payouts[0], "amount_idr", -1),
        "is shown 599999 rupiah for INCENTIVE",
    ),
    "pay a stranger": (lambda played: put(paid(played), account_number="1234567890"), "to an account of nobody's"),
    "pay one that cannot be paid": (
        change(payout_is("paid", so=False), "payouts", state="paid"),
        "incentives that could not be paid: failed",
    ),
    "pay without an address": (change(lambda d: d.reminded, reminded=False), "told of a missing address: False"),
    "leave one unpaid": (change(lambda d: d.payouts, payouts=[]), "incentives: due"),
    "pay no survey": (
        lambda played: first(played, lambda d: len(d.payouts) > 1).payouts.pop(),
        "and is shown ['INCENTIVE']",
    ),
    # Surveys, jobs, appeals
    "pick the sample": (pick_the_sample, "the sample of those not chosen: "),
    "ask nobody who was paid": (change(unasked, surveys=[]), "was paid, and is asked 0 surveys"),
    "lose an answer": (change(lambda d: d.answers, answers=None), "and is shown 1 answered surveys"),
    "show who withdrew": (show_who_withdrew, "applicants of a vacancy: "),
    "leave a grievance open": (
        change(lambda d: d.grievances, "grievances", state="OPEN", answer=None),
        "complained, and has no answer",
    ),
    "show another place on the list": (
        figure(lambda played: first(played, appealed).grievances[0]["evidence"], "position"),
        "the evidence of an appeal: ",
    ),
    "lose a mail": (figure(lambda played: first(played, lambda d: d.substitute).mails, "chosen", -1), "was mailed "),
    "mail twice": (figure(lambda played: first(played, lambda d: d.mails["paid"]).mails, "paid"), "was mailed "),
    # Figures
    "count one more": (figure(lambda played: played.statistics["progress"], "joined"), "statistics: joined is"),
    "publish a rupiah more": (
        figure(lambda played: played.statistics["progress"], "paid_idr"),
        "statistics: rupiah paid is",
    ),
    "withhold what is of many": (
        lambda played: put(played.statistics["progress"], joined=None),
        "statistics: joined is None",
    ),
    "praise the programme": (
        lambda played: put(played.statistics["outcomes"]["net_promoter"], score=100),
        "statistics: net promoter score is 100",
    ),
    "find work for one more": (
        figure(told_share, "numerator"),
        " numerator is",
    ),
}
"""Each mistake that is planted into a wave that was played, and words of the difference that names it."""


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_on(cloud, programme, monkeypatch) as world:
        yield world


FAMILY = range(1, 14)
"""The numbers of those on one family card, so that more than two of them are drawn whatever the seed."""


def lively(person: Person, card: str, suffix: str) -> Person:
    """The same person with habits so common that, of the three in five who win, some have each whatever the seed."""
    number = person.number
    if person.refusal is not None:
        return person
    address = dict(person.address)
    end = suffix if number % 4 == 1 else "7" * len(suffix)
    address["account_number"] = address["account_number"][: -len(suffix)] + end
    return replace(
        person,
        form={**person.form, "kk": card} if number in FAMILY else person.form,
        address=address,
        forgets_address=number % 4 == 3,
        buys=number in FAMILY or number % 6 != 2,  # a place that a family loses would make room on its card
        finishes=number % 12 != 11,
        buys_two=number % 2 == 0,
        changes_mind=number % 3 == 1,
        overspends=number % 3 == 2,
        answers=number % 6 != 0,
        applies=number % 5 > 0,
        withdraws=number % 2 == 0,
    )


def play_on(
    world: World, programme: Programme, folder: Path, told: list[str], *, seed: int, count: int = COUNT
) -> Played:
    disagreements: list[str] = []
    suffix = Faults().fail_suffix
    invented = people(seed, count, wib_date(world.now()), programme, suffix)
    invented = [lively(person, invented[0].form["kk"], suffix) for person in invented]
    handful = newcomers(3, wib_date(world.now()), programme, suffix, len(invented))
    world._fsp.books.open_accounts(person.address for person in (*invented, *handful))
    postbox = Postbox(world.mails, lambda: world.wait_until(world.now() + timedelta(seconds=1)))
    api = Api(world.url, 1)
    crowd, second = (
        Crowd(api, postbox, who, world.clock, lambda *_: None, disagreements, workers=1) for who in (invented, handful)
    )
    played = play(Scene(crowd, second, world, world, programme, folder, Faults().fail_suffix, told.append))
    assert disagreements == []
    return played


def test_a_whole_wave_agrees_though_the_provider_misbehaves_and_each_planted_mistake_is_named(
    world: World, programme: Programme, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    world._fsp.books.configure(
        {"error_after_rate": 0.1, "error_before_rate": 0.1, "timeout_after_rate": 0.1, "fail_rate": 0.1}
    )
    told: list[str] = []
    played = play_on(world, programme, tmp_path, told, seed=7)
    check_that_everything_was_played(played)
    check_that_the_queue_was_ahead(world, played)
    phases = [line.partition(":")[0] for line in told]
    assert [phase for phase in dict.fromkeys(phases) if phase in PHASES] == PHASES  # it also tells what it waits for
    cosignatures = tmp_path / str(played.wave["number"]) / "cosignatures.txt"
    assert cosignatures.read_text().startswith(f"\u2014 {WITNESS.name} ")
    for name, (mistake, named) in MISTAKES.items():
        with subtests.test(name):
            wrong = replace(played, **{part: deepcopy(getattr(played, part)) for part in PLANTED})
            mistake(wrong)
            assert [found for found in differences(wrong) if named in found]


@pytest.mark.deep  # ten seconds of CPU for a second wave
def test_a_whole_wave_agrees_on_a_machine_that_takes_seconds_for_each_request(
    world: World, programme: Programme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request takes eight seconds: all of it takes longer than a token, or any deadline of a hurry, lasts."""

    def slow() -> datetime:
        World.instant += timedelta(seconds=8)
        return World.instant

    monkeypatch.setattr(application.app, "clock", slow)
    local = load_programme("local")
    patient = msgspec.structs.replace(programme, training=local.training, surveys=local.surveys)
    monkeypatch.setattr(world.services, "programme", patient)
    began = world.now()
    counts = play_on(world, patient, tmp_path, [], seed=54, count=90).counts
    assert world.now() - began > timedelta(hours=1)
    assert min(counts[name] for name in ("joined", "chosen", "paid", "revoked", "substituted", "surveys")) > 0


def check_that_the_queue_was_ahead(world: World, played: Played) -> None:
    number = played.wave["number"]
    record, marks = world.services._wave_store.wave(number), world.services._wave_store.awarded(number)
    assert record.award_sends == 1
    assert sorted(marks) == list(range(1, record.award_batches + 1))
    drawn, batch = played.results.drawn(), world.services.programme.draw.awards.batch
    of_card = Counter(diary.person.form["kk"] for diary, leaf in played.joined() if leaf in drawn)
    # Of more than a batch on one card only the first are in it.
    assert sum(mark.decided for mark in marks.values()) == sum(min(batch, people) for people in of_card.values())


def check_that_everything_was_played(played: Played) -> None:
    counts = played.counts
    assert counts["registered"] + counts["refused"] == COUNT
    assert counts["chosen"] < counts["joined"] < counts["registered"]
    assert min(counts[name] for name in ("paid", "failed", "revoked", "substituted", "surveys")) > 0
    # Whether the provider then pays follows from its faults, which follow from how often a busy machine asks it.
    reminded = {payout["state"] for diary in played.diaries if diary.reminded for payout in diary.payouts}
    assert reminded
    assert "needs_financial_address" not in reminded
    trained = [diary.person for diary in played.diaries if diary.completed]
    for habit in ("buys_two", "changes_mind", "overspends", "applies", "withdraws"):
        assert {getattr(person, habit) for person in trained} == {True, False}, habit
    joined = {diary.person.part for diary in played.diaries if diary.receipt}
    assert joined == {Part.JOINS, Part.DOUBLE_CLICKS, Part.TWO_DEVICES, Part.EARLY}
    assert {one["reason"] for one in played.results.substitutions} >= {"family_card", "revoked"}
    answered = [survey for diary in played.diaries if diary.answers for survey in diary.surveys]
    assert {bool(survey["amount_idr"]) for survey in answered} == {True, False}
    assert {len(diary.grievances) for diary in played.diaries} == {0, 1}
