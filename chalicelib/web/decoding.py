"""What a request brings, as the types that a route declares: its body, its query and the ids in its path."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ..errors import DomainError, Malformed, NotFound, UnknownField

_QUOTED = re.compile(r"\s*'[^']*'")
_FIELD_PATH = re.compile(r" - at `(.+?)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`", re.DOTALL)


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body or query of a route that needs none: an empty object is accepted, any field is refused."""


def body(raw: bytes, kind: Any) -> Any:
    """JSON bytes to a wire type. Raises `UnknownField` or `Malformed`; neither repeats a value that was sent."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise _refused(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(field="$", reason="not JSON") from error


def query(sent: Any, kind: Any) -> Any:
    """A request's query (Chalice's, or None) to a wire type. Raises as `body`; a name may be given once only."""
    values_by_name = given(sent)
    for name, values in values_by_name.items():
        if len(values) > 1:
            raise Malformed(field=f"$.{name}" if re.fullmatch(r"[A-Za-z_]{1,40}", name) else "$", reason="given twice")
    try:
        # Not strict: a query has only text.
        return msgspec.convert({name: values[0] for name, values in values_by_name.items()}, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _refused(error) from error


def given(sent: Any) -> dict[str, list[str]]:
    """All values of a query (Chalice's, or None), by name."""
    return {} if sent is None else {name: sent.getlist(name) for name in sent}


def _refused(error: msgspec.ValidationError) -> DomainError:
    text = str(error)
    where = _FIELD_PATH.search(text)
    path = where.group(1) if where else "$"
    if unknown := _UNKNOWN.search(text):
        # The name is the caller's own and may be anything: it is shown only if it looks like a name.
        name = unknown.group(1)
        return UnknownField(field=name if re.fullmatch(r"[A-Za-z_]{1,40}", name) else path)
    return Malformed(field=path, reason=_QUOTED.sub("", _FIELD_PATH.sub("", text)))


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
