"""A whole wave's calls, by the client that openapi-python-client generates. Its session has no key of a device."""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote

import httpx
from gelombang_client import AuthenticatedClient, Client
from gelombang_client.api.grievances import file_grievance
from gelombang_client.api.jobs import apply_for_job, list_job_matches
from gelombang_client.api.partners import (
    attend_training,
    complete_training,
    list_applicants,
    post_vacancy,
    redeem_training,
    validate_redemption,
)
from gelombang_client.api.payouts import get_my_payouts
from gelombang_client.api.person import get_me, put_financial_address, put_registration
from gelombang_client.api.service import get_references
from gelombang_client.api.signing_in import open_session, start_sign_in
from gelombang_client.api.statistics import get_statistics
from gelombang_client.api.surveys import answer_survey, get_my_surveys
from gelombang_client.api.trainings import buy_training, get_my_trainings, list_courses, review_training
from gelombang_client.api.waves import get_inclusion_proof, get_my_entries, get_wave, join_wave
from gelombang_client.models import (
    AboutSelection,
    AboutSelectionKind,
    ApplicationForm,
    ApplicationFormShareItem,
    AttendanceForm,
    Category,
    CompletionForm,
    EnteredCode,
    EntryStanding,
    FinancialAddressForm,
    GrievanceForm,
    PayoutViewState,
    PostingForm,
    Problem,
    PurchaseForm,
    RedemptionForm,
    RegistrationForm,
    ResponseForm,
    ReviewForm,
    SessionForm,
    SignInStart,
    TrainingState,
)

T = TypeVar("T")


def stage(*asked: object) -> Any:
    """Ask what the API does not do: the time, a code out of the mail, the work of administrators."""
    sys.stdout.write(json.dumps(asked) + "\n")
    sys.stdout.flush()
    return json.loads(sys.stdin.readline())


def now() -> datetime:
    return datetime.fromisoformat(stage("now"))


def given(answer: T | Problem | None) -> T:
    """What was asked for, and no refusal."""
    if isinstance(answer, Problem) or answer is None:
        raise SystemExit(f"refused: {answer}")
    return answer


class Signed(httpx.Auth):
    """A training partner's signature, as docs/partners.md describes it."""

    requires_request_body = True

    def __init__(self, key: str) -> None:
        self._key = bytes.fromhex(key)

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        timestamp = str(int(now().timestamp()))
        asked = parse_qsl(request.url.query.decode(), keep_blank_values=True)
        query = "&".join(sorted(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in asked))
        digest = hashlib.sha256(request.content).hexdigest()
        text = "\n".join(("gelombang1", request.method, request.url.path, query, timestamp, digest))
        request.headers["Gelombang-Timestamp"] = timestamp
        request.headers["Gelombang-Signature"] = hmac.digest(self._key, text.encode(), "sha256").hex()
        yield request


def sign_in(url: str, email: str) -> AuthenticatedClient:
    public = Client(base_url=url)
    started = given(start_sign_in.sync(client=public, body=SignInStart(contact=email)))
    code = EnteredCode(sign_in_id=started.sign_in_id, secret=started.secret, code=stage("code", email))
    opened = given(open_session.sync(client=public, body=SessionForm(code=code)))
    assert opened.new_account
    return AuthenticatedClient(base_url=url, token=opened.access_token)


def partner_client(url: str, partner_id: str, key: str) -> AuthenticatedClient:
    signs = {"auth": Signed(key)}
    return AuthenticatedClient(url, partner_id, prefix="", auth_header_name="Gelombang-Partner", httpx_args=signs)


def train(me: AuthenticatedClient, partner: AuthenticatedClient) -> None:
    """Buy a course, be trained, review it."""
    page = given(list_courses.sync(client=Client(base_url=url), limit=1))
    training = given(buy_training.sync(client=me, body=PurchaseForm(course_id=page.courses[0].course_id)))
    beneficiary = given(get_me.sync(client=me)).beneficiary
    assert beneficiary is not None
    shown = RedemptionForm(redeem_code=training.redeem_code, card_number=beneficiary.card_number)
    given(validate_redemption.sync(client=partner, body=shown))
    stage("wait", 1)  # a signature is good once, and for a second
    given(redeem_training.sync(client=partner, body=shown))
    attended = AttendanceForm(redeem_code=training.redeem_code, attended_at=now())
    given(attend_training.sync(client=partner, body=attended))
    stage("wait", 3600 * page.courses[0].hours)
    completed = CompletionForm(training.redeem_code, certificate_number="S-1", completed_at=now())
    given(complete_training.sync(client=partner, body=completed))
    review = ReviewForm(rating=9, text="Pelatihannya bermanfaat.")
    given(review_training.sync(training.training_id, client=me, body=review))
    mine = given(get_my_trainings.sync(client=me))
    assert [each.state for each in mine.trainings] == [TrainingState.COMPLETED]


def find_work(me: AuthenticatedClient, partner: AuthenticatedClient) -> None:
    """A partner posts a vacancy, an alumnus applies, the partner reads who."""
    vacancy = PostingForm(
        title="Pengembang web",
        employer="CV Contoh Karya",
        province=None,
        skills=["programming"],
        salary_min_idr=3_000_000,
        salary_max_idr=5_000_000,
        closes_at=now() + timedelta(days=20),
        reference="V-1",
    )
    posted = given(post_vacancy.sync(client=partner, body=vacancy))
    (match,) = given(list_job_matches.sync(client=me)).matches
    assert match.vacancy.vacancy_id == posted.vacancy_id
    share = list(ApplicationFormShareItem)
    given(apply_for_job.sync(client=me, body=ApplicationForm(vacancy_id=posted.vacancy_id, share=share)))
    (applicant,) = given(list_applicants.sync(posted.vacancy_id, client=partner, limit=5)).applicants
    assert [each.certificate_number for each in applicant.certificates] == ["S-1"]


def answer(me: AuthenticatedClient) -> None:
    """The survey that opens after the payment."""
    (survey,) = given(get_my_surveys.sync(client=me)).surveys
    form = ResponseForm.from_dict({"answers": {each.id: stage("answer", each.to_dict()) for each in survey.questions}})
    answered = given(answer_survey.sync(survey.survey_id, client=me, body=form))
    assert answered.answered_at is not None


url = sys.argv[1]
person = stage("person")
me = sign_in(url, person["email"])
form = RegistrationForm.from_dict(person["form"])
registered = given(put_registration.sync(client=me, body=form))
assert isinstance(form.birth_date, date)
number = stage("open")
assert given(get_me.sync(client=me)).may_join
receipt = given(join_wave.sync(client=me))
given(put_financial_address.sync(client=me, body=FinancialAddressForm.from_dict(person["address"])))
partner = partner_client(url, *stage("partner"))
stage("draw", number)
(entry,) = given(get_my_entries.sync(client=me)).entries
assert (entry.standing, entry.receipt) == (EntryStanding.CHOSEN, receipt)
public = Client(base_url=url)
wave = given(get_wave.sync(number, client=public))
proof = given(get_inclusion_proof.sync(number, receipt.leaf, client=public, region=receipt.region))
assert (proof.leaf, proof.entries, wave.chosen) == (receipt.leaf, wave.entries, 1)
train(me, partner)
stage("pay")
(payout,) = given(get_my_payouts.sync(client=me)).payouts
assert payout.state is PayoutViewState.PAID
stage("surveys")
answer(me)
find_work(me, partner)
appeal = GrievanceForm(
    about=AboutSelection(kind=AboutSelectionKind.SELECTION, wave=number),
    category=Category.SELECTION_RESULT,
    text="Kenapa?",
)
given(file_grievance.sync(client=me, body=appeal))
assert given(get_references.sync("skills", client=public)).references
given(get_statistics.sync(client=public))
