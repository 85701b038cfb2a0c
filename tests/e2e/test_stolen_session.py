"""A stolen session changes the financial address; the person is told by mail and stops it, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import boto3
import pytest
from msgspec.structs import replace

from chalicelib.accounts.items import AccountItem, account_pk
from chalicelib.config import Programme, Settings
from chalicelib.notices.mailer import consume
from chalicelib.notices.rules import DOUBTS_MAX, LINK_DAYS
from chalicelib.notices.ses import NeverTaken, OutcomeUnknown
from chalicelib.payouts.rules import Authority, Hold, State
from chalicelib.registration.corrections.errors import NoCorrection
from chalicelib.registration.rules import Employment, Payee
from chalicelib.registration.wire import CorrectionForm
from local.sandbox.provider import Sandbox
from tests.builders.notices import PostOffice, Ses

from . import routes
from .gateway import HOLDER, Call, Gateway, serving

WAIT = timedelta(hours=72)
AUTHORITY = Authority("arn:aws:sts::123456789012:assumed-role/helpdesk/ani@example.go.id", "called the person back")
CHECKER = "arn:aws:sts::123456789012:assumed-role/helpdesk/budi@example.go.id"


class Victim:
    """Somebody to whom the incentive is due, her mailbox, and the provider."""

    def __init__(self, gateway: Gateway, cloud: Settings, sandbox: Sandbox) -> None:
        self.gateway, self.services, self.sandbox = gateway, gateway.services, sandbox
        self.office = PostOffice(cloud, self.services.programme)
        self.ses = Ses()
        vars(self.services.mailer)["_mail"] = self.ses
        vars(gateway)["stranger"] = self.account
        self.person = gateway.graduated().person
        self.give("5550001")
        assert self.say(self.link(), "confirmation") == 200

    def account(self, numbers: Iterator[int] = count(1)) -> str:  # noqa: B008 - one for all accounts
        """A new account with an e-mail address."""
        return self.office.person(f"siti-{next(numbers)}@example.org")

    def give(self, number: str, **changes: str) -> dict[str, Any]:
        """Whoever has her session gives an account."""
        form = {"code": "BNI", "account_number": number, "holder_name": HOLDER} | changes
        return dict(self.gateway.ok(Call(routes.ADDRESS, form, person=self.person)))

    def register(self, person: str, form: dict[str, Any], **changes: str) -> None:
        self.gateway.ok(Call(routes.REGISTER, form | changes, person=person))

    def correct(self, person: str, seconds: int = 0, **form: Any) -> None:
        """What one administrator proposes and another approves, a second later for the next one."""
        now = self.gateway.now + timedelta(seconds=seconds)
        self.services.corrections.propose(person, CorrectionForm(**form), AUTHORITY.by, "court decision", now)
        assert self.mails() == [], "nothing is changed by one"
        self.services.corrections.approve(person, CHECKER, now)

    def mails(self) -> list[tuple[str, str]]:
        return [(subject, body) for _, subject, body in self.letters()]

    def letters(self) -> list[tuple[str, str, str]]:
        """What has arrived since the last look: where, subject and text."""
        assert consume(self.office.receive(), self.services.mailer, self.gateway.clock) == {"batchItemFailures": []}
        taken, self.ses.taken = self.ses.taken, []
        return [(to, text.subject, text.body) for to, text, _, _ in taken]

    def link(self, about: str = "Tujuan pembayaran Anda diubah") -> str:
        """The path of the link in the one mail that has come."""
        [body] = [body for subject, body in self.mails() if subject == about]
        [path] = re.findall(r"https://api\.invalid(/changes/[a-z2-7]+)\n", body)
        return str(path)

    def buttons(self, path: str) -> list[str]:
        """What the page behind a link offers."""
        page = self.gateway.send(Call("GET /changes/{token}", path=path))
        assert page.status_code == 200
        token = path.rpartition("/")[2]
        return re.findall(rf'action="{token}/([a-z]+)"', page.body.decode())

    def look(self, path: str) -> int:
        return self.gateway.send(Call("GET /changes/{token}", path=path)).status_code

    def say(self, path: str, what: str) -> int:
        call = Call(f"POST /changes/{{token}}/{what}", path=f"{path}/{what}")
        return self.gateway.send(call, headers={"content-type": "application/x-www-form-urlencoded"}).status_code

    def payout(self) -> dict[str, Any]:
        [view] = self.gateway.ok(Call("GET /me/payouts", person=self.person))["payouts"]
        return dict(view)

    def pay(self) -> State:
        return self.services.payout_worker.process(self.payout()["payout_id"], self.gateway.now)

    def paid_to(self) -> list[str]:
        return [line["account_number"] for line in self.sandbox.books.report()["payouts"] if line["moved_idr"]]


@pytest.fixture
def victim(cloud: Settings, programme: Programme) -> Iterator[Victim]:
    figures = replace(programme, payouts=replace(programme.payouts, address_wait_s=int(WAIT.total_seconds())))
    with Sandbox("thief", api_key="test-api-key") as sandbox:
        sandbox.books.configure({"holder_name": HOLDER})
        with serving(replace(cloud, fsp_url=sandbox.url), figures) as gateway:
            yield Victim(gateway, cloud, sandbox)


def test_an_address_set_before_money_was_due_is_announced_without_a_wait(victim: Victim) -> None:
    victim.person = victim.gateway.chosen(victim.gateway.form(name=HOLDER)).registrant_id
    assert victim.give("5551111")["pay_from"] is None
    payee = victim.services.address_book.payee(victim.person, victim.gateway.now)
    assert isinstance(payee, Payee)
    path = victim.link("Tujuan pembayaran Anda dicatat")
    assert victim.say(path, "confirmation") == 404, "there is nothing that waits"
    assert victim.say(path, "denial") == 200
    assert victim.services.address_book.payee(victim.person, victim.gateway.now) is Hold.DISPUTED


def test_the_wait_begins_when_the_person_was_told(victim: Victim) -> None:
    victim.give("5559999")
    assert len(victim.office.receive()) == 1, "and lost"
    victim.gateway.now += 2 * WAIT
    assert victim.pay() is State.HELD
    assert victim.payout()["state"] == "address_changed", "its mail is still on its way"
    assert victim.services.notices.sweep() == 1
    victim.link()
    told_at = victim.gateway.now
    assert datetime.fromisoformat(victim.payout()["until"]) == told_at + WAIT
    victim.gateway.now = told_at + WAIT - timedelta(seconds=5)
    assert victim.pay() is State.HELD
    victim.gateway.now = told_at + WAIT
    assert victim.pay() is State.PAID


def bounced(victim: Victim) -> None:
    victim.letters()
    victim.services.mailboxes.close(victim.person, "c0", "bounce", victim.gateway.now + timedelta(hours=15))


def doubted(victim: Victim) -> None:
    victim.ses.plan = [OutcomeUnknown("ReadTimeoutError")] * DOUBTS_MAX
    for message in victim.office.receive() * DOUBTS_MAX:
        consume([message], victim.services.mailer, victim.gateway.clock)


NOBODY_HEARS: dict[str, Callable[[Victim], object]] = {
    "the mailbox bounced before": lambda it: it.services.mailboxes.close(it.person, "c0", "bounce", it.gateway.now),
    "the mailbox complained before": lambda it: it.services.mailboxes.close(
        it.person, "c0", "complaint", it.gateway.now
    ),
    "this mail bounces": bounced,
    "the account is gone": lambda it: AccountItem(account_pk(it.person), "ACCOUNT").delete(),
    "SES says that the address is none": lambda it: it.ses.plan.append(NeverTaken("BadRequestException")),
    "nobody knows whether SES took it": doubted,
}


@pytest.mark.parametrize("silence", NOBODY_HEARS)
def test_nothing_is_paid_while_nobody_could_be_told_of_a_change(
    victim: Victim, caplog: pytest.LogCaptureFixture, silence: str
) -> None:
    victim.give("5559999")
    NOBODY_HEARS[silence](victim)
    assert victim.letters() == []
    caplog.clear()
    victim.gateway.now += 10 * WAIT
    assert victim.pay() is State.HELD
    assert (victim.payout()["state"], victim.payout()["to_do"]) == ("change_untold", "ask_helpdesk")
    rung = [record for record in caplog.records if record.levelname == "ERROR" and record.msg == "payout_moved"]
    assert [record.__dict__["reason"] for record in rung] == ["person_not_told_of_change"]
    assert victim.paid_to() == []
    version, _, untold, _ = victim.services.registrations.addresses.waiting(victim.person)
    assert untold
    assert victim.services.settle_address(victim.person, version, AUTHORITY, victim.gateway.now)
    assert victim.pay() is State.PAID


@pytest.mark.parametrize(("because", "later"), [("complaint", timedelta()), ("bounce", timedelta(days=4))])
def test_a_mail_that_was_sent_counts_as_told_even_if_the_mailbox_is_closed_later(
    victim: Victim, because: str, later: timedelta
) -> None:
    victim.give("5559999")
    assert len(victim.letters()) == 1
    victim.services.mailboxes.close(victim.person, "c0", because, victim.gateway.now + later)
    victim.gateway.now += WAIT
    assert victim.pay() is State.PAID


def test_setting_another_account_also_ends_the_wait_for_an_administrator(victim: Victim) -> None:
    victim.give("5559999")
    victim.ses.plan = [NeverTaken("BadRequestException")]
    assert (victim.letters(), victim.pay()) == ([], State.HELD)
    victim.give("5550002")
    assert victim.say(victim.link(), "confirmation") == 200
    assert victim.pay() is State.PAID


@pytest.mark.parametrize("first", [True, False])
def test_a_changed_or_first_address_is_told_by_mail_and_nothing_is_paid_for_72_hours(
    victim: Victim, first: bool
) -> None:
    if first:
        victim.person = victim.gateway.graduated().person
        assert victim.pay() is State.HELD
    answer = victim.give("5559999")
    changed_at = victim.gateway.now
    [(subject, body)] = victim.mails()
    assert subject == "Tujuan pembayaran Anda diubah"
    assert not [secret for secret in ("9999", HOLDER, "BNI") if secret in body]

    for wait in (timedelta(), timedelta(hours=1), WAIT - timedelta(hours=1, seconds=5)):
        victim.gateway.now += wait
        assert victim.pay() is State.HELD
    shown = victim.payout()
    assert (shown["state"], shown["to_do"], shown["until"]) == ("address_changed", "confirm_change", answer["pay_from"])
    assert datetime.fromisoformat(shown["until"]) == changed_at + WAIT
    assert victim.paid_to() == []

    victim.gateway.now = changed_at + WAIT
    assert (shown["destination"], victim.pay()) == (None, State.PAID)
    assert victim.paid_to() == ["5559999"]
    assert victim.payout()["destination"] == {"earlier": False, "code": "BNI", "account_number": "********9999"}
    victim.give("5550003")
    assert victim.payout()["destination"] == {"earlier": True, "code": None, "account_number": None}


def test_a_denied_change_stops_money_through_later_changes_until_an_administrator_acts(victim: Victim) -> None:
    victim.give("5559999")
    path = victim.link()
    assert victim.say(path, "denial") == 200
    victim.give("5558888")
    victim.gateway.now += 10 * WAIT
    assert victim.pay() is State.HELD
    assert (victim.payout()["state"], victim.payout()["to_do"]) == ("change_disputed", "ask_helpdesk")
    assert victim.say(victim.link(), "confirmation") in {200, 404}, "of the thief's, if they had the mailbox"
    assert victim.pay() is State.HELD

    victim.give("5550001")
    version = victim.services.registrations.addresses.waiting(victim.person).version
    now = victim.gateway.now
    assert not victim.services.settle_address(victim.person, version - 1, AUTHORITY, now), "not what was looked at"
    assert victim.pay() is State.HELD
    assert victim.services.settle_address(victim.person, version, AUTHORITY, now)
    assert victim.pay() is State.PAID
    assert victim.paid_to() == ["5550001"]
    acts = victim.services.payout_administration.acts(5)
    assert {(act.deed, act.by, act.note) for act in acts} == {("SETTLE_ADDRESS", AUTHORITY.by, AUTHORITY.note)}


@pytest.mark.parametrize("first", [True, False])
def test_a_change_or_a_first_address_that_was_confirmed_from_the_mailbox_is_paid_at_once(
    victim: Victim, first: bool
) -> None:
    victim.person = victim.gateway.graduated().person if first else victim.person
    victim.give("5557777")
    assert victim.pay() is State.HELD
    path = victim.link()
    assert victim.say(path, "confirmation") == 200
    assert victim.services.registrations.addresses.waiting(victim.person) == (1 if first else 2, None, False, False)
    assert victim.pay() is State.PAID
    assert victim.paid_to() == ["5557777"]


def test_opening_a_link_changes_nothing_and_it_serves_one_change_once(victim: Victim) -> None:
    victim.give("5557777")
    first = victim.link()
    victim.give("5559999")
    second = victim.link()
    for _ in range(3):
        assert victim.buttons(second) == ["confirmation", "denial"]
    assert victim.look(f"{second}/confirmation") in {403, 404, 405}
    assert victim.pay() is State.HELD
    assert victim.say(first, "confirmation") == 404, "the address is another by now"
    assert victim.pay() is State.HELD
    assert victim.say(second, "confirmation") == 200
    assert victim.say(second, "confirmation") == 200, "a doubled request"
    for path in (first, second):
        assert victim.buttons(path) == ["denial"], "who learns later that it was not them may still say so"
    assert victim.say(second, "denial") == 200
    assert victim.look(second) == 404
    assert victim.say(second, "denial") == 200, "a doubled request"
    assert victim.say(second, "confirmation") == 404
    assert victim.pay() is State.HELD
    for forged in ("/changes/" + "a" * 26, first[:-1] + ("a" if first[-1] != "a" else "b")):
        assert (victim.look(forged), victim.say(forged, "denial")) == (404, 404)


def test_a_link_expires_after_30_days(victim: Victim) -> None:
    victim.give("5557777")
    path = victim.link()
    victim.gateway.now += timedelta(days=LINK_DAYS, seconds=1)
    assert (victim.look(path), victim.say(path, "confirmation"), victim.say(path, "denial")) == (404, 404, 404)


@pytest.mark.parametrize(
    ("language", "phone", "holder"),
    [
        ("id", "Data Anda diubah: nomor telepon", "Tujuan pembayaran Anda diubah"),
        ("en", "Your data was changed: phone number", "Where you are paid was changed"),
    ],
)
def test_phone_and_holder_are_told_too_in_the_persons_language(
    victim: Victim, language: str, phone: str, holder: str
) -> None:
    other, form = victim.gateway.stranger(), victim.gateway.form()
    for person in (other, victim.person):
        AccountItem(account_pk(person), "ACCOUNT").update([AccountItem.language.set(language)])
    victim.register(other, form)
    victim.register(other, form, phone="0813-0000-4321")
    victim.give("5550001", holder_name=f"{HOLDER} S.Kom")
    mails = victim.mails()
    assert [subject for subject, _ in mails] == [phone, holder]
    assert not [body for _, body in mails if re.search(r"\d{5}", body)], "no number of theirs"


def test_a_name_that_two_administrators_correct_is_told_like_the_persons_own_change(victim: Victim) -> None:
    person = victim.gateway.registered()
    victim.gateway.ok(Call(routes.ADDRESS, victim.gateway.address(), person=person))
    victim.mails()
    victim.correct(person, name="Siti Rahma", employment=Employment.WORKER)
    assert len(victim.office.receive()) == 1, "queued at once, and lost on its way"
    victim.gateway.now += timedelta(hours=1)
    assert victim.services.notices.sweep() == 1
    [(subject, body)] = victim.mails()
    assert subject == "Data Anda diubah: nama"
    assert not [secret for secret in ("Rahma", "Siti", AUTHORITY.by, "court") if secret in body]
    [path] = re.findall(r"https://api\.invalid(/changes/[a-z2-7]+)\n", body)
    assert victim.say(str(path), "denial") == 200
    assert victim.services.address_book.payee(person, victim.gateway.now) is Hold.DISPUTED


def test_each_corrected_name_is_told_once_and_what_was_rejected_or_is_no_name_is_not(victim: Victim) -> None:
    person, corrections, now = victim.gateway.registered(), victim.services.corrections, victim.gateway.now
    for second, name in enumerate(("Siti Rahma", "Siti Rahmawati")):
        victim.correct(person, second, name=name)
        assert [subject for subject, _ in victim.mails()] == ["Data Anda diubah: nama"]
        with pytest.raises(NoCorrection):
            corrections.approve(person, CHECKER, now)
    corrections.propose(person, CorrectionForm(name="Mallory"), AUTHORITY.by, "why", now)
    corrections.reject(person, CHECKER, "no document", now + timedelta(seconds=2))
    victim.correct(person, 3, employment=Employment.WORKER)
    assert victim.mails() == [], "as of the person's own change of the occupation"


def test_denying_a_change_of_the_phone_stops_the_money_too(victim: Victim) -> None:
    person, form = victim.gateway.stranger(), victim.gateway.form()
    victim.register(person, form)
    victim.register(person, form, name="Siti Aminah Lestari")
    path = victim.link("Data Anda diubah: nama")
    assert victim.say(path, "confirmation") == 404, "there is nothing that waits"
    assert victim.say(path, "denial") == 200
    assert victim.services.address_store.disputed(person)
    victim.gateway.ok(Call(routes.ADDRESS, victim.gateway.address(), person=person))
    assert victim.services.address_book.payee(person, victim.gateway.now) is Hold.DISPUTED, "a first address too"


def test_the_token_is_kept_as_a_hash_and_in_no_message(victim: Victim) -> None:
    victim.give("5557777")
    [message] = victim.office.receive()
    consume([message], victim.services.mailer, victim.gateway.clock)
    token = re.findall(r"/changes/([a-z2-7]+)", victim.ses.taken[-1][1].body)[0]
    assert token not in message["body"]
    rows = victim.services.mailboxes  # the store of notices
    assert rows.change_link(token, victim.gateway.now) is not None
    kept = boto3.client("dynamodb", victim.services.settings.region).scan(
        TableName=victim.services.settings.table("notices")
    )["Items"]
    assert token not in str(kept)
