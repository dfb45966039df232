"""One diff over AWS, Kubernetes and values.yaml, made from the plan's own data."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from acksm.engine.change import Change, Op, Plan

MASK = "(hidden)"
_SIGN = {Op.CREATE: "+", Op.UPDATE: "~", Op.DELETE: "-", Op.WAIT: "…"}
LONGEST_BODY = 40
LONGEST_DELETED = 4
_CRD = "CustomResourceDefinition "
_MANY, _NAMED = 3, 2  # more changes of one kind are one line in an outline, with the names of so many


def as_text(value: object) -> str:
    """YAML for mappings and lists, the text itself for strings, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    from acksm.yaml_writer import readable

    return readable(value)


def unified(before: object, after: object) -> list[str]:
    """Lines of a unified diff without the file header. Empty when nothing differs."""
    lines = difflib.unified_diff(as_text(before).splitlines(), as_text(after).splitlines(), lineterm="", n=2)
    return [line for line in lines if not line.startswith(("---", "+++"))]


def render(change: Change, *, full: bool = False) -> list[str]:
    """A change as lines: sign, target and reason, then its diff. A diff longer than LONGEST_BODY lines, and what is
    deleted if that is longer than LONGEST_DELETED, is shown by its size unless `full`."""
    lines = [f"{_SIGN[change.op]} {change.target}{_why(change.reason)}"]
    if change.op is Op.WAIT:
        return lines
    if change.secret:
        return [*lines, f"    {MASK}"]
    body = [line for line in unified(change.before, change.after) if not line.startswith("@@")]
    if change.op is Op.CREATE:
        body = [line for line in body if line.strip()]
    if len(body) > (LONGEST_DELETED if change.op is Op.DELETE else LONGEST_BODY) and not full:
        body = [f"  ({len(body)} lines; --full shows them)"]
    return lines + [f"    {line}" for line in body]


def render_plan(plan: Plan, *, full: bool = False) -> str:
    """The whole plan as text, grouped by step in the plan's order; the CRDs of a service are one line unless `full`."""
    lines: list[str] = []
    step = ""
    for changes in [[change] for change in plan.mutations] if full else _grouped(plan.mutations):
        if changes[0].step != step:
            step = changes[0].step
            lines += ["", f"# {step}"]
        lines += [_crds(changes)] if len(changes) > 1 else render(changes[0], full=full)
    return "\n".join(lines).strip("\n")


def outline(changes: Sequence[Change], account: str = "") -> list[str]:
    """What is about to be done, without content: a line for each change, one for all CRDs of a service, and one for
    many changes of a kind. What is in IAM of `account` is named without the account."""
    lines: list[str] = []
    kinds: dict[tuple[str, Op, str], list[Change]] = {}
    for group in _grouped(changes):
        if len(group) > 1:
            kinds[group[0].step, group[0].op, group[0].target] = group
        else:
            kinds.setdefault((group[0].step, group[0].op, group[0].target.split(" ")[0]), []).extend(group)
    for (_, op, kind), group in kinds.items():
        if group[0].target.startswith(_CRD) and len(group) > 1:
            lines.append(_crds(group))
        elif len(group) > _MANY and " " in group[0].target and not group[0].words[0]:
            names = [change.target.partition(" ")[2] for change in group]
            rest = f" and {len(names) - _NAMED} more"
            lines.append(f"{_SIGN[op]} {len(group)} × {kind}: {', '.join(names[:_NAMED])}{rest}")
        else:
            for change in group:
                _, own, name = change.target.partition(f":iam::{account}:")
                named = name if own and account else change.target
                lines.append(f"{_SIGN[op]} {change.words[0] or named}{_why(change.reason)}")
    return lines


def _grouped(changes: Sequence[Change]) -> list[list[Change]]:
    """The changes in order; CRDs of one API group and one operation together, where the first of them is."""
    found: dict[object, list[Change]] = {}
    for number, change in enumerate(changes):
        is_crd = change.target.startswith(_CRD)
        key = (change.step, change.op, change.reason, _api_group(change)) if is_crd else number
        found.setdefault(key, []).append(change)
    return list(found.values())


def _crds(changes: Sequence[Change]) -> str:
    """ "+ 28 CRDs of sagemaker"."""
    service = _api_group(changes[0]).removesuffix(".services.k8s.aws")
    return f"{_SIGN[changes[0].op]} {len(changes)} CRDs of {service}{_why(changes[0].reason)}"


def _api_group(crd: Change) -> str:
    return crd.target.removeprefix(_CRD).partition(".")[2]


def _why(reason: str) -> str:
    return f"  ({reason})" if reason else ""
