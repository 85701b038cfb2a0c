"""Witnesses: C2SP's formats compared with lines and keys of other programs, and refusals of malformed ones."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from chalicelib.config import BadConfiguration, load_programme
from chalicelib.draw import cosignatures
from chalicelib.draw.cosignatures import Cosignature, Signer, WitnessKey
from chalicelib.draw.errors import ForgedCosignature, MalformedCosignature, UnknownWitness
from chalicelib.figures.waves import WitnessRules
from local.sandbox.beacon import WITNESS
from tests.builders.draws.verify_draw import program
from tests.builders.figures import changed
from tests.conftest import ROOT

VECTORS = json.loads((ROOT / "tests/vectors/cosignatures.json").read_text())
REAL = VECTORS["real"]
NOTE = b"gelombang/draw/1\nwave 54\n"
AT = datetime(2026, 11, 24, 3, tzinfo=UTC)
OTHER = Signer("w2", bytes(32))
LINE = WITNESS.sign(NOTE, AT).line()


def test_a_public_witnesss_line_over_a_public_log_verifies():
    key = cosignatures.parse_key(REAL["key"])
    found = cosignatures.parse_line(REAL["line"].encode())
    cosignatures.verify(found, REAL["note"].encode(), [key])
    assert (found.name, found.key_id, found.time) == ("remora.n621.de", key.id, REAL["time"])
    assert found.line() == REAL["line"].encode()
    assert str(key) == REAL["key"]
    with pytest.raises(ForgedCosignature):
        cosignatures.verify(found, REAL["note"].replace("1432088532", "1432088533").encode(), [key])


def test_the_specifications_example_has_the_time_that_it_is_explained_with():
    example = VECTORS["specification"]
    assert cosignatures.parse_line(example["line"].encode()).time == example["time"]


def test_a_private_key_of_gos_package_gives_its_public_one():
    signer = cosignatures.parse_signer(VECTORS["go"]["private"])
    name, id_, body = VECTORS["go"]["public"].split("+", 2)
    typed = b64decode(body)
    assert (signer.name, signer.public.key) == (name, typed[1:])
    assert cosignatures.key_id(name, typed).hex() == id_
    assert signer.encode() == VECTORS["go"]["private"]


def test_a_witness_signs_two_lines_and_the_note():
    assert cosignatures.message(NOTE, 1679315147) == b"cosignature/v1\ntime 1679315147\n" + NOTE


def test_a_cosignature_verifies_and_is_read_back():
    found = cosignatures.parse_line(LINE)
    assert found == WITNESS.sign(NOTE, AT)
    assert found.time == int(AT.timestamp())
    cosignatures.verify(found, NOTE, [OTHER.public, WITNESS.public])


def test_the_key_of_the_local_stages_witness_is_public_and_unknown_elsewhere():
    phrase = b"gelombang development witness: this key is public and protects nothing"
    assert WITNESS.seed == sha256(phrase).digest()
    local, prod = load_programme("local").draw.witnesses, load_programme("prod").draw.witnesses
    assert (local.quorum, local.known) == (0, (WITNESS.public,))
    assert (prod.quorum, prod.known) == (0, ())


BODY = LINE.split()[2]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"\xff\n",
        LINE.decode().encode("utf-16"),
        LINE.removesuffix(b"\n"),
        LINE + b"\n",
        LINE.replace(b"\n", b"\r\n"),
        LINE.replace("\u2014".encode(), b"-"),
        LINE.replace("\u2014".encode(), b"\xe2\x80"),
        LINE.replace("\u2014 ".encode(), "\u2014  ".encode()),
        LINE.replace("\u2014 ".encode(), "\u2014\u00a0".encode()),
        b" " + LINE,
        LINE.replace(b"development", b"develop+ment"),
        LINE.replace(b"development", b"develop ment"),
        LINE.replace(b"development", "développement".encode()),
        LINE.replace(b"development", b"d" * 100),
        LINE.replace(b"witness.example/development", b""),
        LINE.replace(BODY, BODY[:-4]),
        LINE.replace(BODY, b64encode(b64decode(BODY) + b"\0")),
        LINE.replace(b"==\n", b"\n"),
        LINE.replace(BODY, b"*" + BODY[1:]),
        LINE.replace(BODY, BODY[:-3] + bytes([BODY[-3] + 1]) + b"=="),
        Cosignature("w", b"abcd", 1 << 63, bytes(64)).line(),
    ],
)
def test_a_malformed_line_is_refused_by_the_verifier_too(line: bytes):
    with pytest.raises(MalformedCosignature):
        cosignatures.parse_line(line)
    with pytest.raises(program().Failure, match="malformed"):
        program().parse_cosignatures(line)


def test_a_line_needs_both_the_name_and_the_id_of_its_key():
    namesake = WitnessKey(WITNESS.name, OTHER.public.key)
    found = cosignatures.parse_line(LINE)
    for key in (namesake, WitnessKey("another", WITNESS.public.key), OTHER.public):
        with pytest.raises(UnknownWitness):
            cosignatures.verify(found, NOTE, [key])
    with pytest.raises(UnknownWitness):
        cosignatures.verify(Cosignature("another", found.key_id, found.time, found.signature), NOTE, [WITNESS.public])


def test_a_change_of_any_bit_of_line_or_note_is_refused():
    found = cosignatures.parse_line(LINE)
    for bit in range(512):
        signature = bytearray(found.signature)
        signature[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ForgedCosignature):
            cosignatures.verify(
                Cosignature(found.name, found.key_id, found.time, bytes(signature)), NOTE, [WITNESS.public]
            )
    with pytest.raises(ForgedCosignature):
        cosignatures.verify(
            Cosignature(found.name, found.key_id, found.time + 1, found.signature), NOTE, [WITNESS.public]
        )
    with pytest.raises(ForgedCosignature):
        cosignatures.verify(found, NOTE + b"\n", [WITNESS.public])


VKEY = str(WITNESS.public)
EIGHTH = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
"""The y of a point of order 8."""


@pytest.mark.parametrize(
    "text",
    [
        "",
        VKEY + "\n",
        VKEY.replace("4e29", "4E29"),
        VKEY.replace("4e29", "4e28"),
        VKEY.replace("development", "developer"),
        VKEY.replace("development", "the development"),
        VKEY[:-1],
        VKEY[:-1] + "=",
        VKEY[:-4] + "!!!!",
        VECTORS["go"]["public"],
        WITNESS.encode(),
    ],
)
def test_a_malformed_key_is_refused(text: str):
    with pytest.raises(ValueError):  # noqa: PT011 - its words are for whoever configures a stage
        cosignatures.parse_key(text)


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize("y", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 1, EIGHTH, 2**255 - 19 - EIGHTH], ids=hex)
def test_a_weak_key_is_refused(y, sign):
    key = bytearray(y.to_bytes(32, "little"))
    key[31] |= sign
    with pytest.raises(ValueError, match="anybody"):
        cosignatures.parse_key(str(WitnessKey("w", bytes(key))))


def test_under_the_neutral_point_every_note_has_a_signature():
    """Why such keys are refused: the library verifies them as the RFC says."""
    neutral = WitnessKey("w", b"\1" + bytes(31))
    anything = Cosignature("w", neutral.id, 0, neutral.key + bytes(32))
    cosignatures.verify(anything, NOTE, [neutral])


@pytest.mark.parametrize(
    "text",
    ["", WITNESS.encode() + "\n", WITNESS.encode().replace("77ea", "77eb"), WITNESS.encode()[:-1], VKEY]
    + [f"PRIVATE+KEY+w+00000000+{b64encode(bytes([2]) + bytes(32)).decode()}"],
)
def test_a_malformed_private_key_is_refused_and_not_quoted(text: str):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - as above
        cosignatures.parse_signer(text)
    assert WITNESS.encode()[-40:] not in str(refused.value)


@pytest.mark.parametrize(
    ("quorum", "keys", "reason"),
    [
        (1, [], "above the number"),
        (3, [VKEY, str(OTHER.public)], "above the number"),
        (1, [VKEY, VKEY], "one name"),
        (0, [VKEY, str(WitnessKey(WITNESS.name, OTHER.public.key))], "one name"),
        (2, [VKEY, str(WitnessKey("another", WITNESS.public.key))], "one key"),
        (0, ["witness"], "not of the form"),
        (-1, [], ">= 0"),
    ],
)
def test_impossible_witnesses_are_refused_when_the_programme_is_loaded(tmp_path, quorum, keys, reason):
    folder = changed(tmp_path, "quorum = 0  ", f"quorum = {quorum}  ")
    service = folder / "service.toml"
    service.write_text(service.read_text().replace("keys = []", f"keys = {keys}", 1))
    with pytest.raises(BadConfiguration, match=reason) as refused:
        load_programme("prod", folder=folder)
    assert "draw.witnesses" in str(refused.value)


def test_a_quorum_may_be_all_witnesses():
    rules = WitnessRules(quorum=2, keys=(VKEY, str(OTHER.public)))
    assert rules.known == (WITNESS.public, OTHER.public)
