"""The sections of `service.toml` and of a programme's file, typed. `config` loads and compares them.

Each cold start reads them, so their annotations are types already, and not text that would have to be evaluated.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

Positive = Annotated[int, Meta(gt=0)]
NotNegative = Annotated[int, Meta(ge=0)]
Skill = Annotated[str, Meta(pattern="^[a-z]+(_[a-z]+)*$", max_length=32)]
Instant = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(min_length=1)]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of a file, of which every key is known."""


class Words(Section, frozen=True):
    """A text in Indonesian and English."""

    id: Text
    en: Text
