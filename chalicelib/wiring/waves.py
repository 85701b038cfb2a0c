"""How the services of waves are built."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .notices import NoticesServices
from .registration import RegistrationServices

if TYPE_CHECKING:
    from ..registration.corrections import Corrections
    from ..waves.advance import Stepper
    from ..waves.ahead import Ahead
    from ..waves.audit import Audit
    from ..waves.award import Award
    from ..waves.award_batch import AwardBatches
    from ..waves.beneficiaries import BeneficiaryStore
    from ..waves.changes import RegistrationChanges
    from ..waves.deciding import Decisions
    from ..waves.drawing import Beacons, Drawing
    from ..waves.entries import EntryStore
    from ..waves.inclusion import Inclusion
    from ..waves.progress import Watching
    from ..waves.publication import Publication
    from ..waves.revocation import Revocation
    from ..waves.service import Waves
    from ..waves.store import WaveStore
    from ..waves.witnessing import Witnessing

RELAY_TIMEOUT_S = 5
"""How long one relay of the beacon may take to be reached, and again to answer, before the next one is asked."""


class WavesServices(RegistrationServices, NoticesServices):
    """Waves from the calendar to the award, and the places that are taken back."""

    @cached_property
    def waves(self) -> Waves:
        """The calendar, joins, standings and beneficiaries."""
        from ..waves.service import Stores, Waves

        return Waves(
            self.programme,
            Stores(self._wave_store, self._entries, self._beneficiaries, lambda: self._publication),
            self.registrations,
            self.settings.results_url,
            self._randomness,
        )

    @cached_property
    def registration_changes(self) -> RegistrationChanges:
        """What waves have to say when a registration changes."""
        from ..waves.changes import RegistrationChanges

        return RegistrationChanges(self.programme, self._wave_store, self._entries, self._beneficiaries)

    @cached_property
    def corrections(self) -> Corrections:
        """What two administrators correct of a registration."""
        from ..registration.correction_store import CorrectionStore
        from ..registration.corrections import Corrections

        store, move_card = self._registration_store, self.registration_changes.move_card
        return Corrections(store, CorrectionStore(self.transaction), self.vault, move_card, self.notices)

    @cached_property
    def inclusion(self) -> Inclusion:
        """Proofs that a leaf is on its list."""
        from ..waves.inclusion import Inclusion

        return Inclusion(self.waves.get, self._publication)

    @cached_property
    def stepper(self) -> Stepper:
        """The step that takes waves on."""
        from ..notices.announcements import Announcements
        from ..waves.advance import Stepper
        from ..waves.freeze import Freeze
        from ..waves.removals import Removals
        from ..waves.screening import Screening

        settings, programme = self.settings, self.programme
        screening = Screening(self._entries, Removals(self.transaction), self.registrations)
        return Stepper(
            programme,
            self._wave_store,
            Freeze(self._entries, screening, self._publication, programme.draw),
            self._drawing,
            self._ahead,
            Announcements(self._client("sns"), settings.announcements_topic, self._events, self._clock),
            settings.results_url,
        )

    @cached_property
    def revocation(self) -> Revocation:
        """The step that takes places from who bought nothing in time."""
        from ..waves.revocation import Revocation, Stores
        from ..waves.revocation_log import RevocationLog

        beneficiaries = self._beneficiaries
        stores = Stores(self._wave_store, beneficiaries, RevocationLog(self.transaction, beneficiaries))
        return Revocation(self.programme, stores, self._award, self.registrations, self.notices)

    @cached_property
    def beacons(self) -> Beacons:
        """Where random numbers come from; the command line puts a signature that was handed in here."""
        from ..waves.beacon import Relays, TimedGet

        return Relays(self.settings.beacon_relays, TimedGet(RELAY_TIMEOUT_S))

    @cached_property
    def witnessing(self) -> Witnessing:
        """What takes in the witnesses' lines."""
        from ..waves.witnessing import Witnessing

        return Witnessing(self._wave_store, self._publication, self.programme.draw)

    @cached_property
    def _award(self) -> Award:
        from ..waves.award import Award

        return Award(self._entries, self._drawing, self._publication, self._decisions)

    @cached_property
    def _ahead(self) -> Ahead:
        from ..waves.ahead import Ahead
        from ..waves.award_queue import AwardQueue

        queue = AwardQueue(self.settings.awards_queue_url, self.settings.region)
        rules = self.programme.draw.awards
        return Ahead(self._wave_store, self._award, self._decisions, self._entries, queue, rules)

    @cached_property
    def award_batches(self) -> AwardBatches:
        """What decides the winners that were queued."""
        from ..waves.award_batch import AwardBatches

        return AwardBatches(self.programme, self._wave_store, self._entries, self._decisions)

    @cached_property
    def watching(self) -> Watching:
        """How far waves have come."""
        from ..waves.progress import Watching
        from ..waves.removals import Removals

        return Watching(self._wave_store, Removals(self.transaction), self._publication)

    @cached_property
    def audit(self) -> Audit:
        """The records of a random few of all entries."""
        from ..waves.audit import Audit

        store, entries, beneficiaries = self._wave_store, self._entries, self._beneficiaries
        return Audit(store, entries, beneficiaries, self._publication, self.registrations)

    @cached_property
    def _decisions(self) -> Decisions:
        from ..waves.deciding import Decisions

        people, beneficiaries = self.registrations, self._beneficiaries
        return Decisions(self._entries, beneficiaries, people, self.programme, self._randomness)

    @cached_property
    def _drawing(self) -> Drawing:
        from ..waves.drawing import Drawing

        return Drawing(self._publication, self.beacons, self.programme.draw)

    @cached_property
    def _publication(self) -> Publication:
        from ..waves.publication import Publication

        return Publication(self._client("s3"), self.settings.results_bucket)

    @cached_property
    def _wave_store(self) -> WaveStore:
        from ..waves.store import WavesTable, WaveStore

        self._bind(WavesTable, "waves")
        return WaveStore(self.transaction)

    @cached_property
    def _entries(self) -> EntryStore:
        from ..waves.entries import EntryStore
        from ..waves.reader import LeanReader
        from ..waves.store import WavesTable

        self._bind(WavesTable, "waves")
        return EntryStore(LeanReader(WavesTable))

    @cached_property
    def _beneficiaries(self) -> BeneficiaryStore:
        from ..waves.beneficiaries import BeneficiaryStore
        from ..waves.store import WavesTable

        self._bind(WavesTable, "waves")
        return BeneficiaryStore(self.transaction, self.programme.eligibility.family_card_cap)
