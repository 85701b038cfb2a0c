"""`GET /me`: what several domains know of one person, in one answer."""

from __future__ import annotations

from msgspec import Struct

from .registration.wire import FinancialAddressView, RegistrationView
from .waves.wire import BeneficiaryView


class Me(Struct, frozen=True):
    """What is kept about the caller; null where there is nothing yet."""

    registration: RegistrationView | None
    financial_address: FinancialAddressView | None
    beneficiary: BeneficiaryView | None
