"""The training table: the catalogue. One partition, so that all of it is one query and never a scan."""

from __future__ import annotations

from collections.abc import Iterable

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute

from .rules import Course, Mode
from .store import TrainingTable


class CourseItem(TrainingTable):
    """`COURSES` / course id."""

    partner_id = UnicodeAttribute()
    code = UnicodeAttribute()
    title = UnicodeAttribute()
    price_idr = NumberAttribute()
    mode = UnicodeAttribute()
    region = NumberAttribute(null=True)
    skills = UnicodeSetAttribute()
    offered = BooleanAttribute()


class CourseStore:
    """Reads, and writes that may be repeated."""

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
        try:
            return _course(CourseItem.get("COURSES", course_id, consistent_read=True))
        except CourseItem.DoesNotExist:
            return None


def _item(course: Course) -> CourseItem:
    return CourseItem(
        "COURSES",
        course.id,
        partner_id=course.partner_id,
        code=course.code,
        title=course.title,
        price_idr=course.price_idr,
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
        mode=Mode(item.mode),
        region=int(item.region) if item.region is not None else None,
        skills=frozenset(item.skills),
        offered=item.offered,
    )
