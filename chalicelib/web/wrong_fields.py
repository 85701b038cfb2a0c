"""All that is wrong with a body or a query, a refusal for each field, with its rule in both languages.

It runs only after the decoder, which is quick and stops at the first, has refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, get_type_hints

import msgspec
from msgspec import inspect

from ..errors import DomainError, Fact, Malformed, UnknownField, Words
from .decoding import NAME

MOST = 50
"""More than any form of ours has fields. A body of 10 KB has room for thousands of unknown names."""
_MISSING: Words = ("wajib diisi", "required")
_RULES: dict[type[inspect.Type], Words] = {
    inspect.BoolType: ("true atau false", "true or false"),
    inspect.DateType: ("tanggal yang ada, seperti 1995-08-17", "a date that exists, such as 1995-08-17"),
    inspect.DateTimeType: (
        "waktu dengan selisihnya dari UTC, seperti 2026-11-24T10:00:00+07:00",
        "a time with its offset from UTC, such as 2026-11-24T10:00:00+07:00",
    ),
    inspect.StructType: ("objek JSON", "a JSON object"),
    inspect.DictType: ("objek JSON", "a JSON object"),
}
_OTHERWISE: Words = ("bukan bentuk yang ditetapkan", "not of the documented form")


def every(sent: Any, kind: Any, *, strict: bool) -> list[DomainError]:
    """The refusals of what was sent as JSON, or as a query (not `strict`: all of it is text), in the fields' order.

    The first `MOST` of them.
    """
    return list(islice(_wrong(sent, kind, inspect.type_info(kind), "", strict), MOST))


def _wrong(sent: Any, declared: Any, kind: inspect.Type, path: str, strict: bool) -> Iterator[DomainError]:
    part = _part(sent, kind)
    if isinstance(part, inspect.StructType) and isinstance(sent, dict):
        yield from _fields(sent, part, path, strict)
    elif not _fits(sent, declared, strict):
        where, allowed = f"$.{path}", _allowed(kind)
        if tags := _tags(kind):
            where, allowed = f"{where}.{tags[0]}", {"allowed": tags[1]}
        yield Malformed(field=where if path else "$", reason=_rule(kind, path, allowed), **allowed)


def _fields(sent: Mapping[str, Any], kind: inspect.StructType, path: str, strict: bool) -> Iterator[DomainError]:
    declared = get_type_hints(kind.cls, include_extras=True)
    checks = getattr(kind.cls, "checks", {})
    prefix = f"{path}." if path else ""
    for field in kind.fields:
        name, where = field.encode_name, f"{prefix}{field.encode_name}"
        if name not in sent:
            if field.required:
                yield Malformed(field=f"$.{where}", reason=_MISSING, **_allowed(field.type))
            continue
        found = list(_wrong(sent[name], declared[field.name], field.type, where, strict))
        yield from found
        if name in checks and sent[name] is not None and not found:
            try:
                checks[name](where, sent[name])
            except DomainError as refusal:
                yield refusal
    known = {field.encode_name for field in kind.fields} | {kind.tag_field}
    for name in sent if kind.forbid_unknown_fields else ():
        if name not in known:
            yield UnknownField(field=f"{prefix}{name}" if NAME.fullmatch(name) else path or "$")


def _fits(sent: Any, declared: Any, strict: bool) -> bool:
    try:
        msgspec.convert(sent, declared, strict=strict)
    except msgspec.ValidationError:
        return False
    return True


def _part(sent: Any, kind: inspect.Type) -> inspect.Type | None:
    """The type without what is only said of it; of a union the member that is meant, or None."""
    if isinstance(kind, inspect.Metadata):
        return _part(sent, kind.type)
    if not isinstance(kind, inspect.UnionType):
        return kind
    parts = [part for one in kind.types if not isinstance(part := _part(sent, one), inspect.NoneType)]
    if len(parts) == 1:
        return parts[0]
    tagged = [one for one in parts if isinstance(one, inspect.StructType) and isinstance(sent, dict)]
    return next((one for one in tagged if one.tag_field and sent.get(one.tag_field) == one.tag), None)


def _tags(kind: inspect.Type) -> tuple[str, list[str]] | None:
    """The property that says which member of a union is meant, and its values."""
    members = kind.types if isinstance(kind, inspect.UnionType) else ()
    tagged = [one for one in members if isinstance(one, inspect.StructType) and one.tag_field]
    return (str(tagged[0].tag_field), [str(one.tag) for one in tagged]) if tagged else None


def _allowed(kind: inspect.Type) -> dict[str, Fact]:
    """The values of a closed list, or of the items of a list."""
    match _part(None, kind):
        case inspect.EnumType(cls=values):
            return {"allowed": [str(one.value) for one in values]}
        case inspect.LiteralType(values=values):
            return {"allowed": [str(one) for one in values]}
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return _allowed(item)
    return {}


def _rule(kind: inspect.Type, path: str, allowed: Mapping[str, Any]) -> Words:
    part = _part(None, kind)
    match part:
        case inspect.VarTupleType(min_length=least, max_length=most):
            items = _rule(part.item_type, path, allowed)
            return (
                f"daftar{_from_to('id', least, most)}: {items[0]}",
                f"a list{_from_to('en', least, most)}: {items[1]}",
            )
        case _ if allowed:
            values = ", ".join(allowed["allowed"])
            return f"salah satu dari {values}", f"one of {values}"
        case inspect.IntType(ge=least, le=most):
            return f"bilangan bulat{_from_to('id', least, most)}", f"a whole number{_from_to('en', least, most)}"
        case inspect.StrType(pattern=pattern, max_length=most):
            return _text_rule(kind, path, pattern, most)
    return next((words for one, words in _RULES.items() if isinstance(part, one)), _OTHERWISE)


def _text_rule(kind: inspect.Type, path: str, pattern: str | None, most: int | None) -> Words:
    if pattern and pattern != r"\S" and (example := _example(kind, path)):
        return f"bentuknya seperti {example}", f"of a form such as {example}"
    rule = [("teks", "a text")]
    rule += [(f"paling banyak {most} karakter", f"at most {most} characters")] if most else []
    rule += [("tidak kosong", "not blank")] if pattern == r"\S" else []
    return ", ".join(words[0] for words in rule), ", ".join(words[1] for words in rule)


def _from_to(language: str, least: int | None, most: int | None) -> str:
    if least is None or most is None:
        return ""
    return f" dari {least} sampai {most}" if language == "id" else f" from {least} to {most}"


def _example(kind: inspect.Type, path: str) -> str:
    if isinstance(kind, inspect.UnionType):
        return next((found for one in kind.types if (found := _example(one, path))), "")
    said = (kind.extra_json_schema or {}) if isinstance(kind, inspect.Metadata) else {}
    from .openapi import words

    examples = [*said.get("examples", []), *words().get(path.rpartition(".")[2], ("", []))[1], ""]
    return str(examples[0][0] if isinstance(examples[0], list) else examples[0])
