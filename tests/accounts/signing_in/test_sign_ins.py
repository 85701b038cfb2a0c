"""A sign-in from the start to the proof: what is stored and queued, how long a code lives, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.accounts.contacts.contact import Contact
from chalicelib.accounts.errors import CodeExpired, TooManyCodes, UnknownSignIn, WrongCode
from chalicelib.accounts.signing_in import codes
from chalicelib.accounts.signing_in.hour_keys import HourKeys
from chalicelib.accounts.signing_in.items import SENDINGS_MAX
from chalicelib.errors import Unavailable
from tests.builders.accounts.sign_ins import ADDRESS, SITI, SignInsWorld
from tests.builders.aws.calls import wrap_calls
from tests.builders.crashes import Calls


def test_the_right_code_proves_the_contact_repeatedly(signing: SignInsWorld):
    started = signing.sent(" Siti.Aminah@Example.ORG")
    first, second = (signing.judge(started, signing.code(started)) for _ in range(2))
    assert first == second
    assert (first.contact, first.language, first.device) == (Contact("email", SITI), "id", "phone")
    assert first.contact_mac == signing.services.macs.contact(Contact("email", SITI))


@pytest.mark.parametrize(
    ("counted", "writes"), [(1, ["UpdateItem", "PutItem"]), (0, ["UpdateItem", "UpdateItem", "PutItem"])]
)
def test_a_start_uses_only_the_sign_ins_table_and_two_or_three_write_units(
    signing: SignInsWorld, monkeypatch, counted, writes
):
    longest = f"{'a' * 64}@{'b' * 61}.{'c' * 61}.{'d' * 61}.com"
    signing.start("somebody@example.org")  # the key of the hour, and what a process keeps
    signing.sign_ins._networks._randomness = lambda n: bytes([counted]) * n
    asked: list[tuple[str, Any]] = []
    wrap_calls(monkeypatch, lambda call: lambda *it: (asked.append(it[1:]), call(*it))[1])

    started = signing.start(longest)

    assert [operation for operation, _ in asked] == ["GenerateMac", *writes, "SendMessageBatch"]
    tables = {parameters["TableName"] for _, parameters in asked if "TableName" in parameters}
    assert tables == {signing.settings.table("sign-ins")}
    [row] = signing.rows(f"S#{started.sign_in.id}")
    assert size(row) < 1024
    assert all(size(row) < 1024 for row in (*signing.rows("B#"), *signing.rows("N#")))


def size(row: dict[str, Any]) -> int:
    """In bytes, as DynamoDB counts an item: a unit is 1024."""
    return sum(len(name) + len(value if isinstance(value, bytes) else str(value).encode())
               for name, typed in row.items() for value in typed.values())  # fmt: skip


def test_a_message_names_a_budget_and_no_contact_is_stored_in_the_clear(signing: SignInsWorld, caplog):
    started = signing.sent()
    with pytest.raises(WrongCode):
        signing.judge(started, signing.wrong(started))
    [body] = signing.queued()
    assert json.loads(body) == {"v": 1, "budget_id": started.sign_in.budget_id, "day": "2026-11-24"}
    kept = repr(signing.rows()) + body + caplog.text + repr(started) + repr(started.sign_in)
    for secret in ("siti", "aminah", signing.code(started), started.secret, ADDRESS):
        assert secret not in kept


def test_a_known_device_has_a_budget_of_its_own(signing: SignInsWorld):
    ids = {signing.start(device_key=key).sign_in.budget_id for key in (None, "key-1", "key-2", None)}
    assert len(ids) == 3


def test_starting_again_keeps_the_place_in_the_queue_and_sends_the_last_code(signing: SignInsWorld):
    first = signing.start()
    signing.later(30)
    second = signing.start()
    assert len(signing.queued()) == 1
    budgets, budget_id = signing.sign_ins.budgets, first.sign_in.budget_id
    assert budgets.waiting(budget_id, "2026-11-24") == second.sign_in.id
    assert not budgets.served(budget_id, "2026-11-24", first.sign_in.id)
    signing.later(60)  # the message may be lost
    signing.start()
    assert len(signing.queued()) == 1


def test_after_a_sending_a_new_start_is_queued_at_once(signing: SignInsWorld):
    signing.sent()
    signing.sent()
    assert len(signing.queued()) == 2


def test_a_code_lives_ten_minutes_from_when_it_was_handed_over(signing: SignInsWorld):
    started = signing.start()
    with pytest.raises(CodeExpired):
        signing.judge(started, signing.code(started))  # nobody has it yet
    signing.later(1500)
    signing.hand_over(started)
    signing.later(599)
    assert signing.judge(started, signing.code(started))
    signing.hand_over(started)  # a doubled message
    signing.later(1)
    with pytest.raises(CodeExpired):
        signing.judge(started, signing.code(started))


def test_the_last_two_codes_are_right_while_they_live(signing: SignInsWorld):
    started = signing.sent()
    sign_in = started.sign_in
    for sending in (2, 3):
        signing.later(signing.rules.code_again_after_s)
        assert signing.sign_ins.again(sign_in.id, started.secret, ADDRESS, signing.now).state == "queued"
        signing.hand_over(started, sending)
    assert len({signing.code(started, sending) for sending in (1, 2, 3)}) == 3
    with pytest.raises(WrongCode):
        signing.judge(started, signing.code(started, 1))
    assert signing.judge(started, signing.code(started, 2))
    assert signing.judge(started, signing.code(started, 3))
    signing.later(600 - signing.rules.code_again_after_s)
    with pytest.raises(WrongCode):
        signing.judge(started, signing.code(started, 2))
    assert signing.judge(started, signing.code(started, 3))


def test_another_code_is_sent_only_after_a_minute_and_three_in_all(signing: SignInsWorld):
    started = signing.sent()

    def again() -> Any:
        return signing.sign_ins.again(started.sign_in.id, started.secret, ADDRESS, signing.now)

    for sending in range(2, signing.rules.sendings + 1):
        signing.later(59.5)
        with pytest.raises(TooManyCodes) as refused:
            again()
        assert refused.value.facts == {"retry_after_s": 1}
        signing.later(0.5)
        again()
        signing.hand_over(started, sending)
    assert signing.sign_ins.progress(started.sign_in.id, signing.now).code_again_at is None
    signing.later(120)
    with pytest.raises(TooManyCodes) as refused:
        again()
    assert refused.value.facts == {"retry_after_s": 3600 - 240}
    assert signing.rules.sendings <= SENDINGS_MAX


def test_asking_again_while_a_code_is_on_its_way_sends_no_second(signing: SignInsWorld):
    started = signing.start()
    signing.later(60)
    assert signing.sign_ins.again(started.sign_in.id, started.secret, ADDRESS, signing.now).state == "queued"
    assert len(signing.queued()) == 1
    signing.later(6)  # it should have come a minute ago: its message may be lost
    signing.sign_ins.again(started.sign_in.id, started.secret, ADDRESS, signing.now)
    assert len(signing.queued()) == 1
    [row] = signing.rows("S#")
    assert "place_2" not in row


def test_progress_shows_the_state_of_the_last_code(signing: SignInsWorld):
    started = signing.start()

    def progress() -> tuple[str, int]:
        told = signing.sign_ins.progress(started.sign_in.id, signing.now)
        return told.state, told.arrives_in_s

    assert progress() == ("queued", 5)
    signing.hand_over(started)
    assert progress() == ("sent", 0)
    signing.sign_ins.store.undeliverable(started.sign_in.id, signing.now)
    assert progress() == ("undeliverable", 0)
    with pytest.raises(UnknownSignIn):
        signing.sign_ins.progress("a" * 26, signing.now)


def test_a_long_queue_is_reported_and_read_every_ten_seconds_only(signing: SignInsWorld, monkeypatch):
    looks: list[int] = []
    signing.start()
    queue = signing.sign_ins._queue._queue
    monkeypatch.setattr(queue, "waiting", lambda: looks.append(1) or 1000)
    signing.later(10)
    for _ in range(3):
        started = signing.start(f"person-{len(looks)}@example.org")
    assert (started.sign_in.due_at - signing.now, len(looks)) == (timedelta(seconds=105), 1)


def test_a_sign_in_is_over_after_an_hour_whether_or_not_it_was_deleted(signing: SignInsWorld):
    started = signing.start()
    signing.later(3599)
    signing.hand_over(started)
    assert signing.judge(started, signing.code(started))
    signing.later(1)
    for act in (
        lambda: signing.judge(started, signing.code(started)),
        lambda: signing.sign_ins.progress(started.sign_in.id, signing.now),
        lambda: signing.sign_ins.again(started.sign_in.id, started.secret, ADDRESS, signing.now),
    ):
        with pytest.raises(UnknownSignIn):
            act()
    assert signing.rows("S#")


def test_without_the_secret_nothing_is_shown_counted_or_sent(signing: SignInsWorld):
    started = signing.sent()
    before = signing.rows()
    for secret in ("", "0" * 64, started.secret.upper(), started.secret[:-1]):
        with pytest.raises(UnknownSignIn):
            signing.sign_ins.judge(started.sign_in.id, secret, signing.code(started), signing.now)
        with pytest.raises(UnknownSignIn):
            signing.sign_ins.again(started.sign_in.id, secret, ADDRESS, signing.now)
    assert signing.rows() == before


@pytest.mark.parametrize("error", [EndpointConnectionError(endpoint_url="https://sqs"), Unavailable()])
def test_if_queueing_fails_nobody_waits_and_the_next_start_is_queued(signing: SignInsWorld, error):
    def broken(*_: object, **__: object) -> None:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signing.sign_ins._queue._queue, "send", broken)
        for _ in range(signing.rules.codes_per_hour + 1):
            with pytest.raises(Unavailable):
                signing.start()
    assert signing.queued() == []
    started = signing.sent()
    assert len(signing.queued()) == 1
    assert signing.judge(started, signing.code(started))


def test_a_start_whose_write_was_repeated_is_queued(signing: SignInsWorld, monkeypatch):
    def twice(call: Callable[..., Any]) -> Callable[..., Any]:
        def answer(client: Any, operation: str, parameters: Any) -> Any:
            if operation == "UpdateItem":
                call(client, operation, parameters)
            return call(client, operation, parameters)

        return answer

    wrap_calls(monkeypatch, twice)
    signing.start()
    assert len(signing.queued()) == 1


def test_if_the_try_cannot_be_counted_nothing_is_compared(signing: SignInsWorld, monkeypatch: pytest.MonkeyPatch):
    started = signing.sent()
    good = signing.code(started)

    def throttled(call: Callable[..., Any]) -> Callable[..., Any]:
        def answer(client: Any, operation: str, parameters: Any) -> Any:
            if operation == "UpdateItem":
                raise ClientError({"Error": {"Code": "ThrottlingException"}}, operation)
            return call(client, operation, parameters)

        return answer

    wrap_calls(monkeypatch, throttled)
    monkeypatch.setattr(codes, "same", lambda *_: pytest.fail("compared"))
    with pytest.raises(ClientError):
        signing.judge(started, good)


def test_two_processes_that_make_an_hours_key_at_once_use_one(signing: SignInsWorld, monkeypatch):
    vault = signing.services.vault
    signing.sign_ins  # noqa: B018 - binds the table
    one, other = (HourKeys(vault, lambda _: b"\x02") for _ in range(2))
    made: list[tuple[str, Any]] = []
    calls = Calls(monkeypatch)
    calls.after[1] = lambda: made.append(other.present(signing.now))  # after the one has its new key, before it is kept

    made.append(one.present(signing.now))

    assert calls.made[1] == ("kms", "GenerateDataKey")
    (name, theirs), (same_name, ours) = made
    assert name == same_name
    assert ours.unseal("sign-in/1", theirs.seal("sign-in/1", b"x")) == b"x"
    assert len(signing.rows("H#")) == 1


def test_the_keys_of_an_hour_are_a_few_and_each_hour_has_its_own(signing: SignInsWorld):
    signing.sign_ins  # noqa: B018 - binds the table
    names = set()
    for hour in range(2):
        for shard in (*range(8), 255):
            keys = HourKeys(signing.services.vault, lambda _, shard=shard: bytes([shard]))
            names.add(keys.present(signing.now + timedelta(hours=hour))[0])
    assert len(names) == 8
    assert len(signing.rows("H#")) == 8


def test_a_contact_sealed_for_one_sign_in_opens_for_no_other(signing: SignInsWorld):
    from msgspec.structs import replace

    one, other = signing.start().sign_in, signing.start("budi@example.org").sign_in
    with pytest.raises(ValueError, match="another"):
        signing.sign_ins.contact(replace(one, sealed=other.sealed))
