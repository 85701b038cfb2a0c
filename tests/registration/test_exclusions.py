"""Importing exclusion lists: a whole file or nothing, repeatable, and without printing a NIK."""

from __future__ import annotations

import json
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from admin import desk
from admin.commands import registration
from admin.deployment import stages
from chalicelib import spreadsheets
from chalicelib.aws import dynamodb
from chalicelib.aws.admin_acts import Journal
from chalicelib.aws.attributes import item_of
from chalicelib.errors import DomainError, Malformed, Unavailable
from chalicelib.payouts.rules import Kind
from chalicelib.registration.errors import Excluded
from chalicelib.registration.exclusions import errors, service
from chalicelib.registration.exclusions import rows as excluded
from chalicelib.registration.exclusions.files import read_niks
from chalicelib.registration.exclusions.service import ExclusionList, ExclusionLists
from chalicelib.registration.items import Exclusion, ExclusionActItem, RegistrationsTable
from chalicelib.registration.store import RegistrationStore
from chalicelib.waves.places.items import BeneficiaryItem
from chalicelib.waves.rules import BeneficiaryState
from chalicelib.wiring import Services
from tests.builders.commands import invoke
from tests.builders.people import beneficiary
from tests.builders.registration import SITI, other_form, registrations, vault
from tests.builders.registration import rows as table
from tests.builders.training import BUDI
from tests.conftest import T0

POLICE = ExclusionList("police", "2026-11", date(2026, 11, 1))
SIGNED = ("arn:aws:iam::123456789012:user/dewi", "letter 12 of the police", lambda: T0)
REASON = ("--reason", "letter 12")
NIKS = [SITI.nik, "3201010101900001", "3201014101900002"]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A table that is read in one part, as moto knows no segments."""
    monkeypatch.setattr(service, "SEGMENTS", 1)


@pytest.fixture
def lists(cloud):
    dynamodb.bind(RegistrationsTable, cloud.table("registrations"), cloud.region)
    return ExclusionLists(RegistrationStore(cloud.region), vault(cloud), Journal(ExclusionActItem))


def rows(cloud):
    return {item["pk"]["S"]: sorted(item.get("lists", {}).get("SS", ())) for item in table(cloud, "X#")}


def retract(lists, clock=lambda: T0):
    """As one person proposes it and another approves."""
    lists.propose("police", "2026-11", *SIGNED[:2], T0)
    lists.retract("police", "2026-11", BUDI, clock)


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


@pytest.fixture
def gelombang(lists, cloud, programme, monkeypatch):
    services = Services(cloud, programme, lambda: T0)
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=services))
    monkeypatch.setattr(stages, "caller", lambda: SIGNED[0])

    def run(command, *arguments, **options):
        approved = ["--yes"] if command in ("import", "approve") and not options else []
        return invoke(["exclusion", command, "--stage", "test", *map(str, arguments), *approved], **options)

    return run


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


# What spreadsheets do to a list

OFFICIALS = [f"32010{district}{day:02}01850017" for district in range(1, 5) for day in range(1, 13)]
"""48 NIKs."""


def spoiled(content: bytes) -> str:
    with pytest.raises(DomainError) as refused:
        read_niks(spreadsheets.lines(content))
    assert "3201" not in str(refused.value)
    return refused.value.code


def csv_of(niks, heading="nik"):
    return "\r\n".join([heading, *niks]).encode()


@pytest.mark.parametrize(
    "niks",
    [
        [f"{nik[:15]}0" for nik in OFFICIALS],  # Excel keeps 15 digits
        [f"{nik[:13]}120" for nik in OFFICIALS[:3]],
        [f"{nik[:13]}120" if n % 3 else nik for n, nik in enumerate(OFFICIALS)],  # most of them
        [f"{nik[0]}.{nik[1:3]}E+15" for nik in OFFICIALS],
        [f'"{nik[0]},{nik[1:3]}E+15"' for nik in OFFICIALS],
        ["3.20E+15", *OFFICIALS],
        [f"{nik[0]}e{15}" for nik in OFFICIALS],
        [f"{nik}.0" for nik in OFFICIALS],
        [f'"{nik},00"' for nik in OFFICIALS],
        [f"3.201.0{nik[5:7]}.{nik[7:10]}.{nik[10:13]}.120" for nik in OFFICIALS],
        [nik[:15] for nik in OFFICIALS],
        [nik[1:] for nik in OFFICIALS],  # no region begins with 0: no zero to lose
        [nik[:14] for nik in OFFICIALS],
    ],
)
def test_a_list_with_numbers_spoiled_by_a_spreadsheet_is_refused_with_the_cause(niks):
    assert spoiled(csv_of(niks)) == "numbers_spoiled"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00" + b"\x00" * 40, "not_csv"),  # .xlsx, .ods
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 40, "not_csv"),  # .xls
        (b"%PDF-1.7\n", "not_csv"),
        (b"{\\rtf1\\ansi nik}", "not_csv"),
        (b"\xef\xbb\xbf\r\n<html><table><tr><td>nik", "not_csv"),  # many portals call this .xls
        (b'<?xml version="1.0"?><Workbook/>', "not_csv"),
        (csv_of(OFFICIALS).decode().encode("utf-16"), "not_utf8"),
        (csv_of(OFFICIALS).decode().encode("utf-16-le"), "not_utf8"),
        (csv_of(OFFICIALS).decode().encode("utf-16-be"), "not_utf8"),
        (csv_of([f"{OFFICIALS[0]},Andr\u00e9"], "nik,nama").decode().encode("windows-1252"), "not_utf8"),
        (csv_of([f"{OFFICIALS[0]},Andr\ufffd"], "nik,nama"), "not_utf8"),  # read wrongly once, and saved so
        (csv_of([f"{nik};Andi" for nik in OFFICIALS], "nik;nama"), "not_commas"),
        (csv_of([f"{nik}\tAndi" for nik in OFFICIALS], "nik\tnama"), "not_commas"),
        (csv_of([f"{nik}|Andi" for nik in OFFICIALS], "nik|nama"), "not_commas"),
        (csv_of([f"{nik};Andi, S.E.;x" for nik in OFFICIALS], "nik;nama, gelar;jabatan"), "not_commas"),
        (csv_of(OFFICIALS, "nama"), "malformed_exclusion_list"),
        (csv_of([f"{nik},{nik}" for nik in OFFICIALS], "nik,No. KTP"), "malformed_exclusion_list"),  # which of them?
    ],
)
def test_a_file_in_another_format_than_csv_in_utf_8_is_refused_with_its_format(content, code):
    assert spoiled(content) == code


@pytest.mark.parametrize(
    "content",
    [
        csv_of(OFFICIALS),
        b"\xef\xbb\xbf" + csv_of(OFFICIALS),
        csv_of(OFFICIALS).replace(b"\r\n", b"\r"),
        csv_of([f"'{nik}" for nik in OFFICIALS]),
        csv_of([f"\u2019{nik}" for nik in OFFICIALS]),
        csv_of([f'="{nik}"' for nik in OFFICIALS]),
        csv_of([f'"=""{nik}"""' for nik in OFFICIALS]),
        csv_of([f'"{nik}"' for nik in OFFICIALS], '"NIK"'),
        csv_of([f" {nik}\u00a0 ,," for nik in OFFICIALS] + [",,", ",,"], " NIK ,,"),
        csv_of([f"{n},Andi,{nik}" for n, nik in enumerate(OFFICIALS)], "No.,Nama,Nomor Induk Kependudukan"),
        csv_of(OFFICIALS, "No. KTP"),
        csv_of(OFFICIALS + OFFICIALS[::-1], "Nomor NIK"),
        csv_of([f"{nik[:6]}.{nik[6:12]}.{nik[12:]}" for nik in OFFICIALS]),
    ],
)
def test_harmless_changes_by_a_spreadsheet_are_read(content):
    assert read_niks(spreadsheets.lines(content)) == OFFICIALS


STRAY = {
    "an opening quote": [(5, '"')],
    "an opening quote in the last line": [(28, '"')],
    "two opening quotes": [(5, '"'), (11, '"')],
    "an opening quote at its cell's beginning and a closing one lines later": [(5, '"'), (9, '",x"')],
    "a quote after a quoted name": [(5, '"Siti "A" ')],
    "a quoted name with an end of line": [(5, '"Siti\n')],
}


@pytest.mark.parametrize("stray", STRAY)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_stray_quote_joins_no_lines_of_a_list(stray, end):
    rows = [f"{nik},Andi" for nik in OFFICIALS[:30]]
    for place, quote in STRAY[stray]:
        rows[place] = f"{OFFICIALS[place]},{quote}Andi"
    with pytest.raises(errors.MalformedExclusionList) as refused:
        read_niks(spreadsheets.lines(end.join(["nik,nama", *rows]).encode()))
    assert str(refused.value.facts["lines"]) == str(STRAY[stray][0][0] + 2)


def test_quotes_that_belong_to_their_line_other_columns_and_repeated_lines_are_read():
    rows = [f'{nik},"Andi ""Budi"" S.E., M.M."' for nik in OFFICIALS] + [f'{OFFICIALS[0]},Andi "Budi"']
    assert read_niks(spreadsheets.lines("\n".join(["nik,nama", *rows]).encode())) == OFFICIALS
    assert read_niks(["name,nik,office\n", f'"Siti, A.",{SITI.nik},x\n', f"Siti, {SITI.nik} ,y\n", "\n"]) == [SITI.nik]


def test_numbers_that_end_in_0_by_chance_are_taken():
    days = [f"32010{district}{day:02}0185" for district in (1, 2) for day in range(1, 29)]
    niks = [f"{day}{serial:04}" for day in days for serial in range(1, 31)]
    assert len(read_niks(["nik", *niks])) == len(niks)
    assert read_niks(["nik", "3201010101850010"]) == ["3201010101850010"]
    assert len(read_niks(["nik", "3201010101850010", "3201010101850020"])) == 2


# Lists by version


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
