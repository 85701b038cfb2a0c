"""The job market on moto or DynamoDB Local; dicts of people stand in for registration, waves and training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import boto3
import msgspec
from msgspec.structs import replace

from chalicelib.config import Programme, Settings
from chalicelib.jobs.rules import Offer
from chalicelib.jobs.service import Jobs
from chalicelib.jobs.wire import ApplicantQuery, ApplicationForm, MatchQuery, OfferForm, PostingForm
from chalicelib.registration.errors import NotRegistered
from chalicelib.registration.rules import Contact, Registrant
from chalicelib.training.rules import Certificate, Partner
from chalicelib.waves.rules import Beneficiary, BeneficiaryState
from chalicelib.wiring import Services
from tests.builders.people import registrant
from tests.builders.training import PERSON
from tests.conftest import T0

PARTNER = Partner("p" * 26, "Kerja Jaya", b"", T0)
RIVAL = Partner("q" * 26, "Kerja Makmur", b"", T0)
CLOSES = T0 + timedelta(days=30)
ALL = ("name", "phone", "certificates")


def certificate(number: str) -> Certificate:
    """A completed training."""
    return Certificate("Dasar Pemrograman", "Pelatihan Jaya", number, T0 - timedelta(days=1))


@dataclass
class People:
    """Alumni, in every part that other domains play. `add` makes one of them."""

    skills: dict[str, frozenset[str]] = field(default_factory=dict)
    states: dict[str, BeneficiaryState] = field(default_factory=dict)
    registrants: dict[str, Registrant] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)

    def add(self, name: str, *skills: str, region: int = 31, state: Any = BeneficiaryState.GRADUATED) -> str:
        self.skills[name] = frozenset(skills)
        self.states[name] = state
        self.registrants[name] = registrant(name, region=region)
        self.contacts[name] = Contact(f"Nama {name}", f"+62812{len(self.contacts):07d}")
        return name

    def registrant(self, registrant_id: str) -> Registrant:
        if registrant_id not in self.registrants:
            raise NotRegistered()
        return self.registrants[registrant_id]

    def contact(self, registrant_id: str) -> Contact | None:
        return self.contacts.get(registrant_id)

    @property
    def beneficiaries(self) -> Any:
        return self

    def places(self, registrant_id: str) -> list[Beneficiary]:
        state = self.states.get(registrant_id)
        return [] if state is None else [replace(PERSON, registrant_id=registrant_id, state=state)]

    def skills_of(self, registrant_id: str) -> frozenset[str]:
        return self.skills[registrant_id]

    def certificates_of(self, registrant_id: str) -> list[Certificate]:
        return [certificate(f"C-{registrant_id}")]


@dataclass
class Market:
    """The service and what it stands on."""

    jobs: Jobs
    people: People
    table: Any

    def post(self, now: datetime = T0, by: Partner = PARTNER, **changes: Any) -> str:
        """Post a vacancy; its id."""
        view, new = self.jobs.post(by, posting(**changes), now)
        assert new
        return view.vacancy_id

    def matched(self, person: str, **page: Any) -> list[str]:
        """The vacancies that a person sees an hour later, best first."""
        found = self.jobs.matches(person, MatchQuery(**page), T0 + timedelta(hours=1))
        return [one.vacancy.vacancy_id for one in found.matches]

    def shown(self, vacancy: str) -> list[str]:
        """The names that the vacancy's partner sees."""
        return [one.name for one in self.jobs.applicants(PARTNER, vacancy, ApplicantQuery()).applicants]

    def items(self, prefix: str = "") -> list[dict[str, Any]]:
        """The items of the table under keys that begin so."""
        rows: list[dict[str, Any]] = self.table.scan()["Items"]
        return sorted((row for row in rows if row["pk"].startswith(prefix)), key=lambda row: (row["pk"], row["sk"]))

    def listed(self) -> list[str]:
        """The skills under which vacancies are listed."""
        return [row["pk"].removeprefix("SKILL#") for row in self.items("SKILL#")]


def open_market(settings: Settings, programme: Programme, **rules: int) -> Market:
    """Nobody and nothing yet. `rules` are figures other than the programme's."""
    people = People()
    figures = msgspec.structs.replace(programme, jobs=msgspec.structs.replace(programme.jobs, **rules))
    services = Services(settings, figures)
    vars(services).update(registrations=people, waves=people, training=people)
    table = boto3.resource("dynamodb", settings.region).Table(settings.table("jobs"))
    return Market(services.jobs, people, table)


def every_page(read: Callable[[Any], Any], page: Any) -> Iterator[Any]:
    """The answers to a query and to those for the pages after it."""
    while True:
        answer = read(page)
        yield answer
        if answer.next_cursor is None:
            return
        page = msgspec.structs.replace(page, cursor=answer.next_cursor)


def offer_form(**changes: Any) -> OfferForm:
    """A vacancy as its partner describes it."""
    form = OfferForm(
        title="Pengembang web",
        employer="PT Maju",
        province="31",
        skills=("programming", "web_development"),
        salary_min_idr=5_000_000,
        salary_max_idr=8_000_000,
        closes_at=CLOSES,
    )
    return msgspec.structs.replace(form, **changes)


def posting(reference: str = "LOK-1", **changes: Any) -> PostingForm:
    """The same as a new vacancy."""
    return PostingForm(**msgspec.structs.asdict(offer_form(**changes)), reference=reference)


def offer(**changes: Any) -> Offer:
    """The same as the rules see it."""
    plain = Offer("Pengembang web", "PT Maju", 31, frozenset({"programming"}), 5_000_000, 8_000_000, CLOSES)
    return replace(plain, **changes)


def application(vacancy_id: str, share: tuple[Any, ...] = ALL) -> ApplicationForm:
    """An application, sharing what it takes."""
    return ApplicationForm(vacancy_id, share)
