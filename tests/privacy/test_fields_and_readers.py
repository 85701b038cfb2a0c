"""Every personal field, every reader: whoever is answered a field of a person leaves a line in `GET /me/readers`.

A person with every kind of row is looked at by each command of the administration and each route of partners. Every
answer is searched for the value of each field that they see in `GET /me/data`.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import msgspec
import pytest

import app as application
from admin import desk, office
from admin.commands.administered import COMMANDS
from admin.commands.people import person as person_commands
from admin.deployment import stages
from admin.desk import PERSON
from admin.messages import Request
from admin.office import route
from chalicelib.config import Programme, Settings
from chalicelib.notices import service as notices
from chalicelib.payouts import wire as payments
from chalicelib.payouts.rules import Entitlement, State
from chalicelib.privacy.rules import register
from chalicelib.privacy.wire import ReaderQuery, ReaderView
from chalicelib.registration.verifications import Ask
from chalicelib.values import Value
from chalicelib.waves.places.items import FamilyItem
from tests.builders.commands import post
from tests.builders.lives import FORM, SEALED, live
from tests.e2e import routes
from tests.e2e.gateway import Bought, Call, Gateway, serving

Field = tuple[str, str]
"""The kind of a row and the name of what is in it."""

SHARED = {
    "because", "before", "category", "change", "code", "consent_version", "course_id", "decision", "device",
    "education", "employment", "group", "how", "incentive_use", "kind", "language", "lists", "outcome", "partner_id",
    "partner_name", "rail", "reason", "refused_kinds", "regency", "registered_shard", "roster_shard",
    "said_in", "scheme", "schemes", "seat", "session_id", "shared", "skills", "standing", "state", "title",
    "unsettled_shard", "what",
}  # fmt: skip
"""Fields whose values are words that many share: they say something of somebody beside a value that is theirs alone."""

REFUSED = {
    "grievance answer",
    "grievance escalate",
    "payout address settle",
    "payout plan approve",
    "payout plan continue",
    "payout plan reject",
    "payout plan stop",
    "payout reverse",
    "payout write-off",
    "registration correct",
    "registration reject",
}
"""Commands about one person for which this life has come too far. A refusal shows nothing of them."""

UNSEEN = {"payout ledger"}
"""Shows payments of everybody by ids, to be compared with the provider's books: no line could be read among so many."""

OF_ROWS = {
    routes.REDEEM: "training.redeemed_at",
    routes.ATTEND: "training.attended_at",
    routes.COMPLETE: "training.completed_at",
    routes.ATTEND_MONTH: "attended_month.reported_at",
}
"""As what `GET /me/readers` shows a partner's report, of which the row itself is the line."""

READERS = {
    "nobody": set[str](),
    "administrators": {"administrator"},
    "auditors": {"administrator"},
    "registration": {"administrator", "registry", "partner"},
    "payers": {"administrator"},
    "partner": {"partner"},
    "employer": {"partner"},
}
"""By the readers that the record of processing names: whose looks may be found."""


@pytest.fixture
def gateway(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with serving(cloud, programme) as gateway:
        found = SimpleNamespace(services=gateway.services, settings=cloud)
        monkeypatch.setattr(stages, "load", lambda _: found)
        for module in (office, desk, person_commands):
            monkeypatch.setattr(module, "utc_now", gateway.clock)
        yield gateway


class Life:
    """A person with every kind of row, and what they see of it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway, self.person = gateway, live(gateway)
        del vars(gateway)["stranger"], vars(gateway)["form"]  # the next one is somebody else
        self.other = gateway.registered()
        """Holds the same family card, and has the new account of a recovery."""
        kk_mac = gateway.services.waves.beneficiaries.places(self.person)[0].kk_mac
        FamilyItem(f"K#{kk_mac}", "HOLDERS").update([FamilyItem.holders.add({self.other})])
        self.records = gateway.ok(Call(routes.MY_DATA, person=self.person))["records"]
        self.due = next(one.id for one in self._payouts() if one.state is State.DUE)
        self.fields, self.names = defaultdict[Field, set[str]](set), set[str]()
        for record in self.records:
            for name, value in _leaves(record["content"]):
                self.names.add(name)
                if isinstance(value, str) and name not in SHARED and not _INSTANT.fullmatch(value):
                    self.fields[record["kind"], name].add(value)

    def _payouts(self) -> list[Entitlement]:
        places = self.gateway.services.waves.beneficiaries.places(self.person)
        return list(self.gateway.services.payouts.of_many(places)[self.person])

    def content(self, kind: str, name: str) -> Any:
        return next(one["content"][name] for one in self.records if one["kind"] == kind)

    def key(self, kind: str) -> str:
        """What the partition of a row of this kind is named after."""
        kept_in = next(one["kept_in"] for one in self.records if one["kind"] == kind)
        return str(kept_in.split("/")[1].partition("#")[2])

    def readers(self, person: str) -> Iterator[ReaderView]:
        """As `GET /me/readers` shows them; a command has ended the session by which it could be sent."""
        query: ReaderQuery | None = ReaderQuery()
        while query is not None:
            page = self.gateway.services.readers.of(person, query, self.gateway.now)
            yield from page.readers
            query = ReaderQuery(page.next_cursor) if page.next_cursor else None

    def shown_in(self, answer: str) -> set[Field]:
        """The fields of which an answer has a value."""
        return {field for field, values in self.fields.items() if any(value in answer for value in values)}


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:?00)")


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else ((name, one) for one in value):
            yield from _leaves(one, key)
    else:
        yield name, value


class Look(Value, frozen=True):
    """What a reader was answered. `reason` is the command's own, if it takes one."""

    reader: str
    act: str
    reason: str | None
    status: int
    answer: str


def commands(life: Life) -> Iterator[Look]:
    """What each command answers about the person. What is asked back is approved."""
    dead = _dead_letters(life)
    known = [FORM.nik, life.content("place", "card_number"), FORM.phone, SEALED["contact"]]
    special: dict[str, list[dict[str, str]]] = {
        "account recover propose": [{"new_account": life.other}],
        "dlq list": [{"queue": queue} for queue in dead],
        "dlq show": [{"queue": queue, "message_id": id_} for queue, id_ in dead.items()],
        "payout plan stop": [{"because": "dropped_out"}],
        "payout resolve": [{"decision": "paid"}],
        "person find": [{"by": each} for each in known],
        "registration correct": [{"file": b64encode(b'{"name": "Siti Aminah"}').decode()}],
    } | {f"payout {act}": [{"entitlement_id": life.due}] for act in ("hold", "release", "cancel", "retry", "reject")}
    for words, command in COMMANDS.items():
        named = {str(one.name) for one in command.sent}
        usual = {
            **dict.fromkeys(("registrant", "registrant_id", "account_id"), life.person),
            "entitlement_id": life.key("payout_proposal"),
            "number": life.key("grievance_number") if words.startswith("grievance") else "145",
            "text": "An answer.",
            "note": "A note.",
        }
        for turn, more in enumerate(special.get(words, [{}])):
            reason = f"They called, {turn}" if "reason" in named else None
            given = {**usual, **more, "reason": reason}
            arguments, seen = {name: value for name, value in given.items() if name in named and value}, ""
            while True:
                status, body = post("test", route(words), msgspec.json.encode(Request(arguments, "test", seen)))
                yield Look("administrator", words, reason, status, body.decode())
                seen = "" if seen or status != 200 else json.loads(body).get("asks", "")
                if not seen:
                    break


def _dead_letters(life: Life) -> dict[str, str]:
    """Messages about the person that were given up, by their queue."""
    sqs, settings = boto3.client("sqs", life.gateway.services.settings.region), life.gateway.services.settings
    bodies = {
        "payouts": payments.encode_message(life.key("payout")),
        "mails": notices.encode_message(life.person, "revoked/53"),
        "registry": msgspec.json.encode(Ask(life.person, 1)).decode(),
    }
    found = dict[str, str]()
    for queue, body in bodies.items():
        url = getattr(settings, f"{queue}_queue_url")
        policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
        name = json.loads(policy)["deadLetterTargetArn"].rpartition(":")[2]
        dead = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found[queue] = sqs.send_message(QueueUrl=dead, MessageBody=body)["MessageId"]
    return found


def partners(life: Life) -> Iterator[Look]:
    """What each route answers about the person to the partner of their training and vacancy."""
    gateway = life.gateway
    bought = Bought(life.person, life.content("place", "card_number"), "", life.content("training", "redeem_code"))
    vacancy = life.key("shared_application")
    bodies: dict[str, Any] = {
        routes.VALIDATE: gateway.redemption(bought),
        routes.REDEEM: gateway.redemption(bought),
        routes.ATTEND: gateway.attendance(bought) | {"attended_at": life.content("training", "attended_at")},
        routes.ATTEND_MONTH: gateway.attended_month(bought),
        routes.COMPLETE: {
            "redeem_code": bought.redeem_code,
            "certificate_number": life.content("training", "sealed_certificate"),
            "completed_at": life.content("training", "completed_at"),
        },
        routes.POST_VACANCY: gateway.posting(),
        routes.CHANGE_VACANCY: {name: value for name, value in gateway.posting().items() if name != "reference"},
    }
    declared = application.app.routes.items()
    for one in sorted(f"{method} {path}" for path, methods in declared for method in methods if "/partners/" in path):
        call = Call(one, bodies.get(one), partner=gateway.partner)
        answer = gateway.send(call.at(vacancy) if "{" in one else call)
        yield Look("partner", OF_ROWS.get(one, one), None, answer.status_code, json.dumps(answer.json_body))


def test_whoever_is_answered_a_field_of_a_person_leaves_a_line(gateway: Gateway) -> None:
    assert READERS.keys() == register().readers.keys()
    life = Life(gateway)
    assert {one["kind"] for one in life.records} == register().kept.keys(), "every field is searched"
    assert SHARED - life.names == set()
    looks = [*partners(life), *commands(life)]
    about_one = {
        words for words, one in COMMANDS.items() if one.whose or {*PERSON} & {str(each.name) for each in one.sent}
    }
    assert about_one - {look.act for look in looks if look.status == 200} == REFUSED
    found = list(life.readers(life.person))
    lines = {(one.reader, one.act, one.reason) for one in found}
    others = {(one.reader, one.act, one.reason) for one in life.readers(life.other)}
    assert {"registration show", "account recover propose"} <= {act for _, act, _ in others}
    readers_of = defaultdict[Field, set[str]](set)
    for look in looks:
        if life.other in look.answer and look.act not in {*UNSEEN, "journal show"}:  # which shows lines by ids
            assert (look.reader, look.act, look.reason) in others, look.act
        if (shown := life.shown_in(look.answer)) and look.act not in UNSEEN:
            assert (look.reader, look.act, look.reason) in lines, (look.act, shown)
            for field in shown:
                readers_of[field].add(look.reader)
    assert len(readers_of) > 20

    # The record of processing names these readers, of this kind or of another that has the value, too.
    unnamed = dict[Field, set[str]]()
    for field, who in readers_of.items():
        same = {
            kind
            for (kind, _), values in life.fields.items()
            if any(mine in theirs for mine in life.fields[field] for theirs in values)
        }
        named = set().union(*(READERS[register().kept[kind].readers] for kind in same))
        if not field[1].endswith("_id") and who - named:  # ids name a person only to who may look them up
            unnamed[field] = who - named
    assert unnamed == {}
    for kind, kept in register().kept.items():
        for attribute, who in kept.told_to.items():
            told = {one.reader for one in found if one.act == f"{kind}.{attribute}"}
            assert told == {who} or kind in ("registration", "financial_address"), (kind, attribute)
    assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)
