"""The JSON of grievances. Times as `2026-11-24T03:00:00Z`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from .rules import About, Category, GrievanceState, SelectionEvidence

GrievanceText = Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"\S")]


class GrievanceForm(Struct, frozen=True, forbid_unknown_fields=True):
    """A complaint or an appeal: what it is about, of what kind it is, and up to 2000 characters, not all blank."""

    about: About
    category: Category
    text: GrievanceText


class AnswerView(Struct, frozen=True):
    """What was answered, and when."""

    text: str
    answered_at: str


class GrievanceView(Struct, frozen=True):
    """A grievance as the person who filed it sees it. `state`: OPEN, ESCALATED, ANSWERED.

    The answer comes before `deadline_at`; `evidence` belongs to one about a selection.
    """

    number: str
    about: About
    category: Category
    text: str
    state: GrievanceState
    filed_at: str
    deadline_at: str
    evidence: SelectionEvidence | None
    answer: AnswerView | None


class GrievanceList(Struct, frozen=True):
    """A person's latest grievances, the newest first, at most 20."""

    grievances: list[GrievanceView]
