"""Corrections of what a person may not change any more: one administrator proposes (the maker), another approves.

A proposal has the old and the new values; it is valid while the old ones are still there. The open proposal and every
decided one are stored in the person's own partition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime

import msgspec
from msgspec.structs import replace

from ... import clock
from ...aws.dynamodb import Transaction, find
from ...errors import Unavailable
from ...ids import same_person
from ...notices.service import NoticeService
from ...values import Hidden
from ...vault import PersonKey, Vault
from .. import identity, wire
from ..addresses.store import renaming
from ..change_notices import of_details, telling
from ..claims.presence import forgetting
from ..errors import NikCannotChange, NotRegistered
from ..items import TRIES, PresenceItem, person_pk
from ..records import PROVEN, Record, frozen_part, mac_of_change, person_of, presence, released, with_nik
from ..rules import DIFFERING, Employment, PersonalData, Registrant, unverified
from ..store import Legs, RegistrationOvertaken, RegistrationStore
from ..verifications import Verifications
from .errors import CorrectionBySamePerson, CorrectionStands, NoCorrection, NothingToCorrect
from .store import CorrectionStore, Decision, Proposal

Changes = Mapping[str, tuple[str, str]]
"""By field the old and the new value, in clear."""


class Correction(Hidden, frozen=True):
    """A proposal with its values in clear, for the person who decides. Its repr leaves them out."""

    proposal: Proposal
    changes: Changes


class Corrections:
    """`by` is the caller's IAM identity (ARN); a reason has no personal data. All raise `NotRegistered`.

    `move_card` gives the legs that count a beneficiary to another family card (its keyed hash).
    """

    def __init__(
        self,
        store: RegistrationStore,
        corrections: CorrectionStore,
        vault: Vault,
        move_card: Callable[[str, str], Legs],
        notices: NoticeService,
        verifications: Verifications,
    ) -> None:
        self._store = store
        self._corrections = corrections
        self._vault = vault
        self._move_card = move_card
        self._notices = notices
        self._verifications = verifications

    def propose(self, registrant_id: str, form: wire.CorrectionForm, by: str, reason: str, now: datetime) -> Correction:
        """Propose other values. The same proposal by the same person again changes nothing.

        Raises `MalformedName`, `MalformedKk`, `MalformedNik`, `NothingToCorrect`, `NikCannotChange` unless the civil
        registry says that something differs or they only claim it, `CorrectionStands` if another proposal stands.
        """
        record, key = self._open(registrant_id)
        person = person_of(key, record)
        known = _known(record, person)
        given = _given(form)
        nik = given.get("nik", person.nik)
        identity.check_apart(nik, given.get("kk", person.kk))
        if form.presence is not None:
            given["presence"] = presence(nik, proven=form.presence == PROVEN)
        changes = {field: (known[field], value) for field, value in given.items() if value != known[field]}
        if not changes:
            raise NothingToCorrect()
        _check_nik(record.registrant, changes)
        new = Proposal(by, reason, now, key.seal("correction/1", msgspec.json.encode(changes)))
        for _ in range(TRIES):
            before = self._corrections.proposal(registrant_id)
            standing = _standing(before, record, key)
            if standing is None and self._corrections.put(registrant_id, new, before):
                return Correction(new, changes)
            if standing is not None and (standing.proposal.maker, standing.changes) != (by, changes):
                raise CorrectionStands(maker=standing.proposal.maker)
            if standing is not None:
                return standing
        raise Unavailable()

    def standing(self, registrant_id: str) -> Correction | None:
        """The open proposal; None if there is none, or a value has changed since."""
        record, key = self._open(registrant_id)
        return _standing(self._corrections.proposal(registrant_id), record, key)

    def approve(self, registrant_id: str, by: str, now: datetime, seen: Proposal | None = None) -> Registrant:
        """Carry out what another person proposed; with `seen`, only if it is what the checker was shown.

        Raises `NoCorrection`, `CorrectionBySamePerson`; for a NIK `NikCannotChange` if the civil registry confirmed it
        meanwhile, and `NikAlreadyRegistered`.
        """
        for _ in range(TRIES):
            record, key = self._open(registrant_id)
            standing = _standing(self._corrections.proposal(registrant_id), record, key)
            if standing is None or seen not in {None, standing.proposal}:
                raise NoCorrection()
            if same_person(standing.proposal.maker, by):
                raise CorrectionBySamePerson()
            try:
                return self._carry_out(record, key, standing, by, now)
            except RegistrationOvertaken:
                continue
        raise Unavailable()

    def reject(self, registrant_id: str, by: str, reason: str, now: datetime) -> None:
        """Take a proposal away, one's own or another's. Raises `NoCorrection`."""
        proposal = self._corrections.proposal(registrant_id)
        if proposal is None or not self._corrections.reject(registrant_id, proposal, by, reason, now):
            raise NoCorrection()

    def history(self, registrant_id: str) -> list[tuple[Decision, Changes]]:
        """Every decision, in order: who, when, why, and the old and the new values in clear."""
        _, key = self._open(registrant_id)
        return [(one, _changes(key, one.sealed)) for one in self._corrections.decisions(registrant_id)]

    def _open(self, registrant_id: str) -> tuple[Record, PersonKey]:
        record = self._store.record(registrant_id)
        if record is None:
            raise NotRegistered()
        return record, self._vault.open_key(registrant_id, record.wrapped_key)

    def _carry_out(self, record: Record, key: PersonKey, standing: Correction, by: str, now: datetime) -> Registrant:
        old, person = record.registrant, person_of(key, record)
        _check_nik(old, standing.changes)
        values = {field: value for field, (_, value) in standing.changes.items()}
        corrected = replace(person, **{field: values[field] for field in ("nik", "name", "kk") if field in values})
        birth_date = date.fromisoformat(values.get("birth_date", old.birth_date.isoformat()))
        nik_mac = self._vault.mac("nik", corrected.nik) if "nik" in values else old.nik_mac
        kk_mac = self._vault.mac("kk", corrected.kk) if "kk" in values else old.kk_mac
        asks_anew = standing.changes.keys() != {"presence"}  # of which the registry is asked nothing
        new = replace(
            with_nik(unverified(old), nik_mac) if asks_anew else old,
            birth_date=birth_date,
            employment=Employment(values.get("employment", old.employment)),
            kk_mac=kk_mac,
            name_mac=mac_of_change(self._vault.mac, old, person.name, corrected.name, birth_date),
            warnings=identity.warnings(corrected.nik, corrected.kk, birth_date, clock.wib_date(now)),
            updated_at=now,
        )
        if "presence" in values:
            proven = values["presence"] == presence(corrected.nik, proven=True)
            new = replace(new, present_at=now if proven else None)
        move_card = self._move_card(old.id, kk_mac) if kk_mac != old.kk_mac else None

        def others(tx: Transaction) -> None:
            proposal = standing.proposal
            self._corrections.decide(tx, old.id, proposal, proposal.decided("CORRECTED", by, proposal.reason, now))
            if move_card is not None:
                move_card(tx)

        sealed = key.seal("person/1", msgspec.json.encode(corrected))
        ask_from = self._verifications.ask_from(new, now)
        after = record.changed(new, ask_from, sealed, asks_anew=asks_anew)
        told = of_details(person, corrected, now)
        renamed = renaming(old.id) if corrected.name != person.name else None
        with telling(self._notices, old.id, told, others, renamed, forgetting(old, new)) as legs:
            self._store.save(after, released(old, new), unless_excluded=False, others=legs)
        self._verifications.ask_about(after)
        return new


def _given(form: wire.CorrectionForm) -> dict[str, str]:
    """The values of a form, as `frozen_part` writes them. Raises `MalformedKk`, `MalformedNik`,
    `MalformedName`.
    """
    given = {
        "name": None if form.name is None else wire.registrant_name("name", form.name),
        "birth_date": None if form.birth_date is None else form.birth_date.isoformat(),
        "employment": None if form.employment is None else form.employment.value,
        "kk": None if form.kk is None else identity.parse_kk(form.kk),
        "nik": None if form.nik is None else identity.parse_nik(form.nik),
    }
    return {field: value for field, value in given.items() if value is not None}


def _check_nik(registrant: Registrant, changes: Changes) -> None:
    may_differ = registrant.verification in DIFFERING or registrant.claimed_at is not None
    if "nik" in changes and not may_differ:
        raise NikCannotChange()


def _known(record: Record, person: PersonalData) -> dict[str, str]:
    """As `frozen_part`, with who attested a presence if it was not two administrators: their word is more."""
    known, present_at = frozen_part(record.registrant, person), record.registrant.present_at
    row = find(PresenceItem, person_pk(record.registrant.id), "PRESENCE") if present_at else None
    by = f" by {row.proven_by}" if row is not None and row.proven_at == present_at else ""
    return known | {"presence": known["presence"] + by}


def _standing(proposal: Proposal | None, record: Record, key: PersonKey) -> Correction | None:
    if proposal is None:
        return None
    changes = _changes(key, proposal.sealed)
    known = _known(record, person_of(key, record))
    return Correction(proposal, changes) if all(known[field] == was for field, (was, _) in changes.items()) else None


def _changes(key: PersonKey, sealed: bytes) -> Changes:
    return msgspec.json.decode(key.unseal("correction/1", sealed), type=dict[str, tuple[str, str]])
