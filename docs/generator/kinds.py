"""docs/ack/kinds.md: what acksm knows of the kinds of both services."""

from __future__ import annotations

from acksm.ack.kind import Kind
from acksm.ack.kinds import KINDS, SINCE
from generator.markdown import NOTICE, code, page as _page, table

_INTRO = """\
The kinds of both controllers, from one table in the code (`src/acksm/ack/kinds.py`). Its sources are
`generator.yaml` and the hooks of
[sagemaker-controller](https://github.com/aws-controllers-k8s/sagemaker-controller) 1.9.1 and
[applicationautoscaling-controller](https://github.com/aws-controllers-k8s/applicationautoscaling-controller) 1.4.1.

- First chart: the first chart with the kind; every chart has those without a version.
- Fields: those of `adoption-fields`, by which [adoption](adoption.md#fields) finds the object. Fields in parentheses
  are optional.
- Deleted before: the kinds that such an object uses; it is deleted before them by
  [cleanup](../cleanup.md)."""


def page() -> str:
    """The page's text."""
    parts = ["# Kinds", NOTICE, _INTRO]
    for service, kinds in KINDS.items():
        rows = (
            (name, SINCE.get(name, ""), _fields(kind), ", ".join(kind.uses), "stops it" if kind.stops else "deletes it")
            for name, kind in sorted(kinds.items())
        )
        heads = ("Kind", "First chart", "Fields", "Deleted before", "Deleting, in AWS")
        parts += [f"## {service}", table(heads, rows)]
    return _page(*parts)


def _fields(kind: Kind) -> str:
    if kind.by_arn:
        return code("arn")
    return ", ".join(f"({code(field)})" if field in kind.optional else code(field) for field in kind.key)
