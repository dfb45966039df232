"""`samples list` and `samples show`: all samples, and one as a manifest. Neither needs a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from acksm import reports
from acksm.ack.kinds import SINCE
from acksm.guide.samples import values as sample_values
from acksm.guide.samples.files import Sample, find, rows
from acksm.guide.samples.values import Location
from acksm.json_types import Document, Json
from acksm.output import Output


def run_list(ui: Output) -> int:
    """`samples list`."""
    data: reports.SampleListReport = {"samples": [_row(item) for item in rows()]}
    table = [
        (
            item.name,
            item.kind,
            item.service,
            "yes" if item.sandbox else "no",
            ", ".join(item.uses) or "-",
            ", ".join(name for name, one in item.parameters.items() if one.required) or "-",
            item.about,
        )
        for item in rows()
    ]
    head = ("NAME", "KIND", "SERVICE", "SANDBOX", "NEEDS", "REQUIRED", "DESCRIPTION")
    ui.result("samples list", data, ui.table(head, table, drop=("SANDBOX", "SERVICE", "REQUIRED", "NEEDS", "KIND")))
    return 0


def _row(item: Sample) -> reports.SampleRow:
    return {
        "name": item.name,
        "about": item.about,
        "kind": item.kind,
        "service": item.service,
        "since": SINCE.get(item.kind, ""),
        "sandbox": item.sandbox,
        "needs": list(item.uses),
        "parameters": [
            {
                "name": one.name,
                "kind": one.kind,
                "about": one.about,
                "default": None if one.default is None else str(one.default),
                "sample": one.sample,
                "required": one.required,
            }
            for one in item.parameters.values()
        ],
    }


def run_show(ui: Output, name: str, given: Sequence[str], namespace: str, region: str) -> int:
    """`samples show`: the manifest with its parameters; an image is the region's, if given."""
    sample, pairs = find(name), sample_values.parse(given)
    sample_values.check_names(pairs, sample, [sample])
    location = Location(region)
    values: Json = {}
    for key, parameter in sample.parameters.items():
        own = pairs.get(f"{sample.name}.{key}", pairs.get(key))
        if own is not None:
            values[key] = sample_values.value(parameter, own, location)
        elif parameter.default is not None:
            values[key] = sample_values.default(parameter, location)
        elif parameter.sample and not parameter.of:
            values[key] = str(find(parameter.sample).parameters["name"].default)
    text = sample.yaml(values, namespace)
    data: reports.SampleShowReport = {"sample": _row(sample), "manifest": text, "open": sorted(_open(sample, values))}
    ui.result("samples show", data, "\n".join([*_head(sample, values), text]))
    return 0


def _open(sample: Sample, values: Document) -> list[str]:
    return [name for name in sample.parameters if name not in values or str(values[name]).startswith("<")]


def _head(sample: Sample, values: Document) -> list[str]:
    """The sample and its parameters as YAML comments."""
    width = max(map(len, sample.parameters))
    lines = [f"# {sample.name}: {sample.about}"]
    lines += [f"# Needs: {', '.join(sample.uses)}"] if sample.uses else []
    for name, one in sample.parameters.items():
        state = "required: " if name in _open(sample, values) else ""
        lines.append(f"#   {name:{width}}  {state}{one.about}")
    return lines
