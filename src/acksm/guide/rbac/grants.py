"""`acksm rbac grant` and `revoke`: a Role for those who work in one namespace, bound to groups or users. Pure plans.

The Role has what `samples`, `adopt`, `doctor KIND/NAME` and `region explain` need in the namespace, and what kubectl
needs for the same objects. No ClusterRole has it already: ACK's charts have roles for their kinds in their own
namespace only, and do not aggregate them to `edit`
(https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.guide.rbac import table
from acksm.json_types import Json, Manifest, Object
from acksm.kube.owners import OWNED_LABEL, is_owned
from acksm.kube.paths import Ref, ref_of

STEP = "rbac"
USER, READER = "acksm-user", "acksm-reader"  # the Roles in the objects' and in the controllers' namespace
GRANT_LABEL, GRANTED = "acksm.dev/grant", "acksm.dev/namespace"
_ANNOTATION = "acksm.dev/subject"
_OF_USER = ("samples apply", "samples delete", "adopt", "doctor KIND/NAME", "region explain")


@dataclass(frozen=True, order=True)
class Subject:
    """A user or group of the apiserver. `kind` is User or Group."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.lower()} {self.name}"

    def manifest(self) -> Json:
        return {"apiGroup": table.RBAC, "kind": self.kind, "name": self.name}

    def binding(self, role: str) -> str:
        """The name of its RoleBinding: names of users may have characters that names of objects may not."""
        return f"{role}-{hashlib.sha256(str(self).encode()).hexdigest()[:10]}"


@dataclass(frozen=True)
class Desired:
    """Who gets rights in `namespace`; with `controllers`, the namespace of these, also to read them there."""

    namespace: str
    subjects: Sequence[Subject]
    controllers: str = ""


@dataclass
class Planned:
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def user_rules() -> list[Json]:
    """What the Role in the objects' namespace allows."""
    objects: Json = {
        "apiGroups": [*table.ACK],
        "resources": ["*"],
        "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
    }
    pending: Json = {
        "apiGroups": ["services.k8s.aws"],
        "resources": ["adoptedresources"],
        "verbs": ["get", "list", "create", "patch", "delete"],
    }
    events: Json = {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list", "watch"]}
    own = [rule.as_rule() for name in _OF_USER for rule in table.COMMANDS[name] if rule.on == table.OBJECTS]
    return table.unique([objects, pending, events, *(one for one in own if one["apiGroups"] != [*table.ACK])])


def reader_rules() -> list[Json]:
    """What the Role in the controllers' namespace allows. No Secrets."""
    return table.unique(
        rule.as_rule()
        for name in _OF_USER
        for rule in table.COMMANDS[name]
        if rule.on == table.CONTROLLERS and rule.groups != table.LEASES
    )


def wanted(desired: Desired) -> list[Object]:
    """The Roles, each before its bindings."""
    found = _granted(USER, desired.namespace, user_rules(), desired)
    return found + (_granted(READER, desired.controllers, reader_rules(), desired) if desired.controllers else [])


def _granted(role: str, namespace: str, rules: list[Json], desired: Desired) -> list[Object]:
    """A Role and its bindings. Those of the controllers' namespace are of a namespace of users each, so that revoking
    one keeps the others."""
    labels = {OWNED_LABEL: "true", GRANT_LABEL: role}
    manifest: Object = table.role("Role", role, namespace, rules)
    manifest["metadata"]["labels"] = labels
    found = [manifest]
    for subject in sorted(set(desired.subjects)):
        suffix = f"-{desired.namespace}" if role == READER else ""
        metadata = {
            "name": subject.binding(role) + suffix,
            "namespace": namespace,
            "labels": {**labels, GRANTED: desired.namespace},
            "annotations": {_ANNOTATION: str(subject)},
        }
        found.append(
            {
                "apiVersion": f"{table.RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": metadata,
                "roleRef": {"apiGroup": table.RBAC, "kind": "Role", "name": role},
                "subjects": [subject.manifest()],
            }
        )
    return found


def plan_grant(desired: Desired, live: Mapping[Ref, Manifest | None]) -> Planned:
    """What is missing or differs. Error: `rbac-not-ours`."""
    planned = Planned()
    for manifest in wanted(desired):
        location = ref_of(manifest)
        now = live.get(location)
        if now is not None and not is_owned(now):
            raise AcksmError("rbac-not-ours", f"{location} exists and was not created by acksm", where=str(location))
        content = ("rules", "roleRef", "subjects")
        if now is not None and all(now.get(key) == manifest.get(key) for key in content):
            continue
        bound = manifest["metadata"].get("annotations", {}).get(_ANNOTATION, "")
        planned.changes.append(
            Change(
                id="rbac.bind" if bound else "rbac.role",
                step=STEP,
                op=Op.CREATE if now is None else Op.UPDATE,
                system="kubernetes",
                target=str(location),
                call="kube.apply",
                params={"manifest": manifest},
                before=None if now is None else {key: now[key] for key in content if key in now},
                after={key: manifest[key] for key in content if key in manifest},
                reason=f"to {bound}" if bound else "",
                danger=Danger.NONE if now is None else Danger.MILD,
                guide=f"kubectl apply -f {location.kind.lower()}.yaml",
            )
        )
    return planned


def plan_revoke(namespace: str, subjects: Sequence[Subject], controllers: str, live: Iterable[Manifest]) -> Planned:
    """The removal of bindings (of `subjects`, empty: all) of a namespace, and of Roles that none is left for. `live`:
    the Roles and RoleBindings with GRANT_LABEL of that namespace and of the controllers'."""
    planned, left = Planned(), dict[tuple[str, str], int]()
    roles: list[Manifest] = []
    for item in live:
        where = (str(item["metadata"]["namespace"]), str(item["metadata"]["labels"].get(GRANT_LABEL)))
        if not is_owned(item):
            continue
        if item["kind"] == "Role":
            roles.append(item)
            continue
        of = str(item["metadata"]["labels"].get(GRANTED))
        mine = of == namespace and (not subjects or any(_is(item, subject) for subject in subjects))
        if mine:
            planned.changes.append(removal(item))
        else:
            left[where] = left.get(where, 0) + 1
    for item in roles:
        where = (str(item["metadata"]["namespace"]), str(item["metadata"]["labels"].get(GRANT_LABEL)))
        if not left.get(where) and (where[0] == namespace or planned.changes):
            planned.changes.append(removal(item))
    kept = sum(count for (place, _), count in left.items() if place == namespace)
    if kept and controllers:
        planned.notes.append(f"kept: {kept} other RoleBinding{'s' if kept > 1 else ''} of namespace {namespace}")
    return planned


def removal(item: Manifest) -> Change:
    """Delete a Role or RoleBinding that acksm created."""
    location = ref_of(item)
    subject = (item["metadata"].get("annotations") or {}).get(_ANNOTATION, "")
    return Change(
        id="rbac.revoke",
        step=STEP,
        op=Op.DELETE,
        system="kubernetes",
        target=str(location),
        call="kube.delete",
        params={"kind": location.kind, "name": location.name, "namespace": location.namespace},
        before={key: item[key] for key in ("rules", "roleRef", "subjects") if key in item},
        reason=f"of {subject}" if subject else "no one has it",
        danger=Danger.MILD,
        guide=f"kubectl delete {location.kind.lower()} {location.name} -n {location.namespace}",
    )


def _is(item: Manifest, subject: Subject) -> bool:
    return any((one.get("kind"), one.get("name")) == (subject.kind, subject.name) for one in item.get("subjects") or ())
