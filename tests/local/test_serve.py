"""`make serve`: what it prints to begin with is right, without a cloud."""

from __future__ import annotations

from datetime import date

from chalicelib.config import load_programme
from chalicelib.registration.identity import parse_kk, parse_nik, warnings
from chalicelib.training import catalogue as courses
from local.cloud import serve

TODAY = date(2026, 11, 24)


def test_only_pages_that_this_release_has_are_named():
    there = {"https://api.example/": 200, "https://api.example/openapi.json": 200, "https://api.example/status": 503}
    lines = list(serve.pages("https://api.example", lambda url: (there.get(url, 404), b"")))
    assert [line.split()[-1] for line in lines] == ["https://api.example/", "https://api.example/openapi.json"]


def test_the_courses_can_be_imported_and_the_greeting_has_all_its_words():
    lines = serve.catalogue("a" * 26).splitlines()
    assert lines[0].split(",") == list(courses.COLUMNS)
    skills = {skill for row in serve.COURSES for skill in row["skills"].split(";")}
    assert skills <= set(load_programme("local").skills)
    words = {"pages", "api", "endpoint", "region", "stage", "seats", "opens", "closes", "courses", "contact", "name"}
    said = serve._GREETING.format(**dict.fromkeys(words | {"person", "sari", "budi", "registry", "nik"}, "x"))
    assert "keeps nothing" in said


def test_what_may_be_typed_is_taken_by_the_rules():
    assert parse_nik(serve.PERSON["nik"]) == serve.PERSON["nik"]
    assert parse_kk(serve.PERSON["kk"]) == serve.PERSON["kk"]
    assert warnings(serve.PERSON["nik"], serve.PERSON["kk"], date.fromisoformat(serve.PERSON["born"]), TODAY) == ()
