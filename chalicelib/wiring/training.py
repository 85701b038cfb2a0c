"""How the services of training and of the job market are built."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .payouts import PayoutsServices
from .waves import WavesServices

if TYPE_CHECKING:
    from ..aws.admin_acts import Journal
    from ..jobs.service import Jobs
    from ..training.courses import Courses
    from ..training.partners import Partners, PartnerStore
    from ..training.reports import Reports
    from ..training.service import Trainings
    from ..training.store import TrainingStore


class TrainingServices(WavesServices, PayoutsServices):
    """Partners, their courses, what beneficiaries buy of them, and the job market of those who learned."""

    @cached_property
    def partners(self) -> Partners:
        from ..training.partners import PartnerKeys, Partners

        keys = PartnerKeys(self._client("kms"), self.settings.data_key)
        return Partners(self._partner_store, keys, self.programme.partners.clock_skew_s, self._randomness)

    @cached_property
    def courses(self) -> Courses:
        from ..registration.identity import is_province
        from ..training.courses import Courses, CourseStore

        return Courses(CourseStore(), self._partner_store, self.training_journal, self.programme, is_province)

    @cached_property
    def training_journal(self) -> Journal:
        from ..aws.admin_acts import Journal
        from ..training.partners import ActItem
        from ..training.store import TrainingTable

        self._bind(TrainingTable, "training")
        return Journal(ActItem)

    @cached_property
    def training(self) -> Trainings:
        from ..training.service import Trainings

        return Trainings(
            self._training_store,
            self.courses,
            self.waves,
            self.registrations,
            self.payouts,
            self.programme,
            self._randomness,
        )

    @cached_property
    def reports(self) -> Reports:
        from ..training.reports import Reports

        return Reports(self._training_store, self._partner_store, self.waves, self.registrations, self.programme)

    @cached_property
    def jobs(self) -> Jobs:
        from ..jobs.service import Jobs
        from ..jobs.store import ApplicationStore, JobsTable, VacancyStore

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

    @cached_property
    def _training_store(self) -> TrainingStore:
        from ..training.store import Sealing, TrainingStore, TrainingTable

        self._bind(TrainingTable, "training")
        return TrainingStore(self.transaction, Sealing(self.registrations.key, self.vault.mac))

    @cached_property
    def _partner_store(self) -> PartnerStore:
        from ..training.partners import PartnerStore
        from ..training.store import TrainingTable

        self._bind(TrainingTable, "training")
        return PartnerStore()
