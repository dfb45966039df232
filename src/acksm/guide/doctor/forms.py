"""The checks as JUnit XML, for CI systems, and as Markdown, for comments and summaries."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from xml.etree import ElementTree

from acksm.engine.checks import Result, Severity, State, incomplete
from acksm.words import counted

FORMS = ("junit", "markdown")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # https://www.w3.org/TR/xml/#charsets
_MARKUP = re.compile(r"([\\`*_\[\]|#<>&~])")


def render(
    form: str, title: str, results: Sequence[Result], ignored: Sequence[Result], clean: Callable[[str], str]
) -> str:
    """The checks in one of FORMS. `clean` makes characters visible that could steer a terminal."""
    return {"junit": junit, "markdown": markdown}[form](title, results, ignored, clean)


def junit(title: str, results: Sequence[Result], ignored: Sequence[Result], clean: Callable[[str], str]) -> str:
    """A suite for each category. What makes the exit code 3 is a failure, what makes it 7 an error; warnings pass, with
    their text as output (https://github.com/testmoapp/junitxml)."""

    def safe(text: str) -> str:
        return _NOT_XML.sub("\ufffd", clean(text))

    root = ElementTree.Element("testsuites", name=safe(title))
    for category in dict.fromkeys(item.category for item in (*results, *ignored)):
        suite = ElementTree.SubElement(root, "testsuite", name=safe(category))
        for item in (one for one in (*results, *ignored) if one.category == category):
            check = item.check
            name = safe(" ".join(part for part in (check.id, check.where) if part))
            case = ElementTree.SubElement(suite, "testcase", classname=safe(category), name=name)
            text = safe(check.text)
            body = safe(
                "\n".join([check.title, check.text, f"remedy: {check.effective_remedy}", f"acksm explain {check.id}"])
            )
            if any(item is one for one in ignored):
                ElementTree.SubElement(case, "skipped", message=f"ignored: {check.state}: {text}")
            elif check.state is State.FAILED:
                ElementTree.SubElement(case, "failure", message=text, type=check.id).text = body
            elif check.state is State.UNKNOWN and _counts(item):
                ElementTree.SubElement(case, "error", message=text, type=check.id).text = body
            elif check.state in {State.UNKNOWN, State.SKIPPED}:
                ElementTree.SubElement(case, "skipped", message=f"{check.state}: {text}")
            elif check.state is State.WARNING:
                ElementTree.SubElement(case, "system-out").text = f"warning: {body}"
        _count(suite)
    _count(root)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _counts(item: Result) -> bool:
    """Whether the answer is incomplete without this unknown check."""
    return not item.check.expected and (item.needed or item.severity is Severity.ERROR)


def _count(element: ElementTree.Element) -> None:
    element.set("tests", str(len(list(element.iter("testcase")))))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(len(list(element.iter(tag)))))


def markdown(title: str, results: Sequence[Result], ignored: Sequence[Result], clean: Callable[[str], str]) -> str:
    """A summary, and a table of what is not ok, the worst first."""

    def cell(text: str) -> str:
        return " ".join(_MARKUP.sub(r"\\\1", clean(text)).split())

    order = [State.FAILED, State.UNKNOWN, State.WARNING]
    counts = {state: sum(1 for item in results if item.check.state is state) for state in State}
    parts = [f"## {cell(title)}", ", ".join(f"{counts[state]} {state}" for state in State if counts[state])]
    rows = sorted(
        (item.check for item in results if item.check.state in order), key=lambda check: order.index(check.state)
    )
    if rows:
        lines = ["| State | Check | Where | Found | Remedy |", "|---|---|---|---|---|"]
        for check in rows:
            cells = (str(check.state), f"{check.id}: {check.title}", check.where, check.text, check.effective_remedy)
            lines.append("| " + " | ".join(map(cell, cells)) + " |")
        parts.append("\n".join(lines))
    if ignored:
        lines = [f"{counted(len(ignored), 'check')} ignored:", ""]
        lines += [
            f"- {cell(f'{item.check.id} ({item.check.state}): {item.check.where} {item.check.text}')}"
            for item in ignored
        ]
        parts.append("\n".join(lines))
    parts += [cell(line) for line in incomplete(results) if line]
    return "\n\n".join(parts)
