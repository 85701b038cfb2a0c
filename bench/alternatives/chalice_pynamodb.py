"""(d) Chalice with pynamodb, both unchanged, in the usual three calls."""

from __future__ import annotations

import secrets
from datetime import date
from typing import Any

from chalice.app import Chalice, ConflictError, Response
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.models import Model

from chalicelib.clock import iso
from chalicelib.draw.leaves import TICKET_BYTES
from chalicelib.waves.rules import shard_of

from . import rules


class _Meta:
    region = rules.REGION
    connect_timeout_seconds = 1
    read_timeout_seconds = 3
    max_retry_attempts = 2


class Person(Model):
    """The attributes of a registration that a join reads; the item has more."""

    class Meta(_Meta):
        table_name = rules.REGISTRATIONS

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    standing = UnicodeAttribute()
    employment = UnicodeAttribute()
    education = UnicodeAttribute()
    birth_date = UnicodeAttribute()
    region = NumberAttribute()


class Entry(Model):
    class Meta(_Meta):
        table_name = rules.WAVES

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    ticket = BinaryAttribute(legacy_encoding=False)
    region = NumberAttribute()
    joined_at = UnicodeAttribute()


def join() -> Response:
    request: Any = handler.current_request
    context = request.context
    person, now = context["authorizer"]["principalId"], rules.moment(context)
    try:
        wave = rules.open_wave(now)
        found = Person.get(f"R#{person}", "PROFILE", consistent_read=True)
        birth_date = date.fromisoformat(found.birth_date)
        rules.check_may_join(wave, found.standing, found.employment, found.education, birth_date)
    except Person.DoesNotExist as error:
        raise ConflictError("not registered") from error
    except rules.Refused as refusal:
        raise ConflictError(str(refusal)) from refusal
    keys = f"E#{wave.number}#{shard_of(person)}", person
    try:
        return _receipt(wave.number, Entry.get(*keys, consistent_read=True), 200)
    except Entry.DoesNotExist:
        entry = Entry(*keys, ticket=secrets.token_bytes(TICKET_BYTES), region=int(found.region), joined_at=iso(now))
    entry.save(condition=Entry.pk.does_not_exist())
    return _receipt(wave.number, entry, 201)


def _receipt(wave: int, entry: Any, status: int) -> Response:
    return Response(rules.receipt(wave, int(entry.region), entry.ticket, entry.joined_at), status_code=status)


handler = Chalice("join")
handler.route("/waves/current/entries", methods=["POST"])(join)
