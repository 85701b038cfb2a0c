"""A place follows its NIK to the person who has proven that it is theirs.

First the former holder's place is closed, so that nothing is earned or bought by it any more. Then what is paid for it
and what is left of its balance go on; last, the owner gets the place, with a card number of their own. The entry that
won the place stays whose it was: the draw and its substitutions name tickets, and no ticket changes its owner. Each
step is a transaction on the condition that what it is about is as read, so a run may die anywhere, and a repeat does
what is left.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec.structs import replace

from ...aws.dynamodb import LegsFailed, Transaction
from ...config import Programme
from ...ids import Randomness
from ...notices.service import NoticeService
from ...registration.errors import NotRegistered
from ...registration.rules import Registrant, Standing
from ..award import Earnings
from ..rules import LOST, Beneficiary, BeneficiaryState, Wave, place
from ..store import WaveStore
from ..wire import chosen_notice
from .beneficiaries import BENEFICIARY_LEG, BeneficiaryStore
from .place_rules import card_number, given

if TYPE_CHECKING:
    from ...registration.service import Registrations
    from .revocation import RevocationLog

log = logging.getLogger(__name__)


class Payments(Protocol):
    """What is paid for a place (`payouts.passing`)."""

    def pass_on(self, place: Beneficiary, to: str, now: datetime) -> bool:
        """Let it follow the place; whether all of it has."""

    def end(self, place: Beneficiary, to: str, now: datetime) -> bool | None:
        """Let nothing more be paid for it; whether something was. None: a repeat is to do it."""


class Courses(Protocol):
    """What was bought by a place (`training.passing`)."""

    def pass_on(self, place: Beneficiary, to: str, now: datetime) -> bool | None:
        """Take back what may be taken back, and let the rest of the balance follow; whether any course was begun.

        None: something came between, and a repeat is to do it.
        """


class Places(NamedTuple):
    """Where waves and their places are kept."""

    waves: WaveStore
    beneficiaries: BeneficiaryStore
    log: RevocationLog


class Following(NamedTuple):
    """What goes with a place."""

    payments: Payments
    courses: Courses
    earnings: Earnings


class Passing:
    """See the module."""

    def __init__(
        self,
        programme: Programme,
        transaction: Callable[[], Transaction],
        places: Places,
        registrations: Registrations,
        notices: NoticeService,
        randomness: Randomness,
        following: Following,
    ) -> None:
        self._rules = programme.training
        self._schemes = {each.version: each for each in programme.schemes}
        self._transaction = transaction
        self._waves, self._beneficiaries, self._log = places
        self._registrations = registrations
        self._notices = notices
        self._randomness = randomness
        self._payments, self._courses, self._earnings = following

    def hand_over(self, former: str, to: str, now: datetime) -> bool:
        """Let the latest place of a person follow their NIK `to` another; whether nothing is left to do.

        Who has a place of their own keeps that, and gets no second one; who is barred gets none: then it lapses. Raises
        `Unavailable`.
        """
        before, own = self._beneficiaries.of(former), self._beneficiaries.of(to)
        if before is None or (before.state in LOST and before.passed_to != to):
            return True
        if own is not None and own.state not in LOST:
            return self._lapses(before, to, now) and self._after(before)
        if before.state not in LOST:
            owner = self._registrant(to)
            if owner is not None and owner.standing is Standing.REVOKED:
                return self._lapses(before, to, now) and self._after(before)
            if not self._beneficiaries.close(before, to, now):
                return False
            before = replace(before, state=BeneficiaryState.PASSED, passed_to=to, passed_from=before.state)
        elif own is not None and own.wave == before.wave and own.state is not BeneficiaryState.PASSED:
            return self._after(before)  # the place came, and was lost since
        if not self._payments.pass_on(before, to, now):
            return False
        begun = self._courses.pass_on(before, to, now)
        return begun is not None and self._give(before, own, to, now, begun=begun) and self._after(before)

    def _lapses(self, place_: Beneficiary, to: str, now: datetime) -> bool:
        """Let a place lapse that is paid from the award on, unless it was paid for: no deadline takes it away. False if
        something came between. Any other place lapses at its deadline, or was used.
        """
        used: bool | None = True
        if place_.state is BeneficiaryState.ACTIVE and self._schemes[place_.scheme].begins_at_award:
            used = self._payments.end(place_, to, now)
        if used and place_.state not in LOST:
            log.info("place_stays", extra={"wave": place_.wave})
        if used is None or used:
            return used is not None
        return self._log.enter(place_, BeneficiaryState.LAPSED, self._record(place_.wave), now)

    def _give(
        self, before: Beneficiary, own: Beneficiary | None, to: str, now: datetime, *, begun: bool, earns: bool = True
    ) -> bool:
        """Give a closed place to the owner of the NIK. False if something came between.

        A place by which a course was begun, or whose payments began with the award, stays as it was. Any other begins
        anew, with what an award makes due: with a new deadline, or RESERVED until the owner is confirmed. Without
        `earns` nothing becomes due.
        """
        registrant, scheme = self._registrant(to), self._schemes[before.scheme]
        confirmed = (
            registrant is not None
            and registrant.standing is not Standing.REVOKED  # barred since it was closed: it lapses, and goes on
            and self._registrations.is_confirmed(registrant)
        )
        was = before.passed_from or BeneficiaryState.RESERVED
        place_ = replace(
            before,
            registrant_id=to,
            card_number=card_number(self._randomness),
            entry_of=before.entry_of or before.registrant_id,
            kk_mac=registrant.kk_mac if registrant else before.kk_mac,
            state=was,
            passed_to=None,
            passed_from=None,
            revoked_at=None,
            put_off_at=None,
        )
        lasts = begun or (scheme.begins_at_award and was is not BeneficiaryState.RESERVED)
        if not lasts:
            second = now.replace(microsecond=0)
            place_ = replace(place_, state=BeneficiaryState.RESERVED, awarded_at=now, buy_by=second)
            place_ = given(place_, scheme, self._rules, now) if confirmed else place_
        who, kind, event, facts = chosen_notice(place_, scheme)
        due: list[str] = []
        try:
            with self._transaction() as tx:
                self._beneficiaries.take_over(tx, place_, own)
                if confirmed and place_.state is not BeneficiaryState.RESERVED:
                    seat = place(self._record(place_.wave), scheme, place_.awarded_at, self._rules)
                    self._registrations.add_place(tx, "registration", who, seat)
                if not begun:
                    self._notices.keep(tx, who, kind, event, facts, anew=True)
                if earns and not lasts and place_.state is BeneficiaryState.ACTIVE:
                    due.append(self._earnings.entitle(tx, place_))
        except LegsFailed as failed:
            if due and not {BENEFICIARY_LEG, "registration"} & failed.legs.keys():
                # What it makes due is due already: the table of waves was restored to an earlier time.
                return self._give(before, own, to, now, begun=begun, earns=False)
            log.warning("place_not_passed", extra={"legs": sorted(failed.legs)})
            return False
        if not begun:
            self._notices.enqueue([(who, event)])
        for entitlement_id in due:
            self._earnings.send(entitlement_id)
        log.info("place_passed", extra={"wave": place_.wave})
        return True

    def _after(self, before: Beneficiary) -> bool:
        """Bar nobody for a place that was taken from them unused."""
        if before.passed_from is BeneficiaryState.POTENTIAL and before.follows is None:
            self._registrations.take_back(before.registrant_id, before.wave, before.scheme, None)
        return True

    def _registrant(self, registrant_id: str) -> Registrant | None:
        try:
            return self._registrations.registrant(registrant_id)
        except NotRegistered:
            return None  # erased meanwhile: the place lapses, and goes to the next

    def _record(self, number: int) -> Wave:
        wave = self._waves.wave(number)
        if wave is None:
            raise LookupError(f"wave {number} has beneficiaries and no record")
        return wave
