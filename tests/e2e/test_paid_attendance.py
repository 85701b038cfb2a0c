"""Kin programmes over HTTP on moto, from an account to the last rupiah: pay by attended day, stipends by province.

A placement costs nothing and is taken as a course is bought.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.clock import WIB, wib_date
from chalicelib.config import Settings, load_programme
from local.demo import wave
from local.demo.api import Api
from local.demo.crowd import Crowd, Diary, Partner
from local.demo.people import Person, newcomers
from local.demo.postbox import Postbox
from local.sandbox.provider_books import Faults
from tests.builders.training import course_row

from .world import World, world_on

MONTHS = "/partners/attended-months"


@pytest.fixture
def begun(
    request: pytest.FixtureRequest, cloud: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[World, Crowd, Partner]]:
    """Three people, of Aceh, Jakarta and West Java, at a placement since 12 January in WIB."""
    with world_on(cloud, load_programme("local", request.param), monkeypatch) as world:
        figures = world.services.programme
        people = newcomers(3, wib_date(world.now()), figures, Faults().fail_suffix)
        people = [living_in(*home, person) for home, person in zip(HOMES, people, strict=True)]
        world._fsp.books.open_accounts(person.address for person in people)
        postbox = Postbox(world.mails, lambda: world.wait_until(world.now() + timedelta(seconds=1)))
        crowd = Crowd(Api(world.url, 1), postbox, people, world.clock, lambda *_: None, [], workers=1)
        partner = world.add_partner("Perusahaan Contoh")
        place(world, crowd, partner)
        assert crowd.differences == []
        yield world, crowd, partner


HOMES = (("11", "1171"), ("31", "3171"), ("32", "3273"))


def living_in(province: str, regency: str, person: Person) -> Person:
    return replace(person, form={**person.form, "province": province, "regency": regency, "employment": "jobseeker"})


def place(world: World, crowd: Crowd, partner: Partner) -> None:
    """Everybody registers, joins, is chosen, takes the placement and shows its code."""
    crowd.each("", crowd.diaries, wave.register)
    crowd.each("", crowd.diaries, Crowd.set_address)
    opens_at = world.now() + timedelta(minutes=1)
    number = world.add_wave(opens_at, opens_at + timedelta(days=3), len(crowd.diaries))
    world.fire("advance")  # the first step ever: when this system began
    world.wait_until(opens_at)
    world.fire("advance")
    crowd.each("", crowd.diaries, wave.join)
    world.settle(number)
    row = course_row(partner.id, code="MAGANG-1", price_idr="0", hours="15")
    world.import_courses("\n".join((",".join(row), ",".join(row.values()))))
    [course] = crowd.api.call("GET", "/courses").expect(200).body["courses"]

    def take(crowd: Crowd, diary: Diary) -> None:
        diary.place = crowd.read(diary, "/me")["beneficiary"]
        training = crowd.click(diary, "/me/trainings", {"course_id": course["course_id"]})
        diary.trainings = [training]

    crowd.each("", crowd.diaries, take)
    world.wait_until(at("2026-01-12T10:00"))

    def begin(crowd: Crowd, diary: Diary) -> None:
        card = {"redeem_code": diary.trainings[0]["redeem_code"], "card_number": (diary.place or {})["card_number"]}
        crowd.signed(partner, "POST", "/partners/redemptions", card).expect(201)

    crowd.each("", crowd.diaries, begin)


def at(wib: str) -> datetime:
    return datetime.fromisoformat(wib).replace(tzinfo=WIB)


def attest(crowd: Crowd, partner: Partner, diary: Diary, month: str, days: int, code: str = "") -> Any:
    form = {"redeem_code": diary.trainings[0]["redeem_code"], "month": month, "days": days}
    said = crowd.signed(partner, "POST", MONTHS, form)
    return said.expect(409 if code == "attendance_not_paid" else 422, code=code) if code else said.expect(201).body


def told(world: World, crowd: Crowd) -> list[list[int]]:
    """What each was told to have been paid, once every payout was; the provider has moved as much."""
    world.deliver()
    for _ in range(3):  # an answer that was lost is asked for again
        world.wait_until(world.now() + timedelta(minutes=10))
        world.fire("sweep_payouts")
    crowd.each("", crowd.diaries, Crowd.sign_in)  # a session does not last so long
    payouts = [crowd.read(diary, "/me/payouts")["payouts"] for diary in crowd.diaries]
    assert {one["state"] for own in payouts for one in own} == {"paid"}
    paid = [[one["amount_idr"] for one in own] for own in payouts]
    assert sum(line["moved_idr"] for line in world.books()["payouts"]) == sum(map(sum, paid))
    assert world.compare_books().wrong == []
    return paid


@pytest.mark.parametrize("begun", ["vokasi-2026"], indirect=True)
def test_a_vocational_programme_pays_each_attended_day(begun: tuple[World, Crowd, Partner]) -> None:
    world, crowd, partner = begun
    aceh, jakarta, bandung = crowd.diaries
    world.wait_until(at("2026-02-01T08:00"))
    attest(crowd, partner, aceh, "2026-01", 20)
    attest(crowd, partner, jakarta, "2026-01", 1)
    attest(crowd, partner, bandung, "2026-01", 21, "too_many_days")
    attest(crowd, partner, bandung, "2026-02", 1, "time_in_future")
    world.wait_until(at("2026-05-01T08:00"))
    attest(crowd, partner, aceh, "2026-04", 30)
    attest(crowd, partner, aceh, "2026-02", 15)
    attest(crowd, partner, aceh, "2026-03", 15, "attendance_not_paid")
    assert told(world, crowd) == [[400_000, 600_000, 300_000], [20_000], []]


@pytest.mark.parametrize("begun", ["magang-2025"], indirect=True)
def test_an_internship_pays_six_months_by_province(begun: tuple[World, Crowd, Partner]) -> None:
    world, crowd, partner = begun
    for month in range(1, 7):
        world.wait_until(at(f"2026-{month + 1:02}-01T08:00"))
        for diary in crowd.diaries[: 2 if month > 4 else 3]:  # the third has left
            attest(crowd, partner, diary, f"2026-{month:02}", 20)
    world.wait_until(at("2026-08-01T08:00"))
    attest(crowd, partner, crowd.diaries[0], "2026-07", 20, "attendance_not_paid")
    assert told(world, crowd) == [[3_685_615] * 6, [5_396_761] * 6, [2_191_232] * 4]
