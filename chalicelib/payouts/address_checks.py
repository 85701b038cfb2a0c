"""Whom a payment goes to, and where: the account must be the person's own by the provider's word, not changed lately,
and the person on no exclusion list.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from .. import holder_names
from ..registration.errors import Excluded
from ..registration.rules import PAYABLE, AddressCheck, FinancialAddress, Payee, Verdict
from .errors import AddressUnchecked
from .providers.provider import InquiryOutcome, Providers
from .rules import Hold

if TYPE_CHECKING:
    from ..registration.service import Registrations
    from ..registration.store import Legs
    from ..registration.wire import FinancialAddressForm

log = logging.getLogger(__name__)

_OF_NAMES = {
    (True, True): Verdict.MATCHED,
    (False, True): Verdict.MISMATCHED,
    (True, False): Verdict.NOT_REGISTERED_NAME,
    (False, False): Verdict.ANOTHERS,
}
"""Whether the bank's name is like the one given with the account, and like the person's registered one."""
_VERDICTS = {InquiryOutcome.NOT_FOUND: Verdict.NOT_FOUND, InquiryOutcome.NOT_OFFERED: Verdict.NOT_OFFERED}


class AddressBook:
    """See the module. `name_score_min`: how alike the holder's name and the provider's must be, of 100."""

    def __init__(self, registrations: Registrations, providers: Providers, name_score_min: int) -> None:
        self._registrations = registrations
        self._addresses = registrations.addresses
        self._providers = providers
        self._name_score_min = name_score_min

    def set(
        self,
        registrant_id: str,
        form: FinancialAddressForm,
        unless_paying: Legs,
        now: datetime,
        owed: Callable[[], bool] = lambda: False,
        *,
        young: bool = False,
    ) -> FinancialAddress:
        """Set a person's address and ask the provider about it at once.

        If the provider does not answer, the address has no `check`, and the provider is asked again before money is
        sent. If the same address is set again, the provider is asked again unless the address may be paid to: the bank
        may have corrected its records. `unless_paying` adds its legs to the transaction of a change. `owed` and `young`
        decide how the address waits, as in `FinancialAddresses.set`.

        If the account cannot be paid to, its answer would tell that the account is not under this name. So such answers
        count with the refused registrations of the day; above the limit the answer is neither told nor kept. Raises
        what `FinancialAddresses.set` raises, and `AccountAlreadyUsed` if the account has become another
        person's meanwhile.
        """
        address = self._addresses.set(registrant_id, form, now, unless_paying, owed, young=young)
        if address.check and address.check.verdict in PAYABLE:
            return address
        return replace(address, check=self._inquire(registrant_id, address, now, counted=True) or address.check)

    def payee(self, registrant_id: str, now: datetime) -> Payee | Hold:
        """The person to pay now, read once for one claim; or the first obstacle.

        Asks the provider only if it has not answered for this account yet. Raises `AddressUnchecked`.
        """
        payee = self._addresses.payee(registrant_id)
        if payee is None or not self._providers.serves(payee.address.code):
            return Hold.NO_ADDRESS
        if payee.disputed:
            return Hold.DISPUTED
        if payee.contested:
            return Hold.CONTESTED
        if not self._registrations.is_confirmed(payee.registrant):
            return Hold.UNCONFIRMED
        check = payee.address.check or self._inquire(registrant_id, payee.address, now, counted=False)
        if check is None:
            raise AddressUnchecked()
        if check.verdict not in PAYABLE:
            return Hold.UNVERIFIED
        if payee.address.untold:
            return Hold.UNTOLD
        if payee.address.pay_from is not None and now < payee.address.pay_from:
            return Hold.ADDRESS_CHANGED
        try:
            self._registrations.check_not_excluded(payee.registrant)
        except Excluded:
            return Hold.EXCLUDED
        return payee

    def _inquire(
        self, registrant_id: str, address: FinancialAddress, now: datetime, *, counted: bool
    ) -> AddressCheck | None:
        """Ask, and keep the answer with this version of the address. None if there is no answer, or the address was
        changed.

        `counted`: None also if the account may not be paid to and the person has used up the day's refusals.
        """
        inquiry = self._providers.of_code(address.code).inquire(address)
        if inquiry.outcome is InquiryOutcome.UNKNOWN:
            return None
        score = None
        if inquiry.outcome is InquiryOutcome.FOUND:
            # Both names must match, so that nobody is paid to another's account by giving that person's name with it.
            scores = [
                holder_names.score(address.holder_name, inquiry.holder_name),
                holder_names.score_of_one(address.owner_name, inquiry.holder_name),
            ]
            score = min(scores)
            verdict = _OF_NAMES[scores[0] >= self._name_score_min, scores[1] >= self._name_score_min]
        else:
            verdict = _VERDICTS[inquiry.outcome]
        if counted and verdict not in PAYABLE and not self._addresses.refusals.count(registrant_id, now):
            return None
        check = AddressCheck(verdict, score, now)
        again = address.check is not None
        kept = self._addresses.keep_check(registrant_id, address.version, check, again=again, named=address.named)
        if not kept:
            return None
        log.info("address_checked", extra={"verdict": verdict.value, "score": score})
        return check
