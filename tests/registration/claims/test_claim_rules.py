"""Who keeps a NIK: any order of events against a model that knows since when who had more proof."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from chalicelib.registration.claims.claim_rules import Claim, Proof, proof, settle
from chalicelib.registration.rules import Education, Employment, Registrant, Standing, Verification
from tests.conftest import T0

WAIT = timedelta(hours=24)
TICK = timedelta(minutes=5)
PEOPLE = ["ani", "budi", "citra", "dewi"]


def registrant(
    who: str,
    verification: Verification = Verification.PENDING,
    present_at: datetime | None = None,
    confirmed_at: datetime | None = None,
):
    return Registrant(
        id=who, region=31, regency="3174", birth_date=date(1995, 8, 17), education=Education.NONE,
        employment=Employment.WORKER, consent_version="1", nik_mac="n", kk_mac="k", phone_mac=who,
        standing=Standing.REGISTERED, beneficiary_wave=None, verification=verification, warnings=(),
        registered_at=T0, updated_at=T0, present_at=present_at, confirmed_at=confirmed_at,
    )  # fmt: skip


NONE = registrant("x")
DATA = registrant("x", Verification.VERIFIED)
PRESENT = registrant("x", present_at=T0)


@pytest.mark.parametrize(
    ("holder", "claimant", "moves", "contested"),
    [
        (NONE, NONE, False, False),
        (NONE, DATA, False, True),  # the registry's silence finds nothing out about the holder
        (registrant("x", confirmed_at=T0), DATA, False, True),
        (registrant("x", Verification.MISMATCH, confirmed_at=T0), DATA, False, True),
        (registrant("x", Verification.MISMATCH, confirmed_at=T0), PRESENT, True, True),
        (registrant("x", Verification.MISMATCH), DATA, True, True),
        (registrant("x", Verification.UNKNOWN_NIK), DATA, True, True),
        (DATA, registrant("x", Verification.MISMATCH), False, False),
        (DATA, DATA, False, True),
        (DATA, PRESENT, True, True),
        (PRESENT, DATA, False, False),
        (PRESENT, PRESENT, False, True),
        (NONE, PRESENT, True, True),
    ],
)
def test_a_nik_moves_only_to_more_proof_and_is_contested_by_no_less(holder, claimant, moves: bool, contested: bool):
    claim = Claim("c", T0)
    first = settle(holder, {"c": (claim, claimant)}, T0, WAIT)
    assert first == (None, {"c": T0 + WAIT if moves else None}, contested)
    later = replace(claim, moves_at=first.moves_at["c"])
    assert settle(holder, {"c": (later, claimant)}, T0 + WAIT - TICK, WAIT).passes_to is None
    assert settle(holder, {"c": (later, claimant)}, T0 + WAIT, WAIT).passes_to == ("c" if moves else None)


def test_a_free_nik_passes_at_once_and_first_to_the_most_proof():
    claims = {"a": (Claim("a", T0), NONE), "b": (Claim("b", T0 + TICK), DATA), "c": (Claim("c", T0 + 2 * TICK), DATA)}
    assert settle(None, claims, T0 + WAIT, WAIT) == ("b", {}, False)
    assert settle(None, {}, T0, WAIT).passes_to is None


class Town(RuleBasedStateMachine):
    """One NIK, four people. What anybody has proven may change at any time; the settlement runs at any time."""

    @initialize(holder=st.sampled_from([*PEOPLE, None]))
    def begin(self, holder: str | None) -> None:
        self.now = T0
        self.people = {who: registrant(who) for who in PEOPLE}
        self.holder = holder
        self.claims: dict[str, Claim] = {}
        self.contested = False
        self.more_since: dict[str, datetime] = {}  # the model: since which run a claimant has more proof

    @rule(who=st.sampled_from(PEOPLE))
    def claim(self, who: str) -> None:
        if who != self.holder:
            self.claims.setdefault(who, Claim(who, self.now))

    @rule(who=st.sampled_from(PEOPLE), state=st.sampled_from(Verification))
    def answer(self, who: str, state: Verification) -> None:
        confirmed_at = self.now if state is Verification.VERIFIED else self.people[who].confirmed_at
        self.people[who] = replace(self.people[who], verification=state, confirmed_at=confirmed_at)

    @rule(who=st.sampled_from(PEOPLE), seen=st.booleans())
    def presence(self, who: str, seen: bool) -> None:
        self.people[who] = replace(self.people[who], present_at=self.now if seen else None)

    @rule()
    def leave(self) -> None:
        """The holder corrects a mistyped NIK, or is erased."""
        self.holder = None

    @rule(after=st.sampled_from([TICK, WAIT / 2, WAIT]))
    def run(self, after: timedelta) -> None:
        self.now += after
        holder = self.people[self.holder] if self.holder else None
        found = {who: (claim, self.people[who]) for who, claim in self.claims.items()}
        done = settle(holder, found, self.now, WAIT)
        held_by = proof(holder) if holder else None
        more = {who for who in found if held_by is not None and proof(found[who][1]) > held_by}
        if holder and holder.verification is Verification.PENDING:
            more = {who for who in more if found[who][1].present_at}
        self.more_since = {who: self.more_since.get(who, self.now) for who in more}
        if done.passes_to is not None:
            self._pass(done.passes_to, held_by)
            return
        assert not [who for who, since in self.more_since.items() if self.now - since >= WAIT]
        assert held_by is not None or not self.claims
        self.claims = {who: replace(claim, moves_at=done.moves_at.get(who)) for who, claim in self.claims.items()}
        assert {who for who, claim in self.claims.items() if claim.moves_at} == more
        self.contested = done.contested

    def _pass(self, to: str, held_by: Proof | None) -> None:
        if held_by is not None:
            assert proof(self.people[to]) > held_by
            assert self.now - self.more_since[to] >= WAIT
        if self.holder:
            self.claims[self.holder] = Claim(self.holder, self.now)
        del self.claims[to]
        self.more_since, self.holder = {}, to
        self.claims = {who: replace(claim, moves_at=None) for who, claim in self.claims.items()}

    @invariant()
    def nobody_both_holds_and_claims(self) -> None:
        assert getattr(self, "holder", None) not in getattr(self, "claims", {})

    def teardown(self) -> None:
        """When nothing happens any more, the NIK is with the most proof."""
        if not hasattr(self, "people"):
            return
        for who in PEOPLE:
            if self.people[who].verification is Verification.PENDING:
                self.answer(who, Verification.MISMATCH)
        for _ in range(2 * len(Proof) + 2):
            self.run(WAIT)
        known = [who for who in [*self.claims, self.holder] if who]
        if known:
            assert self.holder
            assert proof(self.people[self.holder]) == max(proof(self.people[who]) for who in known)
            rivals = [proof(self.people[who]) for who in self.claims]
            assert self.contested == (
                proof(self.people[self.holder]) is not Proof.NONE
                and max(rivals, default=-1) == proof(self.people[self.holder])
            )


TestTown = Town.TestCase
TestTown.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
