"""A command that acts on a running stage is declared once, for both of its ends.

At the terminal its declaration reads the command line, and the named arguments are sent to the stage's administration.
There the same declaration reads them again, and the command's body runs at a `Desk`, with the rights of the
administration's function and the name of who called.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
import msgspec

from chalicelib.administration.identity import SETS, Principal
from chalicelib.aws import clients
from chalicelib.aws.admin_acts import Journal, key
from chalicelib.clock import utc_now
from chalicelib.errors import DomainError

from .messages import FILE_MAX, Answer, NotYet, packed, sent, unpacked
from .options import Local, Look, stage_options
from .rows import Row, act_row, as_data

if TYPE_CHECKING:
    from chalicelib.administration.journal import Line
    from chalicelib.wiring import Services


T = TypeVar("T")

VIEWER, HELPDESK, OPERATOR, MAKER, CHECKER, AUDITOR = SETS
EVERYONE = SETS
ABOUT_PEOPLE = (HELPDESK, MAKER, CHECKER, AUDITOR)
"""Those who see data about a person."""

PERSON = ("registrant", "registrant_id", "account_id")
"""The arguments that name a person."""

WORDS = ("reason", "text", "note")
"""Options of free words: the reason has a place of its own, the others are kept with what they are about."""

STEPS_S = 15
"""For how long steps are begun: the gateway waits for 29 seconds."""


_LINES_AT_ONCE = 16

ROWS_MAX = 10_000
"""Rows of an answer, if there may be more of them."""


@dataclass
class Desk:
    """Where the body of one command runs: the stage's services, and who called."""

    services: Services
    who: Principal
    caller: str
    """Who called, as it is kept: what a body gives as `by`."""
    seen: str = ""
    cursor: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    """What was counted so far."""
    rows: list[Row] = field(default_factory=list)
    """What was found since the cursor."""
    written: bytes = b""
    """What is to be written to a file since the cursor."""
    approved: str | None = None
    """The digest of the rows that the caller has seen, if these are what would be shown now."""
    begun: Line | None = None
    """The journal's line of this command, if it has one."""
    made: list[str] = field(default_factory=list)
    """The ids of what the command made."""
    people: list[str] = field(default_factory=list)
    """Who else is concerned than the line says."""
    answer: Answer = field(default_factory=Answer)
    ends_at: float = field(default_factory=lambda: time.monotonic() + STEPS_S)
    _left: Row = field(default_factory=dict)

    @property
    def stage(self) -> str:
        return self.services.settings.stage

    def looks_at(self, registrant: str) -> None:
        """Keep that somebody is concerned whom no argument names, before anything of them is answered."""
        if self.begun is not None and registrant not in {self.begun.registrant, *self.people}:
            line = msgspec.structs.replace(self.begun, at=utc_now(), registrant=registrant, of=self.begun.id)
            self.services.journal.write(line)
            self.people.append(registrant)

    def shows(self, people: Iterable[str]) -> None:
        """Keep that many people are shown whom no argument names, before anything of them is answered. A put for each,
        which has no end of its own.
        """
        from chalicelib.administration.journal import DONE  # pynamodb, which the terminal needs not

        if self.begun is not None:
            line = msgspec.structs.replace(self.begun, outcome=DONE)
            with ThreadPoolExecutor(_LINES_AT_ONCE, "lines") as pool:
                write = self.services.journal.write
                list(pool.map(lambda one: write(msgspec.structs.replace(line, at=utc_now(), registrant=one)), people))

    def client(self, service: str, wait_s: int = 0) -> Any:
        """A client of an AWS service; one that is waited for is called once."""
        return clients.client(service, self.services.settings.region, 1 if wait_s else 2, wait_s)

    def while_there_is_time(self, rows: Iterable[T]) -> Iterator[T]:
        """The rows, until time runs out; what is shown then says so, if it is one thing. For what may be begun anew."""
        for row in rows:
            yield row
            if self.is_late():
                self._left = {"more": "there was no time for all of it: run it again"}
                return

    def is_late(self) -> bool:
        return time.monotonic() > self.ends_at

    def show(
        self,
        found: Row | Sequence[Row],
        nothing: str = "nothing",
        for_programs: Any = None,
        file: bytes | None = None,
        into: str = "",
    ) -> None:
        """Answer with rows, or with `nothing` if there are none, and with a file. For `into` see `Answer`."""
        shown = {**found, **self._left} if isinstance(found, Mapping) else found
        written = packed(file) if file is not None else ""
        self.answer = Answer(sent(shown), nothing, as_data(for_programs), file=written, into=into)

    def steps(self, steps: int) -> Iterator[int]:
        """The numbers of steps that are to be taken, from the one at which the request before ran out of time.

        Each may be taken twice. What they count is in `counts`. Raises `NotYet` when time runs out.
        """
        begun = int(self.cursor or 0)
        for step in range(begun, steps):
            if step > begun:
                self.go_on(str(step), steps)
            yield step

    def pages(self, steps: int, page: Callable[[int, str], str]) -> None:
        """Take steps that have pages. `page` has the number of a step and after what to begin; it returns after what
        the next page begins, or nothing after the last.

        Raises `NotYet` when time runs out, after one page at least.
        """
        begun, _, after = self.cursor.partition("/")
        for step in range(int(begun or 0), steps):
            while after := page(step, after):
                self.go_on(f"{step}/{after}", steps)
            if step + 1 < steps:
                self.go_on(f"{step + 1}/", steps)

    def go_on(self, cursor: str, steps: int = 0) -> None:
        """Raises `NotYet` if time runs out, or if there are enough `rows` for an answer: then go on at the cursor."""
        if self.is_late() or len(self.rows) >= ROWS_MAX:
            self.ask_for(cursor, steps)

    def ask_for(self, cursor: str, steps: int) -> NoReturn:
        """Raises `NotYet`: go on at the cursor, which begins with the number of the part of the file that is wanted."""
        file = packed(self.written) if self.written else ""
        raise NotYet(Answer(sent(self.rows), cursor=cursor, steps=steps, counts=self.counts, file=file))

    def wait(self, cursor: str, seconds: int) -> NoReturn:
        """Raises `NotYet`: go on at the cursor when so many seconds are over. The terminal waits, not the function."""
        raise NotYet(Answer([], cursor=cursor, counts=self.counts, wait_s=seconds))

    def acts(self, journal: Journal, about: str) -> list[Row]:
        """What administrators did about somebody, newest first, for the list `acts` of an answer; goes on in steps."""
        for act in journal.all(self.cursor):
            if act.about == about:
                self.rows.append(act_row(act))
            self.go_on(key(act))
        return self.rows

    def ask_back(self, found: Row) -> None:
        """Go on only if the caller has approved exactly these rows. Raises `NotYet` with them otherwise."""
        self.ask_before(found, lambda: found)

    def ask_before(self, act: Row, shown: Callable[[], Row]) -> None:
        """As `ask_back`, but an act is approved, and what is shown are its effects, which change by themselves."""
        digest = hashlib.sha256(json.dumps(sent(act), sort_keys=True).encode()).hexdigest()
        if self.seen != digest:
            raise NotYet(Answer(sent(shown()), asks=digest))
        self.approved = digest


class Asked(click.Option):
    """What is asked for at the terminal and not shown there. It stands in no command line, so in no history."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        if _is_served(ctx):
            super().add_to_parser(parser, ctx)

    def prompt_for_value(self, ctx: click.Context) -> Any:
        if _is_served(ctx):
            raise click.MissingParameter(ctx=ctx, param=self)
        return click.prompt(str(self.prompt), hide_input=self.hide_input, err=True)


class Attached(click.ParamType[bytes]):
    """A file: its path at the terminal (`-`: the standard input), `packed` in what is sent; then `bytes`."""

    name = "filename"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        try:
            if ctx is not None and _is_served(ctx):
                return unpacked(value)
            return sys.stdin.buffer.read() if value == "-" else Path(value).read_bytes()
        except ValueError:
            self.fail(f"it is no packed file of at most {FILE_MAX:,} bytes", param, ctx)
        except OSError as error:
            self.fail(f"{value!r} cannot be read: {error.strerror}", param, ctx)


class InParts(Attached):
    """A file that is sent in parts: what `split` makes of it at the terminal, and one of these in each request.

    The first comes first; then each is sent whose number the cursor begins with, and an empty one behind the last.
    The body makes sure that the parts are of one file.
    """

    def __init__(self, split: Callable[[bytes], list[bytes]]) -> None:
        self.split = split


file_argument = click.argument("file", type=Attached())


def _is_served(ctx: click.Context) -> bool:
    return isinstance(ctx.obj, Desk)


Whose = Callable[["Services", Mapping[str, Any]], str | None]


class Administered(click.Command):
    """A command whose body runs at a desk of the stage's administration: `body(desk, **arguments)`.

    `sets` hold it. `whose` finds the registrant whom it is about by its arguments, where none of them names a person.
    `whole` makes the file that is written from the arguments and the parts of all steps, if it has more than these.
    At the terminal the context's object is called instead, which sends what was typed.
    """

    def __init__(
        self,
        *args: Any,
        sets: Collection[str],
        whose: Whose | None = None,
        whole: Callable[[Mapping[str, Any], bytes], bytes] = lambda _, file: file,
        **attrs: Any,
    ) -> None:
        super().__init__(*args, **attrs)
        self.whole = whole
        self.whose = whose
        self.sets = frozenset(sets)
        self.is_kept = self.sets < set(EVERYONE)
        """Whether the journal has a line of it. What every set may look at is about no person, and changes nothing."""
        self.sent = [one for one in self.params if not isinstance(one, Local)]
        self.in_parts = {str(one.name): one.type.split for one in self.sent if isinstance(one.type, InParts)}
        stage_options(self)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return self.sent if _is_served(ctx) else super().get_params(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not _is_served(ctx):
            typed, _, _ = self.make_parser(ctx).parse_args(list(args))
            ctx.meta[_TYPED] = typed
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        if not _is_served(ctx):
            return ctx.obj(self, ctx)
        looks = {one.name for one in self.sent if isinstance(one, Look)}
        given = {name: value for name, value in ctx.params.items() if name not in looks}
        return ctx.invoke(self.callback, ctx.obj, **given)  # type: ignore[arg-type] # every command has a body

    def arguments(self, ctx: click.Context) -> dict[str, Any]:
        """What was typed, by name, with the contents of files and what was asked for. What was left out is left out.

        So are files that are sent in parts.
        """
        typed: Mapping[str, Any] = ctx.meta[_TYPED]
        told: dict[str, Any] = {}
        for one in self.sent:
            if str(one.name) in self.in_parts:
                continue
            value = ctx.params.get(str(one.name))
            if isinstance(one.type, Attached) and value is not None:
                told[str(one.name)] = packed(value)
            elif isinstance(one, Asked):
                told[str(one.name)] = value
            elif isinstance(typed.get(str(one.name)), str | bool | list | tuple):
                told[str(one.name)] = typed[str(one.name)]
        return told

    def about(self, services: Services, params: Mapping[str, Any]) -> tuple[tuple[str, ...], str | None]:
        """What the command is about, by its arguments; and the registrant, if it is about one person."""
        named = {str(one.name) for one in self.sent if isinstance(one, click.Argument)}
        ids = {name: str(params[name]) for name in sorted(named) if isinstance(params.get(name), str | int)}
        person = next((ids[name] for name in PERSON if name in ids), None)
        with suppress(DomainError):  # the body says what is wrong, in its own order
            person = self.whose(services, params) if self.whose else person
        return (*ids.values(), *self._options(params)), person

    def _options(self, params: Mapping[str, Any]) -> Iterator[str]:
        """What options say, such as `decision=PAID`, and the SHA-256 of files; no words of people's, and no secret."""
        for one in self.sent:
            name, value = str(one.name), params.get(str(one.name))
            if isinstance(one.type, Attached) and value is not None:
                yield f"{name}=sha256:{hashlib.sha256(value).hexdigest()}"
            elif isinstance(one, click.Option) and not isinstance(one, Asked) and value not in (None, False, ()):
                yield from () if name in WORDS else (f"{name}={value}",)

    def words(self, arguments: Mapping[str, Any]) -> list[str]:
        """Named arguments as the words of a command line. Raises `UsageError` for a name that the command has not."""
        params = {str(one.name): one for one in self.sent}
        if unknown := arguments.keys() - params.keys():
            raise click.NoSuchOption(min(unknown))
        options: list[str] = []
        last: list[str] = []
        for name, param in params.items():
            if name not in arguments:
                continue
            value = arguments[name]
            if isinstance(param, click.Argument):
                last.append(_text(param, value))
            elif isinstance(param, click.Option) and param.is_flag:
                if not isinstance(value, bool):
                    raise click.BadParameter("it is neither true nor false", param=param)
                options += [param.opts[0]] if value else []
            elif param.multiple:
                for one in value if isinstance(value, list) else [value]:
                    options += [param.opts[0], *(one if isinstance(one, list) else [one])]
            else:
                options.append(f"{param.opts[0]}={_text(param, value)}")
        return [*options, "--", *last]


_TYPED = "gelombang.typed"


def _text(param: click.Parameter, value: object) -> str:
    if not isinstance(value, str):
        raise click.BadParameter("it is no text", param=param)
    return value
