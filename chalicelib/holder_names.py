"""How alike two names of one person are: what the person wrote and what a bank or a registry has. Pure.

Banks write names in capitals, without marks, with or without titles, in another order, shortened, in an old spelling,
and cut off at the end of their field. These all count as the same name. A different word means another person.
"""

from __future__ import annotations

import re
import unicodedata

_CUT = 95
_CUT_LENGTH_MIN = 18
"""No bank's field for a name is shorter; a shorter beginning is another name."""
_WIDTHS = frozenset({20, 22, 24, 25, 26, 30, 32, 35, 40})
"""Widths of usual fields: only at the end of one may the last letter or two be cut off (Ali, Alim)."""
_INITIAL = 0.8
"""The share that an initial counts of the word that it begins."""
_MUHAMMAD_WEIGHT = 2
"""The letters that the commonest of all names counts for: banks leave it out, and it distinguishes nobody."""

_QQ = re.compile(r"\bq\.?q\b")
"""After it stands the person for whom the account is kept, who cannot use it."""
_OR = re.compile(r"[\s/]+(?:(?:dan|and)/)?(?:atau|or)\b|(?<=\w{3})\s*/\s*(?=\w{3})")
"""Stands between two holders. Either of them may use the account alone."""

_FIRMS = {"cv", "pt", "ud", "toko", "koperasi", "yayasan", "bumdes", "masjid", "gereja", "kelompok"}
_FIRMS_AFTER = {"cv", "ud", "tbk", "persero"}
"""How the name of a firm or a body begins and ends. Such an account is nobody's own, whatever else its name says."""

_CIVIL = {"bapak", "bp", "bpk", "ibu", "nn", "nona", "ny", "nyonya", "saudara", "saudari", "sdr", "sdri", "tn", "tuan"}
_TITLES = _CIVIL | {
    *("apt", "dr", "dra", "drg", "drh", "drs", "h", "haji", "hajah", "hajjah", "hi", "hj", "ir", "kh", "kyai", "ners"),
    *("ns", "pdt", "prof", "raden", "rd", "rr", "tgk", "ust", "ustad", "ustadz", "ustadzah"),
}
"""Before a name."""
_DEGREES = _CIVIL | {
    *("ak", "amd", "apt", "ba", "bba", "ca", "cpa", "lc", "ma", "mak", "map", "mba", "mm", "msc", "mt", "ners", "phd"),
    *("sag", "sap", "se", "sei", "sh", "si", "sip", "skm", "sos", "sp", "st", "str"),
}
"""After a name, also without a comma or a dot."""
_LEVEL_AND_FIELD = re.compile(
    "(?:amd|str|mtr|sst|sp|s|m|b)"
    "(?:pd|kom|kep|kes|keb|gz|hum|hut|hi|sos|psi|farm|ft|ked|kg|kh|kn|kp|pt|pi|si|sy|th|tp|stat|mat|ling|ds|sn|ars|sc|eng|og)"
    "(?:i|k|si|kep|kes)?"
)

_SHORT = {
    **dict.fromkeys(("md", "mhd", "moch", "moh", "mohd", "much", "muh", "muhd", "mochamad", "mohamad"), "muhammad"),
    **dict.fromkeys(("muhamad", "mohammad", "mochammad", "muchamad", "muchammad", "mochamat", "muhamat"), "muhammad"),
    **dict.fromkeys(("abd", "abdl", "abdoel"), "abdul"),
    **dict.fromkeys(("ach", "akh", "ahmd"), "ahmad"),
    **{"st": "siti", "nrl": "nurul", "wy": "wayan", "wyn": "wayan", "kt": "ketut", "ktt": "ketut", "pt": "putu"},
    **{"nym": "nyoman", "nymn": "nyoman", "nyn": "nyoman", "gd": "gede", "gde": "gede", "kd": "kadek", "kdk": "kadek"},
    **{"km": "komang", "kmg": "komang", "dw": "dewa", "dsk": "desak", "bgs": "bagus", "gst": "gusti", "ngr": "ngurah"},
    **{"aa": "anak agung", "ib": "ida bagus", "ign": "i gusti ngurah", "iga": "i gusti ayu"},
}
"""How the commonest names are shortened."""

_ABDUL = (
    (r"\babdu([nrsz])\1", r"abdul \1"),
    (r"\babdur(?=[aeiou])", "abdul r"),
    (r"\babdul(?!l?[ao]h\b)(?=\w{3})", "abdul "),
)
"""The servant of one of God's names, in one word or two."""
_OLD_Y = r"usu[fp]|usril|unus|ah[jy]a|asin|ak[ou]b|ud?h?istira|ohan+es|ose(?:f|ph?)|onath?an"
"""The rest of names whose first J is an old spelling of Y. Only these: Joko is not Yoko."""
_SPELLINGS = (
    *(("oe", "u"), ("dj", "j"), (rf"\bj(?=(?:{_OLD_Y})\b)", "y"), ("tj", "c"), ("sj", "sy"), (r"\Bj", "y")),
    *(("[ck]h(?=[bcdfgklmnprst])|kh", "h"), (r"(?<=[iu]l)l?oh\b", "ah"), ("dz", "z")),
    *(("s[yh]", "s"), ("([bdt])h", r"\1"), ("ph|v", "f"), ("q|ck", "k"), ("x", "ks"), ("y", "i"), ("ae", "ai")),
    *((r"(.)\1+", r"\1"), ("ie", "i")),
)
"""Old and new spellings of the same sound, applied in this order. Vowels stay: Santosa is not Santoso."""


def score(a: str, b: str) -> int:
    """From 0 to 100, the same for (a, b) and (b, a); 0 if either has no letter or digit.

    100: the same words whatever their case, marks, titles, order, spacing, spelling and usual shortening. 95: one is
    the other, cut off. Otherwise the share of both names' letters that are in words of both. That is halved if each
    name has a word that the other lacks, or if they share fewer than two words. Of several holders the most alike
    counts.
    """
    return max(_of_one(x, y) for x in _holders(a) for y in _holders(b))


def is_of_one(name: str) -> bool:
    """Whether a name is that of one person: "Siti atau Joko" are two, and alike to either."""
    return len(_holders(name)) == 1


def key(name: str) -> str:
    """The same for names of one person that are the same words, whatever their case, marks, titles, order, spelling,
    usual shortening, and mostly their spacing. Not for a name that is cut off or lacks a word.
    """
    return _together(sorted(_words(_holders(name)[0])))


def score_of_one(person: str, other: str) -> int:
    """As `score`, for the name of one person. A text that names several people scores 0."""
    return score(person, other) if is_of_one(person) else 0


def _of_one(a: str, b: str) -> int:
    one, other = _words(a), _words(b)
    if not one or not other or _is_firm(a) != _is_firm(b):
        return 0
    if sorted(one) == sorted(other) or _together(one) == _together(other):
        return 100
    if _is_cut(a, other) or _is_cut(b, one):
        return _CUT
    return _likeness(_joined(one, other), _joined(other, one))


def _likeness(one: list[str], other: list[str]) -> int:
    """Pairs each word with the same word of the other name, or else with an initial.

    Initials alone are no name: they count only beside a word that is written out in both.
    """
    left, others = list(one), list(other)
    shared, pairs, written_out = 0.0, 0, False
    for alike in (1.0, _INITIAL):
        for x in list(left):
            y = next((y for y in others if _is_alike(x, y, alike)), None)
            if y is not None:
                left.remove(x)
                others.remove(y)
                shared += alike * (_weight(x) + _weight(y))
                pairs += 1
                written_out = written_out or min(len(x), len(y)) > 1
    if not written_out:
        return 0
    half = 2 if pairs == 1 or (left and others) else 1
    return round(100 * shared / sum(map(_weight, one + other)) / half)


def _is_alike(x: str, y: str, alike: float) -> bool:
    return x == y if alike == 1 else min(len(x), len(y)) == 1 and x[0] == y[0]


def _weight(word: str) -> int:
    return _MUHAMMAD_WEIGHT if word == "muhamad" else len(word)  # as `_folded` leaves it


def _is_cut(text: str, whole: list[str]) -> bool:
    """Whether the words of `text` are the first words of the whole name, the last of them perhaps cut off."""
    cut = _words(text, ended=False)
    length, lost = len(text), sum(map(len, whole)) - sum(map(len, cut))
    ends_in_it = _folded(re.findall(r"[^\W_]+", text)[-1]).endswith(cut[-1])  # and not in a degree
    if len(cut) < 2 or not ends_in_it or length < _CUT_LENGTH_MIN or lost < 1 or (lost < 3 and length not in _WIDTHS):
        return False
    last = len(cut) - 1
    begun = len(whole) > last and cut[:last] == whole[:last]
    return begun and whole[last].startswith((cut[last], re.sub("z$", "s", cut[last])))


def _joined(words: list[str], other: list[str]) -> list[str]:
    """The words; two that the other name writes as one are joined."""
    found: list[str] = []
    for word in words:
        if found and (together := _together([found[-1], word])) in other:
            found[-1] = together
        else:
            found.append(word)
    return found


def _holders(name: str) -> list[str]:
    """Who may dispose of an account of this name, each folded, without marks, apostrophes and needless spaces."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    plain = "".join(letter for letter in folded if not unicodedata.category(letter).startswith("M"))
    holder = _QQ.split(re.sub("['’‘ʼʻ`]", "", plain))[0]
    return [" ".join(one.split()) for one in _OR.split(holder)]


def _is_firm(name: str) -> bool:
    words = re.findall(r"[^\W_]+", re.sub(r"\b([cpu])\.([vtd])\b", r"\1\2", name))
    behind = _letters(name.rpartition(",")[2]) if "," in name else ""
    return words[0] in _FIRMS or words[-1] in _FIRMS_AFTER or behind in _FIRMS


def _words(name: str, *, ended: bool = True) -> list[str]:
    """The words of one name in their order, written out and in one spelling, without titles and degrees.

    Unless the name has `ended`, what looks like a degree at its end may be the beginning of a word.
    """
    head, *tail = re.split("[,;]", name)
    if not _letters(head):  # degrees stand behind a name
        head, tail = " ".join([head, *tail]), []
    words: list[str] = []
    for chunk in " ".join([head, *(part for part in tail if not _is_degrees(part))]).replace("/", " ").split():
        letters = _letters(chunk)
        # "S.Kom." is one degree; "Moh.Rizky" is two words.
        dotted = "." in chunk.rstrip(".") and _LEVEL_AND_FIELD.fullmatch(letters)
        words += [letters] if dotted or letters in _DEGREES else re.findall(r"[^\W_]+", chunk)
    while len(words) > 1 and words[0] in _TITLES:
        words = words[1:]
    while ended and len(words) > 1 and (words[-1] in _DEGREES or _LEVEL_AND_FIELD.fullmatch(words[-1])):
        words = words[:-1]
    folded = _folded(_written_out(words)).split()
    # A Z at the end sounds like an S, unless the word may go on.
    return [re.sub("z$", "s", word) for word in (folded if ended else folded[:-1])] + ([] if ended else folded[-1:])


def _is_degrees(part: str) -> bool:
    """Whether what follows a comma is degrees by their form: few letters between dots, or a level and a field."""
    tokens = part.split()
    return all(len(_letters(token)) == 1 or _is_degree(token) for token in tokens) and any(map(_is_degree, tokens))


def _is_degree(token: str) -> bool:
    letters, groups = _letters(token), re.findall(r"[^\W_]+", token)
    if letters in _DEGREES or _LEVEL_AND_FIELD.fullmatch(letters):
        return True
    if not groups or not _SHORT.keys().isdisjoint(groups):
        return False
    if re.search("[.(]", token):
        return len(letters) > 1 and max(map(len, groups)) <= (4 if len(groups) == 1 else 5)
    return 1 < len(letters) <= 6 and not re.search("[aeiou]", letters)


def _written_out(words: list[str]) -> str:
    text = re.sub(r"\b(i|ni) md\b", r"\1 made", " ".join(words))
    text = " ".join(_SHORT.get(word, word) for word in text.split()) if len(words) > 1 else text
    for pattern, plain in _ABDUL:
        text = re.sub(pattern, plain, text)
    return text


def _folded(text: str) -> str:
    for pattern, plain in _SPELLINGS:
        text = re.sub(pattern, plain, text)
    return text


def _together(words: list[str]) -> str:
    return "".join(words).replace("ii", "i")  # Fitri Yanti is Fitriyanti


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)
