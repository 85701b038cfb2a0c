"""How a later answer of the civil registry succeeds and is refused, on a stage that has none but for these requests."""

from __future__ import annotations

from functools import cache

import boto3
from msgspec.structs import replace

from chalicelib.civil_registry.later import Transactions
from chalicelib.ids import system_randomness
from chalicelib.registration.verifications import Ask
from chalicelib.wiring import Services
from local.sandbox.registry import Person, Registry
from tests.e2e import routes
from tests.e2e.gateway import AN_HOUR, Call, Gateway, Provoke

_registry = cache(lambda: Registry("refusals"))
"""It signs, and is never called."""


def _answer(gateway: Gateway, *, pending: bool) -> Call:
    """An answer about somebody who is registered; one that is pending may be given again and again."""
    person = gateway.registered()
    record = gateway.services.registration_store.record(person)
    assert record is not None
    version = Ask(person, record.version)
    opened = gateway.services.registry_judge.asked(version)
    assert opened is not None
    nik, name, kk = opened.person.nik, opened.person.name, opened.person.kk
    born, province = record.registrant.birth_date.isoformat(), str(record.registrant.region)
    settings, programme = gateway.services.settings, gateway.services.programme
    settings = replace(settings, registry_url="http://127.0.0.1:9")
    figures = replace(programme.registry, answers_later=True)
    services = Services(settings, replace(programme, registry=figures), gateway.clock)
    gateway.services.registry_callbacks = services.registry_callbacks
    _registry().hand_over_key(boto3.client("secretsmanager", settings.region), settings.stage)
    assert services._dci is not None
    transactions = Transactions(services._dci, system_randomness)
    transaction = transactions.seal(version, gateway.now + 24 * AN_HOUR)
    known = Person(nik=nik, name=name, birth_date=born, kk=kk, province=province)
    _registry().people = {nik: known}
    _registry().configure(pending=pending)
    search = {"reference_id": transaction[:26], "search_criteria": {"query_type": "idtype-value"}}
    search["search_criteria"]["query"] = {"type": "NIK", "value": nik}
    asked = {"header": {"sender_id": "gelombang"}}
    message = {"transaction_id": transaction, "search_request": [search]}
    return Call(routes.ON_SEARCH, _registry().answer(asked | {"message": message}))


def answer_that_verifies(gateway: Gateway) -> Call:
    """An answer that can be judged, which counts once."""
    return _answer(gateway, pending=False)


REFUSALS: dict[str, dict[str, Provoke]] = {
    routes.ON_SEARCH: {
        "registry_answer_refused": lambda _: Call(routes.ON_SEARCH, {"signature": "e30.e30.e30"}),
    },
}
SUCCESSES: dict[str, Provoke] = {routes.ON_SEARCH: lambda gateway: _answer(gateway, pending=True)}
