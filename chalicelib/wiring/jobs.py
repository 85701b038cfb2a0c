"""How the services of the job market are built."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .training import TrainingServices

if TYPE_CHECKING:
    from ..jobs.service import Jobs


class JobsServices(TrainingServices):
    """The job market."""

    @cached_property
    def jobs(self) -> Jobs:
        from ..jobs.applications import ApplicationStore
        from ..jobs.service import Jobs
        from ..jobs.store import JobsTable, VacancyStore

        self._bind(JobsTable, "jobs")
        vacancies = VacancyStore(self.transaction)
        return Jobs(
            vacancies,
            ApplicationStore(self.transaction, vacancies),
            self.registrations,
            self.waves,
            self.training,
            self.programme,
        )
