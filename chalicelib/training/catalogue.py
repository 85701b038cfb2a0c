"""The catalogue: how an import is read, and how it is searched. Pure."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date

from .. import typed_text
from ..figures.benefits import TrainingRules
from ..ids import derived_id
from ..spreadsheets import whole
from ..values import Value
from .errors import MalformedCatalogue
from .rules import CODE, Course, Mode, Partner, course_id
from .wire import CourseQuery

COLUMNS = ("code", "title", "provider", "price_idr", "hours", "mode", "province", "skills", "offered")
MORE_COLUMNS = ("description", "starts_on", "ends_on", "redeem_at")
"""What a file may leave out, and a line may leave empty."""
_TITLE_MAX = 200
_DESCRIPTION_MAX = 1000
_REDEEM_AT_MAX = 200
_PRICE_MAX_IDR = 100_000_000
_HOURS = r"[1-9][0-9]{0,2}"
_NAMED_LINES_MAX = 20
_OFFERED = {"yes": True, "no": False}

IsProvince = Callable[[str], bool]
"""Whether a text is the two digits of a province."""


class Allowed(Value, frozen=True):
    """What the columns of a catalogue may refer to."""

    partners: Mapping[str, Partner]
    skills: frozenset[str]
    is_province: IsProvince
    rules: TrainingRules


def read(lines: Iterable[str], allowed: Allowed) -> list[Course]:
    """The courses of a CSV whose first line names `COLUMNS` and any of `MORE_COLUMNS`, in any order.

    All lines are read before any is reported. Raises `MalformedCatalogue`, which names each wrong line and its first
    wrong column (`code` also for a course that is there twice).
    """
    rows = csv.DictReader(whole(lines), strict=True)
    courses: dict[str, Course] = {}
    wrong: list[tuple[int, str]] = []
    try:
        columns = list(rows.fieldnames or ())
        if len(set(columns)) < len(columns) or not set(COLUMNS) <= set(columns) <= {*COLUMNS, *MORE_COLUMNS}:
            raise MalformedCatalogue(wrong=1, lines="1: columns")
        for row in rows:
            column = _wrong_column(row, allowed)
            if column is None:
                course = _course(row)
                column = "code" if course.id in courses else None
                courses[course.id] = course
            if column is not None:
                wrong.append((rows.line_num, column))
    except (csv.Error, UnicodeDecodeError):
        wrong.append((rows.line_num + 1, "not readable as CSV in UTF-8"))
    if not courses and not wrong:
        wrong.append((2, "no course"))
    if wrong:
        named = "; ".join(f"{line}: {column}" for line, column in wrong[:_NAMED_LINES_MAX])
        raise MalformedCatalogue(wrong=len(wrong), lines=named)
    return list(courses.values())


def digest(courses: Iterable[Course]) -> str:
    """A short name of a catalogue, made from its content, whatever the order of its lines and columns."""
    said = sorted(
        [one.id, one.title, one.price_idr, one.hours, one.mode, one.region, sorted(one.skills), one.offered]
        + [one.description, str(one.starts_on), str(one.ends_on), one.redeem_at]
        for one in courses
    )
    return derived_id("catalogue/v1", json.dumps(said))


def changes(courses: Iterable[Course], before: Mapping[str, Course]) -> list[str]:
    """What an import changes: a line for each course that is new or changed, in the order of the file."""
    lines = []
    for course in courses:
        old, new = before.get(course.id), _shown(course)
        if old is None:
            told = ", ".join(f"{name} {value}" for name, value in new.items() if name in COLUMNS or value != "-")
            lines.append(f"new      {course.partner_id} {course.code}: {told}")
        elif old != course:
            was = _shown(old)
            told = ", ".join(f"{name} {was[name]} -> {new[name]}" for name in new if was[name] != new[name])
            lines.append(f"changed  {course.partner_id} {course.code}: {told}")
    return lines


def found(courses: Iterable[Course], query: CourseQuery) -> list[Course]:
    """The offered courses that match all that is given, in their order; the case of letters does not matter."""
    province = int(query.province) if query.province else None
    words = (query.q or "").casefold().split()
    return [
        course
        for course in courses
        if course.offered
        and query.skill in (None, *course.skills)
        and province in (None, course.region)
        and query.mode in (None, course.mode)
        and query.provider in (None, course.partner_id)
        and all(word in course.title.casefold() for word in words)
    ]


def _shown(course: Course) -> dict[str, str]:
    return {
        "title": course.title,
        "price_idr": str(course.price_idr),
        "hours": str(course.hours),
        "mode": course.mode.value,
        "province": "-" if course.region is None else str(course.region),
        "skills": ";".join(sorted(course.skills)),
        "offered": "yes" if course.offered else "no",
        "description": course.description or "-",
        "starts_on": str(course.starts_on or "-"),
        "ends_on": str(course.ends_on or "-"),
        "redeem_at": course.redeem_at or "-",
    }


def _wrong_column(row: dict[str, str], allowed: Allowed) -> str | None:
    """The first wrong column; `columns` if there are too few or too many."""
    if None in row or None in row.values():
        return "columns"
    partner = allowed.partners.get(row["provider"])
    online = row["mode"] == Mode.ONLINE.value
    price, hours = row["price_idr"], row["hours"]
    # A price below the floor for its hours is named by itself, if the hours are right.
    floor = int(hours) * allowed.rules.price_per_hour_min_idr if re.fullmatch(_HOURS, hours) else 0
    skills = row["skills"].split(";")
    description, starts_on, ends_on, redeem_at = _more(row)
    right = {
        "code": re.fullmatch(CODE, row["code"]),
        "title": typed_text.name(row["title"], _TITLE_MAX),
        "provider": partner is not None and partner.revoked_at is None,
        "price_idr": re.fullmatch(r"0|[1-9][0-9]{0,8}", price) and floor <= int(price) <= _PRICE_MAX_IDR,
        "hours": re.fullmatch(_HOURS, hours) and int(hours) >= allowed.rules.course_hours_min,
        "mode": row["mode"] in set(Mode),
        "province": row["province"] == "" if online else allowed.is_province(row["province"]),
        "skills": set(skills) <= allowed.skills and len(set(skills)) == len(skills),
        "offered": row["offered"] in _OFFERED,
        "description": len(description) <= _DESCRIPTION_MAX,
        "starts_on": starts_on == "" or _day(starts_on),
        "ends_on": ends_on == "" or ((last := _day(ends_on)) and last >= (_day(starts_on) or last)),
        "redeem_at": len(redeem_at) <= _REDEEM_AT_MAX,
    }
    return next((column for column in (*COLUMNS, *MORE_COLUMNS) if not right[column]), None)


def _more(row: dict[str, str]) -> list[str]:
    return [typed_text.line(row.get(column, "")) for column in MORE_COLUMNS]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None


def _course(row: dict[str, str]) -> Course:
    description, starts_on, ends_on, redeem_at = _more(row)
    return Course(
        id=course_id(row["provider"], row["code"]),
        partner_id=row["provider"],
        code=row["code"],
        title=typed_text.line(row["title"]),
        price_idr=int(row["price_idr"]),
        hours=int(row["hours"]),
        mode=Mode(row["mode"]),
        region=int(row["province"]) if row["province"] else None,
        skills=frozenset(row["skills"].split(";")),
        offered=_OFFERED[row["offered"]],
        description=description,
        starts_on=_day(starts_on),
        ends_on=_day(ends_on),
        redeem_at=redeem_at,
    )
