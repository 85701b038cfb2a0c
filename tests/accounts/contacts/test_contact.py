"""Reading contacts into one form, and hiding them in reprs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.accounts.contacts.contact import Contact, parse_contact
from chalicelib.accounts.errors import MalformedContact

PHONE = Contact("phone", "+6281234567890")
EMAIL = Contact("email", "siti.aminah@example.com")


@pytest.mark.parametrize(
    "typed",
    [
        *("+62 812-3456-7890", "081234567890", "6281234567890", "０８１２３４５６７８９０", " 0812 3456 7890\n"),
        *("tel:+62-812-3456-7890", "\u202a+62 812\u20113456\u00a07890\u202c", "(+62) 0812.3456.7890"),
    ],
)
def test_every_way_of_writing_a_number_is_one_contact(typed):
    assert parse_contact(typed) == PHONE


@pytest.mark.parametrize(
    "typed",
    [
        *("siti.aminah@example.com", " Siti.Aminah@Example.COM ", "siti.aminah＠example.com"),
        *("\u200bsiti.aminah@example.com\ufeff", "ｓｉｔｉ.aminah@example.com"),
    ],
)
def test_every_way_of_writing_an_address_is_one_contact(typed):
    assert parse_contact(typed) == EMAIL


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        *(("siti@", "email"), ("@example.com", "email"), ("siti@example", "email"), ("a b@example.com", "email")),
        *(("siti@example.com, budi@example.com", "email"), ("siti@exämple.com", "email"), ("@", "email")),
        (f"siti@{'a' * 61}.{'b' * 61}.{'c' * 61}.{'d' * 61}.com", "email"),
        *(("", "phone"), ("021 555 1234", "phone"), ("+6591234567", "phone"), ("siti", "phone"), ("0812", "phone")),
        ("081234567890/081234567891", "phone"),
    ],
)
def test_any_other_text_is_refused_and_not_quoted(typed, kind):
    with pytest.raises(MalformedContact) as refused:
        parse_contact(typed)
    assert refused.value.facts == {"kind": kind}


@given(st.text(max_size=80))
def test_reading_a_contact_is_idempotent(text):
    try:
        contact = parse_contact(text)
    except MalformedContact:
        return
    assert parse_contact(contact.value) == contact


def test_a_contact_is_shown_masked_and_never_by_its_repr():
    assert (PHONE.masked, EMAIL.masked) == ("+62•••••••7890", "s•••@example.com")
    for contact in (PHONE, EMAIL):
        assert contact.value not in f"{contact!r} {contact}"
