"""How the services of notices are built."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ..aws import clients
from .deployment import Deployment

if TYPE_CHECKING:
    from ..notices.links import Unsubscriptions
    from ..notices.mailer import Mailer
    from ..notices.public_events import PublicEventStore
    from ..notices.service import NoticeService
    from ..notices.store import NoticeStore

FEED_LENGTH = 50
"""How many of the last events the feed has."""


class NoticesServices(Deployment):
    """What is announced, and what people are told by mail."""

    @cached_property
    def notices(self) -> NoticeService:
        from ..notices.queue import MailQueue
        from ..notices.service import NoticeService

        queue = MailQueue(self.settings.mails_queue_url, self.settings.region)
        return NoticeService(self._notice_store, queue, self.programme.notices, self._clock)

    @cached_property
    def mailer(self) -> Mailer:
        from ..notices.mailboxes import MailAddresses
        from ..notices.mailer import Mailer
        from ..notices.ses import CONSUMERS, Pace, SesMail

        settings = self.settings
        addresses = MailAddresses(self._client("cognito-idp"), settings.user_pool)
        # SES has no key against doubles: its client must make each call once.
        ses = clients.client("sesv2", settings.region, attempts=1)
        pace = Pace(self.programme.notices.mails_per_s / CONSUMERS)
        mail = SesMail(ses, settings.mail_from, settings.configuration_set, pace)
        return Mailer(self._notice_store, addresses, mail, settings.public_url, self._randomness)

    @cached_property
    def mailboxes(self) -> NoticeStore:
        return self._notice_store

    @cached_property
    def unsubscriptions(self) -> Unsubscriptions:
        from ..notices.links import Unsubscriptions

        return Unsubscriptions(self._notice_store)

    def feed(self) -> str:
        """`GET /feed.atom`."""
        from ..notices import atom

        return atom.feed(self._events.latest(FEED_LENGTH), self.settings.public_url, self.settings.mail_domain)

    @cached_property
    def _events(self) -> PublicEventStore:
        from ..notices.public_events import PublicEventStore
        from ..notices.store import NoticesTable

        self._bind(NoticesTable, "notices")
        return PublicEventStore(self.settings.region)

    @cached_property
    def _notice_store(self) -> NoticeStore:
        from ..notices.store import NoticesTable, NoticeStore

        self._bind(NoticesTable, "notices")
        return NoticeStore(self.settings.region)
