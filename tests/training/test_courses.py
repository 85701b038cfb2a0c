"""What anyone finds in the catalogue, page by page, and how soon an import shows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.training.catalogue_service import KEPT
from chalicelib.training.errors import UnknownCourse
from chalicelib.training.wire import CourseQuery, CourseView
from tests.builders.training import Scene, course_row, import_courses
from tests.conftest import T0


def test_pages_hold_every_offered_course_once_whatever_is_imported_meanwhile(stage: Scene) -> None:
    rows = [course_row(stage.partner.id, code=f"PY-{n:03d}") for n in range(95)]
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    assert import_courses(stage.services, lines) == 95
    stage.course(code="PY-000", offered="no")
    found: list[str] = []
    cursor, now = None, T0
    while True:
        page = stage.services.courses.search(CourseQuery(cursor=cursor, limit=20, q="python"), now)
        found += [view.code for view in page.courses]
        cursor = page.next_cursor
        if cursor is None:
            break
        stage.course(title="Lain")
        now += KEPT
    assert sorted(found) == [f"PY-{n:03d}" for n in range(1, 95)]
    every = stage.services.courses.search(CourseQuery(limit=100), now)
    assert (len(every.courses), every.next_cursor) == (98, None)
    assert stage.services.courses.search(CourseQuery(limit=98), now).next_cursor is None


def test_a_course_is_shown_with_its_provider_also_when_it_is_offered_no_more(stage: Scene) -> None:
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
