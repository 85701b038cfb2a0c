"""The one place that builds things: a deployment's settings in, services out, each when it is first asked for.

A function pays only for what it uses: the join never builds the draw, the draw never builds the payouts. So a property
imports what its service is made of.

Each file has a class; its bases are the classes whose services its own are built on.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING

from ..at_once import at_once
from ..config import Settings, load_programme
from ..structs import fill
from .privacy import PrivacyServices

if TYPE_CHECKING:
    from datetime import datetime

    from ..accounts.sessions.rules import Session
    from ..aws.dynamodb import Transaction
    from ..notice_writer import NoticeWriter
    from ..notices.links import ChangeLinks
    from ..notices.ses import Closing
    from ..payouts.plans.plan_rules import Plan, Stop
    from ..payouts.rules import Authority
    from ..payouts.wire import PayoutList, ToDo
    from ..registration.rules import FinancialAddress, Registrant
    from ..registration.store import Legs
    from ..registration.wire import FinancialAddressForm, OwnCorrectionForm, RegistrationForm, RegistrationView
    from ..watch import Watch
    from ..waves.rules import Beneficiary
    from ..web.me import Me
    from ..web.pages import Pages
    from ..web.verifier_page import VerifierPage


class Services(PrivacyServices):
    """Every service of one deployment: those of all domains, and those that combine several."""

    def me(self, registrant_id: str, now: datetime) -> Me:
        """`GET /me`: registration and financial address, masked, the place in the programme and what is next."""
        from ..waves.wire import beneficiary_view
        from ..web.me import Me, next_deadline, why_not

        # Services are built by one thread.
        beneficiaries, training, contacts = self.waves.beneficiaries, self.training, self.contacts

        def place() -> tuple[Beneficiary | None, int | None]:
            beneficiary = beneficiaries.of(registrant_id)
            return beneficiary, training.balance(beneficiary) if beneficiary else None

        kept, (beneficiary, balance_idr), survey_closes_at, reached = at_once(
            partial(self.registrations.me, registrant_id),
            place,
            partial(self.surveys.next_closing, registrant_id, now),
            partial(contacts.of, registrant_id, now),
        )
        beneficiary = self.at_present(beneficiary, kept.registrant, now) if beneficiary else None
        schemes = {scheme.version: scheme for scheme in self.programme.schemes}
        closes_at, scheme = self.waves.next_close(now)
        refusal = why_not(kept.registrant, beneficiary, closes_at or now, scheme, self.programme.eligibility)
        return fill(
            Me,
            kept,
            beneficiary=beneficiary_view(beneficiary, schemes[beneficiary.scheme]) if beneficiary else None,
            balance_idr=balance_idr,
            next_deadline=next_deadline(beneficiary, survey_closes_at, now),
            may_join=refusal is None,
            why_not=refusal,
            contacts=reached.contacts,
            language=reached.language,
        )

    def at_present(self, place: Beneficiary, who: Registrant | None, now: datetime) -> Beneficiary:
        """A place with the deadline that holds now, as a purchase sees it."""
        from ..waves.places.place_rules import at_present

        confirmed = who is not None and self.registrations.is_confirmed(who)
        return at_present(place, who, self.programme, now, confirmed=confirmed)

    def register(self, registrant_id: str, form: RegistrationForm, now: datetime) -> tuple[Registrant, bool]:
        """`PUT /me/registration`. What a draw depends on stays while the person is in one, and after an award."""

        def unless_joined(registrant: Registrant) -> Legs:
            return self.registration_changes.unless_joined(registrant, now)

        return self.registrations.register(registrant_id, form, now, unless_joined)

    def correct(self, registrant_id: str, form: OwnCorrectionForm, now: datetime) -> RegistrationView:
        """`PATCH /me/registration`: as `register`, with what is left out as it was. Raises `NotRegistered`, too."""
        from ..registration import wire

        whole = self.registrations.with_changes(registrant_id, form)
        registrant, _ = self.register(registrant_id, whole, now)
        return wire.submitted_view(registrant, whole)

    def set_financial_address(self, session: Session, form: FinancialAddressForm, now: datetime) -> FinancialAddress:
        """`PUT /me/financial-address`. It changes only while no payment to the person may be under way.

        Whatever a young session gives waits, and nobody shortens that.
        """
        from ..accounts.rules import is_young
        from ..registration.addresses.store import PAYING_LEG

        registrant_id, young = session.account_id, is_young(session, now, self.programme.accounts)
        places = self.waves.beneficiaries.places(registrant_id)

        def unless_paying(tx: Transaction) -> None:
            for place in places[:7]:  # a transaction has 100 legs, and a place at most twelve payments of months
                self.payouts.check_nothing_alive(tx, PAYING_LEG, place)

        def owed() -> bool:
            return any(self.payouts.of(place) for place in places)

        address = self.address_book.set(registrant_id, form, unless_paying, now, owed, young=young)
        self._look_again(places, now)
        return address

    def payouts_of(self, registrant_id: str) -> PayoutList:
        """`GET /me/payouts`. The account is read only if an attempt was made, or money waits for a changed one;
        the registration only if the registry has not confirmed it.
        """
        from msgspec.structs import replace

        from ..payouts.wire import Destination, payout_list
        from ..registration.rules import DIFFERING

        addresses = self.registrations.addresses

        def present() -> dict[int, Destination]:
            found = addresses.shown(registrant_id)
            return {found[0]: fill(Destination, found[1], earlier=False)} if found else {}

        places = self.waves.beneficiaries.places(registrant_id)
        each = [self.payouts.of(place, present) for place in places]
        plans = [self.plans.of(place, {view.kind for view in own}) for place, own in zip(places, each, strict=True)]
        views = [view for own in each for view in own]
        if any(view.state == "address_changed" for view in views):
            address = addresses.waiting(registrant_id)
            to_do: ToDo = "wait" if address.full else "confirm_change"
            views = [
                replace(view, until=address.pay_from, to_do=to_do) if view.state == "address_changed" else view
                for view in views
            ]
        if any(view.held_because == "person_not_confirmed" for view in views):
            # Who was chosen cannot correct it: two administrators do.
            differs = self.registrations.registrant(registrant_id).verification in DIFFERING
            helps: ToDo = "ask_helpdesk" if differs else "wait"
            views = [
                replace(view, to_do=helps) if view.held_because == "person_not_confirmed" else view for view in views
            ]
        latest = plans[0] if plans else (None, [])
        return payout_list(views, *next((one for one in plans if one[1]), latest))

    def _look_again(self, places: Iterable[Beneficiary], now: datetime) -> None:
        for place in places:
            self.payouts.look_again(place, now)

    def place(self, registrant_id: str, wave: int | None) -> Beneficiary | None:
        """The place that a wave gave to a person, or their latest one."""
        places = self.waves.beneficiaries.places(registrant_id)
        return next((one for one in places if wave in {None, one.wave}), None)

    def stop_plan(self, registrant_id: str, why: Stop, authority: Authority, now: datetime) -> list[Plan]:
        """End a person's incentives of every place as an administrator says; returns the stopped plans, the latest
        first. If it dies half-way, a repeat stops the rest. A place that passed with its NIK is left out: its plan is
        another's. Raises `NothingToCome`, and `Unavailable` if a place is not as read any more.
        """
        from ..aws.admin_acts import Act
        from ..payouts.controls.administration import JournalStore, PayoutDeed
        from ..payouts.errors import NothingToCome
        from ..waves.rules import BeneficiaryState

        ended: list[Plan] = []
        beneficiaries = self.waves.beneficiaries
        for who in beneficiaries.places(registrant_id):
            if who.state is BeneficiaryState.PASSED:
                continue
            about = f"{registrant_id} wave {who.wave} {why}"
            act = Act(now, PayoutDeed.STOP_PLAN, about, authority.by, authority.note)

            def also(tx: Transaction, who: Beneficiary = who, act: Act = act) -> None:
                beneficiaries.check_as_read(tx, who)
                JournalStore().add_to(tx, act)

            with suppress(NothingToCome):
                ended.append(self.plans.stop(who, why, now, also))
        if not ended:
            raise NothingToCome(registrant=registrant_id)
        return ended

    def propose_to_continue(
        self, registrant_id: str, authority: Authority, now: datetime, wave: int | None = None
    ) -> Plan:
        """Propose that the stopped incentives of a person's place go on, by default of the latest; another person
        approves it. Raises `NothingToContinue`.
        """
        from ..payouts.errors import NothingToContinue

        who = self.place(registrant_id, wave)
        if who is None:
            raise NothingToContinue(registrant=registrant_id)
        return self.plans.propose(who, authority.by, authority.note, now)

    def continue_plan(self, seen: Plan, by: str, now: datetime) -> Plan | None:
        """Let a person's stopped incentives go on, as proposed in `seen`; None: they begin as any other's.

        Raises `NothingToContinue`, `SamePerson`.
        """
        from ..aws.admin_acts import Act
        from ..payouts.controls.administration import JournalStore, PayoutDeed
        from ..payouts.errors import NothingToContinue

        beneficiaries = self.waves.beneficiaries
        who = self.place(seen.registrant_id, seen.wave)
        if who is None:
            raise NothingToContinue(registrant=seen.registrant_id)
        about = f"{seen.registrant_id} wave {seen.wave} {seen.stopped} proposed by {seen.maker}"
        act = Act(now, PayoutDeed.CONTINUE_PLAN, about, by, seen.note or "")

        def also(tx: Transaction) -> None:
            beneficiaries.check_as_read(tx, who)  # a review that comes now knows whether there is a stop
            JournalStore().add_to(tx, act)

        return self.plans.approve(who, seen, by, also)

    def refuse_to_continue(self, registrant_id: str, authority: Authority, now: datetime, wave: int | None) -> Plan:
        """Take the proposal away that a person's stopped incentives go on. Raises `NothingToContinue`."""
        from ..aws.admin_acts import Act
        from ..payouts.controls.administration import JournalStore, PayoutDeed
        from ..payouts.errors import NothingToContinue

        who = self.place(registrant_id, wave)
        if who is None:
            raise NothingToContinue(registrant=registrant_id)

        def also(plan: Plan, tx: Transaction) -> None:
            about = f"{registrant_id} wave {plan.wave} CONTINUE proposed by {plan.maker}"
            JournalStore().add_to(tx, Act(now, PayoutDeed.REJECT, about, authority.by, authority.note))

        return self.plans.reject(who, also)

    def confirm_address(self, registrant_id: str, version: int, now: datetime) -> bool:
        """Confirm a person's changed account: what waited for it continues. False if the account was changed since."""
        confirmed = self.address_store.confirm(registrant_id, version, settle=False)
        if confirmed:
            self._look_again(self.waves.beneficiaries.places(registrant_id), now)
        return confirmed

    def settle_address(self, registrant_id: str, version: int, authority: Authority, now: datetime) -> bool:
        """Settle an account whose owner an administrator has made sure of. False if the account was changed since."""
        from ..aws.admin_acts import Act
        from ..payouts.controls.administration import JournalStore, PayoutDeed

        payouts = self.payouts  # binds the table of the journal, too
        about = f"{registrant_id} version {version}"
        JournalStore().add(Act(now, PayoutDeed.SETTLE_ADDRESS, about, authority.by, authority.note))
        settled = self.address_store.confirm(registrant_id, version, settle=True)
        if settled:
            for place in self.waves.beneficiaries.places(registrant_id):
                payouts.look_again(place, now)
        return settled

    def deny_change(self, account_id: str, change_id: str, now: datetime) -> None:
        """Cancel a waiting change of the account, or its recovery, because the link in a notice denies it."""
        if not self.changes.deny(account_id, change_id, now):
            self.recoveries.deny(account_id, change_id)

    @cached_property
    def bounces(self) -> dict[str, Closing]:
        """What is done when a mail did not arrive, by its tag: a mailbox is closed, or a code is undeliverable."""
        from ..accounts.delivery.channels import TAG as SIGN_IN
        from ..notices.ses import TAG as REGISTRANT

        def undeliverable(sign_in_id: str, _reason: str, now: datetime) -> None:
            self.sign_ins.store.undeliverable(sign_in_id, now)

        def bounced(tag: str, reason: str, now: datetime) -> None:
            if self.account_store.account(tag.rpartition("_")[0]) is not None:  # else it was erased
                self.mailboxes.close_by_tag(tag, reason, now)

        return {REGISTRANT: bounced, SIGN_IN: undeliverable}

    @cached_property
    def change_links(self) -> ChangeLinks:
        from ..notices.links import ChangeLinks

        return ChangeLinks(self.mailboxes, self.confirm_address, self._dispute, self.deny_change)

    def _dispute(self, person: str, now: datetime) -> None:
        """Pay nothing to a person. One whose account was deleted gets no row."""
        if self.account_store.account(person) is not None:
            self.address_store.dispute(person, now)

    @cached_property
    def notice_writer(self) -> NoticeWriter:
        from ..aws.job_progress import Cursors
        from ..notice_writer import NoticeWriter
        from ..notices.store import TellingCursor, TellingProgress

        cursors = Cursors(TellingCursor)
        progress, may_buy = TellingProgress(), self.registrations.confirmed
        return NoticeWriter(self.programme, self.waves, self.payouts, self.notices, cursors, progress, may_buy)

    @cached_property
    def watch(self) -> Watch:
        from ..notices.store import TellingProgress
        from ..watch import Watch

        self.mailboxes  # noqa: B018 - binds the table that results are in
        namespace = f"gelombang-{self.settings.stage}"
        telling, sweep = TellingProgress(), self.registry_sweep
        return Watch(self.programme, self._wave_store, self.payouts, telling, sweep, self.runs, namespace)

    @cached_property
    def verifier(self) -> VerifierPage:
        from ..web.verifier_page import VerifierPage

        return VerifierPage(self.programme.draw, self.settings.results_url)

    @cached_property
    def pages(self) -> Pages:
        from ..web.pages import Pages

        return Pages(self.programme, self.settings)

    def agenda(self, now: datetime) -> str:
        """`GET /waves.ics`."""
        from ..notices import feeds

        agenda = self.waves.agenda(now)
        notes = agenda.notes
        slots = [feeds.Slot(p.number, p.opens_at, p.closes_at, note=notes.get(p.number)) for p in agenda.waves]
        slots += [feeds.Slot(plan.number, plan.opens_at, plan.closes_at, skipped=True) for plan in agenda.skipped]
        return feeds.calendar(slots, agenda.version, now, self.settings.mail_from, self.settings.public_url)


def build(settings: Settings) -> Services:
    """The services of a deployment, with its programme's figures for its stage. Raises `BadConfiguration`."""
    return Services(settings, load_programme(settings.stage, settings.programme))
