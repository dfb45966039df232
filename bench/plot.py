"""A line plot with logarithmic axes as SVG: numbers of objects against what each took. Pure, and without a library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 360, 70, 50, 40, 150
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b")


def lines(title: str, across: str, up: str, series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """The picture of `series`, points (x, y) above 0 by name. A straight line at 45 degrees grows linearly."""
    points = [point for found in series.values() for point in found]
    low_x, high_x = floor(log10(min(x for x, _ in points))), ceil(log10(max(x for x, _ in points)))
    low_y, high_y = floor(log10(min(y for _, y in points))), ceil(log10(max(y for _, y in points)))
    high_x, high_y = max(high_x, low_x + 1), max(high_y, low_y + 1)

    def at_x(x: float) -> float:
        return round(LEFT + (log10(x) - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT), 1)

    def at_y(y: float) -> float:
        return round(HEIGHT - BOTTOM - (log10(y) - low_y) / (high_y - low_y) * (HEIGHT - BOTTOM - TOP), 1)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" '
        'font-size="12">',
        f"<title>{title}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="22" font-size="14">{title}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) // 2}" y="{HEIGHT - 12}" text-anchor="middle">{across}</text>',
        f'<text transform="translate(16 {HEIGHT // 2}) rotate(-90)" text-anchor="middle">{up}</text>',
    ]
    for power in range(low_x, high_x + 1):
        x = at_x(10**power)
        parts.append(f'<path d="M{x} {TOP}V{HEIGHT - BOTTOM}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{10**power:,}</text>')
    for power in range(low_y, high_y + 1):
        y = at_y(10.0**power)
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{10.0**power:g}</text>')
    for number, (name, found) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = "L".join(f"{at_x(x)} {at_y(y)}" for x, y in found)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{at_x(x)}" cy="{at_y(y)}" r="3" fill="{colour}"/>' for x, y in found]
        y = TOP + 10 + 18 * number
        parts.append(f'<path d="M{WIDTH - RIGHT + 10} {y}h18" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 34}" y="{y + 4}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])
