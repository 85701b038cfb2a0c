"""The order of a wave's events. The same for the demo on the local cloud and for the tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.money import Rupiah, format_idr

from . import results, sums
from .acts import afterwards, figures, mail, places, wave
from .players import joining, money, training
from .scene import Scene


def play(scene: Scene) -> sums.Played:
    """Play it all, and say what has happened. Raises whatever stops a wave from going on.

    Disagreements, those of the sums too, go where the crowd writes its own.
    """
    drawn = wave.draw(scene)
    shelf = drawn.shelf
    with mail.telling_people(scene):
        places.train(scene, drawn.number, shelf)
    scene.tell("payout: each incentive is sent to a provider that loses answers, breaks down and refuses accounts")
    money.read_payouts(scene.crowd, "")  # who misses an address sets it now, and it has rested when it is needed
    places.pass_on(scene, drawn.number, shelf)
    places.pay(scene, "incentives are paid")
    paid_at = scene.clock.now()
    reminded = sum(diary.reminded for diary in scene.crowd.diaries)
    scene.tell(
        f"payout: {reminded} of them had said nowhere to be paid; they were told, said it, and the money went on"
    )
    afterwards.match(scene, shelf)
    afterwards.ask(scene, paid_at)
    with mail.telling_people(scene):
        afterwards.hear(scene, drawn.number)
        places.pay(scene, "surveys are paid")
    mail.read_mailboxes(scene)
    figures.follow(scene, drawn.number)
    statistics = figures.reckon(scene)
    scene.tell("comparison: what people were told, what is published, the ledger and the provider's books")
    return _reckon(scene, drawn, statistics)


def _reckon(scene: Scene, drawn: wave.Drawn, statistics: Mapping[str, Any]) -> sums.Played:
    crowd, folder = scene.crowd, scene.folder / str(drawn.number)
    training.read_places(crowd, "", [diary for diary in crowd.diaries if diary.place or diary.trainings])
    seen = joining.read_wave(crowd, drawn.number)
    scheme = scene.programme.scheme(drawn.number)
    played = sums.Played(
        diaries=crowd.diaries,
        wave=seen,
        results=results.fetch(seen["results_url"], folder),
        books=scene.admin.books(),
        scheme=scheme,
        applicants=crowd.applicants,
        statistics=statistics,
        failing_suffix=scene.failing_suffix,
        kinds=scene.programme.payouts.kinds,
    )
    if played.results.note != drawn.note:
        crowd.differences.append("the note is not the one that was published at the freeze")
    crowd.differences += sums.differences(played)
    crowd.differences += scene.admin.check_draw(drawn.number, folder)
    compared = scene.admin.compare_books()
    crowd.differences += compared.wrong
    scene.tell(f"people were told: {played.counts['paid']} paid, {format_idr(Rupiah(played.told_idr))}")
    for line in compared.said:
        scene.tell(line)
    return played
