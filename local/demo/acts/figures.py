"""What the public can follow and reckon: calendar, feed and statistics."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from icalendar import Calendar

from chalicelib.clock import parse_iso

from ..api import Unexpected
from ..scene import Scene

ATOM = "{http://www.w3.org/2005/Atom}"
ROUNDS_MAX = 20


def follow(scene: Scene, wave: int) -> None:
    """Read the feed and the calendar as a reader would. Raises `Unexpected` if the wave is not in them."""
    # The feed comes from the application itself.
    feed = ElementTree.fromstring(scene.crowd.api.text("/feed.atom"))  # noqa: S314
    titles = [str(entry.findtext(f"{ATOM}title")) for entry in feed.findall(f"{ATOM}entry")]
    events = Calendar.from_ical(scene.crowd.api.text("/waves.ics")).walk("VEVENT")
    about = [event for event in events if str(wave) in str(event["SUMMARY"])]
    if len(about) != 1:
        raise Unexpected(f"the calendar has {len(about)} events about wave {wave}")
    shown = scene.crowd.api.call("GET", f"/waves/{wave}").expect(200).body
    if about[0].decoded("dtstart") != parse_iso(shown["opens_at"]):
        raise Unexpected(f"the calendar shows another opening of wave {wave}")
    scene.tell(f"feed: feed.atom has {len(titles)} announcements, the latest of them: {titles[0]}")
    scene.tell(f"feed: waves.ics has {len(events)} waves for everybody's own calendar")


def reckon(scene: Scene) -> dict[str, Any]:
    """Have everything counted, and show what is published for the country. Raises `Unexpected`."""
    asked_at = scene.clock.now()
    for _ in range(ROUNDS_MAX):
        scene.admin.fire("tally_statistics")
        found: dict[str, Any] = scene.crowd.api.call("GET", "/statistics").expect(200).body
        if found["counted_from"] and parse_iso(found["counted_from"]) >= asked_at.replace(microsecond=0):
            _show(scene)
            rows = scene.crowd.api.text("/statistics.csv").splitlines()
            scene.tell(f"statistics: statistics.csv has {len(rows) - 1} lines, one for each wave and province")
            return found
    raise Unexpected(f"the statistics were not counted anew within {ROUNDS_MAX} runs")


def _show(scene: Scene) -> None:
    """Show the country's figures and put the provinces' into a file: most of those are withheld, of so few people."""
    lines = scene.admin.show_statistics()
    file = scene.folder / "statistics.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
    of_provinces = [line for line in lines if re.match(r"\d\d ", line)]
    for line in lines:
        if line not in of_provinces:
            scene.tell(f"statistics: {line}")
    scene.tell(f"statistics: {len(of_provinces)} provinces besides, in {file.name} beside the published files")
