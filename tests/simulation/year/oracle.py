"""What must hold each day of the year, by what was written and what people and the provider themselves know.

It computes every deadline anew and counts everything a second time; it calls none of the rules that it judges.
"""

from __future__ import annotations

import heapq
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.clock import WIB, iso, parse_iso

from .draws import wrong_with_draw

if TYPE_CHECKING:
    from .life import Life

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
JOB_LATE = 4 * DAY
"""A job that runs once a day may be missed twice in a row, and then be cut short."""
COUNTED = (1, 2)
"""The surveys that the statistics count."""
Key = tuple[str, str, str]
Item = Any


class Held:
    """A place: by whom, in which wave, from when on."""

    __slots__ = ("completed", "deadline", "first_completed_ms", "potential_from", "region", "state", "wave")

    def __init__(self, wave: int, region: int, at: datetime, deadline: datetime) -> None:
        self.wave, self.region, self.deadline = wave, region, deadline
        self.state = "POTENTIAL"
        self.potential_from = at
        self.completed = False
        self.first_completed_ms = 0


class Oracle:
    """`life` is the year that it watches; `wrong` what went wrong, and when."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._world = life.world
        self.wrong: list[str] = []
        self.joined: dict[int, Counter[int]] = defaultdict(Counter)
        self.places: dict[str, Held] = {}
        self.awarded: Counter[int] = Counter()
        self.first: Counter[int] = Counter()
        """Of these as many when the wave was settled; the others came later, to places that were revoked."""
        self.revoked: Counter[int] = Counter()
        self.paid: dict[tuple[str, str], tuple[int, datetime, int]] = {}
        """By person and kind: rupiah, when, the wave."""
        self.scheme = max(self._world.programme.schemes, key=lambda scheme: scheme.first_wave)
        waits = self._world.programme.surveys.after_s[: self.scheme.surveys]
        self.asked_after = {number: timedelta(seconds=wait) for number, wait in enumerate(waits, start=1)}
        self.incentive: Any = self.scheme.payment("INCENTIVE")
        self.months = self.incentive.times if self.incentive.trigger == "attendance" else 0
        """How many months of attendance are paid."""
        self.plan = dict.fromkeys(_numbered(self.incentive.times), self.incentive.amount_idr or 0) | {
            f"SURVEY_{n + 1}": self.scheme.survey_idr for n in range(self.scheme.surveys)
        }
        """What one person is paid of each kind, in rupiah, where attendance does not decide it."""
        self.earned: dict[tuple[str, str], int] = {}
        """By person and kind: the rupiah of a month that a partner attested."""
        self.entitled: set[tuple[str, str]] = set()
        self.instalments: dict[tuple[str, str], datetime] = {}
        """By person and kind: when those fall due that are not yet owed."""
        self.owed: dict[str, tuple[str, str, int, str, datetime]] = {}
        """By entitlement, until it is paid: person, kind, rupiah, state with hold, since when."""
        self.surveys: dict[tuple[str, str], tuple[int, datetime]] = {}
        """By person and key: the wave, and when it closes."""
        self.counted: dict[int, dict[int, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        """By wave and province: what is counted of surveys."""
        self.reminders: dict[tuple[str, str], str] = {}
        self._sent: set[tuple[str, str]] = set()
        self.verified = 0
        self.compared = 0
        self._due: list[tuple[float, int, str, Callable[[], bool]]] = []
        self._checked: set[int] = set()
        self._tables = {name: self._world.services.settings.table(name) for name in ("waves", "payouts", "outcomes")}
        self._watched = {
            self._tables["waves"]: self._of_waves,
            self._tables["payouts"]: self._of_payouts,
            self._tables["outcomes"]: self._of_surveys,
            self._world.services.settings.table("notices"): self._of_notices,
        }
        self._world.cloud.tables.rows.watch = self._written

    def fail(self, what: str) -> None:
        """Note that a promise was broken."""
        self.wrong.append(f"{self._world.now:%Y-%m-%d %H:%M} {what}")

    def expect(self, by: datetime, what: str, holds: Callable[[], bool]) -> None:
        """Something must be so at an instant."""
        heapq.heappush(self._due, (by.timestamp(), len(self._due) + len(self.wrong), what, holds))

    # What is written

    def _written(self, key: Key, before: Item | None, after: Item) -> None:
        if watched := self._watched.get(key[0]):
            watched(key, before, after)

    def _of_waves(self, key: Key, before: Item | None, after: Item) -> None:
        if key[1].startswith("E#") and "outcome" in after and before and "outcome" not in before:
            self._decided(key[2], int(key[1].split("#")[1]), after)
        if key[2] != "BENEFICIARY":
            return
        who, wave, state = key[1][2:], int(after["wave"]["N"]), after["state"]["S"]
        if before is None:
            self._chosen(who, wave, after)
        elif int(before["wave"]["N"]) != wave:
            self.fail("a person was chosen twice")
        held = self.places[who]
        if state == "REVOKED" and held.state != state:
            self.revoked[wave] += 1
            if self._world.clock() < held.deadline:
                self.fail("a place was revoked before its deadline")
            self.expect(self._world.now + JOB_LATE, "a revoked place is passed on", lambda: self._passed_on(wave))
        if state == "POTENTIAL" and held.state != state:
            held.potential_from = self._world.now
        held.state = state

    def _decided(self, who: str, wave: int, entry: Item) -> None:
        """An outcome before the note is a removal: the entry is in no list, and not among those who joined."""
        if (self._world.services.settings.results_bucket, f"draws/{wave}/note.txt") in self._world.cloud.files.written:
            return
        # Somebody may get the place of an earlier wave while they have joined the open one.
        if who not in self.places and self._life.people[who].alive:
            self.fail(f"wave {wave}: an entry was removed as {entry['outcome']['S']}")
        self.joined[wave][int(entry["region"]["N"])] -= 1
        self._life.happened["removed before a draw"] += 1

    def _chosen(self, who: str, wave: int, item: Item) -> None:
        at = parse_iso(item["awarded_at"]["S"])
        # The day of the award is day 1, and with 15 days day 15 is the last one for a purchase.
        days_to_buy = self._world.programme.training.buy_within_days
        deadline = datetime.combine(at.astimezone(WIB).date() + timedelta(days=days_to_buy), time(), WIB)
        self.places[who] = Held(wave, int(item["region"]["N"]), at, deadline)
        self.awarded[wave] += 1
        self.expect(deadline + JOB_LATE, "a place without a purchase is revoked", lambda: self._bought(who))
        if item["buy_by"]["S"] != iso(deadline):
            self.fail(f"a place of {at} must be used before {item['buy_by']['S']}, and not {deadline}")
        for days in (seconds // 86_400 for seconds in self._world.programme.notices.remind_before_s):
            mark, event = deadline - days * DAY, f"purchase_deadline/{wave}/{days * 86_400}"
            what = f"the reminder {days} days before a deadline"
            self.expect(mark + 20 * HOUR, what, lambda m=mark, e=event: self._was_reminded(who, m, e))
        self._life.chosen(who, wave, deadline, item["card_number"]["S"])

    def _bought(self, who: str) -> bool:
        return self.places[who].state != "POTENTIAL"

    def _passed_on(self, wave: int) -> bool:
        record = self._world.services._wave_store.wave(wave)
        return record is not None and record.passed_count == record.revoked_count

    def _was_reminded(self, who: str, mark: datetime, event: str) -> bool:
        """Or need not be: the place was kept before, or was free again only after the mark."""
        held = self.places[who]
        return held.state != "POTENTIAL" or held.potential_from > mark or (who, event) in self.reminders

    def _of_payouts(self, key: Key, before: Item | None, after: Item) -> None:
        if key[2] != "HEAD":
            return
        who, kind, state = after["registrant"]["S"], after["kind"]["S"], after["state"]["S"]
        wave, amount, at = int(after["wave"]["N"]), int(after["amount_idr"]["N"]), parse_iso(after["changed_at"]["S"])
        hold = after["hold"]["S"] if "hold" in after else ""
        if before is None:
            self._owed_anew(who, kind, wave, parse_iso(after["created_at"]["S"]))
        if state == "PAID":
            if (who, kind) not in self.paid:
                self._was_paid(who, kind, amount, wave, at)
            self.owed.pop(key[1], None)
        else:
            self.owed[key[1]] = who, kind, amount, f"{state} {hold}".strip(), at

    def _owed_anew(self, who: str, kind: str, wave: int, at: datetime) -> None:
        """The first incentive has instalments behind it, one each month, as long as nothing has ended them."""
        self.entitled.add((who, kind))
        if self.months:
            if (who, kind) not in self.earned:
                self.fail(f"wave {wave}: {kind} was attested by nobody")
        elif kind == "INCENTIVE":
            for number in range(2, self.scheme.incentives + 1):
                due = month_later(at, number - 1)
                later = f"INCENTIVE_{number}"
                self.instalments[who, later] = due
                self.expect(
                    due + 20 * HOUR,
                    f"instalment {number}",
                    lambda k=later: (who, k) not in self.instalments or who in self._life.stopped,
                )
        elif kind.startswith("INCENTIVE_"):
            due = self.instalments.pop((who, kind), None)
            if due is None or at < due.replace(microsecond=0):
                self.fail(f"wave {wave}: {kind} came at {at}, and not at {due}")

    def _was_paid(self, who: str, kind: str, amount: int, wave: int, at: datetime) -> None:
        self.paid[who, kind] = amount, at, wave
        if kind != "INCENTIVE":
            return
        for number, wait in self.asked_after.items():
            what = f"survey {number} opens {wait.days} days after the incentive"
            self.expect(at + wait + JOB_LATE, what, lambda n=f"SURVEY_{number}": (who, n) in self.surveys)

    def _of_surveys(self, key: Key, before: Item | None, after: Item) -> None:
        if not key[1].startswith("S#") or before is not None:
            return
        who, wave, closes_at = key[1][2:], int(after["wave"]["N"]), parse_iso(after["closes_at"]["S"])
        self.surveys[who, key[2].partition("#")[0]] = wave, closes_at
        region, comparison = int(after["region"]["N"]), key[2].startswith("COMPARISON")
        number = int(after["number"]["N"])
        if comparison or number in COUNTED:
            self.counted[wave][region]["comparison_offered" if comparison else f"survey_{number}_offered"] += 1
        if not comparison and self._world.now < self.paid[who, "INCENTIVE"][1] + self.asked_after[number]:
            self.fail("a survey opened early")
        id_ = after["survey_id"]["S"]
        self.expect(
            closes_at - 1 * HOUR,
            "the reminder before a survey closes",
            lambda: id_ in self._life.answered or (who, f"survey_deadline/{id_}") in self.reminders,
        )
        self._life.asked(who, id_, wave, region, number, closes_at, comparison=comparison)

    def _of_notices(self, key: Key, _before: Item | None, after: Item) -> None:
        if key[1].startswith("N#") and after["kind"]["S"] in {"purchase_deadline", "survey_deadline"}:
            self.reminders[key[1][2:], key[2]] = after["state"]["S"]

    def attested(self, who: str, region: int, days: int) -> tuple[str, str] | None:
        """A partner attests one month more of a person; returns what must be owed for it now, None if nothing is."""
        kind = next((kind for kind in _numbered(self.months) if (who, kind) not in self.earned), None)
        if kind is None:
            return None
        everywhere = self.incentive.amounts_by_region.get(region, self.incentive.amount_idr or 0)
        self.earned[who, kind] = days * self.incentive.day_idr if self.incentive.day_idr else everywhere
        return who, kind

    # Each day

    def check(self) -> None:
        """All that holds at the end of a day."""
        now = self._world.now.timestamp()
        while self._due and self._due[0][0] <= now:
            _, _, what, holds = heapq.heappop(self._due)
            if not holds():
                self.fail(f"missing: {what}")
        self._check_seats()
        self._check_money()
        for who, event in self._world.reminded:
            if (who, event) in self._sent:
                self.fail(f"a reminder was sent twice: {event}")
            self._sent.add((who, event))
        self._world.reminded.clear()

    def _check_seats(self) -> None:
        store = self._world.services._wave_store
        years: Counter[int] = Counter()
        waves = store.waves()
        for wave in waves:
            year = wave.opens_at.astimezone(WIB).year
            settled = wave.state.value == "SETTLED"
            years[year] += wave.chosen or 0 if settled else wave.quota
            if settled and wave.number not in self._checked:
                self._checked.add(wave.number)
                self._settled(wave)
            if settled:
                self._check_places(wave)
            late = self._world.now - wave.closes_at
            if not settled and late > 5 * HOUR:
                self.fail(f"wave {wave.number} is {wave.state} {late} after its close")
        for year, held in years.items():
            allotted, target = store.allotted(year), self._world.programme.target(year)
            if allotted != held or held > target:
                self.fail(f"{year}: the year says {allotted} seats, its waves hold {held}, the target is {target}")
        opened = {wave.opens_at for wave in waves}
        for opens_at, _ in self._life.openings:
            if opens_at + HOUR < self._world.now and (opens_at in opened) is self._life.halted(opens_at):
                self.fail(f"a wave opened in the pause, at {opens_at}" if opens_at in opened else f"none at {opens_at}")

    def _check_places(self, wave: Any) -> None:
        """Seats = those held + those on their way to the next person + those nobody is left for, which went back."""
        given, waiting = self.awarded[wave.number], self.revoked[wave.number] - wave.passed_count
        # A run that ended early may have given a place and not yet recorded that it was passed on.
        if not wave.chosen <= given - wave.passed_count <= wave.chosen + max(waiting, 0) or wave.chosen > wave.quota:
            self.fail(
                f"wave {wave.number}: {given} places, {wave.passed_count} passed on, {wave.chosen} of {wave.quota}"
            )

    def _settled(self, wave: Any) -> None:
        """Its draw verifies, and gives no more places than there are people."""
        self.first[wave.number] = wave.chosen
        for what in wrong_with_draw(self._world, wave):
            self.fail(f"wave {wave.number}{what}")
        self.verified += 1
        if sum(self.joined[wave.number].values()) < wave.quota and wave.chosen == wave.quota:
            self.fail(f"wave {wave.number}: more places than people")

    def _check_money(self) -> None:
        now = self._world.now
        for who, kind, _, state, since in self.owed.values():
            waits = timedelta(days=8) if "ADDRESS_CHANGED" in state else 2 * DAY
            if state in {"DUE", "SENDING"} | {"HELD address_changed", "HELD ADDRESS_CHANGED"} and now - since > waits:
                self.fail(f"{kind} is {state} since {since}")
            if "NO_ADDRESS" in state.upper() and who in self._life.gave and now - self._life.gave[who] > 5 * DAY:
                self.fail(f"{kind} waits for an account that was given on {self._life.gave[who]}")

    # At the end, and after each count

    def books(self) -> None:
        """The provider moved exactly what the ledger says it paid, and nobody got more than the plan."""
        now = self._world.clock().timestamp()
        moved: Counter[str] = Counter()
        for key, payout in self._world.provider.payouts.items():
            moved[key.rpartition("-")[0]] += payout.amount if payout.status(now) == "SUCCEEDED" else 0
        for (who, kind), (amount, _, _) in self.paid.items():
            if amount != self.earned.get((who, kind), self.plan.get(kind)):
                self.fail(f"{kind} of {amount} rupiah was paid")
        total = sum(amount for amount, _, _ in self.paid.values())
        waiting = sum(amount for _, _, amount, state, _ in self.owed.values() if state == "SENDING")
        if not total <= sum(moved.values()) <= total + waiting:
            self.fail(f"the ledger paid {total} rupiah, the provider {sum(moved.values())}")
        if moved and max(moved.values()) > max([*self.plan.values(), *self.earned.values()]):
            self.fail("an entitlement was paid twice")

    def recount(self) -> None:
        """Compare the last count of the statistics with one of our own, if it was made just now."""
        present = self._world.services._tally_store.round()
        if present is None or present.began_at < self._world.now.replace(microsecond=0) or present.ended_at is None:
            return
        wholes = self._world.services._tally_store.wholes()
        for wave in self._world.services._wave_store.waves():
            if wave.settled_at is None or wave.settled_at > present.began_at:
                continue
            theirs = {region: +Counter(counts) for region, counts in wholes[f"{wave.number:06d}"].regions.items()}
            mine = self.of_wave(wave.number)
            for region in theirs.keys() | mine.keys():
                one, other = theirs.get(region, Counter()), +mine.get(region, Counter())
                if one != other:
                    names = {name: (one[name], other[name]) for name in one | other if one[name] != other[name]}
                    self.fail(f"wave {wave.number}, province {region}: counted {names}")
            self.compared += 1

    def of_wave(self, wave: int) -> dict[int, Counter[str]]:
        mine: dict[int, Counter[str]] = defaultdict(Counter)
        for region, counts in self.counted[wave].items():
            mine[region] += counts
        for region, people in self.joined[wave].items():
            mine[region]["joined"] += people
        for who in self._life.holders[wave]:
            held = self.places[who]
            counts = mine[held.region]
            counts["chosen"] += 1
            counts[{"POTENTIAL": "potential", "REVOKED": "revoked"}.get(held.state, "recipients")] += 1
            counts["completed"] += held.completed
            counts["graduates"] += held.state == "GRADUATED"
            own = [self.paid[who, kind] for kind in self.plan if (who, kind) in self.paid]
            counts["paid"] += bool(own)
            counts["paid_idr"] += sum(amount for amount, _, _ in own)
            if (who, "INCENTIVE") in self.paid and self.incentive.trigger == "review":
                counts["timed"] += 1
                counts["timed_ms"] += max(0, _ms(self.paid[who, "INCENTIVE"][1]) - held.first_completed_ms)
        return mine


def _numbered(times: int) -> list[str]:
    return [f"INCENTIVE_{number}" if number > 1 else "INCENTIVE" for number in range(1, times + 1)]


def month_later(at: datetime, months: int) -> datetime:
    """The same WIB day and time so many months later, or the last day of a month that is too short."""
    local = at.astimezone(WIB)
    month = local.month - 1 + months
    year, month = local.year + month // 12, month % 12 + 1
    return local.replace(year=year, month=month, day=min(local.day, monthrange(year, month)[1]))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
