"""The page with a keyboard, a screen reader, a small phone, in dark mode and in print."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from chalicelib.web.verifier_page import FILE

from .conftest import Open, Site
from .test_proof import CHOSEN_OPEN

SCHEMES = re.findall(r":root \{(.*?)\}", FILE.read_text(), re.DOTALL)


def test_a_proof_can_be_made_with_the_keyboard_alone(visit: Open, site: Site):
    keys = (page := visit(site.page()).page).keyboard
    focus = "document.activeElement.id || document.activeElement.textContent"
    keys.press("Tab")
    assert page.evaluate(focus) == "Langsung ke isi"
    keys.press("Enter")
    keys.press("Tab")
    assert page.evaluate(focus) == "receipt-file"
    keys.press("Tab")
    keys.insert_text(CHOSEN_OPEN)
    assert page.evaluate(focus) == "receipt"
    keys.press("Tab")
    keys.press("Enter")
    page.locator("[data-verdict=good]").wait_for()
    assert page.evaluate(focus) == "result-title"
    keys.press("Tab")
    assert page.evaluate(focus) == "print"


def test_the_focused_element_is_visible(visit: Open, site: Site):
    page = visit(site.page()).page
    outline = (
        "(({ outlineStyle, outlineWidth }) => outlineStyle + outlineWidth)(getComputedStyle(document.activeElement))"
    )
    seen = 0
    while page.keyboard.press("Tab") or page.evaluate("document.activeElement !== document.body"):
        assert page.evaluate(outline) == "solid3px"
        seen += 1
    assert seen == 17, "all that can be pressed, opened or typed into"


def test_every_control_has_a_name_and_every_part_a_place(visit: Open, site: Site):
    window = visit(site.page(), locale="en-GB")
    window.check(CHOSEN_OPEN)
    page = window.page
    tree = page.locator("body").aria_snapshot()
    for line in (
        '- link "Skip to content"',
        "- banner:",
        '- button "Indonesia"',
        '- button "English" [pressed]',
        "- main:",
        '- heading "Check the draw of wave 61" [level=1]',
        '- region "Your own proof":',
        '- button "Open the receipt file"',
        '- textbox "or paste what is in it here"',
        '- button "Check my proof"',
        '- region "The whole wave":',
        '- button "Check the whole wave"',
        '- region "From files that you keep":',
        '- button "Choose files"',
        '- button "or choose a folder"',
        '- region "Result of the check":',
        'heading "Your proof holds: you were chosen" [level=3]',
        "- contentinfo:",
    ):
        assert line in tree, f"{line} is not in\n{tree}"
    assert not re.search(r"^\s*- (button|textbox|link|region|progressbar)( \[|:|$)", tree, re.M), (
        "a control without a name"
    )
    levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))


def test_results_are_shown_in_words_and_not_only_by_colour(visit: Open, site: Site):
    window = visit(site.page(), locale="en-GB")
    window.check(CHOSEN_OPEN)
    words = {"true": "✓ holds", "false": "✗ fails", "null": "– not checked"}
    for row in window.page.locator("[data-check]").all():
        assert row.locator(".mark").inner_text() == words[row.get_attribute("data-ok")]


def test_english_within_indonesian_is_marked_as_such(visit: Open, site: Site):
    del site.results.files["beacon.json"]
    window = visit(site.page())
    window.page.locator("#whole").click()
    window.verdict()
    assert window.page.locator("#verdict [lang=en]").inner_text() == "missing"
    assert window.page.locator("[data-check=beacon] .detail").get_attribute("lang") == "en"


@pytest.mark.parametrize("locale", ["id-ID", "en-GB"])
def test_nothing_is_wider_than_a_small_phone(visit: Open, site: Site, locale: str):
    window = visit(site.page(), locale=locale, viewport={"width": 320, "height": 640})
    page = window.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert len({one.bounding_box()["y"] for one in page.locator("header button").all()}) == 1, "side by side"
    window.check(CHOSEN_OPEN)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    small = [box for one in page.get_by_role("button").all() if (box := one.bounding_box()) and box["height"] < 44]
    assert small == [], "too small for a finger"


def luminance(colour: str) -> float:
    """WCAG 2.2's relative luminance of a `#rgb` or `#rrggbb`."""
    text = colour if len(colour) == 6 else "".join(2 * one for one in colour)
    parts = [int(text[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES, ids=["light", "dark"])
def test_text_has_enough_contrast(scheme: str):
    colours = dict(re.findall(r"--([a-z-]+): #([0-9a-f]+)", scheme))
    pairs = [(text, "paper") for text in ("ink", "soft", "accent", "good", "bad", "wait")]
    pairs += [("ink", f"{kind}-paper") for kind in ("good", "bad", "wait")]
    pairs += [("bad", f"{kind}-paper") for kind in ("good", "bad", "wait")]
    pairs += [("soft", f"{kind}-paper") for kind in ("good", "bad", "wait")]
    pairs += [("ink", "panel"), ("on-accent", "accent")]
    assert {
        pair: contrast(colours[pair[0]], colours[pair[1]])
        for pair in pairs
        if contrast(colours[pair[0]], colours[pair[1]]) < 4.5
    } == {}


def test_dark_mode_is_dark_and_print_shows_only_the_result(visit: Open, site: Site):
    window = visit(site.page(), color_scheme="dark", reduced_motion="reduce")
    assert window.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"
    assert window.page.evaluate("getComputedStyle(document.querySelector('button')).transitionDuration") in ("0s", "")
    window.check(CHOSEN_OPEN)
    window.page.emulate_media(media="print")
    assert window.page.locator("#personal").is_hidden()
    assert window.page.locator("#verdict").is_visible()
    assert window.page.locator("[data-check=signature]").is_visible()
