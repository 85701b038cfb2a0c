"""Why a provider or a bank did not pay: what its word for a failure means for the person and for the next attempt.

Sources: the `failure_code` of Xendit's payouts (docs.xendit.co/docs/payout-status-lifecycle), its `error_code` of a
request that it refuses (docs.xendit.co/api-payouts-beta/payouts-errors), the ISO 20022 external code set of status
reasons (as `admin/bank/` reads them: `RJCT_AC04`).
"""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Who can mend a failure."""

    PERSON = "PERSON"
    """The account would not take the money: full, closed, blocked, unverified, another name, over its limit."""
    PASSING = "PASSING"
    """It was on the way, and may well be gone at the next attempt."""
    OURS = "OURS"
    """Our own account at the provider or bank is short: the same for everybody, until an administrator fills it up."""
    FINAL = "FINAL"
    """No attempt may follow before somebody has looked: the law, a court, a sanction, a death."""


_PASSING = frozenset(
    {
        # A failure for which no cause was named.
        *("FAILED", "CANCELLED", "EXPIRED", "RJCT"),
        # Of the networks, and of who is under maintenance.
        *("TEMPORARY_TRANSFER_ERROR", "TEMPORARY_BANK_NETWORK_ERROR"),
        *("SWITCHING_NETWORK_ERROR", "UNKNOWN_BANK_NETWORK_ERROR"),
        *("AB05", "AB06", "AB07", "AB08", "AB09", "AB10", "AB11", "AG10", "AG11", "DT01", "ED05", "TM01"),
    }
)
_OURS = frozenset({"INSUFFICIENT_BALANCE", "NOT_ENOUGH_BALANCE", "AM04"})
_FINAL = frozenset(
    {
        *("COMPLIANCE_REJECTED", "SLS_SENDER", "SLS_RECIPIENT"),
        *("AG01", "FR01", "FRAD", "LEGL", "MD07", "RR01", "RR02", "RR03", "RR04"),
    }
)
_REFUSED_FOR_ACCOUNT = frozenset(
    {
        *("RECIPIENT_ACCOUNT_NUMBER_ERROR", "RECIPIENT_ACCOUNT_NAME_ERROR"),
        *("INVALID_ACCOUNT_NUMBER", "INVALID_DESTINATION", "ACCOUNT_NAME_MISMATCH", "DESTINATION_MAXIMUM_LIMIT"),
        *("CHANNEL_CODE_NOT_SUPPORTED", "CHANNEL_CODE_NOT_SUPPORTED_ERROR", "BANK_CODE_NOT_SUPPORTED_ERROR"),
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
    if reason in _OURS:
        return Cause.OURS
    return Cause.PASSING if reason in _PASSING else Cause.PERSON


def cause_of_refusal(word: str) -> Cause | None:
    """The cause of a request's being refused at once; None where the request itself is wrong, or nobody knows."""
    if word in _REFUSED_FOR_ACCOUNT:
        return Cause.PERSON
    return Cause.OURS if word in _OURS else None
