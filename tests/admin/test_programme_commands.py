"""`gelombang programme`: a programme's file explained, checked and compared, as a new user would."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from admin.cli import main
from chalicelib.config import FOLDER, programmes
from tests.conftest import ROOT


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["programme", *words])


def found(*words: str) -> Any:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def scholarship(tmp_path: Path) -> Path:
    """The file that docs/programmes.md writes."""
    [text] = re.findall(r"```toml\n# Beasiswa(.*?)```", (ROOT / "docs/programmes.md").read_text(), re.DOTALL)
    file = tmp_path / "scholarship.toml"
    file.write_text(f"# Beasiswa{text}")
    return file


def test_every_programme_is_listed_and_explained():
    assert [row["programme"] for row in found("list")] == programmes()
    assert {"prakerja-2020", "prakerja-2023", "magang-2025", "vokasi-2026"} <= set(programmes())
    for name in programmes():
        told = run("check", name)
        assert told.exit_code == 0, told.output
        assert "who may take part" in told.output


def test_what_a_person_gets_and_a_year_costs_is_told_to_the_rupiah():
    prakerja = found("check", "prakerja-2020")
    assert [(row["what"], row["each_idr"], row["in_all_at_most_idr"]) for row in prakerja["what_a_person_gets"]] == [
        ("training balance", 1_000_000, 1_000_000),
        ("incentive", 600_000, 2_400_000),
        ("survey", 50_000, 150_000),
    ]
    assert prakerja["a_person_gets_at_most_idr"] == 3_550_000
    assert prakerja["the_year_costs_at_most_idr"] == 3_550_000 * 5_600_000
    assert [row["wave"] for row in prakerja["waves"]] == list(range(1, 12))
    of_a_wave = "each payment is sent to 100,000 people of a wave"
    assert prakerja["ceilings"] == f"{of_a_wave}; set a higher one for wave 1, 4, 9, 11, as more are chosen"
    assert found("check", "prakerja-2023")["ceilings"] == of_a_wave
    magang = found("check", "magang-2025")
    assert (magang["a_person_gets_at_most_idr"], magang["where_most_idr"]) == (6 * 3_300_000, 6 * 5_396_761)
    vokasi = found("check", "vokasi-2026")
    assert vokasi["a_person_gets_at_most_idr"] == 3 * 31 * 20_000, "a month has at most 31 days to attend"
    assert vokasi["who_may_take_part"].startswith("17 to 64 years old")
    assert found("check", "prakerja-2023", "--year", "2026")["waves_in_the_year"] == 26


def test_the_scholarship_of_the_guide_pays_ten_months(scholarship):
    told = found("check", str(scholarship))
    [monthly] = told["what_a_person_gets"]
    assert monthly["when"] == "when chosen, then monthly, 10 times in all"
    assert (monthly["each_idr"], monthly["in_all_at_most_idr"]) == (1_500_000, 15_000_000)
    assert told["the_year_costs_at_most_idr"] == 15_000_000 * told["target"]


def test_who_may_take_part_and_who_is_asked_is_told_in_plain_words(scholarship):
    text = scholarship.read_text()
    told = found("check", str(scholarship))
    assert told["who_may_take_part"] == (
        "17 to 25 years old on the last day of the wave; student, jobseeker; completed senior_high; "
        "once in a lifetime; 1 of a family card"
    )
    assert told["who_is_asked"] == "nobody: there are no surveys"
    assert told["reminders"] == "none: nobody has a deadline to buy a training"
    prakerja = found("check", "prakerja-2023")
    assert prakerja["who_is_asked"] == (
        "who was paid the first incentive, 2 times at most; and once 2000 of those not chosen in a wave; "
        "a survey is open for 30 days"
    )
    assert prakerja["reminders"] == "5 days and 1 day before the deadline of the first training"
    for once, words in {
        '"scheme"': "once under each scheme, and only after the last month of the place before",
        "{ days = 730 }": "again 730 days after the last day of the wave that chose them",
    }.items():
        scholarship.write_text(text.replace("[eligibility]", f"[eligibility]\nonce = {once}"))
        assert words in found("check", str(scholarship))["who_may_take_part"]
    scholarship.write_text(text.replace("[eligibility]", "[eligibility]\nonce = { days = 279 }"))
    refused = run("check", str(scholarship)).output
    assert "eligibility.once is 279 days, and scheme scholarship-2027 may pay for 279: say more than that" in refused


def test_a_release_shows_whom_another_eligibility_is_for(scholarship, tmp_path):
    new = tmp_path / "new.toml"
    changes = 'once = "scheme"\neducation = ["diploma"]'
    new.write_text(scholarship.read_text().replace('education = ["senior_high"]', changes))
    rows = found("diff", str(scholarship), str(new))
    assert [(row["what"], row["before"], row["after"]) for row in rows] == [
        ("eligibility.education", "senior_high", "diploma"),
        ("eligibility.once", "lifetime", "scheme"),
    ]
    whom = "who registers or joins after the release, and who is screened or awarded after it"
    assert {row["for_whom"] for row in rows} == {whom}
    newer = tmp_path / "newer.toml"
    newer.write_text(new.read_text().replace('"scheme"', "{ days = 730 }"))
    assert [(row["what"], row["after"]) for row in found("diff", str(new), str(newer))] == [
        ("eligibility.once", "days 730")
    ]


def test_a_wrong_file_is_refused_with_the_line(scholarship):
    scholarship.write_text(scholarship.read_text().replace("age_min = 17", "age_min = 71"))
    told = run("check", str(scholarship))
    assert told.exit_code == 1
    assert re.search(r"Error: scholarship.toml line \d+: eligibility.age_min is 71, above age_max", told.output)
    assert run("check", "nothing.toml").exit_code == 1


def changed(tmp_path: Path, *changes: tuple[str, str]) -> str:
    text = (FOLDER / "programmes/prakerja-2023.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "new.toml").write_text(text)
    return str(tmp_path / "new.toml")


NEW = """[[schemes]]
version = "2027"
first_wave = 150
training_idr = 4_000_000
payments = [{ kind = "INCENTIVE", trigger = "review", amount_idr = 700_000, times = 2 }]

[training]
"""


def test_a_release_shows_what_it_changes_for_whom(tmp_path):
    new = changed(
        tmp_path, ("[training]\n", NEW), ("age_max = 64", "age_max = 60"), ("every_days = 14", "every_days = 7")
    )
    rows = found("diff", "prakerja-2023", new)
    assert [(row["what"], row["before"], row["after"]) for row in rows] == [
        ("scheme 2027", "none", "from wave 150: training Rp4.000.000, 2 x incentive of Rp700.000 by review"),
        ("calendar.every_days", 14, 7),
        ("eligibility.age_max", 64, 60),
    ]
    assert rows[0]["for_whom"] == "people of waves from 150 on; those of waves before keep their scheme"
    assert run("diff", "prakerja-2023", "prakerja-2023").output == "nothing changes\n"


@pytest.mark.parametrize(
    "change",
    [
        (("amount_idr = 600_000, times = 1", "amount_idr = 500_000, times = 1"),),
        (('version = "2020"', 'version = "2019"'),),
    ],
)
def test_a_release_that_would_change_a_promise_is_refused(tmp_path, change):
    refused = run("diff", "prakerja-2023", changed(tmp_path, *change))
    assert refused.exit_code == 1
    assert "refused" in refused.output
