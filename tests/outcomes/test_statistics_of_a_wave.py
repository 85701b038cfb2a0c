"""A wave played with the real services, and each of its figures computed by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from admin.deployment import stages
from chalicelib import wiring
from chalicelib.clock import iso
from chalicelib.outcomes.statistics_wire import Days, Gap, MonthView, NetPromoter, Progress, Ratio, RecipientCounts
from chalicelib.payouts.ledger.items import EventItem, Head, PayoutsTable
from chalicelib.payouts.rules import Kind, entitlement_id
from chalicelib.training.store import TrainingItem
from chalicelib.training.wire import ReviewForm
from chalicelib.waves.rules import Beneficiary, BeneficiaryState
from tests.builders.commands import invoke
from tests.builders.registration import other_form, registrations
from tests.builders.surveys import ANSWERS, COMPARED, response
from tests.builders.training import Scene
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld
from tests.conftest import T0

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
COMPLETED = ROUND + 120 * SECOND
PAID_IN_JAKARTA, PAID_IN_WEST_JAVA = COMPLETED + 2 * DAY, COMPLETED + 3 * DAY
ASKED = PAID_IN_WEST_JAVA + 10 * SECOND
JAKARTA, WEST_JAVA = 31, 32


@dataclass
class Played:
    """The wave, with all services on it but the people's registrations."""

    world: WavesWorld
    services: wiring.Services
    trainings: Scene
    chosen: dict[int, list[Beneficiary]] | None = None
    """Who has a place, by province, in order of their names."""

    def draw(self) -> None:
        """24 people of Jakarta and 16 of West Java join for twelve seats each."""
        world = self.world
        world.step()
        world.waves.resize(WAVE, 24, 24, {JAKARTA: 1, WEST_JAVA: 1}, T0)
        world.clock.now = OPENS
        world.join(*(f"a-{n:02d}" for n in range(24)), region=JAKARTA)
        world.join(*(f"b-{n:02d}" for n in range(16)), region=WEST_JAVA)
        world.at(OPENS, CLOSES, FREEZES, ROUND)
        self.look()

    def look(self) -> None:
        found = [self.world.waves.beneficiaries.of(name) for name in sorted(self.world.people.by_id)]
        places = [one for one in found if one is not None and one.state is not BeneficiaryState.REVOKED]
        self.chosen = {region: [one for one in places if one.region == region] for region in (JAKARTA, WEST_JAVA)}

    def train(self) -> None:
        """One of West Java buys nothing and loses the place to another, who buys.

        All twelve of Jakarta complete and review; in West Java eleven of twelve complete, and ten of them review.
        """
        course = self.trainings.course()
        buyers = self.chosen[JAKARTA] + self.chosen[WEST_JAVA][:-1]
        bought = {one.registrant_id: self.trainings.buy(course, one, ROUND + 10 * SECOND) for one in buyers}
        self.world.expire(ROUND + 80 * SECOND)
        self.look()
        [substitute] = [one for one in self.chosen[WEST_JAVA] if one.registrant_id not in bought]
        self.trainings.buy(course, substitute, ROUND + 90 * SECOND)
        for n, one in enumerate(buyers):
            training = bought[one.registrant_id]
            came = [getattr(TrainingItem, name).set(COMPLETED - SECOND) for name in ("redeemed_at", "attended_at")]
            item = TrainingItem(f"T#{one.registrant_id}", training.training_id)
            item.update([TrainingItem.state.set("ATTENDED"), *came])
            self.trainings.complete(training, f"C-{n}", COMPLETED)
            if n < 22:
                form = ReviewForm(9, "Sangat membantu.")
                self.services.training.review(one.registrant_id, training.training_id, form, COMPLETED + 10 * SECOND)
        self.look()
        self.chosen = {
            region: [one for one in people if one.state is BeneficiaryState.GRADUATED]
            for region, people in self.chosen.items()
        }

    def pay(
        self, people: Iterable[Beneficiary], kind: Kind, amount_idr: int, at: datetime, state: str = "PAID"
    ) -> None:
        """The ledger as it is when the provider has paid these."""
        with PayoutsTable.batch_write() as batch:
            for one in people:
                pk = f"P#{entitlement_id(WAVE, one.registrant_id, kind)}"
                facts: dict[str, Any] = {"registrant_id": one.registrant_id, "wave": WAVE, "kind": kind.value, "n": 1}
                times = {"created_at": at, "changed_at": at, "updated_at": iso(at)}
                batch.save(Head(pk, "HEAD", state=state, amount_idr=amount_idr, seq=3, **facts, **times))
                shard = f"{'abcdefghijklmnopqrstuvwxyz234567'.index(pk[2]) % 16:02}"
                event = EventItem(pk, "EVENT#000003", at=iso(at), state=state, n=1, reason="paid", news_shard=shard)
                batch.save(event)

    def ask(self) -> None:
        """All who are due are asked, and all who were not chosen; then they answer survey 1, but for one of each."""
        self.services.survey_job._registered = set  # nobody of this world was erased, or has a registration
        self.services.survey_job.run(ASKED, 800)
        jakarta, west_java = self.chosen[JAKARTA][:11], self.chosen[WEST_JAVA]
        for n, one in enumerate(jakarta[:10]):
            score = 10 if n < 6 else 7 if n < 8 else 3
            self.answer(one, 1, works=n < 4, capital=n < 5, recommendation=score, satisfaction=4)
        for n, one in enumerate(west_java):
            score, satisfied = (9, 5) if n < 5 else (8, 2)
            self.answer(one, 1, works=n < 2, capital=n < 5, recommendation=score, satisfaction=satisfied)
        self.pay(jakarta[:10], Kind.SURVEY_1, 50_000, ASKED + 90 * SECOND)
        not_chosen = {JAKARTA: 0, WEST_JAVA: 0}
        for name, person in sorted(self.world.people.by_id.items()):
            for survey in self.services.surveys.of(name, ASKED):
                if survey.group == "comparison" and not_chosen[person.region] < 11:
                    working = not_chosen[person.region] < {JAKARTA: 3, WEST_JAVA: 1}[person.region]
                    not_chosen[person.region] += 1
                    answers = COMPARED | {"employment_now": "employee" if working else "unemployed"}
                    self.services.surveys.respond(name, survey.survey_id, response(answers), ASKED + 60 * SECOND)
        assert not_chosen == {JAKARTA: 11, WEST_JAVA: 3}

    def answer(self, one: Beneficiary, number: int, *, works: bool, capital: bool, **scales: int) -> None:
        [survey] = [s for s in self.services.surveys.of(one.registrant_id, ASKED) if s.number == number]
        answers = ANSWERS | scales
        answers["employment_now"] = "business_owner" if works else "unemployed"
        answers["incentive_use"] = ["business_capital"] if capital else ["daily_needs"]
        self.services.surveys.respond(one.registrant_id, survey.survey_id, response(answers), ASKED + 60 * SECOND)


@pytest.fixture
def played(world, programme) -> Played:
    services = wiring.Services(world.settings, programme, lambda: world.clock.now)
    services.waves = world.waves
    services.registrations.key = cache(services.vault.new_key)  # type: ignore[method-assign]
    return Played(world, services, Scene(services, None, count(1)))  # type: ignore[arg-type]


def test_every_figure_of_a_played_wave_is_the_one_worked_out_by_hand(played, cloud, programme, monkeypatch):
    people = registrations(cloud, programme)
    for n in range(1, 12):
        people.register(f"registered-{n}", other_form(n, kk=f"317409120318{n:04d}"), T0)
    played.draw()
    played.train()
    played.pay(played.chosen[JAKARTA][:11], Kind.INCENTIVE, 600_000, PAID_IN_JAKARTA)
    played.pay(played.chosen[JAKARTA][11:], Kind.INCENTIVE, 600_000, PAID_IN_JAKARTA, "CANCELLED")
    played.pay(played.chosen[WEST_JAVA], Kind.INCENTIVE, 600_000, PAID_IN_WEST_JAVA)
    played.ask()

    assert played.services.tally_job.run(ASKED + 120 * SECOND, 800)
    country = played.services.statistics.country()
    wave = played.services.statistics.wave(WAVE)

    # 12 + 13 were chosen, as one place was passed on; 11 of Jakarta's 12 graduates were paid, and 10 of them once more
    # for a survey; all 10 of West Java's.
    whole = Progress(40, 25, 1, 23, 22, 21, 21 * 600_000 + 10 * 50_000)
    assert country.progress == wave.progress == country.waves[0].progress == whole
    assert [(year.year, year.participants, year.progress) for year in country.years] == [(2026, 24, whole)]
    assert country.registered == 11
    assert country.totals.this_system == country.totals.since_the_start == RecipientCounts(24, 22)
    by_code = {one.code: one for one in wave.provinces}
    # The one who was revoked is withheld, and that nobody was in Jakarta would give it away.
    assert by_code["31"].progress == Progress(24, 12, None, 12, 12, 11, 11 * 600_000 + 10 * 50_000)
    assert by_code["32"].progress == Progress(16, 13, None, 11, 10, 10, 10 * 600_000)
    # Of the 13 chosen 12 have used the benefit: that would give it away as well.
    assert [one.totals.this_system.recipients for one in country.provinces] == [None, None]

    found = wave.outcomes
    assert found == country.outcomes
    assert _counts(found.survey_1_response) == (20, 21)
    assert _counts(found.survey_2_response) == (0, 11)
    assert _counts(found.comparison_response) == (14, 15)
    assert found.working == Ratio(6, 20, 0.3, 0.1455, 0.519)
    assert found.comparison_working == Ratio(4, 14, 0.2857, 0.1172, 0.5465)
    assert found.working_difference == Gap(0.0143, -0.2888, 0.2906)
    assert _counts(found.business_capital) == (10, 20)
    # 55 % less 10 %; with the pseudo-answers 11.75, 2.75 and 23: 39.13 +- 28.24.
    assert found.net_promoter == NetPromoter(20, 11, 7, 2, 45.0, 10.9, 67.37)
    assert found.satisfaction == [MonthView("2026-12", 20, 3.75, Ratio(15, 20, 0.75, 0.5313, 0.8881))]
    assert found.days_to_payment == Days(21, round((11 * 2 + 10 * 3) / 21, 2))
    # Three of West Java were not chosen: neither their answers nor, by subtraction, Jakarta's.
    assert by_code["31"].outcomes.comparison_working == by_code["32"].outcomes.comparison_working == Ratio()
    assert _counts(by_code["31"].outcomes.working) == (4, 10)
    assert _counts(by_code["32"].outcomes.working) == (2, 10)

    assert played.services.tally_job.run(ASKED + 180 * SECOND, 800)
    assert played.services.statistics.country().outcomes == country.outcomes
    shown_on_the_command_line(played, monkeypatch)


def shown_on_the_command_line(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "load", lambda name: SimpleNamespace(services=played.services))
    for words in ([], ["--wave", str(WAVE)]):
        result = invoke(["statistics", "show", "--stage", "test", *words])
        assert result.exit_code == 0, result.output
        lines = [" ".join(line.split()) for line in result.output.splitlines()]
        assert "formerly unemployed, now working or in business 6 of 20 30.0% 14.5% to 51.9%" in lines
        assert "net promoter score (-100 to 100) 20 +45.0 10.9 to 67.4" in lines
        assert "31 Daerah Khusus Ibukota Jakarta 24 12 · 12 12 11 Rp7.100.000 40.0% +40" in lines


def _counts(share: Ratio) -> tuple[int | None, int | None]:
    return share.numerator, share.denominator
