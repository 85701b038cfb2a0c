"""Past totals in an administrator's file: which lines are accepted, and which are wrong."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from admin.deployment import stages
from chalicelib.outcomes.errors import MalformedHistory
from chalicelib.outcomes.statistics_service import read_history
from chalicelib.outcomes.tally_rules import PastTotals, PastWave
from tests.builders.commands import invoke

HEADER = "wave,year,province,recipients,graduates"
LINES = [HEADER, "11,2020,31,400000,300000", "11,2020,32,100,50", "4,2020,31,7000, 6000 "]


def taken(*lines: str) -> list[PastWave]:
    return read_history(lines, lambda code: code in {"11", "31", "32"}, lambda wave: wave >= 145, 2026)


def test_past_totals_are_read_by_wave_and_province():
    first = PastWave(4, 2020, {31: PastTotals(7_000, 6_000)})
    assert taken(*LINES) == [first, PastWave(11, 2020, {31: PastTotals(400_000, 300_000), 32: PastTotals(100, 50)})]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("48,2023,31,7000", "a column is missing"),
        ("48,2023,31,7000,6000,1", "one is too many"),
        ("48,2023,31,7e3,6000", "no whole number"),
        ("48,2023,31,\u0667,6", "digits of another script"),
        ("48,2023,31,-7,0", "below zero"),
        ("48,2023,31,5,6", "more graduates than recipients"),
        ("48,2023,31,100000000,6", "more than a province can have"),
        ("48,2019,31,7,6", "before there was a programme"),
        ("48,2027,31,7,6", "a year to come"),
        ("48,2023,99,7,6", "no such province"),
        ("11,2021,11,7,6", "another year than the wave's other lines"),
        ("11,2020,31,7,6", "a province for the second time"),
        ("145,2026,31,7,6", "a wave of this system"),
        ("0,2023,31,7,6", "no wave"),
        ("", "nothing"),
        ('"48', "a quote that is not closed"),
    ],
)
def test_a_wrong_line_is_named(line, what):
    with pytest.raises(MalformedHistory) as refused:
        taken(*LINES, line)
    assert refused.value.facts == {"wrong": 1, "lines": "5"}, what


def test_a_stray_quote_does_not_join_lines():
    with pytest.raises(MalformedHistory) as refused:
        taken(*LINES, '48,2023,"31\n', "48,2023,32,7,6\n", '",7,6\n', "49,2023,31,7,6")
    assert refused.value.facts == {"wrong": 1, "lines": "5"}
    assert taken(HEADER, '"48","2023","31","7","6"') == [PastWave(48, 2023, {31: PastTotals(7, 6)})]


def test_wrong_lines_are_named_up_to_a_limit():
    with pytest.raises(MalformedHistory) as refused:
        taken(*LINES, "x", "48,2023,31,7,6", "y")
    assert refused.value.facts == {"wrong": 2, "lines": "5, 7"}
    with pytest.raises(MalformedHistory) as refused:
        taken(HEADER, *["x"] * 30)
    assert refused.value.facts["wrong"] == 30
    assert str(refused.value.facts["lines"]).endswith(", 21")


def test_an_empty_file_or_one_with_other_columns_is_refused():
    for lines in ([], [HEADER], ["wave,year"], [HEADER.replace("year", "tahun"), *LINES[1:]]):
        with pytest.raises(MalformedHistory):
            taken(*lines)


def test_a_file_in_a_wrong_spreadsheet_format_is_refused_with_its_format(tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=SimpleNamespace()))
    file = tmp_path / "history.csv"
    file.write_bytes("\n".join(LINES).encode("utf-16"))
    refused = invoke(["wave", "import-history", "--stage", "test", "--reason", "x", str(file)])
    assert (refused.exit_code, "CSV UTF-8" in refused.output) == (1, True)
