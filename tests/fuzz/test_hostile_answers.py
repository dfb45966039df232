"""What servers, helm and controllers answer, with any value where another is expected: one result or one error."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from acksm.errors import AcksmError
from acksm.guide.adopt.requested import kind_of, parse_arn
from acksm.guide.carm import role_map
from acksm.guide.carm.role_map import Map
from acksm.helm import records
from acksm.helm.oci import Answer
from acksm.helm.registry import Registry
from acksm.helm.runner import explain
from acksm.kube.paths import ref
from acksm.live import account_roles, bindings, inventory_objects, role_selectors, symptoms, synced

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 2**70),
        st.floats(),
        st.text(max_size=12),
        st.sampled_from(["", "true", "9" * 30, "2026-99-99T99:99:99Z", "arn:aws:iam::1:role/x", "sha256:" + "0" * 64]),
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=5,
)
MODEL: dict[str, Any] = {
    "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
    "kind": "Model",
    "metadata": {
        "name": "m",
        "namespace": "team",
        "uid": "u",
        "resourceVersion": "1",
        "annotations": {"services.k8s.aws/deletion-policy": "retain"},
        "finalizers": ["finalizers.sagemaker.services.k8s.aws/Model"],
    },
    "spec": {"modelName": "m", "primaryContainer": {"image": "x"}},
    "status": {
        "ackResourceMetadata": {
            "arn": "arn:aws:sagemaker:us-west-2:012345678901:model/m",
            "ownerAccountID": "0",
            "region": "us-west-2",
        },
        "conditions": [
            {
                "type": "ACK.Terminal",
                "status": "True",
                "message": "no",
                "reason": "why",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ],
        "modelStatus": "InService",
    },
}
RECORD: dict[str, Any] = {
    "name": "r",
    "namespace": "n",
    "version": 1,
    "info": {"status": "deployed", "last_deployed": "2026-01-01T00:00:00Z", "description": "d"},
    "chart": {"metadata": {"name": "sagemaker-chart", "version": "1.9.1"}},
    "config": {"deployment": {"labels": {"acksm.dev/owned": "true"}}},
    "manifest": "kind: X\n",
}


def locations(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything within a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in locations(one, (*path, key)))]


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    found = copy.deepcopy(document)
    if not path:
        return value
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return found


def quietly(work: Callable[[], object]) -> str:
    """The id of the error, "" for none; anything else is a traceback."""
    try:
        work()
    except AcksmError as error:
        return error.id
    return ""


# A custom resource: the apiserver holds types to the CRD's schema; texts may be any, and anything may be missing.
OF_OBJECTS: dict[str, Callable[[Any], object]] = {
    "inventory": lambda item: inventory_objects.item_of(item, "sagemaker", ref("Model"), {}, []),
    "judge": lambda item: synced.judge(item, "Model team/m"),
    "symptoms": symptoms.of_object,
    "living": lambda item: bindings._managed_objects(item, "sagemaker", ref("Model")),
    "log": lambda item: synced.silent_failure("{}", ref("Model", "m", "team"), item),
    "common": lambda item: inventory_objects.common_of(item, "FieldExport", ref("AdoptedResource")),
}


GONE = object()


def edited(document: Any, edits: Sequence[tuple[tuple[Any, ...], Any]]) -> Any:
    """`document` with texts replaced, and things taken away (GONE); what another edit took away is left."""
    found = copy.deepcopy(document)
    for path, value in edits:
        inner = found
        for key in path[:-1]:
            inner = inner[key] if (key in inner if isinstance(inner, dict) else key < len(inner)) else {}
        there = path[-1] in inner if isinstance(inner, dict) else path[-1] < len(inner)
        if there and value is GONE:
            del inner[path[-1]]
        elif there and isinstance(inner[path[-1]], str):
            inner[path[-1]] = value
    return found


OPEN = [
    path for path in locations(MODEL) if path[:1] in {("spec",), ("status",)} or path[:2] == ("metadata", "annotations")
]
TEXTS = st.text(max_size=30) | st.sampled_from(["\x1b[2J", "{" * 500, "9" * 5000, "2026-99-99T99:99:99Z", "retain", ""])


@pytest.mark.parametrize("reader", sorted(OF_OBJECTS))
@given(st.lists(st.tuples(st.sampled_from(OPEN), st.just(GONE) | TEXTS), max_size=4))
@settings(max_examples=150)
def test_any_text_in_an_object_and_anything_missing(reader: str, edits: Sequence[tuple[tuple[Any, ...], Any]]) -> None:
    item = edited(MODEL, edits)
    assert quietly(lambda: OF_OBJECTS[reader](item)) == ""


@given(path=st.sampled_from(locations(RECORD)), value=JSON)
@settings(max_examples=200)
def test_any_value_in_helms_record(path: tuple[Any, ...], value: Any) -> None:
    raw = json.dumps(changed(RECORD, path, value)).encode()
    packed = base64.b64encode(base64.b64encode(gzip.compress(raw))).decode()
    secret = {"metadata": {"name": "s", "namespace": "n"}, "data": {"release": packed}}
    found: list[Any] = []
    assert quietly(lambda: found.append(records.decode(secret))) in {"", "helm-record"}
    for release in found:
        assert release.age_seconds is not None


def test_a_record_that_unpacks_to_gigabytes_is_not_unpacked() -> None:
    packed = gzip.compress(b"[" + b" " * (80 * 2**20) + b"]")
    secret = {"metadata": {"name": "s"}, "data": {"release": base64.b64encode(base64.b64encode(packed)).decode()}}
    assert quietly(lambda: records.decode(secret)) == "helm-record"


@given(
    st.lists(
        st.builds(
            lambda labels: {"metadata": {"name": "x", "labels": labels}},
            st.none() | st.dictionaries(st.sampled_from(["name", "version", "status"]), st.text(max_size=5)),
        ),
        max_size=4,
    )
)
@example([{"metadata": {"name": "x", "labels": {"version": "¹"}}}])
def test_any_labels_of_records(secrets: list[Any]) -> None:
    records.newest(secrets)


TAGS, MANIFEST = (
    {"name": "x", "tags": ["1.9.1"]},
    {
        "layers": [
            {
                "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
                "digest": "sha256:" + "0" * 64,
                "size": 10,
            }
        ]
    },
)


@given(
    tags=st.just(()) | st.sampled_from(locations(TAGS)),
    manifest=st.just(()) | st.sampled_from(locations(MANIFEST)),
    value=JSON,
    which=st.sampled_from(["tags", "manifest", "token"]),
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_in_an_answer_of_the_registry(
    tags: tuple[Any, ...],
    manifest: tuple[Any, ...],
    value: Any,
    which: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    documents = {
        "tags": changed(TAGS, tags, value) if which == "tags" else TAGS,
        "manifest": changed(MANIFEST, manifest, value) if which == "manifest" else MANIFEST,
        "blob": 0,
        "token": value,
    }

    def ask(_method: str, url: str, headers: Any, *_: Any) -> Answer:
        name = "tags" if "tags" in url else "manifest" if "manifests" in url else "token" if "auth" in url else "blob"
        if which == "token" and name != "token" and "Authorization" not in headers:
            return Answer(b"", {"WWW-Authenticate": 'Bearer realm="http://127.0.0.1:1/auth",service="s"'}, 401)
        return Answer(json.dumps(documents[name]).encode(), {}, 200)

    registry = Registry("127.0.0.1:1/x")
    monkeypatch.setattr(registry.client, "_ask", ask)
    known = {
        "chart-version-unknown",
        "chart-invalid",
        "chart-format-old",
        "chart-digest-mismatch",
        "chart-truncated",
        "registry-failed",
        "registry-unauthorized",
    }
    assert quietly(lambda: registry.pull("sagemaker", "1.9.1")) in known


@given(st.text(max_size=200), st.text(max_size=20))
def test_any_word_of_helm_is_an_error_with_an_id(stderr: str, verb: str) -> None:
    assert explain(verb, stderr).id.startswith(("helm-", "chart-", "values-", "release-", "kube-"))


ARNS = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.text(max_size=8) | st.sampled_from(["arn", "aws", "iam", "role/x", "", "012345678901", "٠" * 12]),
        min_size=4,
        max_size=8,
    ).map(":".join),
)


@given(ARNS)
def test_any_text_as_an_arn(text: str) -> None:
    partitions = ["aws", "aws-cn"]
    assert quietly(lambda: account_roles.parse(text, partitions, "x")) in {"", "carm-role-arn", "carm-partition"}
    assert quietly(
        lambda: account_roles.check(text, account="0" * 12, partition="aws", partitions=partitions, where="x")
    ).startswith(("carm-", ""))
    assert quietly(lambda: kind_of(parse_arn(text))).startswith(("adopt-", "kind-", ""))


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=40), max_size=4), st.text(max_size=15))
def test_any_map_of_accounts(data: dict[str, str], key: str) -> None:
    one = Map("n", "ack-role-account-map", data)
    one.get(key)
    role_map.is_key(key)


SELECTOR: dict[str, Any] = {
    "metadata": {"name": "s"},
    "spec": {"arn": "a", "namespaceSelector": {"names": ["x"]}, "resourceTypeSelector": [{"kind": "Model"}]},
}


@given(st.lists(st.tuples(st.sampled_from(locations(SELECTOR["spec"])[1:]), st.just(GONE) | TEXTS), max_size=3))
def test_any_text_in_a_role_selector(edits: Sequence[tuple[tuple[Any, ...], Any]]) -> None:
    item = {**SELECTOR, "spec": edited(SELECTOR["spec"], edits)}
    assert quietly(lambda: role_selectors.Selector.of(item)) == ""
