"""The commands of a stage's administration. Nothing that they import is of the terminal or of deployments."""

from __future__ import annotations

import click

from ..office import administered
from . import account, grievance, keys, mailbox, registration, statistics, training, wave
from .payouts import payout

GROUPS: tuple[click.Command, ...] = (
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
)

COMMANDS = dict(administered(click.Group(commands=GROUPS)))
"""By their words, such as `payout plan stop`."""
