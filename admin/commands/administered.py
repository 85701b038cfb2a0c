"""The commands of a stage's administration. Nothing that they import is of the terminal or of deployments."""

from __future__ import annotations

import click

from ..office import administered
from . import (
    account,
    dlq,
    erasures,
    grievance,
    keys,
    mailbox,
    registration,
    registry,
    statistics,
    status,
    training,
    trigger,
    wave,
)
from .administrators import journal, roster
from .draws import draw
from .payouts import payout
from .people import person

GROUPS: tuple[click.Command, ...] = (
    status.status,
    wave.wave,
    training.partner,
    training.course,
    payout.payout,
    registration.exclusion,
    registration.registration,
    grievance.grievance,
    account.account,
    mailbox.mailbox,
    keys.keys,
    statistics.statistics,
    draw.draw,
    dlq.dlq,
    trigger.trigger,
    roster.roster,
    journal.journal,
    person.person,
    erasures.erasures,
    registry.registry,
)

COMMANDS = dict(administered(click.Group(commands=GROUPS)))
"""By their words, such as `payout plan stop`."""
