"""Sign-ins in their table, which stores each for an hour."""

from __future__ import annotations

from datetime import datetime, timedelta

from ...aws.attributes import item_of
from ...aws.dynamodb import find, update_if
from ...structs import fill
from ...values import Value
from ..contacts.contact import ContactKind
from ..wire import Device, Language
from .budgets import Place, parse_place
from .items import SENDINGS_MAX, SignInItem

_NUMBERS = range(1, SENDINGS_MAX + 1)


class SignIn(Value, frozen=True):
    """A stored sign-in. `places` and `sent` are of its codes in order; `sent` is None for a code not handed over yet.

    `sealed` is the contact, encrypted with the key of its hour. `due_at` is about when the last code comes.
    """

    id: str
    secret_hash: bytes
    contact_mac: str
    contact_kind: ContactKind
    sealed: bytes
    hour: str
    language: Language
    device: Device
    budget_id: str
    created_at: datetime
    asked_at: datetime
    due_at: datetime
    expires_at: datetime
    places: tuple[Place, ...]
    sent: tuple[datetime | None, ...] = (None,)
    undeliverable_at: datetime | None = None

    @property
    def sendings(self) -> int:
        """The number of codes that were asked for."""
        return len(self.places)

    def sent_since(self, lifetime: timedelta, now: datetime) -> list[int]:
        """The numbers of the codes that were handed over and are not too old."""
        return [number for number, at in enumerate(self.sent, 1) if at is not None and now < at + lifetime]


class SignInStore:
    """Each method is one call."""

    def put(self, sign_in: SignIn) -> None:
        """Store a new sign-in."""
        item_of(SignInItem, _pk(sign_in.id), "SIGN_IN", sign_in, place_1=str(sign_in.places[0])).save()

    def get(self, sign_in_id: str, now: datetime) -> SignIn | None:
        """A sign-in, None if it is over, even if DynamoDB has not deleted it yet."""
        item = find(SignInItem, _pk(sign_in_id), "SIGN_IN")
        if item is None or item.expires_at <= now:
            return None
        texts = [text for number in _NUMBERS if (text := getattr(item, f"place_{number}")) is not None]
        sent = tuple(getattr(item, f"sent_{number}") for number, _ in enumerate(texts, 1))
        return fill(SignIn, item, id=sign_in_id, places=tuple(map(parse_place, texts)), sent=sent)

    def add_sending(self, sign_in: SignIn, place: Place, due_at: datetime, now: datetime) -> bool:
        """Store that another code was asked for. Returns False if another request did the same meanwhile."""
        column = getattr(SignInItem, f"place_{sign_in.sendings + 1}")
        actions = [column.set(str(place)), SignInItem.asked_at.set(now), SignInItem.due_at.set(due_at)]
        return update_if(_key(sign_in.id), actions, SignInItem.pk.exists() & column.does_not_exist())

    def handed_over(self, sign_in_id: str, sending: int, now: datetime) -> None:
        """Store that the channel accepted the nth code. Its life begins, unless it began before."""
        column = getattr(SignInItem, f"sent_{sending}")
        update_if(_key(sign_in_id), [column.set(now)], SignInItem.pk.exists() & column.does_not_exist())

    def undeliverable(self, sign_in_id: str, now: datetime) -> None:
        """Store that no message reaches the contact."""
        update_if(_key(sign_in_id), [SignInItem.undeliverable_at.set(now)], SignInItem.pk.exists())


def _pk(sign_in_id: str) -> str:
    return f"S#{sign_in_id}"


def _key(sign_in_id: str) -> SignInItem:
    return SignInItem(_pk(sign_in_id), "SIGN_IN")
