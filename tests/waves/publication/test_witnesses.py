"""Witnesses, from a key to a published line: `gelombang draw witness`, and which lines are accepted."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from click.testing import Result

from admin.commands.draws import verify
from admin.commands.draws.verify import pinned
from admin.deployment import stages
from chalicelib.config import load_programme
from chalicelib.draw import cosignatures
from chalicelib.draw.cosignatures import Signer
from chalicelib.figures.waves import WitnessRules
from chalicelib.waves.errors import NotFrozenYet, UnknownWave
from chalicelib.waves.publication.bucket import CosignatureIntake
from local.sandbox.beacon import WITNESS
from tests.builders.commands import invoke
from tests.builders.draws.files import DEVELOPMENT, REAL_FROZEN, published_draw
from tests.builders.draws.verify_draw import verify_files
from tests.builders.waves import FREEZES, OPENS, ROUND, WAVE, WavesWorld, joined

SECOND = timedelta(seconds=1)
OTHER = Signer("w2", bytes(32))
STRANGER = Signer("w3", bytes(31) + b"\1")


def run(*words: str) -> Result:
    return invoke(["draw", "witness", *words])


@pytest.fixture
def frozen(world: WavesWorld, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """A wave whose note is published, and a stage that knows two witnesses."""
    joined(world)
    world.at(OPENS, FREEZES)
    witnesses = WitnessRules(quorum=1, keys=(str(WITNESS.public), str(OTHER.public)))
    rules = msgspec.structs.replace(world.programme.draw, witnesses=witnesses)
    services = SimpleNamespace(witnessing=CosignatureIntake(world.store, world.publication, rules))
    monkeypatch.setattr(stages, "load", lambda name: SimpleNamespace(services=services))
    monkeypatch.setattr(verify, "utc_now", lambda: world.clock.now)
    return world


def note_of(world: WavesWorld) -> bytes:
    return world.files(WAVE)["note.txt"]


def add(line: bytes | str, wave: int = WAVE) -> Result:
    text = line if isinstance(line, str) else line.decode()
    return run("add", str(wave), text, "--stage", "test")


@pytest.fixture
def note_file(frozen, tmp_path) -> Path:
    file = tmp_path / "note.txt"
    file.write_bytes(note_of(frozen))
    return file


@pytest.fixture
def keyed(tmp_path) -> Callable[[Signer], str]:
    def write(signer: Signer) -> str:
        file = tmp_path / f"{signer.name.replace('/', '-')}.key"
        file.write_text(signer.encode() + "\n")
        return str(file)

    return write


def test_a_new_key_is_readable_by_its_owner_only_and_overwrites_nothing(tmp_path):
    file = tmp_path / "witness.key"
    made = run("keygen", "witness.example.org/w1", "--out", str(file))
    assert made.exit_code == 0, made.output
    signer = cosignatures.parse_signer(file.read_text().removesuffix("\n"))
    assert made.output == f"{signer.public}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    again = run("keygen", "witness.example.org/w1", "--out", str(file))
    assert (again.exit_code, file.read_bytes()) == (1, before)
    assert signer.encode()[-44:] not in made.output + again.output


@pytest.mark.parametrize("name", ["", "two words", "a+b", "tüv.example", "x" * 101])
def test_an_invalid_witness_name_gets_no_key(tmp_path, name):
    file = tmp_path / "witness.key"
    assert run("keygen", name, "--out", str(file)).exit_code == 2
    assert not file.exists()


def test_a_cosignature_is_published_once_and_counts(frozen, keyed, note_file):
    frozen.clock.now = ROUND - SECOND
    signed = run("sign", str(note_file), "--key", keyed(WITNESS), "--stage", "local")
    assert signed.exit_code == 0, signed.output
    assert signed.stdout_bytes == WITNESS.sign(note_of(frozen), ROUND - SECOND).line()

    frozen.clock.now = ROUND + timedelta(days=1)  # the line may come late; what counts is when it was signed
    assert add(signed.stdout_bytes).output.split() == ["wave", "145", "done", "published"]
    assert "published already" in add(signed.stdout_bytes.rstrip()).output
    assert frozen.wired().waves.get(WAVE, frozen.clock.now).witnesses == [WITNESS.name]
    assert add(OTHER.sign(note_of(frozen), FREEZES).line()).exit_code == 0
    assert frozen.wired().waves.get(WAVE, frozen.clock.now).witnesses == ["w2", WITNESS.name]
    raw = frozen.files(WAVE)["cosignatures.txt"]
    assert raw == signed.stdout_bytes + OTHER.sign(note_of(frozen), FREEZES).line()
    believed = [word for one in (WITNESS, OTHER) for word in ("--witness", str(one.public))]
    verdict = verify_files(frozen.files(WAVE), *believed, *pinned(frozen.programme.draw))
    assert verdict.detail("witnesses: quorum") == "2 signed in time, 2 are demanded"


def test_a_note_is_signed_from_its_address_or_its_waves_number(keyed, tmp_path, monkeypatch):
    raw = published_draw(54, {}, {}, 0)["note.txt"]
    asked: list[tuple[str, str]] = []

    def read_from(address: str, name: str, most: int) -> bytes:
        asked.append((address.rstrip("/"), name))
        return raw

    monkeypatch.setattr(verify, "read_from", read_from)
    monkeypatch.setattr(verify, "utc_now", lambda: REAL_FROZEN)
    for address in ("https://results.example/draws/54/note.txt", "https://results.example/draws/54"):
        signed = run("sign", address, "--key", keyed(WITNESS))
        assert signed.stdout_bytes == WITNESS.sign(raw, REAL_FROZEN).line()
    assert asked == [("https://results.example/draws/54", "note.txt")] * 2


def test_an_address_without_a_note_is_reported_in_a_sentence(keyed):
    refused = run("sign", "http://127.0.0.1:9/draws/54/", "--key", keyed(WITNESS))
    assert (refused.exit_code, "no note at http://127.0.0.1:9/draws/54/" in refused.output) == (1, True)


@pytest.mark.parametrize(
    ("change", "stage", "complaint"),
    [
        (lambda raw: raw.replace(b"wave 145", b"wave 0145"), "local", "malformed_note"),
        (lambda raw: raw + b"\n" * 5000, "local", "malformed_note"),
        (lambda raw: b"", "local", "malformed_note"),
        (lambda raw: raw, "prod", "foreign_chain"),
        (lambda raw: re.sub(rb" \d+\n$", b" %d\n" % (2**64 - 1), raw), "local", "no calendar"),
        (lambda raw: re.sub(rb" \d+\n$", b" 1\n", raw), "local", "late_witness"),
    ],
)
def test_a_note_of_another_stage_or_a_second_note_of_a_wave_is_not_signed(
    frozen, keyed, note_file, change, stage, complaint
):
    note_file.write_bytes(change(note_of(frozen)))
    refused = run("sign", str(note_file), "--key", keyed(WITNESS), "--stage", stage)
    assert refused.exit_code == 1
    assert complaint in refused.output
    assert "cosignature" not in refused.stdout


def test_nothing_is_signed_once_the_round_exists(frozen, keyed, note_file):
    frozen.clock.now = ROUND
    refused = run("sign", str(note_file), "--key", keyed(WITNESS), "--stage", "local")
    assert (refused.exit_code, "late_witness" in refused.output) == (1, True)


def test_a_malformed_key_file_or_missing_note_is_a_usage_error(keyed, tmp_path):
    (tmp_path / "other").write_text("-----BEGIN PRIVATE KEY-----\n")
    assert run("sign", "note.txt", "--key", str(tmp_path / "other")).exit_code == 2
    assert run("sign", str(tmp_path / "none"), "--key", keyed(WITNESS)).exit_code == 2
    assert run("sign", str(tmp_path), "--key", keyed(WITNESS)).exit_code == 2


def test_an_invalid_cosignature_is_not_published(frozen):
    raw = note_of(frozen)
    wrong = {
        "unknown_witness": STRANGER.sign(raw, FREEZES).line(),
        "forged_cosignature": WITNESS.sign(raw + b"\n", FREEZES).line(),
        "late_witness": WITNESS.sign(raw, ROUND).line(),
        "malformed_cosignature": WITNESS.sign(raw, FREEZES).line() * 2,
    }
    for code, line in wrong.items():
        refused = add(line)
        assert (refused.exit_code, code in refused.output) == (1, True), refused.output
    refused = add("not UTF-8: \udce2")
    assert (refused.exit_code, "what was typed is no text in UTF-8" in refused.output) == (2, True)
    assert "cosignatures.txt" not in frozen.files(WAVE)
    assert frozen.wired().waves.get(WAVE, FREEZES).witnesses == []


def test_a_line_that_was_published_by_a_call_that_died_is_named_by_the_next(frozen):
    line = WITNESS.sign(note_of(frozen), FREEZES).line()
    frozen.publication.add_cosignature(WAVE, line)
    assert "published already" in add(line).output
    assert frozen.wired().waves.get(WAVE, FREEZES).witnesses == [WITNESS.name]


def test_a_wave_that_is_not_frozen_has_nothing_to_sign(world):
    joined(world)
    world.at(OPENS)
    witnessing = CosignatureIntake(world.store, world.publication, world.programme.draw)
    for number, refusal in ((WAVE, NotFrozenYet), (WAVE + 1, UnknownWave)):
        with pytest.raises(refusal):
            witnessing.add(number, WITNESS.sign(b"", OPENS).line())


def test_a_time_beyond_the_calendar_is_shown_in_seconds(frozen):
    time = (1 << 63) - 1
    line = WITNESS.sign(note_of(frozen), SimpleNamespace(timestamp=lambda: time)).line()
    assert str(time) in add(line).output


def test_two_cosignatures_added_at_once_are_both_published(frozen, monkeypatch):
    """Each reads what is there before the other's line appears: once where there was none, once behind others."""
    publication, raw = frozen.publication, note_of(frozen)
    find = publication._find
    expected = b""
    for n in range(2):
        mine, theirs = (signer.sign(raw, FREEZES + n * SECOND).line() for signer in (WITNESS, OTHER))

        def overtaken(wave, name, theirs=theirs):
            found = find(wave, name)
            monkeypatch.setattr(publication, "_find", find)
            assert publication.add_cosignature(wave, theirs)
            return found

        monkeypatch.setattr(publication, "_find", overtaken)
        assert publication.add_cosignature(WAVE, mine)
        expected += theirs + mine
        assert frozen.files(WAVE)["cosignatures.txt"] == expected


def test_the_lines_are_served_as_text_in_utf_8(frozen):
    frozen.publication.add_cosignature(WAVE, WITNESS.sign(note_of(frozen), FREEZES).line())
    answer = frozen.s3.get_object(Bucket=frozen.settings.results_bucket, Key=f"draws/{WAVE}/cosignatures.txt")
    assert (answer["ContentType"], answer["CacheControl"]) == ("text/plain; charset=utf-8", "max-age=60")


def test_the_local_stage_accepts_its_own_witness(frozen):
    rules = load_programme("local").draw
    assert rules.pinned == DEVELOPMENT
    assert CosignatureIntake(frozen.store, frozen.publication, rules).add(
        WAVE, WITNESS.sign(note_of(frozen), FREEZES).line()
    )
