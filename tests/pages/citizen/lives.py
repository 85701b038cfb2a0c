"""What the API says of people at each stage of a life, made of its own structs, to the page as it is served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec

from chalicelib.accounts.wire import ChangeList, ChangeView, ContactList, ContactView
from chalicelib.config import Programme, load_programme
from chalicelib.helpdesk.wire import GrievanceList, GrievanceView
from chalicelib.jobs.wire import ApplicationList, MatchList, MatchView, Reason, VacancyView
from chalicelib.notices.rules import Kind as NoticeKind
from chalicelib.notices.rules import NoticeState
from chalicelib.notices.wire import NoticeList, NoticeView, ReminderSettings
from chalicelib.outcomes import questions
from chalicelib.outcomes.survey_wire import SurveyList, SurveyView
from chalicelib.payouts.wire import Destination, InstalmentView, PayoutList, PayoutView
from chalicelib.privacy.wire import (
    Bilingual,
    ConsentList,
    ConsentView,
    DataPage,
    ReaderList,
    ReaderView,
    restriction_view,
    stays_view,
)
from chalicelib.registration.rules import Education, Employment, Standing
from chalicelib.registration.wire import FinancialAddressView, PresenceCodeView, RegistrationView
from chalicelib.training.wire import CourseList, CourseView, TrainingList, TrainingView
from chalicelib.waves.rules import WaveState
from chalicelib.waves.wire import (
    BeneficiaryView,
    DrawnValues,
    EntryList,
    EntryView,
    Receipt,
    ReceiptFile,
    WaveList,
    WaveView,
)
from chalicelib.web.me import Deadline, Me
from chalicelib.web.references import references
from tests.pages.opened import opened

ID, OTHER = "a" * 26, "b" * 26
WAVE = 61
NOW = datetime(2026, 6, 3, 3, tzinfo=UTC)
OPENS, CLOSES, BUY_BY = "2026-06-05T05:00:00Z", "2026-06-08T17:00:00Z", "2026-06-22T17:00:00Z"

REGISTRATION = RegistrationView(
    nik="3174**********01", kk="3174**********02", name="Siti Aminah", birth_date=date(1995, 8, 17),
    phone="+62********7890", phone_lost_at=None, province="31", regency="3174", education=Education.SENIOR_HIGH,
    employment=Employment.JOBSEEKER, consent_version="2026-01", consent_withdrawn_at=None, standing=Standing.REGISTERED,
    verification="PENDING", differs=(), nik_held="yes", present_at=None, warnings=(), registered_at=NOW, updated_at=NOW,
)  # fmt: skip
DIFFERS = msgspec.structs.replace(REGISTRATION, verification="DIFFERS")
CONTESTED = msgspec.structs.replace(REGISTRATION, nik_held="contested")
ADDRESS = FinancialAddressView(
    code="BNI", account_number="********6789", holder_name="Siti Aminah", verification="verified", to_do="nothing"
)
COURSE = CourseView(
    ID,
    "LAS-1",
    "Dasar Pengelasan",
    OTHER,
    "Balai Latihan Kerja",
    1_250_000,
    40,
    "offline",
    "31",
    ["welding"],
    offered=True,
    description="Mengelas pelat datar, dari menyalakan busur sampai menguji sambungan.",
    starts_on=date(2026, 6, 5),
    ends_on=None,
    redeem_at="Jalan Industri 5, Jakarta",
)
VACANCY = VacancyView(
    ID,
    "Juru las",
    "PT Baja Maju",
    "Balai Latihan Kerja",
    "31",
    ["welding"],
    4_000_000,
    5_500_000,
    OPENS,
    CLOSES,
    open=True,
    description="Mengelas rangka di bengkel kami.",
)


def wave(state: WaveState = WaveState.SCHEDULED, number: int = WAVE, **changes: Any) -> WaveView:
    drawn = state in {WaveState.FROZEN, WaveState.DRAWN, WaveState.SETTLED}
    usual = {
        "number": number, "state": state, "opens_at": OPENS, "closes_at": CLOSES, "quota": 5_000,
        "entries": 90_000 if drawn else None, "chosen": 5_000 if state is WaveState.SETTLED else None,
        "results_url": f"https://results.example/draws/{number}" if drawn else None, "beacon": None,
        "waiting_for": None, "draw_due_at": CLOSES, "note_sha256": "9f" * 32 if drawn else None,
        "locked_at": CLOSES if drawn else None,
        "witnesses": [], "settled_at": CLOSES if state is WaveState.SETTLED else None,
    }  # fmt: skip
    return WaveView(**usual | changes)


def entry(standing: str, reason: str | None = None, number: int = WAVE) -> EntryView:
    receipt = Receipt(number, "07" * 32, "5e" * 32, 31, "2026-06-05T05:04:00Z")
    drawn = DrawnValues("6b" * 32, "0a" * 32, None, None) if reason == "not_drawn" else None
    file = ReceiptFile(f"gelombang-{number}-receipt.json", "{}\n")
    revoked = (BUY_BY, "no_first_purchase") if standing == "revoked" else (None, None)
    return EntryView(number, standing, reason, drawn, receipt, file, *revoked)


def place(state: str) -> BeneficiaryView:
    because = {"REVOKED": "no_first_purchase", "PASSED": "nik_passed"}.get(state)
    revoked, graduated = BUY_BY if because else None, BUY_BY if state == "GRADUATED" else None
    amounts = (3_500_000, 600_000, 50_000)
    return BeneficiaryView(
        WAVE, "2026000000000001", "2023", state, OPENS, BUY_BY, revoked, because, graduated, *amounts, "review"
    )


def training(state: str, **changes: Any) -> TrainingView:
    usual = {
        "training_id": ID, "course_id": ID, "course": "LAS-1", "title": "Dasar Pengelasan",
        "provider_name": "Balai Latihan Kerja", "price_idr": 1_250_000, "state": state,
        "redeem_code": "ABCD2345EFGH6723",
        "purchased_at": OPENS, "cancellable_until": CLOSES if state == "PURCHASED" else None, "cancelled_at": None,
        "redeemed_at": None, "attended_at": None, "completed_at": CLOSES if state == "COMPLETED" else None,
        "certificate_number": "LAS-1/0001" if state == "COMPLETED" else None, "review": None,
    }  # fmt: skip
    return TrainingView(**usual | changes)


def payout(state: str, **changes: Any) -> PayoutView:
    return PayoutView(
        **{"payout_id": ID, "kind": "INCENTIVE", "amount_idr": 600_000, "state": state, "updated_at": NOW} | changes
    )


def survey(state: str = "open", amount_idr: int = 50_000) -> SurveyView:
    [version] = questions.load().values()
    return SurveyView(
        ID, 1, "beneficiary", WAVE, state, amount_idr, OPENS, CLOSES, None, version.version, version.questions, None
    )


GRIEVANCE = msgspec.convert(
    {
        "number": "abcd-efgh-ijkl-mnop", "about": {"kind": "registration"}, "category": "personal_data",
        "text": "Nama saya salah tulis.", "state": "ANSWERED", "filed_at": OPENS, "deadline_at": CLOSES,
        "evidence": None,
        "answer": {"text": "Sudah kami perbaiki.", "answered_at": CLOSES},
    },
    GrievanceView,
)  # fmt: skip


CONTACT = ContactView(contact_id=ID, kind="email", contact="s•••@example.com", signs_in_from=None, signs_in_until=None)

KEPT = stays_view(["nik", "exclusion"], load_programme("production").retention)
DELETION = ChangeView(change_id=ID, change="account_deleted", subject=ID, asked_at=NOW, takes_effect_at=NOW, stays=KEPT)
CONSENT = ConsentView(ID, "registration", "2026-01", None, NOW, None, Bilingual("Anda tidak ikut.", "You are not in."))
READERS = ReaderList(
    [
        ReaderView(
            ID, NOW, "administrator", Bilingual("Petugas", "Administrator"), None, "person show", "Ia menelepon", "done"
        )
    ],
    OTHER,
)


@dataclass
class Life:
    """What the API says to one person; None for `me` is a guest."""

    me: Me | None
    wave: WaveView = field(default_factory=wave)
    entries: list[EntryView] = field(default_factory=list)
    trainings: list[TrainingView] = field(default_factory=list)
    payouts: list[PayoutView] = field(default_factory=list)
    surveys: list[SurveyView] = field(default_factory=list)
    to_come: list[InstalmentView] = field(default_factory=list)
    none_coming: bool = False

    def answers(self) -> dict[str, Any]:
        """By path."""
        balance = self.me.balance_idr if self.me else None
        coming = [] if self.none_coming else [wave(number=WAVE + 1)]
        return {
            "/me": self.me,
            "/waves/current": self.wave,
            "/waves": WaveList([wave(WaveState.SETTLED), *coming], self.none_coming),
            f"/waves/{WAVE}": wave(WaveState.SETTLED),
            "/me/entries": EntryList(self.entries),
            "/me/trainings": TrainingList(balance, self.trainings),
            "/me/payouts": PayoutList(self.payouts, self.to_come, None if self.to_come else "dropped_out"),
            "/me/surveys": SurveyList(self.surveys),
            "/me/grievances": GrievanceList([GRIEVANCE]),
            "/courses": CourseList([COURSE], None),
            f"/courses/{ID}": COURSE,
            "/me/job-matches": MatchList([MatchView(VACANCY, Reason(["welding"], "province"))], None),
            "/me/job-applications": ApplicationList([], None),
            f"/sign-ins/{ID}": {"state": "sent", "arrives_in_s": 0, "code_again_at": CLOSES},
            "/me/notices": NoticeList(
                [NoticeView(NoticeKind.PAID, {}, NoticeState.SENT, OPENS, OPENS, ())],
                ReminderSettings(True, True, False),
            ),
            "/me/contacts": ContactList([CONTACT], "id"),
            "/me/sessions": {"sessions": [{
                "session_id": ID, "device": "phone", "how": "email", "started_at": OPENS, "last_used_at": OPENS,
                "ends_at": CLOSES,
                "has_key": True, "current": True,
            }]},
            "/me/passkeys": {"passkeys": [{
                "passkey_id": ID, "device": "phone", "created_at": OPENS, "last_used_at": OPENS, "backed_up": True,
                "valid_from": CLOSES, "valid_until": None,
            }]},
            "/me/readers": READERS,
            "/me/consents": ConsentList([CONSENT], None),
            "/me/restriction": restriction_view(NOW),
            "/me/changes": ChangeList([DELETION]),
            "/me/data": DataPage([], NOW, None),
        }  # fmt: skip

    def written(self) -> dict[str, Any]:
        """What is said to a change, by path."""
        return {
            "/sign-ins": {"sign_in_id": ID, "secret": "s", "arrives_in_s": 3, "code_again_at": CLOSES},
            "/waves/current/entries": entry("waiting_for_closing").receipt,
            "/me/grievances": GRIEVANCE,
            "/me/trainings": training("PURCHASED"),
            "/me/presence-codes": PresenceCodeView("ABCDEFGHJKLMNP23", NOW + timedelta(minutes=10)),
        }


def me(beneficiary: BeneficiaryView | None = None, balance: int | None = None, **changes: Any) -> Me:
    usual = {
        "registration": REGISTRATION, "financial_address": ADDRESS, "beneficiary": beneficiary, "balance_idr": balance,
        "next_deadline": None, "may_join": beneficiary is None,
        "why_not": "already_beneficiary" if beneficiary else None, "contacts": [CONTACT], "language": "id",
    }  # fmt: skip
    return Me(**usual | changes)


def standing(what: Standing) -> RegistrationView:
    return msgspec.structs.replace(REGISTRATION, standing=what)


GRADUATED = me(place("GRADUATED"), 2_250_000)
REVIEW = {"rating": 9, "text": "Gurunya sabar.", "reviewed_at": CLOSES}
DONE = [training("COMPLETED", review=REVIEW)]
HELD = ("needs_financial_address", "account_not_verified", "account_refused", "address_changed", "change_untold",
        "change_disputed", "under_review", "returned")  # fmt: skip
LONG_AGO = datetime(2026, 1, 5, tzinfo=UTC)
TO_COME = [
    InstalmentView("INCENTIVE_2", 600_000, NOW + timedelta(days=31)),
    InstalmentView("INCENTIVE_3", 600_000, CLOSES),
]
LIVES: dict[str, Life] = {
    "guest": Life(None, wave(WaveState.OPEN)),
    "unregistered": Life(Me(None, None, None, None, None, False, "not_registered", [], "id")),
    "revoked": Life(me(place("REVOKED"), 0, registration=standing(Standing.REVOKED)), entries=[entry("revoked")]),
    "revoked with its NIK": Life(
        me(place("PASSED"), 0, registration=standing(Standing.BENEFICIARY)), entries=[entry("revoked")]
    ),
    "excluded": Life(me(), entries=[entry("not_chosen", "excluded")]),
    "reserved": Life(
        me(place("RESERVED"), 3_500_000, may_join=False, why_not="already_beneficiary"), entries=[entry("reserved")]
    ),
    "chosen": Life(me(place("POTENTIAL"), 3_500_000), entries=[entry("chosen")]),
    **{f"held {state}": Life(GRADUATED, trainings=DONE, payouts=[payout(state)]) for state in HELD},
    "survey": Life(
        me(place("GRADUATED"), 0, next_deadline=Deadline("survey", CLOSES)), trainings=DONE,
        payouts=[payout("paid")], surveys=[survey()],
    ),
    "review": Life(me(place("ACTIVE"), 2_250_000), trainings=[training("COMPLETED")]),
    "training": Life(me(place("ACTIVE"), 2_250_000), trainings=[training("PURCHASED")]),
    "reviewed": Life(GRADUATED, trainings=DONE, payouts=[payout("in_progress")]),
    "paid": Life(GRADUATED, trainings=DONE, payouts=[payout("paid")]),
    "coming": Life(me(place("ACTIVE"), 0), payouts=[payout("paid", updated_at=LONG_AGO)], to_come=TO_COME),
    "graduate": Life(GRADUATED, trainings=DONE, payouts=[payout("paid", updated_at=LONG_AGO)]),
    "in_selection": Life(me(), wave(WaveState.FROZEN, waiting_for="beacon"), [entry("in_selection")]),
    "joined": Life(me(), wave(WaveState.OPEN), [entry("waiting_for_closing")]),
    "cannot": Life(me(may_join=False, why_not="in_formal_education"), wave(WaveState.OPEN)),
    "open": Life(me(), wave(WaveState.OPEN), [entry("not_chosen", "not_drawn", WAVE - 1)]),
    "open after a lapsed place": Life(
        me(place("LAPSED"), 0, may_join=True, why_not=None), wave(WaveState.OPEN), [entry("revoked", None, WAVE - 1)]
    ),
    "cannot after an unused place passed with its NIK": Life(
        me(place("PASSED"), 0, may_join=False, why_not="consent_withdrawn"), wave(WaveState.OPEN),
        [entry("revoked", None, WAVE - 1)],
    ),
    "open again": Life(
        me(place("ACTIVE"), 0, may_join=True, why_not=None), wave(WaveState.OPEN), [entry("chosen", None, WAVE - 1)],
        payouts=[payout("paid")],
    ),
    "not_chosen": Life(me(), wave(number=WAVE + 1), [entry("not_chosen", "not_drawn")]),
    "not_chosen as not confirmed": Life(me(), wave(number=WAVE + 1), [entry("not_chosen", "not_confirmed")]),
    "none_open": Life(me()),
    "none_open whose data differ": Life(me(registration=DIFFERS)),
    "none_open whose NIK is contested": Life(me(registration=CONTESTED)),
    "none_open whose last contact went": Life(me(contacts=[])),
    "none_coming": Life(me(), none_coming=True),
}  # fmt: skip
"""By the state that home shows, and what it is about."""

SENT = [
    payout("paid", destination=Destination(False, "BNI", "********6789")),
    payout("returned", kind="SURVEY_1", destination=Destination(True)),
]
WHOLE = Life(GRADUATED, wave(WaveState.OPEN), [entry("chosen")], DONE, SENT, [survey()], TO_COME)
SCREENS = (
    "riwayat", f"bukti/{WAVE}", "katalog", f"katalog/{ID}", "pelatihan", f"pelatihan/{ID}", "uang", "uang/rekening",
    "survei", f"survei/{ID}", f"survei/{ID}/3", "lowongan", "pesan", "bantuan", "bantuan/baru",
    f"bantuan/baru/selection_result/{WAVE}",
    "akun", "akun/kontak", "akun/perangkat", "akun/kunci", "akun/pembaca", "akun/izin", "akun/data",
    *(f"daftar/{step}" for step in range(1, 7)), "masuk",
)  # fmt: skip
"""What is opened for somebody who has come all the way."""


@contextmanager
def living(
    browser: Any, programme: Programme, life: Life, device_clock: datetime = NOW, **context: Any
) -> Iterator[Any]:
    """A window of that person; `page.sent` has what was sent.

    `page.told.life` may be changed; `page.told.then` is their life after the next change.
    """
    told = SimpleNamespace(life=life, then=None, sent=[])

    def answer(request: Any, path: str) -> Any:
        if request.method != "GET":
            told.sent.append((request.method, path, request.post_data_json))
            said = told.life.written().get(path, {})
            if path != "/me/language":  # which is told when it suits the page
                told.life = told.then or told.life
            return said
        if path.startswith("/references/"):
            return references(path.rpartition("/")[2], programme)
        return told.life.answers().get(path)

    with opened(browser, programme, "citizen", NOW, answer, device_clock=device_clock, **context) as page:
        page.told, page.sent = told, told.sent
        if life.me is not None:
            page.evaluate(SIGN_IN)
            page.reload()
        yield page


SIGN_IN = """() => new Promise((resolve) => {
  const asked = indexedDB.open("gelombang", 1);
  asked.onsuccess = () => {
    const ends = Date.now() + 86400000;
    const session = { account: "siti", access_token: "t", refresh_token: "r", session_id: "s", ends };
    const put = asked.result.transaction("kept", "readwrite").objectStore("kept").put(session, "session");
    put.onsuccess = resolve;
  };
})"""
"""As if this device had signed in before: what the application says is ours to choose here."""
