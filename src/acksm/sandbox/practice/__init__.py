"""Practice charts: acksm's own charts with the values, kinds and RBAC of each generation of the real ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from acksm import __version__, archive, yaml_writer
from acksm.events import Emit, Event, Kind, silent
from acksm.sandbox.practice import crds, images, templates, values
from acksm.sandbox.practice.generations import Chart, all_charts
from acksm.sandbox.practice.push import Target as Target, push, push_image

REPOSITORY = "aws-controllers-k8s/{name}"


def files(chart: Chart) -> dict[str, bytes]:
    """The chart's files by path. The same bytes each time."""
    meta = {
        "apiVersion": "v1",
        "name": f"{chart.service}-chart",
        "version": chart.tag,
        "appVersion": chart.tag,
        "description": f"A practice chart of acksm's sandbox for {chart.service}; not the real one",
    }
    found = {"Chart.yaml": yaml_writer.dump(meta), "values.yaml": values.values_yaml(chart)}
    schema = values.schema(chart)
    if schema:
        found["values.schema.json"] = json.dumps(schema, indent=2) + "\n"
    found |= {f"templates/{name}": text for name, text in templates.templates(chart).items()}
    found |= {f"crds/{name}": yaml_writer.dump(crd) for name, crd in crds.crds(chart).items()}
    return {name: text.encode() for name, text in found.items()}


def build(chart: Chart) -> bytes:
    """The chart's archive."""
    return archive.pack(f"{chart.service}-chart", files(chart))


def seed(target: Target, emit: Emit = silent) -> list[str]:
    """Push every practice chart into the registry. Returns the references."""
    return [
        push(target, REPOSITORY.format(name=f"{chart.service}-chart"), chart.tag, build(chart))
        for chart in all_charts()
    ]


def seed_acksm(target: Target) -> str:
    """Push an image of acksm: pods of it run the acksm that runs the sandbox. Returns the reference."""
    return push_image(target, "acksm", __version__, images.image("acksm", __version__))


def seed_from(target: Target, sources: Sequence[Path], emit: Emit = silent) -> list[str]:
    """Push the user's charts (`--charts`): an archive, a chart's directory, or a directory with several."""
    found = []
    for source in sources:
        for path in _charts_in(source):
            chart = archive.read(path)
            data = archive.pack(chart.name, chart.files)
            found.append(push(target, REPOSITORY.format(name=chart.name), chart.version, data))
            emit(Event(Kind.DONE, "sandbox.charts", f"pushed {found[-1]}"))
    return found


def _charts_in(source: Path) -> list[Path]:
    if not source.is_dir() or (source / "Chart.yaml").is_file():
        return [source]
    inner = [path for path in sorted(source.iterdir()) if path.suffix == ".tgz" or (path / "Chart.yaml").is_file()]
    return inner or [source]
