"""The register of pupils and students: asked about whom the civil registry confirmed, where they are excluded."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.civil_registry.dci import AnswersSecret, AskingSecret, DciStudents
from chalicelib.civil_registry.errors import NoAnswer
from chalicelib.config import Settings
from chalicelib.ids import system_randomness
from chalicelib.privacy.wire import DataQuery
from chalicelib.registration.claims.claim_rules import Proof, proof
from chalicelib.registration.errors import NotConfirmed
from chalicelib.registration.rules import School, Verification
from chalicelib.wiring import Services
from local.sandbox.registry import STUDENTS, Registry
from tests.builders.aws.rights import rights_of
from tests.builders.dci import CORE, asked_by, faults, unknown_fields
from tests.builders.registration import SITI, form, other_form
from tests.civil_registry.asking import KNOWN, WHO, Stage, refusing, stage_of
from tests.conftest import T0


@pytest.fixture(scope="module")
def running() -> Iterator[Registry]:
    with Registry("students") as registry:
        yield registry


@pytest.fixture
def stage(cloud: Settings, programme: Any, running: Registry) -> Stage:
    running.students, running.students_down = {}, False
    running.students_asked.clear()
    return stage_of(cloud, programme, running, students_url=running.url)


def asked(stage: Stage, **changes: Any) -> tuple[Verification, School | None]:
    """Register or correct, and have the registries asked with the rights of the function."""
    stage.register(form(**changes))
    return again(stage)


def again(stage: Stage) -> tuple[Verification, School | None]:
    with rights_of("ask_registry"):
        stage.deliver(stage.queued())
    who = stage.services.registrations.registrant(WHO)
    return who.verification, who.school


def swept(stage: Stage) -> tuple[Verification, School | None]:
    stage.now += timedelta(hours=1)
    assert stage.services.registry_sweep.run(stage.now) == 1
    return again(stage)


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ("Aktif", (Verification.MISMATCH, School.STUDENT)),
        ("graduated", (Verification.VERIFIED, None)),
        (None, (Verification.VERIFIED, None)),
        ("", (Verification.VERIFIED, School.UNANSWERED)),  # a record that does not say
    ],
)
def test_who_is_a_pupil_or_student_is_not_confirmed_and_told_only_that_something_differs(stage, status, found, caplog):
    caplog.set_level(logging.DEBUG)
    stage.registry.students = {} if status is None else {SITI.nik: status}
    assert asked(stage) == found
    assert stage.registry.students_asked == {SITI.nik: 1}
    differs = found[1] is School.STUDENT
    assert (stage.shown(), stage.told()) == (("DIFFERS", ["data_differs"]) if differs else ("VERIFIED", []))
    assert stage.services.registrations.registrant(WHO).differs == ({"employment"} if differs else set())
    assert SITI.nik not in caplog.text


def test_nothing_that_a_person_reads_tells_of_the_school(stage):
    def shown() -> object:
        kept = stage.services.export.page(WHO, DataQuery(limit=100), stage.now, stage.now).records
        [record] = [one for one in kept if one.kind == "registration"]
        return stage.shown(), stage.told()[-1], sorted(record.content), record.withheld

    stage.registry.students = {SITI.nik: "active"}
    assert asked(stage) == (Verification.MISMATCH, School.STUDENT)
    student = shown()
    stage.registry.students, stage.registry.people = {}, {SITI.nik: replace(stage.registry.people[SITI.nik], kk="0")}
    assert asked(stage, name="Siti Aminah Binti Ahmad") == (Verification.MISMATCH, None)
    assert shown() == student


def test_a_student_holds_the_nik_by_data_and_what_differs_is_corrected_as_ever(stage):
    stage.registry.students = {SITI.nik: "active"}
    asked(stage)
    who = stage.services.registrations.registrant(WHO)
    assert (proof(who), stage.services.registrations.is_confirmed(who)) == (Proof.DATA, False)
    stage.registry.students = {SITI.nik: "graduated"}
    assert asked(stage, name="Siti Aminah Binti Ahmad")[1] is None
    assert asked(stage) == (Verification.VERIFIED, None)


def test_whom_the_civil_registry_does_not_confirm_the_other_is_not_asked_about(stage):
    stage.registry.students = {SITI.nik: "active"}
    assert asked(stage, name="Budi Santoso") == (Verification.MISMATCH, None)
    stage.registry.configure(down=True)
    assert asked(stage) == (Verification.PENDING, None)
    assert stage.registry.students_asked == {}


def test_while_the_students_register_is_silent_nobody_waits_and_the_sweep_asks_it_alone_until_it_answers(stage):
    stage.registry.students_down = True
    assert asked(stage) == swept(stage) == (Verification.VERIFIED, School.UNANSWERED)
    who = stage.services.registrations.registrant(WHO)
    assert (who.verified_at, stage.services.registrations.is_confirmed(who)) == (T0, True)
    assert asked(stage, phone="0812-3456-7891")[1] is School.UNANSWERED, "a change of something else does not lose it"
    assert stage.services.registry_sweep.waiting_since(stage.now) is not None
    assert stage.services.verifications.to_ask([WHO], stage.now) != [], "before a freeze, too"
    stage.registry.students_down, stage.registry.students = False, {SITI.nik: "active"}
    assert swept(stage) == (Verification.MISMATCH, School.STUDENT)
    who = stage.services.registrations.registrant(WHO)
    assert (who.verified_at, len(stage.told())) == (stage.now, 1), "who is told late is removed late"
    assert stage.registry.asked == {SITI.nik: 1}
    assert stage.services.registry_sweep.waiting_since(stage.now) is None


def test_whom_that_register_refuses_to_be_asked_about_silences_nobody_else(stage, monkeypatch):
    refused = other_form(5)
    stage.registry.add([replace(KNOWN, nik=refused.nik)])
    stage.registry.students_down = True
    stage.register(refused, "refused")
    asked(stage)
    stage.registry.students_down = False
    stage.services.verifications.together = 100
    refusing(stage.registry, refused.nik, monkeypatch, STUDENTS)
    stage.services.verifications.ask([(who, 2) for who in ("refused", WHO)])
    again(stage)
    assert again(stage) == (Verification.VERIFIED, None)
    assert stage.services.registrations.registrant("refused").school is School.UNANSWERED


def test_an_answer_that_comes_late_and_says_no_leaves_the_civil_registrys_as_it_was(stage):
    stage.registry.students_down = True
    asked(stage)
    stage.registry.students_down = False
    assert swept(stage) == (Verification.VERIFIED, None)
    who = stage.services.registrations.registrant(WHO)
    assert (who.verified_at, who.confirmed_at, who.verification_source) == (T0, T0, "dci")


def test_where_it_is_awaited_no_money_and_no_place_before_it_has_answered(stage):
    figures = stage.services.programme.registry
    awaited = replace(figures, students=replace(figures.students, awaited=True))
    stage.services = Services(stage.settings, replace(stage.services.programme, registry=awaited), lambda: stage.now)
    stage.registry.students_down = True
    asked(stage)
    with pytest.raises(NotConfirmed):
        stage.services.registrations.check_may_spend(WHO)
    stage.registry.students_down = False
    swept(stage)
    stage.services.registrations.check_may_spend(WHO)


def test_a_civil_registry_that_answers_later_is_followed_by_the_students_register(stage):
    figures = replace(stage.services.programme.registry, answers_later=True)
    stage.services = Services(stage.settings, replace(stage.services.programme, registry=figures), lambda: stage.now)
    stage.registry.configure(calls_back=False)
    stage.registry.students = {SITI.nik: "active"}
    assert asked(stage) == (Verification.PENDING, None)
    with rights_of("api"):
        stage.services.registry_callbacks.take(stage.registry.outbox[-1]["signature"], stage.now)
    assert stage.state() is Verification.VERIFIED
    assert swept(stage) == (Verification.MISMATCH, School.STUDENT)


@pytest.mark.parametrize(
    ("settings", "may_be_one"),
    [({"students_url": "none"}, False), ({"registry_url": "files"}, False), ({}, True)],
)
def test_a_programme_for_students_and_a_stage_without_interfaces_ask_nobody(stage, settings, may_be_one: bool):
    programme = stage.services.programme
    if may_be_one:
        employment = (*programme.eligibility.employment, "student")
        programme = replace(programme, eligibility=replace(programme.eligibility, employment=employment))
    stage.registry.students = {SITI.nik: "active"}
    stage.services = Services(replace(stage.settings, **settings), programme, lambda: stage.now)
    assert asked(stage) == (Verification.PENDING if "registry_url" in settings else Verification.VERIFIED, None)
    assert stage.registry.students_asked == {}


def client(stage: Stage) -> DciStudents:
    figures = stage.services.programme.registry
    figures = replace(figures, reg_type=figures.students.reg_type)
    secret, key = AskingSecret(**stage.registry.secret), AnswersSecret(stage.registry.public_key, "")
    return DciStudents(stage.registry.url, figures, lambda: secret, lambda: key, lambda: T0, system_randomness)


def test_what_we_ask_and_what_the_sandbox_answers_is_valid_by_the_standard(stage, monkeypatch: pytest.MonkeyPatch):
    asked_: list[Any] = []
    opened = Registry.opened
    monkeypatch.setattr(Registry, "opened", lambda self, body: (asked_.append(json.loads(body)), opened(self, body))[1])
    stage.registry.students = {SITI.nik: "active", "3174095708950003": "left"}
    assert client(stage).find([SITI.nik, "3174095708950002", "3174095708950003"]) == [True, False, False]
    [message] = asked_
    ask = asked_by("/registry/sync/search")
    assert (faults(CORE, ask, message), unknown_fields(CORE, {"$ref": ask}, message)) == ([], [])
    assert {one["search_criteria"]["reg_type"] for one in message["message"]["search_request"]} == {STUDENTS}


@pytest.mark.parametrize(
    ("statuses", "said"),
    [(["left", "active"], True), (["left", "left"], False), (["left", None], "without_status")],
)
def test_somebody_with_records_of_several_schools_is_a_student_if_one_of_them_says_so(stage, statuses, said):
    register = client(stage)
    records = [{"status": status} for status in statuses]
    try:
        found: object = register._read(records)
    except NoAnswer as silence:
        found = silence.fact
    assert found == said
