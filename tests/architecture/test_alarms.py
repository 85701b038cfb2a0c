"""Alarms: each alarm word that the code logs has its filter and its alarm, and each alarm notifies someone."""

from __future__ import annotations

import ast
import re
from datetime import timedelta

import pytest

from chalicelib import logs, watch
from chalicelib.accounts.delivery import sms_costs
from chalicelib.accounts.signing_in import networks
from chalicelib.config import load_programme
from chalicelib.payouts import alarm_words
from chalicelib.training import reports
from tests.conftest import ROOT

from .conftest import FUNCTIONS, Template, of_type

PACKAGE = ROOT / "chalicelib"
STAGE = {"Fn::Sub": "gelombang-${Stage}"}
COUNTED = {
    alarm_words.CEILING_REACHED: ("PayLogGroup", "1"),
    alarm_words.PAUSED: ("PayLogGroup", "1"),
    alarm_words.STATUS_UNKNOWN: ("PayLogGroup", "1"),
    alarm_words.SENDING_LONG: ("SweepPayoutsLogGroup", "$.count"),
    alarm_words.BY_FILE_LONG: ("SweepPayoutsLogGroup", "$.count"),
    # A partner that attests more than its courses allow; the tests of training's reports play the cause.
    reports.UNUSUAL: ("ApiHandlerLogGroup", "1"),
    # The tests of surges and of SMS play the causes.
    networks.CROWDED: ("ApiHandlerLogGroup", "1"),
    networks.NOT_COUNTED: ("ApiHandlerLogGroup", "1"),
    sms_costs.DAY_STOP: ("SendCodeLogGroup", "1"),
    sms_costs.PREFIX_SHUT: ("SendCodeLogGroup", "1"),
}
"""In whose log each word is counted, and as how many. The tests of the ledger, of pauses and ceilings log them."""


def alarms_of(alarms: list[Template], metric: str) -> list[Template]:
    return [one for one in alarms if one["MetricName"] == metric]


def logged(text: str) -> set[str]:
    """The constants of `alarm_words` that code hands to its logger as the message."""
    return {
        argument.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log.")
        for argument in node.args
        if isinstance(argument, ast.Attribute) and ast.unparse(argument.value) == "alarm_words"
    }


def test_every_alarm_word_is_logged_by_its_constant_only() -> None:
    words = {*alarm_words.RINGING, alarm_words.MOVED, alarm_words.CONTRADICTED}
    texts = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    used = set().union(*(logged(text) for text in texts.values() if "alarm_words." in text))
    assert {getattr(alarm_words, name) for name in used} == words
    spelt = re.compile(rf"log\.\w+\([^)]*\"({'|'.join(words)})\"")
    assert [path.name for path, text in texts.items() if spelt.search(text)] == []


def test_every_word_of_payouts_that_rings_is_counted() -> None:
    accounts = {networks.CROWDED, networks.NOT_COUNTED, sms_costs.DAY_STOP, sms_costs.PREFIX_SHUT}
    assert COUNTED.keys() == {*alarm_words.RINGING, reports.UNUSUAL, *accounts}


@pytest.mark.parametrize("word", COUNTED)
def test_a_word_of_the_log_is_counted_and_its_count_rings(
    app_template: Template, alarms: list[Template], word: str
) -> None:
    filters = of_type(app_template, "AWS::Logs::MetricFilter").values()
    [counted] = [one for one in filters if one["FilterPattern"] == f'{{ $.message = "{word}" }}']
    [metric] = counted["MetricTransformations"]
    assert (counted["LogGroupName"]["Ref"], metric["MetricValue"]) == COUNTED[word]
    [alarm] = alarms_of(alarms, metric["MetricName"])
    assert metric["MetricNamespace"] == alarm["Namespace"] == STAGE
    assert alarm["Threshold"] == 1
    assert alarm["Statistic"] == ("Sum" if metric["MetricValue"] == "1" else "Maximum")


def test_an_alarm_counted_by_each_sweep_stays_on_between_sweeps(alarms: list[Template]) -> None:
    """What waits is met again after `requeue_after_s`, by a sweep that comes every minute."""
    rules = load_programme("prod").payouts
    again = rules.requeue_after_s + 60
    by_file = rules.requeue_after_s * rules.held_look_factor + 60
    for word, after in (
        (alarm_words.CEILING_REACHED, again),
        (alarm_words.PAUSED, again),
        (alarm_words.SENDING_LONG, again),
        (alarm_words.BY_FILE_LONG, by_file),
    ):
        [alarm] = alarms_of(alarms, word)
        assert alarm["Period"] >= 2 * after


def test_differences_that_a_reconciliation_finds_ring(alarms: list[Template]) -> None:
    [alarm] = alarms_of(alarms, alarm_words.DIFFERENCES_METRIC)
    assert (alarm["Namespace"], alarm["Threshold"]) == (STAGE, 1)
    assert "Dimensions" not in alarm, "the stage is in the namespace: a filter of logs cannot make a dimension of it"


def test_every_alarm_notifies_the_alarm_topic(
    alarms: list[Template], data_template: Template, functions: Template, schedules: dict[str, str]
) -> None:
    everything = [*alarms, *of_type(data_template, "AWS::CloudWatch::Alarm").values()]
    dimensions = [one for alarm in everything for one in alarm.get("Dimensions", ())]
    watched = {FUNCTIONS[one["Value"]["Ref"]] for one in dimensions if one["Name"] == "FunctionName"}

    assert all(alarm["AlarmActions"] == [{"Ref": "AlarmsTopic"}] for alarm in everything)
    # A refused token ends `citizen` with an error, so these two are watched by the API's own 5xx.
    assert watched == set(FUNCTIONS.values()) - {"api", "citizen"} - schedules.keys()


def test_every_schedule_is_watched(schedules: dict[str, str]) -> None:
    rates = {timedelta(minutes=1): "rate(1 minute)"}
    rates |= {timedelta(minutes=every): f"rate({every} minutes)" for every in (5, 15)}
    rates[timedelta(hours=1)] = "rate(1 hour)"
    step = {"open_wave", "close_wave", "advance"}

    assert set(schedules) == {*watch.EVERY, *watch.DAILY, *step, "watch"}
    for job, every in watch.EVERY.items():
        assert schedules[job] == rates[every], job
    for job, first in watch.DAILY.items():
        minute, hours, *days = schedules[job].removeprefix("cron(").split()
        assert (minute, hours.partition("-")[0]) == (str(first.minute), str(first.hour)), job
        assert days == ["*", "*", "?", "*)"], job


def test_every_watched_job_has_an_alarm_that_rings_without_data(
    alarms: list[Template], schedules: dict[str, str]
) -> None:
    late = alarms_of(alarms, watch.LATE)
    assert {alarm["Dimensions"][0]["Value"]: alarm["Threshold"] for alarm in late} == watch.PROMISED
    # A look for each period, and two of them: one that comes a little late leaves one period empty.
    assert schedules["watch"] == "rate(5 minutes)"
    for alarm in late:
        assert (alarm["Namespace"], alarm["Statistic"]) == (STAGE, "Maximum")
        assert alarm["TreatMissingData"] == "breaching"
        assert (alarm["Period"], alarm["EvaluationPeriods"]) == (300, 2)
        assert "DatapointsToAlarm" not in alarm


def test_the_watch_shares_nothing_with_what_it_watches(functions: Template) -> None:
    for name in ("Advance", "SweepPayouts"):
        assert functions["Watch"]["Role"] != functions[name]["Role"]
    assert "ReservedConcurrentExecutions" not in functions["Watch"]
    assert functions["Watch"]["Timeout"] < 300


def test_an_error_logged_by_any_function_rings(alarms: list[Template]) -> None:
    counted = {alarm["Dimensions"][0]["Value"] for alarm in alarms_of(alarms, logs.ERRORS)}
    assert counted == {*logs.ALARMED.values(), "others"}
    assert set(logs.ALARMED) <= set(FUNCTIONS.values())
