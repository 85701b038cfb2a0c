"""What payouts ring for: each word that the code logs has its filter and its alarm, each alarm its line in the docs."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib.config import load_programme
from chalicelib.payouts import alarm_words
from tests.conftest import ROOT

from .test_packaged_template import of_type

Template = dict[str, Any]
PACKAGE = ROOT / "chalicelib"
STAGE = {"Fn::Sub": "gelombang-${Stage}"}
GROUPS = {
    alarm_words.CEILING_REACHED: "PayLogGroup",
    alarm_words.PAUSED: "PayLogGroup",
    alarm_words.STATUS_UNKNOWN: "PayLogGroup",
    alarm_words.SENDING_LONG: "SweepPayoutsLogGroup",
    alarm_words.BY_FILE_LONG: "SweepPayoutsLogGroup",
}
"""Which function logs what; the tests of the ledger, of pauses and ceilings show that it does."""


def alarms_of(template: Template, metric: str) -> list[dict[str, Any]]:
    return [one for one in of_type(template, "AWS::CloudWatch::Alarm").values() if one["MetricName"] == metric]


def logged(path: Path) -> set[str]:
    """The constants of `signals` that a file hands to its logger as the message."""
    return {
        argument.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log.")
        for argument in node.args
        if isinstance(argument, ast.Attribute) and ast.unparse(argument.value) == "alarm_words"
    }


def test_every_word_that_rings_is_logged_by_that_constant_and_by_no_other_text() -> None:
    used = set().union(*(logged(path) for path in PACKAGE.rglob("*.py")))
    assert {getattr(alarm_words, name) for name in used} == {
        *alarm_words.RINGING,
        alarm_words.MOVED,
        alarm_words.CONTRADICTED,
    }
    for word in (*alarm_words.RINGING, alarm_words.MOVED, alarm_words.CONTRADICTED):
        spelt = [
            path.name for path in PACKAGE.rglob("*.py") if re.search(rf"log\.\w+\([^)]*\"{word}\"", path.read_text())
        ]
        assert spelt == [], word


@pytest.mark.parametrize("word", alarm_words.RINGING)
def test_a_word_of_the_log_is_counted_and_its_count_rings(app_template: Template, word: str) -> None:
    filters = [
        one
        for one in of_type(app_template, "AWS::Logs::MetricFilter").values()
        if one["FilterPattern"] == f'{{ $.message = "{word}" }}'
    ]
    assert [one["LogGroupName"]["Ref"] for one in filters] == [GROUPS[word]]
    ((transformation,),) = [one["MetricTransformations"] for one in filters]
    assert (transformation["MetricNamespace"], transformation["MetricName"]) == (STAGE, word)
    assert transformation["MetricValue"] == ("$.count" if GROUPS[word].startswith("Sweep") else "1")
    (alarm,) = alarms_of(app_template, word)
    assert alarm["Namespace"] == STAGE
    assert alarm["Threshold"] == 1


def test_an_alarm_about_what_is_seen_every_sweep_does_not_fall_silent_in_between(
    app_template: Template,
) -> None:
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
        (alarm,) = alarms_of(app_template, word)
        assert alarm["Period"] >= 2 * after


def test_differences_that_a_reconciliation_finds_ring(app_template: Template) -> None:
    (alarm,) = alarms_of(app_template, alarm_words.DIFFERENCES_METRIC)
    assert (alarm["Namespace"], alarm["Threshold"]) == (STAGE, 1)
    assert "Dimensions" not in alarm, "the stage is in the namespace: a filter of logs cannot make a dimension of it"


def test_every_alarm_is_explained_to_whoever_is_on_duty(app_template: Template, data_template: Template) -> None:
    page = (ROOT / "docs/operating.md").read_text()
    explained = set(re.findall(r"`([\w-]+)`", page.partition("## Alarms")[2].partition("## Logs")[0]))
    for template in (app_template, data_template):
        for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
            assert alarm["AlarmName"]["Fn::Sub"].removeprefix("gelombang-${Stage}-") in explained
