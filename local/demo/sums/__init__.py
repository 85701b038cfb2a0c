"""What people were told, what was published and what the books say, compared. All of it is pure.

Each file's `differences` yields a sentence, without personal data, for whatever does not agree.
"""

from __future__ import annotations

from . import draw, figures, hearing, mail, money, places
from .played import Played

__all__ = ["Played", "differences"]


def differences(played: Played) -> list[str]:
    """Everything that does not agree."""
    return [found for part in (draw, places, money, hearing, mail, figures) for found in part.differences(played)]
