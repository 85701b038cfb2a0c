"""Two people are chosen twice, over HTTP on moto, and each place gives all of its own: balance, months, surveys, money.

One scheme pays attended days, the other a reviewed training and the month after it; both pay a survey.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.clock import WIB, wib_date
from chalicelib.config import Settings, load_programme
from chalicelib.figures.checks import faults
from chalicelib.figures.schemes import Payment, Scheme
from chalicelib.figures.waves import Once, Waiting
from chalicelib.outcomes.store import REGISTERED
from chalicelib.outcomes.tally_rules import Count
from local.demo import wave
from local.demo.api import Api
from local.demo.crowd import Crowd, Diary, Partner
from local.demo.people import newcomers
from local.demo.postbox import Postbox
from local.sandbox.provider_books import Faults
from tests.builders.surveys import ANSWERS
from tests.builders.training import course_row

from .world import World, world_on

ATTENDED = Scheme(
    version="attended",
    first_wave=1,
    training_idr=1_200_000,
    payments=(
        Payment(kind="INCENTIVE", trigger="attendance", day_idr=20_000, times=2),
        Payment(kind="SURVEY", trigger="survey", amount_idr=50_000, times=1),
    ),
)
REVIEWED = Scheme(
    version="reviewed",
    first_wave=1_000,
    training_idr=3_500_000,
    payments=(
        Payment(kind="INCENTIVE", trigger="review", amount_idr=600_000, times=2),
        Payment(kind="SURVEY", trigger="survey", amount_idr=75_000, times=1),
    ),
)
OF_ATTENDED = {"INCENTIVE": 20 * 20_000, "INCENTIVE_2": 15 * 20_000, "SURVEY_1": 50_000}
OF_REVIEWED = {"INCENTIVE": 600_000, "INCENTIVE_2": 600_000, "SURVEY_1": 75_000}
PRICE = 1_000_000


class Twice:
    """The people, the partner and its course. The second place begins as soon as the first is over."""

    def __init__(self, world: World) -> None:
        self.world = world
        people = newcomers(2, wib_date(world.now()), world.services.programme, Faults().fail_suffix)
        world._fsp.books.open_accounts(person.address for person in people)
        postbox = Postbox(world.mails, lambda: world.wait_until(world.now() + timedelta(seconds=1)))
        self.crowd = Crowd(Api(world.url, 1), postbox, people, world.clock, lambda *_: None, [], workers=1)
        self.partner: Partner = world.add_partner("Kursus Contoh")
        row = course_row(self.partner.id, code="KURSUS-1", price_idr=str(PRICE), hours="15")
        world.import_courses("\n".join((",".join(row), ",".join(row.values()))))
        [self.course] = self.crowd.api.call("GET", "/courses").expect(200).body["courses"]
        self.each(wave.register)
        self.each(Crowd.set_address)

    def each(self, act: Any) -> None:
        """Both do something, signed in anew."""
        self.crowd.each("", [diary for diary in self.crowd.diaries if diary.token], Crowd.sign_in)
        self.crowd.each("", self.crowd.diaries, act)
        assert self.crowd.differences == []

    def chosen(self, scheme: str) -> None:
        """Both are chosen by a wave of this scheme and buy the course."""
        opens_at = self.world.now() + timedelta(minutes=1)
        number = self.world.add_wave(opens_at, opens_at + timedelta(days=3), 2, scheme)
        self.world.fire("advance")
        self.world.wait_until(opens_at)
        self.world.fire("advance")
        self.each(wave.join)
        self.world.settle(number)

        def take(crowd: Crowd, diary: Diary) -> None:
            diary.place = crowd.read(diary, "/me")["beneficiary"]
            assert diary.place is not None
            assert (diary.place["wave"], diary.place["scheme"]) == (number, scheme)
            full = crowd.read(diary, "/me/trainings")["balance_idr"]
            diary.trainings.insert(0, crowd.click(diary, "/me/trainings", {"course_id": self.course["course_id"]}))
            assert crowd.read(diary, "/me/trainings")["balance_idr"] == full - PRICE
            assert full == {ATTENDED.version: 1_200_000, REVIEWED.version: 3_500_000}[scheme]
            card = {"redeem_code": diary.trainings[0]["redeem_code"], "card_number": diary.place["card_number"]}
            crowd.signed(self.partner, "POST", "/partners/redemptions", card).expect(201)

        self.each(take)

    def attend(self) -> None:
        """Two whole months from now on."""
        for days in (20, 15):
            month = (wib_date(self.world.now()).replace(day=1) + timedelta(days=32)).replace(day=1)
            ends = (month + timedelta(days=32)).replace(day=1)
            self.world.wait_until(datetime.combine(ends, time(8), WIB))
            for diary in self.crowd.diaries:
                form = {"redeem_code": diary.trainings[0]["redeem_code"], "month": f"{month:%Y-%m}", "days": days}
                self.crowd.signed(self.partner, "POST", "/partners/attended-months", form).expect(201)
            self.pay()

    def review(self, which: int = 0) -> None:
        """Both complete a training, which is reviewed, and the month after the first payment comes."""
        self.world.wait_until(self.world.now() + timedelta(days=1))
        for number, diary in enumerate(self.crowd.diaries):
            code = diary.trainings[which]["redeem_code"]
            for path, form in (
                ("training-attendances", {"attended_at": self.world.now().isoformat()}),
                ("training-completions", {"certificate_number": f"C-{code}-{number}"}),
            ):
                self.world.wait_until(self.world.now() + timedelta(hours=1))
                form |= {"redeem_code": code}
                if "certificate_number" in form:
                    form["completed_at"] = self.world.now().isoformat()
                self.crowd.signed(self.partner, "POST", f"/partners/{path}", form).expect(201)
        said = {"rating": 9, "text": "Sangat membantu."}
        path = "/me/trainings/{}/review"
        self.each(lambda crowd, diary: crowd.click(diary, path.format(diary.trainings[which]["training_id"]), said))
        self.pay()
        self.world.wait_until(self.world.now() + timedelta(days=32))
        self.world.fire("advance_plans")
        self.pay()

    def pay(self) -> None:
        for _ in range(3):  # an answer that was lost is asked for again
            self.world.wait_until(self.world.now() + timedelta(minutes=10))
            self.world.fire("sweep_payouts")

    def answer(self) -> None:
        """Every open survey."""
        self.world.wait_until(self.world.now() + timedelta(minutes=20))
        self.world.fire("open_surveys")

        def respond(crowd: Crowd, diary: Diary) -> None:
            surveys = crowd.read(diary, "/me/surveys")["surveys"]
            for survey in (one for one in surveys if one["state"] == "open"):
                path = f"/me/surveys/{survey['survey_id']}/response"
                crowd.call(diary, "POST", path, {"answers": ANSWERS}).expect(201)

        self.each(respond)
        self.pay()

    def paid(self, *expected: dict[str, int]) -> None:
        """What each was told to have been paid, the latest place first; the provider has moved as much."""
        told: list[list[tuple[str, int]]] = []

        def look(crowd: Crowd, diary: Diary) -> None:
            payouts = crowd.read(diary, "/me/payouts")["payouts"]
            assert {one["state"] for one in payouts} == {"paid"}
            told.append([(one["kind"], one["amount_idr"]) for one in payouts])

        self.each(look)
        owed = [line for place in expected for line in place.items()]
        assert told == [owed, owed]
        moved = sum(line["moved_idr"] for line in self.world.books()["payouts"])
        assert moved == 2 * sum(amount for _, amount in owed)
        assert self.world.compare_books().wrong == []

    def counted(self, *expected: dict[str, int]) -> None:
        """The statistics of each wave, the first one first, count what its place gave."""
        self.world.fire("tally_statistics")
        wholes = self.world.services._tally_store.wholes()
        waves = [whole for of, whole in sorted(wholes.items()) if of != REGISTERED]
        for whole, place in zip(waves, expected, strict=True):
            counts = sum(map(Counter, whole.regions.values()), Counter[str]())
            reviewed = 2 * (place == OF_REVIEWED)
            assert (counts[Count.CHOSEN], counts[Count.PAID], counts[Count.GRADUATES]) == (2, 2, reviewed)
            assert (counts[Count.COMPLETED], counts[Count.ANSWERED_1]) == (reviewed, 2)
            assert counts[Count.PAID_IDR] == 2 * sum(place.values())


@pytest.fixture
def twice(request: pytest.FixtureRequest, cloud: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Twice]:
    programme = load_programme("local", "prakerja-2023")
    once: Once = request.param
    programme = replace(
        programme,
        schemes=(ATTENDED, REVIEWED),
        eligibility=replace(programme.eligibility, once=once),
        payouts=replace(programme.payouts, month_s=None),
    )
    assert faults(programme) == []
    with world_on(cloud, programme, monkeypatch) as world:
        yield Twice(world)


@pytest.mark.parametrize("twice", [Waiting(days=100)], indirect=True)
def test_each_place_of_a_person_pays_all_that_its_scheme_promises(twice: Twice) -> None:
    twice.chosen(ATTENDED.version)
    twice.attend()
    twice.answer()
    twice.paid(OF_ATTENDED)
    twice.world.wait_until(twice.world.now() + timedelta(days=40))
    twice.chosen(ATTENDED.version)
    twice.attend()
    twice.answer()
    twice.paid(OF_ATTENDED, OF_ATTENDED)
    twice.counted(OF_ATTENDED, OF_ATTENDED)


@pytest.mark.parametrize("twice", ["scheme"], indirect=True)
def test_what_an_earlier_place_earns_after_the_next_award_is_paid_by_its_own_scheme(twice: Twice) -> None:
    twice.chosen(REVIEWED.version)
    twice.world.wait_until(twice.world.now() + timedelta(days=64))
    twice.chosen(ATTENDED.version)
    twice.attend()
    twice.review(1)
    twice.answer()
    twice.paid(OF_ATTENDED, OF_REVIEWED)
    twice.counted(OF_REVIEWED, OF_ATTENDED)
