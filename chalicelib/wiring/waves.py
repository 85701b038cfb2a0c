"""How the services of waves are built."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from .payouts import PayoutsServices

if TYPE_CHECKING:
    from ..civil_registry.service import Sweep
    from ..registration.corrections.service import Corrections
    from ..waves.award import Award, Decisions
    from ..waves.award_queue import AwardBatches, AwardQueueing
    from ..waves.entries import EntryStore
    from ..waves.places.beneficiaries import BeneficiaryStore
    from ..waves.places.revocation import Revocation
    from ..waves.progress import ProgressReader
    from ..waves.publication.bucket import CosignatureIntake, Publication
    from ..waves.publication.draw_run import Beacons, DrawRun
    from ..waves.publication.inclusion import Inclusion
    from ..waves.publication.samples import Audit
    from ..waves.registration_changes import RegistrationChanges
    from ..waves.service import Waves
    from ..waves.step import WaveStep
    from ..waves.store import WaveStore

RELAY_TIMEOUT_S = 5
"""How long one relay of the beacon may take to be reached, and then to answer, before the next one is asked."""


class WavesServices(PayoutsServices):
    """Waves from the calendar to the award, and the revocation of places."""

    @cached_property
    def waves(self) -> Waves:
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
        from ..waves.registration_changes import RegistrationChanges

        return RegistrationChanges(self.programme, self._wave_store, self._entries, self._beneficiaries)

    @cached_property
    def corrections(self) -> Corrections:
        from ..registration.corrections.service import Corrections
        from ..registration.corrections.store import CorrectionStore

        stores = self.registration_store, CorrectionStore(self.transaction)
        move_card, notices = self.registration_changes.move_card, self.notices
        return Corrections(*stores, self.vault, move_card, notices, self.verifications)

    @cached_property
    def registry_sweep(self) -> Sweep:
        from ..civil_registry.service import Sweep
        from ..waves.entrants import Entrants

        figures = self.programme.registry
        before_close = timedelta(seconds=figures.asked_before_close_s)
        return Sweep(self.verifications, figures, Entrants(self._wave_store, self.verifications, before_close))

    @cached_property
    def inclusion(self) -> Inclusion:
        from ..waves.publication.inclusion import Inclusion

        return Inclusion(self.waves.get, self._publication)

    @cached_property
    def stepper(self) -> WaveStep:
        from ..notices.announcements import Announcements
        from ..waves.freeze import EligibilityCheck, Freeze, RemovedEntries
        from ..waves.step import WaveStep

        settings, programme = self.settings, self.programme
        told_for = timedelta(seconds=programme.registry.removed_if_told_for_s) if settings.has_registry else None
        removed = RemovedEntries(self.transaction)
        screening = EligibilityCheck(self._entries, removed, self.registrations, told_for)
        return WaveStep(
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
        from ..payouts.service import AtAward
        from ..waves.places.confirmation import Confirmation
        from ..waves.places.revocation import Revocation, RevocationLog

        places, people, told = self._beneficiaries, self.registrations, self.notices
        log = RevocationLog(self.transaction, places)
        confirmation = Confirmation(self.programme, self.transaction, places, people, told, AtAward(self.payouts))
        return Revocation(self.programme, self._wave_store, log, self._award, confirmation, people, told)

    @cached_property
    def beacons(self) -> Beacons:
        """The source of random numbers; the command line replaces it by a signature that was handed in."""
        from ..waves.publication.draw_run import Relays, TimedGet

        return Relays(self.settings.beacon_relays, TimedGet(RELAY_TIMEOUT_S))

    @cached_property
    def witnessing(self) -> CosignatureIntake:
        from ..waves.publication.bucket import CosignatureIntake

        return CosignatureIntake(self._wave_store, self._publication, self.programme.draw)

    @cached_property
    def _award(self) -> Award:
        from ..waves.award import Award

        return Award(self._entries, self._drawing, self._publication, self._decisions)

    @cached_property
    def _ahead(self) -> AwardQueueing:
        from ..aws.queues import Queue
        from ..waves.award_queue import AwardQueueing

        queue = Queue(self.settings.awards_queue_url, self.settings.region)
        rules = self.programme.draw.awards
        return AwardQueueing(self._wave_store, self._award, self._decisions, self._entries, queue, rules)

    @cached_property
    def award_batches(self) -> AwardBatches:
        from ..waves.award_queue import AwardBatches

        return AwardBatches(self.programme, self._wave_store, self._entries, self._decisions)

    @cached_property
    def watching(self) -> ProgressReader:
        from ..waves.freeze import RemovedEntries
        from ..waves.progress import ProgressReader

        return ProgressReader(self._wave_store, RemovedEntries(self.transaction), self._publication)

    @cached_property
    def audit(self) -> Audit:
        from ..waves.publication.samples import Audit

        store, entries, beneficiaries = self._wave_store, self._entries, self._beneficiaries
        return Audit(store, entries, beneficiaries, self._publication, self.registrations)

    @cached_property
    def _decisions(self) -> Decisions:
        from ..payouts.service import AtAward
        from ..waves.award import Decisions

        people, beneficiaries = self.registrations, self._beneficiaries
        return Decisions(self._entries, beneficiaries, people, self.programme, self._randomness, AtAward(self.payouts))

    @cached_property
    def _drawing(self) -> DrawRun:
        from ..waves.publication.draw_run import DrawRun

        return DrawRun(self._publication, self.beacons, self.programme.draw)

    @cached_property
    def _publication(self) -> Publication:
        from ..waves.publication.bucket import Publication

        return Publication(self._client("s3"), self.settings.results_bucket)

    @cached_property
    def _wave_store(self) -> WaveStore:
        from ..waves.store import WavesTable, WaveStore

        self._bind(WavesTable, "waves")
        return WaveStore(self.transaction)

    @cached_property
    def _entries(self) -> EntryStore:
        from ..waves.entries import EntryStore
        from ..waves.store import WavesTable

        self._bind(WavesTable, "waves")
        return EntryStore()

    @cached_property
    def _beneficiaries(self) -> BeneficiaryStore:
        from ..waves.places.beneficiaries import BeneficiaryStore
        from ..waves.store import WavesTable

        self._bind(WavesTable, "waves")
        return BeneficiaryStore(self.transaction, self.programme.eligibility.family_card_cap)
