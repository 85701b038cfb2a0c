"""Reports as banks write them: their effect on each transfer, and who decides about unproven rejections."""

from __future__ import annotations

from functools import partial
from itertools import product

import pytest

from chalicelib.payouts.bank_files.report_lines import Problem
from chalicelib.payouts.bank_files.store import Word
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.errors import ProviderObjects
from chalicelib.payouts.ledger.items import PayoutsTable
from chalicelib.payouts.rules import Answer, Hold, Outcome, State
from tests.builders.crashes import some_of
from tests.builders.payouts.bank import (
    CHECKER,
    MAKER,
    BankWorld,
    block,
    camt054,
    entry,
    pain002,
    problems,
    reason,
    report,
    tx,
)
from tests.builders.payouts.states import refused


def states(world: BankWorld, references: list[str]) -> list[State]:
    return [world.state(each) for each in references]


def of_all(level: str, batch: str, status: str, why: str, *listed: str) -> bytes:
    """A status of the whole file, on the level of the payment or of the file, above what is listed."""
    if level == "payment":
        return report(batch, block(batch, status, why, *listed))
    return report(batch, *([block(batch, "", "", *listed)] if listed else []), group=status, why=why)


@pytest.mark.parametrize("level", ["transfer", "payment", "file"])
def test_a_rejection_without_proof_fails_no_transfer(world, level):
    batch, references = world.sent("ani", "budi")
    why = reason("NARR", text="Instruction ID 0007 already exist")
    listed = report(batch, block(batch, "", "", *(tx(each, "RJCT", why) for each in references)))
    raw = listed if level == "transfer" else of_all(level, batch, "RJCT", why)
    for who in (MAKER, CHECKER, MAKER):
        assert set(problems(world.take_in(raw, who))) == {Problem.DUPLICATE}
    assert states(world, references) == [State.SENDING] * 2
    assert world.propose() is None, "no other file can have them"
    assert world.take_in(pain002(batch, dict.fromkeys(references, "ACSC"))).findings == []
    assert states(world, references) == [State.PAID] * 2, "the first was alive"


def test_the_banks_own_text_is_shown_and_kept_sealed(world):
    batch, [reference] = world.sent("ani")
    text = "Rek 1234567890 a.n. Holder ani sudah pernah diproses"
    raw = report(batch, block(batch, "", "", tx(reference, "RJCT", reason("NARR", text=text))))
    [finding] = world.take_in(raw).findings
    assert (finding.problem, finding.reference, finding.narrative) == (Problem.DUPLICATE, reference, text)
    [(word, narrative)] = world.reports.said(reference)
    assert (word.answer.outcome, word.answer.fact, word.imported_by) == (Outcome.REJECTED, "RJCT_NARR", CHECKER)
    assert narrative == text
    assert not [row for row in PayoutsTable.scan() if text in repr(row.serialize())]
    assert list(world.reports.said("a" * 26 + "-1")) == []


def test_two_people_decide_about_a_rejection_with_text_only(world):
    batch, [failed, paid] = world.sent("ani", "budi")
    why = reason("NARR", text="rejected")
    world.take_in(report(batch, block(batch, "", "", tx(failed, "RJCT", why), tx(paid, "RJCT", why))))
    for reference, decision, state in ((failed, Decision.FAILED, State.FAILED), (paid, Decision.PAID, State.PAID)):
        assert world.decide(reference, decision) is state
    world.later(seconds=world.rules.requeue_after_s)
    assert world.worker.process(failed[:26], world.now) is State.SENDING
    assert world.store.get(failed[:26]).n == 2


def test_two_people_cannot_fail_what_the_bank_has_pending_though_it_rejected_a_repetition(world):
    batch, [one, other] = world.sent("ani", "budi")
    again = pain002(batch, {one: "RJCT AM05"})
    world.take_in(again)
    world.take_in(pain002(batch, {one: "ACSP"}))
    both = pain002(batch, [(other, "ACSP"), (other, "RJCT AM05")])
    assert problems(world.take_in(both)) == [Problem.DUPLICATE]
    for reference in (one, other):
        refused(partial(world.decide, reference, Decision.FAILED), ProviderObjects)
    assert problems(world.take_in(again)) == [Problem.DUPLICATE], "what was imported last is how it stands"
    assert world.checked(one) is State.FAILED


def test_a_transfer_paid_after_two_people_failed_it_is_not_sent_again(world):
    batch, [reference] = world.sent("ani")
    world.take_in(report(batch, block(batch, "", "", tx(reference, "RJCT", reason("NARR", text="rejected")))))
    world.decide(reference, Decision.FAILED)
    debit = camt054(entry(reference, ref="D-1"))
    assert problems(world.take_in(debit)) == [Problem.CONTRADICTS]
    world.later(days=1)
    assert world.worker.process(reference[:26], world.now) is State.HELD
    assert world.store.get(reference[:26]).hold is Hold.DUPLICATE
    assert world.decide(reference, Decision.PAID) is State.PAID


@pytest.mark.parametrize("said", [None, "ACSP", "ZZZZ"])
def test_two_people_can_resolve_a_transfer_after_long_silence_of_the_bank(world, said):
    batch, [reference, other] = world.sent("ani", "budi")
    world.take_in(pain002(batch, {other: "ACSC"} | ({reference: said} if said else {})))
    refused(lambda: world.decide(reference, Decision.FAILED), ProviderObjects)
    world.later(days=4)
    assert world.checked(reference) is State.FAILED


def test_two_people_never_fail_what_the_bank_says_it_paid(world):
    _, [reference] = world.sent("ani")
    world.administration.propose(reference[:26], Decision.FAILED, MAKER, "in error", world.now)
    world.later(days=40)
    # Kept, and not settled yet.
    paid = Word(Answer(Outcome.SUCCEEDED, "ACSC"), "ab", MAKER)
    assert world.bank_store.say(reference, paid, world.bank_store.note(reference), world.now)
    refused(lambda: world.checked(reference), ProviderObjects)


def test_a_transfer_returned_minus_a_fee_can_be_paid_again(world):
    _, [reference] = world.sent("ani")
    world.take_in(camt054(entry(reference, ref="D-1")))
    back = camt054(entry(reference, "597500.00", returned="AB08", ref="C-1"))
    assert problems(world.take_in(back)) == [Problem.AMOUNT]
    for decision, state in ((Decision.REVERSED, State.REVERSED), (Decision.RETRY, State.DUE)):
        assert world.decide(reference, decision) is state
    whole = camt054(entry(reference, returned="AB08", ref="C-2"))
    assert problems(world.take_in(whole)) == [], "that it came back holds nothing"
    assert world.worker.process(reference[:26], world.now) is State.SENDING


@pytest.mark.parametrize("level", ["payment", "file"])
@pytest.mark.parametrize(
    ("status", "why", "listed", "expected"),
    [
        ("RJCT", "", lambda a: [tx(a, "RJCT", reason("AB08"))], "FAILED"),
        ("RJCT", reason("TM01"), lambda a: [tx(a, "RJCT", reason("AB08"))], "FAILED"),
        ("RJCT", reason("TM01"), lambda a: [tx(a, "RJCT")], "FAILED"),
        ("RJCT", reason("TM01"), lambda a: [tx(a)], "FAILED"),
        ("RJCT", "", lambda a: [tx(a, "", reason("AB08"))], "FAILED"),
        ("RJCT", reason("TM01"), lambda _: [tx("", "RJCT")], "FAILED"),
        ("RJCT", reason("TM01"), lambda _: [tx("NOTPROVIDED", "RJCT", reason("AB08"))], "FAILED"),
        ("ACSC", "", lambda a: [tx(a, "ACSC")], "PAID"),
        ("ACCC", "", lambda a: [tx(a)], "PAID"),
        ("ACSC", "", lambda _: [tx("", "ACCC")], "PAID"),
        ("acsc", "", lambda a: [tx(f"\n {a.upper()} ", " acsc ")], "PAID"),
    ],
)
def test_a_transfer_without_a_status_has_that_of_the_file(world, level, status, why, listed, expected):
    batch, references = world.sent("ani", "budi", "citra")
    raw = of_all(level, batch, status, why, *listed(references[0]))
    world.take_in(raw, MAKER)
    assert world.take_in(raw, CHECKER).findings == []
    assert states(world, references) == [State(expected)] * 3


@pytest.mark.parametrize(
    ("blocks", "group", "expected"),
    [
        # Its own counts for each: one failed, the others paid; and one pending.
        (lambda f, a: block(f, "ACSC", "", tx(a, "RJCT", reason("AB08"))), "", ["FAILED", "PAID", "PAID"]),
        (lambda f, a: block(f, "ACSC", "", tx(a, "PDNG")), "", ["SENDING", "PAID", "PAID"]),
        # Not the end yet, for those that are not listed.
        (lambda f, a: block(f, "", "", tx(a, "RJCT", reason("AB08"))), "PART", ["FAILED", "SENDING", "SENDING"]),
        (lambda f, a: block(f, "PART", "", tx(a, "ACSC")), "PART", ["PAID", "SENDING", "SENDING"]),
        # The file was taken, the payment in it was not.
        (lambda f, _: block(f, "RJCT", reason("TM01")), "ACTC", ["FAILED"] * 3),
        # What cannot be true of all is true of none but what is named.
        (lambda f, a: block(f, "RJCT", reason("TM01"), tx(a, "ACSC")), "", ["PAID", "SENDING", "SENDING"]),
        (lambda f, a: block(f, "RJCT", reason("TM01"), tx(a, "PDNG")), "", ["SENDING"] * 3),
        (lambda f, a: block(f, "RJCT", reason("TM01"), tx(a, "ZZZZ")), "", ["SENDING"] * 3),
        (lambda f, a: block(f, "RJCT", reason("TM01"), tx(a, "RJCT", reason("AM05"))), "", ["SENDING"] * 3),
        (lambda f, a: block(f, "RJCT", "", tx(a, "RJCT", reason("NARR", text="x"))), "", ["SENDING"] * 3),
        (lambda f, _: block(f, "RJCT", reason("TM01")), "ACSC", ["SENDING"] * 3),
        (lambda f, _: block(f, "ACSC"), "RJCT", ["SENDING"] * 3),
        (lambda f, _: block(f, "ACSC") + block(f, "RJCT", reason("TM01")), "", ["SENDING"] * 3),
        (lambda f, _: block(f, "ACSC") + block(f, "PDNG"), "", ["SENDING"] * 3),
        # It may be any of them that is another.
        (lambda f, _: block(f, "ACSC", "", tx("", "RJCT", reason("AB08"))), "", ["SENDING"] * 3),
        (lambda f, _: block(f, "RJCT", reason("TM01"), tx("", "ACSC")), "", ["SENDING"] * 3),
        # Of another payment than ours.
        (lambda _, __: block("another", "RJCT", reason("TM01")), "", ["SENDING"] * 3),
        # A block for each transfer, as some banks do.
        (
            lambda f, a: block(f, "RJCT", reason("AB08"), tx(a)) + block(f, "ACSC", "", tx(a[:-1] + "2", "ACSC")),
            "PART",
            ["FAILED", "SENDING", "SENDING"],
        ),
    ],
)  # fmt: skip
def test_a_status_of_the_file_does_not_override_that_of_a_transfer(world, blocks, group, expected):
    batch, references = world.sent("ani", "budi", "citra")
    raw = report(batch, blocks(batch, references[0]), group=group)
    done = world.take_in_by_two(raw)
    assert states(world, references) == [State(each) for each in expected]
    unsettled = expected.count("SENDING")
    heard = [each for each in references if world.bank_store.note(each).word]
    assert done.findings or len(heard) >= unsettled, "nothing is left that nobody is told of"


LISTED_OTHERWISE = {
    "cut to 20 signs": lambda a: a[:20],
    "cut by one, and another of ours by its form": lambda a: a + "0",
    "of another business": lambda _: "RENT-1",
    "of another attempt": lambda a: a[:-1] + "7",
    "of another transfer": lambda _: "b" * 26 + "-1",
    "of nothing": lambda _: "",
    "with a letter misread": lambda a: "1" + a[1:],
    "with a suffix": lambda a: a + "/01",
}


OF_ALL_AND_LISTED = [("ACSC", "RJCT"), ("RJCT", "ACSC"), ("ACSC", "PDNG"), ("RJCT", "PDNG"), ("ACSC", "ZZZZ")]


@pytest.mark.parametrize(
    ("level", "name", "words"), some_of(product(["payment", "file"], LISTED_OTHERWISE, OF_ALL_AND_LISTED), 3)
)
def test_an_unknown_reference_blocks_conclusions_about_the_whole_file(world, level, name, words):
    (status, listed), named = words, LISTED_OTHERWISE[name]
    batch, references = world.sent("ani", "budi")
    why = {"RJCT": reason("TM01")}
    inner = tx(named(references[0]), listed, why.get(listed, ""))
    raw = of_all(level, batch, status, why.get(status, ""), inner)
    assert Problem.TWICE in problems(world.take_in_by_two(raw))
    assert states(world, references) == [State.SENDING] * 2


def test_a_foreign_line_with_the_files_own_status_blocks_nothing(world):
    batch, references = world.sent("ani", "budi")
    done = world.take_in(report(batch, block(batch, "ACSC", "", tx("RENT-1", "ACCC"), tx(references[0][:20]))))
    assert problems(done) == [Problem.UNKNOWN_REFERENCE] * 2
    assert states(world, references) == [State.PAID] * 2


@pytest.mark.parametrize(
    ("words", "state", "findings"),
    [
        (("ACSP", "ACSC"), State.PAID, []),
        (("ACSC", "ACSP"), State.PAID, []),
        (("ACSC", "ACCC"), State.PAID, []),
        (("RCVD", "ACTC", "ACSP", "ACSC", "ACCC"), State.PAID, []),
        (("PDNG", "RJCT AB08"), State.FAILED, []),
        (("RJCT AB08", "RJCT AB08"), State.FAILED, []),
        (("RJCT AB08", "RJCT TM01"), State.FAILED, []),
        (("RJCT AC06", "RJCT LEGL"), State.HELD, []),
        (("RJCT AB08", "RJCT AM05"), State.SENDING, [Problem.DUPLICATE]),
        (("ACWC", "CANC"), State.SENDING, [Problem.UNKNOWN_WORD]),
        (("ACSC", "CANC"), State.PAID, [Problem.UNKNOWN_WORD]),
        (("RJCT AB08", "CANC"), State.SENDING, [Problem.TWICE] * 2),
        (("ACSC", "RJCT AB08"), State.SENDING, [Problem.TWICE] * 2),
        (("ACCC", "RJCT NARR"), State.SENDING, [Problem.TWICE] * 2),
    ],
)
def test_of_several_statuses_in_one_report_the_furthest_counts_unless_they_contradict(world, words, state, findings):
    batch, [reference] = world.sent("ani")
    raw = pain002(batch, [(reference, each) for each in words])
    done = world.take_in_by_two(raw)
    assert (world.state(reference), problems(done)) == (state, findings)
    if "RJCT LEGL" in words:
        assert world.store.get(reference[:26]).hold is Hold.ADMIN, "somebody looks"


@pytest.mark.parametrize("order", [1, -1])
def test_a_pending_entry_that_was_booked_is_booked(world, order):
    _, [reference] = world.sent("ani")
    entries = [entry(reference, status="PDNG"), entry(reference, ref="D-1")][::order]
    assert world.take_in(camt054(*entries)).findings == []
    assert world.state(reference) is State.PAID


def test_two_people_with_two_downloads_agree_by_the_status_of_each_transfer(world):
    batch, [one, other] = world.sent("ani", "budi")
    first = report(batch, block(batch, "", "", tx(one, "RJCT", reason("AB08")), tx(other, "RJCT", reason("AB08"))))
    assert problems(world.take_in(first, MAKER)) == [Problem.ONE_PERSON] * 2
    later = first.replace(b"STATUS-1", b"STATUS-2").replace(b"2026-11-25T09:00:00", b"2026-11-26T11:12:13")
    assert later != first
    # The second one's also has other things in it, in another order, and says something else of the other.
    second = later.replace(tx(other, "RJCT", reason("AB08")).encode(), tx(other, "RJCT", reason("TM01")).encode())
    done = world.take_in(second, CHECKER)
    assert (world.state(one), problems(done)) == (State.FAILED, [Problem.ONE_PERSON])
    assert world.state(other) is State.SENDING
    assert world.take_in(report(batch, group="RJCT", why=reason("TM01")), MAKER).news == 1, "of all, the same is said"
    assert world.state(other) is State.FAILED


@pytest.mark.parametrize("code", ["AC04", "AB08"])
def test_two_people_with_different_files_do_not_agree(world, code):
    first, references = world.sent("ani", "budi")
    said = dict.fromkeys(references, f"RJCT {code}")
    assert problems(world.take_in(pain002(first, said), MAKER)) == [Problem.ONE_PERSON] * 2
    for who in (MAKER, CHECKER):
        world.files.reject(first, who, world.now)
    second = world.propose()
    world.approve(second.id)
    assert problems(world.take_in(pain002(second.id, said), CHECKER)) == [Problem.ONE_PERSON] * 2
    whole = report(second.id, group="RJCT", why=reason("AB08"))
    assert set(problems(world.take_in(whole, CHECKER))) == {Problem.ONE_PERSON}
    assert set(problems(world.take_in(pain002("", said), CHECKER))) == {Problem.ONE_PERSON}, "it names no file"
    assert problems(world.take_in(pain002(first, said), MAKER)) == [Problem.OTHER_FILE] * 2
    assert states(world, references) == [State.SENDING] * 2
    assert world.take_in(pain002(second.id, said), MAKER).news == 2, "and of this one they do"


CHARGES = "<Chrgs><TtlChrgsAndTaxAmt Ccy='IDR'>2500</TtlChrgsAndTaxAmt></Chrgs>"
ORDERED = "<AmtDtls><InstdAmt><Amt Ccy='IDR'>600000</Amt></InstdAmt></AmtDtls>"


@pytest.mark.parametrize(
    "entries",
    [
        lambda r: [entry(r, ref="D-1"), entry(r, "2500.00", ref="D-2")],
        lambda r: [entry(r, "2500.00", ref="D-2"), entry(r, ref="D-1")],
        lambda r: [entry(r), entry(r, "2500.00")],
        lambda r: [entry(r, ref="D-1"), entry(r, "2500.00", ref="D-2").replace("DMCT", "CHRG")],
        lambda r: [entry(r, ref="D-1"), entry(r, ref="D-2").replace("DMCT", "COMM")],
        lambda r: [entry(r, "602500").replace("<CdtDbtInd>DBIT</CdtDbtInd></TxDtls>", ORDERED + CHARGES + "</TxDtls>")],
        lambda r: [entry(r).replace("600000.00", "602500.00", 1)],
    ],
)
def test_a_fee_beside_the_debit_is_reported_and_the_transfer_paid(world, entries):
    _, [reference] = world.sent("ani")
    done = world.take_in(camt054(*entries(reference)))
    assert (world.state(reference), problems(done)) == (State.PAID, [Problem.FEE])


def test_a_fee_alone_pays_nothing_and_two_whole_debits_stay_an_alarm(world):
    _, [reference] = world.sent("ani")
    assert problems(world.take_in(camt054(entry(reference, "2500.00")))) == [Problem.AMOUNT]
    twice = camt054(entry(reference, ref="D-1"), entry(reference, ref="D-2"), entry(reference, "2500.00", ref="D-3"))
    assert sorted(problems(world.take_in(twice))) == [Problem.PAID_TWICE, Problem.PAID_TWICE, Problem.FEE]
    assert world.state(reference) is State.SENDING
    assert world.take_in(camt054(entry(reference, ref="D-1"))).news == 1
    assert problems(world.take_in(camt054(entry(reference, "2500.00", ref="D-3")))) == [Problem.AMOUNT]


def on_one_line(raw: bytes) -> bytes:
    return b"".join(raw.splitlines())


TWO_DEBITS = {
    "as a bank writes it": lambda r: camt054(entry(r), entry(r)),
    "on one line": lambda r: on_one_line(camt054(entry(r), entry(r))),
    "on one line, with a fee": lambda r: on_one_line(camt054(entry(r), entry(r, "2500.00"), entry(r))),
    "in two notifications": lambda r: on_one_line(camt054(entry(r), "</Ntfctn><Ntfctn>", entry(r))),
    "in one entry": lambda r: on_one_line(
        camt054(entry(r).replace("</NtryDtls>", "</NtryDtls>" + entry(r).partition("</BkTxCd>")[2][: -len("</Ntry>")]))
    ),
    "far down": lambda r: camt054("\n" * 70_000, entry(r), "\n" * 70_000, entry(r)),
    "with the number of the entry": lambda r: on_one_line(camt054(*[entry(r).replace("<Amt", NUMBERED, 1)] * 2)),
    "with a reference that is none": lambda r: camt054(entry(r, ref="NONREF"), entry(r, ref="NONREF")),
    "with zeros": lambda r: camt054(entry(r, ref="0000000000"), entry(r, ref="0000000000")),
    "with our own reference": lambda r: camt054(entry(r, ref=r.upper()), entry(r, ref=r.upper())),
}
NUMBERED = "<NtryRef>1</NtryRef><Amt"


@pytest.mark.parametrize("raw", TWO_DEBITS.values(), ids=TWO_DEBITS)
def test_two_debits_count_as_two_wherever_they_are_listed(world, raw):
    _, [reference] = world.sent("ani")
    found = problems(world.take_in(raw(reference)))
    assert [each for each in found if each is not Problem.FEE] == [Problem.PAID_TWICE] * 2
    assert world.state(reference) is State.SENDING


@pytest.mark.parametrize(
    ("noon", "evening"),
    [
        (lambda r: entry(r).replace("<Amt", NUMBERED, 1), lambda r: entry(r).replace("<Amt", NUMBERED, 1)),
        (
            lambda r: entry(r).replace("<Amt", NUMBERED, 1),
            lambda r: entry(r).replace("<Amt", NUMBERED[:10] + "7" + NUMBERED[10:], 1),
        ),
        (lambda r: entry(r, ref="D-1"), lambda r: entry(r, ref="D-1").replace("<Amt", NUMBERED, 1)),
        (lambda r: entry(r, ref="NOTPROVIDED"), lambda r: entry(r, ref="D-1")),
        (lambda r: entry(r, ref="ab 12"), lambda r: entry(r, ref="AB12")),
        (lambda r: entry(r, ref="D-1"), lambda r: entry(r, ref=r)),
    ],
)
def test_a_debit_repeated_in_the_evening_statement_counts_once(world, noon, evening):
    _, [reference] = world.sent("ani")
    for each in (noon, evening):
        assert world.take_in(camt054(each(reference))).findings == []
    assert world.state(reference) is State.PAID
