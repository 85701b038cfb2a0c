"""Which catalogue is imported, which of its lines are named, and what a search finds.

What anyone finds in the catalogue, page by page, and how soon an import shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count

import pytest
from msgspec.structs import replace

from chalicelib.config import load_programme
from chalicelib.registration.identity import is_province
from chalicelib.training import catalogue
from chalicelib.training.catalogue import COLUMNS, Allowed
from chalicelib.training.courses import KEPT
from chalicelib.training.errors import CatalogueNotProposed, ImportBegun, MalformedCatalogue, UnknownCourse
from chalicelib.training.rules import Course, Mode, Partner, course_id
from chalicelib.training.wire import CourseQuery, CourseView
from tests.builders.crashes import Calls
from tests.builders.jobs import every_page
from tests.builders.training import ANI, BUDI, course_row, import_courses
from tests.conftest import T0

PARTNER = Partner("p" * 26, "Pelatihan Jaya", b"", datetime(2026, 1, 5, tzinfo=UTC))
REVOKED = replace(PARTNER, id="r" * 26, revoked_at=PARTNER.created_at)
FIGURES = load_programme("prod")
ALLOWED = Allowed({one.id: one for one in (PARTNER, REVOKED)}, frozenset(FIGURES.skills), is_province, FIGURES.training)


def file(*rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> list[str]:
    return [",".join(columns), *(",".join(row[column] for column in columns) for row in rows)]


def row(**changes: str) -> dict[str, str]:
    return course_row(PARTNER.id, **{"hours": "15"} | changes)


def refused(lines: Iterator[str] | list[str]) -> dict[str, object]:
    with pytest.raises(MalformedCatalogue) as refusal:
        catalogue.read(lines, ALLOWED)
    return refusal.value.facts


def test_a_line_is_a_course_whatever_the_order_of_the_columns():
    online = row()
    offline = row(
        code="WD-1", mode="offline", province="31", skills="welding", offered="no", price_idr="1200000", hours="120"
    )
    for columns in (COLUMNS, COLUMNS[::-1]):
        assert catalogue.read(file(online, offline, columns=columns), ALLOWED) == [
            Course(course_id(PARTNER.id, code), PARTNER.id, code, "Dasar Pemrograman Python", *others)
            for code, *others in (
                ("PY-101", 1_000_000, 15, Mode.ONLINE, None, frozenset({"programming", "data_analysis"}), True),
                ("WD-1", 1_200_000, 120, Mode.OFFLINE, 31, frozenset({"welding"}), False),
            )
        ]


def test_a_file_may_say_more_of_a_course_and_a_line_may_leave_it_out():
    more = {"description": "Dari nol  sampai bisa.", "starts_on": "2026-12-14", "ends_on": "2026-12-18"}
    more |= {"redeem_at": "https://jaya.example/tukar"}
    said, silent = row(**more), row(code="PY-102", **dict.fromkeys(more, ""))
    with_more, without = catalogue.read(file(said, silent, columns=(*catalogue.MORE_COLUMNS, *COLUMNS)), ALLOWED)
    assert (with_more.description, with_more.redeem_at) == ("Dari nol sampai bisa.", "https://jaya.example/tukar")
    assert (with_more.starts_on, with_more.ends_on) == (date(2026, 12, 14), date(2026, 12, 18))
    [plain] = catalogue.read(file(row(code="PY-102")), ALLOWED)
    assert without == plain
    assert catalogue.digest([plain]) != catalogue.digest([replace(plain, redeem_at="x")])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("description", "a" * 1001),
        ("starts_on", "14-12-2026"),
        ("starts_on", "2026-02-30"),
        ("ends_on", "2026-12-13"),
        ("ends_on", "soon"),
        ("redeem_at", "a" * 201),
    ],
)
def test_more_that_is_wrong_is_named_by_line_and_column(column, value):
    more = dict.fromkeys(catalogue.MORE_COLUMNS, "") | {"starts_on": "2026-12-14", column: value}
    told = refused(file(row(**more), columns=(*COLUMNS, *catalogue.MORE_COLUMNS)))
    assert told == {"wrong": 1, "lines": f"2: {column}"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("code", value) for value in ("", "PY 101", "P" * 65, "-1")),
        *(("title", value) for value in ("", "  ", "a" * 201, "123", "Piala 🏆")),
        *(("provider", value) for value in ("", "q" * 26, REVOKED.id)),
        *(("price_idr", value) for value in ("", "0", "-1", "1.5", "1e6", "01", "100000001", "Rp1", "١")),
        *(("hours", value) for value in ("", "0", "14", "15.5", "1000", "-15", "015", " 15", "15 jam", "١٥")),
        *(("mode", value) for value in ("", "Online", "hybrid")),
        *(("skills", value) for value in ("", "programming;", "programming;programming", "telepathy")),
        *(("offered", value) for value in ("", "y", "true")),
    ],
)
def test_a_wrong_value_is_named_by_line_and_column(column, value):
    assert refused(file(row(), row(code="PY-102") | {column: value})) == {"wrong": 1, "lines": f"3: {column}"}


@pytest.mark.parametrize(("mode", "province"), [("online", "31"), ("offline", ""), ("offline", "99"), ("offline", "3")])
def test_a_course_has_a_province_if_and_only_if_it_is_held_somewhere(mode, province):
    assert refused(file(row(mode=mode, province=province))) == {"wrong": 1, "lines": "2: province"}


def test_a_price_has_a_floor_for_each_hour():
    [course] = catalogue.read(file(row(price_idr="150000", hours="15")), ALLOWED)
    assert (course.price_idr, course.hours) == (150_000, 15)
    for price, hours in (("149999", "15"), ("159999", "16"), ("1", "15")):
        assert refused(file(row(price_idr=price, hours=hours))) == {"wrong": 1, "lines": "2: price_idr"}


def test_every_wrong_line_is_named_up_to_twenty_and_all_are_counted():
    rows = [row(code=f"PY-{n}", price_idr="0") for n in range(30)]
    facts = refused(file(*rows))
    assert facts["wrong"] == 30
    assert facts["lines"] == "; ".join(f"{line}: price_idr" for line in range(2, 22))
    assert refused(file(row(), row(), row(code="PY-2", mode="x"))) == {"wrong": 2, "lines": "3: code; 4: mode"}


def test_a_malformed_catalogue_is_refused():
    for lines, wrong in (
        ([], "1: columns"),
        (file(), "2: no course"),
        (file(row(), columns=COLUMNS[1:]), "1: columns"),
        ([",".join((*COLUMNS, "code"))], "1: columns"),
        ([*file(row()), "PY-102,Judul"], "3: columns"),
        ([file(row())[0], file(row())[1] + ",more"], "2: columns"),
        ([*file(row()), '"PY-1"2,x,,,,,,'], "3: not readable as CSV in UTF-8"),
    ):
        assert refused(lines) == {"wrong": 1, "lines": wrong}
    stray = [
        f"{line}\n" for line in file(row(), row(code="A", title='"Dasar'), row(code="B"), row(code="C", title='Las"'))
    ]
    assert refused(stray) == {"wrong": 1, "lines": "3: not readable as CSV in UTF-8"}

    def latin() -> Iterator[str]:
        yield from file(row())
        b"\xff".decode()

    assert refused(latin())["wrong"] == 1


COURSES = [
    Course("a", "jaya", "1", "Dasar Pemrograman Python", 1, 15, Mode.ONLINE, None, frozenset({"programming"}), True),
    Course("b", "jaya", "2", "Las Dasar", 1, 15, Mode.OFFLINE, 31, frozenset({"welding"}), True),
    Course("c", "maju", "1", "Barista", 1, 15, Mode.OFFLINE, 51, frozenset({"barista", "sales"}), True),
    Course("d", "maju", "2", "Penjualan", 1, 15, Mode.ONLINE, None, frozenset({"sales"}), False),
]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (CourseQuery(), "abc"),
        (CourseQuery(skill="sales"), "c"),
        (CourseQuery(skill="cooking"), ""),
        (CourseQuery(province="31"), "b"),
        (CourseQuery(mode=Mode.OFFLINE), "bc"),
        (CourseQuery(provider="jaya"), "ab"),
        (CourseQuery(q="dasar"), "ab"),
        (CourseQuery(q=" Dasar  PYTHON "), "a"),
        (CourseQuery(provider="jaya", mode=Mode.OFFLINE, province="31", skill="welding", q="las"), "b"),
        (CourseQuery(provider="maju", province="31"), ""),
    ],
)
def test_a_search_finds_what_is_offered_and_matches_in_everything(wanted, ids):
    assert [course.id for course in catalogue.found(COURSES, wanted)] == list(ids)


def test_pages_hold_every_offered_course_once_whatever_is_imported_meanwhile(stage):
    rows = [course_row(stage.partner.id, code=f"PY-{n:03d}") for n in range(95)]
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    assert import_courses(stage.services, lines) == 95
    stage.course(code="PY-000", offered="no")
    search, times, found = stage.services.courses.search, (T0 + KEPT * n for n in count()), []
    for page in every_page(lambda query: search(query, next(times)), CourseQuery(limit=20, q="python")):
        found += [view.code for view in page.courses]
        stage.course(title="Lain")
    assert sorted(found) == [f"PY-{n:03d}" for n in range(1, 95)]
    now = next(times)
    every = search(CourseQuery(limit=100), now)
    assert (len(every.courses), every.next_cursor) == (99, None)
    assert search(CourseQuery(limit=99), now).next_cursor is None


def test_a_withdrawn_course_is_still_shown_with_its_provider(stage):
    course = stage.course(code="WD-1", mode="offline", province="31", skills="welding;sales", price_idr="750000")
    view = CourseView(
        course_id=course,
        code="WD-1",
        title="Dasar Pemrograman Python",
        provider=stage.partner.id,
        provider_name="Pelatihan Jaya",
        price_idr=750_000,
        hours=1,
        mode="offline",
        province="31",
        skills=["sales", "welding"],
        offered=True,
        description="",
        starts_on=None,
        ends_on=None,
        redeem_at="",
    )
    courses = stage.services.courses
    assert courses.get(course, T0) == view
    assert courses.search(CourseQuery(province="31", skill="sales"), T0).courses == [view]
    # An import and a revocation show after a minute, when the catalogue is read again.
    stage.services.partners.revoke(stage.partner.id, T0)
    added = stage.course(provider=stage.new_partner().id)
    almost = T0 + KEPT - timedelta(milliseconds=1)
    with pytest.raises(UnknownCourse):
        courses.get(added, almost)
    assert courses.get(course, almost) == view
    assert courses.get(added, T0 + KEPT).provider_name == "Kursus Maju"
    assert courses.get(course, T0 + KEPT).offered is False
    assert [view.course_id for view in courses.search(CourseQuery(), T0 + KEPT).courses] == [added]


@pytest.mark.parametrize("approves_first", [True, False])
def test_an_import_and_its_rejection_meet_before_any_call_and_whichever_comes_second_is_refused(
    stage, monkeypatch, approves_first
):
    """A journal that says the import was taken away stands beside no course of it."""
    courses, calls = stage.services.courses, Calls(monkeypatch)
    seen = set()
    for at in count():
        now, row = T0 + timedelta(seconds=at), course_row(stage.partner.id, code=f"PY-{at}")
        lines = [",".join(row), ",".join(row.values())]
        approve = partial(courses.approve, lines, BUDI, now)
        reject = partial(courses.reject, ANI, "two prices are wrong", now)
        courses.propose(lines, ANI, "katalog baru", now)
        answers = calls.meeting(at, *((approve, reject) if approves_first else (reject, approve)))
        if len(answers) == 1:  # the first had ended before that call
            break
        rejection, approval = answers if approves_first else answers[::-1]
        deeds = {act.deed for act in stage.services.training_journal.all() if act.at == now} - {"PROPOSE"}
        imported = any(item["code"] == f"PY-{at}" for item in stage.items("COURSES"))
        told = rejection if imported else approval
        assert (deeds, imported) == (({"IMPORT"}, True) if approval == 1 else ({"REJECT"}, False)), at
        seen.add((imported, type(told)))
    refused = {(False, CatalogueNotProposed), (True, ImportBegun)}
    assert seen == (refused if approves_first else {(True, CatalogueNotProposed)})
