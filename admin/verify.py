"""The verifier: recomputes a published draw and names everything that is wrong with it (docs/draw.md).

It trusts nothing that is published except what the pinned beacon key vouches for. Its checks do not stop each other, so
that all that is wrong is named at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.config import DrawRules

from . import draw_checks
from .draw_checks import Wrong
from .evidence import Evidence, Known, NotChecked
from .publication import Publication


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked. `ok` None means it could not be, and `detail` says why."""

    name: str
    ok: bool | None
    detail: str = ""


Step = Callable[[Evidence], str | None]

STEPS: tuple[tuple[str, Step], ...] = (
    ("note", draw_checks.note_form),
    ("wave", draw_checks.wave_number),
    ("pinned chain", draw_checks.pinned_chain),
    ("round follows from the freeze", draw_checks.committed_round),
    ("note not before the close", draw_checks.not_early),
    ("note before its round", draw_checks.not_late),
    ("region table", draw_checks.region_table),
    ("lists complete", draw_checks.lists_complete),
    ("lists ascending", draw_checks.lists_ascending),
    ("no leaf twice", draw_checks.no_duplicates),
    ("roots of the lists", draw_checks.roots),
    ("entries in all", draw_checks.committed_entries),
    ("reserved seats", draw_checks.committed_seats),
    ("shares of the regions", draw_checks.shares),
    ("top of the table", draw_checks.committed_top),
    ("beacon", draw_checks.beacon_form),
    ("beacon as committed", draw_checks.beacon_as_committed),
    ("signature", draw_checks.signature),
    ("randomness", draw_checks.randomness),
    ("result", draw_checks.result_form),
    ("seed", draw_checks.seed),
    ("seats of the result", draw_checks.result_seats),
    ("numbers chosen", draw_checks.chosen),
    ("cut-offs", draw_checks.cutoffs),
    ("substitutions", draw_checks.substitutions),
    ("comparison sample", draw_checks.comparison_sample),
)
OWN_ENTRY: tuple[str, Step] = ("own entry", draw_checks.own_entry)


def verify(publication: Publication, rules: DrawRules, known: Known) -> list[Check]:
    """Check a published draw. Never raises for what is published, however malformed.

    Chains that are accepted: the production ones of `rules`, and the stage's own. The development chain's key is
    public, so whoever accepted it by default would believe any forger.
    """
    evidence = Evidence(publication, rules, known)
    steps = STEPS if known.entry is None else (*STEPS, OWN_ENTRY)
    return [_made(name, step, evidence) for name, step in steps]


def _made(name: str, step: Step, evidence: Evidence) -> Check:
    try:
        return Check(name, True, step(evidence) or "")
    except Wrong as wrong:
        return Check(name, False, str(wrong))
    except NotChecked as unchecked:
        return Check(name, None, str(unchecked))
    except Exception as error:  # noqa: BLE001 - a hostile publication must end as a failed check, never as a traceback
        return Check(name, False, f"the verifier could not follow it ({type(error).__name__})")
