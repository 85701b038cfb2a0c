"""The verifier: recomputes a published draw and names everything that is wrong with it (docs/draw.md).

It trusts nothing that is published except what the pinned beacon key vouches for. Its checks do not stop each other, so
that all that is wrong is named at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.config import DrawRules

from . import draw_checks, own_checks
from .draw_checks import Wrong
from .evidence import Evidence, Known, NotChecked
from .publication import Publication


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked. `ok` None means it was not, and `detail` says why.

    `made` is False where that was not tried, since the personal proof does without it.
    """

    name: str
    ok: bool | None
    detail: str = ""
    made: bool = True


NOT_MADE = "not made here: the check of the whole wave, without a ticket, makes it"

Step = Callable[[Evidence], str | None]

STEPS: tuple[tuple[str, Step], ...] = (
    ("note", draw_checks.note_form),
    ("wave", draw_checks.wave_number),
    ("pinned chain", draw_checks.pinned_chain),
    ("round follows from the freeze", draw_checks.committed_round),
    ("note not before the close", draw_checks.not_early),
    ("note before its round", draw_checks.not_late),
    ("cosignatures", draw_checks.cosignatures),
    ("witnesses in time", draw_checks.witnesses_in_time),
    ("quorum of witnesses", draw_checks.quorum),
    ("region table", draw_checks.region_table),
    ("removals", draw_checks.removals),
    ("lists complete", draw_checks.lists_complete),
    ("lists ascending", draw_checks.lists_ascending),
    ("no leaf twice", draw_checks.no_duplicates),
    ("roots of the lists", draw_checks.roots),
    ("nodes of the lists", draw_checks.nodes),
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
    ("published program", draw_checks.published_program),
)
NEED_LISTS = {
    *("removals", "lists complete", "lists ascending", "no leaf twice", "roots of the lists", "nodes of the lists"),
    *("cut-offs", "substitutions", "comparison sample", "published program"),
}
"""Not made for a personal proof, which reads no whole list; seats that went on are followed for that entry alone."""

OWN_STEPS: tuple[tuple[str, Step], ...] = (
    ("own leaf", own_checks.leaf),
    ("nodes of the own list", own_checks.nodes),
    ("on the list", own_checks.on_the_list),
    ("path to the root", own_checks.path),
    ("own values", own_checks.values),
    ("substitutions of the own entry", own_checks.substitutions),
    ("verdict", own_checks.verdict),
)


def verify(publication: Publication, rules: DrawRules, known: Known) -> list[Check]:
    """Check a published draw, or one's own entry in it. Never raises for what is published, however malformed.

    Chains that are accepted: the production ones of `rules`, and the stage's own. The development chain's key is
    public, so whoever accepted it by default would believe any forger.
    """
    evidence = Evidence(publication, rules, known)
    if known.own is None:
        return [_made(name, step, evidence) for name, step in STEPS]
    return [
        Check(name, None, NOT_MADE, made=False) if name in NEED_LISTS else _made(name, step, evidence)
        for name, step in (*STEPS, *OWN_STEPS)
    ]


def _made(name: str, step: Step, evidence: Evidence) -> Check:
    try:
        return Check(name, True, step(evidence) or "")
    except Wrong as wrong:
        return Check(name, False, str(wrong))
    except NotChecked as unchecked:
        return Check(name, None, str(unchecked))
    except Exception as error:  # noqa: BLE001 - a hostile publication must end as a failed check, never as a traceback
        return Check(name, False, f"malformed: the verifier could not follow it ({type(error).__name__})")
