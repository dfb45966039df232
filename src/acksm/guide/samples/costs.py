"""What a sample costs once it exists: instances that are charged by the hour until its object is deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from acksm.guide.samples.files import Sample
from acksm.json_types import Manifest

PRICES = "https://aws.amazon.com/sagemaker/pricing/"
_BY_THE_HOUR = frozenset({"Endpoint", "NotebookInstance", "App"})


def hint(sample: Sample, manifests: Sequence[Manifest], namespace: str) -> str:
    """What is charged, until when, and the command that ends it; "" for what is not charged by the hour.

    `manifests` are those of the sample's objects, as they are applied or as they exist."""
    kinds = {str(item.get("kind")) for item in manifests} & _BY_THE_HOUR
    if not kinds:
        return ""
    instances = ", ".join(dict.fromkeys(text for item in manifests for text in _instances(item.get("spec"))))
    what = f"{instances or 'its instances'}, charged by the hour until {' and '.join(sorted(kinds))} is deleted"
    return f"{what} (acksm samples delete {sample.name} -n {namespace}; {PRICES})"


def _instances(node: object) -> Iterator[str]:
    """ "1 × ml.m5.large" for each block of a spec that names an instance type."""
    if isinstance(node, Mapping):
        kind = node.get("instanceType")
        if isinstance(kind, str) and kind.startswith("ml."):
            count = node.get("initialInstanceCount") or node.get("instanceCount") or 1
            yield f"{count} × {kind}"
        for value in node.values():
            yield from _instances(value)
    elif isinstance(node, list):
        for value in node:
            yield from _instances(value)
