"""Consumers that truly run at the same time on one doubled message: one mail."""

from __future__ import annotations

from functools import partial

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.notices.mailer import MailAddress, Mailer
from chalicelib.notices.rules import Kind, NoticeState
from chalicelib.notices.store import NoticeStore
from tests.builders.notices import CHOSEN, DEADLINE, Ses
from tests.conftest import REGION, T0

from .together import ALWAYS, together

pytestmark = pytest.mark.dynamodb

AT_ONCE = 5
ROUNDS = 10


class Addresses:
    """Everybody has one."""

    def of(self, registrant_id: str) -> MailAddress:
        return MailAddress(f"{registrant_id}@example.org", "id")


@pytest.mark.parametrize("kind", [Kind.CHOSEN, Kind.PURCHASE_DEADLINE])
def test_of_many_consumers_of_one_message_one_sends_the_mail(cloud: Settings, programme: Programme, kind: Kind) -> None:
    store, ses = NoticeStore(REGION), Ses()
    mailers = [Mailer(store, Addresses(), ses, "https://api", lambda n, k=k: bytes([k]) * n) for k in range(AT_ONCE)]
    facts = CHOSEN if kind is Kind.CHOSEN else DEADLINE
    for n in range(ROUNDS):
        person = f"person-{n}"
        told = together([partial(store.add, person, kind, "event", facts, T0)] * AT_ONCE)
        assert sorted(told) == [False] * (AT_ONCE - 1) + [True], "an event is kept once"

        together([partial(mailer.process, person, "event", T0) for mailer in mailers], meet=ALWAYS)

        assert [to for to, *_ in ses.taken] == [f"person-{k}@example.org" for k in range(n + 1)]
        notice = store.notice(person, "event")
        assert notice is not None
        assert notice.state is NoticeState.SENT
        if kind is Kind.PURCHASE_DEADLINE:
            assert (ses.taken[-1][3] or "").endswith(str(store.mailbox(person).token)), "the link in the mail works"
