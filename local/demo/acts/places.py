"""From a place to the incentive: the chosen buy, train and are paid; who buys nothing loses the place to the next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from chalicelib.money import Rupiah, format_idr

from ..catalogue import HOURS, catalogue
from ..players import joining, money, training
from ..players.crowd import Diary
from ..players.training import Shelf
from ..scene import Scene

GIVEN_UP_AFTER_S = 600
"""How long no payment may come to its end before the wait is given up."""

PARTNERS = ("Balai Latihan Kerja Contoh", "Kursus Daring Contoh")


def open_shop(scene: Scene, wave: int) -> Shelf:
    """Two training partners are admitted and their courses imported; one course is withdrawn at once."""
    balance = scene.programme.scheme(wave).training_idr
    partners = [scene.admin.add_partner(name) for name in PARTNERS]
    imported = scene.admin.import_courses(catalogue(partners, balance, withdrawn=False))
    shelf = training.look_around(scene.crowd, partners)
    scene.admin.import_courses(catalogue(partners, balance, withdrawn=True))
    scene.tell(
        f"catalogue: {imported} courses of {len(partners)} partners; each of the chosen has"
        f" {format_idr(Rupiah(balance))} to spend on training, and on nothing else"
    )
    return shelf


def train(scene: Scene, wave: int, shelf: Shelf) -> None:
    """Most of the chosen buy, train and review it."""
    chosen = [diary for diary in scene.crowd.diaries if diary.chosen]
    amount = format_idr(Rupiah(scene.programme.scheme(wave).incentive_idr))
    lost = [d for d in scene.crowd.diaries if d.standing == "not_chosen"][:3]
    training.be_refused(scene.crowd, shelf, "some buy without a place", lost, "not_beneficiary")
    training.buy(scene.crowd, shelf, "the chosen buy courses", [d for d in chosen if d.person.buys])
    scene.tell(f"training: the partners attest who has trained; with a review of it, an incentive of {amount} is due")
    _train(scene, shelf, "the chosen", [d for d in chosen if d.bought and d.person.finishes])


def pay(scene: Scene, step: str) -> None:
    """Wait until nobody waits for money. The sweep is run at once, so that a fault delays nothing by a minute."""
    patience = scene.patience("people wait for money", GIVEN_UP_AFTER_S)
    while (left := money.read_payouts(scene.crowd, step)) and patience.goes_on(left):
        if any(diary.needs_address for diary in scene.crowd.diaries):
            scene.admin.look_again()
        scene.admin.fire("sweep_payouts")


def pass_on(scene: Scene, wave: int, shelf: Shelf) -> None:
    """The time to buy is over: who bought nothing loses the place, and the next of the same draw gets it."""
    idle = [diary for diary in scene.crowd.diaries if diary.chosen and not diary.person.buys]
    before = {id(diary) for diary in scene.crowd.diaries if diary.chosen}
    training.read_places(scene.crowd, "some have bought nothing", idle)
    scene.tell("revocation: everybody else has bought, so the deadline comes now, and not in hours")
    scene.clock.wait_until(scene.admin.end_buying(), "the deadline of the first purchase")
    training.be_refused(scene.crowd, shelf, "they come too late to buy", idle, "purchase_deadline_passed")
    scene.admin.fire("expire_places")
    joining.read_standings(scene.crowd, wave, "people look again")
    training.be_refused(scene.crowd, shelf, "they have lost their place", idle, "beneficiary_revoked")
    new = [diary for diary in scene.crowd.diaries if diary.chosen and id(diary) not in before]
    for diary in new:
        diary.substitute = True
    scene.tell(f"revocation: {len(idle)} places are revoked, and {len(new)} people are next in the same draw")
    training.buy(scene.crowd, shelf, "they buy courses", new)
    _train(scene, shelf, "they", new)


def _train(scene: Scene, shelf: Shelf, who: str, diaries: Sequence[Diary]) -> None:
    """They attend, the hours of the courses pass, and they complete and review what they bought."""
    training.begin(scene.crowd, shelf, f"{who} begin to train", diaries)
    lasts = timedelta(seconds=HOURS * scene.programme.training.hour_s)
    scene.clock.wait_until(scene.clock.now() + lasts)
    training.finish(scene.crowd, shelf, f"{who} complete it", diaries)
