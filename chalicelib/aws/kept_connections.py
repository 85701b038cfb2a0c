"""Sends requests on the open connections of a client's own session, without the general code of urllib3.

botocore's session opens every connection, with its proxies, certificates, time-outs and limits, and sends the first
request on it. A later request takes the connection from the session's pool, writes its bytes, reads the answer and puts
the connection back. A plain answer (HTTP/1.1, a `Content-Length`, the whole head at once) is read here. `http.client`
and urllib3 read any other answer from its first byte. Errors are those that the session would raise, and after one the
connection is closed. Decision 006 says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from ssl import SSLError
from typing import Any
from weakref import ref

import urllib3
from botocore import exceptions
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session

SEND = URLLib3Session.send
"""botocore's own method. If a test or a tracer has replaced it, the replacement gets every request."""
NONE: tuple[Any, Any] = None, None
_HEAD = re.compile(rb"HTTP/1\.1 (200|[45]\d\d) [\t -~]*\r\n((?:[\w-]+:[\t -~]*\r\n)+)\r\n")


class KeptConnections:
    """The open connections of a client's session to one address. Threads may share it as they may share the session."""

    def __init__(self, session: Any, url: str, host: str, path: str) -> None:
        self._session = session
        self._url = url
        self._head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: identity\r\n"
        # A weak reference: a session that is closed drops its pool.
        self._pool: Callable[[], Any] = lambda: None

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """The answer to a POST with all its headers but `Host`. Raises as botocore's session does."""
        pool, connection = self._kept() if self._is_plain(request) else NONE
        if connection is None:
            response: AWSResponse = self._session.send(request)
            return response
        stays = False
        try:
            response, stays = self._asked(connection, request, pool.timeout)
        except (SSLError, urllib3.exceptions.SSLError) as error:
            raise exceptions.SSLError(endpoint_url=request.url, error=error) from error
        except (TimeoutError, urllib3.exceptions.ReadTimeoutError) as error:
            raise exceptions.ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except (OSError, HTTPException, urllib3.exceptions.ProtocolError) as error:
            raise exceptions.ConnectionClosedError(endpoint_url=request.url, error=error) from error
        except Exception as error:
            raise exceptions.HTTPClientError(error=error) from error
        finally:
            if not stays:
                connection.close()
            pool._put_conn(connection)
        return response

    def _is_plain(self, request: AWSPreparedRequest) -> bool:
        """Whether session and request are of the classes that this supports, and not replaced."""
        values = request.headers.values()
        return (
            getattr(self._session.send, "__func__", None) is SEND
            and request.url == self._url
            and {*map(type, values)} == {str}
            and (text := "".join(values)).isascii()
            and text.isprintable()
        )

    def _kept(self) -> tuple[Any, Any]:
        """The pool and an open connection from it; None if the session must open one or uses a proxy."""
        pool = self._pool()
        if pool is None:
            if self._session._proxy_config.proxy_url_for(self._url):
                return NONE
            pool = self._session._manager.connection_from_url(self._url)
            self._session._setup_ssl_cert(pool, self._url, self._session._verify)
            self._pool = ref(pool)
        connection = pool._get_conn()
        if connection.is_closed:
            pool._put_conn(connection)
            return NONE
        return pool, connection

    def _asked(self, connection: Any, request: Any, timeout: urllib3.Timeout) -> tuple[AWSResponse, bool]:
        """The answer, and whether the connection can be used again."""
        head = self._head + "".join([f"{name}: {value}\r\n" for name, value in request.headers.items()])
        connection.sock.settimeout(timeout.connect_timeout)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # there may be an answer nevertheless
                connection.sock.sendall(f"{head}\r\n".encode() + request.body)
        except TimeoutError as error:
            raise ConnectionError from error
        connection.sock.settimeout(timeout.read_timeout)
        with HTTPResponse(connection.sock, method="POST") as answer:
            plain = _plain(answer.fp.peek())
            if plain is None:
                status, headers, body, stays = _unusual(answer)
            else:
                status, headers, length, start = plain
                answer.fp.read(start)
                body = answer.fp.read(length)
                stays = len(body) == length
        response: Any = AWSResponse(request.url, status, headers, None)
        response._content = body
        return response, stays


def _plain(beginning: bytes) -> tuple[int, Any, int, int] | None:
    """Status, headers and length of an answer, and where its body starts; None if it is not plain."""
    head = _HEAD.match(beginning)
    if head is None:
        return None
    lines = head[2].decode().split("\r\n")[:-1]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length", "")
    if (
        len(headers) < len(lines)
        or not length.isdecimal()
        or "transfer-encoding" in headers
        or headers.get("connection", "keep-alive").lower() != "keep-alive"
    ):
        return None
    return int(head[1]), headers, int(length), head.end()


def _unusual(answer: HTTPResponse) -> tuple[int, Any, bytes, bool]:
    """Status, headers and body of any answer, read as urllib3 does for botocore; and whether the connection stays."""
    answer.begin()
    headers = urllib3.HTTPHeaderDict([(name, value.replace("\r\n", "")) for name, value in answer.msg.items()])
    body = urllib3.HTTPResponse(
        answer,
        headers,
        answer.status,
        preload_content=False,
        decode_content=False,
        original_response=answer,
        enforce_content_length=False,
        request_method="POST",
    )
    return answer.status, headers, b"".join(body.stream()), not answer.will_close
