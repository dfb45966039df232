"""crds/ of a chart is somebody else's input: anything in it is a CRD of ACK, or refused."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, strategies as st
from ruamel.yaml import YAML

from acksm.errors import AcksmError
from acksm.guide.install.crds import parse, plan

CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "models.sagemaker.services.k8s.aws", "annotations": {}},
    "spec": {
        "group": "sagemaker.services.k8s.aws",
        "scope": "Namespaced",
        "names": {"plural": "models", "kind": "Model"},
        "versions": [{"name": "v1alpha1", "schema": {"openAPIV3Schema": {"type": "object"}}}],
    },
}


def text(document: Any) -> str:
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(document, stream)
    return stream.getvalue()


def read(content: str) -> str:
    """ "", or the id that it is refused with."""
    try:
        plan(parse([("crds/x.yaml", content)], "c 1.0.0"), {})
    except AcksmError as error:
        return error.id
    return ""


def test_the_good_one_and_several_in_a_file() -> None:
    assert read(text(CRD)) == ""
    other = {**CRD, "metadata": {"name": "apps.services.k8s.aws"}}
    other["spec"] = {**CRD["spec"], "group": "services.k8s.aws", "names": {"plural": "apps"}}
    found = parse([("x", f"---\n{text(CRD)}---\n---\n{text(other)}")], "c")
    assert [(crd.name, crd.is_common) for crd in found] == [
        ("models.sagemaker.services.k8s.aws", False),
        ("apps.services.k8s.aws", True),
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("kind", "Secret"),
        ("kind", None),
        ("apiVersion", "v1"),
        ("metadata", None),
        ("metadata", []),
        ("metadata.name", "pods"),
        ("metadata.name", 7),
        ("metadata.annotations", ["x"]),
        ("metadata.labels", "x"),
        ("spec", []),
        ("spec", "x"),
        ("spec.group", "apps"),
        ("spec.group", "evilservices.k8s.aws"),
        ("spec.group", "services.k8s.aws.evil.example"),
        ("spec.names", None),
        ("spec.names", "models"),
        ("spec.names.plural", "pods"),
        ("spec.versions", None),
        ("spec.versions", {}),
        ("spec.versions", ["v1"]),
        ("spec.versions", [None]),
        ("spec.versions", [{"schema": "x"}]),
    ],
)
def test_what_is_not_a_crd_of_ack(path: str, value: Any) -> None:
    document = YAML(typ="safe", pure=True).load(text(CRD))
    *above, last = path.split(".")
    node = document
    for key in above:
        node = node[key]
    node[last] = value
    assert read(text(document)) == "chart-invalid"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: [", "chart-invalid"),
        ("a: " + "[" * 5000, "chart-unsafe"),
        ("- x", "chart-invalid"),
        ("plain", "chart-invalid"),
        ("", ""),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "chart-unsafe"),
    ],
)
def test_other_contents(content: str, expected: str) -> None:
    assert read(content) == expected


def test_a_few_lines_that_stand_for_gigabytes_end_at_once() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 60)]
    assert read("\n".join(lines)) == "chart-unsafe"


_value = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["x", "services.k8s.aws", "v0.16.0"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "schema"]), inner, max_size=2),
    max_leaves=4,
)


@given(st.data())
def test_a_crd_with_any_value_anywhere_is_planned_or_refused(data: st.DataObject) -> None:
    document = YAML(typ="safe", pure=True).load(text(CRD))
    node: Any = document
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans()):
            node = node[key]
            continue
        node[key] = data.draw(_value)
        break
    assert read(text(document)) in {"", "chart-invalid", "chart-unsafe"}
