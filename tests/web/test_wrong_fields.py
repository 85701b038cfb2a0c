"""Everything that is wrong with a request is told at once: the field in words, the rule, the allowed values."""

from __future__ import annotations

import json
from itertools import product
from string import ascii_lowercase
from typing import Any

import msgspec
import pytest

import app as application
from chalicelib.accounts.wire import SessionForm
from chalicelib.errors import DomainError, Malformed, UnknownField
from chalicelib.helpdesk.wire import GrievanceForm
from chalicelib.jobs.wire import PostingForm
from chalicelib.registration import identity, wire
from chalicelib.registration.wire import RegistrationForm
from chalicelib.training.wire import CourseQuery, ReviewForm
from chalicelib.web import decoding, edge, problems, wrong_fields
from chalicelib.web.problems import Language

SITI = {
    "nik": "3174 0957 0895 0001",
    "kk": "3174-0912-0318-0002",
    "name": "Siti Aminah",
    "birth_date": "1995-08-17",
    "phone": "0812-3456-7890",
    "province": "31",
    "regency": "3174",
    "education": "senior_high",
    "employment": "worker",
}
POSTING = {
    "reference": "LOK-17",
    "title": "Welder",
    "employer": "PT Maju",
    "province": None,
    "skills": ["welding"],
    "salary_min_idr": 1,
    "salary_max_idr": 2,
    "closes_at": "2026-12-24T03:00:00Z",
}


def told(refusal: DomainError, language: Language = "en") -> dict[str, str]:
    """By field, the sentence beside it."""
    return {wrong["field"]: wrong["detail"] for wrong in problems.document(refusal, language)["errors"]}


def refused(sent: Any, kind: Any) -> DomainError:
    with pytest.raises(DomainError) as caught:
        decoding.body(json.dumps(sent).encode(), kind)
    return caught.value


@pytest.mark.parametrize(
    ("kind", "sent", "sentences"),
    [
        (
            RegistrationForm,
            SITI | {"nik": "12", "birth_date": "1995-02-30", "employment": "king", "phone": 5},
            {
                "nik": "The NIK is not valid: it has 16 digits, as on the KTP, with the date of birth in the 7th to "
                "12th.",
                "birth_date": "Date of birth: a date that exists, such as 1995-08-17.",
                "phone": "Mobile number: a text.",
            },
        ),
        (
            PostingForm,
            {**POSTING, "reference": "?", "salary_min_idr": -1, "province": "3", "nomor": 1}
            | {"skills": [], "closes_at": "2026-12-24T03:00:00", "title": "\u200b"},
            {
                "title": "Title: a line with letters, at most 120 characters, no emoji.",
                "province": "Province: of a form such as 31.",
                "skills": "Skills: a list from 1 to 10: of a form such as barista.",
                "salary_min_idr": "Lowest salary: a whole number from 0 to 1000000000.",
                "closes_at": "Closing time: a time with its offset from UTC, such as 2026-11-24T10:00:00+07:00.",
                "reference": "Reference of the vacancy: letters and digits, then also . _ / -, at most 64 together.",
                "nomor": "The field nomor is not known.",
            },
        ),
        (
            ReviewForm,
            {"text": " "},
            {"rating": "Rating: required.", "text": "Text: a text, at most 2000 characters, not blank."},
        ),
        (
            GrievanceForm,
            {"about": {"kind": "selection"}, "category": "other", "text": "x", "y": 1},
            {"about.wave": "Wave: required.", "y": "The field y is not known."},
        ),
        (
            GrievanceForm,
            {"about": {"kind": "draw"}, "category": "other", "text": "x"},
            {"about.kind": "Kind: one of registration, selection, disbursement."},
        ),
        (
            SessionForm,
            {"code": {"sign_in_id": "x", "secret": "s"}, "identity": {"nik": "1", "birth_date": 7}, "fresh": "no"},
            {
                "code.sign_in_id": "Sign-in: of a form such as mfrggzdfmztwq2lknnwg23tpoa.",
                "code.code": "Code: required.",
                "identity.nik": "NIK: 16 digits, as on the KTP.",
                "identity.birth_date": "Date of birth: a date that exists, such as 1995-08-17.",
                "fresh": "New account: true or false.",
            },
        ),
    ],
)  # fmt: skip
def test_every_wrong_field_is_told_in_the_order_of_the_form(kind, sent, sentences):
    refusal = refused(sent, kind)
    found = told(refusal)
    employment = found.pop("employment", "Occupation: one of")
    assert employment.startswith("Occupation: one of")
    assert found == sentences
    assert list(found) == list(sentences)
    assert (refusal.status, problems.document(refusal, "id")["code"]) != (500, "unexpected")


def test_a_closed_list_is_told_with_its_values():
    document = problems.document(refused(SITI | {"education": "king", "employment": 3}, RegistrationForm), "id")
    assert [wrong["field"] for wrong in document["errors"]] == ["education", "employment"]
    education = document["errors"][0]
    assert education["allowed"] == [one.value for one in wire.Education]
    assert education["label"] == "Pendidikan terakhir"
    assert document["detail"] == education["detail"] == f"Pendidikan terakhir: {education['reason']}."
    assert "salah satu dari" in education["reason"]


def test_a_query_is_told_of_in_the_same_way():
    with pytest.raises(Malformed) as caught:
        decoding.query(_Query(limit="0", mode="air", page="2"), CourseQuery)
    assert told(caught.value) == {
        "mode": "Mode: one of online, offline.",
        "limit": "Number on a page: a whole number from 1 to 100.",
        "page": "The field page is not known.",
    }


def test_a_body_of_unknown_names_gets_a_short_answer():
    names = dict.fromkeys(map("".join, product(ascii_lowercase, repeat=2)), 1)
    refusal = refused(names, ReviewForm)
    assert len(problems.document(refusal, "en")["errors"]) == wrong_fields.MOST


def test_a_whole_number_may_be_written_with_a_point():
    assert decoding.body(b'{"rating": 9.0, "text": "Baik."}', ReviewForm).rating == 9
    with pytest.raises(Malformed):
        decoding.body(b'{"rating": 9.5, "text": "Baik."}', ReviewForm)


def test_the_word_null_is_a_value_like_any_other_in_a_query():
    assert decoding.query(_Query(q="null"), CourseQuery).q == "null"
    with pytest.raises(Malformed) as caught:
        decoding.query(_Query(mode="null"), CourseQuery)
    assert told(caught.value) == {"mode": "Mode: one of online, offline."}


class _Query(dict[str, str]):
    def getlist(self, name: str) -> list[str]:
        return [self[name]]


def test_nothing_of_what_was_sent_is_repeated_whatever_its_name():
    refusal = refused(SITI | {"birth_date": "rahasia", "3174095708950001": 1}, RegistrationForm)
    assert not {"rahasia", "3174095708950001"} & set(json.dumps(problems.document(refusal, "id")).split('"'))
    assert [type(one) for one in (refusal, *refusal.others)] == [Malformed, UnknownField]


@pytest.mark.parametrize("raw", [b'{"name": 1', b'{"a": ' + b"[" * 9000, b'{"rating": 3, "text": 1} x', b"nul"])
def test_what_is_no_json_is_one_refusal_although_a_field_is_wrong_before_that(raw):
    with pytest.raises(Malformed) as caught:
        decoding.body(raw, ReviewForm)
    assert caught.value.facts["reason"] == ("bukan JSON", "not JSON")
    assert "errors" not in problems.document(caught.value, "id")


def test_all_wrong_numbers_and_the_region_of_a_registration_are_told_at_once():
    form = msgspec.convert(SITI | {"kk": "1", "name": "12", "regency": "9999"}, RegistrationForm)
    with pytest.raises(DomainError) as caught:
        wire.personal_data(form)
    assert list(told(caught.value)) == ["kk", "name"]
    with pytest.raises(DomainError) as region:
        identity.parse_region(form.province, form.regency)
    assert problems.document(region.value, "id")["errors"][0]["allowed_at"] == "/references/regions"


def test_every_property_that_is_sent_has_a_name_for_people_in_both_languages_and_nothing_else_has():
    kinds = [kind for one in application.app.operations for kind in (one.body, one.query)]
    _, schemas = msgspec.json.schema_components([kind for kind in kinds if kind not in (None, edge.Ignored)])
    sent = {name for schema in schemas.values() for name in schema.get("properties", {})}
    of_browsers = {"attestationObject", "authenticatorData", "clientDataJSON", "rawId", "userHandle"}
    assert problems.labels().keys() == (sent - of_browsers) | {"$"}
    assert all(len(words) == 2 for words in problems.labels().values())
