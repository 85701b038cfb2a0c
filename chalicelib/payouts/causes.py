"""Why a provider or a bank did not pay: what its word for a failure means for the person and for the next attempt.

Sources: the `failure_code` of Xendit's payouts (docs.xendit.co/docs/payout-status-lifecycle), the ISO 20022 external
code set of status reasons (as `admin/bank/` reads them: `RJCT_AC04`).
"""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Who can mend a failure."""

    PERSON = "PERSON"
    """The account would not take the money: full, closed, blocked, unverified, another name, over its limit."""
    PASSING = "PASSING"
    """It was on the way, and may well be gone at the next attempt."""
    FINAL = "FINAL"
    """No attempt may follow before somebody has looked: the law, a court, a sanction, a death."""


_PASSING = frozenset(
    {
        # A failure for which no cause was named.
        *("FAILED", "CANCELLED", "EXPIRED", "RJCT"),
        # Of our own balance, or of the networks.
        *("INSUFFICIENT_BALANCE", "TEMPORARY_TRANSFER_ERROR", "TEMPORARY_BANK_NETWORK_ERROR"),
        *("SWITCHING_NETWORK_ERROR", "UNKNOWN_BANK_NETWORK_ERROR"),
        *("AM04", "AB05", "AB06", "AB07", "AB08", "AB09", "AB10", "AB11", "AG10", "AG11", "DT01", "ED05", "TM01"),
    }
)
_FINAL = frozenset(
    {
        *("COMPLIANCE_REJECTED", "SLS_SENDER", "SLS_RECIPIENT"),
        *("AG01", "FR01", "FRAD", "LEGL", "MD07", "RR01", "RR02", "RR03", "RR04"),
    }
)


def cause(word: str) -> Cause:
    """The cause of a failure by the word for it.

    All that is not known to be passing or final is the person's, words that are new to us too: it is HELD and tried
    again days apart, so no attempt is used up and none follows quickly on what nobody understands.
    """
    reason = word.removeprefix("RJCT_")
    if reason in _FINAL:
        return Cause.FINAL
    return Cause.PASSING if reason in _PASSING else Cause.PERSON
