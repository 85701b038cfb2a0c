"""The catalogue of courses: imported by two administrators, searched by anyone.

It is one partition of the training table, so that one query reads all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from msgspec.structs import replace
from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError
from pynamodb.expressions.condition import Condition

from ..aws.admin_acts import PARTITION, Act, Journal
from ..aws.attributes import DayAttribute, EnumAttribute, InstantAttribute, TextsAttribute, WholeAttribute, item_of
from ..aws.dynamodb import LegsFailed, Transaction, find, is_condition_failure, update_if
from ..config import Programme
from ..ids import same_person
from ..payouts.errors import SamePerson
from ..structs import fill
from ..values import Value
from . import catalogue, wire
from .errors import CatalogueNotProposed, CourseNotOffered, ImportBegun, UnknownCourse
from .partners import PartnerStore, TrainingAct
from .rules import Course, Mode, Partner
from .store import TrainingTable
from .wire import CourseList, CourseQuery, CourseView


class CourseItem(TrainingTable):
    """`COURSES` / course id."""

    partner_id = UnicodeAttribute()
    code = UnicodeAttribute()
    title = UnicodeAttribute()
    price_idr = WholeAttribute()
    hours = WholeAttribute(default=0)
    mode = EnumAttribute(Mode)
    region = WholeAttribute(null=True)
    skills = TextsAttribute()
    offered = BooleanAttribute()
    description = UnicodeAttribute(default="")
    starts_on = DayAttribute(null=True)
    ends_on = DayAttribute(null=True)
    redeem_at = UnicodeAttribute(default="")


class ProposedItem(TrainingTable):
    """`CONTROL` / `CATALOGUE`: the import that waits for another administrator; the next one replaces it.

    `begun`: an approval writes the courses, or broke off; nobody rejects it any more.
    """

    digest = UnicodeAttribute()
    maker = UnicodeAttribute()
    note = UnicodeAttribute()
    made_at = InstantAttribute()
    begun = BooleanAttribute(null=True)


class ProposedImport(Value, frozen=True):
    """A proposed import: the catalogue's digest, who proposed it, when and why."""

    digest: str
    maker: str
    note: str
    made_at: datetime


def _courses() -> Iterator[Course]:
    """The whole catalogue, with the courses that are no longer offered."""
    return map(_course, CourseItem.query("COURSES"))


def _course(item: CourseItem) -> Course:
    return fill(Course, item, id=item.sk, offered=item.offered and item.hours > 0)


KEPT = timedelta(minutes=1)
"""How long a process may answer from the catalogue that it has read: most searches read nothing, imports show soon.
"""


class Courses:
    """`is_province` tells a province's code."""

    def __init__(
        self,
        partners: PartnerStore,
        journal: Journal,
        programme: Programme,
        is_province: catalogue.IsProvince,
        transaction: Callable[[], Transaction],
    ) -> None:
        self._partners = partners
        self._journal = journal
        self._skills = frozenset(programme.skills)
        self._rules = programme.training
        self._is_province = is_province
        self._transaction = transaction
        self._kept: tuple[datetime, dict[str, Course], dict[str, Partner]] | None = None

    def propose(self, lines: Iterable[str], by: str, note: str, now: datetime) -> list[str]:
        """Propose to import a whole catalogue; returns what it changes, line by line.

        A course is known by its provider and code: a new import changes it, and `offered` no withdraws it. Purchases
        keep their price. Raises `MalformedCatalogue`.
        """
        courses = self._read(lines)
        proposed = ProposedImport(catalogue.digest(courses), by, note, now)
        self._journal.add(Act(now, TrainingAct.PROPOSE, _about(proposed, courses), by, note))
        item_of(ProposedItem, PARTITION, "CATALOGUE", proposed).save()
        return self._changes(courses)

    def standing(self, lines: Iterable[str]) -> tuple[ProposedImport, list[str]]:
        """Who proposed exactly this catalogue, and what it would change now. Raises as `approve`."""
        courses = self._read(lines)
        return self._proposed(courses), self._changes(courses)

    def approve(self, lines: Iterable[str], by: str, now: datetime) -> int:
        """Import the catalogue that another administrator proposed; returns the number of courses.

        An import that broke off is completed by approving it again. Raises `MalformedCatalogue`,
        `CatalogueNotProposed`, `SamePerson`.
        """
        courses = self._read(lines)
        proposed = self._proposed(courses)
        if same_person(proposed.maker, by):
            raise SamePerson()
        row = ProposedItem(PARTITION, "CATALOGUE")
        if not update_if(row, [ProposedItem.begun.set(True)], _stands(proposed)):
            raise CatalogueNotProposed()
        self._journal.add(
            Act(now, TrainingAct.IMPORT, _about(proposed, courses), by, f"{proposed.maker}: {proposed.note}")
        )
        with CourseItem.batch_write() as batch:
            for course in courses:
                batch.save(item_of(CourseItem, "COURSES", course.id, course))
        _end(proposed)
        return len(courses)

    def reject(self, by: str, note: str, now: datetime) -> ProposedImport:
        """Take the import that is proposed away, one's own or another's.

        Raises `CatalogueNotProposed`, also if it ended or was replaced meanwhile; `ImportBegun` once an approval has
        begun, whose end is to approve it again.
        """
        item = find(ProposedItem, PARTITION, "CATALOGUE")
        if item is None:
            raise CatalogueNotProposed()
        proposed = fill(ProposedImport, item)
        try:
            with self._transaction() as tx:
                waits = _stands(proposed) & ProposedItem.begun.does_not_exist()
                tx.delete("proposed", ProposedItem(PARTITION, "CATALOGUE"), waits)
                self._journal.add_to(tx, Act(now, TrainingAct.REJECT, f"catalogue {proposed.digest}", by, note))
        except LegsFailed:
            item = find(ProposedItem, PARTITION, "CATALOGUE")
            raise (ImportBegun if item is not None and item.begun else CatalogueNotProposed)() from None
        return proposed

    def search(self, query: CourseQuery, now: datetime) -> CourseList:
        """A page of the offered courses that match, in order of id, which a later import does not change."""
        courses, partners = self._catalogue(now)
        matching = catalogue.found(courses.values(), query)
        after = [course for course in matching if query.cursor is None or course.id > query.cursor]
        page = after[: query.limit]
        more = len(after) > len(page)
        views = [wire.course_view(course, partners[course.partner_id].name) for course in page]
        return CourseList(courses=views, next_cursor=page[-1].id if more else None)

    def get(self, course_id: str, now: datetime) -> CourseView:
        """One course, even if it is no longer offered. Raises `UnknownCourse`."""
        courses, partners = self._catalogue(now)
        if course_id not in courses:
            raise UnknownCourse()
        course = courses[course_id]
        return wire.course_view(course, partners[course.partner_id].name)

    def to_buy(self, course_id: str) -> tuple[Course, Partner]:
        """A course as it is now, and the partner that gives it. Raises `UnknownCourse`, `CourseNotOffered`."""
        item = find(CourseItem, "COURSES", course_id)
        if item is None:
            raise UnknownCourse()
        course = _course(item)
        partner = self._partners.partner(course.partner_id)
        if partner is None or partner.revoked_at is not None or not course.offered:
            raise CourseNotOffered()
        return course, partner

    def _read(self, lines: Iterable[str]) -> list[Course]:
        partners = {partner.id: partner for partner in self._partners.partners()}
        return catalogue.read(lines, catalogue.Allowed(partners, self._skills, self._is_province, self._rules))

    def _proposed(self, courses: Iterable[Course]) -> ProposedImport:
        item = find(ProposedItem, PARTITION, "CATALOGUE")
        if item is None or item.digest != catalogue.digest(courses):
            raise CatalogueNotProposed()
        return fill(ProposedImport, item)

    def _changes(self, courses: Iterable[Course]) -> list[str]:
        return catalogue.changes(courses, {course.id: course for course in _courses()})

    def _catalogue(self, now: datetime) -> tuple[dict[str, Course], dict[str, Partner]]:
        """Courses and partners by id; courses of a revoked partner are not offered."""
        if self._kept is None or not timedelta(0) <= now - self._kept[0] < KEPT:
            # Courses first: a course's partner is stored before it.
            courses = sorted(_courses(), key=attrgetter("id"))
            partners = {partner.id: partner for partner in self._partners.partners()}
            revoked = {partner.id for partner in partners.values() if partner.revoked_at}
            offered = {one.id: replace(one, offered=one.offered and one.partner_id not in revoked) for one in courses}
            self._kept = now, offered, partners
        return self._kept[1:]


def _end(proposed: ProposedImport) -> None:
    """The proposal is done, unless something else was proposed meanwhile."""
    try:
        ProposedItem(PARTITION, "CATALOGUE").delete(condition=_stands(proposed))
    except DeleteError as error:
        if not is_condition_failure(error):
            raise


def _stands(proposed: ProposedImport) -> Condition:
    same: Condition = (ProposedItem.digest == proposed.digest) & (ProposedItem.made_at == proposed.made_at)
    return same


def _about(proposed: ProposedImport, courses: Sequence[Course]) -> str:
    return f"catalogue {proposed.digest}, {len(courses)} courses"
