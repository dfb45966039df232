"""What the pages say holds: command lines parse, links and anchors lead somewhere, ids and tests exist."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from acksm.catalog import entries
from doc_pages import PAGES, ROOT, anchors, fences, navigation, prose
from generator.cli import click_group

_LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_SHELLS = {"", "sh", "bash", "shell", "console"}
# Their parser does what they say: the last writes to the user's shell.
_AT_ONCE = {"--help", "--version", "--show-completion", "--install-completion"}
_WRAPPED = re.compile(r"\$\((.*?)\)|`(.*?)`")


def ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


def command_lines(text: str) -> Iterator[list[str]]:
    """The words of each acksm command in a shell block: also those after &&, in pipes and in $(…)."""
    for line in text.replace("\\\n", " ").splitlines():
        line = line.strip().removeprefix("$ ")
        if line.startswith("#"):
            continue
        for inner in _WRAPPED.findall(line):
            yield from command_lines("\n".join(inner))
        lexer = shlex.shlex(_WRAPPED.sub("X", line), posix=True, punctuation_chars="|&;<>()")
        lexer.whitespace_split = True
        for is_operator, part in groupby(lexer, lambda word: set(word) <= set("|&;<>()")):
            words = [word for word in part if not re.fullmatch(r"[A-Z_]+=.*", word)]
            if words[:1] == ["acksm"] and not is_operator:
                yield words[1:]


def parse(words: list[str]) -> None:
    """Parse with the real parser, without running anything. Raises what typer raises for a wrong line."""
    command: Any = click_group()
    name = "acksm"
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"{name} has no command {words[0]}"
        command, name, words = command.commands[words[0]], f"{name} {words[0]}", words[1:]
    if words and words[0] not in _AT_ONCE:
        command.make_context(name, list(words))


def texts(value: Any) -> Iterator[str]:
    """The texts in a YAML document."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inner)


def scripts(language: str, text: str) -> Iterator[str]:
    """What a fenced block has for a shell: itself, or what a pipeline's YAML tells one to run."""
    if language in _SHELLS:
        yield text
    if language == "yaml":
        for document in YAML(typ="safe").load_all(io.StringIO(text)):
            yield from (script for script in texts(document) if re.search(r"^\s*acksm ", script, re.M))


LINES = [
    (page, words)
    for page in PAGES
    for language, text in fences(page)
    for script in scripts(language, text)
    for words in command_lines(script)
]


@pytest.mark.parametrize(("page", "words"), LINES, ids=[f"{ids(page)}:{' '.join(words)}" for page, words in LINES])
def test_the_command_line_parses(page: Path, words: list[str]) -> None:
    parse(words)


def test_a_wrong_command_line_would_be_found() -> None:
    (words,) = command_lines("$ sudo true && acksm install --moon  # no such option")
    with pytest.raises(Exception, match="--moon"):
        parse(words)
    with pytest.raises(AssertionError):
        parse(["moon"])
    assert [*scripts("yaml", "job: {script: [acksm moon, other]}")] == ["acksm moon"]
    assert [*command_lines('eval "$(acksm sandbox env --name a)"\nacksm install \\\n  -y | tee log')] == [
        ["sandbox", "env", "--name", "a"],
        ["install", "-y"],
    ]


def test_options_in_remedies_exist() -> None:
    known = {
        name
        for command in _commands(click_group())
        for option in command.params
        for name in [*getattr(option, "opts", ()), *getattr(option, "secondary_opts", ())]
    }
    wrong = [
        (entry.id, option)
        for entry in entries().values()
        if entry.remedy.startswith("acksm ") or " acksm " in entry.remedy
        for option in re.findall(r"(?<![\w-])--[a-z-]+", entry.remedy)
        if option not in known
    ]
    assert wrong == []


def _commands(command: Any) -> Iterator[Any]:
    for inner in getattr(command, "commands", {}).values():
        yield from _commands(inner)
    yield command


def test_every_id_has_an_anchor() -> None:
    assert set(entries()) <= anchors(ROOT / "docs" / "errors.md")


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        path, _, anchor = target.partition("#")
        location = (page.parent / path).resolve() if path else page
        assert location.exists(), target
        assert location.is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(location), target


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_ids_and_tests_that_are_named_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    named = re.findall(r"error\[([a-z][\w.-]+)\]", text) + re.findall(r"acksm explain ([a-z][\w.-]+)", text)
    assert [id for id in named if id not in entries()] == []  # noqa: A001
    for file, test in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text):
        assert (ROOT / file).is_file(), file
        assert not test or f"def {test}(" in (ROOT / file).read_text("utf-8"), f"{file}::{test}"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_page_is_reached_from_the_index_and_the_navigation(page: Path) -> None:
    if page.parent == ROOT:
        return
    relative = str(page.relative_to(ROOT / "docs"))
    assert relative == "index.md" or f"]({relative}" in (ROOT / "docs" / "index.md").read_text("utf-8")
    assert relative in navigation()
