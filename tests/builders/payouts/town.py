"""A person, a bank with her account, and all real parts that set an address and pay to it."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from chalicelib.aws.dynamodb import Transaction
from chalicelib.config import Programme, Settings
from chalicelib.notices.rules import NoticeState as Notice
from chalicelib.notices.store import NoticeStore
from chalicelib.payouts.providers.provider import Inquiry
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.rules import State
from chalicelib.registration.addresses.store import PAYING_LEG
from chalicelib.registration.change_notices import address_changed
from chalicelib.registration.rules import AddressCheck, FinancialAddress
from chalicelib.registration.wire import FinancialAddressForm, FinancialAddressView
from tests.builders.payouts.world import API_KEY, World, beneficiary, built
from tests.builders.registration import ACCOUNT, SITI, registrations
from tests.conftest import REGION, T0

SITI_S = "0123456789"


OTHER = "9876543210"


class AskedFsp(Xendit):
    """Remembers which accounts it was asked about."""

    asked: list[str]

    def inquire(self, address: FinancialAddress) -> Inquiry:
        self.asked.append(address.account_number)
        return super().inquire(address)


class Town:
    """Siti is registered and entitled; the bank knows one account of hers. All but the clock is real."""

    def __init__(self, settings: Settings, programme: Programme, world: World) -> None:
        self.world = world
        self.people = registrations(settings, programme)
        self.people.register("siti", SITI, T0)
        self.fsp = AskedFsp(world.sandbox.url, 20, lambda: API_KEY)
        self.fsp.asked = []
        services = built(settings, programme, self.people, self.fsp)
        self.providers, self.book, self.worker = services.providers, services.address_book, services.payout_worker
        self.open(SITI_S, "Siti Aminah")
        self.payout = world.entitle(beneficiary("siti"))

    def open(self, number: str, holder: str, code: str = "BNI") -> None:
        self.world.sandbox.books.open_accounts([{"code": code, "account_number": number, "holder_name": holder}])

    def set(self, number: str = SITI_S, who: str = "siti", **changes: str) -> FinancialAddressView:
        """As the route does it; what it answers."""

        def unless_paying(tx: Transaction) -> None:
            self.world.payouts.check_nothing_alive(tx, PAYING_LEG, beneficiary(who))

        self.book.set(who, form(number, **changes), unless_paying, self.world.now)
        return self.people.me(who).financial_address

    def pay(self) -> State:
        return self.worker.process(self.payout, self.world.now)

    def waited(self) -> None:
        """Until a changed account is paid to: its person is told now."""
        version = self.people.addresses.waiting("siti").version
        store = NoticeStore(REGION)
        for state in (Notice.SENDING, Notice.SENT):
            notice = store.notice("siti", address_changed(version))
            assert notice is not None
            assert store.move(replace(notice, sent_to=("c0",)), state, self.world.now)
        self.world.later(seconds=self.world.rules.address_wait_s)

    def check(self) -> AddressCheck | None:
        payee = self.people.addresses.payee("siti")
        return payee.address.check

    def faults(self, **faults: object) -> None:
        self.world.sandbox.books.configure(faults)

    def paid_to(self) -> list[str]:
        return [line["account_number"] for line in self.world.sandbox.books.report()["payouts"]]


def form(number: str, **changes: str) -> FinancialAddressForm:
    return msgspec.structs.replace(ACCOUNT, account_number=number, **changes)


def answer(view: FinancialAddressView) -> tuple[str, str]:
    return view.verification, view.to_do
