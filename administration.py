"""The administration of a stage: the second application of this repository, one route for each command on a stage."""

from __future__ import annotations

import functools
import os

from admin.commands import administered
from admin.office import Office
from chalicelib import config, logs, wiring

logs.configure("gelombang-administration")


@functools.cache
def services() -> wiring.Services:
    """Everything this deployment is made of, built when first asked for."""
    return wiring.build(config.settings_from_environment(os.environ))


app = Office("gelombang-administration", administered.COMMANDS, lambda: services())
