"""The channels by which codes are sent. They fail as a mail does: `NotTaken`, `NeverTaken` and `OutcomeUnknown`.

Another gateway for SMS is another class with the one method of `Channel`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from ...notices.ses import NeverTaken, NotTaken, Pace, SesMail, handed_over
from ...notices.texts import MailText
from ..contacts.contact import Contact
from .sms_costs import SmsCosts
from .texts import CodeText

TAG = "sign_in"
"""The tag of a mail that holds the sign-in's id. By it a bounce finds the sign-in (`Services.bounces` in `wiring`)."""


class Channel(Protocol):
    """Gives one message to the service that delivers it, once."""

    def send(self, to: Contact, text: CodeText, sign_in_id: str, now: datetime) -> None:
        """Raises `NotTaken`, `NeverTaken` or `OutcomeUnknown`; their texts have no part of the message."""


class Mails:
    """Codes by mail. `mail` tags each with `TAG`."""

    def __init__(self, mail: SesMail) -> None:
        self._mail = mail

    def send(self, to: Contact, text: CodeText, sign_in_id: str, _now: datetime) -> None:
        self._mail.send(to.value, MailText(text.subject, text.mail), sign_in_id, None)


class SnsSms:
    """SMS by Amazon SNS, within the limits of cost. `sns` returns a client that makes each call once."""

    def __init__(self, sns: Callable[[], Any], costs: SmsCosts, pace: Pace) -> None:
        self._sns = sns
        self._costs = costs
        self._pace = pace

    def send(self, to: Contact, text: CodeText, _sign_in_id: str, now: datetime) -> None:
        if not self._costs.allows(to.value, now):
            raise NeverTaken("sms_stopped")
        self._publish(to.value, text.sms)

    def tell(self, to: str, text: str, now: datetime) -> str:
        """Send a notice to a number; returns the id that SNS gives it. Raises what `send` raises."""
        if not self._costs.allows_notice(now):
            raise NotTaken("sms_stopped")
        return self._publish(to, text)

    def _publish(self, to: str, text: str) -> str:
        self._pace.wait()
        kind = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
        publish = partial(self._sns().publish, PhoneNumber=to, Message=text, MessageAttributes=kind)
        return handed_over(publish, never="InvalidParameter")
