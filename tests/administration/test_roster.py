"""The roster: two people change it, and who decides is compared as a person, whatever the name or the time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.administration.errors import (
    MalformedRoster,
    NameOfAnother,
    NoRoster,
    NotOnRoster,
    RosterBySamePerson,
    RosterStands,
    RosterWithoutYou,
)
from chalicelib.administration.identity import Principal
from chalicelib.administration.roster import People, Roster, RosterStep, held, proposed, read
from chalicelib.config import Programme, Settings
from chalicelib.errors import Unavailable
from chalicelib.ids import same_person
from chalicelib.wiring import Services
from tests.conftest import T0


def named(name: str) -> Principal:
    return Principal(f"arn:aws:iam::123456789012:user/{name.upper()}", name)


SARI, SARI_TOO, BUDI, TONO = map(named, ("sari", "sari@example.go.id", "budi", "tono"))
PEOPLE: People = {"s1": ("sari", "sari@example.go.id"), "b1": ("budi",)}
LATER = T0 + timedelta(hours=1)


@pytest.fixture
def roster(cloud: Settings, programme: Programme) -> Roster:
    return Services(cloud, programme).roster


def change(roster: Roster, people: People, maker: Principal = SARI, checker: Principal = BUDI) -> None:
    roster.approve(roster.propose(people, maker, "we begin", T0), checker, LATER)


def test_without_a_roster_each_name_is_a_person_and_with_one_whoever_is_on_it(roster: Roster) -> None:
    assert roster.caller(TONO) == TONO.arn
    change(roster, PEOPLE)
    assert roster.caller(SARI) == roster.caller(SARI_TOO) == "person/s1"
    assert [line.step for line in roster.lines()] == [RosterStep.PROPOSED, RosterStep.APPROVED]
    assert held(roster.lines()) == [PEOPLE]
    assert proposed(roster.lines()) is None
    for act in (roster.caller, lambda who: roster.propose(PEOPLE, who, "why", T0)):
        with pytest.raises(NotOnRoster):
            act(TONO)


def test_who_decided_is_compared_as_a_person_also_with_who_was_none_yet(roster: Roster) -> None:
    change(roster, PEOPLE)
    sari, budi = roster.caller(SARI), roster.caller(BUDI)
    assert same_person(sari, roster.caller(SARI_TOO))
    assert not same_person(sari, budi)
    # What was proposed before the roster, under any name, is proposed anew.
    assert same_person(SARI.arn, sari)
    assert same_person(budi, SARI_TOO.arn)


@pytest.mark.parametrize(
    "people",
    [
        {"s2": ("sari",), "b1": ("budi",)},
        {"s1": ("sari",), "s2": ("sari@example.go.id",), "b1": ("budi",)},
        {"s1": ("sari", "budi"), "t1": ("tono",)},
    ],
)
def test_a_name_is_one_person_s_for_good(roster: Roster, people: People) -> None:
    change(roster, PEOPLE)
    change(roster, {"s1": ("sari",), "b1": ("budi",)})  # it stays hers when she has it no more
    with pytest.raises(NameOfAnother):
        roster.propose(people, SARI, "new ids", LATER)


def test_a_proposal_is_kept_as_it_was_shown(roster: Roster) -> None:
    change(roster, PEOPLE)
    assert proposed(roster.lines()) is None
    proposal = roster.propose(PEOPLE | {"t1": ("tono",)}, BUDI, "one more", LATER)
    assert proposed(roster.lines()) == proposal
    assert proposal.by == "person/b1"


@pytest.mark.parametrize(
    ("people", "checker"),
    [
        (PEOPLE, SARI),
        (PEOPLE, SARI_TOO),  # one person by the roster that is proposed
        ({"s1": ("sari", "budi"), "b1": ("tono",)}, BUDI),
    ],
)
def test_nobody_approves_their_own_roster_under_another_name(
    roster: Roster, people: People, checker: Principal
) -> None:
    proposal = roster.propose(people, SARI, "alone", T0)
    with pytest.raises(RosterBySamePerson):
        roster.approve(proposal, checker, LATER)
    assert held(roster.lines()) == []


def test_who_proposes_or_approves_stays_on_the_roster(roster: Roster) -> None:
    with pytest.raises(RosterWithoutYou):
        roster.propose(PEOPLE, TONO, "not me", T0)
    proposal = roster.propose(PEOPLE, SARI, "you", T0)
    with pytest.raises(RosterWithoutYou):
        roster.approve(proposal, TONO, LATER)


def test_one_roster_is_proposed_at_a_time_and_the_one_that_was_seen_is_approved(roster: Roster) -> None:
    with pytest.raises(NoRoster):
        roster.reject(SARI, "there is none", T0)
    first = roster.propose(PEOPLE, SARI, "first", T0)
    with pytest.raises(RosterStands):
        roster.propose(PEOPLE, BUDI, "second", T0)
    assert roster.reject(SARI, "a mistake", T0).step is RosterStep.REJECTED
    roster.propose(PEOPLE, SARI, "second", LATER)
    with pytest.raises(NoRoster):
        roster.approve(first, BUDI, LATER)


def test_of_two_at_once_one_alone_adds_its_line(roster: Roster, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = roster.lines()
    roster.propose(PEOPLE, SARI, "first", T0)
    monkeypatch.setattr(roster, "lines", lambda: seen)
    with pytest.raises(Unavailable):
        roster.propose(PEOPLE, BUDI, "at the same time", T0)


def test_a_roster_is_read_from_a_file() -> None:
    raw = b"person,name\ns1, Sari \ns1,Sari@Example.go.id\n\nb1,budi\nt1,tini\n"
    assert read(raw) == {"s1": ("sari", "sari@example.go.id"), "b1": ("budi",), "t1": ("tini",)}


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"name,person\nsari,s1\n", 1),
        (b"person,name\ns1\n", 2),
        (b"person,name\nS 1,sari\n", 2),
        (b"person,name\ns1,\n", 2),
        (b"person,name\ns1,sari\nb1,SARI\n", 3),
        (b'person,name\ns1,"sari\n', 0),
        (b"person,name\ns1,sari\nb1,budi\n", 0),
    ],
)
def test_a_roster_that_is_not_clear_is_refused_with_its_line(raw: bytes, line: int) -> None:
    with pytest.raises(MalformedRoster) as refused:
        read(raw)
    assert refused.value.facts["line"] == line
