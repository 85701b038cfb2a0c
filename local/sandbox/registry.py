"""The sandbox civil registry: a real HTTP server on loopback that speaks DCI's search, with people of its own.

`python -m local.sandbox.registry --port 8002 --people people.json`, or `with Registry("seed") as registry:`.

    POST /registry/sync/search    the record of a NIK, in a signed envelope (bearer token); the register of pupils and
                                  students has those of its own `reg_type`
    POST /sandbox/files           the answer to a file of questions, as an office without an interface gives it
    GET  /sandbox/asked           how often each NIK was asked about
    POST /registry/search         an acknowledgement; the answer goes to the envelope's `sender_uri`, and to `outbox`
    POST /sandbox/students        set who is a pupil or student, by NIK: {"3174...": "active"}; others have no record
    POST /sandbox/people          add people: [{"nik", "name", "birth_date", "kk", "province"}, ...]
    POST /sandbox/settings        change some of `Faults`

It shares no code with the application. Its mistakes follow from a seed and the NIK, so they stay.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import secrets
import threading
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from .server import JsonHandler, Loopback

ALGORITHM = "Ed25519"
STUDENTS = "students"
"""The `reg_type` of the register of pupils and students, which has people of its own."""
_SAID = ("found", "name", "birth_date", "kk", "province", "sex", "dead")


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A person as the registry has them. `province`: its Kemendagri code, "31". `sex`: the NIK's without it."""

    nik: str
    name: str
    birth_date: str
    kk: str
    province: str
    died_on: str = ""
    sex: str = ""


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong. `mistake_rate`: of the records, by NIK; `error_rate`: of the answers, anew each time.

    `calls_back`: false leaves later answers in the outbox. `trusts`: a text that is taken for a signature, as
    another's suite signs nothing. `nik_type`: what a NIK is called.
    """

    down: bool = False
    hangs: bool = False
    pending: bool = False
    unsigned: bool = False
    slow_s: float = 0
    error_rate: float = 0
    mistake_rate: float = 0
    calls_back: bool = True
    trusts: str = ""
    nik_type: str = "NIK"


class Registry(Loopback):
    """The registry as a context manager. `secret` and `public_key` are what an administrator would be given."""

    def __init__(self, seed: str, people: Iterable[Person] = (), port: int = 0) -> None:
        super().__init__(_Handler, port)
        self.faults = Faults()
        self.people = {person.nik: person for person in people}
        self.students: dict[str, str] = {}
        """The register of pupils and students: a status by NIK."""
        self.students_down = False
        self.asked: Counter[str] = Counter()
        self.students_asked: Counter[str] = Counter()
        self.outbox: list[dict[str, Any]] = []
        """Answers that came later, the latest last."""
        self.stopping = threading.Event()
        self._seed = seed
        self._key = OKPKey.generate_key("Ed25519", {"kid": "registry-1", "alg": ALGORITHM})
        self._client = OKPKey.generate_key("Ed25519", {"kid": "gelombang-1", "alg": ALGORITHM})
        self.secret = {
            "token": secrets.token_urlsafe(24),
            "sender_id": "gelombang",
            "receiver_id": "sandbox-registry",
            "sign_with": self._client.as_dict(private=True),
        }
        self.public_key = self._key.as_dict(private=False)

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        super().__exit__()

    def hand_over(self, secrets_manager: Any, stage: str) -> None:
        """Put the secret and the key where the application reads them, as the administrator of a stage does once."""
        secrets_manager.create_secret(Name=f"gelombang-{stage}-registry", SecretString=json.dumps(self.secret))
        self.hand_over_key(secrets_manager, stage)
        students = json.dumps(self.secret | {"verify_with": self.public_key})
        secrets_manager.create_secret(Name=f"gelombang-{stage}-students", SecretString=students)

    def hand_over_key(self, secrets_manager: Any, stage: str) -> None:
        answers = f"gelombang-{stage}-registry-answers"
        kept = json.loads(secrets_manager.get_secret_value(SecretId=answers)["SecretString"])
        given = json.dumps(kept | {"verify_with": self.public_key})
        secrets_manager.put_secret_value(SecretId=answers, SecretString=given)

    def add(self, people: Iterable[Person]) -> None:
        self.people |= {person.nik: person for person in people}

    def configure(self, **changes: Any) -> None:
        self.faults = msgspec.structs.replace(self.faults, **changes)

    def opened(self, body: bytes) -> dict[str, Any]:
        """A caller's envelope. Raises ValueError if it is not signed by them, or not what they signed."""
        try:
            envelope = json.loads(body)
            if self.faults.trusts and envelope["signature"] == self.faults.trusts:
                return {"header": envelope["header"], "message": envelope["message"]}
            signed = jws.deserialize_compact(envelope.pop("signature"), self._client, algorithms=[ALGORITHM])
        except (JoseError, KeyError, TypeError, AttributeError) as error:
            raise ValueError("not signed") from error
        if json.loads(signed.payload or b"") != envelope:
            raise ValueError("another message was signed")
        return dict(envelope)

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The signed answer to an envelope, in which each search is answered on its own."""
        message = asked["message"]
        searches = [self._search(one) for one in message["search_request"]]
        content = {
            "header": {
                "version": "1.0.0",
                "message_id": str(uuid.uuid4()),
                "message_ts": _now(),
                "action": "on-search",
                "status": "pdng" if self.faults.pending else "succ",
                "total_count": len(searches),
                "completed_count": len(searches),
                "sender_id": "sandbox-registry",
                "receiver_id": asked["header"]["sender_id"],
                "is_msg_encrypted": False,
            },
            "message": {
                "transaction_id": message["transaction_id"],
                "correlation_id": str(uuid.uuid4()),
                "search_response": searches,
            },
        }
        header = {"alg": ALGORITHM, "kid": "registry-1"}
        key = self._client if self.faults.unsigned else self._key  # a key that is not the registry's
        signature = jws.serialize_compact(header, json.dumps(content).encode(), key, algorithms=[ALGORITHM])
        return {"signature": signature, **content}

    def acknowledge(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Take a question whose answer goes to the address that it names."""
        answer = self.answer(asked)
        self.outbox.append(answer)
        if self.faults.calls_back and "sender_uri" in asked["header"]:
            given = asked["header"]["sender_uri"], json.dumps(answer).encode()
            threading.Thread(target=_call, args=given, daemon=True).start()
        correlation = answer["message"]["correlation_id"]
        return {"message": {"ack_status": "ACK", "timestamp": _now(), "correlation_id": correlation}}

    def answer_file(self, raw: bytes) -> bytes:
        """The answer to a batch's file, each row on its own."""
        form, batch, count, sha256 = raw.partition(b"\n")[0].decode().split(",")
        body = raw.partition(b"\n")[2]
        rows = list(csv.DictReader(io.StringIO(body.decode())))
        if (len(rows), hashlib.sha256(body).hexdigest()) != (int(count), sha256):
            raise ValueError("the file is damaged")
        text = io.StringIO()
        out = csv.DictWriter(text, ("row", "reference", "nik", *_SAID), lineterminator="\n", restval="")
        out.writeheader()
        for row in rows:
            person = self.people.get(row["nik"])
            out.writerow(row | ({"found": "no"} if person is None else self._said(person)))
        answer = text.getvalue().encode()
        return f"{form},{batch},{len(rows)},{hashlib.sha256(answer).hexdigest()}\n".encode() + answer

    def _said(self, person: Person) -> dict[str, str]:
        record = self._record(person)
        return {
            "found": "yes",
            "name": person.name.upper(),
            "birth_date": record["birth_date"][:10],
            "kk": person.kk,
            "province": person.province,
            "sex": record["sex"],
            "dead": "yes" if person.died_on else "no",
        }

    def happens(self, rate: float, *about: str) -> bool:
        digest = hashlib.sha256("\0".join((self._seed, *about)).encode()).digest()
        return int.from_bytes(digest[:4], "big") < rate * 2**32

    def _search(self, search: dict[str, Any]) -> dict[str, Any]:
        query = search["search_criteria"]
        found: dict[str, Any] = {"reference_id": search["reference_id"], "timestamp": _now(), "locale": "eng"}
        if query["query_type"] != "idtype-value" or query["query"]["type"] != self.faults.nik_type:
            return found | {"status": "rjct", "status_reason_code": "rjct.search_criteria.invalid"}
        nik = query["query"]["value"]
        if query.get("reg_type") == STUDENTS:
            return found | self._search_students(nik)
        self.asked[nik] += 1
        records = [self._record(self.people[nik])] if nik in self.people else []
        return found | {"status": "succ", "data": _data("spdci-extensions-dci:Person", records)}

    def _search_students(self, nik: str) -> dict[str, Any]:
        self.students_asked[nik] += 1
        if self.students_down:
            return {"status": "pdng"}
        identifier = [{"identifier_type": self.faults.nik_type, "identifier_value": nik}]
        records = [{"identifier": identifier, "status": self.students[nik]}] if nik in self.students else []
        return {"status": "succ", "data": _data("Student", records)}

    def _record(self, person: Person) -> dict[str, Any]:
        given, _, surname = person.name.upper().rpartition(" ")
        born = person.birth_date
        if self.happens(self.faults.mistake_rate, person.nik):
            born = f"{int(born[:4]) - 1}{born[4:]}"
        record: dict[str, Any] = {
            "@type": "CRVS_Person",
            "identifier": [
                {"identifier_type": self.faults.nik_type, "identifier_value": person.nik},
                {"identifier_type": "KK", "identifier_value": person.kk},
            ],
            "name": {"given_name": given or surname, "second_name": "", "surname": surname if given else ""},
            "sex": person.sex or ("female" if person.nik[6] >= "4" else "male"),
            "birth_date": f"{born}T00:00:00",
            "death_date": person.died_on,
            "address": [{"region_code": person.province, "country_code": "ID"}],
        }
        return record


class _Handler(JsonHandler):
    def do_POST(self) -> None:  # noqa: N802 - as the standard library has it
        registry: Registry = self.server.owner
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if self.path == "/sandbox/people":
                registry.add(msgspec.json.decode(body, type=list[Person]))
            elif self.path == "/sandbox/students":
                registry.students |= msgspec.json.decode(body, type=dict[str, str])
            elif self.path == "/sandbox/settings":
                registry.configure(**msgspec.json.decode(body, type=dict[str, Any]))
            elif self.path == "/sandbox/files":
                return self.answer(200, {"file": registry.answer_file(body).decode()})
            elif self.path == "/registry/sync/search":
                return self._serve(registry, body, registry.answer)
            elif self.path == "/registry/search":
                return self._serve(registry, body, registry.acknowledge)
            else:
                return self.answer(404, _errors("not_found"))
        except (msgspec.DecodeError, TypeError, ValueError) as error:
            return self.answer(400, _errors(str(error)))
        return self.answer(200, {})

    def do_GET(self) -> None:  # noqa: N802 - as the standard library has it
        found = self.server.owner.asked if self.path == "/sandbox/asked" else None
        self.answer(404 if found is None else 200, _errors("not_found") if found is None else found)

    def _serve(self, registry: Registry, body: bytes, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        faults = registry.faults
        if self.headers.get("Authorization") != f"Bearer {registry.secret['token']}":
            return self.answer(401, _errors("unauthorized"))
        if faults.hangs:
            registry.stopping.wait(60)
            self.close_connection = True
            return None
        time.sleep(faults.slow_s)
        if faults.down or registry.happens(faults.error_rate, str(time.monotonic_ns())):
            return self.answer(503, _errors("unavailable"))
        try:
            return self.answer(200, answer(registry.opened(body)))
        except (ValueError, KeyError, TypeError) as error:
            return self.answer(400, _errors(type(error).__name__))


def _call(address: str, body: bytes) -> None:
    asked = urllib.request.Request(address, body, {"Content-Type": "application/json"})  # noqa: S310 - our caller's own
    with contextlib.suppress(OSError), urllib.request.urlopen(asked, timeout=10):  # noqa: S310
        pass


def _data(kind: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    return {"version": "1.0.0", "reg_record_type": kind, "reg_records": records}


def _errors(code: str) -> dict[str, Any]:
    """An error as HTTP has it in the standard, and as an acknowledgement has it."""
    error = {"code": code, "message": code}
    said = {"ack_status": "ERR", "timestamp": _now(), "correlation_id": str(uuid.uuid4()), "error": error}
    return {"errors": [error], "message": said}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@click.command()
@click.option("--port", default=0, help="0 takes a free one.")
@click.option("--seed", default="sandbox", help="Which records are wrong follows from it.")
@click.option("--people", type=click.File(encoding="utf-8"), help="A JSON list, as POST /sandbox/people takes it.")
def main(port: int, seed: str, people: Any) -> None:
    """Run the sandbox registry until it is interrupted.

    Prints its address, and as JSON the application's secret and the registry's public key.
    """
    known = msgspec.json.decode(people.read(), type=list[Person]) if people else []
    with Registry(seed, known, port) as registry:
        click.echo(registry.url)
        click.echo(json.dumps(registry.secret))
        click.echo(json.dumps(registry.public_key))
        threading.Event().wait()


if __name__ == "__main__":
    main()
