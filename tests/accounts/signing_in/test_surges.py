"""In a surge from one network or all, unknown devices show a proof of work, and nobody is refused for good."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from msgspec.structs import replace

from chalicelib.accounts.contacts.contact import parse_contact
from chalicelib.accounts.errors import ProofOfWorkNeeded
from chalicelib.accounts.signing_in import networks
from chalicelib.accounts.signing_in.networks import CROWDED, NOT_COUNTED, SAMPLE, SHARDS
from chalicelib.accounts.signing_in.sign_ins import Started
from chalicelib.accounts.signing_in.work import LIFETIME, challenge, is_done
from chalicelib.accounts.wire import SignInStart, WorkDone
from tests.builders.accounts.sign_ins import SITI, SignInsWorld
from tests.builders.aws.calls import drained
from tests.conftest import T0

BITS = 8
KEY = bytes(range(32))
HERE, ELSEWHERE = "192.0.2.7", "198.51.100.7"


@pytest.fixture
def busy(signing: SignInsWorld) -> SignInsWorld:
    """A network is crowded above 128 starts in ten minutes, and work is small."""
    accounts = replace(signing.rules, network_sign_ins=128, work_bits=BITS)
    return SignInsWorld(signing.settings, replace(signing.services.programme, accounts=accounts))


def start(world: SignInsWorld, contact: str = SITI, source: str = HERE, **more: Any) -> Started:
    device = more.pop("device", None)
    return world.sign_ins.start(SignInStart(contact=contact, **more), source, world.now, device)


def solved(posed: str) -> WorkDone:
    """As a client finds an answer."""
    from hashlib import sha256

    for answer in map(str, itertools.count()):
        if sha256(f"{posed}.{answer}".encode()).digest()[: BITS // 8] == bytes(BITS // 8):
            return WorkDone(challenge=posed, answer=answer)
    raise AssertionError


def crowd(world: SignInsWorld, source: str = HERE) -> None:
    """So many begin from a network, as far as its counter knows, that it is crowded; this process has heard of it."""
    world.sign_ins._networks._randomness = lambda n: bytes(n)  # every start is counted, all in one shard
    network = world.services.macs.network(networks.prefix_of(source))
    told = [world.sign_ins._networks.is_crowded(network, world.now) for _ in range(128 // SAMPLE // SHARDS + 1)]
    assert told == [False, False, True]


def test_in_a_crowded_network_only_unknown_devices_show_work(busy: SignInsWorld, caplog):
    crowd(busy)
    with pytest.raises(ProofOfWorkNeeded) as asked:
        start(busy)
    posed = str(asked.value.facts["challenge"])
    assert asked.value.facts == {"challenge": posed, "bits": BITS, "retry_after_s": 1}
    assert start(busy, work=solved(posed)).sign_in.budget_id
    assert start(busy, device=busy.device(SITI, "own"))
    assert start(busy, source=ELSEWHERE)
    [rung] = [record for record in caplog.records if record.message == CROWDED]
    assert rung.seen > busy.rules.network_sign_ins
    assert "192.0.2" not in repr([vars(record) for record in caplog.records]) + repr(busy.rows("N#"))


def test_a_device_known_to_another_contact_counts_as_unknown(busy: SignInsWorld):
    crowd(busy)
    with pytest.raises(ProofOfWorkNeeded):
        start(busy, device=busy.device("budi@example.org", "own"))


def test_in_the_next_window_a_network_is_no_longer_crowded(busy: SignInsWorld):
    crowd(busy)
    busy.later(busy.rules.network_window_s)
    assert start(busy)


def test_one_start_in_sixteen_is_counted_for_all(signing: SignInsWorld):
    counted = itertools.count()
    signing.sign_ins._networks._randomness = lambda n: bytes([next(counted) % 256]) * n
    told = [signing.sign_ins._networks.is_crowded("n" * 32, signing.now) for _ in range(128)]
    assert not any(told)
    assert sum(int(row["seen"]["N"]) for row in signing.rows("N#")) == 128


def test_if_counting_fails_no_work_is_required_and_it_rings(busy: SignInsWorld, monkeypatch, caplog):
    def broken(*_: object, **__: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://dynamodb")

    busy.sign_ins._networks._randomness = bytes
    monkeypatch.setattr(networks.counters, "write", broken)
    assert not busy.sign_ins._networks.is_crowded("n" * 32, busy.now)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [NOT_COUNTED]


def test_when_codes_wait_too_long_all_unknown_devices_show_work(busy: SignInsWorld, monkeypatch):
    longest = busy.rules.surge_wait_s * busy.rules.codes_per_s
    monkeypatch.setattr(busy.sign_ins._queue._queue, "waiting", lambda: longest)
    assert start(busy)
    busy.later(10)
    monkeypatch.setattr(busy.sign_ins._queue._queue, "waiting", lambda: longest + busy.rules.codes_per_s)
    with pytest.raises(ProofOfWorkNeeded) as asked:
        start(busy, source=ELSEWHERE)
    assert start(busy, work=solved(str(asked.value.facts["challenge"])))
    assert start(busy, device=busy.device(SITI, "own"))


def test_a_request_without_work_counts_no_code(busy: SignInsWorld):
    crowd(busy)
    before = busy.rows("B#")
    for work in (None, WorkDone(challenge="1.ab", answer="1")):
        with pytest.raises(ProofOfWorkNeeded):
            start(busy, work=work)
    assert busy.rows("B#") == before


def test_work_is_valid_for_its_contact_for_some_minutes():
    mac = parse_contact(SITI).value
    work = solved(challenge(KEY, mac, T0))
    given = work.challenge, work.answer

    assert is_done(KEY, mac, BITS, given, T0)
    assert is_done(KEY, mac, 0, (work.challenge, "anything"), T0)
    assert not is_done(KEY, mac, 40, given, T0)
    assert not is_done(KEY, "another", BITS, given, T0)
    assert not is_done(KEY[::-1], mac, BITS, given, T0)
    assert not is_done(KEY, mac, BITS, given, T0 + LIFETIME)
    until, _, signed = work.challenge.partition(".")
    for posed in (f"{int(until) + 1}.{signed}", signed, "", ".", f"{until}.", "９.x", "9" * 20 + ".x", f"{until}.é"):
        assert not is_done(KEY, mac, 0, (posed, work.answer), T0)


def test_messages_of_one_network_share_a_group_so_that_the_queue_serves_networks_fairly(signing: SignInsWorld):
    """SQS keeps no group waiting for another one's crowd (its fair queues); the group is no address."""
    for place, source in enumerate(["192.0.2.7", "192.0.2.250", ELSEWHERE]):
        start(signing, f"person{place}@example.org", source)
    messages = drained(signing.settings.codes_queue_url)
    groups = [message["Attributes"]["MessageGroupId"] for message in messages]
    assert sorted(Counter(groups).values()) == [1, 2]
    assert not any(part in group for group in groups for part in ("192.0.2", "198.51"))
