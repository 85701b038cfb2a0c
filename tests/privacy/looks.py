"""Who looks at a person with every kind of row: each command of the administration, each route of partners, and others.

`Look` is what one of them was answered, with its files opened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import cached_property
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
import msgspec
from msgspec.structs import replace

import app as application
from admin import desk
from admin.client import _STANDS as STANDS
from admin.commands.administered import COMMANDS
from admin.deployment import stages
from admin.desk import CHECKER, Desk
from admin.messages import Request, packed, unpacked
from admin.office import route
from chalicelib.aws.errands import Errand
from chalicelib.civil_registry import batch_file
from chalicelib.clock import wib_date
from chalicelib.notices import service as notices
from chalicelib.payouts import wire as payments
from chalicelib.payouts.bank_files.transfers import BankFile
from chalicelib.payouts.controls.limits import day_name
from chalicelib.payouts.ledger.records import StoredAttempt
from chalicelib.payouts.rules import Entitlement, Kind, State, reference
from chalicelib.registration.rules import FinancialAddress
from chalicelib.registration.verifications import Ask
from chalicelib.values import Value
from chalicelib.waves.places.items import FamilyItem
from chalicelib.waves.rules import SHARDS, WaveState, leaf_of
from chalicelib.wiring import Services
from local.sandbox.registry import Person, Registry
from tests.builders.aws.functions import Functions
from tests.builders.commands import ACCOUNT, post
from tests.builders.lives import FORM, MAKER, SEALED, live
from tests.builders.payouts.bank import pain002
from tests.builders.training import course_row
from tests.builders.waves import CLOSES, WAVE
from tests.e2e import routes
from tests.e2e.gateway import HOLDER, Bought, Call, Gateway
from tests.e2e.refusals.citizens import complaining

OF_ROWS = {
    routes.REDEEM: "training.redeemed_at",
    routes.ATTEND: "training.attended_at",
    routes.COMPLETE: "training.completed_at",
    routes.ATTEND_MONTH: "attended_month.reported_at",
}
"""As what `GET /me/readers` shows a partner's report, of which the row itself is the line."""

BEFORE = (
    "payout export list", "payout export propose", "payout export approve", "payout import", "payout export reject",
    "registration enlist", "registry propose", "registry export", "registry import", "registry approve",
    "registration undecided", "registration approve", "grievance escalate",
)  # fmt: skip
"""Asked before the others, in this order: each finds what those before it left."""

SARI, BUDI = (f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ("sari", "budi"))
"""Who proposes, and who approves; `MAKER` proposed a correction before."""

OF_ANI = {"registration approve"}

IN_STEPS = {"journal show", "payout export approve", "payout export list", "payout ledger", "payout list"}
"""Their time is up after each step."""


class Look(Value, frozen=True):
    """What a reader was answered. `reason` is the command's own, if it takes one; `code` that of a refusal."""

    reader: str
    act: str
    reason: str | None
    code: str
    answer: str


class Life:
    """A person with every kind of row, also at a bank's file; and somebody else, who has to do with them."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway, self.person = gateway, live(gateway)
        del vars(gateway)["stranger"], vars(gateway)["form"]  # the next one is somebody else
        self.other = gateway.registered(name="Budi Santoso", birth_date=date(1991, 2, 3))
        """Holds the same family card, and has the new account of a recovery."""
        kk_mac = gateway.services.waves.beneficiaries.places(self.person)[0].kk_mac
        FamilyItem(f"K#{kk_mac}", "HOLDERS").update([FamilyItem.holders.add({self.other})])
        complains = complaining({"kind": "registration"}, lambda _: self.person, "Masih menunggu.")
        self.open = gateway.ok(complains(gateway))["number"]
        """The number of a grievance that waits for an answer."""
        self.due = next(one.id for one in self._payouts() if one.state is State.DUE)
        self.by_file = self._by_file()
        """The reference of a payment that waits for a file to the bank."""
        self.records = gateway.ok(Call(routes.MY_DATA, person=self.person))["records"]
        self.name = self.content("registration", "sealed")["name"]

    def _payouts(self) -> list[Entitlement]:
        places = self.gateway.services.waves.beneficiaries.places(self.person)
        return list(self.gateway.services.payouts.of_many(places)[self.person])

    def _by_file(self) -> str:
        services, now = self.gateway.services, self.gateway.now
        [place] = services.waves.beneficiaries.places(self.person)
        with services.transaction() as tx:
            payout = services.payouts.entitle(tx, place, Kind.SURVEY_2, now)
        entitlement, name = services.payout_store.get(payout), reference(payout, 1)
        body = services.providers.named(BankFile.rail).render(
            name, entitlement, FinancialAddress("BNI", SEALED["account"], HOLDER)
        )
        sealed = services.registrations.seal(self.person, body)
        services.payout_store.claim(
            replace(entitlement, address_version=1), StoredAttempt(1, name, sealed, now, BankFile.rail), now
        )
        return name

    def content(self, kind: str, name: str) -> Any:
        return next(one["content"][name] for one in self.records if one["kind"] == kind)

    def key(self, kind: str) -> str:
        """What the partition of a row of this kind is named after."""
        kept_in = next(one["kept_in"] for one in self.records if one["kind"] == kind)
        return str(kept_in.split("/")[1].partition("#")[2])


Given = Mapping[str, Any]


class Administration:
    """A stage that has a registry in files, whose commands are asked by two people, as terminals ask them."""

    def __init__(self, life: Life) -> None:
        self.life, gateway = life, life.gateway
        settings = replace(gateway.services.settings, registry_url="files")
        self.services = services = Services(settings, gateway.services.programme, gateway.clock)
        self._stage = SimpleNamespace(services=services, settings=settings)
        self.rows: dict[str, Any] = {}
        """What each command answered last."""
        self.own: dict[str, str] = {}
        """How each approval is refused to who proposed: the code."""
        self._files: dict[str, bytes] = {}
        vars(services)["audit"] = self._drawn()
        self._functions = Functions(
            erase_people=lambda asked: services.replays.run(asked, gateway.now, self._replay),
            reconcile_payouts=lambda asked: services.comparisons.run(asked, gateway.now, self._reconcile),
        )

    def _replay(self, errand: Errand) -> Iterator[Errand]:
        return self.services.erasure.replay_again(errand, self.life.gateway.now, 800)

    def _reconcile(self, errand: Errand) -> Iterator[Errand]:
        return self.services.daily_reconciliation.again(errand, self.life.gateway.now, 800)

    def looks(self) -> Iterator[Look]:
        """What each command answers about the person. What is asked back is approved."""
        client = Desk.client
        functions = lambda own, name, *wait: self._functions if name == "lambda" else client(own, name, *wait)  # noqa: E731
        with patch.object(stages, "load", lambda _: self._stage), patch.object(Desk, "client", functions):
            for words in (*BEFORE, *(one for one in COMMANDS if one not in BEFORE)):
                made = self._given.get(words, lambda: {})()
                for turn, more in enumerate([made] if isinstance(made, Mapping) else made):
                    reason, checks = f"They called, {turn}", COMMANDS[words].sets == {CHECKER}
                    if checks:
                        *_, end = self._asked(words, more, reason, MAKER if words in OF_ANI else SARI)
                        self.own.setdefault(words, end.code)
                    yield from self._asked(words, more, reason, BUDI if checks else SARI)

    def _asked(self, words: str, more: Given, why: str, who: str) -> Iterator[Look]:
        command = COMMANDS[words]
        named = {str(one.name) for one in command.sent}
        given = {name: value for name, value in {**self._usual, "reason": why, **more}.items() if name in named}
        parts = {name: split(given.pop(name)) for name, split in command.in_parts.items()}
        request = first = Request(given, "test")
        self._files[words] = b""
        with (
            patch.object(stages, "caller", lambda: who),
            patch.object(desk, "STEPS_S", -1 if words in IN_STEPS else 15),
        ):
            while True:
                number = int(request.cursor.partition("/")[0] or 0) if parts else 0
                now = {name: packed(each[number]) for name, each in parts.items()}
                sent = replace(request, arguments=given | now)
                _, body = post("test", route(words), msgspec.json.encode(sent))
                answer = json.loads(body)
                file = unpacked(answer["file"]) if answer.get("file") else b""
                self._files[words] += file
                self.rows[words] = answer.get("rows")
                yield Look("administrator", words, given.get("reason"), answer.get("code", ""), (body + file).decode())
                if answer.get("cursor"):
                    request = replace(
                        request, **{"counts": {}} | {name: answer[name] for name in STANDS if name in answer}
                    )
                elif answer.get("asks"):
                    request = replace(first, seen=answer["asks"])
                else:
                    break

    @cached_property
    def _usual(self) -> Given:
        life = self.life
        return {
            **dict.fromkeys(("registrant", "registrant_id", "account_id"), life.person),
            "entitlement_id": life.key("payout_proposal"),
            "number": str(WAVE),
        }

    @cached_property
    def _given(self) -> dict[str, Callable[[], Given | Iterable[Given]]]:
        """What commands are given besides."""
        life, gateway, services = self.life, self.life.gateway, self.services
        due, batch = {"entitlement_id": life.due}, lambda: {"batch": self.rows["payout export propose"][0]["file"]}
        course = course_row(gateway.partner[0], code="NEW-1")
        courses = {"file": packed(",".join(course).encode() + b"\n" + ",".join(course.values()).encode())}
        office = lambda: {"partner_id": self.rows["partner add"]["partner"]}  # noqa: E731
        open_, times = {"number": life.open}, {"opens_at": "2027-11-25T12:00:00Z", "closes_at": "2027-11-25T13:00:00Z"}
        listed = {"name": "civil-servants", "version": "2026-11"}
        known = [FORM.nik, life.content("place", "card_number"), FORM.phone, SEALED["contact"]]
        known.append(f"{life.name}, {FORM.birth_date}")
        grievance = {"number": life.key("grievance_number")}
        today = services.payout_administration.ceiling(day_name(gateway.now))
        dead = _dead_letters(life)
        return {
            "account recover propose": lambda: {"new_account": life.other},
            "course approve": lambda: courses,
            "course import": lambda: courses,
            "dlq list": lambda: [{"queue": queue} for queue in dead],
            "dlq show": lambda: [{"queue": queue, "message_id": id_} for queue, id_ in dead.items()],
            "draw hand-in": lambda: {"signature": "a3" * 48},
            "draw witness add": lambda: {"line": "\u2014 witness.example.org 2net5wAA"},
            "exclusion approve": lambda: listed,
            "exclusion import": lambda: listed | {"file": packed(f"nik\n{FORM.nik}\n".encode())},
            "exclusion reject": lambda: listed,
            "exclusion retract": lambda: listed,
            "exclusion show": lambda: listed,
            "grievance answer": lambda: open_ | {"text": "An answer."},
            "grievance escalate": lambda: open_ | {"note": "A note."},
            "grievance show": lambda: [grievance, open_],
            "journal show": lambda: {"day": "2026-11-27", "until": str(gateway.now.date())},
            "partner add": lambda: {"name": "Kantor Camat", "office": True},
            "partner approve": office,
            "partner revoke": office,
            "payout address settle": lambda: {"version": "1"},
            "payout cancel": lambda: due,
            "payout ceiling set": lambda: {"amount_idr": "5", "was": str(today.ceiling_idr)},
            "payout export approve": lambda: [batch(), batch()],
            "payout export reject": batch,
            "payout hold": lambda: due,
            "payout import": lambda: {"file": packed(pain002(batch()["batch"], {life.by_file: "RJCT AC04"}))},
            "payout plan stop": lambda: {"because": "dropped_out"},
            "payout reconcile": self._a_day_later,
            "payout reject": lambda: due,
            "payout release": lambda: due,
            "payout resolve": lambda: {"decision": "paid"},
            "payout retry": lambda: due,
            "person find": lambda: [{"by": each} for each in known],
            "registration correct": lambda: {"file": packed(b'{"name": "Siti Aminah"}')},
            "registry approve": lambda: {"file": self._answer()},
            "registry export": lambda: {"batch": self.rows["registry propose"]["batch"]},
            "registry give-up": lambda: {"batch": services.registry_batches.propose(1, MAKER, "x", gateway.now).id},
            "registry import": lambda: {"file": self._answer()},
            "roster propose": lambda: {"file": packed(b"person,name\ns.sari,sari\nb.budi,budi\nt.tini,tini\n")},
            "wave add": lambda: times | {"quota": "5"},
            "wave end": lambda: {"on": "2028-12-31"},
            "wave extend": lambda: {"closes_at": "2026-11-30T18:00:00Z"},
            "wave import-history": lambda: {
                "file": packed(b"wave,year,province,recipients,graduates\n1,2020,31,10,9\n")
            },
            "wave move": lambda: times | {"number": "100001"},
            "wave resize": lambda: {"number": "148", "quota": "9"},
            "wave skip": lambda: {"number": "100001"},
        }

    def _a_day_later(self) -> Given:
        day = wib_date(self.life.gateway.now)
        self.life.gateway.now += timedelta(days=1)
        return {"day": day.isoformat()}

    def _answer(self) -> bytes:
        """What the registry's office says of everybody in its file: too little to decide."""
        rows = self._files["registry export"]
        batch = self.rows["registry propose"]["batch"]
        born = FORM.birth_date.isoformat()
        office = Registry("office", [Person(nik=FORM.nik, name=self.life.name, birth_date=born, kk="", province="31")])
        return office.answer_file(batch_file.whole(batch, rows))

    def _drawn(self) -> Any:
        """The published lists of a wave that was drawn, from which the person is picked."""
        real = self.services.audit
        [entry] = [
            one for one in real._entries.candidates(WAVE, range(SHARDS)) if one.registrant_id == self.life.person
        ]
        picked = [(entry.region, leaf_of(WAVE, entry.region, entry.ticket))]
        wave = SimpleNamespace(number=WAVE, state=WaveState.DRAWN, closes_at=CLOSES)
        return SimpleNamespace(
            wave=lambda _: wave, regions=lambda _: [entry.region], pick=lambda *_: picked, records=real.records
        )


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
    """What each route answers about the person to the partner of their training and vacancy, and to an office."""
    gateway = life.gateway
    bought = Bought(life.person, life.content("place", "card_number"), "", life.content("training", "redeem_code"))
    vacancy = life.key("shared_application")
    code = gateway.ok(Call(routes.PRESENCE_CODE, person=life.person))["presence_code"]
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
        routes.REPORT_PRESENCE: {"nik": FORM.nik, "presence_code": code, "reference": "LOKET/1"},
    }
    for one in _declared("/partners/"):
        who = gateway.office if one == routes.REPORT_PRESENCE else gateway.partner
        call = Call(one, bodies.get(one), partner=who)
        answer = gateway.send(call.at(vacancy) if "{" in one else call)
        yield _look("partner", OF_ROWS.get(one, one), answer)


def _declared(path: str) -> list[str]:
    declared = application.app.routes.items()
    return sorted(f"{method} {found}" for found, methods in declared for method in methods if path in found)


def _look(reader: str, act: str, answer: Any) -> Look:
    return Look(reader, act, None, answer.json_body["code"] if answer.status_code >= 400 else "", answer.body.decode())


def others(life: Life) -> Iterator[Look]:
    """What each route about oneself answers to somebody else, and those about one thing, such as the person's link."""
    sent = {"token": "a-token-of-a-link", "number": WAVE}
    for one in _declared(""):
        if one.startswith("GET ") and "/partners/" not in one and ("/me" in one or "{" in one):
            names = re.findall(r"\{(\w+)\}", one)
            call = Call(one, person=life.other if "/me" in one else "").at(*(sent.get(name, "x") for name in names))
            yield _look("citizen", one, life.gateway.send(call))
