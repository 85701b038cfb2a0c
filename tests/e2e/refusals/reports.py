"""How the endpoints for the reports of partners succeed, and how each refusal that they declare is provoked."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.clock import iso
from chalicelib.training import signatures
from tests.builders.training import SECOND
from tests.builders.waves import CLOSES, OPENS
from tests.e2e.gateway import AN_HOUR, ATTEND, COMPLETE, REDEEM, VALIDATE, Call, Gateway, Provoke

from .training import cancelling


def signed_wrongly(report: Provoke) -> dict[str, Provoke]:
    """What any report meets that is not signed as it should be; `report` is one that would succeed."""

    def signed_by_another(gateway: Gateway) -> Call:
        call = report(gateway)
        return replace(call, partner=(gateway.partner[0], "00" * signatures.KEY_BYTES))

    def signed_by_revoked(gateway: Gateway) -> Call:
        partner = gateway.new_partner()
        gateway.services.partners.revoke(partner[0], gateway.now)
        return replace(report(gateway), partner=partner)

    def signed_before(gateway: Gateway) -> Call:
        call = replace(report(gateway), signed_at=gateway.now)
        gateway.ok(call)
        return call

    return {
        "partner_signature_missing": lambda gateway: replace(report(gateway), partner=None),
        "partner_signature_expired": lambda gateway: replace(report(gateway), signed_at=gateway.now - AN_HOUR),
        "partner_signature_invalid": signed_by_another,
        "partner_revoked": signed_by_revoked,
        "partner_request_replayed": signed_before,
    }


def signed_by_stranger(report: Provoke) -> Provoke:
    """A partner reports of another's training."""
    return lambda gateway: replace(report(gateway), partner=gateway.new_partner())


def redeeming(route: str, **changes: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        return Call(route, gateway.redemption(gateway.bought()) | changes, partner=gateway.partner)

    return provoke


def redeem_cancelled(route: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        bought = gateway.bought()
        gateway.ok(cancelling(bought.person, bought.training_id))
        return Call(route, gateway.redemption(bought), partner=gateway.partner)

    return provoke


def redeem_of_excluded(route: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        bought = gateway.bought()
        gateway.exclude(bought.person)
        return Call(route, gateway.redemption(bought), partner=gateway.partner)

    return provoke


def redemption_refusals(route: str) -> dict[str, Provoke]:
    return {
        **signed_wrongly(redeeming(route)),
        "redeem_code_unknown": signed_by_stranger(redeeming(route)),
        "card_mismatch": redeeming(route, card_number="2026000000000017"),
        "training_cancelled": redeem_cancelled(route),
        "participant_blocked": redeem_of_excluded(route),
    }


def attending(**changes: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        return Call(ATTEND, gateway.attendance(gateway.redeemed(), **changes), partner=gateway.partner)

    return provoke


def attend_before_redemption(gateway: Gateway) -> Call:
    return Call(ATTEND, gateway.attendance(gateway.bought()), partner=gateway.partner)


def attend_otherwise(gateway: Gateway) -> Call:
    return Call(ATTEND, gateway.attendance(gateway.attended()), partner=gateway.partner)


def completing(**changes: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        return Call(COMPLETE, gateway.completion(gateway.attended(), **changes), partner=gateway.partner)

    return provoke


def complete_too_soon(gateway: Gateway) -> Call:
    bought = gateway.attended()
    attended_at = gateway.now - 2 * SECOND
    return Call(COMPLETE, gateway.completion(bought, completed_at=iso(attended_at)), partner=gateway.partner)


def complete_before_attendance(gateway: Gateway) -> Call:
    return Call(COMPLETE, gateway.completion(gateway.redeemed()), partner=gateway.partner)


def complete_otherwise(gateway: Gateway) -> Call:
    return Call(COMPLETE, gateway.completion(gateway.trained()), partner=gateway.partner)


def complete_with_used_certificate(gateway: Gateway) -> Call:
    report = gateway.completion(gateway.attended())
    gateway.ok(Call(COMPLETE, report, partner=gateway.partner))
    other = gateway.completion(gateway.attended(), certificate_number=report["certificate_number"])
    return Call(COMPLETE, other, partner=gateway.partner)


REFUSALS: dict[str, dict[str, Provoke]] = {
    VALIDATE: redemption_refusals(VALIDATE),
    REDEEM: redemption_refusals(REDEEM),
    ATTEND: {
        **signed_wrongly(attending()),
        "redeem_code_unknown": signed_by_stranger(attending()),
        "wrong_training_state": attend_before_redemption,
        "reported_otherwise": attend_otherwise,
        "time_in_future": attending(attended_at=iso(CLOSES)),
        "time_too_early": attending(attended_at=iso(OPENS)),
    },
    COMPLETE: {
        **signed_wrongly(completing()),
        "redeem_code_unknown": signed_by_stranger(completing()),
        "wrong_training_state": complete_before_attendance,
        "reported_otherwise": complete_otherwise,
        "time_in_future": completing(completed_at=iso(CLOSES)),
        "time_too_early": completing(completed_at=iso(OPENS)),
        "completed_too_soon": complete_too_soon,
        "certificate_already_used": complete_with_used_certificate,
    },
}
"""By route and code."""

SUCCESSES: dict[str, Provoke] = {
    VALIDATE: redeeming(VALIDATE),
    REDEEM: redeeming(REDEEM),
    ATTEND: attending(),
    COMPLETE: completing(),
}
"""By route: a request that succeeds."""
