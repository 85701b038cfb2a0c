"""The catalogue: how an import is read, and how it is searched. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .errors import MalformedCatalogue
from .rules import Course, Mode, Partner, course_id

COLUMNS = ("code", "title", "provider", "price_idr", "mode", "province", "skills", "offered")
CODE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?!\n)$"
_TITLE_MAX = 200
_PRICE_MAX_IDR = 100_000_000
_NAMED_LINES_MAX = 20
_OFFERED = {"yes": True, "no": False}

IsProvince = Callable[[str], bool]
"""Whether a text is the two digits of a province."""


@dataclass(frozen=True)
class Allowed:
    """What the columns of a catalogue may refer to."""

    partners: Mapping[str, Partner]
    skills: frozenset[str]
    is_province: IsProvince


@dataclass(frozen=True)
class Search:
    """What is looked for; None: anything. `words` are all to be found in the title, in any letter case."""

    skill: str | None = None
    region: int | None = None
    mode: Mode | None = None
    partner_id: str | None = None
    words: tuple[str, ...] = ()


def read(lines: Iterable[str], allowed: Allowed) -> list[Course]:
    """The courses of a CSV whose first line names exactly `COLUMNS`, in any order.

    Every line is read before anything is said. Raises `MalformedCatalogue`, which names each wrong line and its first
    wrong column (`code` also for a course that is there twice).
    """
    rows = csv.DictReader(lines, strict=True)
    courses: dict[str, Course] = {}
    wrong: list[tuple[int, str]] = []
    try:
        if sorted(rows.fieldnames or ()) != sorted(COLUMNS):
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


def found(courses: Iterable[Course], search: Search) -> list[Course]:
    """The offered courses that match, in the order given."""
    return [course for course in courses if course.offered and _matches(course, search)]


def _matches(course: Course, search: Search) -> bool:
    title = course.title.casefold()
    return (
        (search.skill is None or search.skill in course.skills)
        and (search.region is None or search.region == course.region)
        and (search.mode is None or search.mode is course.mode)
        and (search.partner_id is None or search.partner_id == course.partner_id)
        and all(word in title for word in search.words)
    )


def _wrong_column(row: dict[str, str], allowed: Allowed) -> str | None:
    """The first column that is wrong; `columns` if there are too few or too many."""
    if None in row or None in row.values():
        return "columns"
    partner = allowed.partners.get(row["provider"])
    online = row["mode"] == Mode.ONLINE.value
    price = row["price_idr"]
    skills = row["skills"].split(";")
    right = {
        "code": re.fullmatch(CODE, row["code"]),
        "title": row["title"].strip() and row["title"].isprintable() and len(row["title"]) <= _TITLE_MAX,
        "provider": partner is not None and partner.revoked_at is None,
        "price_idr": re.fullmatch(r"[1-9][0-9]{0,8}", price) and int(price) <= _PRICE_MAX_IDR,
        "mode": row["mode"] in set(Mode),
        "province": row["province"] == "" if online else allowed.is_province(row["province"]),
        "skills": set(skills) <= allowed.skills and len(set(skills)) == len(skills),
        "offered": row["offered"] in _OFFERED,
    }
    return next((column for column in COLUMNS if not right[column]), None)


def _course(row: dict[str, str]) -> Course:
    return Course(
        id=course_id(row["provider"], row["code"]),
        partner_id=row["provider"],
        code=row["code"],
        title=row["title"].strip(),
        price_idr=int(row["price_idr"]),
        mode=Mode(row["mode"]),
        region=int(row["province"]) if row["province"] else None,
        skills=frozenset(row["skills"].split(";")),
        offered=_OFFERED[row["offered"]],
    )
