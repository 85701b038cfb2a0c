"""Compares what people were told, what was published and what the books say. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chalicelib.registration.identity import parse_account_number

from .crowd import INCENTIVE, SURVEY_1, Diary
from .results import Played

FAMILY_CAP = 2

FEWEST = 10
"""A figure about fewer people than this is not published."""

WORKS = {"employee", "self_employed", "business_owner", "freelance"}

_AS_IT_HAPPENS = {"purchase_deadline", "survey_deadline"}
"""Mails that are sent or not depending on how long people take."""

Figure = tuple[str, Any, int, int]
"""A name, the published value, the right value, and how many people it is about."""


def differences(played: Played) -> list[str]:
    """A sentence without personal data for each disagreement."""
    checks = (
        *(_people, _entries, _seats, _standings, _substitutes),
        *(_places, _sums, _accounts, _surveys, _applicants, _grievances, _mails, _figures),
    )
    return [found for check in checks for found in check(played)]


def unequal(what: str, **figures: object) -> Iterator[str]:
    """Yield a sentence with all the figures if they are not all the same."""
    if any(figure != next(iter(figures.values())) for figure in figures.values()):
        yield f"{what}: " + ", ".join(f"{name} {figure}" for name, figure in figures.items())


# People, entries and seats: receipts, published files and standings


def _people(played: Played) -> Iterator[str]:
    counts = played.counts
    known = counts["registered"] + counts["refused"]
    yield from unequal("people", registered_and_refused=known, people=len(played.diaries))
    expected = sum(diary.person.joins for diary in played.diaries)
    yield from unequal("people who join", joined=counts["joined"], expected=expected)


def _entries(played: Played) -> Iterator[str]:
    listed = {leaf for leaves in played.results.leaves.values() for leaf in leaves}
    yield from unequal(
        "entries",
        receipts=played.counts["joined"],
        note=played.results.entries,
        lists=sum(map(len, played.results.leaves.values())),
        wave=played.wave["entries"],
        different_leaves=len(listed),
    )
    for diary, leaf in played.joined():
        assert diary.receipt is not None  # noqa: S101 - `joined` gives only those
        if diary.receipt["leaf"] != leaf.hex():
            yield f"person {diary.person.number}: the receipt's leaf does not follow from its ticket"
        if leaf not in played.results.leaves.get(int(diary.person.form["province"]), []):
            yield f"person {diary.person.number}: the entry is not in the published list of their province"


def _seats(played: Played) -> Iterator[str]:
    joined = [diary for diary, _ in played.joined()]
    chosen, quota = played.counts["chosen"], played.results.quota
    yield from unequal("seats", chosen=chosen, wave=played.wave["chosen"], results=len(played.results.chosen()))
    # A person who lost a place never gets another, and frees the family card for others whose turn comes later.
    least = min(quota, _room(joined) - played.counts["revoked"])
    most = min(quota, _room([diary for diary in joined if not diary.revoked]))
    if not least <= chosen <= most:
        yield f"seats: {chosen} people hold one, and at least {least} and at most {most} should"
    for count in Counter(diary.person.form["kk"] for diary in joined if diary.chosen).values():
        if count > FAMILY_CAP:
            yield f"{count} people on one family card were chosen"


def _room(diaries: Iterable[Diary]) -> int:
    """How many of these people can hold a seat at the same time, with at most two on a family card."""
    return sum(min(FAMILY_CAP, count) for count in Counter(diary.person.form["kk"] for diary in diaries).values())


def _standings(played: Played) -> Iterator[str]:
    """Compare each standing with the recomputed draw, and each seat given up with the family cards."""
    drawn, chosen, given_up = played.results.drawn(), played.results.chosen(), played.results.given_up()
    settled = played.results.settled
    cards = {leaf: diary.person.form["kk"] for diary, leaf in played.joined()}
    at_first = Counter(cards.get(leaf) for leaf in played.results.chosen(settled))
    ever = Counter(diary.person.form["kk"] for diary in played.diaries if diary.chosen or diary.revoked)
    passed_by_at_first = {bytes.fromhex(one["out"]) for one in played.results.substitutions[:settled]}
    for diary, leaf in played.joined():
        who = f"person {diary.person.number}"
        told = (diary.entry or {}).get("standing"), (diary.entry or {}).get("reason")
        worked_out: tuple[str, str | None] = ("not_chosen", given_up.get(leaf, "not_drawn"))
        if leaf in chosen:
            worked_out = ("chosen", None)
        elif given_up.get(leaf) == "revoked":
            worked_out = ("revoked", None)
        if told != worked_out:
            yield f"{who} was told {told}, and the published draw says {worked_out}"
        # For a later loss this cannot be checked: those who held a place on the card may have lost it since.
        holders = at_first if leaf in passed_by_at_first else ever
        if told[1] == "family_card" and holders[cards[leaf]] < FAMILY_CAP:
            yield f"{who} gave up a seat for a family card that is not full"
        if told[1] == "not_drawn" and leaf in drawn:
            yield f"{who} was drawn and told otherwise"


def _substitutes(played: Played) -> Iterator[str]:
    """Compare who lost a place and who got one, as they were told, with what is published."""
    new = {leaf.hex() for leaf in played.results.chosen() - played.results.chosen(played.results.settled)}
    told = {leaf.hex() for diary, leaf in played.joined() if diary.substitute}
    yield from unequal("substitutes", told=told, published=new)
    revoked = {one["out"] for one in played.results.substitutions if one["reason"] == "revoked"}
    told = {leaf.hex() for diary, leaf in played.joined() if diary.revoked}
    yield from unequal("places revoked", told=told, published=revoked)
    if played.counts["revoked"] and not new:
        yield "places were revoked, and nobody got one"
    for diary in played.diaries:
        if diary.revoked == diary.person.buys and (diary.chosen or diary.revoked) and not diary.substitute:
            yield f"person {diary.person.number}: bought {diary.person.buys}, and lost the place {diary.revoked}"


# Places, money


def _places(played: Played) -> Iterator[str]:
    """Check the state of each place, the trainings and the balance left."""
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
        expected = "REVOKED" if diary.revoked else "GRADUATED" if diary.completed else "ACTIVE"
        if state != expected:
            yield f"{who} is {state}, and should be {expected}"
        cancelled = len(diary.trainings) - len(diary.bought)
        if diary.chosen and cancelled != diary.person.changes_mind:
            yield f"{who} is shown {cancelled} cancelled trainings"
        if diary.chosen and len(diary.bought) != 1 + diary.person.buys_two:
            yield f"{who} has bought {len(diary.bought)} courses"
        if len(diary.completed) != (len(diary.bought) if diary.finishes else 0):
            yield f"{who} has completed {len(diary.completed)} of {len(diary.bought)} courses"


def _accounts(played: Played) -> Iterator[str]:
    moved = moved_idr(played.books)
    for diary in played.everybody:
        yield from _person(played, diary, moved.pop(account(diary, played.kinds), 0))
    yield from (f"{amount} rupiah moved to an account of nobody's" for amount in moved.values() if amount)


def _sums(played: Played) -> Iterator[str]:
    counts, due = played.counts, [diary for diary in played.diaries if INCENTIVE in diary.due]
    yield from unequal("incentives", due=len(due), paid_and_failed=counts["paid"] + counts["failed"])
    unpayable = sum(diary.person.address["account_number"].endswith(played.failing_suffix) for diary in due)
    yield from unequal("incentives that could not be paid", failed=counts["failed"], accounts_never_paid=unpayable)
    answered = sum(SURVEY_1 in diary.due for diary in played.diaries)
    yield from unequal(
        "rupiah paid",
        people=played.told_idr,
        books=sum(line["moved_idr"] for line in played.books["payouts"]),
        incentives_and_surveys=counts["paid"] * played.scheme.incentive_idr
        + answered * played.scheme.survey_idr
        + played.second_idr,
    )
    told = sum(p["amount_idr"] for diary in played.second for p in diary.payouts if p["state"] == "paid")
    yield from unequal("rupiah of the second act", told=told, scheme=played.second_idr)


def _person(played: Played, diary: Diary, moved: int) -> Iterator[str]:
    who = f"person {diary.person.number}"
    amounts = {INCENTIVE: played.scheme.incentive_idr, SURVEY_1: played.scheme.survey_idr}
    if diary in played.second and played.second_scheme:
        amounts = dict.fromkeys(diary.due, played.second_scheme.incentive_idr)
    if diary.due and diary.person.forgets_address != diary.reminded:
        yield f"{who}: told of a missing address: {diary.reminded}"
    kinds = Counter(payout["kind"] for payout in diary.payouts)
    if kinds != Counter(diary.due):
        yield f"{who} earned {sorted(diary.due)} and is shown {sorted(kinds.elements())}"
    for payout in diary.payouts:
        if payout["amount_idr"] != amounts.get(payout["kind"]):
            yield f"{who} is shown {payout['amount_idr']} rupiah for {payout['kind']}"
    paid = sum(payout["amount_idr"] for payout in diary.payouts if payout["state"] == "paid")
    if moved != paid:
        yield f"{who} was told of {paid} rupiah, and {moved} moved"


def moved_idr(books: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    """The rupiah that moved to each channel and account number, according to the provider's books."""
    moved: Counter[tuple[str, str]] = Counter()
    for line in books["payouts"]:
        moved[line["channel_code"], line["account_number"]] += line["moved_idr"]
    return moved


def account(diary: Diary, kinds: Mapping[str, Any]) -> tuple[str, str]:
    """Channel and account number of a person's address, as the provider's books have them."""
    address = diary.person.address
    return f"ID_{address['code']}", parse_account_number(kinds[address["code"]], address["account_number"])


# Surveys, applications, appeals, mails


def _surveys(played: Played) -> Iterator[str]:
    """Check that all who were paid are asked, and of the others exactly the published sample."""
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
    """Check that a partner sees exactly the applicants who did not withdraw, with the certificates that they earned."""
    for vacancy_id, read in played.applicants.items():
        applied = [diary for diary in played.diaries if diary.applied == vacancy_id and not diary.person.withdraws]
        yield from unequal(
            "applicants of a vacancy",
            read=sorted((one["name"], _certificates(one["certificates"])) for one in read),
            applied=sorted((diary.person.form["name"], _certificates(diary.completed)) for diary in applied),
        )


def _certificates(trainings: Any) -> list[str]:
    return sorted(each["certificate_number"] for each in trainings)


def _grievances(played: Played) -> Iterator[str]:
    for diary, grievance in [(each, filed) for each in played.diaries for filed in each.grievances]:
        who = f"person {diary.person.number}"
        if grievance["state"] != "ANSWERED" or not grievance["answer"]:
            yield f"{who} complained, and has no answer"
        if evidence := grievance["evidence"]:
            assert diary.receipt is not None  # noqa: S101 - only a person who joined appeals against a selection
            leaf = bytes.fromhex(diary.receipt["leaf"])
            leaves = played.results.leaves.get(int(diary.person.form["province"]), [])
            position = leaves.index(leaf) + 1 if leaf in leaves else None
            value = played.results.open_value(leaf).hex()
            yield from unequal(
                f"{who}: the evidence of an appeal",
                shown=tuple(evidence[name] for name in ("leaf", "position", "entries", "open", "verdict")),
                published=(leaf.hex(), position, len(leaves), value, diary.standing),
            )


def _mails(played: Played) -> Iterator[str]:
    for diary in played.everybody:
        owed, got = mails_due(diary), Counter(diary.mails)
        for kind in _AS_IT_HAPPENS:
            del got[kind]
        if diary.reminded:
            # A person who set an address before the mail about it was written does not get that mail.
            got["payment_failed"] = min(got["payment_failed"], owed["payment_failed"])
        if +got != owed:
            yield f"person {diary.person.number} was mailed {dict(got)}, and due are {dict(owed)}"


def mails_due(diary: Diary) -> Counter[str]:
    """How many mails of each kind concern this person."""
    states = Counter(payout["state"] for payout in diary.payouts)
    held = diary.chosen or diary.revoked
    return +Counter(
        {
            "chosen": int(held),
            # A person who got a place later was first told that they had none.
            "not_chosen": int(diary.receipt is not None and (not held or diary.substitute)),
            "revoked": int(diary.revoked),
            "paid": states["paid"],
            "payment_failed": states["account_refused"],
            "survey_open": len(diary.surveys),
            "grievance_answered": sum(each["state"] == "ANSWERED" for each in diary.grievances),
        }
    )


# What the public is told


def _figures(played: Played) -> Iterator[str]:
    for name, published, known, people in (*_progress(played), *_outcomes(played), *_cases(played)):
        if published != known and not (published is None and 0 < people < FEWEST):
            yield f"statistics: {name} is {published}, and the diaries know {known}"


def _progress(played: Played) -> Iterator[Figure]:
    statistics, people = played.statistics, played.everybody
    progress = statistics["progress"]
    registered, joined = sum(one.registered for one in people), sum(one.receipt is not None for one in people)
    chosen, revoked = sum(one.chosen for one in people), sum(one.revoked for one in people)
    # People who lost a place had been chosen too.
    ever = chosen + revoked
    completed = sum(bool(diary.completed) for diary in people)
    rewarded = sum(any(p["state"] == "paid" for p in diary.payouts) for diary in people)
    recipients = statistics["totals"]["this_system"]
    yield "registered", statistics["registered"], registered, registered
    yield "joined", progress["joined"], joined, joined
    yield "chosen", progress["chosen"], ever, ever
    yield "revoked", progress["revoked"], revoked, revoked
    yield "completed", progress["completed"], completed, completed
    yield "graduates", progress["graduates"], completed, completed
    yield "paid", progress["paid"], rewarded, rewarded
    yield "rupiah paid", progress["paid_idr"], played.told_idr, rewarded
    yield "recipients", recipients["recipients"], chosen, chosen
    (year,) = statistics["years"]
    yield "participants of the year", year["participants"], chosen, chosen


def _outcomes(played: Played) -> Iterator[Figure]:
    outcomes = played.statistics["outcomes"]
    for paid, response, working in (
        (True, "survey_1_response", "working"),
        (False, "comparison_response", "comparison_working"),
    ):
        asked = [d for d in played.everybody if d.surveys and bool(d.surveys[0]["amount_idr"]) == paid]
        said = [diary.answers for diary in asked if diary.answers]
        yield from _share(response, outcomes[response], len(said), len(asked))
        before = [each for each in said if each["employment_before"] == "unemployed"]
        now = [each for each in before if each["employment_now"] in WORKS]
        yield from _share(working, outcomes[working], len(now), len(before))
        if paid:
            capital = ["business_capital" in each["incentive_use"] for each in said]
            yield from _share("business_capital", outcomes["business_capital"], sum(capital), len(capital))
    people, score = len(played.recommendations), outcomes["net_promoter"]
    yield "net promoter answers", score["answers"], people, people
    whole = None if score["score"] is None else round(score["score"])
    yield "net promoter score", whole, played.counts["nps"], people
    satisfied = [month for month in outcomes["satisfaction"] if month["answers"]]
    yield "satisfaction answers", sum(month["answers"] for month in satisfied) or None, people, people
    incentives = played.counts["paid"] + len(played.second)
    yield "days to payment of", outcomes["days_to_payment"]["people"], incentives, incentives


def _cases(played: Played) -> Iterator[Figure]:
    """The figures of vacancies, applications and grievances. They count no people, so small ones are published too."""
    market, helpdesk = played.statistics["job_market"], played.statistics["grievances"]
    yield "vacancies", market["vacancies"], len(played.applicants), 0
    yield "applications", market["applications"], sum(bool(d.applied) for d in played.diaries), 0
    yield "grievances", helpdesk["answered"], sum(len(d.grievances) for d in played.diaries), 0
    yield "open grievances", helpdesk["open"] + helpdesk["escalated"], 0, 0


def _share(name: str, published: Mapping[str, Any], some: int, of: int) -> Iterator[Figure]:
    # A response rate is about those who answered as well as those who were asked.
    people = min(of, some or of) if name.endswith("response") else of
    yield f"{name} numerator", published["numerator"], some, people
    yield f"{name} denominator", published["denominator"], of, people
    if of and published["share"] is not None:
        yield f"{name} within its interval", published["lower"] <= some / of <= published["upper"], True, 0
