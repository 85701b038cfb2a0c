"""Surveys for the person who is asked: the use cases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from ..aws.dynamodb import LegsFailed
from ..clock import iso
from ..errors import NotFound
from ..payouts.plans.plan_rules import SURVEYS
from ..payouts.service import Payouts
from ..waves.places.beneficiaries import BENEFICIARY_LEG
from ..waves.rules import LOST
from ..waves.service import Waves
from . import questions, survey_rules
from .errors import SurveyAlreadyAnswered, SurveyClosed
from .questions import Questionnaire
from .store import ANSWER_LEG, SurveyStore
from .survey_rules import Group, Survey, SurveyAnswer, SurveyState
from .survey_wire import ResponseForm, SurveyView, view


class Surveys:
    """The use cases. `questionnaires`: every version by its name. `now` is an aware UTC instant."""

    def __init__(
        self,
        store: SurveyStore,
        questionnaires: Mapping[str, Questionnaire],
        waves: Waves,
        payouts: Payouts,
    ) -> None:
        self._store = store
        self._questionnaires = questionnaires
        self._waves = waves
        self._payouts = payouts

    def of(self, registrant_id: str, now: datetime) -> list[SurveyView]:
        """A person's surveys, oldest first; one query."""
        return [self._view(survey, now) for survey in self._store.of(registrant_id)]

    def next_closing(self, registrant_id: str, now: datetime) -> datetime | None:
        """When the first of a person's open surveys closes, None if none is open; one query."""
        survey = survey_rules.next_closing(self._store.of(registrant_id), now)
        return survey.closes_at if survey else None

    def respond(self, registrant_id: str, survey_id: str, form: ResponseForm, now: datetime) -> tuple[SurveyView, bool]:
        """Keep a person's answers to their own survey, once; True if they are new.

        A beneficiary's survey money becomes due in the same transaction, whatever the answers; then its payment is
        queued. If the function dies in between, the sweep finds the unsettled entitlement and queues it. The same
        answers again give the same view, also after the close.

        Raises `NotFound` (no such survey, or another person's), `SurveyClosed`, `InvalidAnswer`,
        `SurveyAlreadyAnswered`.
        """
        survey = self._find(registrant_id, survey_id)
        if survey_rules.state(survey, now) is SurveyState.CLOSED:
            raise SurveyClosed(closed_at=iso(survey.closes_at))
        answers = questions.check(self._questionnaires[survey.version], survey.group, form.answers)
        if survey.answers is not None:
            return self._again(survey, answers, now), False
        answered = replace(survey, answers=answers, answered_at=now)
        try:
            entitlement_id = self._write(answered, now)
        except LegsFailed:
            # Another request of the same person came first.
            survey = self._find(registrant_id, survey_id)
            if survey.answers is None:
                raise
            return self._again(survey, answers, now), False
        if entitlement_id is not None:
            self._payouts.queue.send([entitlement_id])
        return self._view(answered, now), True

    def _find(self, registrant_id: str, survey_id: str) -> Survey:
        for survey in self._store.of(registrant_id):
            if survey.id == survey_id:
                return survey
        raise NotFound()

    def _again(self, survey: Survey, answers: Mapping[str, SurveyAnswer], now: datetime) -> SurveyView:
        if survey.answers != answers:
            raise SurveyAlreadyAnswered()
        return self._view(survey, now)

    def _write(self, survey: Survey, now: datetime) -> str | None:
        """Returns the new entitlement's id, None if nothing becomes due. Raises `LegsFailed` if there are answers
        already.
        """
        if survey.group is Group.BENEFICIARY:
            beneficiary = self._waves.beneficiaries.at(survey.registrant_id, survey.wave)
            if beneficiary is None:
                raise NotFound()
            if beneficiary.state in LOST:  # it passed to the owner of the NIK, who is asked as well
                with self._store.transaction() as tx:
                    self._store.answer(tx, survey)
                return None
            try:
                with self._store.transaction() as tx:
                    self._store.answer(tx, survey)
                    self._waves.beneficiaries.check_as_read(tx, beneficiary)
                    return self._payouts.entitle(tx, beneficiary, SURVEYS[survey.number - 1], now)
            except LegsFailed as failed:
                if ANSWER_LEG in failed.legs:
                    raise
                if BENEFICIARY_LEG in failed.legs:
                    return self._write(survey, now)  # it came to be another's, or to an end, meanwhile
            # The ledger has the money of an answer that this table lacks: this table was restored to an earlier time.
        with self._store.transaction() as tx:
            self._store.answer(tx, survey)
        return None

    def _view(self, survey: Survey, now: datetime) -> SurveyView:
        return view(survey, self._questionnaires[survey.version], now)
