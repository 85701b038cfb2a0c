"""The likeness of two names: what banks do to a name does not matter, another person's name differs."""

from __future__ import annotations

import csv
import random
import unicodedata
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.holder_names import score, score_of_one

TABLE = Path(__file__).parents[2] / "vectors" / "holder_names.csv"
MIN = 80
"""The threshold of the programme's figures."""

WORDS = (
    *("agus", "budi", "citra", "dewi", "eko", "fajar", "gita", "hendra", "indah", "joko", "kartika", "lestari"),
    *("maria", "nurul", "oktavia", "putri", "ratna", "slamet", "taufik", "utami", "wulan", "yohanes", "zulkifli"),
    *("hidayat", "kurniawan", "lubis", "nasution", "pratama", "rahayu", "santoso", "siregar", "wijaya"),
)
"""Of which no two are alike."""
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5, unique=True)
MARKS = st.sampled_from("\u0300\u0301\u0303\u0308\u0327")


@given(st.text(), st.text())
def test_the_score_is_a_whole_number_from_0_to_100_and_symmetric(a, b):
    assert score(a, b) == score(b, a)
    assert type(score(a, b)) is int
    assert 0 <= score(a, b) <= 100


@given(st.text(st.characters(categories=["Lu", "Ll", "Nd", "Zs", "Po"])))
def test_a_name_with_letters_scores_100_with_itself(name):
    assert score(name, name) == (100 if any(letter.isalnum() for letter in unicodedata.normalize("NFKD", name)) else 0)


@pytest.mark.parametrize("between", [" atau ", " or ", "/", " dan/atau "])
def test_a_person_of_several_names_is_like_nobody_while_an_account_may_have_several_holders(between):
    both = f"Siti Aminah{between}Joko Susilo"
    for one in ("SITI AMINAH", "JOKO SUSILO"):
        assert score_of_one(both, one) == 0
        assert score_of_one(one, both) == 100


@given(NAMES, st.randoms(use_true_random=False), st.lists(MARKS, max_size=6), st.sampled_from([" ", "  ", ", ", ". "]))
def test_case_marks_order_and_punctuation_make_no_difference(words, dice: random.Random, marks, between):
    other = [word.upper() if dice.random() < 0.5 else word.title() for word in dice.sample(words, len(words))]
    written = list(between.join(other))
    for mark in marks:
        place = dice.choice([n for n, letter in enumerate(written) if letter.isalpha()])
        written.insert(place + 1, mark)
    assert score(" ".join(words), "".join(written)) == 100
    assert score(" ".join(words), unicodedata.normalize("NFC", "".join(written))) == 100


@given(st.permutations(WORDS), st.integers(1, 5), st.integers(1, 5))
def test_names_without_a_common_word_score_0(words, length, others_length):
    one, other = words[:length], words[-others_length:]
    assert score(" ".join(one), " ".join(other)) < MIN // 2


@given(st.lists(st.sampled_from(WORDS), min_size=5, max_size=6, unique=True), st.sampled_from([20, 22, 24, 25, 26]))
def test_a_name_cut_off_at_a_fields_end_still_matches(words, length):
    name = " ".join(words)
    if length < len(name) and not name[length - 1].isspace():
        assert score(name, name[:length].upper()) >= 95


def test_each_pair_of_the_table_is_judged_as_it_says_both_ways():
    """The verdicts come from what people and banks write (the column `why`); the names are made up."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) > 300
    verdicts = {True: "same", False: "other"}
    wrong = [
        (first, second, score(first, second))
        for row in rows
        for first, second in permutations((row["registered"], row["bank"]))
        if verdicts[score(first, second) >= MIN] != row["verdict"]
    ]
    assert wrong == []


@given(st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from(WORDS))
def test_a_name_that_differs_in_one_word_does_not_match(shared, one, other):
    if len({shared, one, other}) == 3:
        assert score(f"{shared} {one}", f"{shared} {other}") <= 50


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        ("Siti Aminah", "S Aminah", 94),  # an initial counts for four fifths of its word
        ("Siti Aminah", "Aminah", 38),  # half of the share: one word alone tells nobody from another
        ("Li An", "Li", 33),  # two letters are a name written out
        ("Agus Budi", "Agus Agus", 25),  # a word is used once
        ("Budi Mohamad Santoso", "Budi Santosa", 17),  # each has a word of its own
        ("Budi Mohamad Santoso", "Budi Santoso", 92),  # Muhammad counts for two letters
        ("An Lestari", "An Rahayu", 12),
        ("Agus Salim", "Salim A", 93),
        ("Wahyudi Wahyuni", "Wahyuni", 33),
        ("S.Kom Budi", "Budi S.Kom", 33),  # a degree stands after a name, not before it
        ("Hj", "Hj.", 100),  # a title alone is all there is of the name
        ("SE", "S.E.", 100),
        ("Tn", "Siti", 0),
        ("A B", "A B C", 0),
        ("", "Siti", 0),
        ("O'Neil Sari", "ONeil Sari", 100),
        ("Siti Aminah", "SITI AMINAH", 100),
        ("Siti Aminah", "AMINAH, SITI", 100),
        ("Siti Aminah", "IBU SITI AMINAH", 100),
        ("Siti Aminah", "SITI AMINAH SDRI", 100),
        ("Budi Santoso", "Drs. H. BUDI SANTOSO, S.Kom., M.M.", 100),
        ("Renée d'Ailly", "RENEE DAILLY", 100),
        ("Nur Hayati Lubis", "NURHAYATI LUBIS", 100),
        ("Sri Nur Hayati", "SRINURHAYATI", 100),
        ("Moh.Rizky Pratama", "MUHAMMAD RIZKY PRATAMA", 100),
        ("Groß Müller", "GROSS MULLER", 100),
        ("Ali Al-Fatih", "ALI AL FATIH", 100),
        ("Soeharto Wijaya", "SUHARTO WIJAYA", 100),
        ("Muhammad Rizky Pratama Setiawan", "MUHAMMAD RIZKY PRATA", 95),
        ("Muhammad Rizky Setiawan", "MUHAMMAD RIZKY SETI", 95),
        ("Muhamad Rizky Pratama", "M RIZKY PRATAMA", 98),
        ("Siti Aminah Lubis", "SITI AMINAH", 80),
        # Cut off: by one letter or two only where a field ends, in the second word at the earliest, in no degree.
        ("Budi Santoso Alimin", "BUDI SANTOSO ALIMI", 33),
        ("Budi Santoso Aliminah", "BUDI SANTOSO ALIMINA", 95),
        ("Budi Santoso Aliminah", "BUDI SANTOSO ALIMI", 95),
        ("Purnamaningtyaswulandari", "PURNAMANINGTYASWUL", 0),
        ("Muhammad Rizkypratamasetiawan", "MUHAMMAD RIZKYPRAT", 95),
        ("Budi Santoso Wijaya", "BUDI SANTOSO, S.Kom.", 81),
        ("Muhammad Rizky Aziz Pratama", "MUHAMMAD RIZKY AZIZ", 95),
        # Degrees: by their form behind a comma, by their letters without one.
        ("Budi Santoso", "BUDI SANTOSO, X.Y.Z", 100),
        ("Budi Santoso", "BUDI SANTOSO, X.Abcde", 100),
        ("Budi Santoso", "BUDI SANTOSO, Bcdfgh", 100),
        ("Budi Santoso", "BUDI SANTOSO, Wijay.", 85),
        ("Budi Santoso", "BUDI SANTOSO, Muh.", 92),
        ("Budi Santoso", "BUDI SANTOSO SKOM", 100),
        ("Budi Santoso", "BUDI SANTOSO S.Kom/MM", 100),
        # A firm's account is nobody's.
        ("Berkah Jaya", "C.V. BERKAH JAYA", 0),
        ("Berkah Jaya", "BERKAH JAYA, Tbk, PT", 0),
        # Spellings and short forms.
        ("Abdul Azis", "ABDUL AZIZ", 100),
        ("I Made Putra", "I MD PUTRA", 100),
        ("Muh", "Muhammad", 0),
        ("Fitri Yanti", "FITRIYANTI", 100),
        ("Budi Nur Hayati Lubis", "BUDI NURHAYATI", 84),
    ],
)
def test_the_score_is_the_share_of_letters_in_words_that_both_have(a, b, alike):
    assert (score(a, b), score(b, a)) == (alike, alike)
