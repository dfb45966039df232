"""The rights in the cluster that each command needs: one table, for `doctor --print-rbac` and `rbac grant`.

Reading what the apiserver serves, and reviewing one's own access, needs none of them: `system:discovery` and
`system:basic-user` give that to every authenticated identity
(https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings). A test runs the
commands under exactly these rights, and without each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from acksm.ack import charts
from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.carm.role_map import ACCOUNT_MAP, TEAM_MAP
from acksm.json_types import Json
from acksm.words import did_you_mean

# where a rule holds: the objects' namespace, the controllers', everywhere
OBJECTS, CONTROLLERS, CLUSTER = "objects", "controllers", "cluster"
ACK = tuple(f"{service}.{COMMON_GROUP}" for service in charts.SERVICES)
CORE, APPS, RBAC, LEASES = ("",), ("apps",), "rbac.authorization.k8s.io", ("coordination.k8s.io",)


@dataclass(frozen=True)
class Rule:
    """Verbs on resources. `names`: only these objects. `when`: the case in which it is needed, "" for always;
    `optional`: the command works without it, and says what it did not check."""

    on: str
    groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()
    when: str = ""
    optional: bool = False

    def as_rule(self) -> Json:
        """As a rule of a Role."""
        named: Json = {"resourceNames": list(self.names)} if self.names else {}
        return {"apiGroups": list(self.groups), "resources": list(self.resources), **named, "verbs": list(self.verbs)}

    def __str__(self) -> str:
        return f"{', '.join(self.verbs)} {', '.join(self.resources)}"


_RIVALS = "controllers run in other namespaces"
_SELECTING = "the controllers use IAMRoleSelectors"
_ABROAD = f"the namespace is bound to an account, or {_SELECTING}"
_RESTARTED = "the controllers are of a version that reads a changed account map only after a restart"


def _objects(*verbs: str, when: str = "") -> Rule:
    return Rule(OBJECTS, ACK, ("*",), verbs, when=when)


def _seen(*, optional: bool) -> tuple[Rule, ...]:
    """The controllers: what they watch, their version, and their service accounts' role."""
    return (
        Rule(CONTROLLERS, APPS, ("deployments",), ("list",), optional=optional),
        Rule(CONTROLLERS, CORE, ("serviceaccounts",), ("get",), optional=optional),
    )


# Of every namespace: which controllers there are, and what they may reconcile.
_ALL_SEEN = (
    Rule(CLUSTER, APPS, ("deployments",), ("list",)),
    Rule(CLUSTER, CORE, ("serviceaccounts",), ("get",)),
    Rule(CLUSTER, ("authorization.k8s.io",), ("subjectaccessreviews",), ("create",), when=_RIVALS, optional=True),
    Rule(CLUSTER, (RBAC,), ("rolebindings",), ("list",), when=_RIVALS, optional=True),
)
_SPACE = Rule(OBJECTS, CORE, ("namespaces",), ("get",), optional=True)
_SPACE_READ = Rule(OBJECTS, CORE, ("namespaces",), ("get",))
_SPACES = Rule(CLUSTER, CORE, ("namespaces",), ("list",))
_PODS = Rule(CONTROLLERS, CORE, ("pods",), ("list",))
_LOGS = Rule(CONTROLLERS, CORE, ("pods", "pods/log"), ("list", "get"), optional=True)
_MAPS = Rule(CONTROLLERS, CORE, ("configmaps",), ("get",), names=(ACCOUNT_MAP, TEAM_MAP))
_MAPS_CREATE = Rule(CONTROLLERS, CORE, ("configmaps",), ("create",))
_MAPS_PATCH = Rule(CONTROLLERS, CORE, ("configmaps",), ("patch",), names=(ACCOUNT_MAP, TEAM_MAP))
_MAPS_DELETE = Rule(CONTROLLERS, CORE, ("configmaps",), ("delete",), names=(ACCOUNT_MAP, TEAM_MAP))
_SELECTORS = Rule(CLUSTER, (COMMON_GROUP,), ("iamroleselectors",), ("list",), when=_SELECTING)
_SELECTORS_CREATE = Rule(CLUSTER, (COMMON_GROUP,), ("iamroleselectors",), ("create", "patch"), when=_SELECTING)
_SELECTORS_DELETE = Rule(CLUSTER, (COMMON_GROUP,), ("iamroleselectors",), ("delete",), when=_SELECTING)
_RESTART = (
    Rule(CONTROLLERS, APPS, ("deployments",), ("list", "watch", "patch"), when=_RESTARTED),
    Rule(CONTROLLERS, APPS, ("replicasets",), ("list",), when=_RESTARTED),
    Rule(CONTROLLERS, CORE, ("pods",), ("list",), when=_RESTARTED),
)
_LOCK = Rule(CONTROLLERS, LEASES, ("leases",), ("create", "get", "patch"), optional=True)
_CREATE = Rule(CLUSTER, CORE, ("namespaces",), ("create",), when="--create-namespace")
_BOUND = (
    _SPACES,
    Rule(CLUSTER, CORE, ("namespaces",), ("get", "patch")),
    Rule(CLUSTER, ACK, ("*",), ("list",)),
    *_ALL_SEEN,
    _LOCK,
)
_OF_CARM = (*_BOUND, _MAPS, _MAPS_PATCH, _SELECTORS, _SELECTORS_DELETE)

COMMANDS: dict[str, tuple[Rule, ...]] = {
    "samples apply": (
        _objects("get", "create", "patch"),
        _SPACE,
        *_seen(optional=True),
        _LOGS,
        _LOCK,
    ),
    "samples delete": (_objects("get", "list", "delete"), _SPACE, _LOCK),
    "adopt": (
        _objects("get", "list", "create", "patch"),
        _objects("delete", when="an interrupted adoption is continued"),
        _SPACE,
        *_seen(optional=True),
        Rule(_MAPS.on, _MAPS.groups, _MAPS.resources, _MAPS.verbs, _MAPS.names, optional=True),
        Rule(CLUSTER, (*ACK, COMMON_GROUP), ("*",), ("list",), optional=True),
        _LOGS,
        _LOCK,
    ),
    "doctor KIND/NAME": (
        _objects("get", "list"),
        _SPACE_READ,
        Rule(CONTROLLERS, APPS, ("deployments",), ("get", "list")),
        Rule(CONTROLLERS, CORE, ("serviceaccounts",), ("get",)),
        Rule(CONTROLLERS, CORE, ("pods",), ("list",)),
        Rule(CONTROLLERS, CORE, ("pods/log",), ("get",)),
        Rule(_SPACES.on, _SPACES.groups, _SPACES.resources, _SPACES.verbs, when=_ABROAD),
        Rule(
            _MAPS.on,
            _MAPS.groups,
            _MAPS.resources,
            _MAPS.verbs,
            _MAPS.names,
            when=_ABROAD,
        ),
        _SELECTORS,
    ),
    "region explain": (_objects("get", when="KIND/NAME"), _SPACE_READ, *_seen(optional=False), _PODS),
    "logs": (
        Rule(CONTROLLERS, APPS, ("deployments",), ("get", "list")),
        Rule(CONTROLLERS, CORE, ("serviceaccounts",), ("get",)),
        Rule(CONTROLLERS, CORE, ("pods",), ("list",)),
        Rule(CONTROLLERS, CORE, ("pods/log",), ("get",)),
    ),
    "identity status": (*_ALL_SEEN, _PODS),
    "region list": (_SPACES, *_ALL_SEEN),
    "region bind": (*_BOUND, _CREATE),
    "region unbind": _BOUND,
    "carm list": (_SPACES, *_ALL_SEEN, _MAPS, _SELECTORS),
    "carm verify": (
        _SPACES,
        *_ALL_SEEN,
        _MAPS,
        _SELECTORS,
        Rule(CONTROLLERS, CORE, ("serviceaccounts/token",), ("create",), when="--live"),
    ),
    "carm bind": (*_OF_CARM, _CREATE, _MAPS_CREATE, _SELECTORS_CREATE, *_RESTART),
    "carm unbind": (*_OF_CARM, _MAPS_DELETE),
}
# They create or delete CRDs and ClusterRoles, or read all that install would change. RBAC allows no one to create a
# role with more rights than their own, so whoever runs them needs those of the controllers and more.
ADMINISTRATORS = frozenset(
    {
        "install",
        "upgrade",
        "export",
        "cleanup",
        "status",
        "history",
        "versions",
        "doctor",
        "report",
        "carm setup",
        "capability status",
        "fleet facts",
        "identity migrate",
        "rbac grant",
        "rbac revoke",
    }
)
# They send nothing to the apiserver.
WITHOUT = frozenset(
    {
        "init",
        "connect",
        "oidc",
        "iam-role",
        "mirror",
        "capability share",
        "plan show",
        "explain",
        "config show",
        "version",
        "token",
        "samples list",
        "samples show",
        "fleet list",
        "fleet job",
        "fleet merge",
    }
)
OF_A_COMMAND = frozenset(
    {"plan", "apply", *(f"fleet {name}" for name in ("status", "doctor", "plan", "apply", "upgrade", "cleanup", "run"))}
)


def command_of(requested: str) -> str:
    """The command by its name with spaces or dashes; `doctor-object` is `doctor KIND/NAME`.

    Errors: `rbac-unknown` with close names, `rbac-administrator`."""
    name = "-".join(requested.replace("-", " ").split()).lower()
    known = {name.replace(" ", "-").lower(): name for name in COMMANDS} | {"doctor-object": "doctor KIND/NAME"}
    if name in known:
        return known[name]
    if name.replace("-", " ") in ADMINISTRATORS:
        raise AcksmError(
            "rbac-administrator",
            f"{name.replace('-', ' ')} needs the rights of a cluster administrator",
            where=requested,
        )
    near = get_close_matches(name, known, n=3)
    raise AcksmError(
        "rbac-unknown",
        f'no command "{requested}" that needs rights in the cluster' + did_you_mean([known[item] for item in near]),
        where="--print-rbac",
    )


def rules(command: str, on: str) -> list[Json]:
    """The rules of a command that hold there, each once."""
    return unique(rule.as_rule() for rule in COMMANDS[command] if rule.on == on)


def unique(found: Iterable[Json]) -> list[Json]:
    """Rules without those that say the same as an earlier one."""
    kept: list[Json] = []
    for one in found:
        if one not in kept:
            kept.append(one)
    return kept


def manifests(command: str, namespace: str, controllers: str) -> list[Json]:
    """The Roles and ClusterRole of a command, without bindings."""
    name = "acksm-" + command.lower().replace("kind/name", "object").replace(" ", "-")
    places = ((OBJECTS, "Role", namespace), (CONTROLLERS, "Role", controllers), (CLUSTER, "ClusterRole", ""))
    return [role(kind, name, where, found) for on, kind, where in places if (found := rules(command, on))]


def role(kind: str, name: str, namespace: str, rules: list[Json]) -> Json:
    metadata: Json = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata, "rules": rules}
