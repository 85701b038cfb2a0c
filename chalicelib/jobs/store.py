"""The jobs table: vacancies, and applications to them. No item has personal data: a person is named by id.

A vacancy is written together with its entries in the list of each of its skills and in the list of open vacancies, so
that the lists always agree with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime

from msgspec.structs import asdict
from pynamodb.attributes import TTLAttribute, UnicodeAttribute

from ..aws.attributes import InstantAttribute, TextsAttribute, WholeAttribute, item_of
from ..aws.dynamodb import LegsFailed, Transaction, find
from ..aws.table import Table
from ..structs import fill
from .errors import VacancyClosed
from .rules import SHARED, Application, JobCounts, Listing, Offer, Vacancy, application_id, dated, listing

_APPLICANT = "APPLICANT#"


class JobsTable(Table):
    """The base of every item kind; `wiring` gives it its table."""


class VacancyItem(JobsTable):
    """`V#<vacancy>` / `VACANCY`. `closes_at` in Unix seconds, so that a condition can compare it with the present."""

    partner_id = UnicodeAttribute()
    partner_name = UnicodeAttribute()
    reference = UnicodeAttribute()
    posted_as = UnicodeAttribute()
    title = UnicodeAttribute()
    employer = UnicodeAttribute()
    description = UnicodeAttribute(default="")
    province = WholeAttribute(null=True)
    skills = TextsAttribute()
    salary_min_idr = WholeAttribute()
    salary_max_idr = WholeAttribute()
    closes_at = WholeAttribute()
    posted_at = WholeAttribute()
    version = WholeAttribute()
    closed_at = InstantAttribute(null=True)


class PostingItem(JobsTable):
    """`P#<partner>` / `<posted at>#<vacancy>`: which vacancies a partner has posted."""


class ListingItem(JobsTable):
    """`SKILL#<skill>` / `<posted at>#<vacancy>`, until the vacancy is closed. It expires with it."""

    skills = TextsAttribute()
    province = WholeAttribute(null=True)
    expires_at = TTLAttribute()


class OpenItem(JobsTable):
    """`OPEN` / `<closes at>#<vacancy>`: a vacancy that is not closed. Counted once an hour, and shown."""

    expires_at = TTLAttribute()


class CountItem(JobsTable):
    """`COUNTS` / `<kind>#<first letter of an id>`: how many there have ever been; 32 items a kind, so that few writes
    meet.
    """

    number = WholeAttribute()


class ApplicationItem(JobsTable):
    """`A#<registrant>` / vacancy: what the person agreed to share, from when and until when."""

    shared = TextsAttribute()
    consented_at = InstantAttribute()
    withdrawn_at = InstantAttribute(null=True)


class ApplicantItem(JobsTable):
    """`V#<vacancy>` / `APPLICANT#<consented at, ms>#<application>`: whom the partner may be shown, oldest first."""

    registrant_id = UnicodeAttribute()


class JobsStore:
    """Reads, and writes of one transaction each. `transaction` makes a new, empty one."""

    def __init__(self, transaction: Callable[[], Transaction]) -> None:
        self._transaction = transaction

    def vacancy(self, vacancy_id: str) -> Vacancy | None:
        """One consistent read."""
        item = find(VacancyItem, _pk(vacancy_id), "VACANCY")
        return _vacancy(item) if item else None

    def vacancies(self, vacancy_ids: Collection[str]) -> dict[str, Vacancy]:
        """Up to 100 vacancies by id, in one call; none for no ids."""
        items = VacancyItem.batch_get([(_pk(one), "VACANCY") for one in vacancy_ids]) if vacancy_ids else ()
        return {vacancy.id: vacancy for vacancy in map(_vacancy, items)}

    def posted(self, partner_id: str, before: str | None, limit: int) -> list[str]:
        """The next `limit` of a partner's postings, newest first, as `<posted at>#<vacancy>`. One query."""
        older = PostingItem.sk < before if before else None
        query = PostingItem.query(f"P#{partner_id}", older, consistent_read=True, scan_index_forward=False, limit=limit)
        return [item.sk for item in query]

    def newest(self, skill: str, limit: int) -> Iterator[Listing]:
        """The newest `limit` vacancies that ask for a skill; some may have expired. One eventually consistent query."""
        for item in ListingItem.query(f"SKILL#{skill}", scan_index_forward=False, limit=limit):
            posted_ms, _, vacancy_id = item.sk.partition("#")
            yield Listing(vacancy_id, item.skills, item.province, _instant(int(posted_ms) // 1000), item.expires_at)

    def open(self, after: str, limit: int) -> list[str]:
        """The next `limit` vacancies that are not closed, as `<closes at>#<vacancy>`. One query that may lag behind."""
        return [item.sk for item in OpenItem.query("OPEN", OpenItem.sk > after, limit=limit)]

    def post(self, vacancy: Vacancy) -> bool:
        """Write a new vacancy; False if it is there already."""
        kept = entries(vacancy).values()
        try:
            with self._transaction() as tx:
                tx.put("vacancy", _item(vacancy), VacancyItem.pk.does_not_exist())
                tx.put("posting", PostingItem(f"P#{vacancy.partner_id}", dated(vacancy.posted_at, vacancy.id)))
                for entry in kept:
                    tx.put(entry.pk, entry)
                count(tx, "VACANCIES", vacancy.id)
        except LegsFailed:
            return False
        return True

    def replace(self, old: Vacancy, new: Vacancy) -> bool:
        """Write the new state of a vacancy; False if another writer came first, and it is not `old` any more."""
        gone, kept = entries(old), entries(new)
        try:
            with self._transaction() as tx:
                tx.put("vacancy", _item(new), VacancyItem.version == old.version)
                for key in gone.keys() - kept.keys():
                    tx.delete(f"{key[0]} gone", gone[key])
                for entry in kept.values():
                    tx.put(entry.pk, entry)
        except LegsFailed:
            return False
        return True

    def application(self, registrant_id: str, vacancy_id: str) -> Application | None:
        """One consistent read."""
        item = find(ApplicationItem, f"A#{registrant_id}", vacancy_id)
        return _application(item) if item else None

    def applications(self, registrant_id: str) -> list[Application]:
        """All of one person, by one query: a call returns some 5,000."""
        return [_application(item) for item in ApplicationItem.query(f"A#{registrant_id}", consistent_read=True)]

    def applicants(self, vacancy_id: str, after: str | None, limit: int) -> list[tuple[str, str]]:
        """The next `limit` applicants of a vacancy, oldest first: `<consented at>#<application>` and the registrant.

        One consistent query; people who withdrew are not among them.
        """
        # After these keys comes only the vacancy itself.
        later = ApplicantItem.sk.between(f"{_APPLICANT}{after or ''}\0", f"{_APPLICANT}~")
        query = ApplicantItem.query(f"V#{vacancy_id}", later, consistent_read=True, limit=limit)
        return [(item.sk.removeprefix(_APPLICANT), item.registrant_id) for item in query]

    def add(self, application: Application, now: datetime) -> bool:
        """Write an application; False if the person applied before. Raises `VacancyClosed`: it takes none at `now`."""
        person, vacancy = application.registrant_id, application.vacancy_id
        item = item_of(ApplicationItem, f"A#{person}", vacancy, application, shared=SHARED)
        # In whole seconds on one side: the closing second is over when the floor reaches it.
        still_open = VacancyItem.closed_at.does_not_exist() & (VacancyItem.closes_at > int(now.timestamp()))
        try:
            with self._transaction() as tx:
                tx.check("vacancy", VacancyItem, (_pk(vacancy), "VACANCY"), still_open)
                tx.put("application", item, ApplicationItem.pk.does_not_exist())
                tx.put("applicant", _entry(application))
                count(tx, "APPLICATIONS", application_id(vacancy, person))
        except LegsFailed as failed:
            if "application" in failed.legs:
                return False
            raise VacancyClosed() from failed
        return True

    def withdraw(self, application: Application, now: datetime) -> bool:
        """End what an application shares; False if it had been ended before."""
        mine = ApplicationItem(f"A#{application.registrant_id}", application.vacancy_id)
        shared = ApplicationItem.pk.exists() & ApplicationItem.withdrawn_at.does_not_exist()
        try:
            with self._transaction() as tx:
                tx.delete("applicant", _entry(application))
                tx.update("application", mine, [ApplicationItem.withdrawn_at.set(now)], shared)
        except LegsFailed:
            return False
        return True

    def counts(self, now: datetime) -> JobCounts:
        """Two queries, one of them over an entry of 80 bytes for each open vacancy. Not for a request."""
        summed = {"VACANCIES": 0, "APPLICATIONS": 0}
        for item in CountItem.query("COUNTS"):
            summed[item.sk.partition("#")[0]] += item.number
        open_now = OpenItem.count("OPEN", OpenItem.sk > dated(now, "~"))  # `~` comes after every id
        return JobCounts(open_now, summed["VACANCIES"], summed["APPLICATIONS"])


def count(tx: Transaction, kind: str, one_id: str) -> None:
    """Add the leg that counts one more vacancy or application, by the first letter of its id."""
    tx.update("count", CountItem("COUNTS", f"{kind}#{one_id[0]}"), [CountItem.number.add(1)])


def entries(vacancy: Vacancy) -> dict[tuple[str, str], ListingItem | OpenItem]:
    """A vacancy's entries in the lists, by key: none once it is closed."""
    if vacancy.closed_at is not None:
        return {}
    listed = listing(vacancy)
    closes_at, posted = listed.closes_at, dated(vacancy.posted_at, vacancy.id)
    found: list[ListingItem | OpenItem] = [
        OpenItem("OPEN", dated(closes_at, vacancy.id), expires_at=closes_at),
        *(item_of(ListingItem, f"SKILL#{skill}", posted, listed, expires_at=closes_at) for skill in listed.skills),
    ]
    return {(entry.pk, entry.sk): entry for entry in found}


def _pk(vacancy_id: str) -> str:
    return f"V#{vacancy_id}"


def _item(vacancy: Vacancy) -> VacancyItem:
    times = {"closes_at": vacancy.offer.closes_at, "posted_at": vacancy.posted_at}
    seconds = {name: int(instant.timestamp()) for name, instant in times.items()}
    return item_of(VacancyItem, _pk(vacancy.id), "VACANCY", vacancy, **asdict(vacancy.offer) | seconds)


def _vacancy(item: VacancyItem) -> Vacancy:
    offer = fill(Offer, item, closes_at=_instant(item.closes_at))
    return fill(Vacancy, item, id=item.pk.removeprefix("V#"), offer=offer, posted_at=_instant(item.posted_at))


def _instant(unix_s: int) -> datetime:
    return datetime.fromtimestamp(unix_s, UTC)


def _application(item: ApplicationItem) -> Application:
    return fill(Application, item, registrant_id=item.pk.removeprefix("A#"), vacancy_id=item.sk)


def applicant_of(item: ApplicationItem) -> tuple[str, str]:
    """The key of what the partner is shown of an application."""
    entry = _entry(_application(item))
    return entry.pk, entry.sk


def _entry(application: Application) -> ApplicantItem:
    # Named by the application, not by the person, because the partner gets these keys as cursors.
    name = application_id(application.vacancy_id, application.registrant_id)
    key = _APPLICANT + dated(application.consented_at, name)
    return ApplicantItem(f"V#{application.vacancy_id}", key, registrant_id=application.registrant_id)
