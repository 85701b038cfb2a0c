"""What is wrong with a file of figures, in plain words, with the file and the line. Loaded only when one is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from msgspec import inspect

_WORDS = {
    "int": "a whole number",
    "str": "a text in quotes",
    "bool": "true or false",
    "date": "a day, such as 2026-12-31",
    "datetime": "an instant with its zone, such as 2026-12-31T05:00:00Z",
    "object": "a table",
    "array": "a list",
    "float": "a number with a fraction",
}
_EXPECTED = re.compile(r"Expected `([\w| ]+)`(?:, got `(\w+)`)?(.*)", re.DOTALL)
_PART = re.compile(r"[^.\[\]]+|\[\d+\]")


def in_plain_words(error: str, raw: Mapping[str, Any], kind: Any) -> tuple[str, str]:
    """The place and the sentence of what `msgspec.convert` refused, of the figures `raw` as a struct `kind`."""
    said, _, at = error.partition(" - at `$")
    where, inner, of_it = at.rstrip("`").lstrip(".").partition("[...]")
    if inner:  # msgspec does not say in which entry of a table
        return where, f"has an entry that is refused{of_it and f', in its `{of_it[1:]}`'}: {said}"
    if unknown := re.fullmatch(r"Object contains unknown field `(.+)`", said):
        fields = _fields(kind, where)
        near = get_close_matches(unknown[1], fields, 1)
        meant = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(fields)}"
        return f"{where}.{unknown[1]}".lstrip("."), f"is not known: {meant}"
    if missing := re.fullmatch(r"Object missing required field `(.+)`", said):
        return where, f"has no `{missing[1]}`, which is needed"
    value = _value(raw, where)
    if "timezone component" in said:
        return where, f"is {value}, without its zone: say {_WORDS['datetime']}"
    if expected := _EXPECTED.fullmatch(said):
        names = [name.strip() for name in expected[1].split("|") if name.strip() != "null"]
        right = " or ".join(_WORDS.get(name, name) for name in names)
        return where, f"is {value}, and {right}{expected[3]} is expected"
    if said.startswith("Invalid enum value") and (names := _names(_type_at(kind, where))):
        said = f"{said}: there are {', '.join(names)}"
    return where, f"is refused: {said}" if isinstance(value, dict | list) else f"is {value}: {said}"


def placed(where: str, files: Sequence[tuple[Path, str]]) -> str:
    """`prakerja-2023.toml line 14: eligibility.age_min`, found in the first file that says it; the place alone if none.

    `files`: each with the table in which a place is looked for, such as `stages.local.`; "": the file itself.
    """
    found = []
    for file, table in files:
        depth, line = _line(file.read_text("utf-8"), f"{table}{where}")
        found.append((depth - len(_PART.findall(table)), line, file.name))
    depth, line, name = max(found, key=lambda one: one[0])
    if depth <= 0:
        return where
    return f"{name} line {line}: {where}"


def _line(text: str, where: str) -> tuple[int, int]:
    """How many parts of a place the text has, and on which line the last of them is said."""
    wanted, best = _PART.findall(where), (0, 0)
    for line, parts in _said(text):
        if parts == wanted[: len(parts)] and len(parts) > best[0]:
            best = len(parts), line
    return best


def _said(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line that begins a table, a value or an entry of a list, with its place."""
    table: list[str] = []
    lists: dict[str, int] = {}
    open_list: list[str] = []
    entry = -1
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if head := re.match(r"\[\[([\w.-]+)\]\]", line):
            lists[head[1]] = lists.get(head[1], -1) + 1
            table, open_list = _table(head[1], lists), []
            yield number, [part for part in table if not part.startswith("[")]
        elif head := re.match(r"\[([\w.-]+)\]", line):
            table, open_list = head[1].split("."), []
        elif key := re.match(r"([\w-]+)\s*=\s*(.*)", line):
            open_list = [*table, key[1]]
            entry = -1
            yield number, open_list
            for inner in re.findall(r"[{,]\s*([\w-]+)\s*=", key[2]):
                yield number, [*open_list, inner]
            continue
        elif open_list and line.startswith("{"):
            entry += 1
            at = [*open_list, f"[{entry}]"]
            yield number, at
            for inner in re.findall(r"[{,]\s*([\w-]+)\s*=", line):
                yield number, [*at, inner]
            continue
        else:
            continue
        yield number, table


def _table(name: str, lists: Mapping[str, int]) -> list[str]:
    """The place of the entry that `[[name]]` begins; of `[[schemes.payments]]`, in the last of the schemes."""
    parts: list[str] = []
    path = ""
    for part in name.split("."):
        path = f"{path}.{part}".lstrip(".")
        parts += [part, *([f"[{lists[path]}]"] if path in lists else [])]
    return parts


def _value(raw: Any, where: str) -> Any:
    """What the figures say at a place, as it is written in TOML where that is short."""
    for part in _PART.findall(where):
        try:
            raw = raw[int(part[1:-1])] if part.startswith("[") else raw[part]
        except (LookupError, TypeError):
            return "something else"
    return f'"{raw}"' if isinstance(raw, str) else str(raw).lower() if isinstance(raw, bool) else raw


def _fields(kind: Any, where: str) -> list[str]:
    """The names that a table may have."""
    found = _type_at(kind, where)
    return [field.encode_name for field in found.fields] if isinstance(found, inspect.StructType) else []


def _names(found: inspect.Type) -> list[str]:
    """The texts that a value may be."""
    kinds = found.types if isinstance(found, inspect.UnionType) else (found,)
    return [str(name) for one in kinds if isinstance(one, inspect.LiteralType) for name in one.values]


def _type_at(kind: Any, where: str) -> inspect.Type:
    found: inspect.Type = inspect.type_info(kind)
    for part in _PART.findall(where):
        found = _plain(found)
        if isinstance(found, inspect.StructType):
            found = next(field.type for field in found.fields if field.encode_name == part)
        elif isinstance(found, inspect.DictType):
            found = found.value_type
        elif isinstance(found, inspect.VarTupleType | inspect.ListType):
            found = found.item_type
    return found if _names(found) else _plain(found)


def _plain(kind: inspect.Type) -> inspect.Type:
    """A type without what is only said of it, and without None."""
    if isinstance(kind, inspect.Metadata):
        return _plain(kind.type)
    if isinstance(kind, inspect.UnionType):
        return _plain(next(one for one in kind.types if not isinstance(one, inspect.NoneType)))
    return kind
