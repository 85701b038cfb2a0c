"""The order to the bank (pain.001.001.09): valid by its schema, with right totals, always the same bytes."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from msgspec.structs import replace

from admin.bank import pain001
from admin.bank.pain001 import NAMELESS, bank_text
from chalicelib.config import BadConfiguration, load_programme
from chalicelib.figures.benefits import PayoutCode
from chalicelib.money import rupiah
from chalicelib.payouts.bank_files.transfers import BankFile, Order, Transfer
from chalicelib.payouts.rules import Answer, Entitlement, Kind, Outcome, State, reference
from chalicelib.registration.rules import FinancialAddress
from tests.builders.figures import changed
from tests.builders.payouts.bank import DEBTOR, text
from tests.conftest import ROOT, T0

ID = "abcdefghijklmnopqrstuvwxyz"
ANI = Transfer(f"{ID}-1", "BNINIDJA", "0123456789", "Ani Lestari", 600_000, "Gelombang 143 INCENTIVE")
BUDI = Transfer(f"{ID}-9999", "CENAIDJA", "9876543210", "Budi Müller-Sørensen", 50_000, "Gelombang 143 SURVEY_1")
ORDER = Order("mzxw6ytboi4dqnzxgiztinjwg4", T0, date(2026, 11, 25), (ANI, BUDI))
BANK_SET = re.compile(r"[A-Za-z0-9][A-Za-z0-9/?:().,'+ -]*")


def root(order: Order = ORDER) -> etree._Element:
    return etree.fromstring(pain001.write(order, DEBTOR))


def test_an_order_is_valid_by_its_schema_and_names_payer_and_payees():
    written = root()
    assert pain001.breach(written) is None
    assert text(written, "CdtTrfTxInf/PmtId/EndToEndId") == [f"{ID}-1", f"{ID}-9999"]
    assert text(written, "InstdAmt") == ["600000", "50000"]
    assert {one.get("Ccy") for one in written.findall(".//{*}InstdAmt")} == {"IDR"}
    assert text(written, "CdtrAgt/FinInstnId/BICFI") == ["BNINIDJA", "CENAIDJA"]
    assert text(written, "CdtrAcct/Id/Othr/Id") == ["0123456789", "9876543210"]
    assert text(written, "Cdtr/Nm") == ["Ani Lestari", "Budi Muller-Sorensen"]
    assert text(written, "ReqdExctnDt/Dt") == ["2026-11-25"]
    assert text(written, "DbtrAcct/Id/Othr/Id") == [DEBTOR.debtor_account]
    assert text(written, "DbtrAgt/FinInstnId/BICFI") == [DEBTOR.debtor_bic]
    assert (text(written, "ChrgBr"), text(written, "BtchBookg")) == (["DEBT"], ["false"])
    assert text(written, "CreDtTm") == ["2026-11-24T10:00:00+07:00"]
    assert text(written, "NbOfTxs") == ["2", "2"], "at both levels"
    assert text(written, "CtrlSum") == ["650000", "650000"]


def test_the_same_order_gives_the_same_bytes_and_another_does_not():
    assert pain001.write(ORDER, DEBTOR) == pain001.write(replace(ORDER), DEBTOR)
    others = [
        replace(ORDER, batch="b"),
        replace(ORDER, made_at=T0 + timedelta(seconds=1)),
        replace(ORDER, execute_on=date(2026, 11, 26)),
        replace(ORDER, transfers=(BUDI, ANI)),
        replace(ORDER, transfers=(ANI, msgspec.structs.replace(BUDI, amount_idr=50_001))),
    ]
    assert len({pain001.write(each, DEBTOR) for each in [ORDER, *others]}) == 6


def test_the_page_shows_the_very_file():
    page = (ROOT / "docs/bank-files.md").read_text()
    shown = re.search(r"```xml\n(.*?)```", page, re.DOTALL)
    assert shown[1].encode() == pain001.write(ORDER, DEBTOR)


@settings(max_examples=60)
@given(
    names=st.lists(st.text(max_size=200), min_size=1, max_size=5),
    amounts=st.lists(st.integers(1, 10**12), min_size=5, max_size=5),
)
def test_an_order_with_any_names_and_amounts_is_valid_and_adds_up(names, amounts):
    transfers = tuple(
        Transfer(reference(ID, n), "BNINIDJA", "0123456789", name, amounts[n - 1], "Gelombang 143 INCENTIVE")
        for n, name in enumerate(names, 1)
    )
    written = root(replace(ORDER, transfers=transfers))
    assert text(written, "CtrlSum") == [str(sum(amounts[: len(names)]))] * 2
    assert text(written, "NbOfTxs") == [str(len(names))] * 2
    assert text(written, "InstdAmt") == [str(each) for each in amounts[: len(names)]]
    assert all(BANK_SET.fullmatch(name) and len(name) <= 70 for name in text(written, "Cdtr/Nm"))


@given(st.text())
def test_only_letters_that_banks_accept_are_written(name):
    written = bank_text(name, 70)
    assert BANK_SET.fullmatch(written)
    assert len(written) <= 70
    assert "  " not in written
    assert bank_text(written, 70) == written


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Siti  Nurhaliza", "Siti Nurhaliza"),
        ("R.A. Kartini (alm.)", "R.A. Kartini (alm.)"),
        ("I Gusti Ngurah Rai & Co", "I Gusti Ngurah Rai Co"),
        ("Nguyễn Thị Ánh", "Nguyen Thi Anh"),
        ("李小龙", "LiXiaoLong"),
        ("محمد", "mhmd"),
        ("ꦱꦶꦠꦶ", "siti"),
        ("<script>&\"'", "script '"),
        ("/ - :", NAMELESS),
        ("", NAMELESS),
        ("A" * 80, "A" * 70),
    ],
)
def test_names_are_transliterated_by_sound(name, written):
    assert bank_text(name, 70) == written


def test_a_file_that_violates_its_schema_is_not_written():
    bad = msgspec.structs.replace(ANI, bic="nonsense")
    with pytest.raises(pain001.BadOrder) as refused:
        pain001.write(replace(ORDER, transfers=(bad,)), DEBTOR)
    assert "BICFI" in str(refused.value)
    assert "nonsense" not in str(refused.value)
    with pytest.raises(pain001.BadOrder):
        pain001.write(replace(ORDER, transfers=()), DEBTOR)


def provider(said: Answer | None = None) -> BankFile:
    return BankFile(SimpleNamespace(answer=lambda _: said), CODES)  # type: ignore[arg-type]  # what is read of a store


CODES = {
    "BNI": PayoutCode(kind="bank", rail="bank-file", bic="BNINIDJA"),
    "X": PayoutCode(kind="bank", rail="bank-file"),
}
HEAD = Entitlement(
    ID, "ani", 143, Kind.INCENTIVE, rupiah(600_000), State.DUE, n=0, seq=1, hold=None, created_at=T0, changed_at=T0
)


def test_an_attempt_is_rendered_the_same_each_time_and_read_back():
    rail = provider()
    body = rail.render(f"{ID}-1", HEAD, FinancialAddress("BNI", "0123456789", "Ani Lestari"))
    assert body == rail.render(f"{ID}-1", HEAD, FinancialAddress("BNI", "0123456789", "Ani Lestari"))
    assert msgspec.json.decode(body, type=Transfer) == ANI
    with pytest.raises(ValueError, match="BIC"):
        rail.render(f"{ID}-1", HEAD, FinancialAddress("X", "0123456789", "Ani Lestari"))


def test_a_bank_transfer_sends_nothing_and_its_status_is_the_banks():
    silent, told = provider(), provider(Answer(Outcome.FAILED, "RJCT_AC04"))
    assert silent.send(f"{ID}-1", b"{}") == silent.status(f"{ID}-1") == Answer(Outcome.PENDING, "awaits_bank_file")
    assert told.status(f"{ID}-1") == Answer(Outcome.FAILED, "RJCT_AC04")
    with pytest.raises(ValueError, match="reference"):
        silent.send(" ", b"{}")


def test_a_reference_is_never_longer_than_the_message_allows():
    assert len(reference(ID, 9999)) <= 35


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ('OVO = { kind = "wallet", rail = "bank-file" }', "needs a bic"),
        ('OVO = { kind = "wallet", rail = "bank-file", bic = "BNINIDJA" }', r"needs payouts\.bank_file"),
    ],
)
def test_a_bank_code_paid_by_file_needs_a_bic_and_a_paying_account(tmp_path: Path, code: str, reason: str):
    folder = changed(tmp_path, 'OVO = { kind = "wallet", rail = "xendit-v2" }', code)
    with pytest.raises(BadConfiguration, match=reason):
        load_programme("prod", folder=folder)


def test_the_section_that_the_documentation_shows_is_one(tmp_path: Path):
    [section] = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/bank-files.md").read_text(), re.DOTALL)
    folder = changed(tmp_path, "[partners]\n", f"{section}\n[partners]\n")
    assert load_programme("prod", folder=folder).payouts.bank_file == DEBTOR
