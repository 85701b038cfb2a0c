"""The closed lists: each value that the application takes, and no other, with words in both languages."""

from __future__ import annotations

import pytest

from chalicelib.errors import NotFound
from chalicelib.registration import identity
from chalicelib.registration.rules import Education, Employment
from chalicelib.web.references import _LISTS, references


@pytest.mark.parametrize("name", _LISTS)
def test_a_list_has_each_code_once_with_words_in_both_languages(programme, name):
    listed = references(name, programme).references
    assert len({one.code for one in listed}) == len(listed) > 0
    assert all(one.id.strip() and one.en.strip() for one in listed)


def test_the_lists_are_what_the_application_takes(programme):
    def codes(name):
        return [one.code for one in references(name, programme).references]

    assert codes("education") == [one.value for one in Education]
    assert codes("employment") == [one.value for one in Employment]
    assert codes("skills") == list(programme.skills)
    assert codes("payout-codes") == list(programme.payouts.codes)
    assert codes("consents") == list(programme.eligibility.consent_versions)
    eligible = {one.code for one in references("employment", programme).references if one.eligible}
    assert eligible == {"jobseeker", "laid_off", "worker", "entrepreneur"}


def test_every_region_of_the_list_registers(programme):
    listed = references("regions", programme).references
    regencies = [one for one in listed if one.within]
    assert (len(listed) - len(regencies), len(regencies)) == (38, 514)
    for one in regencies:
        assert identity.parse_region(one.within, one.code) == (int(one.within), one.code)


def test_the_text_of_a_consent_never_changes(programme):
    """Whoever agreed has agreed to this text: another one needs another version."""
    texts = {one.code: one.sha256 for one in references("consents", programme).references}
    assert texts == {"2026-01": "e38e3ffbeee75b6a8cb2148f054ab08f2daa1c4f65d93aa1448127341a29eb3e"}


def test_another_list_there_is_not(programme):
    with pytest.raises(NotFound):
        references("registrants", programme)
