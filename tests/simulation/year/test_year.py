"""A small year keeps every promise, each planted bug breaks one, and intervals cover what was planted."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from unittest.mock import patch
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from admin.commands.trigger import SCHEDULED
from tests.builders.crashes import some_of

from .__main__ import main
from .bugs import BUGS, SMALL
from .coverage import by_chance, coverage
from .erased import erase_a_tenth
from .play import play
from .plots import draw
from .rates import INTERNSHIPS, OF_2020, VOCATIONAL, Rates
from .world import JOBS


def test_every_scheduled_function_has_its_part() -> None:
    assert set(JOBS) == set(SCHEDULED)


def test_a_small_year_keeps_every_promise(tmp_path: Path) -> None:
    """`make year` plays 26 waves and 20,000 people."""
    # So few people do all that is looked for below only if more of them do it than in `make year`.
    rates = replace(SMALL, cancels=0.2, drops_out=0.3, complains=0.1)
    played = play(0, rates, 130)
    assert not played.wrong, played.wrong[0]
    assert played.work["draws verified"] >= rates.waves
    assert set(range(min(played.waves), max(played.waves) + 1)) - set(played.waves), "a pause halts a wave"
    assert played.work["waves recounted"]
    missing = {"cancelled", "dropped out", "complained", "survey answered", "comparison_answered"} - set(
        played.happened
    )
    assert not missing
    for path in draw(played, rates, tmp_path):
        assert ElementTree.parse(path).getroot().findtext("{*}title")


def test_a_tenth_of_a_small_year_is_erased_and_no_byte_leads_back_to_them_after_a_restore() -> None:
    erased = list[int]()
    played = play(
        0, replace(SMALL, people=120, waves=2, paused_wave=0), 60, after=lambda life: erased.append(erase_a_tenth(life))
    )
    assert not played.wrong, played.wrong[0]
    assert erased[0] >= 8


@pytest.mark.deep
def test_a_thousand_of_ten_thousand_are_erased_and_no_byte_leads_back_to_them_after_a_restore() -> None:
    erased = list[int]()
    rates = replace(SMALL, people=10_000, waves=2, seats=0.02, paused_wave=0)
    played = play(0, rates, 50, after=lambda life: erased.append(erase_a_tenth(life)))
    assert not played.wrong, played.wrong[0]
    assert erased[0] >= 900


@pytest.mark.deep
def test_the_year_2020_pays_four_instalments_to_the_rupiah() -> None:
    played = play(0, OF_2020, 190)
    assert not played.wrong, played.wrong[0]
    first = played.waves[1]
    surveys_idr = first["rupiah"] - first["paid"] * 4 * 600_000
    assert first["paid"]
    assert surveys_idr in range(0, first["paid"] * 3 * 50_000 + 1, 50_000)


@pytest.mark.deep
def test_an_entry_of_somebody_who_got_the_place_of_an_earlier_wave_is_not_counted_as_joined() -> None:
    """In 2020 the places of wave 4 were passed on while wave 8 was open."""
    often = replace(OF_2020, people=150, seats=0.3, waves=5, first_day=date(2020, 7, 8), joins=0.95, buys=0.1)
    played = play(1, replace(often, early=1.0), 72)
    assert not played.wrong, played.wrong[0]
    assert played.happened["removed before a draw"]


@pytest.mark.deep
@pytest.mark.parametrize(("rates", "days"), [(INTERNSHIPS, 390), (VOCATIONAL, 380)])
def test_a_year_of_paid_attendance_pays_what_was_attested(rates: Rates, days: int) -> None:
    played = play(0, rates, days)
    assert not played.wrong, played.wrong[0]
    assert played.work["waves recounted"]
    assert played.work["draws verified"] == rates.waves
    assert all(wave["paid"] for wave in played.waves.values())
    assert played.happened["attested"] > played.happened["attested in vain"] > 0


@pytest.mark.parametrize("bug", some_of(BUGS, 1))
def test_a_planted_bug_is_found(bug: str) -> None:
    planted = BUGS[bug]
    wrong = play(0, planted.rates, planted.days, bug=planted.plant(), stop_at=1).wrong
    assert any(planted.found_by in what for what in wrong), wrong


def test_intervals_cover_the_planted_effect_as_often_as_95_of_100_by_chance() -> None:
    """`make year COVERAGE=200` tries more; that the interval itself is one of 95% is computed in `test_figures.py`."""
    least, _ = by_chance(100)
    assert coverage(100, Rates()) >= least == 90


@pytest.mark.parametrize("wrong", ["buys=1.5", "people=-1", "byus=1", "buys"])
def test_what_is_no_rate_is_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with patch("sys.argv", ["year", "--set", wrong]), pytest.raises(SystemExit):
        main()
    assert wrong.partition("=")[0] in capsys.readouterr().err
