"""A registry that answers later: questions over real HTTP to the sandbox registry, answers by its calls to us."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from queue import Queue
from typing import Any

import boto3
import msgspec
import pytest
import urllib3
from joserfc import jws
from msgspec.structs import replace

from chalicelib.civil_registry.errors import AnswerRefused
from chalicelib.civil_registry.service import consume
from chalicelib.config import Settings
from chalicelib.registration.items import Profile, person_pk
from chalicelib.registration.rules import Verification
from chalicelib.registration.wire import CorrectionForm
from chalicelib.wiring import Services
from local.sandbox.registry import ALGORITHM, Person, Registry
from local.sandbox.server import JsonHandler, Loopback
from tests.builders.aws.calls import drained
from tests.builders.aws.rights import rights_of
from tests.builders.dci import ACKNOWLEDGED, CORE, CRVS, asked_by, faults, unknown_fields
from tests.builders.registration import SITI, form
from tests.conftest import T0

WHO = "3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11"
KNOWN = Person(nik=SITI.nik, name=SITI.name, birth_date="1995-08-17", kk=SITI.kk, province="31")
ASK, ON_SEARCH = asked_by("/registry/search"), asked_by("/registry/on-search")


@pytest.fixture(scope="module")
def running() -> Iterator[Registry]:
    with Registry("later") as registry:
        yield registry


class Stage:
    """A stage whose registry answers later, and what went over the wire."""

    def __init__(self, settings: Settings, programme: Any, registry: Registry) -> None:
        self.now, self.settings, self.registry = T0, settings, registry
        figures = replace(programme.registry, asks_per_s=100_000, timeout_s=2, answers_later=True)
        self.programme = replace(programme, registry=figures)
        self.services = Services(settings, self.programme, lambda: self.now)
        self.asked: list[Any] = []

    def ask(self) -> None:
        """Have the registry asked about what is queued."""
        bodies = [message["Body"] for message in drained(self.settings.registry_queue_url)]
        with rights_of("ask_registry"):
            records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
            assert consume(records, self.services.registry_verifier) == {"batchItemFailures": []}

    def asks(self, **changes: Any) -> dict[str, Any]:
        """Register, have the registry asked, and return the answer that it will give."""
        self.services.registrations.register(WHO, form(**changes), self.now)
        self.ask()
        return self.registry.outbox[-1]

    def take(self, answer: dict[str, Any]) -> Any:
        with rights_of("api"):
            taken = self.services.registry_callbacks.take(answer["signature"], self.now)
        return json.loads(msgspec.json.encode(taken))

    def refused(self, answer: dict[str, Any]) -> object:
        with pytest.raises(AnswerRefused) as refusal:
            self.take(answer)
        return refusal.value.facts["reason"]

    def state(self) -> Verification:
        return self.services.registrations.registrant(WHO).verification

    def signed(self, answer: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The answer with another message, signed by the registry."""
        content = {"header": answer["header"], "message": answer["message"] | changes}
        raw, key = json.dumps(content).encode(), self.registry._key
        return {"signature": jws.serialize_compact({"alg": ALGORITHM}, raw, key, algorithms=[ALGORITHM])} | content


@pytest.fixture
def stage(cloud: Settings, programme: Any, running: Registry, monkeypatch: pytest.MonkeyPatch) -> Stage:
    running.configure(down=False, pending=False, unsigned=False, calls_back=False)
    running.people, running.outbox = {KNOWN.nik: KNOWN}, []
    running.hand_over(boto3.client("secretsmanager", cloud.region), cloud.stage)
    made = Stage(replace(cloud, registry_url=running.url, public_url="https://gelombang.example"), programme, running)
    opened = Registry.opened

    def open_(self: Registry, body: bytes) -> dict[str, Any]:
        made.asked.append(json.loads(body))
        return opened(self, body)

    monkeypatch.setattr(Registry, "opened", open_)
    return made


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, Verification.VERIFIED),
        ({"name": "Budi Santoso"}, Verification.MISMATCH),
        ({"nik": "3174095708950009"}, Verification.UNKNOWN_NIK),
    ],
)
def test_a_later_answer_is_judged_as_one_at_once(stage, changes: dict[str, str], state: Verification):
    answer = stage.asks(**changes)
    assert stage.state() is Verification.PENDING
    stage.now += timedelta(hours=20)
    stage.take(answer)
    person = stage.services.registrations.registrant(WHO)
    assert (person.verification, person.verified_at, person.verification_source) == (state, stage.now, "dci")


@pytest.mark.parametrize("name", [CRVS, CORE])
def test_every_message_of_both_directions_is_valid_by_the_standard(stage, name: str):
    answer = stage.asks()
    [asked] = stage.asked
    assert asked["header"]["sender_uri"] == "https://gelombang.example/registry/on-search"
    assert len(asked["message"]["transaction_id"]) <= 99
    taken = stage.take(answer)
    assert taken == {
        "message": {
            "ack_status": "ACK",
            "timestamp": "2026-11-24T03:00:00Z",
            "correlation_id": answer["message"]["correlation_id"],
        }
    }
    messages = [(ASK, asked), (ACKNOWLEDGED, taken), *([(ON_SEARCH, answer)] if name == CRVS else [])]
    assert [faults(name, of, message) for of, message in messages] == [[] for _ in messages]
    assert [unknown_fields(name, {"$ref": of}, message) for of, message in messages] == [[] for _ in messages]


def test_answers_are_taken_without_our_signing_key_and_token(stage):
    answer = stage.asks()
    secrets = boto3.client("secretsmanager", stage.settings.region)
    secrets.delete_secret(SecretId=stage.settings.registry_secret, ForceDeleteWithoutRecovery=True)
    stage.services = Services(stage.settings, stage.programme, lambda: stage.now)  # as the API's own process
    stage.take(answer)
    assert stage.state() is Verification.VERIFIED


def test_the_registry_is_told_nothing_of_the_account(stage):
    stage.asks()
    assert WHO not in json.dumps(stage.asked)


def test_an_answer_counts_once(stage):
    answer = stage.asks()
    stage.registry.people = {}
    stage.services.verifications.ask([(WHO, 1)])  # as the sweep does: a second question of the same version
    stage.ask()
    stage.take(answer)
    assert stage.refused(answer) == "not_outstanding"
    assert stage.refused(stage.registry.outbox[-1]) == "not_outstanding"
    assert stage.state() is Verification.VERIFIED


def test_an_answer_to_what_was_corrected_meanwhile_is_refused(stage):
    first = stage.asks(name="Budi Santoso")
    second = stage.asks()
    assert stage.refused(first) == "not_outstanding"
    stage.take(second)
    assert stage.state() is Verification.VERIFIED


@pytest.mark.parametrize("old", [False, True], ids=["", "kept by an earlier release"])
def test_an_answer_counts_once_after_a_change_of_what_nobody_asked_about(stage, old: bool):
    if old:
        stage.services.registrations.register(WHO, SITI, T0)
        Profile(person_pk(WHO), "PROFILE").update([Profile.question.remove()])
    answer = stage.asks()
    stage.services.registrations.register(WHO, form(phone="0812-3456-7891"), T0)
    stage.services.corrections.propose(WHO, CorrectionForm(presence="proven"), "maker", "seen", T0)
    stage.services.corrections.approve(WHO, "checker", T0)
    stage.take(answer)
    assert stage.refused(answer) == "not_outstanding"
    assert stage.state() is Verification.VERIFIED
    assert stage.services.registration_store.record(WHO).question == 4


def test_only_what_the_pinned_key_signed_is_believed(stage):
    stage.registry.configure(unsigned=True)
    forged = stage.asks()
    content = {"header": forged["header"], "message": forged["message"]}
    nobody = {"signature": "eyJhbGciOiJub25lIn0.e30."} | content
    assert [stage.refused(one) for one in (forged, nobody, {"signature": "x"})] == ["signature"] * 3
    # What stands beside a signature is not read.
    stage.registry.configure(unsigned=False)
    stage.registry.people = {}
    answer = stage.registry.answer(stage.asked[-1])
    stage.take(answer | {"message": forged["message"]})
    assert stage.state() is Verification.UNKNOWN_NIK


def test_a_transaction_that_we_never_made_or_that_waits_no_longer_is_refused(stage):
    answer = stage.asks()
    ours = answer["message"]["transaction_id"]
    other = "A" if ours[-1] != "A" else "B"
    for transaction in ("", "x", "a" * 99, ours[:-1], ours[:-2] + other + ours[-1]):
        assert stage.refused(stage.signed(answer, transaction_id=transaction)) == "not_outstanding"
    stage.now += timedelta(seconds=stage.programme.registry.answer_within_s)
    assert stage.refused(answer) == "not_outstanding"
    stage.now -= timedelta(seconds=1)
    stage.take(answer)


def test_an_answer_that_says_nothing_is_acknowledged_and_judges_nobody(stage):
    stage.registry.configure(pending=True)
    pending = stage.asks()
    [found] = pending["message"]["search_response"]
    other = stage.signed(pending, search_response=[found | {"reference_id": "another"}])
    lacking = stage.signed(pending, search_response=[])
    for answer in (pending, other, lacking):
        assert stage.take(answer)["message"]["ack_status"] == "ACK"
    assert stage.state() is Verification.PENDING
    stage.registry.configure(pending=False)
    stage.take(stage.registry.answer(stage.asked[-1]))
    assert stage.state() is Verification.VERIFIED


def test_no_address_in_a_message_is_ever_called(stage, monkeypatch: pytest.MonkeyPatch):
    answer = stage.asks()
    header = answer["header"] | {"sender_uri": f"{stage.registry.url}/sandbox/asked", "receiver_uri": "http://x"}
    named = stage.signed(answer | {"header": header})
    called: list[Any] = []
    monkeypatch.setattr(urllib3.PoolManager, "request", lambda *given, **_: called.append(given))
    stage.take(named)
    assert (stage.state(), called) == (Verification.VERIFIED, [])


def test_the_sandbox_registry_calls_the_address_that_we_name(stage):
    called: Queue[bytes] = Queue()

    class Ours(JsonHandler):
        def do_POST(self) -> None:  # noqa: N802 - as the standard library has it
            called.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(202, {})

    stage.registry.configure(calls_back=True)
    with Loopback(Ours) as ours:
        settings = replace(stage.settings, public_url=ours.url)
        stage.services = Services(settings, stage.programme, lambda: stage.now)
        stage.asks()
        stage.take(json.loads(called.get(timeout=60)))
    assert stage.state() is Verification.VERIFIED


@pytest.mark.parametrize("acknowledged", [{"message": {"ack_status": "ERR"}}, {"message": {"ack_status": "NACK"}}, {}])
def test_a_question_that_is_not_taken_waits_for_the_sweep(stage, monkeypatch, acknowledged: dict[str, Any], caplog):
    monkeypatch.setattr(Registry, "acknowledge", lambda *_: acknowledged)
    stage.services.registrations.register(WHO, SITI, T0)
    stage.ask()
    [line] = [record for record in caplog.records if record.message == "registry_silent"]
    assert line.__dict__["fact"] == ("not_acknowledged" if acknowledged else "malformed")
    assert stage.services.registry_sweep.run(T0 + timedelta(hours=1)) == 1


def test_a_stage_whose_registry_answers_at_once_or_that_has_none_takes_no_later_answer(stage, programme: Any):
    answer = stage.asks()
    for settings, figures in (
        (stage.settings, programme),
        (replace(stage.settings, registry_url="none"), stage.programme),
    ):
        stage.services = Services(settings, figures, lambda: stage.now)
        assert stage.refused(answer) == "signature"
