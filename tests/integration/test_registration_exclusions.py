"""Importing exclusion lists: all of a file or nothing, as often as one likes, and never a NIK on the screen."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import boto3
import pytest
from click.testing import CliRunner

from admin import stages
from admin.people_commands import exclusion
from chalicelib import dynamo
from chalicelib.errors import Malformed, Unavailable
from chalicelib.registration import errors, exclusions
from chalicelib.registration.exclusions import ExclusionList, ExclusionLists, read_niks
from chalicelib.registration.items import RegistrationsTable
from chalicelib.registration.store import RegistrationStore
from tests.builders.registration import SITI, registrations, vault
from tests.conftest import T0

POLICE = ExclusionList("police", "2026-11", date(2026, 11, 1))
NIKS = [SITI.nik, "3201010101900001", "3201014101900002"]


@pytest.fixture
def lists(cloud):
    dynamo.bind(RegistrationsTable, cloud.table("registrations"), cloud.region)
    return ExclusionLists(RegistrationStore(cloud.region), vault(cloud))


def rows(cloud):
    items = boto3.client("dynamodb", cloud.region).scan(TableName=cloud.table("registrations"))["Items"]
    return {item["pk"]["S"]: sorted(item["lists"]["SS"]) for item in items}


def test_a_list_excludes_everybody_on_it(lists, cloud, programme):
    assert lists.import_list(POLICE, ["nik", *NIKS]) == 3
    assert set(rows(cloud)) == {f"X#{vault(cloud).mac('nik', nik)}" for nik in NIKS}
    assert all(named == ["police/2026-11/2026-11-01"] for named in rows(cloud).values())
    with pytest.raises(errors.Excluded):
        registrations(cloud, programme).register("siti", SITI, T0)


def test_importing_twice_is_importing_once(lists, cloud):
    lists.import_list(POLICE, ["nik", *NIKS])
    before = rows(cloud)
    assert lists.import_list(POLICE, ["nik", *NIKS]) == 3
    assert rows(cloud) == before


def test_a_person_may_be_on_several_lists(lists, cloud):
    lists.import_list(POLICE, ["nik", SITI.nik])
    lists.import_list(ExclusionList("officials", "1", date(2026, 10, 1)), ["nik", SITI.nik])
    assert list(rows(cloud).values()) == [["officials/1/2026-10-01", "police/2026-11/2026-11-01"]]


def test_an_import_that_broke_off_is_finished_by_doing_it_again(lists, cloud, monkeypatch):
    monkeypatch.setattr(exclusions, "_PART", 2)
    exclude = RegistrationStore.exclude

    def breaks_off(self, nik_mac, entry):
        if nik_mac == vault(cloud).mac("nik", NIKS[2]):
            raise Unavailable
        exclude(self, nik_mac, entry)

    with monkeypatch.context() as broken:
        broken.setattr(RegistrationStore, "exclude", breaks_off)
        with pytest.raises(Unavailable):
            lists.import_list(POLICE, ["nik", *NIKS])
    assert len(rows(cloud)) == 2
    lists.import_list(POLICE, ["nik", *NIKS])
    assert len(rows(cloud)) == 3


def test_one_wrong_line_refuses_the_whole_list(lists, cloud):
    with pytest.raises(errors.MalformedExclusionList) as refused:
        lists.import_list(POLICE, ["nik", NIKS[0], "123", NIKS[1], "3201019901900001"])
    assert refused.value.facts == {"wrong": 2, "lines": "3, 5"}
    assert rows(cloud) == {}


def test_other_columns_and_repeated_lines_do_no_harm():
    assert read_niks(["name,nik,office\n", f'"Siti, A.",{SITI.nik},x\n', f"Siti, {SITI.nik} ,y\n", "\n"]) == [SITI.nik]


@pytest.mark.parametrize(
    ("lines", "facts"),
    [
        ([], {"wrong": 1, "lines": "1"}),
        ([SITI.nik], {"wrong": 1, "lines": "1"}),
        (["nik"], {"wrong": 1, "lines": "2"}),
        (["nik,name", SITI.nik, "x"], {"wrong": 1, "lines": "3"}),
        (["name,nik", "Siti"], {"wrong": 1, "lines": "2"}),
        (["nik", "x" * 200_000], {"wrong": 1, "lines": "2"}),
        (["nik", *["x"] * 30], {"wrong": 30, "lines": ", ".join(str(line) for line in range(2, 22))}),
    ],
)
def test_a_file_that_is_no_list_is_refused_by_its_lines(lines, facts):
    with pytest.raises(errors.MalformedExclusionList) as refused:
        read_niks(lines)
    assert refused.value.facts == facts


@pytest.mark.parametrize(
    ("name", "version"), [("", "1"), ("a/b", "1"), ("Police", "1"), ("police", ""), ("police", "1/2")]
)
def test_a_list_has_a_plain_name_and_version(name, version):
    with pytest.raises(Malformed):
        ExclusionList(name, version, date(2026, 11, 1))


@pytest.fixture
def gelombang(lists, monkeypatch):
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=SimpleNamespace(exclusion_lists=lists)))
    return lambda *arguments: CliRunner().invoke(exclusion, ["import", "--stage", "test", *map(str, arguments)])


def test_the_command_imports_a_file(gelombang, tmp_path, cloud):
    file = tmp_path / "police.csv"
    file.write_text("\ufeffnik\r\n" + "\r\n".join(NIKS), encoding="utf-8")
    done = gelombang(file, "--list", "police", "--version", "7", "--date", "2026-11-01")
    assert (done.exit_code, done.output) == (0, "3 NIKs excluded by police/7/2026-11-01\n")
    assert len(rows(cloud)) == 3


def test_the_command_names_wrong_lines_and_no_nik(gelombang, tmp_path, cloud):
    file = tmp_path / "police.csv"
    for content in (
        f"nik\n{NIKS[0]}\n3174099908950001\n".encode(),
        b"nik\n3174099908950001\xff\n",
        b"nik\n31740999\x0008950001\n",
    ):
        file.write_bytes(content)
        refused = gelombang(file, "--list", "police")
        assert isinstance(refused.exception, errors.MalformedExclusionList)
        assert "3174099" not in f"{refused.output} {refused.exception} {refused.exception.__cause__}"
    assert rows(cloud) == {}
