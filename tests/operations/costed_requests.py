"""Requests whose calls are counted, where they are not those that the refusals have."""

from __future__ import annotations

from chalicelib.draw import published
from chalicelib.draw.selection import DrawResult
from chalicelib.outcomes import survey_rules
from chalicelib.outcomes.store import SurveyStore
from chalicelib.payouts.rules import reference
from chalicelib.training.courses import KEPT
from chalicelib.waves.entries import EntryItem, EntryStore
from chalicelib.waves.publication.bucket import Publication
from chalicelib.waves.rules import Entry, EntryOutcome, shard_of
from tests.builders.draws.files import build_list
from tests.builders.surveys import ANSWERS
from tests.e2e import routes
from tests.e2e.gateway import AN_HOUR, Call, Gateway, Provoke
from tests.e2e.refusals import SUCCESSES
from tests.e2e.refusals.citizens import FROZEN, complaining
from tests.e2e.refusals.passkeys import exchanging, using
from tests.e2e.refusals.presence import reporting
from tests.e2e.refusals.registry import answer_that_verifies
from tests.e2e.refusals.signing_in import entering, starting

SETTLED = 144
"""A wave before the open one."""


def appeal(gateway: Gateway) -> Call:
    """Somebody was chosen in a wave that is settled, and appeals all the same."""
    person, ticket = gateway.registered(), b"t" * 32
    services = gateway.services
    EntryStore().join(Entry(SETTLED, person, 31, ticket, gateway.now, "00" * 32))
    EntryItem(f"E#{SETTLED}#{shard_of(person)}", person).update([EntryItem.outcome.set(EntryOutcome.CHOSEN.value)])
    services._wave_store.put_draw(SETTLED, DrawResult(b"s" * 32, {}, b"\xff" * 32))
    leaves = {published.leaves_name(31): build_list(SETTLED, 31, [ticket])}
    Publication(services._client("s3"), services.settings.results_bucket).put(SETTLED, leaves)
    return complaining({"kind": "selection", "wave": SETTLED}, lambda _: person)(gateway)


def change_address(gateway: Gateway) -> Call:
    """Somebody chosen has told where to be paid before, and now tells another account."""
    first = gateway.sent(Call(routes.ADDRESS, gateway.address(), person=gateway.chosen().registrant_id))
    return first.but(body=gateway.address())


def complain_of_money(gateway: Gateway) -> Call:
    """A graduate asks after the incentive."""
    person = gateway.graduated().person
    [payout] = gateway.ok(Call(routes.PAYOUTS, person=person))["payouts"]
    return complaining({"kind": "disbursement", "payout_id": payout["payout_id"]}, lambda _: person)(gateway)


def answer_as_one_compared(gateway: Gateway) -> Call:
    """One of those who were not chosen answers."""
    person, services = gateway.registered(), gateway.services
    survey = survey_rules.of_comparison(
        person, wave=SETTLED, region=31, rules=services.programme.surveys, now=gateway.now
    )
    assert services.surveys
    SurveyStore(services.transaction).open(survey)
    [shown] = gateway.ok(Call(routes.SURVEYS, person=person))["surveys"]
    asked = {question["id"] for question in shown["questions"]}
    answers = {name: answer for name, answer in ANSWERS.items() if name in asked}
    return Call(routes.RESPOND, {"answers": answers}, person=person).at(survey.id)


def hint_at_a_payout(gateway: Gateway) -> Call:
    """The provider names a payout that there is."""
    person = gateway.graduated().person
    [payout] = gateway.ok(Call(routes.PAYOUTS, person=person))["payouts"]
    call = SUCCESSES[routes.HINT](gateway)
    return call.but(body={"reference_id": reference(payout["payout_id"], 1)})


def start_after_another(gateway: Gateway) -> Call:
    """Somebody else has begun in this hour: what a process keeps is there."""
    gateway.ok(starting())
    return starting()


def entering_again(gateway: Gateway) -> Call:
    """Somebody signs in who has an account, on another device."""
    contact = "known@example.org"
    gateway.ok(entering(gateway, contact))
    return entering(gateway, contact)


def exchanging_once_more(gateway: Gateway) -> Call:
    """Another issuer has named somebody before."""
    gateway.ok(exchanging(gateway))
    return exchanging(gateway)


def reporting_once_more(gateway: Gateway) -> Call:
    """The office has reported before: its key is open."""
    gateway.ok(reporting(gateway))
    return reporting(gateway)


def prove_first(gateway: Gateway) -> Call:
    """Nobody has asked for this proof before; what is kept of the waves is there."""
    call = SUCCESSES[routes.PROOF](gateway)
    gateway.now += AN_HOUR
    gateway.ok(Call(routes.GET_WAVE).at(FROZEN))
    return call


def _posted_twice(gateway: Gateway) -> tuple[str, str]:
    """A partner of its own, with two vacancies."""
    partner = gateway.new_partner()
    for _ in range(2):
        gateway.ok(Call(routes.POST_VACANCY, gateway.posting(), partner=partner))
    return partner


def again(provoke: Provoke) -> Provoke:
    """The same has been sent before."""

    return lambda gateway: gateway.sent(provoke(gateway))


def a_minute_later(provoke: Provoke) -> Provoke:
    """What a function keeps of the catalogue is no longer good."""

    def provoked(gateway: Gateway) -> Call:
        gateway.now += KEPT
        return provoke(gateway)

    return provoked


KEPT_IN_MEMORY = {
    routes.PUBLIC_KEYS,
    routes.ENTRIES,
    routes.MY_DATA,
    f"{routes.MY_DATA} newcomer",
    "GET /waves",
    "GET /waves/current",
    routes.GET_WAVE,
    routes.VERIFY,
    routes.HINT,
    routes.ON_SEARCH,
    "GET /waves.ics",
    routes.COURSES,
    routes.GET_COURSE,
}
"""Of these it is counted what a request makes when the same has been sent before."""

CASES: dict[str, Provoke] = {
    routes.START: start_after_another,
    f"{routes.OPEN} known": entering_again,
    f"{routes.OPEN} again": again(entering),
    f"{routes.ADDRESS} another": change_address,
    f"{routes.OPEN} passkey": using,
    f"{routes.OPEN} somebody new": lambda gateway: exchanging(gateway, "somebody new"),
    f"{routes.OPEN} as before": exchanging_once_more,
    routes.REPORT_PRESENCE: reporting_once_more,
    routes.PROOF: prove_first,
    f"{routes.PROOF} again": again(prove_first),
    f"{routes.HINT} of a known form": hint_at_a_payout,
    f"{routes.ON_SEARCH} that is judged": answer_that_verifies,
    f"{routes.COURSES} a minute later": a_minute_later(SUCCESSES[routes.COURSES]),
    routes.VACANCIES: again(SUCCESSES[routes.VACANCIES]),
    f"{routes.VACANCIES} a minute later": a_minute_later(SUCCESSES[routes.VACANCIES]),
    f"{routes.COMPLAIN} selection": appeal,
    f"{routes.COMPLAIN} disbursement": complain_of_money,
    f"{routes.RESPOND} comparison": answer_as_one_compared,
    f"{routes.MY_DATA} newcomer": lambda gateway: Call(routes.MY_DATA, person=gateway.stranger()),
    f"{routes.PAYOUTS} sent": lambda gateway: Call(routes.PAYOUTS, person=gateway.being_paid()[0]),
    routes.LIST_VACANCIES: lambda gateway: Call(routes.LIST_VACANCIES, partner=_posted_twice(gateway)),
}
"""The requests of a case, where they are not those that the refusals have."""


def provoking(name: str) -> Provoke:
    method, path, *case = name.split(" ")
    succeed = CASES.get(name) or SUCCESSES[f"{method} {path}"]
    return again(succeed) if name in KEPT_IN_MEMORY or (case == ["again"] and name not in CASES) else succeed
