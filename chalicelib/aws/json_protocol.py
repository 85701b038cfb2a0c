"""The JSON protocol of DynamoDB and KMS without botocore's model of them.

For each call an ordinary client builds its user agent, looks its endpoint up, serialises and parses by the service's
model and signs by general rules. That takes 250 us and more. Here a call is JSON, a signature, and a send through the
connection of that same client. The client itself handles every answer that is not plain, with its parser, its retries
with their quota and pauses, and its exceptions. It also handles the events around the send. So time-outs, proxies,
credentials, `AWS_ENDPOINT_URL` and the hooks of tests work as usual, and failures look the same.

Not supported are account-based endpoints (the region's is used), and events before the send.
Decision 006 says why, and what the tests compare.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import zlib
from binascii import a2b_base64
from functools import lru_cache, partial
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import msgspec
from botocore.awsrequest import AWSPreparedRequest
from botocore.endpoint import convert_to_response_dict
from botocore.exceptions import ChecksumError, NoCredentialsError
from botocore.hooks import first_non_none_response

from .kept_connections import KeptConnections

_SIGNED = "content-type;host;x-amz-date;x-amz-target"
_SIGNED_SESSION = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
OPERATIONS = {
    "dynamodb": frozenset(
        {
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query",
            "Scan",
            "TransactGetItems",
            "TransactWriteItems",
            "UpdateItem",
        }
    ),
    "kms": frozenset({"Decrypt", "GenerateDataKey", "GenerateMac"}),
}
"""The operations that go this way: those on items and keys. All others go through the ordinary client."""

lean = True
"""Whether any operation goes this way. `wiring` sets it from a deployment's settings."""


def call(client: Any, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The answer to an operation. Raises `ClientError` or `BotoCoreError`."""
    if lean and operation in OPERATIONS[client.meta.service_model.service_name]:
        return _wire(client).call(operation, asked)
    # The method of the client's class, as that of the client itself may be this function.
    answer: dict[str, Any] = type(client)._make_api_call(client, operation, asked)
    return answer


def body(client: Any, operation: str, asked: dict[str, Any]) -> bytes:
    """The undecoded JSON of an answer. Raises the same as `call`."""
    if lean:
        return _wire(client).body(operation, asked)
    return msgspec.json.encode(type(client)._make_api_call(client, operation, asked))


def shorten(client: Any) -> None:
    """Make a client's own methods, such as `decrypt`, use `call`."""
    client._make_api_call = partial(call, client)


class Wire:
    """Calls through an ordinary client. Threads may share it as they may share the client."""

    def __init__(self, client: Any) -> None:
        self.client = client
        model = client.meta.service_model
        self._service, self._event = model.signing_name, model.service_id.hyphenize()
        self._type = f"application/x-amz-json-{model.metadata['jsonVersion']}"
        self._prefix = model.metadata["targetPrefix"]
        self._decode = _decode_attributes if self._service == "dynamodb" else _decode_keys
        self._events = client.meta.events
        self._region = client.meta.region_name
        address = urlsplit(client.meta.endpoint_url)
        self._path = address.path or "/"
        self._url = address._replace(path=self._path).geturl()
        # The host as the connection writes it: without the scheme's default port.
        self._host = address.netloc.lower().removesuffix(":443" if address.scheme == "https" else ":80")
        self._user_agent = client.meta.config.user_agent
        self._connections = KeptConnections(client._endpoint.http_session, self._url, self._host, self._path)

    def call(self, operation: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The answer to an operation, without `ResponseMetadata`.

        Every try sends the same bytes. The caller of TransactWriteItems gives it a `ClientRequestToken`, so a try whose
        answer was lost neither writes twice nor fails because of its own writes. Raises `ClientError` or
        `BotoCoreError`, as the client would.
        """
        return self._read(self._answer(operation, payload), operation)

    def body(self, operation: str, payload: dict[str, Any]) -> bytes:
        """The answer of `call` as undecoded bytes. Their checksum, if there is one, was verified."""
        body: bytes = self._answer(operation, payload).content
        return body

    def _answer(self, operation: str, payload: dict[str, Any]) -> Any:
        body = msgspec.json.encode(payload)
        model = self.client.meta.service_model.operation_model(operation)
        context = {"client_region": self._region, "client_config": self.client.meta.config, "retries": {}}
        for attempt in count(1):
            response, error = self._sent(operation, self._signed(operation, body))
            plain = response is not None and _is_plain(response)
            refusal = {} if response is None or plain else self._refusal(response, model)
            answer = None if response is None else (response, refusal)
            if plain or not self.client._endpoint._needs_retry(attempt, model, {"context": context}, answer, error):
                break
        if error is not None:
            raise error
        heard = {"http_response": response, "parsed": refusal, "model": model, "context": context}
        self._events.emit(f"after-call.{self._event}.{operation}", **heard)
        if not plain:
            raise self._exception(operation, response, refusal, attempt - 1)
        return response

    def _signed(self, operation: str, body: bytes) -> AWSPreparedRequest:
        credentials = self.client._request_signer._credentials
        if credentials is None:
            raise NoCredentialsError
        access_key, secret_key, token = credentials.get_frozen_credentials()[:3]
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        target = f"{self._prefix}.{operation}"
        # Signature Version 4, for this kind of request only.
        session, named = (f"x-amz-security-token:{token}\n", _SIGNED_SESSION) if token else ("", _SIGNED)
        canonical = (
            f"POST\n{self._path}\n\ncontent-type:{self._type}\nhost:{self._host}\nx-amz-date:{moment}\n{session}"
            f"x-amz-target:{target}\n\n{named}\n{hashlib.sha256(body).hexdigest()}"
        )
        scope = f"{moment[:8]}/{self._region}/{self._service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(_signing_key(secret_key, scope), text.encode(), "sha256").hex()
        headers: Any = {
            "Content-Type": self._type,
            "X-Amz-Date": moment,
            "X-Amz-Target": target,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={named}, "
            f"Signature={signature}",
            "User-Agent": self._user_agent,
            "Content-Length": str(len(body)),
        }
        if token:
            headers["X-Amz-Security-Token"] = token
        # A plain mapping is enough: botocore's own class of headers costs more than the signature.
        return AWSPreparedRequest("POST", self._url, headers, body, False)

    def _sent(self, operation: str, request: AWSPreparedRequest) -> tuple[Any, Exception | None]:
        """The answer, or the error instead of one. The client decides what it means."""
        try:
            hooked = self._events.emit(f"before-send.{self._event}.{operation}", request=request)
            response = first_non_none_response(hooked)
            return (self._connections.send(request) if response is None else response), None
        except Exception as error:  # noqa: BLE001 - as the client does: whether to try again is decided from it
            return None, error

    def _read(self, response: Any, operation: str) -> dict[str, Any]:
        read: dict[str, Any]
        try:
            read = msgspec.json.decode(response.content)
        except msgspec.DecodeError:  # KMS sends no checksum by which it would have been noticed
            read = self._parsed(response, self.client.meta.service_model.operation_model(operation))
        else:
            self._decode(read, response.content)
        return read

    def _parsed(self, response: Any, model: Any) -> Any:
        return self.client._response_parser.parse(convert_to_response_dict(response, model), model.output_shape)

    def _refusal(self, response: Any, model: Any) -> Any:
        """An error in the form of `ClientError.response`; empty if the answer is damaged."""
        if response.status_code < 300:
            return {}
        parsed = self._parsed(response, model)
        self.client._endpoint._add_modeled_error_fields(
            convert_to_response_dict(response, model), parsed, model, self.client._response_parser
        )
        return parsed

    def _exception(self, operation: str, response: Any, refusal: Any, retries: int) -> Exception:
        if response.status_code < 300:
            expected, actual = response.headers["x-amz-crc32"], str(zlib.crc32(response.content))
            return ChecksumError(checksum_type="crc32", expected_checksum=expected, actual_checksum=actual)
        refusal["ResponseMetadata"]["RetryAttempts"] = retries
        failure: Exception = self.client.exceptions.from_code(refusal["Error"]["Code"])(refusal, operation)
        return failure


_wire = lru_cache(maxsize=4)(Wire)


def _decode_keys(answer: dict[str, Any], _body: bytes) -> None:
    for name in ("CiphertextBlob", "Mac", "Plaintext"):
        if name in answer:
            answer[name] = a2b_base64(answer[name])


def _decode_attributes(answer: dict[str, Any], body: bytes) -> None:
    if b'"B"' in body or b'"BS"' in body:
        _decode_bytes(answer)


def _decode_bytes(node: dict[str, Any]) -> None:
    """Decode the Base64 of `{"B": text}` and `{"BS": [texts]}` everywhere in an answer, as JSON has no type for bytes.

    This does not confuse an attribute that is called B or BS, as its value is an object with its type, not a text.
    """
    for key, value in node.items():
        if isinstance(value, str):
            if key == "B":
                node[key] = a2b_base64(value)
        elif isinstance(value, dict):
            _decode_bytes(value)
        elif isinstance(value, list):
            if key == "BS" and all(isinstance(each, str) for each in value):
                node[key] = list(map(a2b_base64, value))
            else:
                for each in value:
                    if isinstance(each, dict):
                        _decode_bytes(each)


def _is_plain(response: Any) -> bool:
    if response.status_code >= 300:
        return False
    return response.headers.get("x-amz-crc32") in (None, str(zlib.crc32(response.content)))


@lru_cache(maxsize=2)
def _signing_key(secret_key: str, scope: str) -> bytes:
    """The signing key of a day, a region and a service. Thousands of requests share it."""
    key = b"AWS4" + secret_key.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
