"""`gelombang payout pause|resume|status|ceiling`: what holds for all payouts at once."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, time

import click

from chalicelib.clock import WIB, iso, utc_now, wib_date
from chalicelib.money import Rupiah, rupiah
from chalicelib.payouts.controls.administration import Administration, PayoutDeed
from chalicelib.payouts.controls.limits import day_name, envelope_name
from chalicelib.payouts.ledger.records import NEWS_SHARDS, plan_shards
from chalicelib.payouts.rules import Authority, Kind, State
from chalicelib.waves.errors import UnknownWave

from ...desk import EVERYONE, MAKER, OPERATOR, Administered, Desk
from ...options import example, reason_option
from ...rows import act_row
from .lines import ceiling_row

ACTS, OF = 10, 200
"""How many of the latest acts `status` shows, of how many that it reads."""

ON_ALL = {PayoutDeed.PAUSE, PayoutDeed.RESUME, PayoutDeed.SET_CEILING}
"""Acts about nobody. The others are in the journal, with a line of the person."""


NEWS_PAGE = 100


@example('payout pause --reason "the bank is down"')
@click.command(cls=Administered, sets=(OPERATOR,))
@reason_option
def pause(desk: Desk, reason: str) -> None:
    """Stop every claim and every sending, within one message a worker. What is under way is still asked about."""
    controls = desk.services.payout_administration
    controls.pause(desk.caller, reason, utc_now())
    desk.show(_standing(controls))


@example('payout resume --reason "the bank is back"')
@click.command(cls=Administered, sets=(OPERATOR,))
@reason_option
def resume(desk: Desk, reason: str) -> None:
    """Go on after a pause; the sweep queues what waited."""
    controls = desk.services.payout_administration
    controls.resume(desk.caller, reason, utc_now())
    desk.show(_standing(controls))


@example("payout status")
@click.command(cls=Administered, sets=EVERYONE)
def status(desk: Desk) -> None:
    """Say whether payouts are paused, what of today's ceiling is reserved and paid, and the latest acts on all payouts.

    Of each month to come: what plans will make due, and how many days with the ceiling of today that takes.

    Reserved is what workers have taken of the ceiling: what they sent, and what they hold for the next payments.
    """
    services, now = desk.services, utc_now()
    controls, plans = services.payout_administration, list(plan_shards())
    morning = iso(datetime.combine(wib_date(now), time(), WIB))

    def page(step: int, after: str) -> str:
        if step < len(plans):
            found, after = services.plans.budget(plans[step], after)
        else:
            news = services.payouts.news(NEWS_SHARDS[step - len(plans)], after or morning, now, NEWS_PAGE)
            paid = [each.amount_idr for each in news if each.state is State.PAID]
            found, after = Counter(payments=len(paid), paid_idr=sum(paid)), news[-1].key if news else ""
        desk.counts += found
        return after

    desk.pages(len(plans) + len(NEWS_SHARDS), page)
    count, paid_idr = desk.counts.pop("payments", 0), desk.counts.pop("paid_idr", 0)
    acts = [act_row(act) for act in controls.acts(OF) if act.deed in ON_ALL][:ACTS]
    of_today = controls.ceiling(day_name(now))
    today = ceiling_row(of_today) | {"payments": count, "paid_idr": Rupiah(paid_idr)}
    months = [
        {"month": name, "amount_idr": Rupiah(idr), "days_of_ceiling": -(-idr // max(of_today.ceiling_idr, 1))}
        for name, idr in sorted(desk.counts.items())
    ]
    desk.show(_standing(controls) | {"today": [today], "to_come": months, "acts": acts})


def _standing(controls: Administration) -> dict[str, object]:
    found = controls.paused()
    if found is None:
        return {"payouts": "not paused"}
    return {"payouts": "paused", "since": found.since, "by": found.by, "reason": found.reason}


@click.group()
def ceiling() -> None:
    """How much may be sent on one WIB day, and for one wave's payments of one kind (its envelope)."""


_date_option = click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="A day in WIB; else today.")
_wave_option = click.option("--wave", type=int, help="With --kind: an envelope.")
_kind_option = click.option("--kind", type=click.Choice(Kind, case_sensitive=False))


@example("payout ceiling show --wave 54 --kind INCENTIVE")
@ceiling.command("show", cls=Administered, sets=EVERYONE)
@_date_option
@_wave_option
@_kind_option
def show_ceiling(desk: Desk, date: datetime | None, wave: int | None, kind: Kind | None) -> None:
    """Show a ceiling, what workers have taken of it, and what is left."""
    name = _name(desk, date, wave, kind)
    desk.show(ceiling_row(desk.services.payout_administration.ceiling(name)))


@example('payout ceiling set 70000000000 --was 60000000000 --reason "a big wave"')
@ceiling.command("set", cls=Administered, sets=(MAKER,))
@_date_option
@_wave_option
@_kind_option
@click.option("--was", type=click.IntRange(min=0), required=True, help="The ceiling as you read it, in rupiah.")
@reason_option
@click.argument("amount_idr", type=click.IntRange(min=0))
def set_ceiling(
    desk: Desk, date: datetime | None, wave: int | None, kind: Kind | None, was: int, reason: str, amount_idr: int
) -> None:
    """Set a ceiling to AMOUNT_IDR rupiah. What was taken from it stays taken, also what a worker has not spent yet."""
    name = _name(desk, date, wave, kind)
    authority = Authority(desk.caller, reason)
    ceiling = desk.services.payout_administration.set_ceiling(name, was, rupiah(amount_idr), authority, utc_now())
    desk.show(ceiling_row(ceiling))


COMMANDS = (pause, resume, status, ceiling)


def _name(desk: Desk, date: datetime | None, wave: int | None, kind: Kind | None) -> str:
    if wave is not None and kind is not None and date is None:
        if all(plan.number != wave for plan in desk.services.waves.agenda(utc_now()).waves):
            raise UnknownWave(wave=wave)  # nor would it be on `wave list`
        return envelope_name(wave, kind)
    if wave is None and kind is None:
        return day_name(date.replace(tzinfo=WIB) if date else utc_now())
    raise click.UsageError("give a --date, or --wave and --kind")
