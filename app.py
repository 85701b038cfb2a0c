"""The table of contents: every route, schedule and queue of the application. The work is in `chalicelib/`."""

from __future__ import annotations

import functools
import os
from typing import Any

from chalice.app import AuthResponse, Cron, Rate

from chalicelib import config, events, logs, me, openapi, web, wiring
from chalicelib.helpdesk import errors as complaint
from chalicelib.helpdesk import wire as helpdesk
from chalicelib.payouts import consumer
from chalicelib.payouts import errors as payout
from chalicelib.payouts import wire as payouts
from chalicelib.registration import errors as person
from chalicelib.registration import wire as registration
from chalicelib.training import errors as course
from chalicelib.training import wire as training
from chalicelib.waves import errors as wave
from chalicelib.waves import wire as waves

VERSION = "0.1.0"
logs.configure("gelombang")
app = web.Api("gelombang")


@functools.cache
def services() -> wiring.Services:
    """Everything this deployment is made of, built when first asked for."""
    return wiring.build(config.settings_from_environment(os.environ))


@app.authorizer(ttl_seconds=60)
def citizen(request: Any) -> AuthResponse:
    """Accept an access token of our pool; everything else is 401."""
    return web.admitted(services().tokens, request.token)


app.citizen = citizen

# Accounts: at any hour, whether or not a wave is open

ACCOUNT = (person.MalformedEmail, person.TooManyRequests)


@app.endpoint(
    "POST /accounts",
    "Sign up; a code is sent to the e-mail address",
    body=registration.SignUpForm,
    answers={201: None},
    refuses=(*ACCOUNT, person.AccountExists, person.WeakPassword),
)
def sign_up(form: registration.SignUpForm) -> web.Reply:
    services().accounts.sign_up(form.email, form.password, form.language)
    return web.done(201)


@app.endpoint(
    "POST /accounts/confirmations",
    "Confirm the e-mail address with the code",
    body=registration.ConfirmationForm,
    answers={204: None},
    refuses=(*ACCOUNT, person.CodeMismatch, person.CodeExpired),
)
def confirm_account(form: registration.ConfirmationForm) -> web.Reply:
    services().accounts.confirm(form.email, form.code)
    return web.done()


@app.endpoint(
    "POST /accounts/codes",
    "Have the code sent again",
    body=registration.CodeForm,
    answers={204: None},
    refuses=ACCOUNT,
)
def resend_code(form: registration.CodeForm) -> web.Reply:
    services().accounts.resend(form.email)
    return web.done()


@app.endpoint(
    "POST /sessions",
    "Sign in",
    body=registration.SignInForm,
    answers={201: registration.TokensView},
    refuses=(*ACCOUNT, person.WrongCredentials, person.NotConfirmed),
)
def sign_in(form: registration.SignInForm) -> web.Reply:
    return web.created(services().accounts.sign_in(form.email, form.password))


@app.endpoint(
    "POST /sessions/refreshes",
    "Have a new access token for a refresh token",
    body=registration.RefreshForm,
    answers={201: registration.TokensView},
    refuses=(person.SessionExpired, person.TooManyRequests),
)
def refresh_session(form: registration.RefreshForm) -> web.Reply:
    return web.created(services().accounts.refresh(form.refresh_token))


# What a person sees and does


@app.endpoint("GET /me", "What is kept about me, masked", who="citizen", answers={200: me.Me})
def get_me() -> web.Reply:
    return web.ok(services().me(app.caller()))


@app.endpoint(
    "PUT /me/registration",
    "Register, or correct a registration",
    who="citizen",
    body=registration.RegistrationForm,
    answers={201: registration.RegistrationView, 200: registration.RegistrationView},
    refuses=(
        person.MalformedNik,
        person.MalformedKk,
        person.MalformedPhone,
        person.UnknownRegion,
        person.InFormalEducation,
        person.ExcludedOccupation,
        person.UnderAge,
        person.OverAge,
        person.ConsentMissing,
        person.Excluded,
        person.NikAlreadyRegistered,
        person.NikCannotChange,
        person.PhoneAlreadyUsed,
    ),
)
def put_registration(form: registration.RegistrationForm) -> web.Reply:
    registrant, new = services().registrations.register(app.caller(), form, app.now())
    return web.created(registration.submitted_view(registrant, form), new=new)


@app.endpoint(
    "PUT /me/financial-address",
    "Say where the incentive is to be paid",
    who="citizen",
    body=registration.FinancialAddressForm,
    answers={200: registration.FinancialAddressView},
    refuses=(
        person.NotRegistered,
        person.UnknownPayoutCode,
        person.MalformedAccountNumber,
        person.AccountAlreadyUsed,
    ),
)
def put_financial_address(form: registration.FinancialAddressForm) -> web.Reply:
    address = services().registrations.set_financial_address(app.caller(), form, app.now())
    return web.ok(registration.financial_address_view(address))


@app.endpoint(
    "GET /me/entries",
    "The waves I joined, where I stand in each and why",
    who="citizen",
    answers={200: waves.EntryList},
    refuses=(person.NotRegistered,),
)
def get_my_entries() -> web.Reply:
    return web.ok(waves.EntryList(services().waves.entries_of(app.caller(), app.now())))


@app.endpoint("GET /me/trainings", "The trainings I completed", who="citizen", answers={200: training.TrainingList})
def get_my_trainings() -> web.Reply:
    return web.ok(training.TrainingList(services().training.of(app.caller())))


@app.endpoint(
    "POST /me/trainings/{training_id}/review",
    "Review a training; the first one reviewed makes the incentive due",
    who="citizen",
    body=training.ReviewForm,
    answers={201: training.TrainingView, 200: training.TrainingView},
    refuses=(course.AlreadyReviewed, wave.BeneficiaryRevoked),
)
def review_training(form: training.ReviewForm, training_id: str) -> web.Reply:
    view, new = services().training.review(app.caller(), web.object_id(training_id), form, app.now())
    return web.created(view, new=new)


@app.endpoint(
    "GET /me/payouts", "What is due to me, and how far it is", who="citizen", answers={200: payouts.PayoutList}
)
def get_my_payouts() -> web.Reply:
    beneficiary = services().waves.beneficiary(app.caller())
    return web.ok(payouts.PayoutList(services().payouts.of(beneficiary)))


# Waves


@app.endpoint("GET /waves", "The waves that were run, the present one and the next few", answers={200: waves.WaveList})
def list_waves() -> web.Reply:
    return web.ok(waves.WaveList(services().waves.list(app.now())), cache_s=5)


@app.endpoint(
    "GET /waves/current", "The open wave, else the one in selection, else the next", answers={200: waves.WaveView}
)
def get_current_wave() -> web.Reply:
    return web.ok(services().waves.current(app.now()), cache_s=1)


@app.endpoint("GET /waves/{number}", "One wave", answers={200: waves.WaveView}, refuses=(wave.UnknownWave,))
def get_wave(number: str) -> web.Reply:
    return web.ok(services().waves.get(web.number(number), app.now()), cache_s=5)


@app.endpoint(
    "POST /waves/current/entries",
    "Join the wave that is open: one click, once; again gives the same receipt",
    who="citizen",
    answers={201: waves.Receipt, 200: waves.Receipt},
    refuses=(
        wave.NotOpenYet,
        wave.WaveClosed,
        wave.AlreadyBeneficiary,
        wave.Barred,
        person.NotRegistered,
        person.InFormalEducation,
        person.ExcludedOccupation,
        person.UnderAge,
        person.OverAge,
    ),
)
def join_wave() -> web.Reply:
    receipt, new = services().waves.join(app.caller(), app.now())
    return web.created(receipt, new=new)


# Complaints and appeals


@app.endpoint(
    "POST /me/grievances",
    "Complain about a registration or a payout, or appeal against a selection and get its evidence",
    who="citizen",
    body=helpdesk.GrievanceForm,
    answers={201: helpdesk.GrievanceView, 200: helpdesk.GrievanceView},
    refuses=complaint.FILING,
)
def file_grievance(form: helpdesk.GrievanceForm) -> web.Reply:
    view, new = services().helpdesk.file(app.caller(), form, app.now())
    return web.created(view, new=new)


@app.endpoint(
    "GET /me/grievances",
    "My complaints and appeals, with deadlines and answers",
    who="citizen",
    answers={200: helpdesk.GrievanceList},
)
def get_my_grievances() -> web.Reply:
    return web.ok(helpdesk.GrievanceList(services().helpdesk.of(app.caller())))


# Partners and the provider, each with a proof of its own


def signing_partner() -> Any:
    """The partner whose signature the request carries."""
    return services().training.authenticate(*app.signed_request(), app.now())


@app.endpoint(
    "POST /partners/training-completions",
    "A training partner attests a completion",
    who="partner",
    proof=signing_partner,
    body=training.CompletionForm,
    answers={201: training.TrainingView, 200: training.TrainingView},
    refuses=(
        course.SignatureMissing,
        course.SignatureExpired,
        course.SignatureInvalid,
        course.PartnerRevoked,
        course.RequestReplayed,
        course.CertificateAlreadyUsed,
        course.CompletedInFuture,
        course.CompletedBeforeAward,
        wave.BeneficiaryRevoked,
        wave.UnknownCard,
    ),
)
def complete_training(partner: Any, form: training.CompletionForm) -> web.Reply:
    view, new = services().training.complete(partner, form, app.now())
    return web.created(view, new=new)


@app.endpoint(
    "POST /webhooks/fsp",
    "The provider's hint that a payout changed; the provider is then asked",
    who="provider",
    body=payouts.FspHint,
    answers={202: None},
    refuses=(payout.InvalidCallback,),
)
def hint_payout(hint: payouts.FspHint) -> web.Reply:
    services().payouts.hint(app.header("x-callback-token"), hint.reference)
    return web.done(202)


# Announcements and mails


@app.endpoint(
    "GET /waves.ics",
    "The waves, to subscribe to in a calendar program (iCalendar)",
    answers={200: web.Text("text/calendar")},
)
def get_agenda() -> web.Reply:
    return web.ok(services().agenda(app.now()), cache_s=300)


@app.endpoint(
    "GET /feed.atom",
    "The last announcements (Atom)",
    answers={200: web.Text("application/atom+xml")},
)
def get_feed() -> web.Reply:
    return web.ok(services().feed(), cache_s=60)


@app.endpoint("GET /openapi.json", "This document", answers={200: dict[str, Any]})
def get_openapi() -> web.Reply:
    return web.ok(openapi.document(app.operations, VERSION), cache_s=300)


@app.endpoint("GET /health", "Whether the application answers, and which version it is", answers={200: dict[str, str]})
def get_health() -> web.Reply:
    return web.ok({"status": "ok", "version": VERSION})


# The clock: three triggers of one idempotent step, which finds out for itself what is due


@app.schedule(Cron("0", "5", "?", "*", "FRI", "*"))
def open_wave(event: Any) -> None:
    services().stepper.advance(app.clock(), events.remaining_s(event))


@app.schedule(Cron("0", "17", "?", "*", "MON", "*"))
def close_wave(event: Any) -> None:
    services().stepper.advance(app.clock(), events.remaining_s(event))


@app.schedule(Rate(1, unit=Rate.MINUTES))
def advance(event: Any) -> None:
    services().stepper.advance(app.clock(), events.remaining_s(event))


# Money


@app.on_sqs_message(queue="payouts", batch_size=5)
def pay(event: Any) -> dict[str, Any]:
    return consumer.consume(event.to_dict()["Records"], services().payouts, app.clock())


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep_payouts(_event: Any) -> None:
    services().payouts.sweep(app.clock())


# Complaints: what is overdue, every morning at 08:00 WIB


@app.schedule(Cron("0", "1", "*", "*", "?", "*"))
def check_grievances(event: Any) -> None:
    services().helpdesk.check(app.clock(), events.remaining_s(event))
