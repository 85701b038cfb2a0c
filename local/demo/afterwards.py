"""The part of the demo after the payments: jobs, surveys, appeals and complaints, and mails.

It also reads what the public can: calendar, feed and statistics.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

from icalendar import Calendar

from chalicelib.clock import iso, parse_iso

from .api import Unexpected
from .checks import mails_due
from .crowd import SURVEY_1, Crowd, Diary, Partner
from .people import Part, Person
from .scene import Scene
from .training import Shelf

VACANCIES = (("english", None), ("web_development", "31"), ("digital_marketing", None), ("data_analysis", "32"))
"""Skill and province of each vacancy. The last one is closed again."""

SETTLING_S = 6
"""Seconds from a paid incentive until its survey opens in the local stage, and a little more."""

MAILED_WITHIN_S = 600
"""For how many seconds no mail may arrive: twice as long as the claim of a function that died is valid."""

ROUNDS_MAX = 20

_POSTED = "/partners/vacancies"
_APPLICATIONS = "/me/job-applications"
_GRIEVANCES = "/me/grievances"
_PAGE = 5
_ATOM = "{http://www.w3.org/2005/Atom}"

_BEFORE = {"jobseeker": "unemployed", "laid_off": "unemployed", "worker": "employee", "entrepreneur": "self_employed"}
"""The answer about the time before, by the employment at registration."""

_SUBJECTS = (
    ("chosen", "Selamat, Anda terpilih"),
    ("not_chosen", "Hasil gelombang"),
    ("purchase_deadline", "Tinggal"),
    ("payment_failed", "Pembayaran"),
    ("survey_open", "Ceritakan pengalaman Anda"),
    ("survey_deadline", "Survei Anda segera ditutup"),
    ("revoked", "Kepesertaan"),
    ("grievance_answered", "Pengaduan"),
    ("paid", "Rp"),
)
"""How the subject of each kind of mail begins. In the last one the amount follows."""


# Jobs


@dataclass(frozen=True)
class Vacancy:
    path: str
    id: str
    partner: Partner


def match(scene: Scene, shelf: Shelf) -> None:
    """Partners post vacancies. Alumni see those that suit them and apply. Each partner reads its own applicants."""
    crowd, partners = scene.crowd, list(shelf.partners.values())
    posted = [
        _post(crowd, partners[turn % len(partners)], skill, province)
        for turn, (skill, province) in enumerate(VACANCIES)
    ]
    crowd.signed(posted[-1].partner, "POST", f"{posted[-1].path}/closure").expect(200)
    crowd.each("alumni look at vacancies", crowd.who(lambda diary: diary.bought), _read_matches)
    crowd.each("some apply", crowd.who(lambda diary: diary.matches and diary.person.applies), _apply)
    for vacancy in posted:
        stranger = next(each for each in partners if each != vacancy.partner)
        crowd.applicants[vacancy.id] = _read_applicants(crowd, vacancy, stranger)
    matched, applied = len(crowd.who(lambda diary: diary.matches)), len(crowd.who(lambda diary: diary.application))
    read = sum(map(len, crowd.applicants.values()))
    scene.tell(f"jobs: {matched} alumni see vacancies that suit them, {applied} apply; partners read {read} applicants")


def _post(crowd: Crowd, partner: Partner, skill: str, province: str | None) -> Vacancy:
    """A partner posts a vacancy, twice by mistake, and then corrects its salary. Raises `Unexpected`."""
    offer = {
        "title": f"Tenaga {skill}",
        "employer": "CV Contoh Karya",
        "province": province,
        "skills": [skill],
        "salary_min_idr": 3_000_000,
        "salary_max_idr": 5_000_000,
        "closes_at": iso(crowd.now().replace(microsecond=0) + timedelta(days=20)),
    }
    form = {"reference": f"V-{skill}", **offer}
    posted = crowd.signed(partner, "POST", _POSTED, form).expect(201).body
    if crowd.signed(partner, "POST", _POSTED, form, later_s=1).expect(200).body != posted:
        raise Unexpected(f"POST {_POSTED} gave another vacancy the second time")
    path = f"{_POSTED}/{posted['vacancy_id']}"
    crowd.signed(partner, "PUT", path, offer | {"salary_max_idr": 6_000_000}).expect(200)
    return Vacancy(path, posted["vacancy_id"], partner)


def _read_matches(crowd: Crowd, diary: Diary) -> None:
    """Look for vacancies. A person who has not completed a training is refused until then."""
    answer = crowd.call(diary, "GET", "/me/job-matches")
    if diary.completed:
        diary.matches = answer.expect(200).body["matches"]
    else:
        answer.expect(409, code="not_graduated")


def _apply(crowd: Crowd, diary: Diary) -> None:
    """Apply for the best match and agree to share name, phone and certificates. Some take that back later."""
    form = {"vacancy_id": diary.matches[0]["vacancy"]["vacancy_id"], "share": ["name", "phone", "certificates"]}
    if diary.person.part is Part.EARLY:
        less = form | {"share": ["name", "phone"]}
        crowd.call(diary, "POST", _APPLICATIONS, less).expect(422, code="consent_incomplete")
    application = crowd.call(diary, "POST", _APPLICATIONS, form).expect(201).body
    crowd.call(diary, "POST", _APPLICATIONS, form).expect(200)
    if diary.person.withdraws:
        crowd.call(diary, "POST", f"{_APPLICATIONS}/{form['vacancy_id']}/withdrawal").expect(200)
    diary.application = application


def _read_applicants(crowd: Crowd, vacancy: Vacancy, stranger: Partner) -> list[dict[str, Any]]:
    """Let the vacancy's partner read its applicants page by page. Another partner sees nothing. Raises `Unexpected`."""
    path = f"{vacancy.path}/applicants"
    crowd.signed(stranger, "GET", path).expect(404)
    found: list[dict[str, Any]] = []
    query = {"limit": str(_PAGE)}
    while True:
        page = crowd.signed(vacancy.partner, "GET", path, query=query).expect(200).body
        found += page["applicants"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


# Surveys


def ask(scene: Scene, paid_at: datetime) -> None:
    """Let the first survey open for those who were paid and for a sample of those not chosen, and answer it."""
    crowd = scene.crowd
    scene.clock.wait_until(paid_at + timedelta(seconds=SETTLING_S), "a survey opens some seconds after the payment")
    scene.admin.fire("open_surveys")
    joined = crowd.who(lambda diary: diary.registered and diary.receipt)
    crowd.each("people look for surveys", joined, read_surveys)
    paid = len(crowd.who(lambda diary: any(each["amount_idr"] for each in diary.surveys)))
    asked = len(crowd.who(lambda diary: diary.surveys))
    scene.tell(f"surveys: {paid} who were paid are asked, and to compare {asked - paid} who were not chosen")
    answering = [diary for diary in joined if diary.surveys and diary.person.answers]
    crowd.each("they answer", answering, _answer)
    crowd.each("", answering, read_surveys)


def read_surveys(crowd: Crowd, diary: Diary) -> None:
    diary.surveys = crowd.read(diary, "/me/surveys")["surveys"]


def _answer(crowd: Crowd, diary: Diary) -> None:
    """Answer a survey. Some click twice, leave a question out or try to change their answer."""
    (survey,) = diary.surveys
    path = f"/me/surveys/{survey['survey_id']}/response"
    said = _answers(diary.person, survey)
    if diary.person.part is Part.EARLY:
        without = {name: value for name, value in said.items() if name != "employment_now"}
        crowd.call(diary, "POST", path, {"answers": without}).expect(422, code="survey_answer_invalid")
    crowd.call(diary, "POST", path, {"answers": said}).expect(201)
    diary.answers = said
    if diary.person.part is Part.DOUBLE_CLICKS:
        crowd.call(diary, "POST", path, {"answers": said}).expect(200)
        changed = {"answers": said | {"employment_now": "other"}}
        crowd.must_refuse(diary, path, changed, "survey_already_answered")
    if survey["amount_idr"]:
        diary.due.add(SURVEY_1)


def _answers(person: Person, survey: Mapping[str, Any]) -> dict[str, Any]:
    """This person's answers to the questions of a survey. They follow from the person's number."""
    before = _BEFORE[person.form["employment"]]
    found_work = person.number % (2 if survey["amount_idr"] else 4) == 0
    now = ("self_employed" if person.number % 3 == 0 else "employee") if found_work else before
    said = {
        "employment_before": before,
        "employment_now": now,
        "work_kind": "none" if now == "unemployed" else "trade",
        "income_bracket": "none" if now == "unemployed" else "2_5m_to_under_5m",
        "certificate_used": "for_a_job" if now == "employee" else "not_yet",
        "incentive_use": ["business_capital", "daily_needs"] if person.number % 3 == 0 else ["daily_needs"],
        "recommendation": (10, 9, 8, 6, 10)[person.number % 5],
        "satisfaction": 5 - person.number % 3,
    }
    return {question["id"]: said[question["id"]] for question in survey["questions"]}


# Appeals and complaints


def hear(scene: Scene, wave: int) -> None:
    """Some people appeal or complain. The office escalates one case and answers all."""
    crowd = scene.crowd
    lost = crowd.who(lambda diary: diary.entry and diary.entry["reason"] == "not_drawn")[:3]
    unpaid = crowd.who(lambda diary: any(each["state"] == "account_refused" for each in diary.payouts))[:1]

    def appeal(crowd: Crowd, diary: Diary) -> None:
        text = "Mengapa saya tidak terpilih? Saya mendaftar paling awal."
        _file(crowd, diary, {"kind": "selection", "wave": wave}, "selection_result", text)

    def complain(crowd: Crowd, diary: Diary) -> None:
        payout_id = next(each["payout_id"] for each in diary.payouts if each["state"] != "paid")
        about = {"kind": "disbursement", "payout_id": payout_id}
        _file(crowd, diary, about, "payment_late", "Insentif saya belum masuk.")

    def read(crowd: Crowd, diary: Diary) -> None:
        diary.grievances = crowd.read(diary, _GRIEVANCES)["grievances"]

    crowd.each("some appeal", lost, appeal)
    crowd.each("somebody asks for the money", unpaid, complain)
    answered = scene.admin.answer_grievances()
    crowd.each("they read the answers", crowd.who(lambda diary: diary.grievances), read)
    scene.tell(f"helpdesk: {len(lost)} appeals with their evidence, {len(unpaid)} complaint; {answered} are answered")


def _file(crowd: Crowd, diary: Diary, about: Mapping[str, Any], category: str, text: str) -> None:
    """File a grievance, twice by mistake."""
    form = {"about": about, "category": category, "text": text}
    filed = crowd.call(diary, "POST", _GRIEVANCES, form).expect(201).body
    crowd.call(diary, "POST", _GRIEVANCES, form).expect(200)
    diary.grievances = [filed]


# Mails


def read_mailboxes(scene: Scene) -> None:
    """Wait until everybody has got the mails due to them, and count in each diary those that came."""
    patience = scene.patience("mails are still to come", MAILED_WITHIN_S)
    while (missing := _read_mails(scene)) and patience.goes_on(missing):
        scene.admin.fire("write_notices")
    kinds = sum((diary.mails for diary in scene.everybody), Counter[str]())
    said = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    scene.tell(f"mail: {kinds.total()} mails have arrived: {said}")


def _read_mails(scene: Scene) -> int:
    """Count the mails so far in the diaries. Returns how many are missing."""
    owners = {diary.person.email: diary for diary in scene.everybody}
    for diary in owners.values():
        diary.mails.clear()
    doubled = 0
    for (to, subject, _), times in Counter(scene.admin.mails()).items():
        kind = next((kind for kind, beginning in _SUBJECTS if subject.startswith(beginning)), "")
        if kind:  # the rest are codes, and news of new devices
            owners[to].mails[kind] += 1  # a second address gets only mails about changes, which are none of these kinds
            doubled += times - 1
    if doubled and doubled > (doubts := scene.admin.mails_in_doubt()):
        scene.crowd.differences.append(f"{doubled} mails came twice, and of {doubts} nobody knew whether they had gone")
    return sum((mails_due(diary) - diary.mails).total() for diary in owners.values())


# The public


def follow(scene: Scene, wave: int) -> None:
    """Read the feed and the calendar as a reader would. Raises `Unexpected` if the wave is not in them."""
    api = scene.crowd.api
    # The feed comes from the application itself.
    feed = ElementTree.fromstring(api.text("/feed.atom"))  # noqa: S314
    titles = [str(entry.findtext(f"{_ATOM}title")) for entry in feed.findall(f"{_ATOM}entry")]
    events = Calendar.from_ical(api.text("/waves.ics")).walk("VEVENT")
    about = [event for event in events if str(wave) in str(event["SUMMARY"])]
    if len(about) != 1:
        raise Unexpected(f"the calendar has {len(about)} events about wave {wave}")
    shown = api.call("GET", f"/waves/{wave}").expect(200).body
    if about[0].decoded("dtstart") != parse_iso(shown["opens_at"]):
        raise Unexpected(f"the calendar shows another opening of wave {wave}")
    scene.tell(f"feed: feed.atom has {len(titles)} announcements, the latest of them: {titles[0]}")
    scene.tell(f"feed: waves.ics has {len(events)} waves for everybody's own calendar")


def reckon(scene: Scene, asked_at: datetime) -> dict[str, Any]:
    """Return the country's statistics, counted after `asked_at`. Raises `Unexpected`."""
    for _ in range(ROUNDS_MAX):
        found: dict[str, Any] = scene.crowd.api.call("GET", "/statistics").expect(200).body
        if found["counted_from"] and parse_iso(found["counted_from"]) >= asked_at.replace(microsecond=0):
            _show(scene)
            rows = scene.crowd.api.text("/statistics.csv").splitlines()
            scene.tell(f"statistics: statistics.csv has {len(rows) - 1} lines, one for each wave and province")
            return found
        scene.admin.fire("tally_statistics")
    raise Unexpected(f"the statistics were not counted anew within {ROUNDS_MAX} runs")


def _show(scene: Scene) -> None:
    """Print the country's figures and write the provinces' to a file. Most of these are withheld, as people are few."""
    lines = scene.admin.show_statistics()
    file = scene.folder / "statistics.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
    of_provinces = [line for line in lines if re.match(r" *\d\d [A-Z]", line)]
    for line in lines:
        if line not in of_provinces:
            scene.tell(f"statistics: {line}")
    scene.tell(f"statistics: {len(of_provinces)} provinces besides, in {file.name} beside the published files")
