"""Places that wait until the civil registry has confirmed their people (decision 028).

Nobody whom the registry has not confirmed is given a place: it is reserved. Nothing can be bought with it, nothing is
paid, and no deadline runs. While the registry is silent it waits. Once it confirms, the place is given; if it says that
something differs and that is not put right in time, the place lapses and is passed on like a revoked one. So it is
while the NIK is in doubt (decision 031). A place that was given and has not been used by then is treated alike: nobody
is barred who could not buy.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from ...aws.dynamodb import LegsFailed, Transaction
from ...clock import iso
from ...config import Programme
from ...errors import DomainError, Unavailable
from ...notices.rules import Kind
from ...notices.service import NoticeService
from ...registration.errors import NikAlreadyRegistered, NotRegistered
from ...registration.rules import Registrant, Verification
from ..award import Earnings
from ..rules import Beneficiary, BeneficiaryState, EntryOutcome, Wave, closing_day, place
from ..wire import chosen_notice
from .beneficiaries import BENEFICIARY_LEG, BeneficiaryStore
from .place_rules import confirms_cards, given, kept_until, waits_until

if TYPE_CHECKING:
    from ...registration.service import Registrations

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

    def lost_as(self, one: Beneficiary, wave: Wave, now: datetime) -> tuple[BeneficiaryState | None, str | None]:
        """What becomes of a place whose `buy_by` has come, if it is to be taken from its holder: REVOKED, LAPSED, and
        `family_card` if that is why. None: it was given to them, or goes on waiting.

        Raises `Unavailable`.
        """
        if one.state is BeneficiaryState.RESERVED:
            lapsed, because = self._is_lapsed(one, wave, now)
            return BeneficiaryState.LAPSED if lapsed else None, because
        return self._overdue(one, now) if one.state is BeneficiaryState.POTENTIAL else None, None

    def _overdue(self, one: Beneficiary, now: datetime) -> BeneficiaryState | None:
        """As what the place is lost now; None: the deadline that holds is later, and is written down."""
        try:
            registrant = self._registrations.registrant(one.registrant_id)
        except NotRegistered:
            return BeneficiaryState.REVOKED
        confirmed = self._registrations.is_confirmed(registrant)
        until, lost = kept_until(one, registrant, self._programme, now, confirmed=confirmed)
        if until <= now:
            return lost
        self._put_off(one, until, now)
        return None

    def _put_off(self, one: Beneficiary, until: datetime, now: datetime) -> None:
        """Give a person longer to buy, and tell them; neither if something came between."""
        event, facts = f"{Kind.PURCHASE_PUT_OFF}/{one.wave}/{iso(until)}", {"buy_by": iso(until)}
        try:
            with self._transaction() as tx:
                self._beneficiaries.put_off(tx, one, until, now)
                self._notices.keep(tx, one.registrant_id, Kind.PURCHASE_PUT_OFF, event, facts, anew=True)
        except LegsFailed:
            return
        self._notices.enqueue([(one.registrant_id, event)])

    def _is_lapsed(self, one: Beneficiary, wave: Wave, now: datetime) -> tuple[bool, str | None]:
        registrant = self._eligible(one.registrant_id, wave)
        if registrant is None:
            return True, None
        until = waits_until(registrant, self._programme.registry, one.awarded_at)
        if until is not None and until <= now:
            return True, None
        if self._registrations.is_confirmed(registrant):
            full = not self._give(one, registrant, wave, now)
            return full, EntryOutcome.FAMILY_CARD.value if full else None
        if registrant.verification is Verification.PENDING:
            self._registrations.have_asked_about(registrant.id, now)
        return False, None

    def _eligible(self, registrant_id: str, wave: Wave) -> Registrant | None:
        """As at the award; but who only claims their NIK by now is, until they have waited in vain."""
        try:
            registrant = self._registrations.registrant(registrant_id)
            with suppress(NikAlreadyRegistered):
                self._registrations.check_still_eligible(registrant, closing_day(wave.closes_at))
        except Unavailable:
            raise
        except DomainError:
            return None
        return registrant

    def _give(
        self, reserved: Beneficiary, registrant: Registrant, wave: Wave, now: datetime, *, earns: bool = True
    ) -> bool:
        """Give a reserved place to its person, tell them, and make due what the award would have. False if their family
        card has its most without them: the one that the registry confirmed, where it confirms cards.

        One transaction, on the condition that they are confirmed. If that, or the place, has changed meanwhile, nothing
        is written, and the next run looks again. Without `earns` nothing becomes due.
        """
        scheme = self._schemes[reserved.scheme]
        confirmed = given(reserved, scheme, self._programme.training, now)
        who, kind, event, facts = chosen_notice(confirmed, scheme)
        seat = place(wave, scheme, now, self._programme.training)
        due: list[str] = []
        certain = confirms_cards(self._registrations.has_registry, self._programme.registry)
        kk_mac = registrant.kk_mac if certain or reserved.kk_mac is None else reserved.kk_mac
        try:
            with self._transaction() as tx:
                self._beneficiaries.confirm(tx, reserved, confirmed, kk_mac)
                self._registrations.add_place(tx, "registration", who, seat)
                self._notices.keep(tx, who, kind, event, facts, anew=True)
                if scheme.begins_at_award and earns:
                    due.append(self._earnings.entitle(tx, confirmed))
        except LegsFailed as failed:
            if due and not {BENEFICIARY_LEG, "registration", "family"} & failed.legs.keys():
                # What it makes due is due already: the table of waves was restored to an earlier time.
                return self._give(reserved, registrant, wave, now, earns=False)
            log.warning("place_not_given", extra={"legs": sorted(failed.legs)})
            # If the place is another by now, its card may be, too.
            return "family" not in failed.legs or BENEFICIARY_LEG in failed.legs
        self._notices.enqueue([(who, event)])
        for entitlement_id in due:
            self._earnings.send(entitlement_id)
        return True
