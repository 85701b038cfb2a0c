"""The adapter to registries that speak the DCI standard's interface of civil registries (CRVS).

Source: https://github.com/spdci/standards, `registry_core_api_v1.0.0.yaml`: `POST /registry/sync/search`, answered at
once, and `POST /registry/search`, answered later by the registry's call to us. A message is an envelope of `signature`,
`header` and `message`, with a bearer token. The signature is a compact JWS of header and message, as OpenCRVS has it
(https://github.com/opencrvs/dci-crvs-api). Only the registry's own JWS is believed. Records are read in the standard's
words (`given_name`, `birth_date`) and in those of OpenCRVS (`givenName`, `birthDate`).
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from ..aws import clients
from ..clock import Clock, iso
from ..figures.people import RegistryRules
from ..ids import Randomness, random_id
from .errors import NoAnswer
from .registry import CivilRecord

if TYPE_CHECKING:
    from joserfc.jwk import Key

AT_ONCE, LATER = "/registry/sync/search", "/registry/search"
ANSWER_BYTES_MAX = 1_000_000
_TAKEN = {HTTPStatus.OK, HTTPStatus.ACCEPTED}
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_REFUSING = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,  # other errors of a server are outages
}


class AskingSecret(Struct, frozen=True):
    """What questions are asked with. `sign_with`: our private key, a JWK with `alg` and `kid`."""

    token: str
    sender_id: str
    receiver_id: str
    sign_with: dict[str, Any]


class StudentsSecret(AskingSecret, frozen=True):
    """The same of the students' register, with its public key."""

    verify_with: dict[str, Any]


class AnswersSecret(Struct, frozen=True):
    """What answers are told by. `verify_with`: the registry's public key, such a JWK; {} until it is put there.

    `transactions` is random, and made with the stage.
    """

    verify_with: dict[str, Any]
    transactions: str

    def transactions_key(self) -> bytes:
        """32 bytes that seal which question is ours (`later`)."""
        return hashlib.sha256(b"gelombang/registry/transactions/2\0" + self.transactions.encode()).digest()


Secret = TypeVar("Secret", AskingSecret, StudentsSecret, AnswersSecret)


def secret(id_: str, region: str, kind: type[Secret]) -> Secret:
    """What is kept under this id of the Secrets Manager."""
    kept = clients.client("secretsmanager", region).get_secret_value(SecretId=id_)["SecretString"]
    return msgspec.json.decode(kept, type=kind)


class _Data(Struct, frozen=True):
    reg_records: Any = None


class _Found(Struct, frozen=True):
    reference_id: str
    status: str
    data: _Data | None = None


class _Message(Struct, frozen=True):
    transaction_id: str
    search_response: list[_Found]
    correlation_id: str = ""


class _Header(Struct, frozen=True):
    status: str


class Answer(Struct, frozen=True):
    """What the registry signed."""

    header: _Header
    message: _Message


class _Signed(Struct, frozen=True):
    signature: str


class _Acknowledgement(Struct, frozen=True):
    ack_status: str


class _Acknowledged(Struct, frozen=True):
    message: _Acknowledgement


Read = TypeVar("Read")
"""What a register says of one person."""


class DciRegister(ABC, Generic[Read]):
    """`asking` is called at the first question, `answers` at the first answer. The sweep asks again, and nothing here.

    `answer_to`: our address for answers that come later.
    """

    source = "dci"

    def __init__(
        self,
        url: str,
        figures: RegistryRules,
        asking: Callable[[], AskingSecret],
        answers: Callable[[], AnswersSecret],
        clock: Clock,
        randomness: Randomness,
        answer_to: str = "",
    ) -> None:
        import urllib3

        self._url = url.rstrip("/")
        self._answer_to = answer_to
        self._figures = figures
        self._ask_for_secret = asking
        self._ask_for_answers = answers
        self._clock = clock
        self._randomness = randomness
        timeout = urllib3.Timeout(connect=figures.timeout_s, read=figures.timeout_s)
        self._http = urllib3.PoolManager(timeout=timeout, retries=False)
        self._http_error = urllib3.exceptions.HTTPError

    def find(self, niks: Sequence[str]) -> list[Read | NoAnswer]:
        """See the port. One message. A record of another NIK is no answer."""
        transaction = random_id(self._randomness)
        raw = self._post(AT_ONCE, self._question(niks, transaction))
        try:
            signature = msgspec.json.decode(raw, type=_Signed).signature
        except msgspec.DecodeError:
            raise NoAnswer("malformed", refused=True) from None  # without its cause, which may quote the answer
        answer = self.believed(signature)
        if answer.message.transaction_id != transaction:
            raise NoAnswer("another_transaction")
        return self.said(answer, niks)

    def ask(self, nik: str, transaction: str) -> None:
        """Ask for an answer to `answer_to` that names this transaction. Raises `NoAnswer` if it was not taken."""
        raw = self._post(LATER, self._question([nik], transaction, sender_uri=self._answer_to))
        try:
            status = msgspec.json.decode(raw, type=_Acknowledged).message.ack_status
        except msgspec.DecodeError:
            raise NoAnswer("malformed") from None
        if status != "ACK":
            raise NoAnswer("not_acknowledged")

    def said(self, answer: Answer, niks: Sequence[str]) -> list[Read | NoAnswer]:
        """What an answer that is believed says of these NIKs, in their order. Raises `NoAnswer`."""
        if answer.header.status != "succ":
            waits = _is_waiting(answer.header.status)
            raise NoAnswer(_status(answer.header.status), passes=waits, refused=not waits)
        found = {one.reference_id: one for one in answer.message.search_response}
        references = _references(answer.message.transaction_id, len(niks))
        if len(found) < len(answer.message.search_response) or not found.keys() <= set(references):
            raise NoAnswer("another_reference", refused=True)
        return [self._said(found.get(reference), nik) for reference, nik in zip(references, niks, strict=True)]

    def _said(self, found: _Found | None, nik: str) -> Read | NoAnswer:
        try:
            if found is None:
                raise NoAnswer("left_out")
            if found.status != "succ":
                raise NoAnswer(_status(found.status), passes=_is_waiting(found.status))
            return self._read(self._records(found, nik))
        except NoAnswer as silence:
            return silence

    def _question(self, niks: Sequence[str], transaction: str, **header: str) -> bytes:
        """The signed envelope, with a search for each of the NIKs."""
        now = iso(self._clock())
        references = _references(transaction, len(niks))
        searches = [self._search(reference, nik, now) for reference, nik in zip(references, niks, strict=True)]
        content = {
            "header": {
                "version": "1.0.0",
                "message_id": random_id(self._randomness),
                "message_ts": now,
                "action": "search",
                "sender_id": self._secret.sender_id,
                "receiver_id": self._secret.receiver_id,
                "total_count": len(searches),
                "is_msg_encrypted": False,
                **header,
            },
            "message": {"transaction_id": transaction, "search_request": searches},
        }
        return msgspec.json.encode({"signature": self._signature(msgspec.json.encode(content)), **content})

    def _search(self, reference: str, nik: str, now: str) -> dict[str, Any]:
        criteria: dict[str, Any] = {
            "version": "1.0.0",
            "query_type": "idtype-value",
            "query": {"type": self._figures.nik_type, "value": nik},
        }
        if self._figures.reg_type:
            criteria["reg_type"] = self._figures.reg_type
        return {"reference_id": reference, "timestamp": now, "search_criteria": criteria, "locale": "eng"}

    def _signature(self, content: bytes) -> str:
        from joserfc import jws

        key = self._secret.sign_with
        header = {"alg": key["alg"], "kid": key["kid"]}
        return jws.serialize_compact(header, content, _key(key), algorithms=[key["alg"]])

    def _post(self, path: str, body: bytes) -> bytes:
        headers = {"Authorization": f"Bearer {self._secret.token}", "Content-Type": "application/json"}
        try:
            answer = self._http.request(
                "POST", self._url + path, body=body, headers=headers, redirect=False, preload_content=False
            )
            raw = answer.read(ANSWER_BYTES_MAX + 1)
            answer.release_conn()
        except self._http_error as error:
            # The text of such an error may quote the address, never the body; its kind says enough.
            raise NoAnswer(type(error).__name__, passes=True) from None
        if answer.status not in _TAKEN:
            passes = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _PASSING
            raise NoAnswer(f"http_{answer.status}", passes=passes, refused=answer.status in _REFUSING)
        if len(raw) > ANSWER_BYTES_MAX:
            raise NoAnswer("too_long", refused=True)
        return raw

    def believed(self, signature: str) -> Answer:
        """What the registry signed. Raises `NoAnswer` if it did not."""
        from joserfc import jws
        from joserfc.errors import JoseError

        key = self._answers.verify_with
        if not key:
            raise NoAnswer("no_key")
        try:
            signed = jws.deserialize_compact(signature, _key(key), algorithms=[key["alg"]])
            return msgspec.json.decode(signed.payload, type=Answer)
        except msgspec.DecodeError:
            # Without its cause, which may quote the answer.
            raise NoAnswer("malformed", refused=True) from None
        except (JoseError, ValueError):
            raise NoAnswer("signature") from None

    def _records(self, found: _Found, nik: str) -> list[dict[str, Any]]:
        """The records of a NIK."""
        given = found.data.reg_records if found.data else None
        if given is None:
            raise NoAnswer("no_records")
        if given in ([], {}):
            return []
        records = given if isinstance(given, list) else [given]
        if not all(isinstance(record, dict) for record in records):
            raise NoAnswer("malformed")
        if any(dict(_identifiers(record)).get(self._figures.nik_type) != nik for record in records):
            raise NoAnswer("another_person")
        return records

    @abstractmethod
    def _read(self, records: list[dict[str, Any]]) -> Read:
        """What the records of a NIK say, none of them if it has none. Raises `NoAnswer`."""

    def transactions_key(self) -> bytes:
        """See `AnswersSecret`."""
        return self._answers.transactions_key()

    @cached_property
    def _secret(self) -> AskingSecret:
        return self._ask_for_secret()

    @cached_property
    def _answers(self) -> AnswersSecret:
        return self._ask_for_answers()


class DciRegistry(DciRegister[CivilRecord | None]):
    """A civil registry. More than one record of a NIK is no answer."""

    def _read(self, records: list[dict[str, Any]]) -> CivilRecord | None:
        if len(records) > 1:
            raise NoAnswer("several_records", undecided=True)
        if not records:
            return None
        [record] = records
        identifiers = dict(_identifiers(record))
        name = record.get("name") if isinstance(record.get("name"), dict) else record
        parts = (_first(name, *words) for words in _NAMES)
        region = _first(_address(record), "region_code") or ""
        return CivilRecord(
            name=" ".join(part for part in parts if part) or None,
            birth_date=_date(_first(record, "birth_date", "birthdate", "birthDate")),
            kk=identifiers.get(self._figures.kk_type),
            province=int(region) if region.isascii() and region.isdecimal() else None,
            dead=_first(record, "death_date", "deathdate", "deathDate") is not None,
            sex=_SEXES.get((_first(record, "sex", "gender") or "").lower()),
        )


class DciStudents(DciRegister[bool]):
    """A register of pupils and students: whether a record of a NIK says that they are one now."""

    def _read(self, records: list[dict[str, Any]]) -> bool:
        rules = self._figures.students
        words = [_first(record, rules.status_field) for record in records]
        if any(word is not None and word.lower() in rules.active for word in words):
            return True
        if None in words:
            raise NoAnswer("without_status")
        return False


_SEXES = {"male": "male", "m": "male", "female": "female", "f": "female"}
_NAMES = (("given_name", "givenName"), ("second_name", "additionalName"), ("surname", "sur_name", "familyName"))


def _key(jwk: Mapping[str, Any]) -> Key:
    from joserfc import jwk as keys

    return keys.import_key(dict(jwk))


def _references(transaction: str, searches: int) -> list[str]:
    """Of the searches of a message; as random as its transaction."""
    return [transaction[:26] + (f"-{number}" if number else "") for number in range(searches)]


def _status(word: str) -> str:
    """A status for the log: one that the standard has, as other text may hold personal data."""
    return f"status_{word}" if word in {"rcvd", "pdng", "rjct"} else "status_unknown"


def _is_waiting(status: str) -> bool:
    return status in {"rcvd", "pdng"}


def _first(source: Any, *names: str) -> str | None:
    """The first of these that is there and says something."""
    found = (source.get(name) for name in names) if isinstance(source, dict) else ()
    return next((one.strip() for one in found if isinstance(one, str) and one.strip()), None)


def _identifiers(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A person's identifiers by their types: a list of them, one, or one beside the other fields."""
    given = record.get("identifier")
    for one in given if isinstance(given, list) else [given, record]:
        kind, value = _first(one, "identifier_type", "name"), _first(one, "identifier_value", "identifier")
        if kind and value:
            yield kind, value


def _address(record: Mapping[str, Any]) -> Any:
    given = record.get("address")
    return (given or [None])[0] if isinstance(given, list) else given


def _date(text: str | None) -> date | None:
    """The day of a date or of a date with a time; None for anything else."""
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None
