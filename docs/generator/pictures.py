"""docs/pictures: screens of real runs, as SVG. `make pictures` records them, `make docs` draws them."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from generator.walk import shortened

LINES = 24
COLUMNS = 110
# rich's own format asks a host outside for its font
_FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{
        font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
    }}
    .{unique_id}-title {{
        font-size: 18px;
        font-weight: bold;
        font-family: system-ui, sans-serif;
    }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


def recorded(folder: Path) -> list[Path]:
    """The recordings, each of one picture."""
    return sorted(folder.glob("*.ansi"))


def draw(recording: Path) -> str:
    """The picture of a recording: on its own dark background, so that it looks the same on a light and a dark page."""
    name = recording.stem
    text = Text.from_ansi(shortened(recording.read_text("utf-8"), LINES))
    console = Console(
        file=io.StringIO(),
        record=True,
        width=COLUMNS,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        _environ={},
    )
    console.print(text)
    return console.export_svg(title=name, theme=SVG_EXPORT_THEME, code_format=_FORMAT, unique_id=f"run-{name}")
