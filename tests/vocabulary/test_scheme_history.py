"""Both schemes of the programme's history, and that a person keeps the one of their wave."""

from __future__ import annotations

import msgspec
import pytest

from chalicelib.config import Programme, Scheme
from chalicelib.money import format_idr, rupiah
from chalicelib.outcomes.survey_rules import of_beneficiary
from chalicelib.payouts.errors import NotInScheme
from chalicelib.payouts.rules import Kind, amount
from chalicelib.training.rules import opening_account
from tests.conftest import T0


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


def test_a_scheme_that_comes_later_changes_nothing_for_those_before_it(programme: Programme):
    next_one = Scheme(
        version="2027",
        first_wave=200,
        training_idr=4_000_000,
        incentive_idr=700_000,
        incentives=1,
        survey_idr=75_000,
        surveys=1,
    )
    later = msgspec.structs.replace(programme, schemes=(*programme.schemes, next_one))
    for wave in (1, 53, 54, 199):
        assert later.scheme(wave) == programme.scheme(wave)
    assert amount(Kind.INCENTIVE, later.scheme(199)) == 600_000
    assert amount(Kind.INCENTIVE, later.scheme(200)) == 700_000
    with pytest.raises(NotInScheme):
        amount(Kind.SURVEY_2, later.scheme(200))
    survey = {"wave": 200, "region": 31, "scheme": later.scheme(200), "rules": programme.surveys, "now": T0}
    assert of_beneficiary("ani", number=1, **survey).amount_idr == 75_000
    assert of_beneficiary("ani", number=2, **survey) is None
