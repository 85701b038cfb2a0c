"""What the table of registrations keeps about a person (docs/privacy.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from ..aws.dynamodb import get_rows, rows_of
from ..privacy.rules import Held, known
from .items import CLAIMS, RegistrationsTable, exclusion_pk, nik_pk, person_pk

_KINDS = {
    "PROFILE": "registration",
    "KEY": "helpdesk_key",
    "REFUSED": "refusals",
    "CORRECTIONS": "recent_corrections",
    "CORRECTION": "proposed_correction",
    "CORRECTED": "correction",
    "ADDRESS": "financial_address",
    "DISPUTE": "dispute",
    "PRESENCE": "presence",
}
_GUARDED = {"nik_mac": "nik", "phone_mac": "phone", "account_mac": "account"}


def of_registration(registrant_id: str, _now: datetime) -> Iterator[Held]:
    """The person's rows, the guards of their numbers, and whether a list excludes them. One query, one batch get."""
    others, corrected = list[tuple[str, str]](), dict[str, Any]()
    for row in rows_of(RegistrationsTable, person_pk(registrant_id)):
        held = known("registrations", _KINDS, row)
        # As `rules.Registrant.sees_what_differs`.
        sees = "present_at" in row and not row.keys() & {"claimed_at", "contested_at"}
        yield replace(held, shown=("differs",)) if sees else held
        corrected = row if row["sk"]["S"] == "CORRECTIONS" else corrected
        others += [(f"U#{_GUARDED[name]}#{row[name]['S']}", "UNIQUE") for name in _GUARDED if name in row]
        if "nik_mac" in row:
            mac = row["nik_mac"]["S"]
            others += [(exclusion_pk(mac), "EXCLUDED"), (CLAIMS, f"{mac}#{registrant_id}")]
            if "claimed_at" not in row:  # else its holder's, who is another person
                others.append((nik_pk(mac), "CORRECTIONS"))
    found = get_rows(RegistrationsTable, others, None)
    for row in sorted(found, key=lambda one: str(one["pk"]["S"])):
        if row["sk"]["S"] == "EXCLUDED":
            yield Held("exclusion", row)
        elif row["sk"]["S"] == "CORRECTIONS":
            # The NIK may have been another's: when they corrected it is theirs.
            mine = [at for at in _times(row) if at in _times(corrected)] if corrected else []
            until = {"expires_at": corrected["expires_at"]} if mine else {}
            keys = {name: row[name] for name in ("pk", "sk")}
            yield Held("recent_corrections_of_nik", keys | {"times": {"S": json.dumps(mine)}} | until)
        elif row["pk"]["S"] == CLAIMS:
            yield Held("nik_claim", row)
        elif row["registrant"]["S"] == registrant_id:  # an account that cannot be paid to may be another's by now
            yield Held("nik" if row["pk"]["S"].startswith("U#nik#") else "number", row)


def _times(row: dict[str, Any]) -> list[str]:
    """Of a row of corrections (`items.Corrected`)."""
    return json.loads(row["times"]["S"])  # type: ignore[no-any-return]  # as it was written
