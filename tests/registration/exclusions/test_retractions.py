"""Two people retract a version of an exclusion list, for good."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from admin import desk
from admin.deployment import stages
from chalicelib.aws.admin_acts import Act
from chalicelib.errors import Unavailable
from chalicelib.registration.exclusions import errors, service
from chalicelib.registration.exclusions import rows as excluded
from chalicelib.registration.exclusions.service import ExclusionList
from chalicelib.registration.items import Exclusion
from tests.builders.registration import SITI, registrations, vault
from tests.builders.training import BUDI
from tests.conftest import T0
from tests.registration.exclusions.excluding import NIKS, POLICE, REASON, SIGNED, csv_of, retract, rows


def test_two_people_retract_a_list_which_frees_people_on_no_other_list(
    gelombang, tmp_path, cloud, programme, monkeypatch
):
    file = tmp_path / "list.csv"

    def imported(name, version, niks):
        file.write_bytes(csv_of(niks))
        return gelombang("import", file, "--list", name, "--version", version, "--date", "2026-11-01", *REASON)

    assert imported("police", "1", NIKS).exit_code == 0
    assert imported("police", "2", NIKS[1:]).exit_code == 0
    assert imported("officials", "1", NIKS[2:]).exit_code == 0
    before = rows(cloud)
    version = ("--list", "police", "--version", "1")
    assert "(retraction_not_proposed)" in gelombang("approve", *version).output
    assert "another person approves it" in gelombang("retract", *version, "--reason", "an old list").output
    assert "(retraction_same_person)" in gelombang("approve", *version).output
    assert gelombang("reject", *version, *REASON).exit_code == 0
    for refused in ("reject", *version, *REASON), ("approve", *version):
        assert "(retraction_not_proposed)" in gelombang(*refused).output
    gelombang("retract", *version, "--reason", "an old list")
    monkeypatch.setattr(stages, "caller", lambda: BUDI)
    assert gelombang("approve", *version, input="n\n").exit_code == 1
    assert rows(cloud) == before
    done = gelombang("approve", *version)
    for words in ("niks no longer named  3", "an old list", SIGNED[0]):
        assert words in done.output
    assert rows(cloud) == {
        f"X#{vault(cloud).mac('nik', NIKS[1])}": ["police/2/2026-11-01"],
        f"X#{vault(cloud).mac('nik', NIKS[2])}": ["officials/1/2026-11-01", "police/2/2026-11-01"],
    }
    assert registrations(cloud, programme).register("siti", SITI, T0)[1], "nobody names her any more"
    assert "(retraction_begun)" in gelombang("reject", *version, *REASON).output
    again = gelombang("approve", *version)
    assert "niks no longer named  0" in again.output

    listed = json.loads(gelombang("list", "--json").stdout)
    assert [(act["deed"], act["about"]) for act in listed] == [
        ("IMPORTED", "officials/1/2026-11-01"),
        ("RETRACTED", "police/1/2026-11-01"),
        ("IMPORTED", "police/2/2026-11-01"),
    ]
    shown = json.loads(gelombang("show", "--list", "police", "--version", "1", "--json").stdout)
    assert {(act["deed"], act["by"]) for act in shown} == {
        *((deed, SIGNED[0]) for deed in ("IMPORT", "IMPORTED", "PROPOSE", "REJECT")),
        *((deed, BUDI) for deed in ("RETRACT", "RETRACTED")),
    }
    assert {"3 NIKs: letter 12", f"3 NIKs: {SIGNED[0]}: an old list"} <= {act["reason"] for act in shown}
    refused = imported("police", "1", NIKS)
    assert (refused.exit_code, "(exclusion_list_retracted" in refused.output) == (1, True)


def test_a_retraction_that_takes_longer_than_a_request_goes_on_and_counts_all(gelombang, lists, cloud, monkeypatch):
    monkeypatch.setattr(desk, "STEPS_S", -1)
    monkeypatch.setattr(service, "SEGMENTS", 3)
    for day in (1, 2):
        lists.import_list(ExclusionList("police", "2026-11", date(2026, 11, day)), ["nik", *NIKS], *SIGNED)
    lists.propose("police", "2026-11", BUDI, "an old list", T0)
    done = gelombang("approve", "--list", "police", "--version", "2026-11")
    assert "niks no longer named  6" in done.output
    assert rows(cloud) == {}
    assert [act.deed for act in lists.acts("police", "2026-11")].count("RETRACTED") == 2


def test_a_retracted_version_is_not_imported_again_under_another_date(lists, cloud):
    lists.import_list(POLICE, ["nik", *NIKS], *SIGNED)
    retract(lists)
    excluded.exclude(vault(cloud).mac("nik", NIKS[1]), POLICE.entry)  # by an import that died
    for day in (date(2026, 11, 1), date(2026, 11, 2), date(2027, 1, 1)):
        with pytest.raises(errors.ExclusionListRetracted):
            lists.import_list(ExclusionList("police", "2026-11", day), ["nik", *NIKS], *SIGNED)
    assert rows(cloud) == {}
    other = [
        ExclusionList("police", "2026-1", POLICE.source_date),
        ExclusionList("polic", "2026-11", date(2026, 11, 1)),
    ]
    assert [lists.import_list(each, ["nik", SITI.nik], *SIGNED) for each in other] == [1, 1]


@pytest.mark.parametrize("day", [1, 2])
def test_a_list_retracted_during_its_import_excludes_nobody(lists, cloud, monkeypatch, day):
    """The other administrator is done before the import is."""
    monkeypatch.setattr(service, "_PART", 1)
    lists.import_list(POLICE, ["nik", NIKS[0]], *SIGNED)
    now, exclude = iter(T0 + timedelta(minutes=n) for n in range(9)), excluded.exclude

    def then_retracted(nik_mac, entry):
        exclude(nik_mac, entry)
        if nik_mac == vault(cloud).mac("nik", NIKS[1]):
            retract(lists, lambda: next(now))

    monkeypatch.setattr(excluded, "exclude", then_retracted)
    source, scans, scan = ExclusionList("police", "2026-11", date(2026, 11, day)), [], Exclusion.scan
    monkeypatch.setattr(Exclusion, "scan", lambda *given, **named: scans.append(1) or scan(*given, **named))
    with pytest.raises(errors.ExclusionListRetracted):
        lists.import_list(source, ["nik", *NIKS], *SIGNED[:2], lambda: next(now))
    assert len(scans) == day, "the retraction's own, one for each date: the import takes its rows off by its own NIKs"
    assert rows(cloud) == {}
    assert {act.deed for act in lists.all().values()} == {"RETRACTED"}


def test_the_end_of_an_import_and_of_a_retraction_has_its_own_time(lists):
    now = iter(T0 + timedelta(hours=n) for n in range(4))
    lists.import_list(POLICE, ["nik", *NIKS], *SIGNED[:2], lambda: next(now))
    retract(lists, lambda: next(now))
    acts = [(act.deed, act.at) for act in reversed(lists.acts("police", "2026-11"))]
    acts.remove(("PROPOSE", T0))
    deeds = ["IMPORT", "IMPORTED", "RETRACT", "RETRACTED"]
    assert acts == [(deed, T0 + timedelta(hours=n)) for n, deed in enumerate(deeds)]


@pytest.mark.parametrize("command", ["show", "retract", "approve"])
def test_an_unknown_version_is_an_error(gelombang, command):
    reason = ["--reason", "x"] if command == "retract" else []
    refused = gelombang(command, "--list", "police", "--version", "9", *reason)
    assert (refused.exit_code, "(unknown_exclusion_list" in refused.output) == (1, True)


@pytest.mark.parametrize("dies_at", ["update", "delete"])
def test_an_interrupted_retraction_is_finished_by_repeating_it(lists, cloud, monkeypatch, dies_at):
    lists.import_list(POLICE, ["nik", *NIKS], *SIGNED)
    calls = []
    original = getattr(Exclusion, dies_at)

    def dies(self, *args, **kwargs):
        calls.append(self.pk)
        if len(calls) == 2:
            raise Unavailable
        return original(self, *args, **kwargs)

    with monkeypatch.context() as broken:
        broken.setattr(Exclusion, dies_at, dies)
        with pytest.raises(Unavailable):
            retract(lists)
    assert lists.all()[POLICE.entry].deed == "RETRACT", "begun, and not done"
    retract(lists)
    assert lists.all()[POLICE.entry].deed == "RETRACTED"
    assert rows(cloud) == {}


def test_a_list_imported_during_another_lists_retraction_stays(lists, cloud, monkeypatch):
    """Another list names the NIK between the two writes of a retraction."""
    lists.import_list(POLICE, ["nik", SITI.nik], *SIGNED)
    update = Exclusion.update

    def then_another(self, actions, **kwargs):
        done = update(self, actions, **kwargs)
        monkeypatch.setattr(Exclusion, "update", update)
        lists.import_list(ExclusionList("officials", "1", date(2026, 10, 1)), ["nik", SITI.nik], *SIGNED)
        return done

    monkeypatch.setattr(Exclusion, "update", then_another)
    retract(lists)
    assert list(rows(cloud).values()) == [["officials/1/2026-10-01"]]


def test_a_rejection_loses_to_a_retraction_that_begins_beside_it(lists, cloud, monkeypatch):
    lists.import_list(POLICE, ["nik", *NIKS], *SIGNED)
    lists.propose("police", "2026-11", *SIGNED[:2], T0)
    add = lists._journal.add

    def after_another(act):
        add(Act(T0 + timedelta(minutes=1), "RETRACT", act.about, BUDI, "an old list"))
        add(act)

    with monkeypatch.context() as beside:
        beside.setattr(lists._journal, "add", after_another)
        with pytest.raises(errors.RetractionBegun):
            lists.reject("police", "2026-11", *SIGNED[:2], T0 + timedelta(minutes=2))
    assert lists.retract("police", "2026-11", BUDI, lambda: T0 + timedelta(minutes=3)) == len(NIKS)
    assert rows(cloud) == {}
