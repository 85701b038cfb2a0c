"""How the services of the help desk and of outcomes are built."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .training import TrainingServices

if TYPE_CHECKING:
    from ..helpdesk.service import Helpdesk
    from ..outcomes.statistics_service import PublishedStatistics
    from ..outcomes.store import SurveyStore, TallyStore
    from ..outcomes.survey_job import SurveyJob
    from ..outcomes.surveys import Surveys
    from ..outcomes.tally_job import TallyJob


class OutcomesServices(TrainingServices):
    """Complaints and appeals, surveys, and the count behind the statistics."""

    @cached_property
    def helpdesk(self) -> Helpdesk:
        from ..helpdesk.evidence import PublishedLists
        from ..helpdesk.service import Helpdesk
        from ..helpdesk.store import HelpdeskStore, HelpdeskTable

        self._bind(HelpdeskTable, "helpdesk")
        lists = PublishedLists(lambda: self._client("s3"), self.settings.results_bucket, self.settings.results_url)
        return Helpdesk(
            HelpdeskStore(self.transaction),
            self.account_keys,
            self.waves,
            self.payouts,
            lists,
            self.notices,
            self.programme.helpdesk,
        )

    @cached_property
    def surveys(self) -> Surveys:
        from ..outcomes import questions
        from ..outcomes.surveys import Surveys

        return Surveys(self._survey_store, questions.load(), self.waves, self.payouts)

    @cached_property
    def survey_job(self) -> SurveyJob:
        from ..aws.cursors import Cursors
        from ..outcomes.store import SurveyCursor
        from ..outcomes.survey_job import SurveyJob

        store = self._survey_store
        return SurveyJob(store, Cursors(SurveyCursor), self.payouts, self.waves, self.notices, self.programme)

    @cached_property
    def statistics(self) -> PublishedStatistics:
        from ..outcomes.statistics_service import PublishedStatistics
        from ..registration.identity import is_province

        return PublishedStatistics(self._tally_store, self.waves, is_province)

    @cached_property
    def tally_job(self) -> TallyJob:
        from ..outcomes.tally_job import Sources, TallyJob
        from ..registration.identity import province_name

        sources = Sources(
            registrations=self._registration_store,
            waves=self.waves,
            payouts=self.payouts,
            training=self.training,
            surveys=self._survey_store,
            jobs=self.jobs,
            helpdesk=self.helpdesk,
        )
        return TallyJob(self._tally_store, sources, self.programme, province_name)

    @cached_property
    def _survey_store(self) -> SurveyStore:
        from ..outcomes.store import OutcomesTable, SurveyStore

        self._bind(OutcomesTable, "outcomes")
        return SurveyStore(self.transaction)

    @cached_property
    def _tally_store(self) -> TallyStore:
        from ..outcomes.store import OutcomesTable, TallyStore

        self._bind(OutcomesTable, "outcomes")
        return TallyStore()
