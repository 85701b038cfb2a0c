"""Lines of the journal: added before the act and after it, found by day and by person, without personal data."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.administration.errors import PersonalDataInLine
from chalicelib.administration.journal import DONE, SHARDS, Journal, Line, LineItem
from chalicelib.config import Programme, Settings
from chalicelib.wiring import Services
from tests.conftest import T0

LINE = Line(
    at=T0,
    person="person/sari",
    arn="arn:aws:iam::123456789012:user/Sari",
    route="POST /payout/hold",
    about=("aaaa", "bbbb"),
    registrant="r-1",
    reason="the bank called",
    proposal="p-1",
)
SECOND = timedelta(seconds=1)


@pytest.fixture
def journal(cloud: Settings, programme: Programme) -> Journal:
    return Services(cloud, programme).journal


def lines_of(journal: Journal, day: date) -> list[Line]:
    return [line for _, line in journal.of_day(day)]


def test_a_line_and_its_outcome_are_kept_in_the_order_of_their_instants(journal: Journal) -> None:
    begun = journal.write(LINE)
    other = journal.write(replace(LINE, at=T0 + SECOND / 2, registrant=None, reason=None, proposal=None, about=()))
    ended = journal.end(begun, DONE, T0 + SECOND, about=("new",))
    assert begun == replace(LINE, id=begun.id)
    assert len({begun.id, other.id, ended.id}) == 3
    assert (ended.of, ended.outcome, ended.about, ended.reason) == (begun.id, DONE, ("new",), None)
    assert lines_of(journal, T0.date()) == [begun, other, ended]
    assert lines_of(journal, T0.date() + timedelta(days=1)) == []


def test_a_day_is_one_of_utc_whatever_the_zone_of_the_instant(journal: Journal) -> None:
    at = datetime.fromisoformat("2026-11-25T06:59:59+07:00")
    kept = journal.write(replace(LINE, at=at))
    [found] = lines_of(journal, date(2026, 11, 24))
    assert (found.id, found.at) == (kept.id, at.astimezone(UTC))


def test_looks_of_partners_are_apart_from_what_administrators_do_and_in_one_order_with_it(journal: Journal) -> None:
    people = [f"r-{number}" for number in range(30)]
    begun = [journal.write(replace(LINE, at=T0 + SECOND * place, person=one)) for place, one in enumerate(people)]
    for one in people:
        journal.seen("mitra", "GET /seen", "c-1", one, T0)
    found = lines_of(journal, T0.date())
    assert {line.registrant for line in found[:30]} == set(people), "looks are from the beginning of the day"
    assert found[30:] == begun
    places = {item.pk for item in LineItem.scan()}
    by_kind = {kind: {pk for pk in places if pk.startswith(f"{kind}#{T0.date()}#")} for kind in ("LINE", "SEEN")}
    assert places == by_kind["LINE"] | by_kind["SEEN"]
    assert min(map(len, by_kind.values())) > SHARDS // 2


def test_a_person_s_readers_are_shown_newest_first_with_what_came_of_it(journal: Journal) -> None:
    done, refused = journal.write(LINE), journal.write(replace(LINE, at=T0 + SECOND))
    journal.end(done, DONE, T0 + 2 * SECOND)
    journal.end(refused, "payout_not_now", T0 + 2 * SECOND)
    dead = journal.write(replace(LINE, at=T0 + 3 * SECOND))
    journal.write(replace(LINE, at=T0 + 4 * SECOND, registrant="r-2"))
    found = [(line.id, line.outcome) for line in journal.of_person("r-1")]
    assert found == [(dead.id, None), (refused.id, "payout_not_now"), (done.id, DONE)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": "NIK 3171010101900001 asked"},
        {"reason": "3171 0101 0190 0001"},
        {"reason": "317101-010190-0001"},
        {"reason": "call 0812-3456-7890 back"},
        {"reason": "+62 812 3456 7890"},
        {"reason": "siti.aminah@example.org wrote"},
        {"about": ("a", "3171010101900001")},
        {"registrant": "3171010101900001"},
        {"reason": "NIK3201014101900001"},
        {"reason": "32 0101 410190 0001"},
        {"reason": "(0812) 34567890"},
        {"reason": "+62 21 5551234"},
        {"reason": "wa:081234567890x"},
        {"registrant": "081234567890"},
        {"registrant": "nik3201014101900001"},
        {"registrant": "siti@example.org"},
        {"registrant": "Siti Aminah"},
        {"about": ("0812-3456-7890",)},
        {"about": ("siti@example.org",)},
    ],
    ids=str,
)
def test_personal_data_is_refused_and_nothing_is_kept(journal: Journal, wrong: dict[str, object]) -> None:
    with pytest.raises(PersonalDataInLine):
        journal.write(replace(LINE, **wrong))
    assert lines_of(journal, T0.date()) == []


@pytest.mark.parametrize(
    "reason",
    [
        "contract 7/2026 of 2026-11-30 2026-12-01",
        "KTP and family card by video, at 08:12:34",
        "ticket 20261130 123456, Rp 600000",
        "file abcdefgh234567abcdefgh2345",
    ],
)
def test_dates_sums_and_ids_are_no_personal_data(journal: Journal, reason: str) -> None:
    assert journal.write(replace(LINE, reason=reason)).reason == reason


@pytest.mark.parametrize(
    "id_",
    [
        "1b7d0b6f-0812-4345-8901-081234567890",
        "f" + "3171010101900001" + "a" * 47,
        "e081234567890f",
        "k7qx234567abcdefghijklmno2",
    ],
    ids=["message", "signature", "hex", "id"],
)
def test_an_id_may_have_any_digits_between_its_letters(journal: Journal, id_: str) -> None:
    journal.write(replace(LINE, about=(id_,)))
    journal.write(replace(LINE, registrant="k7qx234567234567ijklmno234"))
