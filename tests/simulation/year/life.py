"""What people do in the year, each by chance, through the services' own use cases."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import suppress
from datetime import datetime, time, timedelta
from typing import Any

from chalicelib.accounts.contacts.contact import Contact
from chalicelib.accounts.sessions.rules import Session
from chalicelib.accounts.signing_in.sign_ins import Proved
from chalicelib.aws.admin_acts import Signed
from chalicelib.clock import WIB
from chalicelib.helpdesk.rules import AboutRegistration, Category
from chalicelib.helpdesk.wire import GrievanceForm
from chalicelib.outcomes.survey_wire import ResponseForm
from chalicelib.payouts.errors import NothingToCome
from chalicelib.payouts.plans.plan_rules import Stop
from chalicelib.registration.errors import PaymentUnderWay
from chalicelib.registration.wire import OwnCorrectionForm
from chalicelib.training.errors import AttendanceNotPaid, CancellationTooLate
from chalicelib.training.rules import course_id
from chalicelib.training.wire import (
    AttendanceForm,
    AttendedMonthForm,
    CompletionForm,
    RedemptionForm,
    ReviewForm,
    TrainingView,
)
from chalicelib.waves.errors import BeneficiaryRevoked, NotOpenYet, PurchaseDeadlinePassed, WaveClosed
from tests.builders.training import course_row

from .oracle import COUNTED, Oracle, month_later
from .people import Person, born, instant_in, survey_answers
from .rates import Rates
from .world import DAY, HOUR, MINUTE, World, openings

ANI, BUDI = ("arn:aws:sts::123456789012:assumed-role/office/ani", "arn:aws:sts::123456789012:assumed-role/office/budi")
HOURS = 15
OFFICE = "arn:aws:sts::123456789012:assumed-role/office/desk"


class Life:
    """The year's people. The oracle asks it what they know."""

    def __init__(self, seed: int, rates: Rates) -> None:
        self.rates = rates
        self.world = World(seed, rates, lambda what: self.oracle.fail(what))
        self.dice = self.world.dice
        self.people: dict[str, Person] = {}
        self.free: list[Person] = []
        """Who is registered and was not chosen."""
        self.holders: dict[int, list[str]] = defaultdict(list)
        self.answered: set[str] = set()
        self.gave: dict[str, datetime] = {}
        self.paused: tuple[datetime, datetime] | None = None
        self.stopped: set[str] = set()
        """Whose instalments an administrator has ended."""
        self.happened: Counter[str] = Counter()
        self.months: dict[str, Counter[str]] = defaultdict(Counter)
        self.openings = openings(self.world.programme, rates, rates.waves + 30)
        """Of the year's waves, and of those after them, which nobody joins."""
        self.oracle = Oracle(self)

    @property
    def _services(self) -> Any:
        return self.world.services

    def prepare(self) -> None:
        """The partner, the course, and when everybody will register and join."""
        world, services = self.world, self._services
        self.partner, _ = services.partners.add("Kursus Maju", world.now)
        price = "1000000" if self.oracle.scheme.training_idr else "0"
        row = course_row(self.partner.id, price_idr=price, hours=str(HOURS))
        lines = [",".join(row), ",".join(row.values())]
        services.courses.propose(lines, ANI, "katalog", world.now)
        services.courses.approve(lines, BUDI, world.now)
        self._course = course_id(self.partner.id, row["code"])
        services.sessions  # noqa: B018 - builds what accounts are opened by
        services.stepper.advance(world.now, 60, world._seconds)
        days = self.rates.waves * 14
        family = 0
        for number in range(self.rates.people):
            family = family if number and self.dice.random() < self.rates.family else number
            person = Person(number, family, born(self.dice, self.rates.first_day))
            last = 30 if self.dice.random() < self.rates.early else days
            world.at(instant_in(self.dice, world.now, world.now + last * DAY), self._register, person)
        for number, (opens_at, closes_at) in enumerate(self.openings):
            world.at(opens_at, self._wave_opens, opens_at, closes_at, number < self.rates.waves)
            if number + 1 == self.rates.paused_wave:
                world.at(opens_at + DAY, self._pause)

    def _pause(self) -> None:
        now = self.world.now
        self.paused = now, now + self.rates.paused_days * DAY
        self._services.waves.pause(None, self.paused[1], now, Signed(OFFICE, "menunggu peraturan"))

    def halted(self, opens_at: datetime) -> bool:
        """Whether no wave opens then, as the programme pauses."""
        return self.paused is not None and self.paused[0] <= opens_at < self.paused[1]

    def _wave_opens(self, opens_at: datetime, closes_at: datetime, anybody: bool) -> None:
        if self.halted(opens_at):
            return
        world, calendar, draw = self.world, self.world.programme.calendar, self.world.programme.draw
        closing = timedelta(seconds=calendar.closing_soon_s)
        frozen = closes_at + timedelta(seconds=draw.freeze_delay_s)
        drawn = frozen + timedelta(seconds=draw.pinned.delay_s)
        for instant, minutes in ((opens_at, 4), (closes_at - closing, 4), (closes_at, 4), (frozen, 4), (drawn, 12)):
            world.step_each_minute(instant, minutes)
        for hours in (1, 2, 3):
            world.at(drawn + hours * HOUR, world.fire, "advance")
            world.at(drawn + hours * HOUR + MINUTE, world.fire, "write_notices")
        self.free = [person for person in self.free if not person.chosen and person.alive]
        joins = self.rates.joins if anybody else 0
        if opens_at.astimezone(WIB).year != closes_at.astimezone(WIB).year:
            joins *= self.rates.holiday
        for person in self.free:
            if self.dice.random() < joins:
                world.at(instant_in(self.dice, opens_at, closes_at), self._join, person)

    # Registering and joining

    def _register(self, person: Person) -> None:
        services, now = self._services, self.world.now
        contact = Contact("email", f"orang{person.number}@example.org")
        key = f"sign-in-{person.number}"
        proved = Proved(key, contact, services.macs.contact(contact), "id", "phone", b"")
        person.id, _ = services.sessions._openings.account_by(proved, None, None, now)
        self.people[person.id] = person
        services.register(person.id, person.form(self.world.programme.eligibility), now)
        self.free.append(person)
        self._count("registered")

    def _join(self, person: Person) -> None:
        if not person.alive or person.chosen:
            return
        try:
            receipt, new = self._services.waves.join(person.id, self.world.now)
        except (WaveClosed, NotOpenYet):
            self._count("came too late")
            return
        if new:
            self.oracle.joined[receipt.wave][person.region] += 1
            self._count("joined")
            if not person.joined:
                self._count("joined once")
            person.joined = True
        if self.dice.random() < self.rates.joins_twice:
            again, new = self._services.waves.join(person.id, self.world.clock())
            if new or again.ticket != receipt.ticket:
                self.oracle.fail("a second click was another entry")
        if self.dice.random() < self.rates.complains:
            self.world.after(2 * DAY, 12 * DAY, self._complain, person)

    def _complain(self, person: Person) -> None:
        form = GrievanceForm(AboutRegistration(), Category.OTHER, f"Mohon diperiksa, tanggal {self.world.now:%d-%m}.")
        view, new = self._services.helpdesk.file(person.id, form, self.world.now)
        if new:
            self._count("complained")
            answer = "Sudah kami periksa."
            self.world.after(
                DAY, 9 * DAY, lambda: self._services.helpdesk.answer(view.number, answer, OFFICE, self.world.now)
            )

    # After the award

    def chosen(self, who: str, wave: int, deadline: datetime, card: str) -> None:
        """A person is told that they were chosen; from here on they have plans."""
        person, world, dice, rates = self.people[who], self.world, self.dice, self.rates
        person.chosen, person.card = wave, card
        self.holders[wave].append(who)
        self._count("chosen")
        if dice.random() < rates.buys:
            world.at(instant_in(dice, world.now + HOUR, deadline), self._buy, person)
        elif dice.random() < 0.3:
            world.at(deadline + dice.random() * 3 * DAY, self._buy_late, person)
        if dice.random() < rates.gives_account:
            world.after(HOUR, 40 * DAY, self._give_account, person, dice.random() < rates.broken_account)
        if dice.random() < rates.changes_phone:
            world.after(DAY, 150 * DAY, self._change_phone, person)
        if dice.random() < rates.dies:
            world.after(HOUR, 180 * DAY, self._die, person)

    def _die(self, person: Person) -> None:
        person.alive = False
        self._count("died")
        self.world.after(DAY, 20 * DAY, self._stop, person)

    def _stop(self, person: Person) -> None:
        """An administrator hears of a death: what is not yet due never comes."""
        who = self._services.waves.beneficiaries.of(person.id)
        with suppress(NothingToCome):
            if who is not None:
                self._services.plans.stop(who, Stop.DIED, self.world.now)
                self.stopped.add(person.id)

    def _buy(self, person: Person, again: bool = False) -> None:
        if not person.alive:
            return
        view, _ = self._services.training.buy(person.id, self._course, self.world.now)
        self._count("bought again" if again else "bought")
        if not again and self.dice.random() < self.rates.cancels:
            self.world.after(MINUTE, DAY, self._cancel, person, view)
        elif self.dice.random() >= self.rates.drops_out:
            self.world.after(2 * DAY, 12 * DAY, self._redeem, person, view)
        else:
            self._count("dropped out")

    def _buy_late(self, person: Person) -> None:
        try:
            self._services.training.buy(person.id, self._course, self.world.now)
        except (BeneficiaryRevoked, PurchaseDeadlinePassed):
            self._count("bought too late")
        else:
            self.oracle.fail("a purchase after the deadline was taken")

    def _cancel(self, person: Person, view: TrainingView) -> None:
        try:
            self._services.training.cancel(person.id, view.training_id, self.world.now)
        except CancellationTooLate:
            self._count("cancelled too late")
            return
        self._count("cancelled")
        deadline = self.oracle.places[person.id].deadline
        if self.dice.random() < 0.5 and self.world.now + 2 * HOUR < deadline:
            self.world.at(instant_in(self.dice, self.world.now + HOUR, deadline), self._buy, person, True)

    def _redeem(self, person: Person, view: TrainingView) -> None:
        if not person.alive:
            return
        form = RedemptionForm(view.redeem_code, person.card)
        self._services.reports.redeem(self.partner, form, self.world.now)
        self._services.reports.attend(
            self.partner, AttendanceForm(view.redeem_code, self.world.now), self.world.clock()
        )
        if months := self.oracle.months:
            self._attend(person, view, self.world.now, months)
            self.world.after((months + 2) * 31 * DAY, (months + 3) * 31 * DAY, self._complete, person, view)
        else:
            self.world.after((HOURS + 1) * HOUR, 20 * DAY, self._complete, person, view)

    def _attend(self, person: Person, view: TrainingView, since: datetime, months: int) -> None:
        """The partner attests each month after its end, and one more than the scheme pays, until the person leaves."""
        first = since.astimezone(WIB).date()
        for _ in range(months + 1):
            ends = month_later(datetime.combine(first.replace(day=1), time(), WIB), 1)
            days = self.dice.randrange(1, (ends.date() - first).days + 1)
            at = instant_in(self.dice, ends, ends + 9 * DAY)
            self.world.at(at, self._attest, person, view, first.strftime("%Y-%m"), days)
            first = ends.date()
            if self.dice.random() < self.rates.leaves:
                break

    def _attest(self, person: Person, view: TrainingView, month: str, days: int) -> None:
        form = AttendedMonthForm(view.redeem_code, month, days)
        if not person.alive:
            return
        expected = self.oracle.attested(person.id, person.region, days)
        try:
            _, new = self._services.reports.attend_month(self.partner, form, self.world.now)
        except AttendanceNotPaid:
            if expected:
                self.oracle.fail(f"a month was not paid: {expected}")
            self._count("attested in vain")
            return
        if not (new and expected in self.oracle.entitled):
            self.oracle.fail(f"{month} made nothing due")
        self._count("attested")
        if self.dice.random() < 0.1:
            again, new = self._services.reports.attend_month(self.partner, form, self.world.clock())
            if new or again.days != days:
                self.oracle.fail("the same month came twice")

    def _complete(self, person: Person, view: TrainingView) -> None:
        now = self.world.now.replace(microsecond=0)
        form = CompletionForm(view.redeem_code, f"C-{person.number}", now)
        self._services.reports.complete(self.partner, form, self.world.now)
        held = self.oracle.places[person.id]
        held.completed, held.first_completed_ms = True, round(now.timestamp() * 1000)
        self._count("completed")
        if self.dice.random() < self.rates.reviews:
            self.world.after(HOUR, 15 * DAY, self._review, person, view)

    def _review(self, person: Person, view: TrainingView) -> None:
        if person.alive:
            form = ReviewForm(self.dice.randrange(6, 11), "Sangat membantu.")
            self._services.training.review(person.id, view.training_id, form, self.world.now)
            self._count("reviewed")

    def _session(self, person: Person) -> Session:
        since = self.world.now - 30 * DAY
        return Session(person.id, "s", None, "phone", "email", since, since, None)

    def _give_account(self, person: Person, broken: bool) -> None:
        if not person.alive:
            return
        wallet = self.dice.random() < self.rates.wallet and not broken
        person.accounts += 1
        form = person.account(wallet=wallet, broken=broken)
        try:
            self._services.set_financial_address(self._session(person), form, self.world.now)
        except PaymentUnderWay:
            self.world.after(DAY, 2 * DAY, self._give_account, person, broken)
            return
        self.gave[person.id] = self.world.now
        self._count("gave an account")
        if broken:
            self.world.after(7 * DAY, 40 * DAY, self._give_account, person, False)

    def _change_phone(self, person: Person) -> None:
        if not person.alive or person.phones:
            return
        person.phones += 1
        self._services.correct(person.id, OwnCorrectionForm(phone=person.phone), self.world.now)
        self._count("changed phones")
        if person.id in self.gave:
            self.world.after(HOUR, 2 * DAY, self._give_account, person, False)

    # Surveys

    def asked(
        self, who: str, survey_id: str, wave: int, region: int, number: int, closes_at: datetime, *, comparison: bool
    ) -> None:
        """A survey has opened for somebody, who answers it or not."""
        rate = self.rates.answers_comparison if comparison else self.rates.answers
        if self.dice.random() < rate:
            at = instant_in(self.dice, self.world.now + HOUR, closes_at - HOUR)
            self.world.at(at, self._answer, who, survey_id, wave, region, number, comparison)

    def _answer(self, who: str, survey_id: str, wave: int, region: int, number: int, comparison: bool) -> None:
        if not self.people[who].alive:
            return
        rates, dice = self.rates, self.dice
        unemployed = dice.random() < rates.unemployed
        works = dice.random() < rates.works_after + (0 if comparison else rates.effect) if unemployed else True
        happy = dice.randrange(11)
        answers = survey_answers(unemployed=unemployed, works=works, about_programme=not comparison, happy=happy)
        self._services.surveys.respond(who, survey_id, ResponseForm(answers), self.world.now)
        self.answered.add(survey_id)
        counts = self.oracle.counted[wave][region]
        group = "comparison_" if comparison else ""
        self._count(f"{group or 'survey '}answered")
        if comparison or number in COUNTED:
            counts[f"{group}answered" if comparison else f"survey_{number}_answered"] += 1
        if number != 1:
            return
        counts[f"{group}formerly_unemployed"] += unemployed
        counts[f"{group}now_working"] += unemployed and works
        if not comparison:
            self._count("first survey")
            counts["business_capital"] += happy % 3 == 0
            counts["promoters" if happy >= 9 else "passives" if happy >= 7 else "detractors"] += 1
            month = self.world.now.astimezone(WIB).strftime("%Y-%m")
            counts[f"satisfaction/{month}/{answers['satisfaction']}"] += 1

    def _count(self, what: str) -> None:
        self.happened[what] += 1
        self.months[f"{self.world.now.astimezone(WIB):%Y-%m}"][what] += 1
