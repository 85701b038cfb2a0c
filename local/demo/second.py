"""The second act: a handful of people in an added wave of the scheme of 2020, whose incentives come month by month.

Its steps lie between those of the first act, so that what must be waited for comes while others act. On the local
stage a month is some seconds long.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chalicelib.figures.schemes import Scheme
from chalicelib.money import Rupiah, format_idr
from chalicelib.payouts.plans.plan_rules import INCENTIVES

from . import afterwards, training, wave
from .crowd import Crowd, Diary
from .scene import Scene

SCHEME = "2020"


class SecondAct:
    """Each step is called once, in their order, after the first wave has closed and its late places were revoked."""

    def __init__(self, scene: Scene) -> None:
        self._scene = replace(scene, crowd=scene.second)
        self._crowd = scene.second
        self.scheme: Scheme = next(one for one in scene.programme.schemes if one.version == SCHEME)

    def set_up(self) -> None:
        """An administrator adds the wave, which opens in seconds; meanwhile its people register."""
        crowd, now = self._crowd, self._scene.clock.now()
        opens_at = now.replace(microsecond=0) + wave.FAR
        self._number = self._scene.admin.add_wave(opens_at, opens_at + wave.FAR, len(crowd.diaries), SCHEME)
        self._opens_at = wave.move_up(self._scene, self._number)
        self._scene.tell(f"second act: the administrator adds wave {self._number}, under the scheme of {SCHEME}")
        crowd.each("newcomers register", crowd.diaries, wave.register)
        crowd.each("", crowd.diaries, Crowd.set_address)

    def join(self) -> None:
        self._scene.clock.wait_until(self._opens_at, "the added wave opens")
        self._scene.admin.fire("advance")
        self._crowd.each("newcomers join", self._crowd.diaries, wave.join)
        wave.confirm(self._scene)
        self._closes_at: datetime = self._scene.admin.close_wave(self._number)

    def freeze(self) -> None:
        self._note = wave.freeze(self._scene, self._number, self._closes_at)

    def draw(self) -> None:
        wave.draw_seats(self._scene, self._number, self._note)
        self._crowd.read_standings("newcomers look at the result", self._number)

    def train(self, shelf: training.Shelf) -> None:
        """Everybody buys a course that their balance allows, completes and reviews it: the first instalment is due."""
        within = [one for one in shelf.courses if one["price_idr"] <= self.scheme.training_idr]
        shelf = replace(shelf, courses=within)
        training.buy_courses(self._crowd, shelf, "newcomers buy courses", self._crowd.who(lambda one: one.chosen))
        training.train(self._scene, self._number, shelf)

    def pay(self) -> None:
        """Wait until every instalment is paid. Runs what makes them due, and the sweep, itself."""
        crowd, admin, times = self._crowd, self._scene.admin, self.scheme.incentives
        trained = crowd.who(lambda diary: diary.due)
        for diary in trained:
            diary.due = {kind.value for kind in INCENTIVES[:times]}
        patience = self._scene.patience("instalments are still to come", training.GIVEN_UP_AFTER_S)
        while (left := len(trained) * times - self._paid()) and patience.goes_on(left):
            admin.fire("advance_plans")
            admin.fire("sweep_payouts")
        each = format_idr(Rupiah(self.scheme.incentive_idr))
        self._scene.tell(f"second act: {len(trained)} people were paid {times} times {each}, a month apart")
        crowd.each("", crowd.diaries, training.read_place)
        crowd.each("", crowd.diaries, afterwards.read_surveys)

    def _paid(self) -> int:
        def read(crowd: Crowd, diary: Diary) -> None:
            diary.payouts = crowd.read(diary, "/me/payouts")["payouts"]

        self._crowd.each("", self._crowd.diaries, read)
        return sum(payout["state"] == "paid" for diary in self._crowd.diaries for payout in diary.payouts)
