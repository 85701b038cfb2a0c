"""A stage whose registrations the sandbox registry is asked about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import boto3
import pytest
from msgspec.structs import replace

from chalicelib.civil_registry.service import consume
from chalicelib.config import Settings
from chalicelib.registration.rules import Verification
from chalicelib.registration.wire import RegistrationForm
from chalicelib.wiring import Services
from local.sandbox.registry import Person, Registry
from tests.builders.aws.calls import drained
from tests.builders.registration import SITI
from tests.conftest import T0

WHO = "3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11"
OTHER = "3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a12"
AGAIN = timedelta(seconds=1_800)
KNOWN = Person(nik=SITI.nik, name=SITI.name, birth_date="1995-08-17", kk=SITI.kk, province="31")


class Stage:
    """A stage with a registry, and a clock that tests move."""

    def __init__(self, settings: Settings, programme: Any, registry: Registry) -> None:
        self.now = T0
        self.settings, self.registry = settings, registry
        figures = replace(programme.registry, asks_per_s=100_000, timeout_s=2)
        self.services = Services(settings, replace(programme, registry=figures), lambda: self.now)

    def register(self, given: RegistrationForm = SITI, who: str = WHO) -> None:
        self.services.registrations.register(who, given, self.now)

    def queued(self) -> list[str]:
        return [message["Body"] for message in drained(self.settings.registry_queue_url)]

    def deliver(self, bodies: list[str]) -> None:
        records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
        assert consume(records, self.services.registry_verifier) == {"batchItemFailures": []}

    def asked(self, given: RegistrationForm = SITI) -> Verification:
        """Register or correct, and have the registry asked."""
        self.register(given)
        self.deliver(self.queued())
        return self.state()

    def state(self, who: str = WHO) -> Verification:
        return self.services.registrations.registrant(who).verification

    def shown(self) -> str:
        view = self.services.registrations.me(WHO).registration
        assert view is not None
        return view.verification

    def told(self) -> list[str]:
        return [one.kind for one in self.services.mailboxes.notices(WHO) if one.kind == "data_differs"]


def refusing(registry: Registry, nik: str, monkeypatch: pytest.MonkeyPatch, of: str | None = None) -> None:
    """Have a registry refuse every message that asks about this NIK, in a search `of` this `reg_type`."""
    search = registry._search

    def refuses(asked: dict[str, Any]) -> dict[str, Any]:
        criteria = asked["search_criteria"]
        if (criteria["query"]["value"], criteria.get("reg_type")) == (nik, of):
            raise ValueError(nik)
        return search(asked)

    monkeypatch.setattr(registry, "_search", refuses)


def stage_of(cloud: Settings, programme: Any, running: Registry, **settings: Any) -> Stage:
    """The registry knows Siti alone."""
    running.configure(down=False, hangs=False, slow_s=0)
    running.people = {KNOWN.nik: KNOWN}
    running.asked.clear()
    running.hand_over(boto3.client("secretsmanager", cloud.region), cloud.stage)
    return Stage(replace(cloud, registry_url=running.url, **settings), programme, running)
