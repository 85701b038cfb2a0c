"""Clock, ids, amounts and the programme's figures; its two schemes, of which a person keeps that of their wave."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import clock, config, ids
from chalicelib.config import Programme
from chalicelib.figures.schemes import Payment, Scheme
from chalicelib.money import Rupiah, format_idr, rupiah
from chalicelib.outcomes.survey_rules import of_beneficiary
from chalicelib.payouts.errors import NotInScheme
from chalicelib.payouts.plans.plan_rules import Kind, amount
from chalicelib.training.rules import opening_account
from tests.conftest import T0


def test_wib_is_seven_hours_ahead_and_its_day_begins_at_17_utc():
    assert clock.wib_date(datetime(2023, 6, 5, 16, 59, 59, tzinfo=UTC)) == date(2023, 6, 5)
    assert clock.wib_date(datetime(2023, 6, 5, 17, 0, tzinfo=UTC)) == date(2023, 6, 6)


@pytest.mark.parametrize(
    ("microsecond", "text"),
    [(0, "38Z"), (1, "38Z"), (999, "38Z"), (1000, "38.001Z"), (999_999, "38.999Z"), (500_000, "38.500Z")],
)
def test_an_instant_is_written_with_milliseconds_only_where_there_are_any(microsecond, text):
    assert clock.iso(datetime(2026, 11, 29, 7, 47, 38, microsecond, UTC)) == f"2026-11-29T07:47:{text}"


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_read_is_written_the_same(instant):
    """A conditional write holds a record to the text that it was read with."""
    assert clock.iso(clock.parse_iso(clock.iso(instant))) == clock.iso(instant)


# Years of four digits: the naive bound is what the strategy asks for.
@given(st.datetimes(timezones=st.just(UTC)).filter(lambda instant: instant.year >= 1000))
def test_an_instant_survives_writing_and_reading_to_the_millisecond(instant):
    instant = instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    assert clock.parse_iso(clock.iso(instant)) == instant


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        clock.parse_iso("2023-06-05T17:15:00")


def test_the_same_parts_derive_the_same_id_and_shifted_parts_another():
    assert ids.derived_id("t", "ab", "c") == ids.derived_id("t", "ab", "c")
    assert len({ids.derived_id("t", "ab", "c"), ids.derived_id("t", "a", "bc"), ids.derived_id("u", "ab", "c")}) == 3
    assert len(ids.random_id(ids.system_randomness)) == 26


MAKER = "arn:aws:sts::123456789012:assumed-role/maker/ani@example.go.id"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (MAKER, True),
        (f"\t{MAKER.upper()} ", True),
        ("arn:aws:sts::123456789012:assumed-role/checker/ani@example.go.id", True),
        ("arn:aws:iam::210987654321:user/path/ani@example.go.id", True),
        ("arn:aws:sts::123456789012:assumed-role/maker/budi@example.go.id", False),
        ("arn:aws:sts::123456789012:assumed-role/ani@example.go.id/budi", False),
        ("arn:aws:iam::123456789012:root", False),
        ("person/budi", True),  # nothing tells who of the roster it was
    ],
)
def test_the_name_of_an_administrator_is_the_end_of_the_iam_identity(other, same):
    assert ids.same_person(MAKER, other) is same
    assert ids.same_person(other, MAKER) is same


def test_people_of_the_roster_are_compared_by_their_ids():
    assert ids.same_person("person/b1", "person/b1")
    assert not ids.same_person("person/b1", "person/s1")


def test_stages_differ_only_in_the_figures_they_override():
    prod, local = config.load_programme("prod"), config.load_programme("local")
    assert (prod.draw.freeze_delay_s, prod.draw.pinned.delay_s, prod.draw.pinned.production) == (900, 1800, True)
    assert not local.draw.pinned.production
    assert (prod.eligibility, prod.schemes, prod.targets) == (local.eligibility, local.schemes, local.targets)


REVIEW = 'kind = "INCENTIVE", trigger = "review", amount_idr = 600_000, times = 1'


@pytest.mark.parametrize(
    ("payment", "reason"),
    [
        ('kind = "INCENTIVE", trigger = "survey", amount_idr = 1, times = 1', "a SURVEY is triggered by `survey`"),
        ('kind = "INCENTIVE", trigger = "review", amount_idr = 1, times = 13', "INCENTIVE is paid 12 times at most"),
        ('kind = "INCENTIVE", trigger = "review", times = 1', "either amount_idr or day_idr"),
        ('kind = "INCENTIVE", trigger = "attendance", amount_idr = 1, day_idr = 1, times = 1', "either amount_idr"),
        ('kind = "INCENTIVE", trigger = "review", day_idr = 1, times = 1', "day_idr pays attended days"),
        (
            'kind = "INCENTIVE", trigger = "attendance", day_idr = 1, amounts_by_region = { 31 = 1 }, times = 1',
            "amounts_by_region needs amount_idr",
        ),
        (f"{REVIEW}, amounts_by_region = {{ Jakarta = 1 }}", "Expected `int`"),
        (f"{REVIEW}, amounts_by_region = {{ 3171 = 1 }}", "Expected `int` <= 99"),
        (f"{REVIEW}, ends_after_days = 366", "ends_after_days ends monthly payments"),
        (
            'kind = "INCENTIVE", trigger = "award", amount_idr = 1, times = 12, ends_after_days = 340',
            "ends_after_days is before the last",
        ),
        ('kind = "INCENTIVE", trigger = "award", amount_idr = 1, times = 12', "training_idr is 0"),
        (f"{REVIEW} }}, {{ {REVIEW}", "a kind has one line in payments"),
        ('kind = "SURVEY", trigger = "survey", amount_idr = 1, times = 4', "SURVEY is paid 3 times at most"),
        ('kind = "SURVEY", trigger = "survey", amount_idr = 1, times = 1', "opens some time after the first INCENTIVE"),
    ],
)
def test_a_payment_that_contradicts_itself_is_refused(payment, reason):
    with pytest.raises(msgspec.ValidationError, match=re.escape(reason)):
        scheme_of(payment, training_idr=1)


def scheme_of(payment: str, training_idr: int = 0) -> Scheme:
    raw = tomllib.loads(f"payments = [{{ {payment} }}]")
    return msgspec.convert(
        raw | {"version": "2025", "first_wave": 1, "training_idr": training_idr}, Scheme, str_keys=True
    )


def test_an_amount_is_that_of_the_province_or_of_the_days():
    plan = 'kind = "INCENTIVE", trigger = "attendance", times = 2'
    wages = scheme_of(f"{plan}, amount_idr = 2_000_000, amounts_by_region = {{ 31 = 5_396_761 }}")
    assert [amount(Kind.INCENTIVE_2, wages, region) for region in (31, 32)] == [5_396_761, 2_000_000]
    days = scheme_of(f"{plan}, day_idr = 20_000")
    assert amount(Kind.INCENTIVE, days, 31, days=19) == 380_000
    with pytest.raises(ValueError, match="needs their number"):
        amount(Kind.INCENTIVE, days, 31)
    for kind in (Kind.INCENTIVE_3, Kind.SURVEY_1):
        with pytest.raises(NotInScheme):
            amount(kind, days, 31, days=1)


def test_missing_settings_are_named():
    with pytest.raises(config.BadConfiguration, match="payouts_queue_url"):
        config.settings_from_environment({"GELOMBANG_STAGE": "local", "AWS_REGION": "ap-southeast-3"})


@pytest.mark.parametrize("amount", [0, 1, 600_000, 10**15])
def test_a_whole_number_from_zero_on_is_an_amount(amount):
    assert rupiah(amount) == amount
    assert type(rupiah(amount)) is int


@pytest.mark.parametrize("amount", [-1, True, False, 1.0, 600_000.5, Decimal(5), "5", None])
def test_anything_else_is_refused(amount):
    with pytest.raises(ValueError, match=r"^an amount is a whole number of rupiah, not below zero$"):
        rupiah(amount)


@pytest.mark.parametrize(
    ("amount", "written"),
    [(0, "Rp0"), (999, "Rp999"), (50_000, "Rp50.000"), (1_234_567_890, "Rp1.234.567.890"), (-47_000, "-Rp47.000")],
)
def test_an_amount_is_written_as_in_indonesia(amount, written):
    assert format_idr(Rupiah(amount)) == written


def most(scheme: Scheme) -> int:
    """All that one person can get, balance and money together."""
    return scheme.training_idr + scheme.incentives * scheme.incentive_idr + scheme.surveys * scheme.survey_idr


@pytest.mark.parametrize(
    ("waves", "version", "balance", "all_in_all"),
    [
        ((1, 11, 47, 53), "2020", "Rp1.000.000", "Rp3.550.000"),
        ((54, 68, 145, 100_001), "2023", "Rp3.500.000", "Rp4.200.000"),
    ],
)
def test_every_wave_has_the_scheme_of_its_years(programme: Programme, waves, version, balance, all_in_all):
    for wave in waves:
        scheme = programme.scheme(wave)
        assert scheme.version == version
        assert format_idr(rupiah(opening_account(scheme).balance_idr)) == balance
        assert format_idr(rupiah(most(scheme))) == all_in_all


def test_the_first_scheme_paid_four_incentives_which_alumni_used_as_capital(programme: Programme):
    first, second = programme.scheme(53), programme.scheme(54)
    assert first.incentives * first.incentive_idr == 2_400_000
    assert second.incentives * second.incentive_idr == 600_000


def test_a_later_scheme_changes_nothing_for_earlier_waves(programme: Programme):
    next_one = Scheme(
        version="2027",
        first_wave=200,
        training_idr=4_000_000,
        payments=(
            Payment(kind="INCENTIVE", trigger="review", amount_idr=700_000, times=1),
            Payment(kind="SURVEY", trigger="survey", amount_idr=75_000, times=1),
        ),
    )
    later = msgspec.structs.replace(programme, schemes=(*programme.schemes, next_one))
    for wave in (1, 53, 54, 199):
        assert later.scheme(wave) == programme.scheme(wave)
    assert amount(Kind.INCENTIVE, later.scheme(199), 31) == 600_000
    assert amount(Kind.INCENTIVE, later.scheme(200), 31) == 700_000
    with pytest.raises(NotInScheme):
        amount(Kind.SURVEY_2, later.scheme(200), 31)
    survey = {"wave": 200, "region": 31, "scheme": later.scheme(200), "rules": programme.surveys, "now": T0}
    assert of_beneficiary("ani", number=1, **survey).amount_idr == 75_000
    assert of_beneficiary("ani", number=2, **survey) is None
