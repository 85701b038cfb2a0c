"""`gelombang dlq`: messages that were tried as often as their queue allows, and sending them again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import msgspec

from chalicelib.clock import utc_now
from chalicelib.notices import service as notices
from chalicelib.payouts import rules
from chalicelib.payouts import wire as payouts
from chalicelib.payouts.errors import UnknownEntitlement
from chalicelib.registration import verifications
from chalicelib.waves.award_queue import decode_message

from ..desk import AUDITOR, OPERATOR, Administered, Desk
from ..options import example, look_reason
from .payouts.lines import entitlement_row

HIDDEN_S = 300
"""How long a message that was read is hidden from others: longer than reading or moving what was received."""

WAIT_S = 1
"""How long to wait for messages; any wait makes SQS ask all of its servers."""

_BATCH = 10
"""SQS takes and gives at most ten messages at a time."""


@dataclass(frozen=True)
class Letter:
    """A message, when it was first sent, and how often it has been received from here."""

    id: str
    body: str
    sent_at: datetime
    received: int
    receipt: str


class DeadLetters:
    """The dead-letter queue that a queue's redrive policy names."""

    def __init__(self, sqs: Any, queue_url: str) -> None:
        found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["RedrivePolicy"])
        arn = json.loads(found["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"]
        self._sqs = sqs
        self._queue_url = queue_url
        self._dead_url: str = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]

    def count(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self._sqs.get_queue_attributes(QueueUrl=self._dead_url, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)

    def read(self) -> Iterator[Letter]:
        """Yield each message that nobody else reads now; afterwards all can be read again."""
        seen: list[Letter] = []
        try:
            for batch in self._batches():
                seen += batch
                yield from batch
        finally:
            self._give_back(seen)

    def redrive(self, wanted: Callable[[Letter], bool]) -> Generator[tuple[Letter, bool]]:
        """Move the wanted letters to their queue, and yield each letter with whether it went.

        A letter is sent before it is deleted. If this is killed in between, it is in both queues; its reader may get it
        any number of times.
        """
        kept: list[Letter] = []
        try:
            for batch in self._batches():
                sent = self._send([each for each in batch if wanted(each)])
                if sent:
                    self._sqs.delete_message_batch(QueueUrl=self._dead_url, Entries=_entries(sent))
                kept += [each for each in batch if each not in sent]
                yield from ((each, each in sent) for each in batch)
        finally:
            self._give_back(kept)

    def _batches(self) -> Iterator[list[Letter]]:
        seen: set[str] = set()
        while True:
            got = self._sqs.receive_message(
                QueueUrl=self._dead_url,
                MaxNumberOfMessages=_BATCH,
                WaitTimeSeconds=WAIT_S,
                VisibilityTimeout=HIDDEN_S,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            )
            batch = [_letter(message) for message in got.get("Messages", ()) if message["MessageId"] not in seen]
            if not batch:
                return
            seen.update(each.id for each in batch)
            yield batch

    def _send(self, letters: Sequence[Letter]) -> list[Letter]:
        entries = [{"Id": str(place), "MessageBody": each.body} for place, each in enumerate(letters)]
        if not entries:
            return []
        answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        return [letters[int(one["Id"])] for one in answer.get("Successful", ())]

    def _give_back(self, letters: Sequence[Letter]) -> None:
        for start in range(0, len(letters), _BATCH):
            entries = [each | {"VisibilityTimeout": 0} for each in _entries(letters[start : start + _BATCH])]
            self._sqs.change_message_visibility_batch(QueueUrl=self._dead_url, Entries=entries)


def _entries(letters: Sequence[Letter]) -> list[dict[str, Any]]:
    return [{"Id": str(place), "ReceiptHandle": each.receipt} for place, each in enumerate(letters)]


def _letter(message: dict[str, Any]) -> Letter:
    known = message["Attributes"]
    sent_at = datetime.fromtimestamp(int(known["SentTimestamp"]) / 1000, UTC)
    received = int(known["ApproximateReceiveCount"])
    return Letter(message["MessageId"], message["Body"], sent_at, received, message["ReceiptHandle"])


def _about(queue: str, body: str) -> tuple[str, str | None] | None:
    """What a queue's message is about, and the person whom it names; None for any other text.

    Nothing else of a body is shown, because it may be anybody's words.
    """
    try:
        match queue:
            case "payouts":
                named = payouts.decode_message(body).entitlement_id
                return (named, None) if rules.entitlement_of(f"{named}-1") else None
            case "mails":
                message = notices.decode_message(body)
                told = re.fullmatch(r"[0-9A-Za-z_/.:-]{1,100}", message.event)
                return (message.event, message.registrant_id) if told and _ID.fullmatch(message.registrant_id) else None
            case "registry":
                asked, *others = verifications.decode_message(body)
                if others:
                    return f"versions of {len(others) + 1} registrations", None
                about = f"version {asked.version} of a registration"
                return (about, asked.registrant_id) if _ID.fullmatch(asked.registrant_id) else None
            case _:
                batch = decode_message(body)
                return f"wave {batch.wave}, batch {batch.batch}, {len(batch.people)} people", None
    except msgspec.DecodeError:
        return None


_ID = re.compile("[0-9a-z-]{1,64}")
_NOT_THERE = "there is no message {} among them: `gelombang dlq list` shows all but what somebody reads just now"
_NOT_ALL_READ = "{} is not among those that there was time to read, and these are not all: run it again"
QUEUES = ("payouts", "mails", "awards", "registry")
_queue_option = click.option("--queue", type=click.Choice(QUEUES), default="payouts", show_default=True)


@click.group()
def dlq() -> None:
    """Messages that were tried five times and given up. The sweeps make up for them; look why they failed."""


@example("dlq list --queue mails")
@dlq.command("list", cls=Administered, sets=(OPERATOR, AUDITOR))
@_queue_option
def list_letters(desk: Desk, queue: str) -> None:
    """List them: id, age, how often received since, and what each is about, without the person: `show` has that."""
    letters, now = _letters(desk, queue), utc_now()
    count = letters.count()
    found = [_row(letter, queue, now) for letter in desk.while_there_is_time(letters.read())]
    desk.show({"queue": queue, "dead_letters_as_sqs_counts": count, "messages": found})


@example("dlq show 1b7d0b6f-2a11-4a7e-9d2c-3f0c9f5e6a0b --reason 'it comes back each day'")
@dlq.command("show", cls=Administered, sets=(OPERATOR,))
@_queue_option
@click.argument("message_id")
@look_reason
def show_letter(desk: Desk, queue: str, message_id: str) -> None:
    """Show one message, with the person whom it names; of a payout, also how the entitlement stands."""
    letters = _letters(desk, queue)
    found = [each for each in desk.while_there_is_time(letters.read()) if each.id == message_id]
    if not found:
        raise _not_found(desk, message_id)
    (letter,) = found
    about, person = _about(queue, letter.body) or (None, None)
    if person is not None:
        desk.looks_at(person)
    standing = _standing(desk, about) if queue == "payouts" and about is not None else {}
    desk.show(_row(letter, queue, utc_now()) | ({"registrant": person} if person else {}) | standing)


@example("dlq redrive --queue mails")
@dlq.command(cls=Administered, sets=(OPERATOR,))
@_queue_option
@click.argument("message_id", required=False)
def redrive(desk: Desk, queue: str, message_id: str | None) -> None:
    """Send every message that is one of ours to its queue again, or the one of MESSAGE_ID whatever it is.

    It can be ended at any time and begun again: a message is deleted here after it was sent there.
    """
    letters = _letters(desk, queue)

    def wanted(letter: Letter) -> bool:
        return letter.id == message_id if message_id is not None else _about(queue, letter.body) is not None

    sent = left = 0
    with closing(letters.redrive(wanted)) as moving:
        for _, went in desk.while_there_is_time(moving):
            sent, left = sent + went, left + (not went)
            if went and message_id is not None:
                break
    if message_id is not None and not sent:
        raise _not_found(desk, message_id)
    desk.show({"sent_again": sent} | ({"left_as_none_of_ours_or_refused_by_sqs": left} if message_id is None else {}))


def _not_found(desk: Desk, message_id: str) -> click.ClickException:
    return click.ClickException((_NOT_ALL_READ if desk.is_late() else _NOT_THERE).format(message_id))


def _letters(desk: Desk, queue: str) -> DeadLetters:
    return DeadLetters(desk.client("sqs"), getattr(desk.services.settings, f"{queue}_queue_url"))


def _standing(desk: Desk, entitlement_id: str) -> dict[str, object]:
    try:
        found = desk.services.payout_store.get(entitlement_id)
    except UnknownEntitlement:
        return {"entitlement": "the ledger has none such: the message does nothing"}
    desk.looks_at(found.registrant_id)
    return {"entitlement": [entitlement_row(found)]}


def _row(letter: Letter, queue: str, now: datetime) -> dict[str, object]:
    about, _ = _about(queue, letter.body) or (f"none of ours, {len(letter.body.encode())} bytes", None)
    return {
        "id": letter.id,
        "first_sent_at": letter.sent_at,
        "age": str(timedelta(seconds=int((now - letter.sent_at).total_seconds()))),
        "received": letter.received,
        "about": about,
    }
