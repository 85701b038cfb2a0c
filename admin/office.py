"""Runs administered commands: a request's arguments in, rows or a problem document out.

Nothing but the declared commands can be reached, and their arguments are read by click alone.
"""

from __future__ import annotations

import hmac
import logging
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import click
import msgspec
from chalice.app import Chalice, IAMAuthorizer, Response

from chalicelib.administration.errors import ForeignStep, LateStep
from chalicelib.administration.identity import principal
from chalicelib.administration.journal import ASKED, DONE, GOES_ON, Line
from chalicelib.aws import clients
from chalicelib.clock import utc_now
from chalicelib.config import BadConfiguration
from chalicelib.errors import DomainError, Unavailable
from chalicelib.web import decoding, problems

from .desk import Administered, Desk
from .messages import Answer, NotYet, Request, Run

if TYPE_CHECKING:
    from chalicelib.wiring import Services

log = logging.getLogger(__name__)

REFUSED, USAGE, TOO_LARGE = "refused", "usage", "answer_too_large"
"""Codes of refusals that are no domain's: the command's own words, wrong arguments, and rows that no answer holds."""

ANSWER_MAX = 5_500_000
"""Bytes of an answer: Lambda takes 6 MB with all that is around it."""

GOES_ON_WITHIN_S = 3_600
"""How long after a step was answered the next one is taken."""

ENDS_WITHIN_S = 86_400
"""How long after a run began a step of it is taken: what somebody kept of an earlier run is good for no longer."""


def administered(group: click.Group, path: str = "") -> Iterator[tuple[str, Administered]]:
    """Every administered command of a group and those below it, by its words, such as `payout plan stop`."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from administered(command, f"{path}{name} ")
        elif isinstance(command, Administered):
            yield f"{path}{name}", command


def route(words: str) -> str:
    """The route of a command: `/payout/plan/stop`."""
    return "/" + words.replace(" ", "/")


class Office(Chalice):
    """The administration's application: a route for each command. `services` builds what commands work with."""

    def __init__(self, name: str, commands: Mapping[str, Administered], services: Callable[[], Services]) -> None:
        super().__init__(app_name=name, configure_logs=False)
        self.commands = commands
        self._services = services
        for words, command in commands.items():
            self._declare(words, command)

    def _declare(self, words: str, command: Administered) -> None:
        def view() -> Response:
            return self._answer(words, command)

        name = words.replace(" ", "_").replace("-", "_")
        self.route(route(words), methods=["POST"], name=name, authorizer=IAMAuthorizer())(view)

    def _answer(self, words: str, command: Administered) -> Response:
        try:
            answer = msgspec.json.encode(self._run(words, command))
            if len(answer) > ANSWER_MAX:
                return _refused(413, TOO_LARGE, f"the answer has {len(answer):,} bytes: ask for less")
            return _response(200, answer)
        except BadConfiguration as error:
            return _refused(409, REFUSED, str(error.facts["reason"]))
        except DomainError as error:
            return _problem(problems.document(error, "en") | {"detail": problems.plainly(error, "en")})
        except click.UsageError as error:
            return _refused(400, USAGE, error.format_message())
        except click.ClickException as error:
            return _refused(409, REFUSED, error.format_message(), exit_code=error.exit_code)
        except Exception as error:  # noqa: BLE001 - nothing may escape: a message may quote what was sent
            if clients.is_passing(error):
                return _problem(problems.document(Unavailable(), "en"))
            frames = traceback.extract_tb(error.__traceback__)[-3:]
            where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
            log.error("request_failed", extra={"route": route(words), "error": type(error).__name__, "at": where})
            return _problem(problems.unexpected("en"))

    def _run(self, words: str, command: Administered) -> Answer:
        if self.current_request is None:
            raise RuntimeError("no request is being answered")
        raw, services = self.current_request.raw_body, self._services()
        request = decoding.body(raw.encode() if isinstance(raw, str) else raw, Request)
        own = services.settings.stage
        if request.stage not in (None, own):
            raise click.ClickException(f"this is the administration of the stage {own}, not of {request.stage}")
        # Who called is the gateway's word: the body of a request says nothing of it.
        who = principal(self.current_request.context, own)
        by = services.roster.caller(who)

        def seal(at: Answer) -> str:
            return services.vault.mac("step", request.digest(words, by, at, command.in_parts))

        now, run = utc_now(), request.run
        if run or request.cursor or request.counts:
            stands = Answer(cursor=request.cursor, counts=request.counts, run=run)
            if run is None or not hmac.compare_digest(seal(stands), request.seal):
                raise ForeignStep()
            late = now.timestamp() - run.answered > GOES_ON_WITHIN_S
            if late or now.timestamp() - run.began > ENDS_WITHIN_S:
                raise LateStep()
        desk = Desk(services, who, by, request.seen, request.cursor, Counter(request.counts))
        with command.make_context(command.name, command.words(request.arguments), obj=desk) as context:
            ids, person = command.about(services, context.params)
            ids = (*ids, f"run={run.line}") if run and run.line else ids
            line = Line(now, desk.caller, who.arn, words, ids, person, reason=context.params.get("reason"))
            try:
                with kept(desk, line) if command.is_kept else nullcontext():
                    command.invoke(context)
            except click.exceptions.Exit as left:
                return msgspec.structs.replace(desk.answer, exit_code=left.exit_code)
            except NotYet as more:
                return more.answer if more.answer.asks else self._sealed(more.answer, desk, run, seal)
        return desk.answer

    @staticmethod
    def _sealed(answer: Answer, desk: Desk, run: Run | None, seal: Callable[[Answer], str]) -> Answer:
        """Where a command goes on, bound to the run that its first step began."""
        answered, line = int(utc_now().timestamp()), desk.begun
        first = Run(line.id, int(line.at.timestamp()), answered) if line else Run("", answered, answered)
        stands = msgspec.structs.replace(answer, run=msgspec.structs.replace(run or first, answered=answered))
        return msgspec.structs.replace(stands, seal=seal(stands))


@contextmanager
def kept(desk: Desk, line: Line) -> Iterator[None]:
    """Write into the journal that something begins, and then how it ended. What cannot be written is not done.

    If its end cannot be written, it is done all the same, and its answer may be the only place of a key.
    """
    journal, outcome = desk.services.journal, "failed"
    desk.begun = begun = journal.write(line)
    try:
        yield
        outcome = DONE
    except DomainError as error:
        outcome = error.code
        raise
    except NotYet as more:
        outcome = ASKED if more.answer.asks else GOES_ON
        raise
    except click.exceptions.Exit:
        outcome = DONE
        raise
    except click.ClickException:
        outcome = REFUSED
        raise
    finally:
        for registrant in (begun.registrant, *desk.people):
            about = msgspec.structs.replace(begun, registrant=registrant)
            try:
                journal.end(about, outcome, utc_now(), tuple(desk.made), desk.approved)
            except Exception as error:  # noqa: BLE001 - see above
                log.error("outcome_not_kept", extra={"route": route(begun.route), "error": type(error).__name__})


def _refused(status: int, code: str, detail: str, **more: Any) -> Response:
    title = "The command refuses"
    return _problem(
        {"type": problems.TYPE_PREFIX + code, "title": title, "status": status, "detail": detail, "code": code} | more
    )


def _problem(document: problems.Problem) -> Response:
    return _response(document["status"], msgspec.json.encode(document), "application/problem+json")


def _response(status: int, body: bytes, kind: str = "application/json") -> Response:
    return Response(body.decode(), {"Content-Type": kind, "Cache-Control": "no-store"}, status)
