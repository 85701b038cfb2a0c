"""The generated history: the same at every start, and counted by the code that counts a stage's own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from chalicelib.config import load_programme
from local import sample
from local.cloud.serve import stop_schedule
from tests.builders.statistics import of_a_sample

NOW = datetime(2026, 6, 3, 3, tzinfo=UTC)
PEOPLE = 2_000


def test_a_seed_makes_one_history():
    first, again, other = (
        msgspec.structs.replace(found, computed_at="")
        for found in (of_a_sample(NOW, PEOPLE), of_a_sample.__wrapped__(NOW, PEOPLE), of_a_sample(NOW, PEOPLE, seed=1))
    )
    assert first == again != other


def test_the_figures_are_those_of_the_people_that_were_made():
    history, told = sample.History(load_programme("prod"), NOW, PEOPLE), of_a_sample(NOW, PEOPLE)
    chosen = [one for some in history._chosen.values() for one in some]
    assert told.registered == PEOPLE
    assert [one.number for one in told.waves] == [one.number for one in history.records()]
    assert told.progress.chosen == len(chosen) == len({one.registrant_id for one in chosen})
    assert told.progress.joined == sum(sum(one.values()) for one in history._joined.values())
    assert sum(1 for one in told.waves if one.progress.paid == 0) >= 1, "the last waves are still training"


def test_nothing_of_the_history_is_later_than_now():
    history = sample.History(load_programme("prod"), NOW, PEOPLE)
    answered = [one.answered_at for some in history._surveys.values() for one in some if one.answered_at]
    assert answered
    assert max(answered) <= NOW
    assert max(wave.settled_at for wave in history.records() if wave.settled_at) <= NOW


class Events:
    """EventBridge, as far as stopping a schedule needs it."""

    def __init__(self) -> None:
        self.disabled: list[str] = []

    def list_rules(self) -> dict[str, Any]:
        return {"Rules": [{"Name": "a"}, {"Name": "b"}]}

    def list_targets_by_rule(self, Rule: str) -> dict[str, Any]:  # noqa: N803 - as the API has it
        return {
            "Targets": [{"Arn": f"arn:aws:lambda:::function:x-{ {'a': 'advance', 'b': 'tally_statistics'}[Rule] }"}]
        }

    def disable_rule(self, Name: str) -> None:  # noqa: N803 - as the API has it
        self.disabled.append(Name)


def test_only_the_count_is_stopped():
    events = Events()
    stop_schedule(events, "tally_statistics")
    assert events.disabled == ["b"]
