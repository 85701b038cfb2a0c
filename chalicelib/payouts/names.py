"""How alike two names of an account's holder are: what the person wrote and what the bank has. Pure.

Banks write names in capitals, without marks, with or without titles, in another order, and cut off where their field
ends. All of that is the same name; a word that is another word is not.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

_CUT_LENGTH_MIN = 15
"""No bank's field for a name is shorter; a shorter beginning of a name is just another name."""
_CUT = 95
_SAME_WORD_MIN = 0.8
"""From this likeness on, two words are one word spelt twice (Mohamad, Muhammad); below, they are different words."""
_INITIAL = 0.8
"""What an initial counts for the word that it begins."""

_CIVIL = {"bapak", "bp", "bpk", "ibu", "nn", "nona", "ny", "nyonya", "saudara", "saudari", "sdr", "sdri", "tn", "tuan"}
_TITLES = _CIVIL | {"dr", "dra", "drg", "drh", "drs", "h", "haji", "hajah", "hajjah", "hj", "ir", "kh", "prof"}
"""Before a name."""
_DEGREES = _CIVIL | {
    *("amd", "mba", "mhum", "mkom", "mkes", "mm", "mpd", "msc", "msi", "mt", "phd"),
    *("sag", "se", "sh", "shi", "si", "sip", "skep", "skm", "skom", "sos", "sp", "spd", "ssi", "ssos", "st", "str"),
}
"""After a name."""
_MUHAMMAD = {
    "md",
    "mhd",
    "moch",
    "moh",
    "mohd",
    "much",
    "muh",
    "mochamad",
    "mochammad",
    "mohamad",
    "mohammad",
    "muhamad",
}
"""The commonest of all names is written out by few banks."""


def score(a: str, b: str) -> int:
    """From 0 to 100, the same for (a, b) and (b, a); 0 if either has no letter or digit.

    100: the same words whatever their case, marks, punctuation, titles, order and spacing. 95: one is the other, cut
    off after at least 15 characters. Else the share of the letters of both that are in words which both have.
    """
    one, other = sorted((_words(a), _words(b)))
    if not one or not other:
        return 0
    if _is_cut(one, other) or _is_cut(other, one):
        return 100 if one == other else _CUT
    one, other = _without_degrees(one), _without_degrees(other)
    if sorted(one) == sorted(other) or "".join(one) == "".join(other):
        return 100
    return _likeness(one, other)


def _likeness(one: list[str], other: list[str]) -> int:
    """Each word is paired with the unused word of the other name that it is most like.

    Initials alone are no name: they count only beside a word that is written out in both.
    """
    pairs = sorted(((_alike(x, y), i, j) for i, x in enumerate(one) for j, y in enumerate(other)), reverse=True)
    used: tuple[set[int], set[int]] = (set(), set())
    shared, written_out = 0.0, False
    for likeness, i, j in pairs:
        if likeness and i not in used[0] and j not in used[1]:
            used[0].add(i)
            used[1].add(j)
            shared += likeness * (len(one[i]) + len(other[j]))
            written_out = written_out or min(len(one[i]), len(other[j])) > 1
    return round(100 * shared / sum(map(len, one + other))) if written_out else 0


def _alike(x: str, y: str) -> float:
    if x == y:
        return 1.0
    short, long = sorted((x, y), key=lambda word: (len(word), word))
    if len(short) == 1:
        return _INITIAL if long.startswith(short) else 0.0
    ratio = SequenceMatcher(None, short, long, autojunk=False).ratio()
    return ratio if ratio >= _SAME_WORD_MIN else 0.0


def _is_cut(cut: list[str], whole: list[str]) -> bool:
    beginning = " ".join(cut)
    return len(beginning) >= _CUT_LENGTH_MIN and " ".join(whole).startswith(beginning)


def _words(name: str) -> list[str]:
    """The words of a name in their order, folded, without marks and the titles before it."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    plain = "".join(letter for letter in folded if not unicodedata.category(letter).startswith("M"))
    words: list[str] = []
    for chunk in re.split(r"[\s,;/]+", re.sub("['’‘ʼʻ`]", "", plain)):
        together = re.sub(r"[\W_]+", "", chunk)
        # "S.Kom." is one degree; "Moh.Rizky" is two words.
        words += [together] if together in _DEGREES else re.findall(r"[^\W_]+", chunk)
    while len(words) > 1 and words[0] in _TITLES:
        words = words[1:]
    return ["muhammad" if word in _MUHAMMAD else word for word in words]


def _without_degrees(words: list[str]) -> list[str]:
    while len(words) > 1 and words[-1] in _DEGREES:
        words = words[:-1]
    return words
