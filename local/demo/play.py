"""The order of a wave's events, for the demo on the local cloud and for the tests alike."""

from __future__ import annotations

from chalicelib.money import Rupiah, format_idr

from . import afterwards, results, training, wave
from .checks import differences
from .results import Played
from .scene import Scene
from .second import SecondAct


def play(scene: Scene) -> Played:
    """Play the wave and what follows it, and return what happened. Raises any error that stops the wave.

    Disagreements, also those of the final comparison, are added to the crowd's `differences`.
    """
    crowd, tell, second = scene.crowd, scene.tell, SecondAct(scene)
    drawn = wave.draw(scene)
    with scene.admin.firing("write_notices"):  # people are told the results meanwhile; the mails follow by themselves
        training.buy(scene, drawn.shelf)
    training.pass_on(scene, drawn.number, drawn.shelf)
    second.set_up()
    training.train(scene, drawn.number, drawn.shelf)
    second.join()
    tell("payout: each incentive is sent to a provider that loses answers, breaks down and refuses accounts")
    training.read_payouts(crowd, "")  # people without an address set one now, and its wait is over when it is needed
    with scene.admin.firing("write_notices"), scene.admin.firing("open_surveys"):  # for those who are paid first
        training.pay(scene, "incentives are paid")
    paid_at, reminded = scene.clock.now(), len(crowd.who(lambda diary: diary.reminded))
    tell(f"payout: {reminded} of them had said nowhere to be paid; they were told, said it, and the money went on")
    second.freeze()
    afterwards.match(scene, drawn.shelf)
    second.draw()
    second.train(drawn.shelf)
    afterwards.hear(scene, drawn.number)
    afterwards.ask(scene, paid_at)
    with scene.admin.firing("write_notices"):
        crowd.each("", crowd.who(lambda diary: diary.place or diary.trainings), training.read_place)
        training.pay(scene, "surveys are paid")
    second.pay()
    asked_at = scene.clock.now()
    with scene.admin.firing("tally_statistics"):
        afterwards.read_mailboxes(scene)
        afterwards.follow(scene, drawn.number)
    statistics = afterwards.reckon(scene, asked_at)
    tell("comparison: what people were told, what is published, the ledger and the provider's books")
    seen, folder = wave.read_wave(crowd, drawn.number), scene.folder / str(drawn.number)
    played = Played(
        diaries=crowd.diaries,
        second=scene.second.diaries,
        second_scheme=second.scheme,
        wave=seen,
        results=results.fetch(seen["results_url"], folder),
        books=scene.admin.books(),
        scheme=scene.programme.scheme(drawn.number),
        applicants=crowd.applicants,
        statistics=statistics,
        failing_suffix=scene.failing_suffix,
        kinds=scene.programme.payouts.kinds,
    )
    if played.results.note != drawn.note:
        crowd.differences.append("the note is not the one that was published at the freeze")
    crowd.differences += [*differences(played), *scene.admin.check_draw(drawn.number, folder)]
    compared = scene.admin.compare_books()
    crowd.differences += compared.wrong
    tell(f"people were told: {played.counts['paid']} paid, {format_idr(Rupiah(played.told_idr))}")
    for line in compared.said:
        tell(line)
    return played
