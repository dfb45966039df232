"""`acksm rbac grant`, `acksm rbac revoke` and `acksm doctor --print-rbac`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from acksm import reports
from acksm.engine.change import Plan
from acksm.engine.diff import as_text
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.target import Target, connect
from acksm.guide.rbac import grants, table
from acksm.guide.rbac.grants import Desired, Subject
from acksm.json_types import Object
from acksm.kube.api import Lister
from acksm.kube.paths import ref, ref_of
from acksm.live import bindings
from acksm.output import Output
from acksm.settings import RunSettings, TargetSettings

KINDS = ("RoleBinding", "Role")


def subjects(groups: Sequence[str], users: Sequence[str]) -> list[Subject]:
    """Whom the options name. Error: `rbac-subject` for names that RBAC reserves."""
    found = [*(Subject("Group", name) for name in groups), *(Subject("User", name) for name in users)]
    for one in found:
        reserved = one.name.startswith("system:") and not one.name.startswith("system:serviceaccount:")
        if not one.name or reserved:
            raise AcksmError("rbac-subject", f'invalid {one.kind.lower()} "{one.name}"', where=f"--{one.kind.lower()}")
    return found


def run_grant(
    at: TargetSettings, run: RunSettings, ui: Output, namespace: str, who: Sequence[Subject], *, controllers: bool
) -> int:
    """`rbac grant`. Errors: `rbac-subject`, `rbac-not-ours`, `object-namespace-missing`."""
    if not who:
        raise AcksmError("rbac-subject", "no group or user given", where=namespace)
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        desired = Desired(namespace, who, at.controller_namespace if controllers else "")
        with ThreadPoolExecutor(max_workers=8) as pool:
            spaces = pool.submit(bindings.observe_some, target.kube, [namespace])
            locations = [ref_of(item) for item in grants.wanted(desired)]
            live = dict(zip(locations, pool.map(target.kube.get, locations), strict=True))
            bindings.check_exists(spaces.result()[0], namespace, create=False, creates=False)
        planned = grants.plan_grant(desired, live)
        more = f"\nand may read the controllers in {at.controller_namespace}" if controllers else ""
        text = "\n".join(f"{one} may use ACK's kinds in namespace {namespace}" for one in who) + more
        return _apply(target, ui, "rbac grant", planned, namespace, who, text)


def run_revoke(at: TargetSettings, run: RunSettings, ui: Output, namespace: str, who: Sequence[Subject]) -> int:
    """`rbac revoke`: what `rbac grant` created for the namespace, of `who` or (empty) of all."""
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        places = list(dict.fromkeys((namespace, at.controller_namespace)))
        live = [item for place in places for item in granted(target.kube, place)]
        planned = grants.plan_revoke(namespace, who, at.controller_namespace, live)
        names = f" for {', '.join(map(str, who))}" if who else ""
        text = f"no rights of acksm in namespace {namespace}{names}"
        return _apply(target, ui, "rbac revoke", planned, namespace, who, text)


def granted(kube: Lister, namespace: str = "") -> list[Object]:
    """The bindings and Roles of `rbac grant` in a namespace, or in all."""
    return [
        {"apiVersion": f"{table.RBAC}/v1", "kind": kind, **item}
        for kind in KINDS
        for item in kube.list(ref(kind, namespace=namespace), selector=grants.GRANT_LABEL)
    ]


def _apply(
    target: Target,
    ui: Output,
    command: str,
    planned: grants.Planned,
    namespace: str,
    who: Sequence[Subject],
    text: str,
) -> int:
    facts: reports.RbacFacts = {"namespace": namespace, "subjects": [str(one) for one in who]}
    plan = Plan(command, tuple(planned.changes), tuple(planned.notes), dict(facts))
    table_of_calls: dict[str, Callable[..., object]] = {
        "kube.apply": target.kube.apply,
        "kube.delete": lambda kind, name, namespace: target.kube.delete(ref(kind, name, namespace)),
    }
    return apply_plan(target, ui, plan, table_of_calls, text)


def run_print(ui: Output, requested: str, namespace: str, controllers: str) -> int:
    """`doctor --print-rbac COMMAND`: the Roles of a command as manifests; needs neither cluster nor AWS."""
    command = table.command_of(requested)
    found = table.manifests(command, namespace, controllers)
    notes = [f"{rule}: only when {rule.when}" for rule in table.COMMANDS[command] if rule.when]
    notes += [
        f"{rule} in namespace {controllers if rule.on == table.CONTROLLERS else namespace}: optional; without it less "
        "is checked, and the output says what"
        if rule.on != table.CLUSTER
        else f"{rule} in every namespace: optional; without it less is checked, and the output says what"
        for rule in table.COMMANDS[command]
        if rule.optional
    ]
    notes = list(dict.fromkeys(notes))
    for note in notes:
        ui.emit(Event(Kind.NOTE, "note", note))
    data: reports.DoctorReport = {"rbac": {"command": command, "manifests": found, "notes": notes}}
    ui.result("doctor", data, "---\n".join(as_text(item) for item in found))
    return 0
