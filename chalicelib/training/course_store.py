"""The training table: the catalogue. One partition, so that all of it is one query and never a scan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.exceptions import DeleteError

from ..aws.admin_acts import PARTITION
from ..aws.dynamodb import find, is_condition_failure
from ..clock import iso, parse_iso
from .rules import Course, Mode
from .store import TrainingTable


class CourseItem(TrainingTable):
    """`COURSES` / course id."""

    partner_id = UnicodeAttribute()
    code = UnicodeAttribute()
    title = UnicodeAttribute()
    price_idr = NumberAttribute()
    hours = NumberAttribute(null=True)
    mode = UnicodeAttribute()
    region = NumberAttribute(null=True)
    skills = UnicodeSetAttribute()
    offered = BooleanAttribute()


class ProposedItem(TrainingTable):
    """`CONTROL` / `CATALOGUE`: the import that waits for another administrator; the next one takes its place."""

    digest = UnicodeAttribute()
    maker = UnicodeAttribute()
    note = UnicodeAttribute()
    made_at = UnicodeAttribute()


@dataclass(frozen=True)
class ProposedImport:
    """Who proposed a catalogue, known by its digest, when and why."""

    digest: str
    maker: str
    note: str
    made_at: datetime


class CourseStore:
    """Reads, and writes that may be repeated."""

    def propose(self, proposed: ProposedImport) -> None:
        """Keep what waits for another administrator, in place of what did before."""
        ProposedItem(
            PARTITION,
            "CATALOGUE",
            digest=proposed.digest,
            maker=proposed.maker,
            note=proposed.note,
            made_at=iso(proposed.made_at),
        ).save()

    def proposed(self) -> ProposedImport | None:
        """What waits for another administrator, by a consistent read."""
        item = find(ProposedItem, PARTITION, "CATALOGUE")
        return ProposedImport(item.digest, item.maker, item.note, parse_iso(item.made_at)) if item else None

    def take_away(self, proposed: ProposedImport) -> None:
        """Nothing waits any more, unless something else was proposed meanwhile."""
        same = (ProposedItem.digest == proposed.digest) & (ProposedItem.made_at == iso(proposed.made_at))
        try:
            ProposedItem(PARTITION, "CATALOGUE").delete(condition=same)
        except DeleteError as error:
            if not is_condition_failure(error):
                raise

    def put(self, courses: Iterable[Course]) -> None:
        """Write each course whole, over what was there; what broke off is finished by doing it again."""
        with CourseItem.batch_write() as batch:
            for course in courses:
                batch.save(_item(course))

    def courses(self) -> list[Course]:
        """The whole catalogue in order of id, also what is no longer offered."""
        return [_course(item) for item in CourseItem.query("COURSES")]

    def course(self, course_id: str) -> Course | None:
        """One course, by a consistent read: what a purchase pays is decided by it."""
        item = find(CourseItem, "COURSES", course_id)
        return _course(item) if item else None


def _item(course: Course) -> CourseItem:
    return CourseItem(
        "COURSES",
        course.id,
        partner_id=course.partner_id,
        code=course.code,
        title=course.title,
        price_idr=course.price_idr,
        hours=course.hours,
        mode=course.mode.value,
        region=course.region,
        skills=set(course.skills),
        offered=course.offered,
    )


def _course(item: CourseItem) -> Course:
    return Course(
        id=item.sk,
        partner_id=item.partner_id,
        code=item.code,
        title=item.title,
        price_idr=int(item.price_idr),
        hours=int(item.hours or 0),
        mode=Mode(item.mode),
        region=int(item.region) if item.region is not None else None,
        skills=frozenset(item.skills),
        offered=item.offered and item.hours is not None,
    )
