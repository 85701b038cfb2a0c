"""Why a provider or a bank did not pay: what its word for a failure means for the person and for the next attempt.

Sources: the `failure_code` of Xendit's payouts (docs.xendit.co/docs/payout-status-lifecycle), the `error_code` of a
request that Xendit refuses (docs.xendit.co/api-payouts-beta/payouts-errors), the ISO 20022 external code set of status
reasons (as `admin/bank/` reads them: `RJCT_AC04`).
"""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Who can put a failure right."""

    PERSON = "PERSON"
    """The account did not take the money: full, closed, blocked, unverified, another name, over its limit."""
    PASSING = "PASSING"
    """Something on the way failed, and may well work at the next attempt."""
    OURS = "OURS"
    """Our own account at the provider or bank is short or closed, or our file or order is wrong. It fails for everybody
    until an administrator puts it right.
    """
    FINAL = "FINAL"
    """No attempt may follow before somebody has looked: the law, a court, a sanction, a death."""


_BY_ISO = {
    Cause.PERSON: frozenset(
        {
            *("AC01", "AC03", "AC04", "AC06", "AC07", "AC08", "AC09", "AC11", "AC12", "AC14", "AC15", "AC16"),
            *("AM02", "AM14", "AM21", "BE01", "BE06", "BE23"),
        }
    ),
    Cause.PASSING: frozenset(
        {
            *("AB01", "AB02", "AB03", "AB04", "AB05", "AB06", "AB07", "AB08", "AB09", "AB10", "AB11"),
            *("AG10", "AG11", "AM23", "DT01", "DT05", "ED05", "ED06", "FF10", "FF11", "TM01"),
        }
    ),
    Cause.OURS: frozenset(
        {
            *("AC02", "AC05", "AC10", "AC13", "AG02", "AG03", "AG04", "AG05", "AG06", "AG08", "AG12", "AGNT"),
            *("AM01", "AM03", "AM04", "AM06", "AM09", "AM10", "AM11", "AM12", "AM13", "AM15", "AM16", "AM17", "AM18"),
            *("AM19", "AM20", "AM22", "BE04", "BE05", "BE07", "BE08", "BE09", "BE10", "BE11", "BE12", "BE13", "BE14"),
            *("BE15", "BE16", "BE17", "BE18", "BE19", "BE20", "BE21", "BE22", "CH03", "CH04", "CH07", "CH15", "CH16"),
            *("CH17", "CH20", "CH21", "CNOR", "CURR", "CUST", "DNOR", "DS02", "DS04", "DS08", "DS09", "DS0A", "DS0B"),
            *("DS0C", "DS0D", "DS0E", "DS0F", "DS0G", "DS0H", "DS0K", "DS10", "DS11", "DS12", "DS13", "DS14", "DS16"),
            *("DS17", "DS19", "DS20", "DS21", "DS22", "DS23", "DS24", "DS25", "DS27", "DT02", "DT03", "DT04", "ED01"),
            *("FF01", "FF02", "FF03", "FF04", "FF05", "FF06", "FF07", "FF08", "ID01", "RC01", "RC02", "RC03", "RC04"),
            *("RC05", "RC06", "RC07", "RC08", "RC09", "RC10", "RC11", "RR05", "RR06", "RR07", "RR09", "RR10", "RR11"),
            *("RR12", "TA01", "TD02", "TD03"),
        }
    ),
    Cause.FINAL: frozenset({"AG01", "AM07", "FR01", "FRAD", "LEGL", "MD07", "RR01", "RR02", "RR03", "RR04"}),
}
"""ISO's status reasons that say why nothing was paid. Left out are those of a repetition, of success, of mandates,
cheques and cancellations, and those that say nothing.
"""

_BY_WORD = {
    Cause.PASSING: frozenset(
        {
            # A failure for which no cause was named.
            *("FAILED", "CANCELLED", "EXPIRED", "RJCT"),
            # Of the networks, and of a bank under maintenance.
            *("TEMPORARY_TRANSFER_ERROR", "TEMPORARY_BANK_NETWORK_ERROR"),
            *("SWITCHING_NETWORK_ERROR", "UNKNOWN_BANK_NETWORK_ERROR"),
        }
    ),
    Cause.OURS: frozenset({"INSUFFICIENT_BALANCE", "NOT_ENOUGH_BALANCE"}),
    Cause.FINAL: frozenset({"COMPLIANCE_REJECTED", "SLS_SENDER", "SLS_RECIPIENT"}),
}
_BY_GRAVITY = (Cause.FINAL, Cause.OURS, Cause.PERSON, Cause.PASSING)
_REFUSED_FOR_ACCOUNT = frozenset(
    {
        *("RECIPIENT_ACCOUNT_NUMBER_ERROR", "RECIPIENT_ACCOUNT_NAME_ERROR"),
        *("INVALID_ACCOUNT_NUMBER", "INVALID_DESTINATION", "ACCOUNT_NAME_MISMATCH", "DESTINATION_MAXIMUM_LIMIT"),
        *("CHANNEL_CODE_NOT_SUPPORTED", "CHANNEL_CODE_NOT_SUPPORTED_ERROR", "BANK_CODE_NOT_SUPPORTED_ERROR"),
    }
)


def cause(word: str) -> Cause:
    """The cause of a failure by the word for it.

    Every word that is not known as passing, ours or final counts as the person's, new words too: the entitlement is
    HELD and tried again days apart. So an unknown word uses up no attempt and leads to no quick repetition. What a bank
    says of a whole file (`RJCT_FILE_AC04`) is about no person's account.
    """
    reason = word.removeprefix("RJCT_")
    code = reason.removeprefix("FILE_")
    known = (each for table in (_BY_ISO, _BY_WORD) for each, words in table.items() if code in words)
    found = next(known, Cause.PERSON)
    return Cause.OURS if found is Cause.PERSON and code != reason else found


def gravity(word: str) -> int:
    """The order of several words for one failure: the one with the lowest number counts."""
    return _BY_GRAVITY.index(cause(word))


def is_proof(code: str) -> bool:
    """Whether a code is one of ISO's that say why nothing was paid."""
    return any(code in codes for codes in _BY_ISO.values())


def cause_of_refusal(word: str) -> Cause | None:
    """The cause of a request that was refused at once; None if the request itself is wrong, or the word is unknown."""
    if word in _REFUSED_FOR_ACCOUNT:
        return Cause.PERSON
    return Cause.OURS if word in _BY_WORD[Cause.OURS] else None
