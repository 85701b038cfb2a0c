"""How the services about administrators are built."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .deployment import Deployment

if TYPE_CHECKING:
    from ..administration.heads import Heads
    from ..administration.journal import Journal
    from ..administration.roster import Roster


class AdministrationServices(Deployment):
    """Who administers, and what they did."""

    @cached_property
    def journal(self) -> Journal:
        from ..administration.journal import Journal, JournalTable

        self._bind(JournalTable, "journal")
        return Journal(self._randomness)

    @cached_property
    def journal_heads(self) -> Heads:
        from ..administration.heads import Heads

        settings = self.settings
        s3, sns = self._client("s3"), self._client("sns")
        bucket, topic = settings.results_bucket, settings.announcements_topic
        return Heads(self.journal, self.roster, s3, bucket, sns, topic, self.programme.retention.acts_days)

    @cached_property
    def roster(self) -> Roster:
        from ..administration.roster import Roster

        self.journal  # noqa: B018 - binds its table
        return Roster()
