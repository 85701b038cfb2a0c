"""Asking the civil registry, measured: calls, capacity units and CPU per registration, and the files of a batch.

    python -m bench.registry [RUNS] [--rows 1000000] [--batch 100000] [--json]

The first table has what one registration costs that the registry confirms: asked at once, and with others in one
question (the double answers without network, envelope or signature), answered later (the signature is verified), and in
a file that is imported or approved. They take turns, in process and with HTTP counted. The second table has the files
alone, of `--rows` rows: writing the questions, reading the answer with all its checks, and comparing each record with
what was typed. The third has the envelopes of a question about 100, signed and read, and how long the registry's rate
`registry.asks_per_s` gives so many. The fourth plays a batch of `--batch` people from its questions to the last
approved part, in process; the memory is what a part of 2,000 rows adds. Exits with 1 if an answer costs more than three
write units, the index's among them. The other targets are how long it takes to import and approve `--rows` rows, and to
ask about as many 100 at a time, each on one core, against how long the registry needs for them one by one.
"""

from __future__ import annotations

import csv
import gc
import hashlib
import io
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from time import process_time
from types import SimpleNamespace
from typing import Any

import msgspec
from msgspec.structs import replace

import chalicelib.wiring
from chalicelib.civil_registry import batch_file, dci, rules
from chalicelib.civil_registry.batch_file import ANSWERED, References
from chalicelib.civil_registry.batches import STANDING, BatchState
from chalicelib.civil_registry.later import Callbacks, Transactions
from chalicelib.civil_registry.registry import CivilRecord, Said
from chalicelib.civil_registry.service import Verifier
from chalicelib.config import load_programme, settings_from_environment
from chalicelib.ids import derived_id, system_randomness
from chalicelib.registration.rules import PersonalData, Verification
from chalicelib.registration.verifications import Ask
from chalicelib.registration.wire import RegistrationForm
from local.sandbox.registry import Person, Registry

from .aws.endpoint import Index
from .aws.indexed import IndexedTables
from .harness import ENVIRONMENT, REGISTRATION, Report, Row, Table, Target, machine, parser, tell
from .meter import reset_peak, resident_peak
from .race import Stage, Way, apart, race
from .requests import REGISTRATIONS

RUNS, ROWS, TURN, BATCH, PLAYED = 100, 100_000, 10, 20, 4_000
TOGETHER, QUESTIONS = 100, 50
UNITS_MAX = 3
NOW = datetime(2026, 11, 24, 3, 0, 0, 123000, UTC)
INDEXES = (
    Index(("registered_shard", "pk"), frozenset({"region", "registered_at"})),
    Index(("unverified_shard", "ask_from"), frozenset({"version", "waits_since"})),
)
"""The indexes of the table of registrations, as in `infrastructure/data_stack.py`."""
RECORD = CivilRecord(REGISTRATION["name"].upper(), date(1995, 8, 17), REGISTRATION["kk"], 31, dead=False)


class Confirms:
    """A registry that knows everybody."""

    source = "bench"

    def find(self, niks: Sequence[str]) -> list[Said]:
        return [RECORD] * len(niks)


class Asking:
    """Has registrations confirmed in one of the ways; each run has registrations of its own."""

    def __init__(self, way: str, stage: Stage) -> None:
        # A stage whose registry takes files queues nothing, and everybody waits for an answer all the same.
        settings = replace(settings_from_environment(os.environ), registry_url="files")
        self._way, self._stage, self._people = way, stage, 0
        self._services = chalicelib.wiring.build(settings)
        self._sandbox = Registry("bench")
        asking = msgspec.convert(self._sandbox.secret, dci.AskingSecret)
        answers = dci.AnswersSecret(self._sandbox.public_key, "bench")
        figures = self._services.programme.registry
        given = "http://bench.invalid", figures, lambda: asking, lambda: answers, lambda: NOW
        self._later = dci.DciRegistry(*given, system_randomness)
        self._callbacks = Callbacks(self._services.registry_judge, self._later, system_randomness)
        self._transactions = Transactions(self._later, system_randomness)
        self._verifier = Verifier(self._services.registry_judge, Confirms(), lambda: None)

    def prepare(self) -> Any:
        people = [self._register() for _ in range(BATCH)]
        match self._way:
            case "at once" | "together":
                return [Ask(who, 1) for who, _ in people]
            case "later":
                return [self._answer(who, nik) for who, nik in people]
        sent = [Ask(who, 1) for who, _ in people]
        # `Endpoint` plays no query of an index.
        self._services.verifications.page_waiting = lambda *_: (sent, "")  # type: ignore[method-assign]
        batches = self._services.registry_batches
        for standing in batches.all():
            if standing.state in STANDING:
                batches.give_up(standing.id, "bench/a", "bench", NOW)
        proposed = batches.propose(BATCH, "bench/a", "bench", NOW)
        rows, asked, _ = batches.questions(proposed.id, "bench/b", 0)
        batches.sent(proposed.id, "bench/b", len(asked), NOW)
        [answer] = batch_file.parts(self._sandbox.answer_file(batch_file.whole(proposed.id, rows)))
        if self._way == "approved":
            self._import(answer)
        return answer

    def _import(self, answer: bytes) -> dict[str, int] | None:
        batches = self._services.registry_batches
        batch, sha256 = batches.part(answer, "", BatchState.SENT)
        return batches.take_in(batch, [sha256], batches.count(batch, answer, 0), "bench/a", NOW).found

    def run(self, given: Any) -> Any:
        match self._way:
            case "at once":
                for one in given:
                    self._verifier.process([one])
                return None
            case "together":
                return self._verifier.process(given)
            case "later":
                return [self._callbacks.take(one, NOW) for one in given]
            case "imported":
                return self._import(given)
        batches = self._services.registry_batches
        batch = batches.standing(given, "", 0, "bench/b")
        found = batches.apply(batch, given, 0)
        batches.applied(batch, "bench/b", NOW)
        return found

    def check(self, _given: Any, answer: Any) -> None:
        if isinstance(answer, dict) and answer != {"VERIFIED": BATCH}:
            raise RuntimeError(f"not all were confirmed: {answer}")
        if self._way != "imported":
            state = self._services.registrations.registrant(_who(self._people)).verification
            if state is not Verification.VERIFIED:
                raise RuntimeError("nobody was confirmed")

    def _register(self) -> tuple[str, str]:
        self._people += 1
        block, serial = divmod(self._people, 9_999)
        who, nik = _who(self._people), f"3174{block % 99 + 1:02}{block // 99 + 1:02}0895{serial + 1:04}"
        own = {"nik": nik, "phone": f"0812{30_000_000 + self._people}"}
        self._services.registrations.register(who, msgspec.convert(REGISTRATION | own, RegistrationForm), NOW)
        known = {"name": REGISTRATION["name"], "birth_date": REGISTRATION["birth_date"], "kk": REGISTRATION["kk"]}
        self._sandbox.add([Person(nik=nik, province="31", **known)])
        return who, nik

    def _answer(self, who: str, nik: str) -> str:
        transaction = self._transactions.seal(Ask(who, 1), NOW + timedelta(days=1))
        query = {"query_type": "idtype-value", "query": {"type": "NIK", "value": nik}}
        search = [{"reference_id": transaction[:26], "search_criteria": query}]
        message = {"transaction_id": transaction, "search_request": search}
        answer = self._sandbox.answer({"header": {"sender_id": "bench"}, "message": message})
        return str(answer["signature"])


class Played:
    """A whole batch, part by part as the administration's function is called."""

    def __init__(self, rows: int) -> None:
        os.environ.update(ENVIRONMENT)
        # Rows as bytes: as dicts they are most of a process's memory, and of its garbage collector's time.
        self._endpoint = IndexedTables("bench")
        stage = Stage(self._endpoint, None)
        stage.counted = False
        self._rows, self._asking = rows, Asking("imported", stage)
        for _ in range(rows):
            self._asking._register()
            self._endpoint.take()
        self._batches = self._asking._services.registry_batches
        self._batch = self._batches.propose(rows, "bench/a", "bench", NOW)
        self._written, self._found, self._kept = list[bytes](), Counter[str](), Counter[str]()

    def steps(self) -> dict[str, Row]:
        """CPU of each step by row, of the last tenth of its parts too; and what a part adds to the process."""
        self._endpoint.take()
        gc.collect()
        gc.freeze()  # what is stored: looking for garbage in it is no part of the work
        steps = {"writing the questions": self._measured(self._writing())}
        raw = batch_file.whole(self._batch.id, b"".join(self._written))
        parts = batch_file.parts(self._asking._sandbox.answer_file(raw))
        steps["importing"] = self._measured(self._importing(parts))
        steps["approving"] = self._measured(self._approving(parts))
        if not self._found == self._kept == {"VERIFIED": self._rows}:
            raise RuntimeError(f"not all were confirmed: {self._found}, {self._kept}")
        return steps

    def _measured(self, parts: Iterator[int]) -> Row:
        taken, peak = list[tuple[float, int]](), 0
        while True:
            reset_peak()
            before, began = resident_peak(), process_time()
            if (count := next(parts, None)) is None:
                break
            taken.append((process_time() - began - self._endpoint.take()[1], count))
            peak = max(peak, resident_peak() - before)
        return {
            "CPU s": round(sum(spent for spent, _ in taken), 1),
            "us a row": _each(taken),
            "us a row, last tenth": _each(taken[-max(1, len(taken) // 10) :]),
            "MB a part": round(peak / 1e6, 1),
        }

    def _writing(self) -> Iterator[int]:
        row, after = 0, ""
        while row < self._rows:
            lines, people, after = self._batches.questions(self._batch.id, "bench/b", row, after)
            self._written.append(lines)
            row += len(people)
            yield len(people)
        self._batches.sent(self._batch.id, "bench/b", row, NOW)

    def _importing(self, parts: Sequence[bytes]) -> Iterator[int]:
        sums = []
        for number, part in enumerate(parts):
            batch, sha256 = self._batches.part(part, self._batch.id, BatchState.SENT)
            sums.append(sha256)
            self._found.update(counted := self._batches.count(batch, part, number))
            yield counted.total()
        self._batches.take_in(self._batches.batch(self._batch.id), sums, dict(self._found), "bench/a", NOW)

    def _approving(self, parts: Sequence[bytes]) -> Iterator[int]:
        for number, part in enumerate(parts):
            batch = self._batches.standing(part, self._batch.id, number, "bench/b")
            self._kept.update(kept := self._batches.apply(batch, part, number))
            yield kept.total()
        self._batches.applied(self._batches.batch(self._batch.id), "bench/b", NOW)


def _who(number: int) -> str:
    return derived_id("bench", number)


def _each(taken: Sequence[tuple[float, int]]) -> int:
    return round(sum(spent for spent, _ in taken) / sum(count for _, count in taken) * 1e6)


def _played(rows: int) -> dict[str, Row]:
    return Played(rows).steps()


WAYS = ("at once", "together", "later", "imported", "approved")


def report(runs: int, rows: int, batch: int) -> Report:
    ways = [Way(name, _Maker(name), BATCH) for name in WAYS]
    raced = {each.way.name: each for each in race(ways, runs, turn=TURN, indexes={REGISTRATIONS: INDEXES})}
    steps, whole = files(rows), apart(_played, batch)
    per_s = load_programme("prod").registry.asks_per_s
    asked_in = rows / per_s
    envelope = envelopes()
    together_s = rows * (envelope["us a person"] + raced["together"].cpu_us(http=True)) / 1e6
    took = rows * sum(raced[name].cpu_us(http=True) for name in ("imported", "approved")) / 1e6
    at_once = raced["at once"]
    written = at_once.mean(sum(call.write_units + call.index_units for call in at_once.made()))
    targets = [
        Target(name="write units of an answer", value=written, at_most=UNITS_MAX, condition=True),
        Target(name=f"seconds for {rows:,} rows", value=round(took), at_most=asked_in),
        Target(
            name=f"seconds for {rows:,} people, {TOGETHER} in a question", value=round(together_s), at_most=asked_in
        ),
    ]
    return Report(
        "registry",
        f"A registration that the registry confirms: medians of {runs} runs of {BATCH} each, in turns",
        machine(),
        [
            Table("a registration", {name: each.row() for name, each in raced.items()}),
            Table(f"a file of {rows:,} rows", steps),
            Table(f"a batch of {batch:,} people", whole),
            Table(
                f"a question about {TOGETHER}",
                {"envelopes": {**envelope, f"s for {rows:,} at {per_s} questions a second": rows / TOGETHER / per_s}},
            ),
        ],
        targets,
    )


class _Maker:
    """Makes the work of a way in its own process."""

    def __init__(self, way: str) -> None:
        self._way = way

    def __call__(self, stage: Stage) -> Asking:
        return Asking(self._way, stage)


def envelopes() -> dict[str, float]:
    """CPU of one person's part of a question about many and its answer, without the network and the registry's part."""
    sandbox = Registry("bench")
    people = [f"{3_174_095_708_950_001 + number}" for number in range(TOGETHER)]
    known = {"name": REGISTRATION["name"], "birth_date": REGISTRATION["birth_date"], "kk": REGISTRATION["kk"]}
    sandbox.add(Person(nik=nik, province="31", **known) for nik in people)
    asking, answers = msgspec.convert(sandbox.secret, dci.AskingSecret), dci.AnswersSecret(sandbox.public_key, "bench")
    figures = load_programme("prod").registry
    asks = dci.DciRegistry("", figures, lambda: asking, lambda: answers, lambda: NOW, system_randomness)
    spent = 0.0

    def post(_path: str, body: bytes) -> bytes:
        nonlocal spent
        began = process_time()
        answer = msgspec.json.encode(sandbox.answer(sandbox.opened(body)))
        spent += process_time() - began
        return answer

    setattr(asks, "_post", post)  # noqa: B010 - a method's double, which mypy would refuse
    began = process_time()
    for _ in range(QUESTIONS):
        if None in asks.find(people):
            raise RuntimeError("not all were found")
    own = process_time() - began - spent
    return {"us a person": round(own / QUESTIONS / TOGETHER * 1e6, 1), "bytes": len(asks._question(people, "t" * 26))}


def files(rows: int) -> dict[str, Row]:
    """CPU seconds and the peak of memory of each step with the two files."""
    steps: dict[str, Row] = {}

    def step(name: str, work: Callable[[], Any]) -> Any:
        began = process_time()
        made = work()
        took = process_time() - began
        peak_mb = resident_peak() // 1_000_000
        steps[name] = {"CPU s": round(took, 1), "us a row": round(took / rows * 1e6, 1), "peak MB": peak_mb}
        return made

    references = References(bytes(32))
    batch = "a" * 26
    raw = step(
        "writing the questions",
        lambda: batch_file.whole(batch, batch_file.questions(1, _questions(rows), references)),
    )
    answer = _answer_to(raw)
    del raw
    parts = step("dividing the answer, at the terminal", lambda: batch_file.parts(answer))
    answers = step(
        "reading its parts",
        lambda: [one for number, part in enumerate(parts) for one in batch_file.read(part, number, rows, references)],
    )
    figures = load_programme("prod").registry
    # Each name is typed in small letters, and the registry has it in capitals.
    nik, kk = REGISTRATION["nik"], REGISTRATION["kk"]
    typed = [PersonalData(nik, kk, one.record.name.title(), "") for one in answers if one.record]
    found = step(
        "comparing",
        lambda: [rules.state_of(_WHO, person, one.record, figures) for person, one in zip(typed, answers, strict=True)],
    )
    if set(found) != {Verification.VERIFIED}:
        raise RuntimeError("not all were confirmed")
    return steps


_WHO: Any = SimpleNamespace(birth_date=RECORD.birth_date, region=RECORD.province)
"""Of a registration what is compared."""


def _questions(rows: int) -> Iterator[tuple[str, Ask]]:
    for row in range(rows):
        yield f"{3_174_095_708_000_000 + row}", Ask(_who(row), 1)


def _answer_to(raw: bytes) -> bytes:
    """What an office answers that knows everybody, each by another name."""
    control, _, body = raw.partition(b"\n")
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(ANSWERED)
    for asked in csv.reader(io.StringIO(body.decode()).readlines()[1:]):
        name = f"SITI RAHMA{int(asked[0]):x}".translate(_LETTERS)
        out.writerow([*asked, "yes", name, "1995-08-17", REGISTRATION["kk"], "31", "", "no"])
    answer = text.getvalue().encode()
    return b",".join([*control.split(b",")[:3], hashlib.sha256(answer).hexdigest().encode()]) + b"\n" + answer


_LETTERS = str.maketrans("0123456789abcdef", "AEIOUBDGKLMNRSTW")
"""Numbers as words."""


if __name__ == "__main__":
    given = parser(__doc__ or "")
    given.add_argument("runs", type=int, nargs="?", default=RUNS, help=f"{RUNS} without it")
    given.add_argument("--rows", type=int, default=ROWS, help=f"{ROWS:,} without it")
    given.add_argument("--batch", type=int, default=PLAYED, help=f"{PLAYED:,} without it")
    options = given.parse_args()
    sys.exit(tell(report(options.runs, options.rows, options.batch), options))
