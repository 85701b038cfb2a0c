"""Reading names and identifiers that people type or paste into one form."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import typed_text
from chalicelib.errors import Malformed
from chalicelib.jobs.wire import PostingForm
from chalicelib.training.wire import CompletionForm, RedemptionForm
from chalicelib.web import decoding, problems


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Siti Aminah", "Siti Aminah"),
        ("Sukarno", "Sukarno"),  # one word is a whole name
        ("N", "N"),
        (" Siti \t\u00a0\u3000Aminah\r\n", "Siti Aminah"),
        ("Siti\u202eAminah\u202c", "SitiAminah"),
        ("\ufeffSi\u200bti\u00ad\x00", "Siti"),
        ("Siti\ufe0f\u034f \u3164Aminah", "Siti Aminah"),
        ("Ｓｉｔｉ", "Siti"),
        ("\u0131\u017fti", "\u0131sti"),
        ("Ma\u2019ruf \u02bbAli Nu`man D\u00b4Arc", "Ma'ruf 'Ali Nu'man D'Arc"),
        ("Maria\u2011Theresia \u2013 Dewi", "Maria-Theresia - Dewi"),
        ("Ir. H. Abd. Rahman, S.T., M.M.", "Ir. H. Abd. Rahman, S.T., M.M."),
        ("Jose\u0301", "José"),
        ("R. 4 Zaki III", "R. 4 Zaki III"),
        ("محمد", "محمد"),
        ("O" * 100, "O" * 100),
        ("\u200b".join("O" * 100), "O" * 100),  # the length is that of what is left
    ],
)
def test_a_name_is_normalised_to_what_is_visible(written, name):
    assert typed_text.name(written) == name


@pytest.mark.parametrize(
    "written",
    [
        *("", " ", "\u200b\u200b\u200b", "\u202e", "123", "...", "-", "\u3164\u115f", "\u2800", "\u0301", "O" * 101),
        *(
            "Siti 😀",
            "😀",
            "Siti ❤️",
            "1️⃣ Siti",
            "Siti ↔️",
            "Siti 👍🏽",
            "🇮🇩 Siti",
            "Siti ★",
            "Siti \ud800",
            "Siti \ue000",
            "ﷺ" * 9,
        ),
    ],
)
def test_a_name_without_letters_with_symbols_or_too_long_is_refused(written):
    assert typed_text.name(written) is None


@given(st.text())
def test_normalising_is_idempotent_and_removes_invisible_characters(text):
    line = typed_text.line(text)
    assert typed_text.line(line) == line
    assert not [letter for letter in line if unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp"}]
    assert line == line.strip()


@given(st.text(alphabet=st.characters(categories=["Nd"])))
def test_digits_of_every_script_are_read(text):
    assert typed_text.compact(text) == "".join(str(unicodedata.decimal(digit)) for digit in text)


@pytest.mark.parametrize(
    "written",
    [
        "abcd2345efgh67ij",
        "ABCD-2345-EFGH-67IJ",
        "abcd 2345\u00a0efgh\u201167ij",
        "\u202aａｂｃｄ２３４５efgh67ij\u202c\n",
    ],
)
def test_a_redeem_code_in_small_letters_and_groups_is_the_code(written):
    form = RedemptionForm(written, "2026 0000\u20130000 0017")
    assert (form.redeem_code, form.card_number) == ("ABCD2345EFGH67IJ", "2026000000000017")


def test_a_certificate_keeps_its_own_dashes_and_letters():
    sent = b'{"redeem_code": "abcd2345efgh67ij", "certificate_number": " \\u200bBNSP\\u201312/b.7_x ", '
    form = decoding.body(sent + b'"completed_at": "2026-11-24T03:00:00Z"}', CompletionForm)
    assert form.certificate_number == "BNSP-12/b.7_x"


@pytest.mark.parametrize(
    ("changes", "field", "right"),
    [
        ({"redeem_code": "ABCD2345EFGH67I1"}, "$.redeem_code", "16 letters and digits from 2 to 7"),
        ({"redeem_code": "ABCD2345"}, "$.redeem_code", "16 letters and digits from 2 to 7"),
        ({"card_number": "20260000000000171"}, "$.card_number", "16 digits"),
    ],
)
def test_a_malformed_code_is_refused_with_its_right_form(changes, field, right):
    given = {"redeem_code": "ABCD2345EFGH67IJ", "card_number": "2026000000000017"} | changes
    with pytest.raises(Malformed) as refused:
        RedemptionForm(**given)
    assert problems.facts(refused.value, "en").items() >= {"field": field, "reason": right}.items()


POSTING = (
    b'{"reference": "%s", "title": "%s", "employer": "PT Maju", "province": "31", "skills": ["welding"], '
    b'"salary_min_idr": 1, "salary_max_idr": 2, "closes_at": "2026-12-24T03:00:00Z"}'
)


def test_a_vacancy_is_named_by_the_same_rules():
    form = decoding.body(POSTING % (b" LOK\\u201317 ", b"Welder\\u00a03G \\u200b(C++)"), PostingForm)
    assert (form.reference, form.title) == ("LOK-17", "Welder 3G (C++)")
    for reference, title, field in ((b"?", b"Welder", "$.reference"), (b"LOK", b"\\u200b123", "$.title")):
        with pytest.raises(Malformed) as refused:
            decoding.body(POSTING % (reference, title), PostingForm)
        assert refused.value.facts["field"] == field
