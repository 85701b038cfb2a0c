"""A town in which somebody has registered another's NIK, on the test's cloud."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chalicelib.config import Settings
from chalicelib.registration.rules import Registrant, School, Verification
from chalicelib.registration.wire import CorrectionForm
from chalicelib.wiring import Services
from tests.builders.registration import SITI, form, guards
from tests.conftest import T0

SQUATTER, OWNER, THIRD = (f"3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a{n}" for n in (11, 12, 13))
MAKER, CHECKER = "arn:aws:iam::1:user/ani", "arn:aws:iam::1:user/budi"
DAY = timedelta(hours=24)
MINE = form(phone="0812-9999-0001", claim_nik=True)


class Town:
    """The squatter has registered Siti's NIK; a clock that tests move."""

    def __init__(self, settings: Settings, programme: Any) -> None:
        self.now = T0
        self.services = Services(settings, programme, lambda: self.now)
        self.settings = settings
        self.people = self.services.registrations
        self.people.register(SQUATTER, SITI, self.now)

    def says(self, who: str, state: Verification, school: School | None = None) -> None:
        record = self.services.registration_store.record(who)
        assert self.services.verifications.keep(record, state, "dci", self.now, school)

    def sees(self, who: str, presence: str = "proven") -> None:
        """Two administrators find that somebody is who they say they are."""
        corrections = self.services.corrections
        corrections.propose(who, CorrectionForm(presence=presence), MAKER, "seen at the office", self.now)
        corrections.approve(who, CHECKER, self.now)

    def run(self, after: timedelta = timedelta()) -> None:
        self.now += after
        assert self.services.nik_claims.run(self.now, 300)
        assert self.services.nik_claims.run(self.now, 300)  # a repeat changes nothing

    def of(self, who: str) -> Registrant:
        return self.people.registrant(who)

    def holder(self) -> str:
        [holder] = {who for pk, who in guards(self.settings, "nik").items() if pk.endswith(self.of(OWNER).nik_mac)}
        return holder

    def told(self, who: str) -> list[str]:
        told = [one for one in self.services.mailboxes.notices(who) if one.kind == "nik_claim"]
        return [str(one.facts["news"]) for one in sorted(told, key=lambda one: one.created_at)]

    def shown(self, who: str) -> tuple[str, str]:
        view = self.people.me(who).registration
        assert view is not None
        return view.nik_held, view.verification
