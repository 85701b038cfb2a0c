"""Grievances on moto: filed once, answered once, counted despite crashes, with the evidence of the draw."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count, product

import pytest

from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.draw import published
from chalicelib.errors import NotFound
from chalicelib.helpdesk.errors import AlreadyAnswered, AlreadyEscalated, TooManyGrievances, UnknownGrievance
from chalicelib.helpdesk.rules import AboutDisbursement, AboutRegistration, AboutSelection, Category, GrievanceState
from chalicelib.helpdesk.service import GrievanceCounts
from chalicelib.helpdesk.store import ALL_SHARDS
from chalicelib.helpdesk.wire import GrievanceForm
from chalicelib.notices.rules import Kind as Notice
from chalicelib.notices.rules import NoticeState
from chalicelib.payouts.wire import PayoutView
from chalicelib.waves.errors import SelectionNotFinished
from chalicelib.waves.places.items import FamilyItem
from chalicelib.waves.publication.bucket import Publication
from tests.builders.crashes import Calls, Crash, die
from tests.builders.helpdesk import ADMIN, TEXT, Desk, settled
from tests.builders.people import card
from tests.builders.waves import FREEZES, OPENS, PEOPLE, ROUND, WAVE, WavesWorld, joined
from tests.conftest import T0

APPEAL = AboutSelection(WAVE)
FORM = GrievanceForm(AboutRegistration(), Category.OTHER, TEXT)
LATE = datetime.fromisoformat("2026-12-08T17:00:00+00:00")
"""Ten working days after `T0`."""


@pytest.fixture
def desk(cloud: Settings, programme: Programme) -> Desk:
    return Desk(cloud, programme)


@pytest.fixture
def appeals(world: WavesWorld) -> Desk:
    """A helpdesk that knows waves."""
    return Desk(world.settings, world.programme, world.wired().waves)


# Appeals


def test_an_appeal_is_given_what_the_published_files_say_of_its_entry(appeals, world):
    now = settled(world)
    files, result = world.files(WAVE), world.result(WAVE, published.RESULT)
    reserved = {row["region"]: row["cutoff"] for row in result["reserved"]}
    standings = {name: world.waves.entries_of(name, now)[0] for name in PEOPLE}
    seen = []
    for name in PEOPLE:
        view = appeals.file(name, APPEAL, now=now)
        given, entry = view.evidence, standings[name]
        leaves = files[published.leaves_name(given.region)]
        assert leaves[(given.position - 1) * 32 : given.position * 32].hex() == given.leaf == entry.receipt.leaf
        assert given.entries == len(leaves) // 32
        assert given.list_url == f"{world.settings.results_url}/draws/{WAVE}/leaves/{given.region}.bin"
        assert given.seed == result["seed"]
        assert (given.rank_cutoff, given.open_cutoff) == (reserved[given.region], result["open"]["cutoff"])
        assert (given.verdict, given.reason) == (entry.standing, entry.reason)
        by_rank, by_open = given.rank <= given.rank_cutoff, given.open <= given.open_cutoff
        assert given.within == ("reserved" if by_rank else "open" if by_open else None)
        assert (given.verdict == "chosen") == (by_rank or by_open), "nobody's seat fell free in this wave"
        seen.append(given.verdict)
        # What was handed out is kept with the appeal.
        assert appeals.helpdesk.of(name)[0] == view
    assert sorted(seen) == ["chosen"] * 4 + ["not_chosen"] * 2


def test_an_appeal_needs_an_entry_and_a_settled_wave(appeals, world):
    joined(world)
    with pytest.raises(SelectionNotFinished):
        appeals.file(PEOPLE[0], APPEAL, now=world.clock.now)
    for person, wave in [("somebody else", WAVE), (PEOPLE[0], WAVE + 1), (PEOPLE[0], 999_999)]:
        with pytest.raises(NotFound):
            appeals.file(person, AboutSelection(wave), now=world.clock.now)
    assert appeals.items() == []


def test_an_entry_missing_from_the_list_is_reported_and_rings(appeals, world, caplog):
    now = settled(world)
    row = world.waves.entries_of(PEOPLE[0], now)[0].receipt
    leaves = world.files(WAVE)[published.leaves_name(row.region)]
    shorter = b"".join(leaves[n : n + 32] for n in range(0, len(leaves), 32) if leaves[n : n + 32].hex() != row.leaf)
    world.publication.put(WAVE, {published.leaves_name(row.region): shorter})
    given = appeals.file(PEOPLE[0], APPEAL, now=now).evidence
    assert (given.position, given.entries) == (None, len(shorter) // 32)
    assert [record.levelno for record in caplog.records if record.message == "leaf_not_published"] == [logging.ERROR]


def test_a_removed_entry_is_rightly_on_no_list(appeals, world, caplog):
    world.people.excluded |= {PEOPLE[0], PEOPLE[5]}
    now = settled(world)
    given = [appeals.file(name, APPEAL, now=now).evidence for name in (PEOPLE[0], PEOPLE[5])]
    assert [(one.position, one.entries, one.reason) for one in given] == [(None, 4, "excluded"), (None, 0, "excluded")]
    assert "leaf_not_published" not in [record.message for record in caplog.records]


def test_the_place_in_a_long_list_is_read_in_parts(desk, cloud, monkeypatch):
    leaves = sorted(sha256(str(n).encode()).digest() for n in range(50_000))
    Publication(desk.s3, cloud.results_bucket).put(7, {published.leaves_name(31): b"".join(leaves)})
    read, get = [], desk.s3.get_object

    def watched(**parameters):
        answer = get(**parameters)
        read.append(answer["ContentLength"])
        return answer

    monkeypatch.setattr(desk.s3, "get_object", watched)
    places = [0, 12_345, 25_000, 49_999]
    assert [desk.lists.place(7, 31, leaves[index]) for index in places] == [(index + 1, 50_000) for index in places]
    assert max(read) == 4096 * 32
    assert len(read) <= 2 * len(places)
    assert desk.lists.place(7, 31, b"\x7f" * 32) == (None, 50_000)


def test_a_refusal_by_family_card_says_how_many_hold_places(appeals, world):
    """A stranger has named the card; the appeal says so, with what a person at the helpdesk needs."""
    joined(world)
    world.at(OPENS, FREEZES)
    world.family(*PEOPLE)
    FamilyItem(f"K#{card('family')}", "HOLDERS", holders={"thief", "helper"}).save()
    world.at(ROUND)
    entry = world.wired().waves.entries_of(PEOPLE[0], world.clock.now)[0]
    assert (entry.standing, entry.reason) == ("not_chosen", "family_card")
    filed = appeals.file(PEOPLE[0], APPEAL, now=world.clock.now)
    assert (filed.evidence.verdict, filed.evidence.reason) == ("not_chosen", "family_card")
    assert filed.evidence.family_card_holders == 2
    assert appeals.helpdesk.of(PEOPLE[0]) == [filed]


# Filing


def test_the_same_text_twice_is_one_grievance_and_another_text_is_another(desk):
    first = desk.file("siti")
    assert desk.helpdesk.file("siti", FORM, T0 + timedelta(days=1)) == (first, False)
    other = desk.file("siti", text="Yang lain.", now=T0 + timedelta(seconds=1))
    somebodys = desk.file("budi")
    assert len({first.number, other.number, somebodys.number}) == 3
    assert desk.helpdesk.of("siti") == [other, first]
    assert desk.helpdesk.of("budi") == [somebodys]
    assert (first.state, first.deadline_at, first.answer) == (GrievanceState.OPEN, iso(LATE), None)


def test_two_clicks_at_once_file_one_grievance(desk, monkeypatch):
    first = desk.file("siti")
    found, asked = desk.store.by_number, count()
    # As if the second one had looked before the first one wrote.
    monkeypatch.setattr(desk.store, "by_number", lambda number: found(number) if next(asked) else None)
    assert desk.helpdesk.file("siti", FORM, T0 + timedelta(seconds=1)) == (first, False)
    assert desk.store.unanswered_of("siti") == 1


def test_a_person_has_a_limited_number_of_open_grievances(desk, monkeypatch):
    limit = desk.figures.open_max
    views = [desk.file("siti", text=f"Pengaduan {n}.") for n in range(limit)]
    with pytest.raises(TooManyGrievances):
        desk.file("siti", text="Satu lagi.")
    # Also if all of them came at once: the table itself counts.
    monkeypatch.setattr(desk.store, "unanswered_of", lambda _: 0)
    with pytest.raises(TooManyGrievances) as refused:
        desk.file("siti", text="Satu lagi.")
    assert refused.value.facts == {"open_max": limit}
    assert desk.store.by_number(views[0].number).state is GrievanceState.OPEN
    # A repeat is none more, and others are not in the way.
    assert desk.helpdesk.file("siti", GrievanceForm(FORM.about, FORM.category, views[0].text), T0)[1] is False
    desk.file("budi")
    desk.helpdesk.answer(views[0].number, "Sudah kami perbaiki.", ADMIN, T0)
    desk.file("siti", text="Satu lagi.")


def test_a_grievance_about_anothers_payout_is_refused(appeals, world):
    now = settled(world)
    chosen = next(name for name in PEOPLE if world.waves.beneficiaries.of(name))
    other = next(name for name in PEOPLE if world.waves.beneficiaries.of(name) and name != chosen)
    payout = "a" * 26
    appeals.payouts.by_person[chosen] = [PayoutView(payout, "INCENTIVE", 600_000, "under_review", now)]
    view = appeals.file(chosen, AboutDisbursement(payout), category=Category.PAYMENT_LATE, now=now)
    assert (view.about, view.evidence) == (AboutDisbursement(payout), None)
    for person in (other, "somebody else"):
        with pytest.raises(NotFound):
            appeals.file(person, AboutDisbursement(payout), now=now)


def test_texts_are_never_stored_in_clear_nor_shown_to_others(desk):
    number = desk.file("siti").number
    desk.helpdesk.escalate(number, "Tolong periksa nomor HP-nya.", ADMIN, T0)
    desk.helpdesk.answer(number, "Nomor HP Anda sudah benar.", ADMIN, T0)
    stored = json.dumps(desk.items(), default=repr).lower()
    assert ("nomor" in stored, "0812" in stored) == (False, False)
    assert desk.helpdesk.of("budi") == []


# Answering


def test_an_answer_is_given_once_shown_to_its_person_and_says_who_gave_it(desk):
    view = desk.file("siti")
    later = T0 + timedelta(days=3)
    assert desk.helpdesk.answer(view.number, "Sudah kami perbaiki.", ADMIN, later) is True
    shown = desk.helpdesk.of("siti")[0]
    assert (shown.state, shown.answer.text) == (GrievanceState.ANSWERED, "Sudah kami perbaiki.")
    assert shown.answer.answered_at == iso(later)
    assert desk.helpdesk.answer(view.number, "Sudah kami perbaiki.", "arn:another", later + timedelta(days=1)) is False
    for deed in (desk.helpdesk.answer, desk.helpdesk.escalate):
        with pytest.raises(AlreadyAnswered):
            deed(view.number, "Ternyata belum.", ADMIN, later)
    answer = desk.helpdesk.show(view.number).grievance.answer
    assert (answer.at, answer.by) == (later, ADMIN)
    assert desk.store.unanswered_of("siti") == 0
    assert [each for shard in ALL_SHARDS for each in desk.helpdesk.unanswered(shard)] == []


def test_the_person_is_told_once_that_there_is_an_answer_and_by_its_number_only(desk):
    number = desk.file("siti").number
    desk.helpdesk.escalate(number, "Ke bagian hukum.", ADMIN, T0)
    assert desk.queued() == [], "nothing to do for the person, and the deadline stays"
    for _ in range(2):
        desk.helpdesk.answer(number, "Sudah kami perbaiki.", ADMIN, T0)
    with pytest.raises(AlreadyAnswered):
        desk.helpdesk.answer(number, "Ternyata belum.", ADMIN, T0)
    event = f"grievance_answered/{number}"
    assert desk.queued() == [("siti", event)]
    notice = desk.told.notice("siti", event)
    assert (notice.kind, notice.facts) == (Notice.GRIEVANCE_ANSWERED, {"number": number})


def test_an_escalation_keeps_the_deadline_and_hides_its_note_from_the_person(desk):
    view = desk.file("siti")
    assert desk.helpdesk.escalate(view.number, "Ke bagian hukum.", ADMIN, T0) is True
    assert desk.helpdesk.escalate(view.number, "Ke bagian hukum.", "arn:another", T0) is False
    with pytest.raises(AlreadyEscalated):
        desk.helpdesk.escalate(view.number, "Ke bagian lain.", ADMIN, T0)
    shown, opened = desk.helpdesk.of("siti")[0], desk.helpdesk.show(view.number)
    assert (shown.state, shown.deadline_at) == (GrievanceState.ESCALATED, view.deadline_at)
    assert "hukum" not in repr(shown)
    assert (opened.text, opened.note, opened.answer) == (TEXT, "Ke bagian hukum.", None)
    assert opened.grievance.escalation.by == ADMIN
    assert desk.helpdesk.answer(view.number, "Selesai.", ADMIN, T0) is True


def test_only_one_of_two_simultaneous_answers_counts(desk, monkeypatch):
    view = desk.file("siti")
    before = desk.store.by_number(view.number)
    desk.helpdesk.answer(view.number, "Pertama.", ADMIN, T0)
    found, asked = desk.store.by_number, count()
    monkeypatch.setattr(desk.store, "by_number", lambda number: found(number) if next(asked) else before)
    with pytest.raises(AlreadyAnswered):
        desk.helpdesk.answer(view.number, "Kedua.", ADMIN, T0)
    assert desk.store.unanswered_of("siti") == 0
    assert desk.helpdesk.counts().answered == 1


def test_a_command_that_dies_at_any_call_is_done_once_after_a_repeat(desk, monkeypatch):
    calls = Calls(monkeypatch)
    for n, when in product(range(4), ("before", "after")):
        person, later = f"{when}-{n}", T0 + timedelta(minutes=1)
        calls.reset()
        if n < 3:  # the fourth call is that to the queue of mails
            getattr(calls, when)[n] = die
            with pytest.raises(Crash):
                desk.helpdesk.file(person, FORM, T0)
            calls.reset()
        view, _ = desk.helpdesk.file(person, FORM, later)
        assert (desk.helpdesk.of(person), desk.store.unanswered_of(person)) == ([view], 1)
        calls.reset()
        getattr(calls, when)[n] = die
        with pytest.raises(Crash):
            desk.helpdesk.answer(view.number, "Selesai.", ADMIN, T0)
        calls.reset()
        desk.helpdesk.answer(view.number, "Selesai.", ADMIN, later)
        assert (desk.helpdesk.of(person)[0].state, desk.store.unanswered_of(person)) == (GrievanceState.ANSWERED, 0)
        told = desk.queued()
        desk.now += timedelta(days=1)
        desk.notices.sweep()
        told += desk.queued()
        assert set(told) == {(person, f"grievance_answered/{view.number}")}
        desk.told.move(desk.told.notice(*told[0]), NoticeState.NO_ADDRESS, desk.now)
    assert desk.helpdesk.counts().answered == 8


def test_an_unknown_number_is_refused(desk):
    number, words = "aaaa-bbbb-cccc-dddd", ("Halo.", ADMIN, T0)
    for deed, given in ((desk.helpdesk.show, ()), (desk.helpdesk.answer, words), (desk.helpdesk.escalate, words)):
        with pytest.raises(UnknownGrievance):
            deed(number, *given)


# Counting


def numbers(counts: GrievanceCounts) -> tuple[int, int, int, int]:
    return counts.open, counts.escalated, counts.overdue, counts.answered


def errors(caplog):
    return [one for one in caplog.records if one.levelno == logging.ERROR and one.message == "grievances_overdue"]


def at_eight(now):
    """The next 08:00 WIB."""
    return (now + timedelta(days=1)).replace(hour=1, minute=0)


def test_a_count_that_died_half_way_continues_and_ends_right(desk, monkeypatch, caplog):
    for n in range(300):
        state = GrievanceState.ESCALATED if n < 30 else GrievanceState.OPEN
        desk.put(f"person-{n % 100}", f"number-{n}", LATE + timedelta(days=n % 3), state)
    desk.helpdesk.answer(desk.file("siti").number, "Selesai.", ADMIN, T0)
    put, puts = desk.store.put_count, count()

    def dying(shard, counted):
        if next(puts) == 20:
            raise Crash
        put(shard, counted)

    monkeypatch.setattr(desk.store, "put_count", dying)
    caplog.set_level(logging.INFO)
    with pytest.raises(Crash):
        desk.helpdesk.check(LATE - timedelta(days=1), 60)
    assert 0 < desk.helpdesk.counts().open < 270
    assert numbers(desk.helpdesk.check(LATE - timedelta(seconds=30), 60)) == (270, 30, 0, 1)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    for _ in range(2):  # a doubled trigger counts the same
        assert numbers(desk.helpdesk.check(LATE, 60)) == (270, 30, 100, 1)
    assert [sum(vars(one).get("newly", 0) for one in errors(caplog)), len(errors(caplog)) < 64] == [100, True]
    caplog.clear()
    desk.helpdesk.check(LATE + timedelta(minutes=1), 60)
    assert errors(caplog) == [], "it is said once when one becomes overdue"
    desk.helpdesk.check(at_eight(LATE), 60)
    [again] = errors(caplog)
    assert vars(again)["overdue"] >= 100, "and each morning"
    assert desk.helpdesk.counts().counted_at >= LATE


def test_a_short_count_begins_with_the_oldest_counts(desk, caplog):
    desk.file("siti")
    assert desk.helpdesk.counts() == GrievanceCounts(0, 0, 0, 0, None)
    desk.helpdesk.check(T0, 60)
    shards, _ = desk.store.counted()
    assert set(shards) == set(ALL_SHARDS)
    desk.helpdesk.check(T0 + timedelta(days=1), 0)
    assert desk.store.counted()[0] == shards, "no time, nothing counted"
    assert "grievances_not_all_counted" in caplog.messages
    stale = shards["63"]
    desk.store.put_count("63", type(stale)(9, 9, 9, T0 - timedelta(days=1)))
    desk.store.put_count = lambda shard, _: (_ for _ in ()).throw(Crash(shard))
    with pytest.raises(Crash, match="63"):
        desk.helpdesk.check(T0 + timedelta(days=2), 60)
