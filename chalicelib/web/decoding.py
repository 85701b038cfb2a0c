"""What a request brings, as the types that a route declares: its body, its query and the ids in its path."""

from __future__ import annotations

import re
from typing import Any, NoReturn

import msgspec

from ..errors import Malformed, NotFound

PATH_PART_MAX = 100
"""Characters of a part of a path that is no fixed word."""
NAME = re.compile(r"[A-Za-z_]{1,40}")
"""What a caller's own name of a field must look like to be repeated: it may be anything."""


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body or query of a route that needs none: an empty object is accepted, any field is refused."""


def body(raw: bytes, kind: Any) -> Any:
    """JSON bytes to a wire type. Raises `UnknownField` or `Malformed` of the first wrong field, with the others beside
    it; neither repeats a value that was sent.
    """
    try:
        try:
            return msgspec.json.decode(raw, type=kind)
        except (msgspec.ValidationError, Malformed) as error:
            return _whole(_READER.decode(raw), kind, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(field="$", reason=("bukan JSON", "not JSON")) from error


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


_READER = msgspec.json.Decoder(float_hook=_number)
"""Of JSON without a type. 9.0 is a whole number in JSON Schema, and some clients write it so."""


def _whole(sent: Any, kind: Any, error: Exception) -> Any:
    try:
        return msgspec.convert(sent, kind)
    except (msgspec.ValidationError, Malformed):
        _refuse(sent, kind, error, strict=True)


def query(sent: Any, kind: Any) -> Any:
    """A request's query (Chalice's, or None) to a wire type. Raises as `body`; a name may be given once only."""
    values_by_name = given(sent)
    for name, values in values_by_name.items():
        if len(values) > 1:
            field = f"$.{name}" if NAME.fullmatch(name) else "$"
            raise Malformed(field=field, reason=("diberikan dua kali", "given twice"))
    once = {name: values[0] for name, values in values_by_name.items()}
    try:
        # Not strict: a query has only text. It takes the word null for no value, which nobody can send in a query.
        decoded = msgspec.convert(once, kind, strict=False)
        once |= {name: "" for name in once if getattr(decoded, name, "") is None}
        return msgspec.convert(once, kind, strict=False)
    except msgspec.ValidationError as error:
        _refuse(once, kind, error, strict=False)


def given(sent: Any) -> dict[str, list[str]]:
    """All values of a query (Chalice's, or None), by name."""
    return {} if sent is None else {name: sent.getlist(name) for name in sent}


def _refuse(sent: Any, kind: Any, error: Exception, *, strict: bool) -> NoReturn:
    from . import wrong_fields

    refusals = wrong_fields.every(sent, kind, strict=strict)
    if not refusals and isinstance(error, Malformed):
        raise error
    found = refusals or [Malformed(field="$", reason=("bukan bentuk yang ditetapkan", "not of the documented form"))]
    found[0].others = found[1:]
    raise found[0] from error


def number(text: str) -> int:
    """A path's wave number; anything else raises `NotFound`."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise NotFound()
    return int(text)


def object_id(text: str) -> str:
    """A path's id, of the form that `ids` makes; anything else raises `NotFound`."""
    if not re.fullmatch(r"[a-z2-7]{26}", text):
        raise NotFound()
    return text
