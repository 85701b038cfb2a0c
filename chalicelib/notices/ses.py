"""Amazon SES: sends one mail a call, and decides what the answer means; and takes addresses off SES's own list.

Later SES reports bounces and complaints about mails, those with codes included (`take_report`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError
from msgspec import Struct

from ..aws.clients import is_passing
from .texts import MailText

CONSUMERS = 2
"""How many consumers of the queue may run at once (`maximum_concurrency` in `app.py`); they share the rate."""

TAG = "registrant"
"""The message tag that leads from a bounce to its mailbox. Its value is that of `tag_of`."""


def tag_of(registrant_id: str, contact: str) -> str:
    """The value of a notice's tag: its person and the id of the contact."""
    return f"{registrant_id}_{contact}"


class NotTaken(Exception):
    """SES took nothing and may take it later: too fast, paused, or not set up yet."""


class NeverTaken(Exception):
    """SES took nothing and will not: the address is no address."""


class OutcomeUnknown(Exception):
    """SES may have taken it."""


class Pace:
    """At most `per_s` a second in this process, evenly."""

    def __init__(
        self, per_s: float, sleep: Callable[[float], None] = time.sleep, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._every_s = 1 / per_s
        self._sleep = sleep
        self._seconds = seconds
        self._next = seconds()

    def wait(self) -> None:
        """Return when the next mail may go."""
        early = self._next - self._seconds()
        if early > 0:
            self._sleep(early)
        self._next = max(self._next, self._seconds()) + self._every_s


class SesMail:
    """`ses` is a botocore client of SES version 2 that makes each call once. `tag` is what a bounce is told by."""

    def __init__(self, ses: Any, sender: str, configuration_set: str, pace: Pace, tag: str = TAG) -> None:
        self._ses = ses
        self._sender = sender
        self._configuration_set = configuration_set
        self._pace = pace
        self._tag = tag

    def send(self, to: str, text: MailText, about: str, unsubscribe_url: str | None) -> str:
        """Hand over a mail, at the pace; returns SES's id. Raises `NotTaken`, `NeverTaken`, `OutcomeUnknown`.

        `about`: what the tag holds.
        """
        simple: dict[str, Any] = {
            "Subject": {"Data": text.subject, "Charset": "UTF-8"},
            "Body": {"Text": {"Data": text.body, "Charset": "UTF-8"}},
        }
        if unsubscribe_url is not None:
            simple["Headers"] = [
                {"Name": "List-Unsubscribe", "Value": f"<{unsubscribe_url}>"},
                {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},  # RFC 8058
            ]
        self._pace.wait()
        hand_over = partial(
            self._ses.send_email,
            FromEmailAddress=self._sender,
            Destination={"ToAddresses": [to]},
            Content={"Simple": simple},
            EmailTags=[{"Name": self._tag, "Value": about}],
            ConfigurationSetName=self._configuration_set,
        )
        return handed_over(hand_over, never="BadRequestException")


def handed_over(call: Callable[[], dict[str, Any]], never: str) -> str:
    """Make a call that hands over one message; returns its id. Raises `NotTaken`, `NeverTaken`, `OutcomeUnknown`.

    `never`: how the code begins of what is refused for good. AWS's text may quote the address, so it is
    not passed on; the cause says whether it passes, and is never logged.
    """
    try:
        return str(call()["MessageId"])
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise OutcomeUnknown(code) from error
        raise (NeverTaken if code.startswith(never) else NotTaken)(code) from error
    except (ConnectTimeoutError, EndpointConnectionError) as error:
        raise NotTaken(type(error).__name__) from error  # no connection, so no request
    except BotoCoreError as error:
        if not is_passing(error):
            raise
        raise OutcomeUnknown(type(error).__name__) from error


class Suppressed:
    """SES's own list of addresses that bounced or complained, which it sends nothing to: the whole AWS account's.

    `ses` is a botocore client of SES version 2 that may repeat a call.
    """

    def __init__(self, ses: Any) -> None:
        self._ses = ses

    def remove(self, address: str) -> None:
        """Take an address off, if it is on it. Raises `NotTaken`, which says nothing of the address."""
        try:
            self._ses.delete_suppressed_destination(EmailAddress=address)
        except ClientError as error:
            # What is no address to SES cannot be on its list either.
            if (code := error.response["Error"]["Code"]) not in {"NotFoundException", "BadRequestException"}:
                raise NotTaken(code) from None
        except BotoCoreError as error:
            raise NotTaken(type(error).__name__) from None  # its text has the URL, which has the address


log = logging.getLogger(__name__)


class _Bounce(Struct, frozen=True, rename="camel"):
    bounce_type: str


class _Complaint(Struct, frozen=True, rename="camel"):
    complaint_feedback_type: str | None = None


class _Mail(Struct, frozen=True):
    tags: Mapping[str, tuple[str, ...]] = {}


class _Report(Struct, frozen=True, rename="camel"):
    """The parts that are read; see "Event publishing" in the documentation of SES."""

    event_type: str
    mail: _Mail
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None


Closing = Callable[[str, str, datetime], None]
"""Stores that a mail did not arrive: the value of its tag, the reason, and when it was reported."""


def take_report(message: str, closing: Mapping[str, Closing], now: datetime) -> None:
    """Pass a bounce or complaint on by the tag of its mail (`closing`, by tag). A second report changes nothing.

    The address in the report is not read.
    """
    try:
        report = msgspec.json.decode(message, type=_Report)
    except msgspec.DecodeError:
        log.error("mail_report_malformed")
        return
    reason = _reason(report)
    if reason is None:
        return
    for tag in closing.keys() & report.mail.tags.keys():
        for tagged in report.mail.tags[tag]:
            closing[tag](tagged, reason, now)
            log.warning("mailbox_closed", extra={"because": reason})


def _reason(report: _Report) -> str | None:
    """Why nothing may be sent to a mailbox any more. None for a full mailbox or a slow server."""
    if report.bounce is not None and report.bounce.bounce_type == "Permanent":
        return "bounce"
    if report.complaint is not None and report.complaint.complaint_feedback_type != "not-spam":
        return "complaint"
    return None
