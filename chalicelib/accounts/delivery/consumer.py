"""The consumer of the queue `codes`, which sends codes.

A code follows from its sign-in and the number of the sending. If a message comes twice, or again after a failure, the
same code is sent. So nothing needs to be claimed before the channel is called.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...aws import queues
from ...aws.clients import is_passing
from ...clock import Clock
from ...errors import Unavailable
from ...figures.people import AccountRules
from ...notices.ses import NeverTaken, NotTaken, OutcomeUnknown
from ..contacts.contact import ContactKind
from ..macs import Macs
from ..signing_in import codes
from ..signing_in.budgets import Budgets
from ..signing_in.code_queue import decode_message
from ..signing_in.sign_ins import SignIns
from ..signing_in.store import SignIn, SignInStore
from .channels import Channel
from .texts import code_text

log = logging.getLogger(__name__)

_PUT_WITHIN_S = 1
"""How long to wait for a missing sign-in, in seconds: a start counts its code just before it stores the sign-in."""


class CodeSender:
    """Sends codes. `domain` is that of the pages on which they are entered."""

    def __init__(
        self,
        rules: AccountRules,
        sign_ins: SignIns,
        macs: Macs,
        channels: Mapping[ContactKind, Channel],
        domain: str,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rules = rules
        self._sign_ins = sign_ins
        self._store: SignInStore = sign_ins.store
        self._budgets: Budgets = sign_ins.budgets
        self._macs = macs
        self._channels = channels
        self._domain = domain
        self._clock = clock
        self._sleep = sleep

    def serve(self, budget_id: str, day: str) -> None:
        """Send the code of the last sign-in that waits in a budget, and of any that begins to wait meanwhile.

        Raises `Unavailable` if the message must come again.
        """
        while (sign_in_id := self._budgets.waiting(budget_id, day)) is not None:
            sign_in = self._store.get(sign_in_id, self._clock())
            if sign_in is None:
                self._sleep(_PUT_WITHIN_S)
                sign_in = self._store.get(sign_in_id, self._clock())
            if sign_in is not None and sign_in.sent[-1] is None and sign_in.undeliverable_at is None:
                self._send(sign_in)
            self._budgets.served(budget_id, day, sign_in_id)

    def _send(self, sign_in: SignIn) -> None:
        sending = sign_in.sendings
        code = codes.code(self._macs.code_key(sign_in.id), sending)
        minutes = self._rules.code_lifetime_s // 60
        text = code_text(code, sign_in.device, sign_in.language, minutes, self._domain)
        contact, facts = self._sign_ins.contact(sign_in), {"kind": sign_in.contact_kind}
        try:
            self._channels[contact.kind].send(contact, text, sign_in.id, self._clock())
        except NotTaken as error:
            cause = error.__cause__
            level = logging.WARNING if isinstance(cause, Exception) and is_passing(cause) else logging.ERROR
            log.log(level, "code_not_taken", extra={**facts, "code": str(error)})
            raise Unavailable() from error
        except NeverTaken as error:
            log.warning("code_refused", extra={**facts, "code": str(error)})
            self._store.undeliverable(sign_in.id, self._clock())
            return
        except OutcomeUnknown as error:
            # The code may have arrived, so it must be valid. If it has not, the person asks for another in a minute.
            log.warning("code_outcome_unknown", extra={**facts, "code": str(error)})
        self._store.handed_over(sign_in.id, sending, self._clock())


def consume(records: Iterable[Mapping[str, Any]], sender: CodeSender) -> dict[str, list[dict[str, str]]]:
    """Send the codes of a batch of messages (see `queues.consume`)."""

    def take(body: str) -> None:
        message = decode_message(body)
        sender.serve(message.budget_id, message.day)

    return queues.consume("codes", records, take)
