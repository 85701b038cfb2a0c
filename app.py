"""The table of contents: every route, schedule and queue of the application. The work is in `chalicelib/`."""

from __future__ import annotations

import gc

gc.disable()  # until all is imported

import functools
import os
from typing import TYPE_CHECKING, Any

from chalice.app import AuthResponse, Cron, Rate

from chalicelib import config, logs, wiring
from chalicelib.aws import failures
from chalicelib.web import decoding, edge, later

if TYPE_CHECKING:
    from chalicelib import status
    from chalicelib.accounts import errors as account
    from chalicelib.accounts import wire as accounts
    from chalicelib.accounts.passkeys import wire as passkeys
    from chalicelib.accounts.sessions.rules import Session
    from chalicelib.civil_registry import errors as registry
    from chalicelib.civil_registry import wire as civil
    from chalicelib.helpdesk import errors as complaint
    from chalicelib.helpdesk import wire as helpdesk
    from chalicelib.jobs import errors as job
    from chalicelib.jobs import wire as jobs
    from chalicelib.notices import wire as notices
    from chalicelib.outcomes import errors as outcome
    from chalicelib.outcomes import statistics_wire as statistics
    from chalicelib.outcomes import survey_wire as surveys
    from chalicelib.payouts import errors as payout
    from chalicelib.payouts import wire as payouts
    from chalicelib.privacy import wire as privacy
    from chalicelib.registration import errors as person
    from chalicelib.registration import wire as registration
    from chalicelib.training import errors as course
    from chalicelib.training import wire as training
    from chalicelib.waves import errors as wave
    from chalicelib.waves import wire as waves
    from chalicelib.web import me, references
else:  # a process imports what its requests need
    status, me, references = map(later.Module, ("chalicelib.status", "chalicelib.web.me", "chalicelib.web.references"))
    account, accounts = later.domain("accounts")
    complaint, helpdesk = later.domain("helpdesk")
    registry, civil = later.domain("civil_registry")
    job, jobs = later.domain("jobs")
    outcome, statistics = later.domain("outcomes", "statistics_wire")
    payout, payouts = later.domain("payouts")
    person, registration = later.domain("registration")
    course, training = later.domain("training")
    wave, waves = later.domain("waves")
    passkeys = later.Module("chalicelib.accounts.passkeys.wire")
    notices = later.Module("chalicelib.notices.wire")
    privacy = later.Module("chalicelib.privacy.wire")
    surveys = later.Module("chalicelib.outcomes.survey_wire")

VERSION = "0.1.0"
logs.configure("gelombang")
app = edge.Api("gelombang")


@functools.cache
def services() -> wiring.Services:
    """Everything this deployment is made of, built when first asked for."""
    return wiring.build(config.settings_from_environment(os.environ))


@app.middleware("scheduled")
@app.middleware("sqs")
@app.middleware("sns")
def tell_of_failures(event: Any, run: Any) -> Any:
    """Whatever ends a function that nobody waits for rings at once, unless it will pass by itself."""
    with failures.failures_told():
        return run(event)


@app.authorizer(ttl_seconds=60)
def citizen(request: Any) -> AuthResponse:
    """Accept an access token of ours; everything else is 401."""
    return edge.admitted(services().admission, request.token, app.clock())


app.citizen = citizen

# The citizen's page, which uses the routes below


@app.endpoint("GET /", "The page for citizens", query=edge.Anything, answers={200: edge.Text("text/html")})
def get_page(_query: edge.Anything) -> edge.Reply:
    page = services().pages.page("citizen")
    return edge.ok(page.text, cache_s=60, policy=page.policy)


@app.endpoint(
    "GET /dashboard", "What came of the programme (a page)", query=edge.Anything, answers={200: edge.Text("text/html")}
)
def get_dashboard(_query: edge.Anything) -> edge.Reply:
    page = services().pages.page("dashboard")
    return edge.ok(page.text, cache_s=60, policy=page.policy)


@app.endpoint(
    "GET /draws",
    "The page of all waves: how far each is, its commitment, result and witnesses",
    query=edge.Anything,
    answers={200: edge.Text("text/html")},
)
def get_draws_page(_query: edge.Anything) -> edge.Reply:
    page = services().pages.page("draws")
    return edge.ok(page.text, cache_s=60, policy=page.policy)


@app.endpoint(
    "GET /status",
    "The page that says whether the service is well",
    query=edge.Anything,
    answers={200: edge.Text("text/html")},
)
def get_status_page(_query: edge.Anything) -> edge.Reply:
    page = services().pages.page("status")
    return edge.ok(page.text, cache_s=60, policy=page.policy)


@app.endpoint(
    "GET /docs",
    "The page with the guides to the API and its reference",
    query=edge.Anything,
    answers={200: edge.Text("text/html")},
)
def get_docs_page(_query: edge.Anything) -> edge.Reply:
    page = services().pages.page("docs")
    return edge.ok(page.text, cache_s=60, policy=page.policy)


@app.endpoint(
    "GET /assets/{build}/{folder}/{module}",
    "A module of a page (JavaScript)",
    answers={200: edge.Text("text/javascript")},
)
def get_asset(build: str, folder: str, module: str) -> edge.Reply:
    pages = services().pages
    script = pages.script(f"{folder}/{module}")
    return edge.ok(script.text, cache_s=edge.A_YEAR_S if build == pages.build else 0, policy=script.policy)


@app.endpoint(
    "GET /sw.js", "What keeps that page for when there is no signal", answers={200: edge.Text("text/javascript")}
)
def get_service_worker() -> edge.Reply:
    script = services().pages.service_worker
    return edge.ok(script.text, policy=script.policy)


# Accounts: at any hour, whether or not a wave is open


@app.endpoint(
    "POST /sign-ins",
    "Begin to sign in, or sign up, which is the same: a code is sent to an e-mail address or a mobile number",
    body=accounts.SignInStart,
    answers={202: accounts.SignInStarted},
    refuses=account.BEGIN,
)
def start_sign_in(form: accounts.SignInStart) -> edge.Reply:
    device = services().known_device(form.device_token, app.proofs, app.now())
    return edge.accepted(accounts.started_view(services().sign_ins.start(form, app.source(), app.now(), device)))


@app.endpoint(
    "GET /sign-ins/{sign_in_id}",
    "How far the code has come",
    answers={200: accounts.SignInProgress},
    refuses=(account.UnknownSignIn,),
)
def get_sign_in(sign_in_id: str) -> edge.Reply:
    return edge.ok(accounts.progress_view(services().sign_ins.progress(decoding.object_id(sign_in_id), app.now())))


@app.endpoint(
    "POST /sign-ins/{sign_in_id}/codes",
    "Have another code sent; one that is still on its way is waited for",
    body=accounts.CodeAgainForm,
    answers={202: accounts.SignInProgress},
    refuses=account.BEGIN_AGAIN,
)
def send_code_again(form: accounts.CodeAgainForm, sign_in_id: str) -> edge.Reply:
    sign_in_id, source = decoding.object_id(sign_in_id), app.source()
    return edge.accepted(accounts.progress_view(services().sign_ins.again(sign_in_id, form.secret, source, app.now())))


@app.endpoint(
    "GET /.well-known/jwks.json",
    "The public keys that access tokens are signed with",
    answers={200: accounts.PublicKeys},
)
def get_public_keys() -> edge.Reply:
    return edge.ok(accounts.keys_view(services().signing_keys.published(app.now())), cache_s=60)


@app.endpoint(
    "POST /sessions",
    "Sign in with the code that was sent, a passkey or an ID token; the account is made at the first time",
    body=accounts.SessionForm,
    answers={201: accounts.SessionOpened},
    refuses=account.OPENING,
    dpop=True,
)
def open_session(form: accounts.SessionForm) -> edge.Reply:
    return edge.created(services().sessions.open(form, app.proof_request(), app.now()))


@app.endpoint(
    "POST /sessions/refreshes",
    "Have another access token for the refresh token, by the device of the session",
    body=accounts.RefreshForm,
    answers={201: accounts.SessionRefreshed},
    refuses=account.REFRESHING,
    dpop=True,
)
def refresh_session(form: accounts.RefreshForm) -> edge.Reply:
    return edge.created(services().sessions.refresh(form.refresh_token, app.proof_request(), app.now()))


def present_session() -> Session:
    """The session of a request, for what must know at once when it was ended, and is for its device alone."""
    return services().sessions.require(app.caller(), app.session_id(), app.proof_request(), app.now())


@app.endpoint(
    "GET /me/sessions",
    "The devices on which I am signed in",
    who="citizen",
    proof=present_session,
    answers={200: accounts.SessionList},
    refuses=account.LOOKING,
    dpop=True,
)
def list_sessions(session: Session) -> edge.Reply:
    return edge.ok(services().sessions.of(session, app.now()))


@app.endpoint(
    "DELETE /me/sessions",
    "Sign out on every device, this one too",
    who="citizen",
    proof=present_session,
    answers={204: None},
    refuses=account.REFRESHING,
    dpop=True,
)
def end_sessions(session: Session) -> edge.Reply:
    services().sessions.end_all(session.account_id, app.now())
    return edge.done()


@app.endpoint(
    "DELETE /me/sessions/{session_id}",
    "Sign out on one device; again is no error",
    who="citizen",
    proof=present_session,
    answers={204: None},
    refuses=account.REFRESHING,
    dpop=True,
)
def end_session(session: Session, session_id: str) -> edge.Reply:
    services().sessions.end(session.account_id, decoding.object_id(session_id), app.now())
    return edge.done()


@app.endpoint(
    "GET /me/contacts",
    "Where I am reached, and by what I sign in, masked",
    who="citizen",
    proof=present_session,
    answers={200: accounts.ContactList},
    refuses=account.LOOKING,
    dpop=True,
)
def get_my_contacts(session: Session) -> edge.Reply:
    return edge.ok(services().contacts.of(session.account_id, app.now()))


@app.endpoint(
    "POST /me/contacts",
    "Add a contact by the code that was sent to it; that of a new session signs in 72 hours later",
    who="citizen",
    proof=present_session,
    body=accounts.ContactForm,
    answers={201: accounts.ContactView, 200: accounts.ContactView},
    refuses=account.ADDING,
    dpop=True,
)
def add_contact(session: Session, form: accounts.ContactForm) -> edge.Reply:
    return edge.once(services().contacts.add(session, form, app.now()))


@app.endpoint(
    "DELETE /me/contacts/{contact_id}",
    "Remove a contact; a new session's removal takes effect 72 hours later",
    who="citizen",
    proof=present_session,
    answers={200: accounts.ContactView},
    refuses=(*account.REFRESHING, account.LastContact),
    dpop=True,
)
def remove_contact(session: Session, contact_id: str) -> edge.Reply:
    return edge.ok(services().contacts.remove(session, decoding.object_id(contact_id), app.now()))


@app.endpoint(
    "POST /passkey-challenges",
    "What a page asks a passkey to sign, to sign in by it",
    answers={201: passkeys.RequestOptions},
)
def challenge_passkey() -> edge.Reply:
    return edge.created(services().passkeys.challenge(app.now()))


@app.endpoint(
    "GET /me/passkeys",
    "My passkeys",
    who="citizen",
    proof=present_session,
    answers={200: passkeys.PasskeyList},
    refuses=account.LOOKING,
    dpop=True,
)
def get_my_passkeys(session: Session) -> edge.Reply:
    return edge.ok(services().passkeys.of(session, app.now()))


@app.endpoint(
    "POST /me/passkeys/options",
    "What a page asks a device for, to make a passkey",
    who="citizen",
    proof=present_session,
    answers={200: passkeys.CreationOptions},
    refuses=account.REFRESHING,
    dpop=True,
)
def begin_passkey(session: Session) -> edge.Reply:
    return edge.ok(services().passkeys.options(session, app.now()))


@app.endpoint(
    "POST /me/passkeys",
    "Add the passkey that a device has made; that of a new session signs in 72 hours later",
    who="citizen",
    proof=present_session,
    body=passkeys.PasskeyForm,
    answers={201: passkeys.PasskeyView, 200: passkeys.PasskeyView},
    refuses=account.ADDING_PASSKEY,
    dpop=True,
)
def add_passkey(session: Session, form: passkeys.PasskeyForm) -> edge.Reply:
    return edge.once(services().passkeys.add(session, form, app.now()))


@app.endpoint(
    "DELETE /me/passkeys/{passkey_id}",
    "Remove a passkey; a new session's removal takes effect 72 hours later",
    who="citizen",
    proof=present_session,
    answers={200: passkeys.PasskeyView},
    refuses=account.REFRESHING,
    dpop=True,
)
def remove_passkey(session: Session, passkey_id: str) -> edge.Reply:
    return edge.ok(services().passkeys.remove(session, decoding.object_id(passkey_id), app.now()))


@app.endpoint(
    "GET /me/changes",
    "What changes of my contacts and passkeys, and what changed in the last 30 days",
    who="citizen",
    proof=present_session,
    answers={200: accounts.ChangeList},
    refuses=account.LOOKING,
    dpop=True,
)
def get_my_changes(session: Session) -> edge.Reply:
    return edge.ok(accounts.ChangeList(services().my_changes(session.account_id, app.now())))


@app.endpoint(
    "DELETE /me/changes/{change_id}",
    "Take back what is about to change",
    who="citizen",
    proof=present_session,
    answers={204: None},
    refuses=account.REFRESHING,
    dpop=True,
)
def cancel_change(session: Session, change_id: str) -> edge.Reply:
    services().changes.cancel(session.account_id, decoding.object_id(change_id), app.now())
    return edge.done()


# What a person sees and does


@app.endpoint("GET /me", "What is kept about me, masked", who="citizen", answers={200: me.Me})
def get_me() -> edge.Reply:
    return edge.ok(services().me(app.caller(), app.now()))


@app.endpoint(
    "DELETE /me",
    "Delete my account and my data, 72 hours later; until then it is cancelled as any change",
    who="citizen",
    proof=present_session,
    answers={202: accounts.ChangeView},
    refuses=(*account.REFRESHING, account.NotDeletableYet),
    dpop=True,
)
def delete_me(session: Session) -> edge.Reply:
    return edge.accepted(services().delete_me(session, app.now()))


@app.endpoint(
    "GET /me/data",
    "All that is kept about me, a page at a time: each record with its source, purpose, legal ground and term",
    who="citizen",
    proof=present_session,
    query=privacy.DataQuery,
    answers={200: privacy.DataPage},
    refuses=account.LOOKING,
    dpop=True,
)
def get_my_data(session: Session, query: privacy.DataQuery) -> edge.Reply:
    return edge.ok(services().my_data(session, query, app.now()))


@app.endpoint(
    "GET /me/consents",
    "What I have agreed to, and what follows if I take it back",
    who="citizen",
    proof=present_session,
    query=privacy.ConsentQuery,
    answers={200: privacy.ConsentList},
    refuses=account.LOOKING,
    dpop=True,
)
def get_my_consents(session: Session, query: privacy.ConsentQuery) -> edge.Reply:
    return edge.ok(services().consents.of(session.account_id, query))


@app.endpoint(
    "POST /me/consents/{consent_id}/withdrawal",
    "Take back a consent; again changes nothing",
    who="citizen",
    proof=present_session,
    answers={200: privacy.ConsentView},
    refuses=account.REFRESHING,
    dpop=True,
)
def withdraw_consent(session: Session, consent_id: str) -> edge.Reply:
    return edge.ok(services().consents.withdraw(session.account_id, consent_id, app.now()))


@app.endpoint(
    "GET /me/readers",
    "Who looked at what is kept about me, or changed it: when, by which act and why",
    who="citizen",
    proof=present_session,
    query=privacy.ReaderQuery,
    answers={200: privacy.ReaderList},
    refuses=account.LOOKING,
    dpop=True,
)
def get_my_readers(session: Session, query: privacy.ReaderQuery) -> edge.Reply:
    return edge.ok(services().readers.of(session.account_id, query, app.now()))


@app.endpoint(
    "GET /me/restriction",
    "Whether what is done with my data is restricted, what that stops, and what goes on",
    who="citizen",
    proof=present_session,
    answers={200: privacy.RestrictionView},
    refuses=(*account.LOOKING, person.NotRegistered),
    dpop=True,
)
def get_my_restriction(session: Session) -> edge.Reply:
    return edge.ok(privacy.restriction_view(services().restrictions.of(session.account_id)))


@app.endpoint(
    "PUT /me/restriction",
    "Restrict what is done with my data, or end it, at once; again changes nothing",
    who="citizen",
    proof=present_session,
    body=privacy.RestrictionForm,
    answers={200: privacy.RestrictionView},
    refuses=(*account.REFRESHING, person.NotRegistered),
    dpop=True,
)
def restrict_my_data(session: Session, form: privacy.RestrictionForm) -> edge.Reply:
    since = services().restrictions.set(session.account_id, form.restricted, app.now())
    return edge.ok(privacy.restriction_view(since))


@app.endpoint(
    "PUT /me/language",
    "Choose the language to write to me in",
    who="citizen",
    body=accounts.LanguageForm,
    answers={204: None},
)
def put_language(form: accounts.LanguageForm) -> edge.Reply:
    services().account_store.write_in(app.caller(), form.language)
    return edge.done()


@app.endpoint(
    "PUT /me/registration",
    "Register, or correct a registration",
    who="citizen",
    body=registration.RegistrationForm,
    answers={201: registration.RegistrationView, 200: registration.RegistrationView},
    refuses=(
        *person.CORRECTING,
        person.MalformedNik,
        person.NikAlreadyRegistered,
        person.NikCannotChange,
        person.TooManyClaims,
    ),
)
def put_registration(form: registration.RegistrationForm) -> edge.Reply:
    registrant, new = services().register(app.caller(), form, app.now())
    return edge.once((registration.submitted_view(registrant, form), new))


@app.endpoint(
    "PATCH /me/registration",
    "Correct some fields of a registration; the others stay",
    who="citizen",
    body=registration.OwnCorrectionForm,
    answers={200: registration.RegistrationView},
    refuses=(person.MalformedNik, *person.CORRECTING, *person.OF_NIK, person.NotRegistered),
)
def patch_registration(form: registration.OwnCorrectionForm) -> edge.Reply:
    return edge.ok(services().correct(app.caller(), form, app.now()))


@app.endpoint(
    "POST /me/presence-codes",
    "A code to show to an office that reads my card, good once and for ten minutes; the one before is good no longer",
    who="citizen",
    proof=present_session,
    answers={201: registration.PresenceCodeView},
    refuses=(*account.REFRESHING, person.NotRegistered),
    dpop=True,
)
def make_presence_code(session: Session) -> edge.Reply:
    return edge.created(services().presence.code(session.account_id, app.now()))


@app.endpoint(
    "POST /me/presence",
    "Prove by the national ID that my NIK is mine, where the programme has one: with an ID token for my code",
    who="citizen",
    proof=present_session,
    body=registration.SignedInForm,
    answers={201: registration.PresenceView, 200: registration.PresenceView},
    refuses=(*account.REFRESHING, account.IdTokenRefused, person.PresenceCodeUnknown, person.PresenceOfAnother),
    dpop=True,
)
def prove_presence(session: Session, form: registration.SignedInForm) -> edge.Reply:
    return edge.once(services().presence.sign_in(session.account_id, form, app.now()))


@app.endpoint(
    "PUT /me/financial-address",
    "Say where money is to be paid; the bank is asked at once under which name it knows the account",
    who="citizen",
    proof=present_session,
    body=registration.FinancialAddressForm,
    answers={200: registration.FinancialAddressView},
    refuses=(
        *account.REFRESHING,
        person.NotRegistered,
        person.UnknownPayoutCode,
        person.MalformedAccountNumber,
        person.MalformedName,
        person.TooManyRefusals,
        person.PaymentUnderWay,
        person.AccountAlreadyUsed,
    ),
    dpop=True,
)
def put_financial_address(session: Session, form: registration.FinancialAddressForm) -> edge.Reply:
    address = services().set_financial_address(session, form, app.now())
    return edge.ok(registration.financial_address_view(address))


@app.endpoint(
    "GET /me/entries",
    "The waves I joined, where I stand in each and why",
    who="citizen",
    answers={200: waves.EntryList},
    refuses=(person.NotRegistered,),
)
def get_my_entries() -> edge.Reply:
    return edge.ok(waves.EntryList(services().waves.entries_of(app.caller(), app.now())))


@app.endpoint("GET /me/trainings", "My trainings and my balance", who="citizen", answers={200: training.TrainingList})
def get_my_trainings() -> edge.Reply:
    return edge.ok(services().training.of(app.caller()))


@app.endpoint(
    "POST /me/trainings",
    "Buy a course from the training balance; again gives the same purchase",
    who="citizen",
    body=training.PurchaseForm,
    answers={201: training.TrainingView, 200: training.TrainingView},
    refuses=course.PURCHASE,
)
def buy_training(form: training.PurchaseForm) -> edge.Reply:
    return edge.once(services().training.buy(app.caller(), form.course_id, app.now()))


@app.endpoint(
    "POST /me/trainings/{training_id}/cancellation",
    "Take a purchase back; its price returns to the balance",
    who="citizen",
    answers={200: training.TrainingView},
    refuses=course.CANCELLATION,
)
def cancel_training(training_id: str) -> edge.Reply:
    return edge.ok(services().training.cancel(app.caller(), decoding.object_id(training_id), app.now()))


@app.endpoint(
    "POST /me/trainings/{training_id}/review",
    "Review a completed training; the first one makes the incentive due",
    who="citizen",
    body=training.ReviewForm,
    answers={201: training.TrainingView, 200: training.TrainingView},
    refuses=course.REVIEW,
)
def review_training(form: training.ReviewForm, training_id: str) -> edge.Reply:
    return edge.once(services().training.review(app.caller(), decoding.object_id(training_id), form, app.now()))


@app.endpoint(
    "GET /me/payouts", "What is due to me, and how far it is", who="citizen", answers={200: payouts.PayoutList}
)
def get_my_payouts() -> edge.Reply:
    return edge.ok(services().payouts_of(app.caller()))


@app.endpoint(
    "GET /me/notices",
    "What I was told, newest first, and my reminders",
    who="citizen",
    answers={200: notices.NoticeList},
)
def get_my_notices() -> edge.Reply:
    return edge.ok(services().own_notices.of(app.caller()))


@app.endpoint(
    "PATCH /me/notice-settings",
    "Choose the reminders that I want; of what concerns me I am told anyway",
    who="citizen",
    body=notices.ReminderForm,
    answers={200: notices.ReminderSettings},
)
def choose_reminders(form: notices.ReminderForm) -> edge.Reply:
    return edge.ok(services().own_notices.remind(app.caller(), form, app.now()))


# Surveys


@app.endpoint(
    "GET /me/surveys", "The surveys for me, with their questions", who="citizen", answers={200: surveys.SurveyList}
)
def get_my_surveys() -> edge.Reply:
    return edge.ok(surveys.SurveyList(services().surveys.of(app.caller(), app.now())))


@app.endpoint(
    "POST /me/surveys/{survey_id}/response",
    "Answer a survey, once; what it pays becomes due, whatever the answers",
    who="citizen",
    body=surveys.ResponseForm,
    answers={201: surveys.SurveyView, 200: surveys.SurveyView},
    refuses=outcome.RESPONSE,
)
def answer_survey(form: surveys.ResponseForm, survey_id: str) -> edge.Reply:
    return edge.once(services().surveys.respond(app.caller(), decoding.object_id(survey_id), form, app.now()))


# Courses


@app.endpoint(
    "GET /courses",
    "The courses on offer, a page at a time",
    query=training.CourseQuery,
    answers={200: training.CourseList},
)
def list_courses(query: training.CourseQuery) -> edge.Reply:
    return edge.ok(services().courses.search(query, app.now()), cache_s=60)


@app.endpoint(
    "GET /courses/{course_id}", "One course", answers={200: training.CourseView}, refuses=(course.UnknownCourse,)
)
def get_course(course_id: str) -> edge.Reply:
    return edge.ok(services().courses.get(decoding.object_id(course_id), app.now()), cache_s=60)


# Waves


@app.endpoint("GET /waves", "The waves that were run, the present one and the next few", answers={200: waves.WaveList})
def list_waves() -> edge.Reply:
    return edge.ok(services().waves.listed(app.now()), cache_s=5)


@app.endpoint(
    "GET /waves/current",
    "The open wave, else the one in selection, else the next, else the last",
    answers={200: waves.WaveView},
    refuses=(wave.NoneComing,),
)
def get_current_wave() -> edge.Reply:
    return edge.ok(services().waves.current(app.now()), cache_s=1)


@app.endpoint("GET /waves/{number}", "One wave", answers={200: waves.WaveView}, refuses=(wave.UnknownWave,))
def get_wave(number: str) -> edge.Reply:
    return edge.ok(services().waves.get(decoding.number(number), app.now()), cache_s=5)


@app.endpoint(
    "GET /waves/{number}/entries/{leaf}/proof",
    "That a leaf is on the published list: its place, and the path to the committed root",
    query=waves.ProofQuery,
    answers={200: waves.InclusionProof},
    refuses=(wave.MalformedLeaf, wave.UnknownWave, wave.NotFrozenYet, wave.NotOnTheList),
)
def get_inclusion_proof(query: waves.ProofQuery, number: str, leaf: str) -> edge.Reply:
    proof = services().inclusion.proof(decoding.number(number), leaf, query.region, app.now())
    return edge.ok(proof, cache_s=86_400)  # what is frozen never changes


@app.endpoint(
    "GET /waves/{number}/verify",
    "A page that recomputes the draw in the browser, and one's own place in it (docs/draw.md)",
    answers={200: edge.Text("text/html")},
    refuses=(wave.UnknownWave,),
)
def get_verifier(number: str) -> edge.Reply:
    page = services().verifier.of(services().waves.get(decoding.number(number), app.now()))
    return edge.ok(page.text, cache_s=60, policy=page.policy)


@app.endpoint(
    "POST /waves/current/entries",
    "Join the wave that is open: one click, once; again gives the same receipt",
    who="citizen",
    answers={201: waves.Receipt, 200: waves.Receipt},
    refuses=(
        wave.NotOpenYet,
        wave.WaveClosed,
        wave.NoneComing,
        wave.AlreadyBeneficiary,
        wave.Barred,
        person.NotRegistered,
        person.ConsentWithdrawn,
        person.InFormalEducation,
        person.ExcludedOccupation,
        person.EducationNotAccepted,
        person.UnderAge,
        person.OverAge,
    ),
)
def join_wave() -> edge.Reply:
    return edge.once(services().waves.join(app.caller(), app.now()))


# Vacancies, for anybody to read


@app.endpoint(
    "GET /vacancies",
    "The vacancies to which one may apply, those that close first coming first",
    query=jobs.PageQuery,
    answers={200: jobs.VacancyList},
)
def list_vacancies(page: jobs.PageQuery) -> edge.Reply:
    return edge.ok(services().jobs.open(page, app.now()), cache_s=60)


# Complaints and appeals


@app.endpoint(
    "POST /me/grievances",
    "Complain about a registration or a payout, or appeal against a selection and get its evidence",
    who="citizen",
    body=helpdesk.GrievanceForm,
    answers={201: helpdesk.GrievanceView, 200: helpdesk.GrievanceView},
    refuses=complaint.FILING,
)
def file_grievance(form: helpdesk.GrievanceForm) -> edge.Reply:
    return edge.once(services().helpdesk.file(app.caller(), form, app.now()))


@app.endpoint(
    "GET /me/grievances",
    "My complaints and appeals, with deadlines and answers",
    who="citizen",
    answers={200: helpdesk.GrievanceList},
)
def get_my_grievances() -> edge.Reply:
    return edge.ok(helpdesk.GrievanceList(services().helpdesk.of(app.caller())))


# The job market, for alumni


@app.endpoint(
    "GET /me/job-matches",
    "Open vacancies that ask for what I have learned, best first, with the reason",
    who="citizen",
    query=jobs.MatchQuery,
    answers={200: jobs.MatchList},
    refuses=(job.NotGraduated,),
)
def list_job_matches(page: jobs.MatchQuery) -> edge.Reply:
    return edge.ok(services().jobs.matches(app.caller(), page, app.now()))


@app.endpoint(
    "POST /me/job-applications",
    "Apply to a vacancy, agreeing that its partner learns my name, phone and certificates",
    who="citizen",
    body=jobs.ApplicationForm,
    answers={201: jobs.ApplicationView, 200: jobs.ApplicationView},
    refuses=job.APPLY,
)
def apply_for_job(form: jobs.ApplicationForm) -> edge.Reply:
    return edge.once(services().jobs.apply(app.caller(), form, app.now()))


@app.endpoint(
    "GET /me/job-applications",
    "My applications, newest first",
    who="citizen",
    query=jobs.PageQuery,
    answers={200: jobs.ApplicationList},
)
def list_job_applications(page: jobs.PageQuery) -> edge.Reply:
    return edge.ok(services().jobs.applications(app.caller(), page, app.now()))


@app.endpoint(
    "POST /me/job-applications/{vacancy_id}/withdrawal",
    "Take back an application: its partner is shown nothing of it any more",
    who="citizen",
    answers={200: jobs.ApplicationView},
)
def withdraw_job_application(vacancy_id: str) -> edge.Reply:
    return edge.ok(services().jobs.withdraw(app.caller(), decoding.object_id(vacancy_id), app.now()))


# Partners and the provider, each with a proof of its own


def signing_partner() -> Any:
    """The training partner whose signature the request carries."""
    return services().partners.authenticate(*app.signed_request(), app.now())


def signing_office() -> Any:
    """The office whose signature the request carries."""
    return services().partners.authenticate(*app.signed_request(), app.now(), "office")


@app.endpoint(
    "POST /partners/redemptions/validations",
    "Whether a redeem code may be taken in",
    who="partner",
    proof=signing_partner,
    body=training.RedemptionForm,
    answers={200: training.RedemptionView},
    refuses=course.REDEMPTION,
)
def validate_redemption(partner: Any, form: training.RedemptionForm) -> edge.Reply:
    return edge.ok(services().reports.validate(partner, form))


@app.endpoint(
    "POST /partners/redemptions",
    "Take a redeem code in",
    who="partner",
    proof=signing_partner,
    body=training.RedemptionForm,
    answers={201: training.RedemptionView, 200: training.RedemptionView},
    refuses=course.REDEMPTION,
)
def redeem_training(partner: Any, form: training.RedemptionForm) -> edge.Reply:
    return edge.once(services().reports.redeem(partner, form, app.now()))


@app.endpoint(
    "POST /partners/training-attendances",
    "Attest that the participant attended",
    who="partner",
    proof=signing_partner,
    body=training.AttendanceForm,
    answers={201: training.RedemptionView, 200: training.RedemptionView},
    refuses=course.ATTENDANCE,
)
def attend_training(partner: Any, form: training.AttendanceForm) -> edge.Reply:
    return edge.once(services().reports.attend(partner, form, app.now()))


@app.endpoint(
    "POST /partners/attended-months",
    "Attest on how many days of a month the participant was there",
    who="partner",
    proof=signing_partner,
    body=training.AttendedMonthForm,
    answers={201: training.AttendedMonthView, 200: training.AttendedMonthView},
    refuses=course.MONTH,
)
def attend_month(partner: Any, form: training.AttendedMonthForm) -> edge.Reply:
    return edge.once(services().reports.attend_month(partner, form, app.now()))


@app.endpoint(
    "POST /partners/training-completions",
    "Attest a completion with its certificate",
    who="partner",
    proof=signing_partner,
    body=training.CompletionForm,
    answers={201: training.RedemptionView, 200: training.RedemptionView},
    refuses=course.COMPLETION,
)
def complete_training(partner: Any, form: training.CompletionForm) -> edge.Reply:
    return edge.once(services().reports.complete(partner, form, app.now()))


@app.endpoint(
    "POST /partners/presences",
    "An office reports that its reader has read a person's card: it proves that the NIK is theirs",
    who="partner",
    proof=signing_office,
    body=registration.PresenceForm,
    answers={201: registration.AttestedView, 200: registration.AttestedView},
    refuses=(*course.SIGNED, person.MalformedNik, person.PresenceCodeUnknown),
)
def report_presence(office: Any, form: registration.PresenceForm) -> edge.Reply:
    return edge.once(services().presence.attest(office.id, form, app.now()))


@app.endpoint(
    "POST /partners/vacancies",
    "A partner posts a vacancy",
    who="partner",
    proof=signing_partner,
    body=jobs.PostingForm,
    answers={201: jobs.PostingView, 200: jobs.PostingView},
    refuses=(*course.SIGNED, *job.OFFER, job.VacancyReferenceUsed),
)
def post_vacancy(partner: Any, form: jobs.PostingForm) -> edge.Reply:
    return edge.once(services().jobs.post(partner, form, app.now()))


@app.endpoint(
    "GET /partners/vacancies",
    "The vacancies that the partner posted, newest first",
    who="partner",
    proof=signing_partner,
    query=jobs.PageQuery,
    answers={200: jobs.PostingList},
    refuses=course.SIGNED,
)
def list_posted_vacancies(partner: Any, page: jobs.PageQuery) -> edge.Reply:
    return edge.ok(services().jobs.posted(partner, page, app.now()))


@app.endpoint(
    "PUT /partners/vacancies/{vacancy_id}",
    "Describe a vacancy anew; its applications stay",
    who="partner",
    proof=signing_partner,
    body=jobs.OfferForm,
    answers={200: jobs.PostingView},
    refuses=(*course.SIGNED, *job.OFFER, job.VacancyClosed),
)
def change_vacancy(partner: Any, form: jobs.OfferForm, vacancy_id: str) -> edge.Reply:
    return edge.ok(services().jobs.change(partner, decoding.object_id(vacancy_id), form, app.now()))


@app.endpoint(
    "POST /partners/vacancies/{vacancy_id}/closure",
    "Close a vacancy for good",
    who="partner",
    proof=signing_partner,
    answers={200: jobs.PostingView},
    refuses=course.SIGNED,
)
def close_vacancy(partner: Any, vacancy_id: str) -> edge.Reply:
    return edge.ok(services().jobs.close(partner, decoding.object_id(vacancy_id), app.now()))


@app.endpoint(
    "GET /partners/vacancies/{vacancy_id}/applicants",
    "Who applied, with what they agreed to share",
    who="partner",
    proof=signing_partner,
    query=jobs.ApplicantQuery,
    answers={200: jobs.ApplicantList},
    refuses=course.SIGNED,
)
def list_applicants(partner: Any, page: jobs.ApplicantQuery, vacancy_id: str) -> edge.Reply:
    return edge.ok(services().jobs.applicants(partner, decoding.object_id(vacancy_id), page))


@app.endpoint(
    "POST /webhooks/fsp",
    "The provider's hint that a payout changed; the provider is then asked",
    who="provider",
    body=payouts.FspHint,
    answers={202: None},
    refuses=(payout.InvalidCallback,),
)
def hint_payout(hint: payouts.FspHint) -> edge.Reply:
    services().payouts.hint(app.header("x-callback-token"), hint.reference)
    return edge.done(202)


@app.endpoint(
    "POST /registry/on-search",
    "The civil registry's later answer to a question of ours, as the DCI standard has it",
    who="registry",
    body=civil.OnSearch,
    answers={202: civil.Acknowledged},
    refuses=(registry.AnswerRefused,),
)
def take_registry_answer(given: civil.OnSearch) -> edge.Reply:
    return edge.accepted(services().registry_callbacks.take(given.signature, app.now()))


# Announcements and mails


@app.endpoint(
    "GET /unsubscriptions/{token}",
    "The page behind the link in a reminder: it asks, and changes nothing",
    answers={200: edge.Text("text/html")},
)
def ask_to_unsubscribe(token: str) -> edge.Reply:
    return edge.ok(services().unsubscriptions.page(decoding.object_id(token)))


@app.endpoint(
    "POST /unsubscriptions/{token}",
    "End reminders by e-mail: by the button of that page, or one click in a mail program (RFC 8058)",
    body=edge.Ignored,
    answers={200: edge.Text("text/html")},
)
def unsubscribe(token: str) -> edge.Reply:
    return edge.ok(services().unsubscriptions.end(decoding.object_id(token), app.now()))


@app.endpoint(
    "GET /changes/{token}",
    "The page behind the link in a mail about a change of my data: it asks, and changes nothing",
    answers={200: edge.Text("text/html")},
)
def ask_about_change(token: str) -> edge.Reply:
    return edge.ok(services().change_links.page(decoding.object_id(token), app.now()))


@app.endpoint(
    "POST /changes/{token}/confirmation",
    "It was me: a changed account is paid to without waiting",
    body=edge.Ignored,
    answers={200: edge.Text("text/html")},
)
def confirm_change(token: str) -> edge.Reply:
    return edge.ok(services().change_links.confirm(decoding.object_id(token), app.now()))


@app.endpoint(
    "POST /changes/{token}/denial",
    "It was not me: nothing is paid until somebody has looked into it",
    body=edge.Ignored,
    answers={200: edge.Text("text/html")},
)
def deny_change(token: str) -> edge.Reply:
    return edge.ok(services().change_links.deny(decoding.object_id(token), app.now()))


@app.endpoint(
    "GET /waves.ics",
    "The waves, to subscribe to in a calendar program (iCalendar)",
    answers={200: edge.Text("text/calendar")},
)
def get_agenda() -> edge.Reply:
    return edge.ok(services().agenda(app.now()), cache_s=300)


@app.endpoint(
    "GET /feed.atom",
    "The last announcements (Atom)",
    answers={200: edge.Text("application/atom+xml")},
)
def get_feed() -> edge.Reply:
    return edge.ok(services().feed(), cache_s=60)


# What came of it, as the last count found it


@app.endpoint(
    "GET /statistics", "The whole programme: totals, outcomes, by province", answers={200: statistics.Statistics}
)
def get_statistics() -> edge.Reply:
    return edge.ok(services().statistics.country(), cache_s=300)


@app.endpoint(
    "GET /statistics/waves/{number}",
    "One wave by province, from the first count after it was settled",
    answers={200: statistics.WaveStatistics},
    refuses=(wave.UnknownWave,),
)
def get_wave_statistics(number: str) -> edge.Reply:
    return edge.ok(services().statistics.wave(decoding.number(number)), cache_s=300)


@app.endpoint("GET /statistics.csv", "Every wave and province, a line each (CSV)", answers={200: edge.Text("text/csv")})
def get_statistics_csv() -> edge.Reply:
    return edge.ok(services().statistics.csv(app.now()), cache_s=300)


@app.endpoint(
    "GET /references/{list_name}",
    "A closed list: regions, payout-codes, skills, education, employment or consents, in both languages",
    answers={200: references.ReferenceList},
)
def get_references(list_name: str) -> edge.Reply:
    return edge.ok(references.references(list_name, services().programme), cache_s=3600)


@functools.lru_cache(maxsize=1)
def described(url: str) -> dict[str, Any]:
    """The document of the API at an address; a third of a second's work."""
    from chalicelib.web import openapi

    return openapi.document(app.operations, VERSION, url)


@app.endpoint("GET /openapi.json", "This document", answers={200: dict[str, Any]})
def get_openapi() -> edge.Reply:
    return edge.ok(described(services().settings.public_url), cache_s=300)


@app.endpoint(
    "GET /status.json",
    "Whether the service is well, what is late and since when, as the last look found it",
    answers={200: status.StatusView},
)
def get_status() -> edge.Reply:
    runs = services().runs
    return edge.ok(status.of(runs.last_look(), app.now(), runs.gone()), cache_s=60)


@app.endpoint(
    "GET /health",
    "Whether the application and its database answer, and which version it is",
    answers={200: status.HealthView},
)
def get_health() -> edge.Reply:
    jobs = status.of(services().runs.last_look(), app.now()).condition
    return edge.ok(status.HealthView("ok", jobs, VERSION))


# The clock: three triggers of one idempotent step, which finds out for itself what is due


@app.schedule(Cron("0", "5", "?", "*", "FRI", "*"))
def open_wave(event: Any) -> None:
    services().stepper.advance(app.clock(), failures.remaining_s(event))


@app.schedule(Cron("0", "17", "?", "*", "MON", "*"))
def close_wave(event: Any) -> None:
    services().stepper.advance(app.clock(), failures.remaining_s(event))


@app.schedule(Rate(1, unit=Rate.MINUTES))
def advance(event: Any) -> None:
    services().stepper.advance(app.clock(), failures.remaining_s(event))


# What only a queue's consumer needs it imports itself: the other functions share this file.

# Winners of a big wave, decided in batches ahead of the step's own walk; more at once than new tables would take


@app.on_sqs_message(queue="awards", batch_size=1, maximum_concurrency=20)
def award(event: Any) -> dict[str, Any]:
    from chalicelib.waves import award_queue

    records = event.to_dict()["Records"]
    return award_queue.consume(records, services().award_batches, app.clock(), failures.remaining_s(event))


# Places without a purchase: at 00:10 WIB, and three more times for what a long list leaves undone


@app.schedule(Cron("10", "17-20", "*", "*", "?", "*"))
def expire_places(event: Any) -> None:
    now = app.clock()
    if services().revocation.run(now, failures.remaining_s(event)).whole:
        services().runs.whole("expire_places", now)


# Notices


@app.schedule(Rate(5, unit=Rate.MINUTES))
def write_notices(event: Any) -> None:
    now = app.clock()
    services().channels.run()
    if services().notice_writer.run(now, failures.remaining_s(event)):
        services().runs.whole("write_notices", now)


@app.on_sqs_message(queue="mails", batch_size=10, maximum_concurrency=2)
def send_mail(event: Any) -> dict[str, Any]:
    from chalicelib.notices import mailer

    return mailer.consume(event.to_dict()["Records"], services().mailer, app.clock)


@app.on_sqs_message(queue="codes", batch_size=10, maximum_concurrency=config.CODE_CONSUMERS)
def send_code(event: Any) -> dict[str, Any]:
    from chalicelib.accounts.delivery import consumer

    return consumer.consume(event.to_dict()["Records"], services().code_sender)


@app.on_sns_message(topic="mail-feedback")
def mail_feedback(event: Any) -> None:
    from chalicelib.notices import ses

    ses.take_report(event.message, services().bounces, app.clock())


# The civil registry: who registered is compared with it


@app.on_sqs_message(queue="registry", batch_size=10, maximum_concurrency=config.REGISTRY_CONSUMERS)
def ask_registry(event: Any) -> dict[str, Any]:
    from chalicelib.civil_registry import service

    return service.consume(event.to_dict()["Records"], services().registry_verifier)


@app.schedule(Rate(5, unit=Rate.MINUTES))
def sweep_registry(event: Any) -> None:
    now = app.clock()
    if services().settle_and_sweep(now, lambda: failures.remaining_s(event)):
        services().runs.whole("sweep_registry", now)


# Money


@app.on_sqs_message(queue="payouts", batch_size=5, maximum_concurrency=20)
def pay(event: Any) -> dict[str, Any]:
    from chalicelib.payouts import service

    return service.consume(event.to_dict()["Records"], services().payout_worker, app.clock())


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep_payouts(_event: Any) -> None:
    now = app.clock()
    if services().payouts.sweep(now) is not None:
        services().runs.whole("sweep_payouts", now)


# Instalments of payment plans: what fell due by now


@app.schedule(Rate(15, unit=Rate.MINUTES))
def advance_plans(event: Any) -> None:
    now = app.clock()
    if services().plans.run_at_once(now, failures.remaining_s(event)):
        services().runs.whole("advance_plans", now)


# People who asked to be deleted


@app.schedule(Rate(1, unit=Rate.HOURS))
def erase_people(event: Any) -> None:
    now, left = app.clock(), failures.remaining_s(event)
    again = services().replays.run(event.detail, now, lambda errand: services().erasure.replay_again(errand, now, left))
    if not again and services().erasure.run(now, left):
        services().runs.whole("erase_people", now)


# What is kept about people and past its term: a round over all of it, and the next a week later


@app.schedule(Rate(1, unit=Rate.HOURS))
def end_terms(event: Any) -> None:
    now = app.clock()
    if services().terms.run(now, failures.remaining_s(event)):
        services().runs.whole("end_terms", now)


# A day's payments against the providers' own statements: at 02:30 WIB, and three more times for what is left


@app.schedule(Cron("30", "19-22", "*", "*", "?", "*"))
def reconcile_payouts(event: Any) -> None:
    now, left, nightly = app.clock(), failures.remaining_s(event), services().daily_reconciliation
    again = services().comparisons.run(event.detail, now, lambda errand: nightly.again(errand, now, left))
    if not again and nightly.run(now, left):
        services().runs.whole("reconcile_payouts", now)


# Surveys that are due


@app.schedule(Cron("40", "17", "*", "*", "?", "*"))
def open_surveys(event: Any) -> None:
    now = app.clock()
    if services().survey_job.run(now, failures.remaining_s(event)):
        services().runs.whole("open_surveys", now)


# The count behind the statistics


@app.schedule(Rate(1, unit=Rate.HOURS))
def tally_statistics(event: Any) -> None:
    now = app.clock()
    if services().tally_job.run(now, failures.remaining_s(event)):
        services().runs.whole("tally_statistics", now)


# Complaints: what is overdue. One about personal data is due after 72 hours, at any time of the day


@app.schedule(Rate(1, unit=Rate.HOURS))
def check_grievances(event: Any) -> None:
    now = app.clock()
    if services().helpdesk.check(now, failures.remaining_s(event)).whole:
        services().runs.whole("check_grievances", now)


# The journal of administration: the head of each day that is over


@app.schedule(Cron("30", "0", "*", "*", "?", "*"))
def publish_journal(event: Any) -> None:
    now = app.clock()
    if services().journal_heads.run(now, failures.remaining_s(event)):
        services().runs.whole("publish_journal", now)


# The watch: how long past its time everything above is


@app.schedule(Rate(5, unit=Rate.MINUTES))
def watch(_event: Any) -> None:
    services().watch.run(app.clock())


# What was imported stays, so no collection need look at it, now or later: they were a tenth of a cold start.
gc.freeze()
gc.enable()
