"""The statistics published for given counts, computed by hand, and what is withheld."""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from chalicelib.outcomes.statistics_rules import Counted, PublishedFigures, publishable
from chalicelib.outcomes.statistics_wire import (
    FEWEST,
    HEADER,
    Days,
    Gap,
    Grievances,
    JobMarket,
    MonthView,
    NetPromoter,
    Progress,
    Ratio,
    lines,
)
from chalicelib.outcomes.tally_rules import Count, PastTotals, PastWave, Tally, WaveTally
from tests.conftest import T0

DAY_MS = 86_400_000
NAMES = {11: "Aceh", 31: "DKI Jakarta", 32: "Jawa Barat", 51: "Bali"}


def wave(number: int, year: int = 2026, **regions: Mapping[str, int]) -> WaveTally:
    closes_at = datetime(year, 6, 5, 17, tzinfo=UTC)
    return WaveTally(number, year, closes_at, False, {int(name[1:]): counts for name, counts in regions.items()})


def folded(*waves: WaveTally, registered: Tally | None = None, history: Any = ()) -> PublishedFigures:
    counted = Counted(T0, registered or {}, waves, history, JobMarket(3, 5, 7), Grievances(1, 2, 3, 1))
    return publishable(counted, lambda year: 1_000 * (year - 2020), lambda code: NAMES.get(code, str(code)), 2026, T0)


JAKARTA = {
    Count.JOINED: 900,
    Count.CHOSEN: 200,
    Count.REVOKED: 20,
    Count.POTENTIAL: 10,
    Count.RECIPIENTS: 170,
    Count.COMPLETED: 130,
    Count.GRADUATES: 120,
    Count.PAID: 110,
    Count.PAID_IDR: 110 * 600_000 + 60 * 50_000,
    Count.TIMED: 100,
    Count.TIMED_MS: 250 * DAY_MS,
    Count.OFFERED_1: 100,
    Count.ANSWERED_1: 60,
    Count.OFFERED_2: 40,
    Count.ANSWERED_2: 10,
    Count.UNEMPLOYED: 70,
    Count.WORKING: 56,
    Count.CAPITAL: 15,
    Count.PROMOTERS: 30,
    Count.PASSIVES: 24,
    Count.DETRACTORS: 6,
    "satisfaction/2026-09/5": 10,
    "satisfaction/2026-09/3": 10,
    "satisfaction/2026-10/4": 40,
    Count.COMPARISON_OFFERED: 400,
    Count.COMPARISON_ANSWERED: 100,
    Count.COMPARISON_UNEMPLOYED: 80,
    Count.COMPARISON_WORKING: 48,
}
"""56 of 70 and 48 of 80 are an example of Newcombe's: the difference is published with it."""


def test_the_figures_of_one_province_are_worked_out_by_hand():
    published = folded(wave(145, r31=JAKARTA), registered={31: {"registered": 5_000}})
    outcomes = published.country.outcomes

    assert outcomes.working == Ratio(56, 70, 0.8, 0.6918, 0.877)
    assert outcomes.comparison_working == Ratio(48, 80, 0.6, 0.4905, 0.7004)
    assert outcomes.working_difference == Gap(0.2, 0.0524, 0.3339)
    assert outcomes.survey_1_response == Ratio(60, 100, 0.6, 0.502, 0.6906)
    assert outcomes.survey_2_response == Ratio(10, 40, 0.25, 0.1419, 0.4019)
    assert outcomes.comparison_response == Ratio(100, 400, 0.25, 0.2101, 0.2947)
    assert outcomes.business_capital == Ratio(15, 60, 0.25, 0.1578, 0.3723)
    # 50 % less 10 %; with the pseudo-answers 30.75, 6.75 and 63 the interval is 38.10 +- 16.57.
    assert outcomes.net_promoter == NetPromoter(60, 30, 24, 6, 40.0, 21.53, 54.66)
    assert outcomes.satisfaction == [
        MonthView("2026-09", 20, 4.0, Ratio(10, 20, 0.5, 0.2993, 0.7007)),
        MonthView("2026-10", 40, 4.0, Ratio(40, 40, 1.0, 0.9124, 1.0)),
    ]
    assert outcomes.days_to_payment == Days(100, 2.5)

    country = published.country
    assert (country.registered, country.progress.joined, country.progress.chosen) == (5_000, 900, 200)
    assert (country.progress.paid, country.progress.paid_idr) == (110, 69_000_000)
    [year] = country.years
    assert (year.year, year.target, year.participants, year.share_of_target) == (2026, 6_000, 180, 0.03)
    assert (country.job_market, country.grievances.overdue) == (JobMarket(3, 5, 7), 1)
    # One wave in one province: every place says the same.
    [of_wave] = published.waves
    [province] = country.provinces
    assert of_wave.outcomes == of_wave.provinces[0].outcomes == province.outcomes == outcomes
    assert (province.code, province.name, province.registered) == ("31", "DKI Jakarta", 5_000)


def test_without_people_counts_are_zero_and_scores_null():
    country = folded().country

    assert country.progress.joined == country.registered == 0
    assert country.outcomes.working == Ratio(0, 0)
    assert country.outcomes.net_promoter == NetPromoter(0, 0, 0, 0)
    assert country.outcomes.working_difference == Gap()
    assert country.outcomes.days_to_payment == Days(0, None)
    assert [(year.year, year.participants) for year in country.years] == [(2026, 0)]


def test_a_year_adds_up_its_own_waves_against_its_own_target():
    published = folded(
        wave(100, 2025, r31={Count.CHOSEN: 500, Count.REVOKED: 100}),
        wave(144, 2026, r31={Count.CHOSEN: 300, Count.REVOKED: 50}),
        wave(145, 2026, r31={Count.CHOSEN: 200, Count.REVOKED: 20}),
    )

    years = [(year.year, year.target, year.participants, year.progress.chosen) for year in published.country.years]
    assert years == [(2025, 5_000, 400, 500), (2026, 6_000, 430, 500)]
    chosen = [(line.number, line.progress.chosen) for line in published.country.waves]
    assert chosen == [(100, 500), (144, 300), (145, 200)]


def test_totals_from_before_this_system_are_shown_and_added():
    history = [
        PastWave(11, 2020, {31: PastTotals(400_000, 300_000), 32: PastTotals(100_000, 50_000)}),
        PastWave(53, 2023, {31: PastTotals(100_000, 90_000)}),
    ]
    published = folded(
        wave(145, r31={Count.CHOSEN: 200, Count.RECIPIENTS: 190, Count.POTENTIAL: 10, Count.GRADUATES: 150}),
        history=history,
    )

    def people(totals: Any) -> list[tuple[int | None, int | None]]:
        parts = (totals.before_this_system, totals.this_system, totals.since_the_start)
        return [(part.recipients, part.graduates) for part in parts]

    assert people(published.country.totals) == [(600_000, 440_000), (190, 150), (600_190, 440_150)]
    by_province = [(one.code, people(one.totals)[2]) for one in published.country.provinces]
    assert by_province == [("31", (500_190, 390_150)), ("32", (100_000, 50_000))]


def test_a_small_province_is_withheld_with_all_that_would_reveal_it():
    few = dict.fromkeys(JAKARTA, 5) | {Count.PAID_IDR: 3_000_000, "satisfaction/2026-09/3": 0}
    published = folded(wave(145, r11=few, r31=JAKARTA, r32=JAKARTA, r51={Count.JOINED: 12}))
    by_code = {province.code: province for province in published.waves[0].provinces}

    aceh = by_code["11"]
    assert aceh.progress == Progress()
    assert aceh.outcomes.working == Ratio()
    assert aceh.outcomes.working_difference == Gap()
    assert aceh.outcomes.net_promoter == NetPromoter()
    assert aceh.outcomes.satisfaction == [MonthView("2026-09"), MonthView("2026-10")]
    # Alone it would follow from the total: the smallest other province goes with it, Bali where there are people there.
    assert by_code["51"].progress.joined is None
    assert by_code["31"].progress.joined == by_code["32"].progress.joined == 900
    assert [by_code[code].progress.chosen for code in ("31", "32", "51")] == [None, 200, 0]
    assert published.country.progress.chosen == 405


def test_a_small_wave_hides_its_figures_but_not_what_its_draw_has_published():
    published = folded(wave(144, r31=JAKARTA), wave(145, r31={Count.JOINED: 8, Count.CHOSEN: 3, Count.RECIPIENTS: 3}))
    [_, small] = published.waves

    assert (small.progress.joined, small.progress.chosen, small.progress.revoked) == (8, 3, 0)
    [province] = small.provinces
    assert (province.progress.joined, province.progress.chosen) == (None, None)


def test_recipients_are_withheld_if_they_would_reveal_few_revocations():
    few_revoked = {Count.CHOSEN: 103, Count.REVOKED: 3, Count.RECIPIENTS: 100}
    published = folded(wave(145, r31=few_revoked, r32=JAKARTA))
    by_code = {province.code: province for province in published.country.provinces}

    assert by_code["31"].progress.revoked is None
    assert by_code["31"].totals.this_system.recipients is None
    still_to_buy = folded(wave(145, r31=few_revoked | {Count.CHOSEN: 110, Count.POTENTIAL: 7}, r32=JAKARTA))
    recipients = [(one.code, one.totals.this_system.recipients) for one in still_to_buy.country.provinces]
    assert recipients == [("31", 100), ("32", 170)]


PEOPLE = {
    *("joined", "chosen", "revoked", "completed", "graduates", "paid", "recipients", "registered"),
    *("denominator", "answers", "people"),
}


def numbers(value: Any) -> list[int]:
    """Every count of people in an answer."""
    if isinstance(value, dict):
        own = [one for key, one in value.items() if key in PEOPLE and isinstance(one, int)]
        return own + [number for one in value.values() for number in numbers(one)]
    return [number for one in value for number in numbers(one)] if isinstance(value, list) else []


@pytest.mark.parametrize("seed", range(5))
def test_no_province_shows_a_figure_about_one_to_nine_people(seed):
    chance = random.Random(seed)

    def some() -> dict[str, int]:
        counts = {name: chance.choice([0, 3, 8, 11, 25, 400]) for name in JAKARTA}
        counts |= {Count.WORKING: 0, Count.COMPARISON_WORKING: 0, Count.CAPITAL: 0, Count.PASSIVES: 0}
        for group in ("survey_1", "survey_2", "comparison"):
            counts[f"{group}_answered"] = min(counts[f"{group}_answered"], counts[f"{group}_offered"])
        counts[Count.PROMOTERS], counts[Count.DETRACTORS] = counts[Count.ANSWERED_1], 0
        return counts

    published = folded(
        *(wave(number, r11=some(), r31=some(), r32=some(), r51=some()) for number in range(140, 146)),
        registered={11: {"registered": 4}, 31: {"registered": 5_000}, 32: {"registered": 70}},
        history=[PastWave(50, 2022, {11: PastTotals(6, 2), 31: PastTotals(400, 300), 32: PastTotals(50, 40)})],
    )
    provinces = [*published.country.provinces, *(one for every in published.waves for one in every.provinces)]

    assert [n for one in provinces for n in numbers(msgspec.to_builtins(one)) if 0 < n < FEWEST] == []


def test_a_small_month_of_registrations_is_withheld_with_another_one():
    months = {"2026-07": 300, "2026-08": 4_000, "2026-09": 9}
    people = {"registered": 4_309} | {f"registered/{month}": some for month, some in months.items()}
    told = folded(registered={31: people}).country.registrations
    assert [(one.month, one.registered) for one in told] == [("2026-07", None), ("2026-08", 4_000), ("2026-09", None)]


def test_a_withheld_year_cannot_be_computed_from_the_others():
    told = []
    for seed in range(200):
        chance = random.Random(seed)
        waves = []
        for year in (2024, 2025, 2026):
            for n in range(chance.randrange(4)):
                graduates = {f"r{code}": {Count.GRADUATES: chance.choice([0, 0, 3, 8, 40])} for code in NAMES}
                waves.append(wave(10 * year + n, year, **graduates))
        country = folded(*waves).country
        years = [year.progress.graduates for year in country.years]
        if country.progress.graduates is not None and years.count(None) == 1:
            told.append(seed)
    assert told == []


def test_ten_years_of_waves_are_aggregated_in_seconds():
    chance = random.Random(1)
    waves = []
    for n in range(130):
        provinces = {f"r{code}": dict(JAKARTA, joined=chance.randrange(500)) for code in range(11, 49)}
        waves.append(wave(54 + n, 2023 + n // 26, **provinces))
    began = time.process_time()
    folded(*waves)
    assert time.process_time() - began < 8


def test_the_csv_has_a_line_for_each_wave_and_province_and_nothing_where_figures_are_withheld():
    few = dict.fromkeys(JAKARTA, 5) | {"satisfaction/2026-09/3": 0}
    published = folded(wave(144, r31=JAKARTA), wave(145, r11=few, r31=JAKARTA, r32=JAKARTA))
    rows = list(csv.DictReader((HEADER + "".join(lines(one) for one in published.waves)).splitlines()))

    lines_of = [(row["wave"], row["province"]) for row in rows]
    assert lines_of == [("144", "31"), ("145", "11"), ("145", "31"), ("145", "32")]
    assert rows[0]["province_name"] == "DKI Jakarta"
    assert [rows[3][f"working_{part}"] for part in ("numerator", "denominator", "share")] == ["56", "70", "0.8"]
    assert (rows[3]["net_promoter_score"], rows[3]["paid_idr"]) == ("40.0", "69000000")
    assert {value for key, value in rows[1].items() if key not in ("wave", "year", "province", "province_name")} == {""}
