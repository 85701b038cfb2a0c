"""What a person asks of their own notices: which there were, and which reminders they want."""

from __future__ import annotations

from datetime import datetime

import msgspec

from . import wire
from .store import NoticeStore

SHOWN = 50
"""How many notices are shown."""


class OwnNotices:
    def __init__(self, store: NoticeStore) -> None:
        self._store = store

    def of(self, registrant_id: str) -> wire.NoticeList:
        """The latest notices and the settings. Two queries."""
        latest = sorted(self._store.notices(registrant_id), key=lambda one: one.created_at, reverse=True)[:SHOWN]
        return wire.notice_list(latest, self._store.mailbox(registrant_id))

    def remind(self, registrant_id: str, form: wire.ReminderForm, now: datetime) -> wire.ReminderSettings:
        """Want these reminders from now on, or not. One query and one write."""
        asked = {kind: wanted for kind, wanted in msgspec.structs.asdict(form).items() if wanted is not None}
        refused = self._store.mailbox(registrant_id).refused - {kind for kind, wanted in asked.items() if wanted}
        refused |= {kind for kind, wanted in asked.items() if not wanted}
        self._store.refuse(registrant_id, refused, now)
        return wire.settings(refused)
