"""`GET /me/data`: all rows about one person, each as it is kept, with what is sealed opened for its owner."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any

from ..figures.people import RetentionRules
from ..ids import derived_id
from ..structs import fill
from ..vault import PersonKey, SealKind
from .rules import Held, Kept, Part, Row, kept_of, law, register, term
from .wire import DataPage, DataQuery, DataRecord, bilingual

Open = Callable[[SealKind, bytes], bytes]
"""Opens what was sealed for the person of the request."""


class Export:
    """`parts` give what each of `wire.PARTS` has, in this order. `keys` give the keys under which a person's values are
    sealed: of the account (`contact/1`), of the help desk (`grievance/1`) and of the registration (all others).
    """

    def __init__(
        self, parts: Mapping[str, Part], keys: Callable[[str, SealKind], PersonKey], figures: RetentionRules
    ) -> None:
        self._parts = parts
        self._keys = keys
        self._figures = figures

    def page(self, person: str, query: DataQuery, opened_from: datetime | None, now: datetime) -> DataPage:
        """The records after the cursor. With `opened_from`, what is sealed stays so.

        A record that came or went since the page before is shown at its place. If the last record that was shown is
        gone, its table begins again: nothing is left out. Costs what the tables of this page cost, and a call of KMS
        for each of the three keys that it needs.
        """
        found = list(islice(self._after(person, query.cursor, now), query.limit + 1))
        unseal = None if opened_from else self._opener(person)
        records = [_record(held, unseal, self._figures) for _, held in found[: query.limit]]
        if len(found) <= query.limit:
            return DataPage(records, opened_from, None)
        return DataPage(records, opened_from, f"{found[query.limit - 1][0]}.{records[-1].record_id}")

    def _after(self, person: str, cursor: str | None, now: datetime) -> Iterator[tuple[str, Held]]:
        part, _, last = (cursor or next(iter(self._parts))).partition(".")
        names = list(self._parts)
        rows = list(self._parts[part](person, now))
        seen = [number for number, held in enumerate(rows, 1) if _id(held) == last]
        yield from ((part, held) for held in rows[seen[0] if seen else 0 :])
        for name in names[names.index(part) + 1 :]:
            yield from ((name, held) for held in self._parts[name](person, now))

    def _opener(self, person: str) -> Open:
        key = cache(lambda group: self._keys(person, group))

        def unseal(kind: SealKind, sealed: bytes) -> bytes:
            # The kinds that have a key of their own; all others are sealed with the registration's.
            group: SealKind = kind if kind in ("contact/1", "grievance/1") else "person/1"
            return key(group).unseal(kind, sealed)

        return unseal


def _record(held: Held, unseal: Open | None, figures: RetentionRules) -> DataRecord:
    kept, row = kept_of(held), held.row
    # What is never shown is named whether it is there or not: that it is may say as much as what it says.
    hidden = {*kept.withheld, *(name for name in row if unseal is None and name in kept.sealed)} - {*held.shown}
    content = {name: _shown(name, row[name], kept, unseal) for name in sorted(row.keys() - hidden - {"pk", "sk"})}
    expires = row.get("expires_at", {}).get("N")
    return fill(
        DataRecord,
        kept,
        record_id=_id(held),
        kind=held.kind,
        kept_in=f"{kept.table}/{row['pk']['S']}/{row['sk']['S']}",
        content=content,
        withheld=sorted(hidden),
        purpose=bilingual(kept.purpose),
        law=law(kept.ground),
        retention=bilingual(term(kept, figures)),
        readers=bilingual(register().readers[kept.readers]),
        expires_at=datetime.fromtimestamp(int(expires), UTC) if expires else None,
    )


def _id(held: Held) -> str:
    return derived_id("record/1", kept_of(held).table, held.row["pk"]["S"], held.row["sk"]["S"])


def _shown(name: str, value: Row, kept: Kept, unseal: Open | None) -> Any:
    """An attribute as JSON: bytes in hex, or opened; a text that is JSON as what it says."""
    [(form, plain)] = value.items()
    kind = kept.sealed.get(name)
    if kind is not None and unseal is not None:
        if form == "B":
            return _read(unseal(kind, plain).decode())
        # A list of values, each of them sealed.
        return [one | {"sealed": unseal(kind, base64.b64decode(one["sealed"])).decode()} for one in json.loads(plain)]
    shown: dict[str, Callable[[], Any]] = {
        "B": lambda: plain.hex(),
        "S": lambda: _read(plain),
        "N": lambda: json.loads(plain),
        "SS": lambda: sorted(plain),
    }
    return shown[form]() if form in shown else plain


def _read(text: str) -> Any:
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            pass
    return text
