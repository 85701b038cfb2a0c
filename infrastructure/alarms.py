"""The alarms of the app stack (docs/operating.md says what to do at each)."""

from __future__ import annotations

from collections.abc import Iterator

from .cloudformation import Json, Metric, alarm, log_filter, named, ref
from .functions import ADMINISTER, pascal


def api_errors(name: str = "") -> Metric:
    """The share of answers of one of the two APIs that are a 5xx."""
    return Metric("5XXError", {"ApiName": named(name), "Stage": "api"}, "AWS/ApiGateway", "Average")


FAILURES = {
    "award": (3, "Three minutes in a row"),
    "pay": (3, "Three minutes in a row"),
    "ask_registry": (3, "Three minutes in a row"),
    "send_mail": (3, "Three minutes in a row"),
    "send_code": (3, "Three minutes in a row"),
    "mail_feedback": (1, "A bounced mailbox may not have been marked"),
}
"""Functions that a queue or a topic invokes: after how many minutes with an error they ring."""

ERRORS_LOGGED = {
    "pay": ("pay-needs-a-person", "A payout needs a person: held, cancelled, returned or contradicted by the provider"),
    "advance": ("advance-needs-a-person", "A wave needs a person, such as a note announced too late"),
    "api": ("api-needs-a-person", "A request met what nobody foresaw"),
    "check_grievances": ("grievances-overdue", "A grievance was not answered by its deadline"),
    "open_surveys": (
        "surveys-need-a-person",
        "A survey could not be opened, or a published sample is not what follows from the entries",
    ),
    "others": (
        "another-needs-a-person",
        "A function without an alarm of its own logged an error, or was ended by one",
    ),
}
"""The alarms for errors in the log, by the function that logs them (chalicelib/logs.py)."""

MINUTES_PAST_DUE = {
    "step": (15, "A wave was opened, closed, frozen or drawn too late, or not yet; or this was not announced"),
    "award": (60, "The seats of a drawn wave are not all given, or that was not announced"),
    "payouts": (60, "Payments have been due for an hour"),
    "results": (360, "Not everyone in a settled wave was told what came of it"),
    "registry": (360, "The civil registry has not answered about a registration for six hours"),
    "sweep_registry": (60, "Registrations without an answer of the civil registry are not queued again"),
    "sweep_payouts": (15, "Unsettled payouts are not looked at again"),
    "advance_plans": (180, "Monthly payments that are due were not made due, or not all of them"),
    "erase_people": (360, "People whose deletion is due are not erased, or not all of them"),
    "end_terms": (2_880, "What is past its term has not gone, or not all of it"),
    "write_notices": (30, "Payments and deadlines are not told"),
    "tally_statistics": (360, "What is published is older than it should be"),
    "expire_places": (240, "Places that nobody bought a training for were not passed on"),
    "reconcile_payouts": (240, "A day is not compared with the providers"),
    "open_surveys": (60, "Surveys that are due were not opened, or not all of them"),
    "publish_journal": (240, "The journal of administration has no head of a day that is over"),
    "check_grievances": (60, "Overdue grievances were not counted"),
}
"""How many minutes late a job may be, as chalicelib/watch.py measures it. Two periods without a figure ring as well."""


def word(group: str, said: str, filter_id: str, about: str) -> Iterator[tuple[str, Json]]:
    """A filter that counts a word in a function's log, and an alarm that rings at its first occurrence."""
    yield filter_id, log_filter(group, said)
    yield pascal(said), alarm(said.replace("_", "-"), about, Metric(said), period_s=900)


def count(said: str, about: str, period_s: int) -> Iterator[tuple[str, Json]]:
    """A filter and an alarm for a word that the sweep logs with a `count`."""
    yield f"{pascal(said)}Counted", log_filter("SweepPayoutsLogGroup", said, "$.count")
    yield pascal(said), alarm(said.replace("_", "-"), about, Metric(said, statistic="Maximum"), period_s=period_s)


def resources() -> Iterator[tuple[str, Json]]:
    about = "More than one answer in a hundred is a 5xx, three minutes in a row"
    yield "ApiFails", alarm("api-fails", about, api_errors(), over=0.01, period_s=60, periods=3)
    for function, (minutes, about) in FAILURES.items():
        errors = Metric("Errors", {"FunctionName": ref(pascal(function))}, "AWS/Lambda")
        yield f"{pascal(function)}Fails", alarm(f"{function}-fails", about, errors, period_s=60, periods=minutes)
    for function, (name, about) in ERRORS_LOGGED.items():
        logged = Metric("ErrorsLogged", {"Function": function})
        yield f"{'Another' if function == 'others' else pascal(function)}NeedsAPerson", alarm(name, about, logged)
    about = "Codes wait for five minutes or longer, and who signs in with them"
    oldest = Metric("ApproximateAgeOfOldestMessage", {"QueueName": named("codes")}, "AWS/SQS", "Maximum")
    yield "CodesLate", alarm("codes-late", about, oldest, at_least=300, period_s=60)
    for job, (minutes, about) in MINUTES_PAST_DUE.items():
        late = Metric("MinutesPastDue", {"Job": job}, statistic="Maximum", silence="breaching")
        yield f"{pascal(job)}Late", alarm(f"{job}-late", about, late, at_least=minutes, periods=2)
    about = "Nothing more is claimed under a ceiling until an administrator sets it anew, or the day ends"
    yield from word("PayLogGroup", "payout_ceiling_reached", "PayoutCeilingsCounted", about)
    about = "Payouts wait because an administrator has paused them"
    yield from word("PayLogGroup", "payouts_paused", "PayoutsPausedCounted", about)
    about = "The provider says a word that we do not know; such payouts stay pending"
    yield from word("PayLogGroup", "fsp_status_unknown", "UnknownFspStatusesCounted", about)
    about = "A partner attests far more completions, or far quicker ones, than its courses allow"
    yield from word("ApiHandlerLogGroup", "partner_unusual", "PartnersUnusualCounted", about)
    about = "More people begin to sign in from one network than usual; unknown devices there show a proof of work"
    yield from word("ApiHandlerLogGroup", "network_crowded", "NetworksCrowdedCounted", about)
    about = "Networks are not counted, so a surge of one is not noticed; nobody is refused"
    yield from word("ApiHandlerLogGroup", "network_not_counted", "NetworksNotCountedCounted", about)
    about = "SMS with codes cost as much as they may on one day; no more are sent until it ends"
    yield from word("SendCodeLogGroup", "sms_day_stop_reached", "SmsDayStopsCounted", about)
    about = "Numbers of one prefix receive codes and enter none; no more are sent to it until the day ends"
    yield from word("SendCodeLogGroup", "sms_prefix_shut", "SmsPrefixesShutCounted", about)
    about = "A passkey that counts was used twice at one count: its key may exist twice"
    yield from word("ApiHandlerLogGroup", "passkey_counter_went_back", "PasskeysBackCounted", about)
    yield from count("payouts_sending_long", "An instruction has been under way for an hour or longer", 900)
    about = "A transfer has waited for a bank file, or for the bank's report on it, for four days or longer"
    yield from count("payouts_by_file_long", about, 10_800)
    differ = Metric("PayoutDifferences", statistic="Maximum")
    yield "PayoutsDiffer", alarm("payouts-differ", "The ledger and the provider's record are not the same", differ)


def of_administration() -> Iterator[tuple[str, Json]]:
    """The alarms of the administration's stack: few call it, so one call that fails is enough."""
    about = "An administrator's command was answered with a 5xx, or with nothing"
    yield "AdministrationFails", alarm("administration-fails", about, api_errors("administration"), over=0)
    function = {"FunctionName": ref(ADMINISTER.logical_id)}
    about = "The administration's function does not start, or ends with an error"
    yield "AdministerFails", alarm("administer-fails", about, Metric("Errors", function, "AWS/Lambda"))
    about = "More commands run at a time than the administration has executions: others are refused, pauses too"
    yield "AdministerThrottled", alarm("administer-throttled", about, Metric("Throttles", function, "AWS/Lambda"))
