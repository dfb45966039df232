"""Pages whose commands are run as written, and whose output is recorded.

In a page, `<!-- run -->` above an `sh` fence marks commands to run, `<!-- run: 3 -->` those that end with exit code 3,
and `<!-- run, picture: NAME -->` keeps the screen in docs/pictures/NAME.ansi too. `<!-- output -->` above a `text`
fence marks where the screen of the commands before it goes; `<!-- output: 40 -->` lets it have forty lines. A fence
with title="FILE" is that file.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from generator import terminal

LINES = 30
_FILE = re.compile(r'^```[\w-]+ title="(?P<name>[\w.-]+)"\n(?P<text>.*?)^```$', re.M | re.S)
_RUN = re.compile(
    r"<!-- run(?:: (?P<code>\d+))?(?:, picture: (?P<picture>[\w-]+))? -->\n+```sh\n(?P<script>.*?)^```$", re.M | re.S
)
_OUTPUT = re.compile(r"(?P<head><!-- output(?:: (?P<lines>\d+))? -->\n+```text\n)(?P<text>.*?)(?=^```$)", re.M | re.S)
_OPENING = re.compile(r".*settings from \./acksm\.yaml|▸ cluster ")  # the same each time: a page has it once
_MADE_UP = (  # by the sandbox, anew each time
    (re.compile(r"\b[0-9A-F]{32}\b"), "EXAMPLED539D4633E53DE1B71EXAMPLE"),
    (re.compile(r"127\.0\.0\.1:\d+/aws-controllers-k8s"), "public.ecr.aws/aws-controllers-k8s"),
)


@dataclass(frozen=True)
class Screen:
    """What a step left on the screen, with ANSI colours. `picture` is "" where none is kept."""

    script: str
    picture: str
    text: str


class WalkError(Exception):
    """A command ended with another exit code than its page says."""


def walk(page: str, environment: Mapping[str, str], directory: Path, before: str = "") -> tuple[str, list[Screen]]:
    """Run `before` and then a page's commands: the page with what came, and the screens. Raises WalkError."""
    for file in _FILE.finditer(page):
        (directory / file["name"]).write_text(file["text"], encoding="utf-8")
    _run(before, 0, environment, directory)
    screens: list[Screen] = []
    result, at, last = "", 0, ""
    shown: set[str] = set()
    for step in _steps(page):
        if step.re is _OUTPUT:
            text = "".join(line for line in Text.from_ansi(last).plain.splitlines(keepends=True) if line not in shown)
            shown |= {line for line in text.splitlines(keepends=True) if _OPENING.match(line)}
            result += page[at : step.start()] + step["head"] + shortened(text, int(step["lines"] or LINES))
            at = step.end()
            continue
        last = _run(step["script"], int(step["code"] or 0), environment, directory)
        screens.append(Screen(step["script"], step["picture"] or "", last))
    return result + page[at:], screens


def shortened(text: str, lines: int) -> str:
    """The first and the last lines, where there are more than `lines`."""
    all_lines = text.rstrip("\n").split("\n")
    if len(all_lines) <= lines:
        return "\n".join(all_lines) + "\n"
    head = (lines - 1) // 2
    tail = lines - 1 - head
    return "\n".join([*all_lines[:head], f"… {len(all_lines) - lines + 1} more lines", *all_lines[-tail:]]) + "\n"


def _steps(page: str) -> Iterator[re.Match[str]]:
    yield from sorted([*_RUN.finditer(page), *_OUTPUT.finditer(page)], key=lambda step: step.start())


def _run(script: str, expected: int, environment: Mapping[str, str], directory: Path) -> str:
    """Run a script that sees what those before it exported: its screen."""
    kept = directory.parent / f"{directory.name}.environment"
    here = f"[ ! -f {shlex.quote(str(kept))} ] || . {shlex.quote(str(kept))}\n"
    after = f"\ncode=$?; export -p > {shlex.quote(str(kept))}; exit $code"
    text, code = terminal.run(here + script + after, environment, directory)
    if code != expected:
        raise WalkError(f"exit code {code}:\n{script}\n{Text.from_ansi(text).plain}")
    for pattern, stand_in in _MADE_UP:
        text = pattern.sub(stand_in, text)
    return text
