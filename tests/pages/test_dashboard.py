"""The dashboard of a generated history: for everybody, with what is withheld hatched, and to be taken away."""

from __future__ import annotations

import csv
import io
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest

from chalicelib.config import Programme
from chalicelib.outcomes.statistics_wire import BEFORE_THE_FIRST, Statistics
from tests.builders.statistics import of_a_sample
from tests.pages.opened import for_everybody, opened, speak

NOW = datetime(2026, 6, 3, 3, tzinfo=UTC)
SMALL = 4_000
"""So few people that many a province and wave is withheld."""
PLOTS = (
    "year", "registrations", "way", "waves", "chance", "work", "work-by-wave", "capital", "nps", "nps-by-wave",
    "satisfaction", "money", "days", "provinces",
)  # fmt: skip


def dashboard(
    browser: Any, programme: Programme, statistics: Statistics, **context: Any
) -> AbstractContextManager[Any]:
    def answer(_request: Any, path: str) -> Any:
        return statistics if path == "/statistics" else None

    return opened(browser, programme, "dashboard", NOW, answer, "/dashboard", **context)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_dashboard_is_for_everybody(browser: Any, programme: Programme, scheme: str):
    with dashboard(browser, programme, of_a_sample(NOW, SMALL), color_scheme=scheme) as page:
        page.locator("#provinces svg").wait_for()
        assert page.eval_on_selector_all(".plot", "all => all.map(one => one.id)") == list(PLOTS)
        for table in page.locator("summary").all():
            table.click()
        for_everybody(page)
        assert page.locator("svg[role=img]:not([aria-label])").count() == 0


def test_before_the_first_count_there_is_a_sentence_and_no_plot(browser: Any, programme: Programme):
    with dashboard(browser, programme, BEFORE_THE_FIRST) as page:
        page.get_by_text("Belum ada yang dihitung.").wait_for()
        assert page.locator(".plot").count() == 0
        for_everybody(page)


def test_a_programme_in_which_nobody_answered_yet_says_so(browser: Any, programme: Programme):
    early = of_a_sample(NOW, 0)
    with dashboard(browser, programme, early) as page:
        page.locator("#work h3").wait_for()
        assert page.locator("#work h3").inner_text() == "Yang dulu menganggur dan kini bekerja: belum ada"
        assert page.locator("#work [data-withheld]").count() == 0
        for_everybody(page)


def test_titles_say_what_the_figures_say(browser: Any, programme: Programme):
    all_of_it = of_a_sample(NOW)
    year, outcomes = all_of_it.years[-1], all_of_it.outcomes
    with dashboard(browser, programme, all_of_it) as page:
        speak(page, "en")
        said = {name: page.locator(f"#{name} h3").inner_text() for name in PLOTS}
        assert said["year"] == f"{year.year}: {year.share_of_target:.1%} of the target"
        assert said["work"] == (
            f"{outcomes.working.share:.0%} of the formerly unemployed now work; "
            f"of those not chosen {outcomes.comparison_working.share:.0%}"
        )
        assert said["nps"] == f"NPS {outcomes.net_promoter.score:.0f}"
        assert said["provinces"].startswith("Most are of Jawa Barat: ")
        assert f"95%: {outcomes.net_promoter.lower:.1f} to" in page.locator("#nps").inner_text()


def test_what_is_withheld_is_hatched_and_never_zero(browser: Any, programme: Programme):
    all_of_it = of_a_sample(NOW, SMALL)
    hidden = {one.code for one in all_of_it.provinces if one.progress.chosen is None}
    waves = [one for one in all_of_it.waves if one.progress.paid is None]
    assert hidden
    assert waves
    with dashboard(browser, programme, all_of_it) as page:
        tiles = page.locator("#provinces [data-withheld]")
        tiles.first.wait_for()
        assert set(tiles.evaluate_all("all => all.map(one => one.dataset.province)")) == hidden
        fills = tiles.evaluate_all("all => all.map(one => getComputedStyle(one).fill)")
        assert all("provinces-hatch" in fill for fill in fills)
        path = page.locator("#waves .s2 path.run").get_attribute("d")
        assert path.count("M") > 1, "the line stops where a wave is withheld"
        for which, name in enumerate(("chosen", "completed", "paid")):
            of_none = [one for one in all_of_it.waves if getattr(one.progress, name) is None]
            assert page.locator(f"#waves .s{which} [data-withheld]").count() == len(of_none), name
        known = [one.progress for one in all_of_it.waves if one.progress.paid is not None]
        most = sum(1 for one in known if one.paid > one.chosen / 2)
        assert page.locator("#waves h3").inner_text().startswith(f"Di {most} dari {len(known)} gelombang, ")
        page.locator("#waves summary").click()
        row = page.locator("#waves tr", has=page.locator("th", has_text=str(waves[0].number))).first
        assert row.inner_text().split("\t")[-2:] == ["disembunyikan", "disembunyikan"]
        assert page.locator("#waves details").get_by_text("Yang disembunyikan melindungi kelompok kecil.").is_visible()


def test_the_table_and_the_files_are_reached_by_keyboard(browser: Any, programme: Programme):
    all_of_it = of_a_sample(NOW, SMALL)
    with dashboard(browser, programme, all_of_it, accept_downloads=True) as page:
        page.locator("#waves summary").focus()
        page.keyboard.press("Enter")
        page.locator("#waves table").wait_for()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('role')") == "region"
        page.keyboard.press("Tab")
        with page.expect_download() as taken:
            page.keyboard.press("Enter")
        rows = list(csv.DictReader(io.StringIO(taken.value.path().read_text())))
        told = {None: "withheld"}
        assert [row["Sudah dibayar"] for row in rows] == [
            told.get(one.progress.paid, str(one.progress.paid)) for one in all_of_it.waves
        ]
        page.keyboard.press("Tab")
        with page.expect_download() as taken:
            page.keyboard.press("Enter")
        drawn = ElementTree.parse(taken.value.path()).getroot()
        assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
        title, shown = page.locator("#waves h3").inner_text(), drawn.iter("{http://www.w3.org/2000/svg}text")
        assert " ".join(str(one.text) for one in shown).startswith(title), "seen, and not only told"
        lines = [one for one in drawn.iter("{http://www.w3.org/2000/svg}path") if one.get("fill") == "none"]
        assert len({one.get("stroke") for one in lines}) == 3, "three series, with the colours of the page's style"
