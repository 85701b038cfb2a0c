"""What SES reports of mails that it took: a mailbox that does not exist, a person who calls our mail spam.

The mailbox is found by the tag that the mail carried; the address in the report is not read.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from .ses import TAG
from .store import NoticeStore

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


def take(message: str, store: NoticeStore, now: datetime) -> None:
    """Mark the mailbox of a report, if it calls for that; a second report changes nothing."""
    try:
        report = msgspec.json.decode(message, type=_Report)
    except msgspec.DecodeError:
        log.error("mail_report_malformed")
        return
    reason = _reason(report)
    if reason is None:
        return
    for registrant_id in report.mail.tags.get(TAG, ()):
        store.close(registrant_id, reason, now)
        log.warning("mailbox_closed", extra={"because": reason})


def _reason(report: _Report) -> str | None:
    """Why nothing may be sent to a mailbox any more. A full mailbox or a slow server is no reason."""
    if report.bounce is not None and report.bounce.bounce_type == "Permanent":
        return "bounce"
    if report.complaint is not None and report.complaint.complaint_feedback_type != "not-spam":
        return "complaint"
    return None
