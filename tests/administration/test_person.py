"""`gelombang person` finds who calls and answers the call, masked; whom it concerns sees who looked, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from admin import desk, office
from admin.cli import main
from admin.commands.people import person as person_commands
from admin.deployment import stages
from chalicelib.config import Programme, Settings
from tests.builders.aws.rights import rights_of
from tests.builders.commands import ACCOUNT, Terminal
from tests.builders.lives import FORM, SEALED, live, rows
from tests.e2e.gateway import Gateway, serving

terminal = Terminal("person")
WHY = ("--reason", "called about a payment")


@pytest.fixture
def gateway(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with serving(cloud, programme) as gateway:
        found = SimpleNamespace(services=gateway.services, settings=cloud)
        monkeypatch.setattr(stages, "load", lambda _: found)
        monkeypatch.setattr(stages, "caller", lambda: f"arn:aws:iam::{ACCOUNT}:user/sari")
        for module in (office, desk, person_commands):
            monkeypatch.setattr(module, "utc_now", gateway.clock)
        yield gateway


def test_whoever_calls_is_found_by_what_they_know_and_nothing_typed_is_kept(gateway: Gateway, cloud: Settings) -> None:
    person = live(gateway)
    card = gateway.services.waves.beneficiaries.places(person)[0].card_number
    typed = {
        FORM.nik: "nik",
        f"{FORM.nik[:6]} {FORM.nik[6:12]} {FORM.nik[12:]}": "nik",
        card: "card_number",
        FORM.phone: "phone_of_registration",
        SEALED["contact"].upper(): "email_of_account",
        f"Hj. PUTRI {FORM.name.upper()}, S.Pd, {FORM.birth_date}": "name_and_birth_date",  # as corrected
    }
    for text, how in typed.items():
        with rights_of("administer"):
            result = terminal.run("find", "--json", *WHY, input=f"{text}\n")
        [found] = json.loads(result.stdout)
        assert (found["registrant"], found["found_by"], found["registered"]) == (person, [how], True)
        assert SEALED["contact"] not in result.output
        assert FORM.nik not in result.output
    assert json.loads(terminal.run("find", "--json", *WHY, input="3174095708950009\n").stdout) == []
    assert json.loads(terminal.run("find", "--json", *WHY, input=f"{FORM.name}, {FORM.birth_date}\n").stdout) == []
    for nothing in ("siapa", "Siti, 1995-02-30", "?, 1995-08-17"):
        assert terminal.run("find", *WHY, input=f"{nothing}\n").exit_code == 2
    lines = [row for table, row in rows(cloud) if table == "journal"]
    assert not any(text.casefold() in str(lines).casefold() for text in typed)
    looks = list(gateway.services.journal.of_person(person))
    assert {(line.route, line.reason, line.outcome) for line in looks} == {("person find", WHY[1], "done")}
    assert len(looks) == len(typed)


def test_all_that_answers_a_call_is_shown_masked(gateway: Gateway) -> None:
    person = live(gateway)
    with rights_of("administer"):
        told = terminal.found("show", person, *WHY)
        assert "person show" in {line["did"] for line in Terminal("journal").found("show", "--registrant", person)}
        assert Terminal("roster").found("show")["people"] == []
    assert told["name"].startswith(FORM.name)
    assert {"standing", "verification", "restricted_since", "may_join", "why_not", "balance_idr"} <= told.keys()
    for part in ("contacts", "places", "trainings", "payments", "notices", "grievances"):
        assert told[part], part
    text = json.dumps(told)
    assert [name for name, value in SEALED.items() if value in text] == []
    assert FORM.phone not in text
    [look] = [line for line in gateway.services.journal.of_person(person) if line.route == "person show"]
    assert (look.reason, look.outcome) == (WHY[1], "done")
    assert "payments" in " ".join(terminal.told("show", person, *WHY))


def test_nobody_is_shown_without_a_reason(gateway: Gateway) -> None:
    assert "(not_found" in terminal.refused("show", "nobody", *WHY)
    assert CliRunner().invoke(main, ["person", "show", "nobody", "--stage", "test"]).exit_code == 2
