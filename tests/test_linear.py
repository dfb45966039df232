"""Every regular expression of acksm is linear in the length of the text: others write logs, policies and headers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import acksm
import linear
from acksm import yaml_reader
from acksm.aws import ecr
from acksm.guide.adopt.requested import ALL
from acksm.live import symptoms
from acksm.sandbox import registries

# Patterns that are put together when they run; each has a test of its own, or is made of acksm's own tables.
MADE = {
    "live/symptoms.py": "the table of symptoms, below",
    "ack/kind.py": "the paths of acksm.ack.kinds, below",
    "yaml_reader.py": "YAML's own forms of numbers, below",
    "guide/samples/values.py": "the forms of acksm's samples",
    "globs.py": "IAM's wildcards, tests/test_globs.py",
    "aws/ecr.py": "the hosts of Amazon ECR, below",
    "sandbox/registries.py": "the images of acksm's services, below",
    "sandbox/iam_model.py": "botocore's own patterns, in the sandbox only",
}


@pytest.mark.parametrize(
    "pattern",
    [
        r"\b[\w.-]*(?:passw\w*|token)\s*=",  # what hung acksm report
        r"failed to list \*?[\w.]+: .*\bis forbidden",
        r"(\w+)=\"",
        r"\d+ s\b",
        r"mount\w*$",
        r"a.*b",
        r"(?=[^\s]*[A-Z])x",
        r"^(a+)+$",
        r"^(a|aa)+$",
        r"^(\w+\s?)*$",
        r"^.*,.*,x$",
        r"x[a-z]*y",
        r"(?:-[a-z]*)*z",
    ],
)
def test_what_is_not_linear_is_found(pattern: str) -> None:
    assert linear.problems(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"User: (\S+)",
        r"\$\(([-._a-zA-Z0-9]+)\)",
        r"^arn:[^:]+:eks:([a-z0-9-]+):(\d{12})$",
        r'realm="([^"]*)"',
        r"[\w.-]{1,64}=",
        r"eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){0,2}",
        r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)",
        r"^(?:-[a-z]+)+$",
        r"(bearer|basic)\s+[a-z]{8,}",
    ],
)
def test_what_is_linear_passes(pattern: str) -> None:
    assert linear.problems(pattern) == []


def test_every_pattern_in_the_code_is_linear() -> None:
    root = Path(acksm.__file__).parent
    found = list(linear.in_source(root))
    assert len(found) > 60
    told = {
        location: problems
        for location, pattern, flags, anchored in found
        if pattern and (problems := linear.problems(pattern, flags, anchored=anchored))
    }
    assert told == {}
    assert {location.partition(":")[0] for location, pattern, _, _ in found if not pattern} == set(MADE)


@pytest.mark.parametrize("symptom", symptoms.SYMPTOMS, ids=lambda item: item.id)
def test_every_symptom_is_linear(symptom: symptoms.Symptom) -> None:
    assert linear.problems(symptom.pattern, re.S) == []


@pytest.mark.parametrize("pattern", [ecr._HOST, registries._IMAGE], ids=["hosts of ECR", "images"])
def test_what_is_put_together_of_tables_is_linear(pattern: re.Pattern[str]) -> None:
    assert linear.problems(pattern.pattern, anchored=True) == []


def test_the_paths_of_every_kind_are_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr("acksm.ack.kind.re.fullmatch", lambda pattern, _text: seen.append(pattern))
    for kind in ALL:
        kind.read("x")
    assert len(seen) >= len(ALL)
    assert {pattern: told for pattern in seen if (told := linear.problems(pattern, anchored=True))} == {}


def test_the_forms_of_yaml_are_linear() -> None:
    patterns = {item.pattern for pairs in yaml_reader._loader().yaml_implicit_resolvers.values() for _, item in pairs}
    assert len(patterns) >= 5
    assert {pattern: told for pattern in patterns if (told := linear.problems(pattern, anchored=True))} == {}
