"""Plots of a year as SVG: bars, and estimates with their intervals. In the colours of the dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from chalicelib.outcomes import figures

from .play import Played
from .rates import Rates

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 320, 64, 56, 64
LETTER = 6
"""As wide is a letter, about."""
LEAST = -0.2
"""Where the scale of the outcomes begins: the interval of a difference may begin below zero."""
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


FUNNEL = ("registered", "joined once", "chosen", "bought", "completed", "reviewed", "first survey")
"""Each counts people."""


def bars(title: str, labels: Sequence[str], series: Mapping[str, Sequence[int]]) -> str:
    """Bars, those of one label on top of each other, with their sum. Nothing is drawn for what is below zero."""
    most = max(1, *(sum(max(0, values[place]) for values in series.values()) for place in range(len(labels))))
    step = (WIDTH - LEFT - 16) / max(1, len(labels))
    turned = max(map(len, labels), default=0) * LETTER > step
    drawn = []
    for place, label in enumerate(labels):
        x, y = LEFT + place * step, float(HEIGHT - BOTTOM)
        for colour, values in zip(COLOURS, series.values(), strict=False):
            height = max(0, values[place]) / most * (HEIGHT - TOP - BOTTOM)
            y -= height
            tip = f"<title>{escape(label)}: {values[place]:,}</title>"
            drawn.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{step * 0.8:.1f}" height="{height:.1f}" fill="{colour}">'
                f"{tip}</rect>"
            )
        total = sum(max(0, values[place]) for values in series.values())
        drawn.append(_text(x + step * 0.4, y - 4, f"{total:,}", "middle"))
        drawn.append(_text(x + step * 0.4, HEIGHT - BOTTOM + 16, label, "middle", turned=turned))
    drawn += [_text(LEFT - 6, TOP + 4, f"{most:,}", "end"), _text(LEFT - 6, HEIGHT - BOTTOM, "0", "end")]
    return _picture(title, drawn, list(series) if len(series) > 1 else ())


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

    def at(share: float) -> float:
        return LEFT + 40 + (share - LEAST) / (1 - LEAST) * (WIDTH - LEFT - 80)

    drawn = []
    bottom = HEIGHT - BOTTOM
    for tick in (-0.2, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        x = at(tick)
        drawn.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}" stroke="{COLOURS[3]}"/>')
        drawn.append(_text(x, bottom + 16, f"{tick:g}", "middle"))
    for place, (name, value, lower, upper, planted) in enumerate(rows):
        y = TOP + 40 + place * 60
        drawn.append(_text(LEFT + 20, y + 4, name, "end"))
        if value is None or lower is None or upper is None:
            drawn.append(_text(LEFT + 44, y + 4, "nobody answered", "start"))
            continue
        for colour, wide, x1, x2, up in (
            (COLOURS[0], 6, at(lower), at(upper), 0),
            (COLOURS[1], 3, at(planted), at(planted), 14),
        ):
            ends = f'x1="{x1:.1f}" y1="{y - up}" x2="{x2:.1f}" y2="{y + up}"'
            drawn.append(f'<line {ends} stroke="{colour}" stroke-width="{wide}"/>')
        drawn.append(f'<circle cx="{at(value):.1f}" cy="{y}" r="6" fill="{COLOURS[0]}"/>')
        told = f"{value:.3f} ({lower:.3f} to {upper:.3f}), planted {planted:.3f}"
        drawn.append(_text(at(lower), y - 20, told, "start"))
    return _picture(
        "At work afterwards, of those without work before", drawn, ["estimate with 95% interval", "planted"]
    )


def _text(x: float, y: float, text: str, anchor: str, *, turned: bool = False) -> str:
    turn = f' transform="rotate(-45 {x:.1f} {y:.1f})"' if turned else ""
    # A white edge keeps it readable over a line.
    seen = f'text-anchor="{"end" if turned else anchor}" stroke="#fff" stroke-width="3" paint-order="stroke"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {seen}{turn}>{escape(text)}</text>'


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
