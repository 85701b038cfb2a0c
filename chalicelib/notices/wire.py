"""The JSON of what a person was told, and of which reminders they want."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from ..structs import fill
from .rules import REMINDERS, Kind, Mailbox, Notice, NoticeState


class NoticeView(Struct, frozen=True):
    """What the caller was told, once, by mail or SMS."""

    kind: Kind
    facts: Mapping[str, str | int]
    state: NoticeState
    created_at: datetime
    updated_at: datetime
    sent_to: tuple[str, ...]


class ReminderSettings(Struct, frozen=True):
    """Which reminders the caller gets. Of results, payments, a lost place and changes everybody is told."""

    purchase_deadline: bool
    survey_open: bool
    survey_deadline: bool


class ReminderForm(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`PATCH /me/notice-settings`; what is left out stays."""

    purchase_deadline: bool | None = None
    survey_open: bool | None = None
    survey_deadline: bool | None = None


class NoticeList(Struct, frozen=True):
    """`GET /me/notices`: the latest 50, newest first."""

    notices: list[NoticeView]
    reminders: ReminderSettings


def notice_list(notices: Iterable[Notice], mailbox: Mailbox) -> NoticeList:
    return NoticeList([fill(NoticeView, one) for one in notices], settings(mailbox.refused))


def settings(refused: frozenset[str]) -> ReminderSettings:
    return ReminderSettings(**{kind.value: kind.value not in refused for kind in REMINDERS})
