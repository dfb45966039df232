"""`acksm upgrade --convert-adopted` as a plan: what is done with each AdoptedResource, before and after the upgrade.

Pure. What has created its object is deleted while its controller runs, which removes the finalizer; deleting it keeps
the object. What is pending becomes an object with adoption annotations after the upgrade: until that object exists the
AdoptedResource is kept, whose CRD no upgrade deletes. So whatever ends a run, the cluster has what the next one needs.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from acksm.engine.change import Change, Danger, Op
from acksm.engine.diff import as_text
from acksm.errors import AcksmError
from acksm.guide.adopt import plan as adopt_plan
from acksm.guide.adopt.plan import Adoption
from acksm.guide.adopt.requested import Request
from acksm.guide.carm.role_map import Maps, Subject
from acksm.guide.cleanup.objects import place_params
from acksm.json_types import Json, Object
from acksm.kube.owners import OWNED_LABEL
from acksm.kube.paths import ref
from acksm.live.adopted_resources import AdoptedResource, State
from acksm.live.bindings import OWNER, TEAM, Namespace
from acksm.live.managed import FIELDS, OBJECT_REGION, POLICY
from acksm.live.running import IGNORED_NAMESPACES, SERVICE_CARM, TEAM_CARM, Running

STEP = "adopted-resources"
FINALIZER = "finalizers.services.k8s.aws/AdoptedResource"
_LEAVING = frozenset({State.DONE, State.TERMINATING, State.STUCK})


def leaving(items: Iterable[AdoptedResource]) -> list[AdoptedResource]:
    """Those that have nothing more to do."""
    return [item for item in items if item.state in _LEAVING]


def refusals(
    items: Sequence[AdoptedResource],
    manifests: Mapping[AdoptedResource, Object],
    owned: Iterable[AdoptedResource],
    waiting: Mapping[AdoptedResource, str],
) -> list[AcksmError]:
    """Why they cannot be converted, one error for each cause. `manifests`: what replaces those of Argo CD and Flux;
    `owned`: whose object would be deleted with it; `waiting`: whose deletion its controller would not finish, and why.

    Errors: adopted-resources-gitops, -failing, -own, -account.
    """
    found = []
    gitops = [item for item in items if item.by_gitops]
    if gitops:
        replaced = [manifests[item] for item in gitops if item in manifests]
        lines = [f"# instead of {item}: {item.text}" for item in gitops]
        lines += [line for one in replaced for line in ("---", *as_text(one).splitlines())]
        tools = " and ".join(sorted({str(item.owner) for item in gitops}))
        message = f"{_named(gitops)}: deleted, {tools} would create {_them(gitops)} again"
        found.append(_error("adopted-resources-gitops", message, gitops, lines, {"manifests": replaced}))
    failing = [item for item in items if item.state is State.FAILING and not item.by_gitops]
    if failing:
        reasons = [f"{item}: {item.why}" for item in failing]
        commands = [f"kubectl delete adoptedresources.services.k8s.aws {_at(item)}" for item in failing]
        message = f"{_named(failing)} {_have(failing)} adopted nothing: {failing[0].why}"
        found.append(_error("adopted-resources-failing", message, failing, reasons, {}, _joined(commands)))
    if own := [item for item in items if item in set(owned)]:
        commands = [
            f"kubectl patch {item.object.plural}.{item.object.api_version.partition('/')[0]} {item.object.name} "
            f"""-n {item.object.namespace} --type=json -p '[{{"op":"remove","path":"/metadata/ownerReferences"}}]'"""
            for item in own
            if item.object
        ]
        message = f"{own[0].object} has {own[0]} as an owner: Kubernetes would delete it too, and ACK its AWS resource"
        found.append(_error("adopted-resources-own", message, own, list(map(str, own)), {}, _joined(commands)))
    if waiting:
        reasons = [f"{item}: {why}" for item, why in waiting.items()]
        message = (
            f"the controller would not finish the deletion of {_named([*waiting])}: {next(iter(waiting.values()))}"
        )
        found.append(_error("adopted-resources-account", message, [*waiting], reasons, {}))
    return found


def _error(
    id: str, message: str, items: Sequence[AdoptedResource], lines: list[str], more: Json, remedy: str = ""
) -> AcksmError:
    details: Json = {"objects": [str(item) for item in items], "diff": lines, **more}
    return AcksmError(id, message, where=str(items[0]), remedy=remedy, details=details)


def _named(items: Sequence[AdoptedResource]) -> str:
    return str(items[0]) if len(items) == 1 else f"{items[0]} and {len(items) - 1} more"


def _them(items: Sequence[AdoptedResource]) -> str:
    return "it" if len(items) == 1 else "them"


def _have(items: Sequence[AdoptedResource]) -> str:
    return "has" if len(items) == 1 else "have"


def _at(item: AdoptedResource) -> str:
    return f"{item.location.name} -n {item.location.namespace}"


def _joined(commands: Sequence[str]) -> str:
    """Commands to paste; the error lists what is more."""
    return " && ".join(commands[:5]) + "   (then again)"


def waits_for_role(item: AdoptedResource, controller: Running, namespace: Namespace | None, maps: Maps) -> str:
    """Why `controller` would not finish a deletion in the namespace; "" where it would. It searches the role of the
    namespace's account or team first, that of its own account too, and waits without an end where there is none
    (pkg/runtime/adoption_reconciler.go at v0.52.0)."""
    if namespace is None or namespace.name in IGNORED_NAMESPACES:
        return ""
    if not controller.reading.carm or not controller.has("carm-waits"):
        return ""
    team, account = namespace.annotations.get(TEAM, ""), namespace.annotations.get(OWNER, "")
    if team and TEAM_CARM in controller.gates:
        subject = Subject("team", team)
    elif account:
        subject = Subject("account", account)
    else:
        return ""
    roles = maps.get((controller.namespace, subject.map))
    keys = [subject.key(controller.service)] if SERVICE_CARM in controller.gates else []
    role = next((value for key in (*keys, subject.key()) if (value := roles.get(key) if roles else None)), "")
    if role and (subject.level == "account" or role.startswith("arn:")):
        return ""
    lacks = f"has the role {role!r}" if role else f"has no role in ConfigMap {subject.map}"
    return f"namespace {namespace.name} is bound to {subject}, which {lacks}"


def before(items: Sequence[AdoptedResource], ready: Iterable[Running]) -> list[Change]:
    """What happens while the old controllers run, and the wait until it has. `ready`: controllers with ready pods."""
    changes, waited = list[Change](), list[Json]()
    running = [*ready]
    for item in leaving(items):
        acts = item.handled and any(
            one.service == item.service and one.watches(item.location.namespace) for one in running
        )
        if item.finalizers and not acts:
            changes.append(_orphan(item))
        elif item.state is State.DONE:
            changes.append(_delete(item))
        if item.finalizers:  # without one it is deleted at once, or waits for another program
            waited.append({**place_params(item.location), "uid": item.uid})
    if waited:
        changes.append(
            Change(
                id="adopted-resource.deleted",
                step=STEP,
                op=Op.WAIT,
                system="kubernetes",
                target="AdoptedResources",
                call="upgrade.deleted",
                params={"objects": waited},
            )
        )
    return changes


def _delete(item: AdoptedResource) -> Change:
    return Change(
        id="adopted-resource.delete",
        step=STEP,
        op=Op.DELETE,
        system="kubernetes",
        target=str(item),
        call="cleanup.delete",
        params={"uid": item.uid, "retain": False, **place_params(item.location)},
        before={"state": item.text, "object": str(item.object)},
        reason=f"it has adopted {item.object}, which is kept" if not item.why else item.why,
        danger=Danger.MILD,
        guide=f"kubectl delete adoptedresources.services.k8s.aws {_at(item)}",
    )


def _orphan(item: AdoptedResource) -> Change:
    return Change(
        id="adopted-resource.orphan",
        step=STEP,
        op=Op.DELETE,
        system="kubernetes",
        target=str(item),
        call="cleanup.orphan",
        params={"uid": item.uid, "finalizers": [FINALIZER], **place_params(item.location)},
        before={"state": item.text, "finalizers": list(item.finalizers)},
        reason="no controller would remove its finalizer",
        danger=Danger.MILD,
        guide=f"kubectl patch adoptedresources.services.k8s.aws {_at(item)} --type=merge …",
    )


def after(
    converted: Sequence[tuple[AdoptedResource, Adoption]], releases: Iterable[tuple[str, str]], *, wait: bool
) -> list[Change]:
    """The adoptions, each followed by the deletion of its AdoptedResource. `releases`: (namespace, name) of the
    upgraded controllers, of which no older pod may run: one of before sagemaker 1.2.14 would take an object without a
    spec for one to create in AWS."""
    if not converted:
        return []
    changes = [
        Change(
            id="adopted-resource.pods",
            step=STEP,
            op=Op.WAIT,
            system="kubernetes",
            target="the pods of the old version",
            call="upgrade.replaced_pods",
            params={"releases": [list(one) for one in releases]},
        )
    ]
    for item, adoption in converted:
        lane = f"a{zlib.crc32(str(adoption.target).encode()) % adopt_plan.LANES}"
        if adoption.change is not None:
            changes.append(_with_metadata(adoption.change, item, lane))
        params = {"uid": item.uid, "object": place_params(adoption.target), **place_params(item.location)}
        changes.append(
            Change(
                id="adopted-resource.replace",
                step=STEP,
                op=Op.DELETE,
                system="kubernetes",
                target=str(item),
                call="upgrade.replaced",
                params=params,
                before={"state": item.text},
                reason=f"{adoption.target} replaces it",
                danger=Danger.MILD,
                guide=f"kubectl delete adoptedresources.services.k8s.aws {_at(item)}",
                lane=lane,
            )
        )
    if wait:
        count = len(converted)
        changes.append(
            Change(
                id="adopt.await",
                step=STEP,
                op=Op.WAIT,
                system="kubernetes",
                target=str(converted[0][1]) if count == 1 else f"{count} adoptions",
                call="adopt.await",
                params={},
            )
        )
    return changes


def _with_metadata(change: Change, item: AdoptedResource, lane: str) -> Change:
    """The change with the labels and annotations that the AdoptedResource would have given its object."""
    made = change.params.get("manifest")
    if made is None:
        return replace(change, lane=lane, step=STEP)
    whole = with_metadata(made, item)
    return replace(change, lane=lane, step=STEP, params={**change.params, "manifest": whole}, after=whole)


def with_metadata(made: Object, item: AdoptedResource) -> Object:
    """An object with the labels and annotations of the AdoptedResource's target; what acksm sets wins."""
    meta = ((item.manifest.get("spec") or {}).get("kubernetes") or {}).get("metadata") or {}
    metadata = dict(made["metadata"])
    for key in ("labels", "annotations"):
        if both := {**(meta.get(key) or {}), **(metadata.get(key) or {})}:
            metadata[key] = both
    return {**made, "metadata": metadata}


def instead(item: AdoptedResource, request: Request) -> Object | None:
    """The manifest that replaces an AdoptedResource in Git; None where its fields do not say what it adopts. On an
    object that is managed already its annotations have no effect."""
    key = next(iter(request.keys), {})
    if not key or "path" in key:
        return None
    target = ref(request.kind.name, request.name, request.namespace)
    notes = {POLICY: "adopt", FIELDS: json.dumps(dict(key), sort_keys=True)}
    notes |= {adopt_plan.RETAIN: "retain"} if request.retain else {}
    notes |= {OBJECT_REGION: request.region} if request.region else {}
    metadata: Object = {"name": target.name, "namespace": target.namespace, "annotations": notes}
    whole = with_metadata({"apiVersion": target.api_version, "kind": target.kind, "metadata": metadata}, item)
    (whole["metadata"].get("labels") or {}).pop(OWNED_LABEL, None)
    return whole
