"""Applications in the jobs table: the person's own record for good, the partner's entry until it is withdrawn.

Neither holds personal data: a partner's entry names a person by id, and who they are is read from their registration
while the partner is being answered.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute

from ..aws.dynamodb import LegsFailed, Transaction, find
from ..clock import iso, parse_iso
from .errors import VacancyClosed
from .rules import SHARED, Application, application_id, dated
from .store import JobsTable, VacancyStore, count

_APPLICANT = "APPLICANT#"


class ApplicationItem(JobsTable):
    """`A#<registrant>` / vacancy: what the person agreed to share, from when and until when."""

    shared = UnicodeSetAttribute()
    consented_at = UnicodeAttribute()
    withdrawn_at = UnicodeAttribute(null=True)


class ApplicantItem(JobsTable):
    """`V#<vacancy>` / `APPLICANT#<consented at, ms>#<application>`: whom the partner may be shown, oldest first."""

    registrant_id = UnicodeAttribute()


class ApplicationStore:
    """Reads, and writes of one transaction each. `transaction` makes a new, empty one."""

    def __init__(self, transaction: Callable[[], Transaction], vacancies: VacancyStore) -> None:
        self._transaction = transaction
        self._vacancies = vacancies

    def application(self, registrant_id: str, vacancy_id: str) -> Application | None:
        """One consistent read."""
        item = find(ApplicationItem, f"A#{registrant_id}", vacancy_id)
        return _application(item) if item else None

    def applications(self, registrant_id: str) -> list[Application]:
        """All of one person, by one query: some 5,000 of them are a call."""
        return [_application(item) for item in ApplicationItem.query(f"A#{registrant_id}", consistent_read=True)]

    def applicants(self, vacancy_id: str, after: str | None, limit: int) -> list[tuple[str, str]]:
        """The next `limit` applicants of a vacancy, oldest first: `<consented at>#<application>` and the registrant.

        One consistent query: who has withdrawn is not among them.
        """
        # Above these keys there is only the vacancy itself.
        later = ApplicantItem.sk.between(f"{_APPLICANT}{after or ''}\0", f"{_APPLICANT}~")
        query = ApplicantItem.query(f"V#{vacancy_id}", later, consistent_read=True, limit=limit)
        return [(item.sk.removeprefix(_APPLICANT), item.registrant_id) for item in query]

    def add(self, application: Application, now: datetime) -> bool:
        """Write an application; False if the person applied before. Raises `VacancyClosed`: it takes none at `now`."""
        try:
            with self._transaction() as tx:
                self._vacancies.check_open(tx, application.vacancy_id, now)
                tx.put("application", _item(application), ApplicationItem.pk.does_not_exist())
                tx.put("applicant", _entry(application))
                count(tx, "APPLICATIONS", application_id(application.vacancy_id, application.registrant_id))
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
                tx.update("application", mine, [ApplicationItem.withdrawn_at.set(iso(now))], shared)
        except LegsFailed:
            return False
        return True


def _entry(application: Application) -> ApplicantItem:
    # Named by the application and not by the person: the partner gets these keys as cursors.
    name = application_id(application.vacancy_id, application.registrant_id)
    key = _APPLICANT + dated(application.consented_at, name)
    return ApplicantItem(f"V#{application.vacancy_id}", key, registrant_id=application.registrant_id)


def _item(application: Application) -> ApplicationItem:
    return ApplicationItem(
        f"A#{application.registrant_id}",
        application.vacancy_id,
        shared=set(SHARED),
        consented_at=iso(application.consented_at),
    )


def _application(item: ApplicationItem) -> Application:
    return Application(
        registrant_id=item.pk.removeprefix("A#"),
        vacancy_id=item.sk,
        consented_at=parse_iso(item.consented_at),
        withdrawn_at=parse_iso(item.withdrawn_at) if item.withdrawn_at else None,
    )
