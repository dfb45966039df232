"""One diff over AWS, Kubernetes and values.yaml, made from the plan's own data."""

from __future__ import annotations

import difflib
import io

from acksm.engine.change import Change, Op, Plan

MASK = "(hidden)"
_SIGN = {Op.CREATE: "+", Op.UPDATE: "~", Op.DELETE: "-", Op.WAIT: "…"}
LONGEST_BODY = 40


def as_text(value: object) -> str:
    """YAML for mappings and lists, the text itself for strings, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.representer.ignore_aliases = lambda _data: True  # a list that occurs twice in memory needs no anchor
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def unified(before: object, after: object) -> list[str]:
    """Lines of a unified diff without the file header. Empty when nothing differs."""
    lines = difflib.unified_diff(as_text(before).splitlines(), as_text(after).splitlines(), lineterm="", n=2)
    return [line for line in lines if not line.startswith(("---", "+++"))]


def render(change: Change, *, full: bool = False) -> list[str]:
    """A change as lines: sign, target and reason, then its diff. A new object longer than LONGEST_BODY lines is
    shown by its size unless `full`."""
    lines = [f"{_SIGN[change.op]} {change.target}" + (f"  ({change.reason})" if change.reason else "")]
    if change.op is Op.WAIT:
        return lines
    if change.secret:
        return [*lines, f"    {MASK}"]
    body = [line for line in unified(change.before, change.after) if not line.startswith("@@")]
    if change.op is Op.CREATE:
        body = [line for line in body if line.strip()]
    if len(body) > LONGEST_BODY and not full:
        body = [f"  ({len(body)} lines; --full shows them)"]
    return lines + [f"    {line}" for line in body]


def render_plan(plan: Plan, *, full: bool = False) -> str:
    """The whole plan as text, grouped by step in the plan's order."""
    lines: list[str] = []
    step = ""
    for change in plan.mutations:
        if change.step != step:
            step = change.step
            lines += ["", f"# {step}"]
        lines += render(change, full=full)
    return "\n".join(lines).strip("\n")
