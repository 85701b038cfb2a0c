"""Mistakes to plant into a wave that was played: each is one that the sums must name."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from local.demo.players.crowd import Diary
from local.demo.sums import Played


def first(played: Played, wanted: Callable[[Diary], Any]) -> Diary:
    return next(diary for diary in played.diaries if wanted(diary))


def copy_of(played: Played) -> Played:
    """A wave in which a mistake can be planted without harm to the other."""
    return replace(played, **{name: deepcopy(getattr(played, name)) for name in _PLANTED})


_PLANTED = ("diaries", "wave", "results", "books", "applicants", "statistics")


# The draw


def lose_a_person(played: Played) -> None:
    first(played, lambda d: d.registered and not d.receipt).registered = False


def change_a_ticket(played: Played) -> None:
    first(played, lambda d: d.receipt).receipt["ticket"] = "00" * 32


def drop_an_entry(played: Played) -> None:
    next(iter(played.results.leaves.values())).pop()


def choose_somebody_else(played: Played) -> None:
    winner, loser = first(played, lambda d: d.chosen), first(played, lambda d: d.standing == "not_chosen")
    winner.entry.update(standing="not_chosen", reason="not_drawn")
    loser.entry.update(standing="chosen", reason=None)


def choose_one_too_many(played: Played) -> None:
    first(played, lambda d: d.standing == "not_chosen").entry.update(standing="chosen", reason=None)


def choose_a_third_of_a_family(played: Played) -> None:
    first(played, lambda d: d.entry and d.entry["reason"] == "family_card").entry.update(standing="chosen", reason=None)


def keep_a_revoked_place(played: Played) -> None:
    first(played, lambda d: d.revoked).entry["standing"] = "chosen"


def publish_no_substitute(played: Played) -> None:
    while played.results.substitutions[-1]["reason"] == "revoked":
        played.results.substitutions.pop()


def pass_a_place_to_another(played: Played) -> None:
    first(played, lambda d: d.substitute).substitute = False


# Places and trainings


def forget_a_purchase(played: Played) -> None:
    first(played, lambda d: d.bought).trainings.pop()


def give_a_revoked_one_a_balance(played: Played) -> None:
    first(played, lambda d: d.revoked).balance_idr = 3_500_000


def charge_a_rupiah_more(played: Played) -> None:
    first(played, lambda d: d.bought).balance_idr -= 1


def leave_a_graduate_active(played: Played) -> None:
    first(played, lambda d: d.completed).place["state"] = "ACTIVE"


# Money


def forget_a_payment(played: Played) -> None:
    next(line for line in played.books["payouts"] if line["moved_idr"])["moved_idr"] = 0


def pay_twice(played: Played) -> None:
    played.books["payouts"].append(next(line for line in played.books["payouts"] if line["moved_idr"] == 600_000))


def pay_a_rupiah_less(played: Played) -> None:
    first(played, lambda d: d.payouts and d.payouts[0]["state"] == "paid").payouts[0]["amount_idr"] -= 1


def pay_a_stranger(played: Played) -> None:
    next(line for line in played.books["payouts"] if line["moved_idr"])["account_number"] = "1234567890"


def pay_one_that_cannot_be_paid(played: Played) -> None:
    first(played, lambda d: d.payouts and d.payouts[0]["state"] != "paid").payouts[0]["state"] = "paid"


def pay_without_an_address(played: Played) -> None:
    first(played, lambda d: d.reminded).reminded = False


def leave_one_unpaid(played: Played) -> None:
    first(played, lambda d: d.payouts).payouts = []


def pay_no_survey(played: Played) -> None:
    first(played, lambda d: len(d.payouts) > 1).payouts.pop()


# Surveys, jobs, appeals


def pick_the_sample(played: Played) -> None:
    leaves = {bytes.fromhex(d.receipt["leaf"]) for d in played.diaries if d.standing == "not_chosen"}
    played.results.sample[-1] = next(iter(leaves - set(played.results.sample)))


def ask_nobody_who_was_paid(played: Played) -> None:
    first(played, lambda d: d.surveys and d.surveys[0]["amount_idr"] and not d.answers).surveys = []


def lose_an_answer(played: Played) -> None:
    first(played, lambda d: d.answers).answers = None


def show_who_withdrew(played: Played) -> None:
    withdrew = first(played, lambda d: d.applied and d.person.withdraws)
    read = {"name": withdrew.person.form["name"], "certificates": withdrew.completed}
    played.applicants[withdrew.applied].append(read)


def leave_a_grievance_open(played: Played) -> None:
    first(played, lambda d: d.grievances).grievances[0].update(state="OPEN", answer=None)


def show_another_place_on_the_list(played: Played) -> None:
    first(played, lambda d: d.grievances and d.grievances[0]["evidence"]).grievances[0]["evidence"]["position"] += 1


def lose_a_mail(played: Played) -> None:
    first(played, lambda d: d.substitute).mails["chosen"] -= 1


def mail_twice(played: Played) -> None:
    first(played, lambda d: d.mails["paid"]).mails["paid"] += 1


# Figures


def count_one_more(played: Played) -> None:
    played.statistics["progress"]["joined"] += 1


def publish_a_rupiah_more(played: Played) -> None:
    played.statistics["progress"]["paid_idr"] += 1


def withhold_what_is_of_many(played: Played) -> None:
    played.statistics["progress"]["joined"] = None


def praise_the_programme(played: Played) -> None:
    played.statistics["outcomes"]["net_promoter"]["score"] = 100


def find_work_for_one_more(played: Played) -> None:
    played.statistics["outcomes"]["business_capital"]["numerator"] += 1


MISTAKES: tuple[tuple[Callable[[Played], None], str], ...] = (
    (lose_a_person, "people: registered_and_refused"),
    (change_a_ticket, "does not follow from its ticket"),
    (drop_an_entry, "the entry is not in the published list"),
    (choose_somebody_else, "the published draw says"),
    (choose_one_too_many, "seats: "),
    (choose_a_third_of_a_family, "3 people on one family card"),
    (keep_a_revoked_place, "places revoked: "),
    (publish_no_substitute, "substitutes: "),
    (pass_a_place_to_another, "substitutes: "),
    (forget_a_purchase, "rupiah for training, and"),
    (give_a_revoked_one_a_balance, "rupiah for training, and 0 must be left"),
    (charge_a_rupiah_more, "rupiah for training, and"),
    (leave_a_graduate_active, "is ACTIVE, and should be GRADUATED"),
    (forget_a_payment, "rupiah paid: "),
    (pay_twice, "rupiah paid: "),
    (pay_a_rupiah_less, "is shown 599999 rupiah for INCENTIVE"),
    (pay_a_stranger, "to an account of nobody's"),
    (pay_one_that_cannot_be_paid, "incentives that could not be paid: failed"),
    (pay_without_an_address, "told of a missing address: False"),
    (leave_one_unpaid, "incentives: due"),
    (pay_no_survey, "and is shown ['INCENTIVE']"),
    (pick_the_sample, "the sample of those not chosen: "),
    (ask_nobody_who_was_paid, "was paid, and is asked 0 surveys"),
    (lose_an_answer, "and is shown 1 answered surveys"),
    (show_who_withdrew, "applicants of a vacancy: "),
    (leave_a_grievance_open, "complained, and has no answer"),
    (show_another_place_on_the_list, "the evidence of an appeal: "),
    (lose_a_mail, "was mailed "),
    (mail_twice, "was mailed "),
    (count_one_more, "statistics: joined is"),
    (publish_a_rupiah_more, "statistics: rupiah paid is"),
    (withhold_what_is_of_many, "statistics: joined is None"),
    (praise_the_programme, "statistics: net promoter score is 100"),
    (find_work_for_one_more, "statistics: business_capital numerator is"),
)
"""Each mistake, and words that the difference it makes must have in it."""
