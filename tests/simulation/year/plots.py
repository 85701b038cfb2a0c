"""Plots of a year as SVG: bars, and estimates with their intervals. In the colours of the dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from chalicelib.outcomes import figures

from .play import Played
from .rates import Rates

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 320, 64, 48, 64
COLOURS = ("#1f5f8b", "#e08e2b", "#7a9a3d", "#b0b0b0")


def draw(played: Played, rates: Rates, folder: Path) -> list[Path]:
    """Write all plots; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        "funnel": bars("Who came how far", FUNNEL, {"people": [played.happened[name] for name in FUNNEL]}),
        "seats": bars(
            "Seats of each wave",
            [str(number) for number in played.waves],
            {
                "kept": [row["chosen"] - row["revoked"] - row["passed on"] for row in played.waves.values()],
                "passed on": [row["passed on"] for row in played.waves.values()],
                "nobody left": [row["left"] for row in played.waves.values()],
            },
        ),
        "rupiah": bars(
            "Paid in each month, million rupiah",
            sorted(played.months),
            {"paid": [round(played.months[month]["rupiah"] / 1e6) for month in sorted(played.months)]},
        ),
        "outcomes": outcomes(played, rates),
    }
    paths = []
    for name, picture in pictures.items():
        paths.append(folder / f"{name}.svg")
        paths[-1].write_text(picture)
    return paths


FUNNEL = ("registered", "joined", "chosen", "bought", "completed", "reviewed", "survey answered")


def bars(title: str, labels: Sequence[str], series: Mapping[str, Sequence[int]]) -> str:
    """Bars, those of one label on top of each other. Nothing is drawn for what is below zero."""
    most = max(1, *(sum(max(0, values[place]) for values in series.values()) for place in range(len(labels))))
    step = (WIDTH - LEFT - 16) / max(1, len(labels))
    drawn = []
    for place, label in enumerate(labels):
        x, y = LEFT + place * step, HEIGHT - BOTTOM
        for colour, values in zip(COLOURS, series.values(), strict=False):
            height = max(0, values[place]) / most * (HEIGHT - TOP - BOTTOM)
            y -= height
            tip = f"<title>{escape(label)}: {values[place]:,}</title>"
            drawn.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{step * 0.8:.1f}" height="{height:.1f}" fill="{colour}">'
                f"{tip}</rect>"
            )
        drawn.append(_text(x + step * 0.4, HEIGHT - BOTTOM + 16, label, "middle", turned=len(labels) > 8))
    drawn += [_text(LEFT - 6, TOP + 4, f"{most:,}", "end"), _text(LEFT - 6, HEIGHT - BOTTOM, "0", "end")]
    return _picture(title, drawn, list(series))


def outcomes(played: Played, rates: Rates) -> str:
    """The shares at work and their difference, each with its interval; a line marks what was planted."""
    found = figures.outcomes(played.counts, lambda _: True)
    rows = (
        ("trained", found.working.share, found.working.lower, found.working.upper, rates.works_after + rates.effect),
        (
            "not chosen",
            found.comparison_working.share,
            found.comparison_working.lower,
            found.comparison_working.upper,
            rates.works_after,
        ),
        (
            "difference",
            found.working_difference.difference,
            found.working_difference.lower,
            found.working_difference.upper,
            rates.effect,
        ),
    )
    drawn = []
    for place, (name, value, lower, upper, planted) in enumerate(rows):
        y = TOP + 40 + place * 60
        drawn.append(_text(LEFT + 20, y + 4, name, "end"))
        if value is None or lower is None or upper is None:
            drawn.append(_text(LEFT + 40, y + 4, "nobody answered", "start"))
            continue
        a, b, at, mark = (LEFT + 40 + share * (WIDTH - LEFT - 80) for share in (lower, upper, value, planted))
        drawn.append(f'<line x1="{a:.1f}" y1="{y}" x2="{b:.1f}" y2="{y}" stroke="{COLOURS[0]}" stroke-width="6"/>')
        drawn.append(f'<circle cx="{at:.1f}" cy="{y}" r="6" fill="{COLOURS[0]}"/>')
        drawn.append(
            f'<line x1="{mark:.1f}" y1="{y - 16}" x2="{mark:.1f}" y2="{y + 16}" stroke="{COLOURS[1]}" '
            'stroke-width="3"/>'
        )
        drawn.append(_text(b + 10, y - 10, f"{value:.3f} ({lower:.3f} to {upper:.3f}), planted {planted:.3f}", "start"))
    return _picture(
        "At work afterwards, of those without work before", drawn, ["estimate with 95% interval", "planted"]
    )


def _text(x: float, y: float, text: str, anchor: str, *, turned: bool = False) -> str:
    turn = f' transform="rotate(-45 {x:.1f} {y:.1f})"' if turned else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{"end" if turned else anchor}"{turn}>{escape(text)}</text>'


def _picture(title: str, drawn: Sequence[str], legend: Sequence[str]) -> str:
    keys = []
    for place, (name, colour) in enumerate(zip(legend, COLOURS, strict=False)):
        x = LEFT + place * 200
        keys.append(f'<rect x="{x}" y="{HEIGHT - 14}" width="10" height="10" fill="{colour}"/>')
        keys.append(_text(x + 16, HEIGHT - 5, name, "start"))
    parts = [_text(16, 24, title, "start").replace("<text", '<text font-size="16"'), *drawn, *keys]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="11" fill="#222" role="img"><title>{escape(title)}</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )
