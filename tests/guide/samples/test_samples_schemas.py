"""Every sample against the real CRDs of each generation, where the shared data are at hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from acksm import yaml_reader
from acksm.ack.kinds import KINDS, SINCE
from acksm.guide.samples.files import samples
from sample_values_for import values

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
CHARTS = sorted(path.parent for path in SHARED.glob("*/*/crds"))

# Samples that stand for a kind that came later than their own; on older charts the apiserver's look refuses them.
STANDS_FOR = {"component-endpoint-config": "InferenceComponent", "app": "Space"}

pytestmark = pytest.mark.skipif(not CHARTS, reason="the shared data are not here")


@cache
def schemas(chart: Path) -> dict[str, Any]:
    """Kind to the schema of its objects, with every structure closed: a misspelt field is an error."""
    found = {}
    for file in (chart / "crds").iterdir():
        crd = yaml_reader.load(file.read_text("utf-8"))
        if crd["spec"]["group"].startswith(chart.parts[-2]):
            schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
            found[crd["spec"]["names"]["kind"]] = _closed(schema["properties"]["spec"])
    return found


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _closed(item) for key, item in schema.items() if key != "description"}
    if "properties" in found and isinstance(found["properties"], dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


@pytest.mark.parametrize("chart", CHARTS, ids=lambda path: "-".join(path.parts[-2:]))
def test_the_samples_fit_the_crds(chart: Path) -> None:
    there, seen = schemas(chart), 0
    wrong: dict[str, list[str]] = {}
    for name, sample in samples().items():
        if sample.service == chart.parts[-2] and {sample.kind, STANDS_FOR.get(name, sample.kind)} <= set(there):
            seen += 1
            spec = sample.manifest(values(sample))["spec"]
            found = [error.message for error in Draft202012Validator(there[sample.kind]).iter_errors(spec)]
            wrong |= {name: found} if found else {}
    assert seen >= len(there)
    assert wrong == {}


@pytest.mark.parametrize("chart", CHARTS, ids=lambda path: "-".join(path.parts[-2:]))
def test_the_table_says_which_kinds_a_chart_has(chart: Path) -> None:
    from packaging.version import Version

    service, version = chart.parts[-2:]
    there = {kind for kind in KINDS[service] if Version(SINCE.get(kind, "0")) <= Version(version)}
    assert there == set(schemas(chart))
