"""The web edge: routes declared with their types, bodies decoded, domain errors turned into problem documents.

Only this file and `app.py` know Chalice. `Api.endpoint` declares a route once, with the types that its handler takes
and returns; the handler, the decoder and `/openapi.json` all use that declaration.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from chalice.app import AuthResponse, Chalice, CORSConfig, Request, Response

from ..aws import clients
from ..clock import Clock, utc_now
from ..errors import DomainError, Malformed, NotFound, TooLarge, Unavailable
from ..values import Value
from . import decoding, later, problems

if TYPE_CHECKING:
    from ..accounts.sessions.admission import Admission
    from ..accounts.sessions.rules import ProofRequest

log = logging.getLogger(__name__)

BODY_LIMIT_BYTES = 10 * 1024
A_YEAR_S = 31_536_000
"""How long what never changes may be kept."""
RETRY_AFTER_S = 5
"""How long a client is asked to wait when we are busy, unless the refusal has the fact `retry_after_s`."""

Who = Literal["public", "citizen", "partner", "provider", "registry"]
"""Who may call: anyone; a signed-in person (access token); a training partner (signature); the FSP (callback token);
the civil registry (the signature in the body).
"""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
# The token is in a header that a browser never adds by itself, so any origin may call.
_CORS = CORSConfig(
    allow_origin="*",
    allow_headers=["Authorization", "Accept-Language", "DPoP", "If-None-Match"],
    expose_headers=["DPoP-Nonce", "ETag", "Retry-After"],
    max_age=3600,
)


def _keep(cache_s: int) -> str:
    for_good = ", immutable" if cache_s >= A_YEAR_S else ""
    return f"public, max-age={cache_s}{for_good}" if cache_s else "no-store"


class Reply(Value, frozen=True):
    """A handler's answer: a wire struct (None: no body) and one of the declared statuses."""

    body: Any
    status: int
    cache_s: int = 0
    """How long anyone may keep the answer; 0: nobody may."""
    policy: str = ""
    """The Content-Security-Policy of a page that does something; other answers may do nothing."""

    @property
    def headers(self) -> dict[str, str]:
        """Headers of this answer, in place of those that every answer has."""
        return {"Cache-Control": _keep(self.cache_s)} | (
            {"Content-Security-Policy": self.policy} if self.policy else {}
        )


class Declared(Value, frozen=True):
    """The types of a route, each of which may be a `Later`."""

    body: Any
    answers: Mapping[int, Any]
    refuses: Any
    query: Any


class Operation(Value, frozen=True, dict=True):
    """One declared route, as the router, the decoder and the document use it."""

    method: str
    path: str
    who: Who
    summary: str
    declared: Declared
    handler: str
    proof: Callable[[], Any] | None
    dpop: bool
    """Whether a device may, or must, prove its key in the header `DPoP`."""

    @functools.cached_property
    def body(self) -> Any:
        return later.taken(self.declared.body)

    @functools.cached_property
    def answers(self) -> Mapping[int, Any]:
        return {status: later.taken(kind) for status, kind in self.declared.answers.items()}

    @functools.cached_property
    def refuses(self) -> Sequence[type[DomainError]]:
        return later.taken_all(self.declared.refuses)

    @functools.cached_property
    def query(self) -> Any:
        return later.taken(self.declared.query)


class Text(Value, frozen=True):
    """An answer that is not JSON: `answers={200: web.Text("text/calendar")}`; the route's handler returns a `str`."""

    media_type: str


class Ignored:
    """The body of a route that needs none: any body of any type is accepted, and not read."""


class Anything(msgspec.Struct, frozen=True):
    """The query of a page: whatever a shared link has picked up is not looked at, nor a body."""


class Unauthorized(Exception):
    """The one exception of an authorizer that API Gateway answers with 401: its message must be this word."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class Api(Chalice):
    """A Chalice application whose routes carry their types; `now` is its clock."""

    def __init__(self, name: str, clock: Clock = utc_now) -> None:
        super().__init__(app_name=name, configure_logs=False)
        self.clock = clock
        self.operations: list[Operation] = []
        self.citizen: Any = None
        """The authorizer of `who="citizen"` routes; set by `app.py` before the first of them."""

    def endpoint(  # noqa: PLR0913 - a declaration: all but the first two are named
        self,
        route: str,
        summary: str,
        *,
        answers: Mapping[int, Any],
        body: Any = None,
        who: Who = "public",
        refuses: Sequence[type[DomainError]] = (),
        proof: Callable[[], Any] | None = None,
        query: Any = None,
        dpop: bool = False,
    ) -> Callable[[Callable[..., Reply]], Callable[..., Reply]]:
        """Declare `"METHOD /path"`, with the wire type of each answer by status and the refusals that it may give.

        Whoever may `GET` may ask for the same with `HEAD`, which gets the headers alone.

        The handler gets what `proof` returned (if there is one: it runs before the body is read), the decoded query (if
        `query` names a struct for it; what is not declared is refused), the decoded body (if any), then the path's
        parameters by name.
        """
        method, path = route.split(" ")

        def register(handler: Callable[..., Reply]) -> Callable[..., Reply]:
            types = Declared(body, answers, refuses, query)
            operation = Operation(method, path, who, summary, types, handler.__name__, proof, dpop)
            self.operations.append(operation)

            @functools.wraps(handler)
            def view(**parameters: str) -> Response:
                return self._answer(operation, handler, parameters)

            options: dict[str, Any] = {"authorizer": self.citizen} if who == "citizen" else {}
            # If no body is needed, its declared type does not matter.
            options["content_types"] = ["application/json"] if body not in (None, Ignored) else []
            methods = ["GET", "HEAD"] if method == "GET" else [method]
            self.route(path, methods=methods, name=handler.__name__, cors=_CORS, **options)(view)
            return handler

        return register

    def now(self) -> datetime:
        """The instant of the present request: when the gateway received it, to the millisecond, else the clock.

        Nobody may lose their place to a cold start after their request arrived, so arrival counts. The gateway writes
        the time, and no caller can set it.
        """
        arrived = self._request.context.get("requestTimeEpoch")
        return datetime.fromtimestamp(arrived / 1000, UTC) if arrived else self.clock()

    @property
    def _request(self) -> Request:
        if self.current_request is None:
            raise RuntimeError("no request is being answered")
        return self.current_request

    def caller(self) -> str:
        """The registrant id of a citizen's request: the subject of the verified token."""
        return str(self._request.context["authorizer"]["principalId"])

    def source(self) -> str:
        """The IP address that a request came from, as the gateway saw it."""
        return str(self._request.context["identity"]["sourceIp"])

    def raw_body(self) -> bytes:
        """The body unchanged, at most `BODY_LIMIT_BYTES`. Raises `TooLarge`, or `Malformed` if it is not text."""
        try:
            body = self._request.raw_body
            raw = body.encode() if isinstance(body, str) else body
        except UnicodeEncodeError as error:
            raise Malformed(field="$", reason="not UTF-8") from error
        if len(raw) > BODY_LIMIT_BYTES:
            raise TooLarge(limit_bytes=BODY_LIMIT_BYTES)
        return raw

    def header(self, name: str) -> str:
        """A request header, whatever its case; empty if it is missing."""
        return str(self._request.headers.get(name, ""))

    def session_id(self) -> str:
        """The session of a citizen's request: that of the verified token."""
        return str(self._request.context["authorizer"]["session"])

    def proofs(self) -> tuple[list[str], str, str]:
        """What a proof of possession covers: every header `DPoP`, the method, and the path with the ids."""
        event = self._request.to_original_event()
        # API Gateway tells of each header that was sent twice, a local server of the last one only.
        sent = event.get("multiValueHeaders") or {name: [value] for name, value in self._request.headers.items()}
        found = [value for name, values in sent.items() if name.lower() == "dpop" for value in values]
        return found, self._request.method, self._path()

    def proof_request(self) -> ProofRequest:
        """The same with the access token, where the request has brought one."""
        from ..accounts.sessions.rules import ProofRequest

        token = _bearer(self.header("authorization")) if "authorizer" in self._request.context else None
        return ProofRequest(*self.proofs(), token)

    def signed_request(self) -> tuple[str, str, list[tuple[str, str]], Mapping[str, str], bytes]:
        """What a partner's signature covers: method, path (without the stage, with the ids), query and body.

        The headers with the signature come before the body. The query is decoded into names and values.
        """
        request = self._request
        query = [(name, value) for name, values in decoding.given(request.query_params).items() for value in values]
        return request.method, self._path(), query, request.headers, self.raw_body()

    def _path(self) -> str:
        # Chalice's path is the route's, with `{vacancy_id}`: a signed path must name the vacancy.
        return self._request.path.format_map(self._request.uri_params or {})

    def _answer(self, operation: Operation, handler: Callable[..., Reply], parameters: dict[str, str]) -> Response:
        try:
            if any(len(value) > decoding.PATH_PART_MAX for value in parameters.values()):
                raise NotFound()
            reply = handler(*self._arguments(operation), **parameters)
        except DomainError as error:
            return self._problem(problems.document(error, self._language()), error.cache_s, error.headers)
        except Exception as error:  # noqa: BLE001 - the last line of defence: nothing may escape as a raw 500
            if clients.is_passing(error):
                log.warning("aws_unavailable", extra={"route": operation.path, "error": type(error).__name__})
                return self._problem(problems.document(Unavailable(), self._language()))
            # The log gets the kind and the place, never the message: a library's message may quote what was sent.
            frames = traceback.extract_tb(error.__traceback__)[-3:]
            where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
            log.error("request_failed", extra={"route": operation.path, "error": type(error).__name__, "at": where})
            return self._problem(problems.unexpected(self._language()))
        return self._answered(operation, reply)

    def _arguments(self, operation: Operation) -> list[Any]:
        """What a handler gets of the request besides the path's parameters."""
        if operation.query is Anything:
            return [Anything()]
        arguments = [] if operation.proof is None else [operation.proof()]
        query = decoding.query(self._request.query_params, operation.query or decoding.Nothing)
        arguments += [query] if operation.query else []
        raw = self.raw_body()
        if operation.body is None:
            if raw.strip():
                decoding.body(raw, decoding.Nothing)
        elif operation.body is not Ignored:
            arguments.append(decoding.body(raw, operation.body))
        return arguments

    def _answered(self, operation: Operation, reply: Reply) -> Response:
        headers: dict[str, str | list[str]] = {**_HEADERS, **reply.headers}
        if reply.body is None:
            return Response(body="", status_code=reply.status, headers=headers)
        kind = operation.answers.get(reply.status)
        if isinstance(kind, Text):
            headers["Content-Type"], body = f"{kind.media_type}; charset=utf-8", reply.body
        else:
            headers["Content-Type"], body = "application/json", msgspec.json.encode(reply.body).decode()
        if reply.cache_s:
            # Weak: the gateway may compress what we send.
            headers["ETag"] = tag = f'W/"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
            if tag in self.header("if-none-match").split(", "):
                return Response(body="", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(body=body, status_code=reply.status, headers=headers)

    def _problem(self, document: problems.Problem, cache_s: int = 0, more: Mapping[str, str] | None = None) -> Response:
        headers: dict[str, str | list[str]] = {
            **_HEADERS,
            **(more or {}),
            "Content-Type": "application/problem+json",
            "Cache-Control": _keep(cache_s),
            "Vary": "Accept-Language",
        }
        if document["status"] in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
            headers["Retry-After"] = str(document.get("retry_after_s", RETRY_AFTER_S))
        return Response(msgspec.json.encode(document).decode(), headers, document["status"])

    def _language(self) -> problems.Language:
        return problems.language(self._request.headers.get("accept-language", ""))

    def __call__(self, event: Any, context: Any) -> Any:
        """Answer an API Gateway event; a refusal by Chalice itself becomes a problem document too.

        What answers `HEAD` has no body.
        """
        response = super().__call__(event, context)
        kind = (response.get("headers") or {}).get("Content-Type", "")
        if response["statusCode"] >= HTTPStatus.BAD_REQUEST and "problem" not in kind:
            sent = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
            language = problems.language(sent.get("accept-language", ""))
            document = problems.refused_by_router(response["statusCode"], language)
            response["headers"] = {**(response.get("headers") or {}), **_HEADERS}
            response["headers"] |= {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
            response["body"] = msgspec.json.encode(document).decode()
        if event.get("requestContext", {}).get("httpMethod") == "HEAD":
            response["body"] = ""
        return response


def ok(body: Any, cache_s: int = 0, policy: str = "") -> Reply:
    """200."""
    return Reply(body, HTTPStatus.OK, cache_s, policy)


def created(body: Any) -> Reply:
    """201."""
    return Reply(body, HTTPStatus.CREATED)


def accepted(body: Any) -> Reply:
    """202: the work is still to come."""
    return Reply(body, HTTPStatus.ACCEPTED)


def once(made: tuple[Any, bool]) -> Reply:
    """What a service made, and whether it is new: 201, or 200 if it was made before."""
    body, new = made
    return Reply(body, HTTPStatus.CREATED if new else HTTPStatus.OK)


def done(status: int = HTTPStatus.NO_CONTENT) -> Reply:
    """No body: 204, or 202 if the work is still to come."""
    return Reply(None, status)


def admitted(admission: Admission, header: str, now: datetime) -> AuthResponse:
    """An authorizer's answer to `Authorization: Bearer ...`; a token that is not ours gets 401, by API Gateway's rules.

    The policy is cached by token, so it allows every route.
    """
    from ..accounts.errors import InvalidToken

    try:
        access = admission.admit(_bearer(header) or "", now)
    except InvalidToken as error:
        # API Gateway answers 401 to exactly this message, and 500 to any other exception.
        raise Unauthorized() from error
    return AuthResponse(routes=["*"], principal_id=access.sub, context={"session": access.sid})


def _bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
