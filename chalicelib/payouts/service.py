"""The use cases of payouts, except the work on one (`worker`) and the decisions of administrators (`administration`).

Also the queue and its consumer.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..aws import queues
from ..aws.dynamodb import Transaction
from ..config import Programme
from ..waves.rules import Beneficiary
from . import alarm_words, rules, steps, wire
from .errors import InvalidCallback, Superseded, UnknownEntitlement
from .ledger.records import SELDOM_RAILS, News, unsettled_shards
from .ledger.store import ENTITLEMENT_LEG, PayoutStore
from .plans import plan_rules
from .plans.store import PLAN_LEG, STOPPED_LEG, PlanKey
from .rules import Entitlement, Kind, Move, State
from .wire import EARLIER, Destination, PayoutView

if TYPE_CHECKING:
    from .worker import Worker


log = logging.getLogger(__name__)

SWEEP_LIMIT = 50
"""Entitlements that one sweep queues from one partition of the index: 800 a minute, so it ends within its time."""

LOOKED_AT = 25
"""Entitlements of one partition of the index whose age is looked at."""

BACKLOG_MAX = 1_000
"""While more messages wait in the queue, a sweep adds none, because what it would queue is most likely among them.
Otherwise a backlog would feed itself: each minute would queue the same entitlements again.
"""


class Payouts:
    """See the module. Methods with `now` take an aware UTC instant."""

    def __init__(
        self, store: PayoutStore, queue: PayoutQueue, callback_token: Callable[[], str], programme: Programme
    ) -> None:
        """`callback_token` is asked for at each webhook."""
        self.queue = queue
        self._store = store
        self._callback_token = callback_token
        self._schemes = {scheme.version: scheme for scheme in programme.schemes}
        self._rules = programme.payouts

    def entitle(
        self, tx: Transaction, beneficiary: Beneficiary, kind: Kind, now: datetime, days: int | None = None
    ) -> str:
        """Add a new entitlement to the caller's transaction and return its id; the caller then queues it.

        `days` that the person attended, where those are paid. With the first of monthly incentives goes their plan.

        If the person is entitled already, the transaction fails in the leg `ENTITLEMENT_LEG` and writes nothing. That
        is no error of the person's: if no other leg failed, the caller may repeat its own write without this call. If
        the queueing is lost after a commit, the sweep finds the entitlement. Raises `NotInScheme`.

        If the person's payments were stopped, `PLAN_LEG` or `STOPPED_LEG` fails for an incentive that comes later than
        the award.
        """
        scheme = self._schemes[beneficiary.scheme]
        entitlement = rules.entitled(beneficiary, kind, scheme, now, days)
        self._store.add(tx, entitlement, "entitled")
        plan = plan_rules.begun(beneficiary, scheme, now, self._rules.month_s) if kind is Kind.INCENTIVE else None
        if plan is not None:
            self._store.plans.add(tx, plan)
        elif kind not in plan_rules.SURVEYS and not scheme.begins_at_award:
            # At the award nobody was stopped yet, and its functions may only add to the ledger.
            self._store.plans.check_stopped(tx, _plan_key(beneficiary), stopped=False)
        return entitlement.id

    def entitle_first(
        self, tx: Transaction, beneficiary: Beneficiary, now: datetime, failed: Collection[str]
    ) -> str | None:
        """As `entitle`, after legs that `failed` at an earlier try; None if the first incentive is not to be due.

        The ledger may have it already, if the caller's table was restored to an earlier time. Or the person's payments
        are stopped, which is then a condition of the transaction.
        """
        if ENTITLEMENT_LEG in failed:
            return None
        if not {PLAN_LEG, STOPPED_LEG}.isdisjoint(failed):
            self._store.plans.check_stopped(tx, _plan_key(beneficiary), stopped=True)
            return None
        return self.entitle(tx, beneficiary, Kind.INCENTIVE, now)

    def incentives_by(self, trigger: str, beneficiary: Beneficiary) -> int:
        """How many incentives the person's scheme pays by this trigger, such as `review`; 0 if none."""
        payment = self._schemes[beneficiary.scheme].payment("INCENTIVE")
        return payment.times if payment is not None and payment.trigger == trigger else 0

    def check_nothing_alive(self, tx: Transaction, leg: str, beneficiary: Beneficiary | None) -> None:
        """Add legs of one name to the caller's transaction; they fail while a payment to the person may be under way.

        A claim that has read the address before may still come after; it pays to the address that was right then.
        """
        if beneficiary is not None:
            self._store.check_nothing_alive(tx, leg, self.ids(beneficiary))

    def look_again(self, beneficiary: Beneficiary | None, now: datetime) -> None:
        """Continue what was HELD because of the account, after a person has given one, or the same one again.

        A person who gives the same account again says that it takes money now. `steps.may_be_mended` says how soon
        after a refusal that counts. If the function dies half-way, the sweep does the rest.
        """
        if beneficiary is None:
            return
        held = [each for each in self._store.batch(self.ids(beneficiary)) if each.hold in rules.WAITING]
        for each in held:
            if steps.may_be_mended(each, now, self._rules):
                with suppress(Superseded):
                    self._store.move(each, Move(State.DUE, "person_says_mended"), now)
        if held:
            self.queue.send([each.id for each in held])

    def sweep(self, now: datetime) -> int | None:
        """Queue what has rested unsettled for too long, and return how many. Two sweeps at once queue each one once.

        A row is marked before it is queued: if the queueing is lost, a later sweep comes back to it. Each SENDING is
        met every `requeue_after_s` (by bank file: `held_look_factor` times that), so one that takes too long is logged
        each time. With more than `BACKLOG_MAX` messages waiting it does nothing and returns None.
        """
        waiting = self.queue.backlog()
        if waiting > BACKLOG_MAX:
            log.warning("payouts_not_swept", extra={"waiting": waiting})
            return None
        interval = timedelta(seconds=self._rules.requeue_after_s)
        queued = long = long_by_file = 0
        for shard, seldom in unsettled_shards():
            before = now - interval * (self._rules.held_look_factor if seldom else 1)
            rows = self._store.unsettled(shard, before, SWEEP_LIMIT)
            marked = [each for row in rows if (each := self._store.mark_queued(row, now)) is not None]
            self.queue.send([each.id for each in marked])
            queued += len(marked)
            # A SENDING in the partitions looked at less often goes by bank file.
            if seldom:
                long_by_file += sum(steps.takes_long(each, now, alarm_words.BY_FILE_LONG_S) for each in marked)
            else:
                long += sum(steps.takes_long(each, now, alarm_words.SENDING_LONG_S) for each in marked)
        if queued:
            log.info("payouts_swept", extra={"queued": queued})
        if long:
            log.warning(alarm_words.SENDING_LONG, extra={"count": long})
        if long_by_file:
            log.warning(alarm_words.BY_FILE_LONG, extra={"count": long_by_file})
        return queued

    def waiting_since(self, now: datetime) -> datetime | None:
        """Since when the oldest payment waits for us: due, under way, or over its rest by rule; None if none does.

        It looks at those that a sweep would take up first. If nothing is paid, any of them shows it.
        """
        rows = [row for shard, _ in unsettled_shards() for row in self._store.unsettled(shard, now, LOOKED_AT)]
        times = map(self._ours_from, self._store.batch(row.entitlement_id for row in rows))
        return min((time for time in times if time is not None and time <= now), default=None)

    def _ours_from(self, entitlement: Entitlement) -> datetime | None:
        """A HELD one counts from the first look after its wait. The sweep logs bank files, which take days."""
        ours = steps.ours_from(entitlement, self._rules)
        if ours is None or (entitlement.state is State.SENDING and entitlement.rail in SELDOM_RAILS):
            return None
        looks = self._rules.held_look_factor if entitlement.state is State.HELD else 0
        return ours + timedelta(seconds=self._rules.requeue_after_s * looks)

    def hint(self, callback_token: str, reference_id: str) -> None:
        """Take a webhook as a hint: queue the entitlement, so that the provider is asked. Raises `InvalidCallback`.

        References that this ledger did not make are ignored, here or (if they only look like ours) by the consumer: the
        provider's account may serve others too.
        """
        expected = self._callback_token()
        if not expected or not hmac.compare_digest(callback_token.encode(), expected.encode()):
            raise InvalidCallback()
        entitlement_id = rules.entitlement_of(reference_id)
        if entitlement_id is None:
            log.info("fsp_hint_ignored")
            return
        self.queue.send([entitlement_id])

    def of(
        self, beneficiary: Beneficiary | None, addresses: Callable[[], Mapping[int, Destination]] = dict
    ) -> list[PayoutView]:
        """A person's entitlements, by kind; one batch get of the derived ids. Empty if the person was not selected.

        `addresses` gives the present address by its version; it is called if an attempt was made.
        """
        if beneficiary is None:
            return []
        own = self.of_many([beneficiary])[beneficiary.registrant_id]
        until = {each.id: steps.retries_at(each, self._rules) for each in own if each.hold in rules.UNCOUNTED}
        known = addresses() if any(each.address_version for each in own) else {}
        sent = {each.id: known.get(each.address_version, EARLIER) for each in own if each.address_version}
        return [wire.view(each, until.get(each.id), sent.get(each.id)) for each in own]

    def of_many(self, beneficiaries: Iterable[Beneficiary]) -> dict[str, list[Entitlement]]:
        """The entitlements of many people by registrant id, each list by kind and perhaps empty.

        One batch get for each hundred of the derived ids: three a person under the scheme of 2023.
        """
        people = list(beneficiaries)
        found: dict[str, list[Entitlement]] = {each.registrant_id: [] for each in people}
        ids = [id_ for each in people for id_ in self.ids(each)]
        for entitlement in self._store.batch(ids):
            found[entitlement.registrant_id].append(entitlement)
        order = list(Kind)
        return {person: sorted(own, key=lambda each: order.index(each.kind)) for person, own in found.items()}

    def news(self, shard: str, after: str, until: datetime, limit: int) -> list[News]:
        """What happened in one of `records.NEWS_SHARDS` that others act on (`records.is_news`), such as PAID.

        Oldest first, at most `limit` (up to 100). `after` is an instant as `clock.iso` writes it, or the `key` of the
        last line that was read; a key continues exactly after its line. Instants are compared as texts, so either end
        may be wrong by up to a second. The index lags moments behind the ledger: a reader up to the present reads the
        last minutes again (`cursors.Cursors` does).
        """
        return [news for news, _ in self._store.transitions(shard, after, until, limit)]

    def ids(self, beneficiary: Beneficiary) -> list[str]:
        """The entitlements that a person may have under their scheme, by kind."""
        kinds = plan_rules.kinds(self._schemes[beneficiary.scheme])
        return [rules.entitlement_id(beneficiary.wave, beneficiary.registrant_id, kind) for kind in kinds]


def _plan_key(who: Beneficiary) -> PlanKey:
    return who.registrant_id, who.wave


class AtAward:
    """What an award makes due: the first incentive of a scheme that pays from the award on, and its plan."""

    def __init__(self, payouts: Payouts) -> None:
        self._payouts = payouts

    def entitle(self, tx: Transaction, beneficiary: Beneficiary) -> str:
        """Add it to the transaction of the award; returns its id."""
        return self._payouts.entitle(tx, beneficiary, Kind.INCENTIVE, beneficiary.awarded_at)

    def send(self, entitlement_id: str) -> None:
        """Queue it, once the transaction is committed."""
        self._payouts.queue.send([entitlement_id])


class PayoutQueue:
    """Sends ids; the sweep sends again what gets lost."""

    def __init__(self, url: str, region: str) -> None:
        self._queue = queues.Queue(url, region)

    def send(self, ids: Sequence[str]) -> None:
        """Queue each id; a repeat does no harm. Raises `Unavailable` if SQS refused any; those before it are queued."""
        self._queue.send([wire.encode_message(id_) for id_ in ids])

    def backlog(self) -> int:
        """About how many messages nobody has received yet."""
        return self._queue.waiting()


def consume(records: Iterable[Mapping[str, Any]], worker: Worker, now: datetime) -> dict[str, list[dict[str, str]]]:
    """Process the messages of a batch (see `queues.consume`)."""

    def take(body: str) -> None:
        worker.process(wire.decode_message(body).entitlement_id, now)

    # Ours are written before they are queued and read consistently. So an unknown one never was ours: it is a hint
    # about another's payout whose reference looks like one of this ledger, and a repetition would not change that.
    return queues.consume("payouts", records, take, ignored=(UnknownEntitlement,))
