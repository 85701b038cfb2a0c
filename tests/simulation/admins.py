"""Several honest administrators, who are sometimes wrong, and sometimes the same person under two spellings.

They say that money was paid or came back only if the provider's books say so. They may try anything else, and wrong
acts must be refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.money import rupiah
from chalicelib.payouts.controls.proposals import Decision, may_be_decided
from chalicelib.payouts.rules import Authority, Entitlement, Hold, State

from .world import World

ARN = "arn:aws:sts::123456789012:assumed-role/admin/"
PEOPLE = (
    f"{ARN}ani",
    f"{ARN}budi",
    f"{ARN}citra",
    f"{ARN.upper()}ANI",
    f" {ARN}budi ",
    f"{ARN.replace('admin', 'other')}citra",
)


def decide(world: World) -> None:
    """An administrator looks at one entitlement and does something about it."""
    heads = list(world.table.heads.values())
    if heads:
        [head] = world.dice.choices(heads, [_urgency(world, head) for head in heads])
        sensible = _sensible(world, head)
        wild = world.dice.random() < 0.25 or not sensible
        command = world.dice.choice(_ALL if wild else sensible)
        by = world.dice.choice(PEOPLE)
        world.scheduler.start(f"{command.__name__[1:]} by {by.strip()[-5:]}", lambda: command(world, head.id, by))


def _urgency(world: World, head: Entitlement) -> float:
    """What waits for people is looked at more often."""
    if head.id in world.table.proposals or may_be_decided(head) - {Decision.REVERSED}:
        return 5.0
    return 0.2 if head.state is State.PAID and not is_true(world, head, Decision.REVERSED) else 1.0


def pause_or_resume(world: World) -> None:
    """Pause, or go on."""
    by = world.dice.choice(PEOPLE)
    if world.table.pause is None:
        work: Callable[[], Any] = lambda: world.administration.pause(by, "looking into it", world.now)  # noqa: E731
    else:
        work = lambda: world.administration.resume(by, "looked into", world.now)  # noqa: E731
    world.scheduler.start("the pause", work)


def set_ceiling(world: World) -> None:
    """Raise or lower one that has been used."""
    if not world.table.ceilings:
        return
    name = world.dice.choice(list(world.table.ceilings))
    amount = world.dice.choice([1, 2, 5]) * 600_000

    def work() -> None:
        was = world.administration.ceiling(name)
        world.oracle.ceiling(name, amount)
        authority = Authority(PEOPLE[0], "as agreed")
        world.administration.set_ceiling(name, was.ceiling_idr, rupiah(amount), authority, world.now)

    world.scheduler.start("ceiling", work)


def _hold(world: World, id_: str, by: str) -> None:
    world.administration.hold(id_, by, "asked to", world.now)


def _release(world: World, id_: str, by: str) -> None:
    world.administration.propose(id_, Decision.RELEASE, by, "looked into", world.now)


def _cancel(world: World, id_: str, by: str) -> None:
    world.administration.cancel(id_, by, "not due", world.now)


def _propose(world: World, id_: str, by: str) -> None:
    head = world.table.heads[id_]
    choice = sorted(may_be_decided(head)) if world.dice.random() < 0.8 else list(Decision)
    decision = world.dice.choice(choice or list(Decision))
    if is_true(world, head, decision):
        world.administration.propose(id_, decision, by, "as the provider's books say", world.now)


def _approve(world: World, id_: str, by: str) -> None:
    standing = world.administration.standing(id_)
    if standing is None or is_true(world, world.table.heads[id_], standing.decision):
        world.administration.approve(id_, by, world.now, standing)


def _reject(world: World, id_: str, by: str) -> None:
    world.administration.reject(id_, by, "not so", world.now)


def is_true(world: World, head: Entitlement, decision: Decision) -> bool:
    """Whether an honest person may say so of the latest attempt. That it is over, they may believe wrongly."""
    now = world.provider.clock()
    own = [each for each in world.provider.of_key(f"{head.id}-{head.n}") if each.kind == head.kind]
    words = {each.status(now) for each in own if each.amount == head.amount_idr}
    match decision:
        case Decision.PAID:
            return "SUCCEEDED" in words
        case Decision.REVERSED:
            return "REVERSED" in words
        case _:
            return True


def _sensible(world: World, head: Entitlement) -> list[Callable[[World, str, str], None]]:
    if head.id in world.table.proposals:
        return [_approve, _approve, _approve, _reject]
    if head.hold is Hold.ADMIN:
        return [_release, _release, _cancel]
    if may_be_decided(head):
        return [_propose, _propose, _release]  # the last is none: who does not look closely may try it
    return [_hold, _hold, _cancel]


_ALL = (_hold, _release, _cancel, _propose, _approve, _reject)
