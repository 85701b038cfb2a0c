"""The application behind Chalice's own gateway, in this process, at a time that a test chooses; and its callers.

No part of the application is replaced. Signed-in people get their sessions from the services, without a code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from dataclasses import replace as replace_data
from datetime import datetime, timedelta
from functools import cached_property
from itertools import count
from typing import Any

import msgspec
import pytest
from chalice.test import Client, HTTPResponse
from msgspec.structs import replace

import app as application
from chalicelib import wiring
from chalicelib.accounts.sessions.rules import Account, KeptContact, Session
from chalicelib.accounts.signing_in.networks import Networks
from chalicelib.aws.admin_acts import Signed
from chalicelib.clock import iso, wib_date
from chalicelib.config import Programme, Settings
from chalicelib.ids import derived_id
from chalicelib.outcomes.store import SurveyStore
from chalicelib.payouts.ledger.records import StoredAttempt
from chalicelib.payouts.rules import Kind, reference
from chalicelib.registration.exclusions.rows import exclude
from chalicelib.registration.rules import Standing
from chalicelib.training import signatures
from chalicelib.training.rules import course_id
from chalicelib.training.store import TrainingItem
from chalicelib.waves.places.items import BeneficiaryItem
from chalicelib.waves.rules import Beneficiary, BeneficiaryState, EntryOutcome, buy_by
from local.sandbox.provider import Sandbox
from tests.builders.accounts.accounts import Device
from tests.builders.people import beneficiary, chosen_in, schooled
from tests.builders.registration import other_form
from tests.builders.surveys import survey_of
from tests.builders.training import PLACED, course_row, import_courses, paying_months
from tests.builders.waves import OPENS, WAVE
from tests.conftest import T0
from tests.conftest import cloud as cloud_of_one_test
from tests.e2e import routes

AN_HOUR = timedelta(hours=1)
A_MONTH = timedelta(days=31)
"""So long ago it was an earlier month."""
DURING = OPENS + AN_HOUR
"""A wave is open."""
HOLDER = "Siti Aminah"
"""Whose every account is."""


@dataclass(frozen=True)
class Call:
    """A request that can be sent any number of times; each time like the first.

    `path` is that of the route, where it is not set. `query` is not encoded. `partner` is an id and a key in hex;
    `signed_at` is when it signs, else at each sending. `device` proves its key; a `person` has one without being asked.
    """

    route: str
    body: Any = None
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    person: str = ""
    partner: tuple[str, str] | None = None
    signed_at: datetime | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    device: Device | None = None

    def but(self, **changes: Any) -> Call:
        """The same request but for some things."""
        return replace_data(self, **changes)

    def at(self, *values: str | int) -> Call:
        """With these in place of what stands in braces in its route."""
        left = iter(values)
        return replace_data(self, path=re.sub(r"\{\w+\}", lambda _: str(next(left)), self.route.partition(" ")[2]))


@dataclass(frozen=True)
class Bought:
    """Somebody who bought a training, and what they show to its partner."""

    person: str
    card_number: str
    training_id: str
    redeem_code: str


Provoke = Callable[["Gateway"], Call]
"""Brings about a state of affairs and returns the request that then meets it."""


@contextmanager
def serving(settings: Settings, programme: Programme, now: datetime = DURING) -> Iterator[Gateway]:
    """The application on this cloud, behind a gateway."""
    gateway = Gateway(settings, programme)
    gateway.now = now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(application, "services", lambda: gateway.services)
        patch.setattr(application.app, "clock", gateway.clock)
        yield gateway


@contextmanager
def serving_alone(programme: Programme, **calendar: Any) -> Iterator[Gateway]:
    """The application on a cloud of its own, with a provider; `calendar` are figures other than the programme's.

    Who has completed no school may not take part.
    """
    figures = replace(schooled(paying_months(programme)), calendar=replace(programme.calendar, **calendar))
    with contextmanager(cloud_of_one_test.__wrapped__)(None) as cloud, Sandbox("gateway") as sandbox:
        sandbox.books.configure({"holder_name": HOLDER})
        settings = replace(cloud, fsp_url=sandbox.url)
        with serving(settings, figures) as gateway:
            yield gateway


class Gateway:
    """Sends calls, each a second after the last one. `now` may be set to any instant."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        self.now = T0
        self.services = wiring.Services(settings, programme, self.clock)
        # One start in sixteen costs a write more, and what a request costs is counted here.
        self.services.networks = Networks(programme.accounts, b"\1".__mul__)
        self.device = Device()
        """Everybody's: whose key it is says the token."""
        self._sessions: dict[str, Session] = {}
        self._http = Client(application.app).http
        self._numbers = count(1)
        self.partner = self.new_partner()
        self.course = self.new_course()
        # A wave that closed before the first step is none of this system's.
        self.services.stepper.advance(T0, 60)

    def clock(self) -> datetime:
        return self.now

    def send(self, call: Call, language: str = "id", **changed: Any) -> HTTPResponse:
        """The answer to a call.

        `changed`: `body` as bytes, `headers` to send besides, or `asked`, a query in place of the one that is signed.
        """
        self.now += timedelta(seconds=1)
        method, path = call.route.split(" ")
        path = call.path or path
        query = signatures.canonical_query(call.query.items())
        body = changed.get("body", b"" if call.body is None else json.dumps(call.body).encode())
        headers = {"accept-language": language, "content-type": "application/json"}
        device = call.device
        if call.person:
            token, device = self.token(call.person), device or self.device
            headers |= {
                "authorization": f"Bearer {token}",
                "dpop": device.proof(method, path, self.now, access_token=token),
            }
        elif device:
            headers["dpop"] = device.proof(method, path, self.now)
        if call.partner:
            headers |= signatures.sign(*call.partner, method, path, body, call.signed_at or self.now, query)
        headers |= call.headers | changed.get("headers", {})
        asked = changed.get("asked", query and f"?{query}")
        return self._http.request(method, path + asked, headers=headers, body=body)

    def ok(self, call: Call) -> Any:
        """Send what must succeed; the decoded answer, None where there is no body."""
        answer = self.send(call)
        assert answer.status_code < 300, answer.body
        return answer.json_body

    def sent(self, call: Call) -> Call:
        """Send what must succeed, and give it back."""
        self.ok(call)
        return call

    def token(self, person: str) -> str:
        """An access token of somebody's session."""
        session = self.session(person)
        return self.services.access_tokens.issue(person, session.id, session.jkt, self.now, 300)

    def session(self, person: str) -> Session:
        """Somebody's session, begun when they are first seen; they have an account."""
        if person not in self._sessions:
            session = Session(person, derived_id("test", person), self.device.jkt, "phone", "email", T0, T0, None)
            assert self.services.account_store.add_session(session)
            key = self.services.vault.new_key(person)
            contact = KeptContact("a" * 26, "0" * 64, "email", key.seal("contact/1", b"siti@example.com"), T0)
            self.services.account_store.add_account(Account(person, key.wrapped, "id", T0, (contact,)))
            self._sessions[person] = session
        return self._sessions[person]

    # Forms, each of somebody or something new

    def form(self, **changes: Any) -> dict[str, Any]:
        """What registers a person, alone on a family card."""
        number = next(self._numbers)
        form = other_form(number, kk=f"317409120318{number:04d}")
        return dict(msgspec.to_builtins(replace(form, **changes)))

    def address(self, **changes: Any) -> dict[str, Any]:
        """What says where a person is paid."""
        number = f"0123{next(self._numbers):06d}"
        return {"code": "BNI", "account_number": number, "holder_name": HOLDER} | changes

    def redemption(self, bought: Bought) -> dict[str, Any]:
        """What a participant shows to a partner."""
        return {"redeem_code": bought.redeem_code, "card_number": bought.card_number}

    def attendance(self, bought: Bought) -> dict[str, Any]:
        """What a partner reports."""
        return {"redeem_code": bought.redeem_code, "attended_at": iso(self.now)}

    def attended_month(self, bought: Bought) -> dict[str, Any]:
        """What a partner reports of the month before."""
        return {"redeem_code": bought.redeem_code, "month": f"{wib_date(self.now - A_MONTH):%Y-%m}", "days": 1}

    def completion(self, bought: Bought) -> dict[str, Any]:
        """What a partner reports."""
        number = f"CERT-{next(self._numbers):04d}"
        return {"redeem_code": bought.redeem_code, "certificate_number": number, "completed_at": iso(self.now)}

    def posting(self, **changes: Any) -> dict[str, Any]:
        """What posts a vacancy that asks for what the course teaches."""
        return {
            "reference": f"LOK-{next(self._numbers)}",
            "title": "Pengembang web",
            "employer": "PT Maju",
            "province": "31",
            "skills": ["programming", "web_development"],
            "salary_min_idr": 5_000_000,
            "salary_max_idr": 8_000_000,
            "closes_at": iso(self.now + 30 * 24 * AN_HOUR),
        } | changes

    def vacancy(self, **changes: Any) -> str:
        """The id of a vacancy of the partner's."""
        view = self.ok(Call(routes.POST_VACANCY, self.posting(**changes), partner=self.partner))
        return str(view["vacancy_id"])

    # People, as far as they have come

    def stranger(self) -> str:
        """Somebody with an account and no registration."""
        return f"person-{next(self._numbers)}"

    def registration(self, form: dict[str, Any]) -> Call:
        """A stranger's request to be registered."""
        return Call(routes.REGISTER, form, person=self.stranger())

    def registered(self, **changes: Any) -> str:
        """Somebody who is registered; `changes` are to the form."""
        return self.sent(self.registration(self.form(**changes))).person

    def corrected(self, **changes: Any) -> str:
        """Somebody registered whose record an administrator has corrected since; `changes` are to the record."""
        person = self.registered()
        store = self.services.registration_store
        before = store.record(person)
        assert before is not None
        registrant = replace(before.registrant, **changes)
        store.save(replace(before, registrant=registrant, version=before.version + 1), (), unless_excluded=False)
        return person

    def chosen(self, form: dict[str, Any] | None = None, scheme: str = "") -> Beneficiary:
        """Somebody who joined the open wave and was given a seat."""
        person, services = self.sent(self.registration(form or self.form())).person, self.services
        self.ok(Call(routes.JOIN, person=person))
        chosen = beneficiary(
            person,
            wave=WAVE,
            card_number=f"2026{next(self._numbers):012d}",
            scheme=scheme or services.programme.scheme(WAVE).version,
            awarded_at=self.now,
            buy_by=buy_by(self.now, services.programme.training),
        )
        kk_mac = services.registrations.registrant(person).kk_mac
        assert services._beneficiaries.award(chosen, kk_mac) is EntryOutcome.CHOSEN
        services.registrations.set_standing(person, Standing.BENEFICIARY, chosen_in(WAVE))
        return chosen

    def being_paid(self) -> tuple[str, str]:
        """Somebody whose incentive has been sent and not settled, and the payout."""
        services, beneficiary = self.services, self.chosen()
        self.ok(Call(routes.ADDRESS, self.address(), person=beneficiary.registrant_id))
        with services.transaction() as tx:
            payout = services.payouts.entitle(tx, beneficiary, Kind.INCENTIVE, self.now)
        entitlement = replace(services.payout_store.get(payout), address_version=1)
        key = reference(payout, 1)
        services.payout_store.claim(entitlement, StoredAttempt(1, key, b"sealed", self.now, "xendit-v2"), self.now)
        return beneficiary.registrant_id, payout

    def bought(self, scheme: str = "") -> Bought:
        """Somebody chosen who bought a training."""
        beneficiary = self.chosen(scheme=scheme)
        view = self.ok(Call(routes.BUY, {"course_id": self.course}, person=beneficiary.registrant_id))
        return Bought(beneficiary.registrant_id, beneficiary.card_number, view["training_id"], view["redeem_code"])

    def redeemed(self, scheme: str = "") -> Bought:
        """Somebody whose redeem code the partner has taken in."""
        bought = self.bought(scheme)
        self.ok(Call(routes.REDEEM, self.redemption(bought), partner=self.partner))
        return bought

    def placed(self, scheme: str = PLACED.version) -> Bought:
        """Somebody whose first month at a training is over."""
        placed = self.redeemed(scheme)
        item = TrainingItem(f"T#{placed.person}", placed.training_id)
        item.update([TrainingItem.redeemed_at.set(self.now - A_MONTH)])
        return placed

    def attended(self) -> Bought:
        """Somebody who was at the training, for the hours of its course."""
        bought = self.redeemed()
        self.ok(Call(routes.ATTEND, self.attendance(bought), partner=self.partner))
        self.now += timedelta(seconds=self.services.programme.training.hour_s)
        return bought

    def trained(self) -> Bought:
        """Somebody who completed a training."""
        bought = self.attended()
        self.ok(Call(routes.COMPLETE, self.completion(bought), partner=self.partner))
        return bought

    def graduated(self) -> Bought:
        """Somebody who completed a training and reviewed it."""
        bought = self.trained()
        review = {"rating": 9, "text": "Sangat membantu."}
        self.ok(Call(routes.REVIEW, review, person=bought.person).at(bought.training_id))
        return bought

    def surveyed(self) -> tuple[str, str]:
        """Somebody chosen whose first survey is open; the person and the survey's id."""
        beneficiary, services = self.chosen(), self.services
        survey = survey_of(beneficiary, services.programme, self.now)
        assert services.surveys
        SurveyStore(services.transaction).open(survey)
        return survey.registrant_id, survey.id

    @cached_property
    def veteran(self) -> str:
        """Somebody who was trained, for all who only want to look."""
        return self.trained().person

    @cached_property
    def alumnus(self) -> str:
        """Somebody who graduated, for all who look for a job."""
        return self.graduated().person

    def exclude(self, person: str) -> str:
        """Put somebody on an exclusion list; who it is."""
        nik_mac = self.services.registrations.registrant(person).nik_mac
        exclude(nik_mac, "officials/2026-11/2026-11-01")
        return person

    def reserved(self) -> str:
        """Somebody whose place waits until the civil registry has confirmed them."""
        person = self.chosen().registrant_id
        place = BeneficiaryItem(f"B#{person}", "BENEFICIARY")
        place.update([BeneficiaryItem.state.set(BeneficiaryState.RESERVED)])
        return person

    def revoked(self) -> str:
        """Somebody whose place was taken back, as they bought nothing in time."""
        place = self.services.waves.beneficiaries.of(self.chosen().registrant_id)
        assert place is not None
        with self.services.transaction() as tx:
            self.services._beneficiaries.revoke(tx, place, 1, place.buy_by)
        return place.registrant_id

    def new_partner(self) -> tuple[str, str]:
        """A training partner's id and signing key."""
        partner, key = self.services.partners.add("Pelatihan Jaya", self.now)
        return partner.id, key

    @cached_property
    def office(self) -> tuple[str, str]:
        """The id and signing key of an office that reads cards."""
        partners = self.services.partners
        partner, key = partners.add("Kantor Kecamatan", self.now, Signed("person/ani", "letter 3"), kind="office")
        partners.approve(partner.id, "person/budi", self.now)
        return partner.id, key

    def new_course(self, **changes: str) -> str:
        """The id of a course that has come into the catalogue."""
        row = course_row(self.partner[0], **{"code": f"PY-{next(self._numbers)}"} | changes)
        import_courses(self.services, [",".join(row), ",".join(row.values())], self.now)
        return course_id(row["provider"], row["code"])
