"""Places that wait until the civil registry has confirmed their people (decision 028).

Nobody whom the registry has not confirmed is given a place: it is reserved. Nothing can be bought with it, nothing is
paid, and no deadline runs. While the registry is silent it waits. Once it confirms, the place is given; if it says that
something differs and that is not put right in time, the place lapses and is passed on like a revoked one. So it is
while the NIK is in doubt (decision 031).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from ..aws.dynamodb import LegsFailed, Transaction
from ..config import Programme
from ..errors import DomainError, Unavailable
from ..notices.service import NoticeService
from ..registration.errors import NotRegistered
from ..registration.rules import DIFFERING, Registrant, Verification
from .award import Earnings
from .beneficiaries import BeneficiaryStore
from .places import given, waited_in_vain
from .rules import Beneficiary, BeneficiaryState, Wave, buy_by, closing_day, place
from .wire import chosen_notice

if TYPE_CHECKING:
    from ..registration.service import Registrations

log = logging.getLogger(__name__)


class Confirmation:
    """What becomes of a place that is looked at because its time has come."""

    def __init__(
        self,
        programme: Programme,
        transaction: Callable[[], Transaction],
        beneficiaries: BeneficiaryStore,
        registrations: Registrations,
        notices: NoticeService,
        earnings: Earnings,
    ) -> None:
        self._programme = programme
        self._transaction = transaction
        self._beneficiaries = beneficiaries
        self._registrations = registrations
        self._notices = notices
        self._earnings = earnings
        self._schemes = {each.version: each for each in programme.schemes}

    def is_lost(self, one: Beneficiary, wave: Wave, now: datetime) -> bool:
        """Whether a place whose `buy_by` has come is to be taken from its holder. If not it was given to them, or goes
        on waiting.

        Raises `Unavailable`.
        """
        if one.state is BeneficiaryState.RESERVED:
            return self._is_lapsed(one, wave, now)
        if one.state is not BeneficiaryState.POTENTIAL:
            return False
        if self._registrations.has_registry and self._cannot_buy(one.registrant_id):
            # Not by their own fault: the registry has not answered about what was corrected, or the NIK is in doubt.
            self._beneficiaries.put_off(one, buy_by(now, self._programme.training))
            return False
        return True

    def _cannot_buy(self, registrant_id: str) -> bool:
        try:
            registrant = self._registrations.registrant(registrant_id)
        except NotRegistered:
            return False
        return not self._registrations.is_confirmed(registrant) and registrant.verification not in DIFFERING

    def _is_lapsed(self, one: Beneficiary, wave: Wave, now: datetime) -> bool:
        registrant = self._eligible(one.registrant_id, wave)
        if registrant is None or waited_in_vain(registrant, self._programme.registry, now):
            return True
        if self._registrations.is_confirmed(registrant):
            self._give(one, wave, now)
        elif registrant.verification is Verification.PENDING:
            self._registrations.have_asked_about(registrant.id, now)
        return False

    def _eligible(self, registrant_id: str, wave: Wave) -> Registrant | None:
        """As at the award."""
        try:
            registrant = self._registrations.registrant(registrant_id)
            self._registrations.check_still_eligible(registrant, closing_day(wave.closes_at))
        except Unavailable:
            raise
        except DomainError:
            return None
        return registrant

    def _give(self, reserved: Beneficiary, wave: Wave, now: datetime) -> None:
        """Give a reserved place to its person, tell them, and make due what the award would have.

        One transaction, on the condition that they are confirmed. If that, or the place, has changed meanwhile, nothing
        is written, and the next run looks again.
        """
        scheme = self._schemes[reserved.scheme]
        confirmed = given(reserved, scheme, self._programme.training, now)
        who, kind, event, facts = chosen_notice(confirmed, scheme)
        seat = place(wave, scheme, now, self._programme.training)
        due: list[str] = []
        try:
            with self._transaction() as tx:
                self._beneficiaries.confirm(tx, reserved, confirmed)
                self._registrations.add_place(tx, "registration", who, seat)
                self._notices.keep(tx, who, kind, event, facts, anew=True)
                if scheme.begins_at_award:
                    due.append(self._earnings.entitle(tx, confirmed))
        except LegsFailed as failed:
            log.warning("place_not_given", extra={"legs": sorted(failed.legs)})
            return
        self._notices.enqueue([(who, event)])
        for entitlement_id in due:
            self._earnings.send(entitlement_id)
