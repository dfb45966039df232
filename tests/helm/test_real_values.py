"""The real charts' values.yaml, where the shared data are at hand: only the lines asked for change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from acksm.ack import charts
from acksm.helm.releases import MARK_PATH
from acksm.helm.values import Edit, flatten, patch, validate

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
FILES = sorted(SHARED.glob("*/*/values.yaml"))
ROLE = ("serviceAccount", "annotations", "eks.amazonaws.com/role-arn")
ARN, ACCOUNT = "arn:aws:iam::012345678901:role/ack-controller-role-demo", "012345678901"

pytestmark = [
    pytest.mark.skipif(not FILES, reason="the shared data are not here"),
    pytest.mark.parametrize("path", FILES, ids=lambda path: "-".join(path.parts[-3:-1])),
]


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def asked(path: Path) -> list[Edit]:
    """What install sets, in namespace scope."""
    service, version = path.parts[-3:-1]
    values = {**charts.scope(service, version, "namespace", [], "ack-system").values}
    edits = [Edit((key,), value, "t") for key, value in values.items()]
    edits += [Edit(("aws", "region"), "us-west-2", "t"), Edit(ROLE, ARN, "t"), Edit(MARK_PATH, "true", "t")]
    if charts.has(service, version, "account-id"):
        edits.append(Edit(("aws", "account_id"), ACCOUNT, "t"))
    return edits


def schema(path: Path) -> Any:
    file = path.parent / "values.schema.json"
    return json.loads(file.read_text()) if file.exists() else None


def test_only_asked_for_lines_change(path: Path) -> None:
    text = path.read_text()
    patched = patch(text, asked(path))
    before, after = text.splitlines(), patched.text.splitlines()
    gone = [line for line in before if line not in after]
    new = [line for line in after if line not in before]
    keys = {edit.path[-1] for edit in asked(path)} | {edit.path[-2] for edit in asked(path) if len(edit.path) > 2}
    for line in gone + new:
        assert line.strip().partition(":")[0].strip("\"'") in keys, line
    assert len(gone) <= len(keys)
    comments = [line.split("#", 1)[1] for line in before if "#" in line]
    assert [line.split("#", 1)[1] for line in after if "#" in line] == comments
    assert {line[1:] for line in patched.diff if line[:1] in "+-" and line[1:].strip()} >= {*gone, *new}


def test_the_meaning_is_the_charts_and_what_was_asked(path: Path) -> None:
    patched = patch(path.read_text(), asked(path))
    validate(patched.values, schema(path), path.name)
    expected = load(path.read_text())
    for edit in asked(path):
        node = expected
        for key in edit.path[:-1]:
            node[key] = node.get(key) or {}
            node = node[key]
        node[edit.path[-1]] = edit.value
    assert load(patched.text) == patched.values == expected


def test_the_same_again_and_nothing_for_nothing(path: Path) -> None:
    text = path.read_text()
    assert patch(text, []).text == text
    once = patch(text, asked(path))
    assert patch(text, asked(path)).text == once.text
    assert patch(once.text, asked(path)).text == once.text


def test_the_charts_own_values_given_as_a_file_change_nothing(path: Path) -> None:
    text = path.read_text()
    given = list(flatten(load(text), load(text), "copy.yaml"))
    assert patch(text, given).values == load(text)
    validate(load(text), schema(path), path.name)


def test_a_value_without_lines_of_its_own_replaces_a_list_below_a_comment(path: Path) -> None:
    values: tuple[Any, ...] = ([], None, "x")
    for value in values:
        patched = patch(path.read_text(), [Edit(("resourceTags",), value, "--set", kept=True)])
        assert load(patched.text) == {**load(path.read_text()), "resourceTags": value}


def test_unknown_keys_are_found_in_every_generation(path: Path) -> None:
    from acksm.errors import AcksmError

    for key in (("instalScope",), ("aws", "regoin"), ("deployment", "replcas"), ("log", "levle")):
        with pytest.raises(AcksmError) as caught:
            patch(path.read_text(), [Edit(key, "x", "--set")])
        assert caught.value.id == "values-unknown-key"
