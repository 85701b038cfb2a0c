"""What administrators do to partners and the catalogue; each act is a line with who did it, when and why."""

from __future__ import annotations

from enum import StrEnum

from ..aws.admin_acts import ActColumns
from .store import TrainingTable


class TrainingAct(StrEnum):
    """What was done. A line is about a partner or a catalogue."""

    ADD = "ADD"
    REVOKE = "REVOKE"
    PROPOSE = "PROPOSE"
    IMPORT = "IMPORT"


class ActItem(TrainingTable, ActColumns):
    """An administrator's act."""
