"""Mistakes to plant into a wave that was played: each is one that the sums must name."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from local.demo.crowd import Diary
from local.demo.results import Played

_PLANTED = ("diaries", "wave", "results", "books", "applicants", "statistics")


def first(played: Played, wanted: Callable[[Diary], Any]) -> Diary:
    return next(diary for diary in played.diaries if wanted(diary))


def copy_of(played: Played) -> Played:
    """A wave in which a mistake can be planted without harm to the other."""
    return replace(played, **{name: deepcopy(getattr(played, name)) for name in _PLANTED})


def put(thing: Any, **values: Any) -> None:
    """Change some keys of a dict, or attributes of anything else."""
    dict.update(thing if isinstance(thing, dict) else vars(thing), values)  # a Counter's own `update` adds


def add(thing: Any, name: str, number: int) -> None:
    """Change a number that is a key of a dict, or an attribute of anything else."""
    put(thing, **{name: (thing if isinstance(thing, dict) else vars(thing))[name] + number})


def paid(played: Played, idr: int | None = None) -> dict[str, Any]:
    """A line of the provider's books by which money moved: so much, or any sum."""
    return next(line for line in played.books["payouts"] if line["moved_idr"] and idr in (None, line["moved_idr"]))


def choose_somebody_else(played: Played) -> None:
    winner, loser = first(played, lambda d: d.chosen), first(played, lambda d: d.standing == "not_chosen")
    put(winner.entry, standing="not_chosen", reason="not_drawn")
    put(loser.entry, **CHOSEN)


def publish_no_substitute(played: Played) -> None:
    while played.results.substitutions[-1]["reason"] == "revoked":
        played.results.substitutions.pop()


def pick_the_sample(played: Played) -> None:
    leaves = {bytes.fromhex(d.receipt["leaf"]) for d in played.diaries if d.standing == "not_chosen"}
    played.results.sample[-1] = next(iter(leaves - set(played.results.sample)))


def show_who_withdrew(played: Played) -> None:
    withdrew = first(played, lambda d: d.applied and d.person.withdraws)
    read = {"name": withdrew.person.form["name"], "certificates": withdrew.completed}
    played.applicants[withdrew.applied].append(read)


CHOSEN = {"standing": "chosen", "reason": None}

MISTAKES: dict[str, tuple[Callable[[Played], object], str]] = {
    # The draw
    "lose a person": (
        lambda played: put(first(played, lambda d: d.registered and not d.receipt), registered=False),
        "people: registered_and_refused",
    ),
    "change a ticket": (
        lambda played: put(first(played, lambda d: d.receipt).receipt, ticket="00" * 32),
        "does not follow from its ticket",
    ),
    "drop an entry": (
        lambda played: next(iter(played.results.leaves.values())).pop(),
        "the entry is not in the published list",
    ),
    "choose somebody else": (choose_somebody_else, "the published draw says"),
    "choose one too many": (
        lambda played: put(first(played, lambda d: d.standing == "not_chosen").entry, **CHOSEN),
        "seats: ",
    ),
    "choose a third of a family": (
        lambda played: put(first(played, lambda d: d.entry and d.entry["reason"] == "family_card").entry, **CHOSEN),
        "3 people on one family card",
    ),
    "keep a revoked place": (
        lambda played: put(first(played, lambda d: d.revoked).entry, standing="chosen"),
        "places revoked: ",
    ),
    "publish no substitute": (publish_no_substitute, "substitutes: "),
    "pass a place to another": (
        lambda played: put(first(played, lambda d: d.substitute), substitute=False),
        "substitutes: ",
    ),
    # Places and trainings
    "forget a purchase": (
        lambda played: first(played, lambda d: d.bought).trainings.pop(),
        "rupiah for training, and",
    ),
    "give a revoked one a balance": (
        lambda played: put(first(played, lambda d: d.revoked), balance_idr=3_500_000),
        "rupiah for training, and 0 must be left",
    ),
    "charge a rupiah more": (
        lambda played: add(first(played, lambda d: d.bought), "balance_idr", -1),
        "rupiah for training, and",
    ),
    "leave a graduate active": (
        lambda played: put(first(played, lambda d: d.completed).place, state="ACTIVE"),
        "is ACTIVE, and should be GRADUATED",
    ),
    # Money
    "forget a payment": (lambda played: put(paid(played), moved_idr=0), "rupiah paid: "),
    "pay twice": (lambda played: played.books["payouts"].append(paid(played, 600_000)), "rupiah paid: "),
    "pay a rupiah less": (
        lambda played: add(
            first(played, lambda d: d.payouts and d.payouts[0]["state"] == "paid").payouts[0], "amount_idr", -1
        ),
        "is shown 599999 rupiah for INCENTIVE",
    ),
    "pay a stranger": (
        lambda played: put(paid(played), account_number="1234567890"),
        "to an account of nobody's",
    ),
    "pay one that cannot be paid": (
        lambda played: put(
            first(played, lambda d: d.payouts and d.payouts[0]["state"] != "paid").payouts[0], state="paid"
        ),
        "incentives that could not be paid: failed",
    ),
    "pay without an address": (
        lambda played: put(first(played, lambda d: d.reminded), reminded=False),
        "told of a missing address: False",
    ),
    "leave one unpaid": (lambda played: put(first(played, lambda d: d.payouts), payouts=[]), "incentives: due"),
    "pay no survey": (
        lambda played: first(played, lambda d: len(d.payouts) > 1).payouts.pop(),
        "and is shown ['INCENTIVE']",
    ),
    # Surveys, jobs, appeals
    "pick the sample": (pick_the_sample, "the sample of those not chosen: "),
    "ask nobody who was paid": (
        lambda played: put(
            first(played, lambda d: d.surveys and d.surveys[0]["amount_idr"] and not d.answers), surveys=[]
        ),
        "was paid, and is asked 0 surveys",
    ),
    "lose an answer": (
        lambda played: put(first(played, lambda d: d.answers), answers=None),
        "and is shown 1 answered surveys",
    ),
    "show who withdrew": (show_who_withdrew, "applicants of a vacancy: "),
    "leave a grievance open": (
        lambda played: put(first(played, lambda d: d.grievances).grievances[0], state="OPEN", answer=None),
        "complained, and has no answer",
    ),
    "show another place on the list": (
        lambda played: add(
            first(played, lambda d: d.grievances and d.grievances[0]["evidence"]).grievances[0]["evidence"],
            "position",
            1,
        ),
        "the evidence of an appeal: ",
    ),
    "lose a mail": (lambda played: add(first(played, lambda d: d.substitute).mails, "chosen", -1), "was mailed "),
    "mail twice": (lambda played: add(first(played, lambda d: d.mails["paid"]).mails, "paid", 1), "was mailed "),
    # Figures
    "count one more": (lambda played: add(played.statistics["progress"], "joined", 1), "statistics: joined is"),
    "publish a rupiah more": (
        lambda played: add(played.statistics["progress"], "paid_idr", 1),
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
        lambda played: add(played.statistics["outcomes"]["business_capital"], "numerator", 1),
        "statistics: business_capital numerator is",
    ),
}
"""Each mistake, and words that the difference it makes must have in it."""
