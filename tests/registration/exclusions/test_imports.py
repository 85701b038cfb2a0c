"""Importing exclusion lists: a whole file or nothing, repeatable, and without printing a NIK."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from admin import desk
from admin.commands import registration
from admin.deployment import stages
from chalicelib.aws import dynamodb
from chalicelib.aws.attributes import item_of
from chalicelib.errors import Malformed, Unavailable
from chalicelib.payouts.rules import Kind
from chalicelib.registration.errors import Excluded
from chalicelib.registration.exclusions import errors, service
from chalicelib.registration.exclusions import rows as excluded
from chalicelib.registration.exclusions.service import ExclusionList, ExclusionLists
from chalicelib.registration.items import Exclusion
from chalicelib.waves.places.items import BeneficiaryItem
from chalicelib.waves.rules import BeneficiaryState
from tests.builders.people import beneficiary
from tests.builders.registration import SITI, other_form, registrations, vault
from tests.builders.training import BUDI
from tests.conftest import T0
from tests.registration.exclusions.excluding import NIKS, OFFICIALS, POLICE, REASON, SIGNED, csv_of, retract, rows


def test_an_exclusion_list_counts_once_however_often_it_is_imported(lists, cloud, programme):
    assert lists.import_list(POLICE, ["nik", *NIKS], *SIGNED) == 3
    assert set(rows(cloud)) == {f"X#{vault(cloud).mac('nik', nik)}" for nik in NIKS}
    assert all(named == ["police/2026-11/2026-11-01"] for named in rows(cloud).values())
    with pytest.raises(Excluded):
        registrations(cloud, programme).register("siti", SITI, T0)
    before = rows(cloud)
    assert lists.import_list(POLICE, ["nik", *NIKS], *SIGNED) == 3
    assert rows(cloud) == before
    lists.import_list(ExclusionList("officials", "1", date(2026, 10, 1)), ["nik", SITI.nik], *SIGNED)
    both = ["officials/1/2026-10-01", "police/2026-11/2026-11-01"]
    assert rows(cloud)[f"X#{vault(cloud).mac('nik', SITI.nik)}"] == both


def test_an_interrupted_import_is_finished_by_repeating_it(lists, cloud, monkeypatch):
    monkeypatch.setattr(service, "_PART", 2)
    exclude = excluded.exclude

    def breaks_off(nik_mac, entry):
        if nik_mac == vault(cloud).mac("nik", NIKS[2]):
            raise Unavailable
        exclude(nik_mac, entry)

    with monkeypatch.context() as broken:
        broken.setattr(excluded, "exclude", breaks_off)
        with pytest.raises(Unavailable):
            lists.import_list(POLICE, ["nik", *NIKS], *SIGNED)
    assert len(rows(cloud)) == 2
    lists.import_list(POLICE, ["nik", *NIKS], *SIGNED)
    assert len(rows(cloud)) == 3


@pytest.mark.parametrize(
    ("lines", "facts"),
    [
        ([], {"wrong": 1, "lines": "1"}),
        ([SITI.nik], {"wrong": 1, "lines": "1"}),
        (["nik"], {"wrong": 1, "lines": "2"}),
        (["nik,name", SITI.nik, "x"], {"wrong": 1, "lines": "3"}),
        (["name,nik", "Siti"], {"wrong": 1, "lines": "2"}),
        (["nik", "x" * 200_000], {"wrong": 1, "lines": "2"}),
        (["nik", NIKS[0], "123", NIKS[1], "3201019901900001"], {"wrong": 2, "lines": "3, 5"}),
        (["nik", *["x"] * 30], {"wrong": 30, "lines": ", ".join(str(line) for line in range(2, 22))}),
    ],
)
def test_a_malformed_list_is_refused_whole_with_its_wrong_lines(lists, cloud, lines, facts):
    with pytest.raises(errors.MalformedExclusionList) as refused:
        lists.import_list(POLICE, lines, *SIGNED)
    assert refused.value.facts == facts
    assert rows(cloud) == {}


@pytest.mark.parametrize(
    ("name", "version"), [("", "1"), ("a/b", "1"), ("Police", "1"), ("police", ""), ("police", "1/2")]
)
def test_a_list_has_a_plain_name_and_version(name, version):
    with pytest.raises(Malformed):
        ExclusionList(name, version, date(2026, 11, 1))


def test_the_command_imports_a_file_and_names_wrong_lines_but_no_nik(gelombang, tmp_path, cloud):
    file = tmp_path / "police.csv"
    for content, code in (
        (f"nik\n{NIKS[0]}\n3174099908950001\n".encode(), "malformed_exclusion_list"),
        (b"nik\n3174099908950001\xff\n", "not_utf8"),
        (b"nik\n31740999\x0008950001\n", "not_utf8"),
        (csv_of([f"{nik[:15]}0" for nik in OFFICIALS]), "numbers_spoiled"),
    ):
        file.write_bytes(content)
        refused = gelombang("import", file, "--list", "police", *REASON)
        assert refused.exit_code == 1
        assert f" ({code}" in refused.output
        assert "3174099" not in refused.output
    for words in ("48 of 48 numbers", "last digit became 0", "as Text", "CSV UTF-8"):
        assert words in refused.output, "what happened, and how to export right"
    assert rows(cloud) == {}
    assert gelombang("list").output == "no list was ever imported\n", (
        "what was refused leaves no trace as if it had been done"
    )
    file.write_text("\ufeffnik\r\n" + "\r\n".join(NIKS), encoding="utf-8")
    done = gelombang("import", file, "--list", "police", "--version", "7", "--date", "2026-11-01", *REASON)
    assert done.exit_code == 0
    assert "niks excluded  3" in done.output
    assert len(rows(cloud)) == 3


def test_an_import_that_takes_longer_than_a_request_goes_on_and_is_one_act(gelombang, tmp_path, cloud, monkeypatch):
    monkeypatch.setattr(desk, "STEPS_S", -1)
    monkeypatch.setattr(service, "_PART", 1)
    days = iter([T0, T0 + timedelta(days=1)])
    monkeypatch.setattr(registration, "utc_now", lambda: next(days, T0 + timedelta(days=2)))
    file = tmp_path / "police.csv"
    file.write_text("nik\n" + "\n".join(NIKS))
    assert "niks excluded  3" in gelombang("import", file, "--list", "police", *REASON).output
    assert len(rows(cloud)) == 3
    (act,) = gelombang("list").output.splitlines()[1:]
    assert "IMPORTED" in act
    assert "3 NIKs" in act


def test_an_import_shows_on_how_many_it_has_an_effect_and_has_none_before_it_was_approved(
    gelombang, tmp_path, cloud, programme, monkeypatch
):
    services = stages.load("test").services
    assert services.waves.beneficiaries.of("person-0") is None
    for number, state in enumerate((BeneficiaryState.ACTIVE, BeneficiaryState.POTENTIAL, BeneficiaryState.REVOKED)):
        place = beneficiary(f"person-{number}", state=state)
        registrations(cloud, programme).register(place.registrant_id, other_form(number + 1), T0)
        item_of(BeneficiaryItem, f"B#{place.registrant_id}", "BENEFICIARY", place, roster_shard="143#00").save()
    with dynamodb.Transaction(cloud.region) as tx:
        services.payouts.entitle(tx, beneficiary("person-0"), Kind.INCENTIVE, T0)
    monkeypatch.setattr(service, "_PART", 2)
    monkeypatch.setattr(desk, "STEPS_S", -1)
    file = tmp_path / "police.csv"
    file.write_text("nik\n" + "\n".join([*(other_form(number + 1).nik for number in range(3)), *NIKS]))
    words = ("import", file, "--list", "police", "--version", "7", "--date", "2026-11-01", *REASON)
    shown = gelombang(*words, input="n\n")
    assert shown.exit_code == 1
    told = dict(line.rsplit(maxsplit=1) for line in shown.output.splitlines()[:7])
    assert [told[name] for name in ("niks", "registered", "hold a place", "wait for money")] == ["5", "3", "2", "1"], (
        "Siti is on it twice"
    )
    assert (rows(cloud), services.exclusion_lists.all()) == ({}, {})
    assert gelombang(*words, input="y\n").exit_code == 0
    assert len(rows(cloud)) == 5
    # And so does its retraction, for whom no other list names.
    other = ExclusionList("officials", "1", POLICE.source_date)
    services.exclusion_lists.import_list(other, ["nik", other_form(2).nik], *SIGNED)
    services.exclusion_lists.propose("police", "7", BUDI, "an old list", T0)
    shown = gelombang("approve", "--list", "police", "--version", "7", input="n\n")
    told = dict(line.rsplit(maxsplit=1) for line in shown.output.splitlines() if "  " in line)
    assert [told[name] for name in ("registered", "hold a place", "wait for money")] == ["2", "1", "1"]
    assert len(rows(cloud)) == 5


def test_a_retracted_version_is_refused_without_reading_the_table(gelombang, lists, tmp_path, monkeypatch):
    lists.import_list(POLICE, ["nik", *NIKS], *SIGNED)
    retract(lists)
    monkeypatch.setattr(Exclusion, "scan", pytest.fail)
    monkeypatch.setattr(ExclusionLists, "registered", pytest.fail)
    file = tmp_path / "police.csv"
    file.write_text("nik\n" + "\n".join(NIKS))
    refused = gelombang("import", file, "--list", "police", "--version", "2026-11", *REASON)
    assert (refused.exit_code, "(exclusion_list_retracted" in refused.output) == (1, True)
