"""`verify_draw.py` over HTTP: parts of files, no redirects, time limits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.builders.draws.verify_draw import small_wave, ticket, verify
from tests.draw.verify_draw.test_ticket import long_lists


class Store(BaseHTTPRequestHandler):
    """As an object store answers: kept connections, parts (or none), a Last-Modified, 403 for what is not there."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each body waits 40 ms for the acknowledgement of its header
    files: dict[str, bytes] = {}  # noqa: RUF012 - of the class
    missing = 403
    parts = True
    modified = "Fri, 15 Sep 2023 10:31:00 GMT"
    sent: list[tuple[str, int]] = []  # noqa: RUF012 - of the class: what all its requests were answered

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        data = self.files.get(self.path.removeprefix("/draws/54/"))
        if data is None:
            self.answer(self.missing, b"<Error>AccessDenied</Error>")
            return
        if self.parts and (part := self.headers["Range"]):
            start, end = map(int, part.removeprefix("bytes=").split("-"))
            self.answer(206, data[start : end + 1], {"Content-Range": f"bytes {start}-{end}/{len(data)}"})
        else:
            self.answer(200, data)

    def answer(self, status: int, body: bytes, more: dict[str, str] | None = None) -> None:
        self.sent.append((self.path, len(body)))
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body)), "Last-Modified": self.modified} | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/draws/54"
    finally:
        server.shutdown()
        server.server_close()


def store(files: dict[str, bytes], **more: object) -> type[Store]:
    return type("Store", (Store,), {"files": files, "sent": [], **more})


def test_a_wave_passes_from_its_address_with_the_upload_time_of_the_note() -> None:
    with serving(store(small_wave())) as address:
        for target in (address, address + "/"):
            verdict = verify(target)
            assert verdict.ok, verdict.checks
            assert verdict.detail("note: wave") == "wave 54"
            assert verdict.detail("note: public before its round") == "seen at 2023-09-15T10:31:00Z"


def test_a_note_uploaded_late_is_late_unless_it_was_seen_before() -> None:
    with serving(store(small_wave(), modified="Fri, 15 Sep 2023 11:00:03 GMT")) as address:
        assert verify(address).failures == ["late note"]
        assert verify(address, "--seen-at", "2023-09-15T10:59:00Z").ok


@pytest.mark.parametrize("modified", ["", "yesterday", "Fri, 99 Sep 99999 11:00:03 GMT"])
def test_without_an_upload_time_that_check_is_skipped(modified: str) -> None:
    with serving(store(small_wave(), modified=modified)) as address:
        verdict = verify(address)
    assert verdict.ok
    assert "note: public before its round" in verdict.unchecked


def test_the_personal_proof_fetches_only_one_run_of_the_list() -> None:
    handler = store(long_lists())
    with serving(handler) as address:
        verdict = verify(address, "--ticket", ticket(77).hex(), "--region", "14")
    assert verdict.ok, verdict.checks
    files = [path.removeprefix("/draws/54/") for path, _ in handler.sent if not path.endswith("leaves/14.bin")]
    assert sorted(files) == [
        *("beacon.json", "cosignatures.txt", "nodes/14.bin", "note.txt"),
        *("regions.json", "result.json", "substitutions.json"),
    ]
    lists = [size for path, size in handler.sent if path.endswith("leaves/14.bin")]
    assert 1 <= len(lists) <= 2
    assert max(lists) <= 4096 * 32


def test_a_server_that_cannot_send_parts_is_read_up_to_the_run() -> None:
    with serving(store(long_lists(), parts=False)) as address:
        assert verify(address).ok
        for number in range(0, 20_000, 4000):
            verdict = verify(address, "--ticket", ticket(number).hex(), "--region", "14")
            assert verdict.ok, verdict.checks


def test_without_parts_a_list_of_another_length_is_malformed() -> None:
    whole = long_lists()["leaves/14.bin"]
    for other in (whole[:-32], whole + bytes(32)):
        with serving(store(long_lists() | {"leaves/14.bin": other}, parts=False)) as address:
            verdict = verify(address, "--ticket", ticket(7).hex(), "--region", "14")
        assert verdict.failures == ["malformed"]


@pytest.mark.parametrize("status", [403, 404])
def test_missing_files_are_named_and_each_file_is_requested_once(status: int) -> None:
    files = small_wave().keys() - {"beacon.json", "substitutions.json"}
    handler = store({name: small_wave()[name] for name in files}, missing=status)
    with serving(handler) as address:
        assert verify(address).failures == ["missing"]
    asked = [path.removeprefix("/draws/54/") for path, _ in handler.sent]
    assert len(asked) == len(set(asked))
    strays = {f"{kind}/{code}.bin" for kind in ("leaves", "nodes") for code in range(10, 100)}
    absent = {"beacon.json", "substitutions.json", "cosignatures.txt", "sample.json", "verify_draw.py"}
    assert {*asked} == files | strays | absent - {"sample.json"}, "a sample needs a draw"


@pytest.mark.parametrize("claimed", ["bytes 0-131071/999999", "bytes 32-131103/640000", "", "bytes */640000"])
def test_other_bytes_than_were_asked_for_are_refused(claimed: str) -> None:
    def other(self: Store) -> None:
        self.answer(206, self.files["leaves/14.bin"][: 4096 * 32], {"Content-Range": claimed})

    handler = store(long_lists(), do_GET=lambda self: other(self) if "leaves" in self.path else Store.do_GET(self))
    with serving(handler) as address:
        assert verify(address, "--ticket", ticket(7).hex(), "--region", "14").failures == ["malformed"]
