"""What every call to AWS has in common: its session, how long it may take, and which failures will pass."""

from __future__ import annotations

import os
from functools import cache
from threading import Lock
from typing import Any, Literal

from botocore import exceptions, handlers
from botocore.config import Config
from botocore.credentials import CredentialResolver, EnvProvider
from botocore.exceptions import ClientError
from botocore.session import Session
from pynamodb.exceptions import PynamoDBException

from . import json_protocol

_PASSING = {
    "InternalServerError",
    "InternalFailure",
    "KMSInternalException",
    "KeyUnavailableException",
    "DependencyTimeoutException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
}

_UNHEARD = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.ChecksumError,
    exceptions.FlexibleChecksumError,
)
"""No answer came, or a damaged one. All else of botocore's own is about the call, and comes again with it."""


CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 3
making = Lock()
"""Held by who has the session make a client: it cannot make two at once."""


class _Session(Session):
    """botocore's, which hooks in what it does for one service only when a client of that service is made.

    Its own constructor hooks in what it does for every service, and for their documentation: a twentieth of the work of
    a cold start.
    """

    def __init__(self) -> None:
        super().__init__(include_builtin_handlers=False)
        self._hooked: set[str] = set()
        self._hook("")

    def create_client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        self._hook(service_name)
        return super().create_client(service_name, *args, **kwargs)

    def _hook(self, service: str) -> None:
        """Register the handlers of a service, or of all services (`""`), once."""
        if service in self._hooked:
            return
        self._hooked.add(service)
        events = self.get_component("event_emitter")
        registers = {handlers.REGISTER_FIRST: events.register_first, handlers.REGISTER_LAST: events.register_last}
        for event, handler, *place in handlers.BUILTIN_HANDLERS:
            kind, of = f"{event}.".split(".")[:2]
            if of == service and kind != "docs":
                register = registers[place[0]] if place else events.register
                register(event, handler)


@cache
def session() -> Session:
    """The one session of this process: credentials, and the models of services, are found once."""
    made = _Session()
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        # Where botocore looks first; a function has its credentials there. The other places are costly to prepare.
        made.register_component("credential_provider", CredentialResolver([EnvProvider()]))
    return made


def client(
    service: str,
    region: str,
    attempts: int = 2,
    read_timeout_s: int = 0,
    mode: Literal["standard", "adaptive"] = "standard",
) -> Any:
    """A botocore client that gives up well within a request's ten seconds, unless it is to wait for longer.

    `attempts` 1 is for a call that must not be made twice: the library would repeat one whose answer was lost.
    `mode` "adaptive" slows down to the rate at which a service takes calls.
    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s or READ_TIMEOUT_S,
        retries={"mode": mode, "total_max_attempts": attempts},
    )
    with making:
        made: Any = session().create_client(service, region_name=region, config=config)
    if service in json_protocol.OPERATIONS:
        json_protocol.shorten(made)
    return made


def is_passing(error: Exception) -> bool:
    """Whether AWS was late, busy or out of reach, so that the same call may work a moment later.

    What is wrong with the call itself (a parameter, a missing right, no credentials) is wrong the next time too.
    """
    cause = error.cause if isinstance(error, PynamoDBException) else error
    if isinstance(cause, ClientError):
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return cause.response["Error"]["Code"] in _PASSING or status >= 500 or status == 429
    return isinstance(cause, _UNHEARD)
