"""The session: what botocore does for a service, it does for ours; credentials come from where botocore looks first."""

from __future__ import annotations

from typing import Any

import botocore
import pytest
from botocore import handlers
from botocore.session import Session, get_session

from admin.deployment.libraries import SERVICES
from chalicelib.aws import clients
from tests.conftest import REGION

FOR_CREDENTIALS = {"sts", "sso", "sso-oidc", "signin"}
"""botocore makes clients of these itself when somebody's own machine has a profile."""


def hooked_in(session: Session, service: str) -> dict[str, list[Any]]:
    """By event of a service, what its client then does, in order."""
    client: Any = session.create_client(service, REGION)
    of = client.meta.service_model.service_id.hyphenize()
    parts = [event.split(".") for event, *_ in handlers.BUILTIN_HANDLERS]
    names = {".".join([kind, of, *rest[1:]]) for kind, *rest in parts if kind != "docs" and rest[:1] in ([], [of])}
    emitter = client.meta.events._emitter
    return {name: [getattr(one, "__func__", one) for one in emitter._handlers.prefix_search(name)] for name in names}


@pytest.mark.parametrize("service", sorted(SERVICES | FOR_CREDENTIALS))
def test_a_client_does_what_botocores_own_session_has_it_do(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore, "_INITIALIZERS", [])  # Powertools, which some benchmark has imported, adds one
    ours, theirs = clients._Session(), get_session()
    assert hooked_in(ours, "kms").keys()  # another service before it
    events = hooked_in(theirs, service)

    assert hooked_in(ours, service) == events
    assert hooked_in(ours, service) == events, "a second client"
    assert len(events) >= 6
    assert all(events.values())


def test_services_that_are_not_called_are_not_prepared() -> None:
    session: Any = clients._Session()
    session.create_client("dynamodb", REGION)
    emitter = session.get_component("event_emitter")._emitter

    assert not emitter._handlers.prefix_search("docs.request-params.s3.PutObject.complete-section")
    assert len(emitter._handlers.prefix_search("before-parameter-build.s3.PutObject")) == 2  # those of all services


@pytest.mark.parametrize("key", ["AKIA", ""])
def test_credentials_of_the_environment_are_found_and_without_them_those_of_a_profile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, key: str
) -> None:
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = FILE\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)

    found: Any = clients.session.__wrapped__().get_credentials()

    assert (found.access_key, found.method) == ((key, "env") if key else ("FILE", "shared-credentials-file"))
