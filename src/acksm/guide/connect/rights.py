"""Whether the caller may do what a plan's changes need, checked before the first of them.

By IAM's SimulatePrincipalPolicy and the apiserver's SelfSubjectAccessReview. Where these are not allowed, or IAM's
simulation does not tell (acksm.aws.simulation), the answer is "unknown": a note says so, and the plan continues. A
denied call then names its action.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from acksm.aws.iam import Iam
from acksm.engine.change import Change, Op
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.json_types import Document, Manifest
from acksm.kube import paths

# The call of a change -> the IAM actions that it needs.
IAM_ACTIONS: dict[str, tuple[str, ...]] = {
    "iam.create_oidc_provider": ("iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"),
    "iam.add_client_id": ("iam:AddClientIDToOpenIDConnectProvider",),
    "iam.create_role": ("iam:CreateRole", "iam:TagRole"),
    "iam.update_trust": ("iam:UpdateAssumeRolePolicy",),
    "iam.attach_policy": ("iam:AttachRolePolicy",),
    "iam.put_policy": ("iam:PutRolePolicy",),
    "iam.tag_role": ("iam:TagRole",),
    "iam.put_boundary": ("iam:PutRolePermissionsBoundary",),
    "iam.create_service_linked_role": ("iam:CreateServiceLinkedRole",),
    "iam.detach_policy": ("iam:DetachRolePolicy",),
    "iam.delete_policy": ("iam:DeleteRolePolicy",),
    "iam.delete_role": ("iam:DeleteRole",),
    "iam.delete_oidc_provider": ("iam:DeleteOpenIDConnectProvider",),
}
# The same of EKS, by the resource that IAM checks each action on: the cluster, or what is in it.
EKS_ACTIONS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "eks.create_association": (
        ("cluster/{cluster}", ("eks:CreatePodIdentityAssociation", "eks:TagResource")),
        ("{role_arn}", ("iam:PassRole", "iam:GetRole")),
    ),
    "eks.update_association": (
        ("podidentityassociation/{cluster}/{name}", ("eks:UpdatePodIdentityAssociation",)),
        ("{role_arn}", ("iam:PassRole", "iam:GetRole")),
    ),
    "eks.delete_association": (("podidentityassociation/{cluster}/{name}", ("eks:DeletePodIdentityAssociation",)),),
    "eks.create_addon": (
        ("cluster/{cluster}", ("eks:CreateAddon", "eks:TagResource")),
        ("addon/{cluster}/{name}/*", ("eks:DescribeAddon",)),
    ),
    "eks.disable_services": (("{target}", ("eks:UpdateCapability",)),),
    "eks.delete_addon": (("addon/{cluster}/{name}/*", ("eks:DeleteAddon",)),),
}
# The call of a change of `cleanup` or `upgrade` on a custom resource -> its verbs.
_ON_OBJECTS = {
    "cleanup.retain": ("patch",),
    "cleanup.delete": ("delete",),
    "cleanup.orphan": ("delete", "patch"),
    "upgrade.replaced": ("delete", "patch"),
}
_FIXED = {
    "cleanup.crd": (("delete", "apiextensions.k8s.io", "customresourcedefinitions", ""),),
    "cleanup.namespace": (("delete", "", "namespaces", ""),),
}
# The calls of adoptions -> the verbs that they need on their objects
ADOPTION_VERBS = {"adopt.create": ("create",), "adopt.annotate": ("patch",), "adopt.renew": ("delete", "create")}
OTHER_ACCOUNT = "target-"  # prefix of calls to the target account's IAM
FEW = 4  # a right in more namespaces is reviewed for all of them first
_HELM_RECORD = ("create", "", "secrets")  # helm keeps its record of a release in a Secret


class Right(NamedTuple):
    """A verb on a resource of the apiserver; `namespace` is "" for cluster-wide, `name` for every object: a Role may
    have the names of the account maps only (guide/rbac/table.py)."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource}" + (f" in namespace {self.namespace}" if self.namespace else "")


def iam_needs(changes: Iterable[Change], cluster_arn: str = "") -> dict[str, list[str]]:
    """Resource ARN to the actions that the changes need on it."""
    needs: dict[str, list[str]] = {}
    for change in changes:
        pairs = [(change.target, IAM_ACTIONS.get(change.call.removeprefix(OTHER_ACCOUNT), ()))]
        for resource, actions in EKS_ACTIONS.get(change.call, ()):
            named = resource.format(**{**change.params, "target": change.target})
            pairs.append((named if ":" in named else f"{cluster_arn.rpartition(':')[0]}:{named}", actions))
        for resource, actions in pairs:
            found = needs.setdefault(resource, []) if actions else []
            found += [action for action in actions if action not in found]
    return needs


def kube_needs(changes: Iterable[Change], manifests: Iterable[Document], namespace: str) -> list[Right]:
    """The rights that the changes and the releases' objects need, each once, in the order of use."""
    found: dict[Right, None] = {}
    verbs = ["create"]
    for change in changes:
        found |= dict.fromkeys(_rights_for(change, namespace))
        verbs = ["create", "patch"] if change.call == "helm.upgrade" else verbs
    for manifest in manifests:
        if paths.knows(str(manifest["kind"])):
            found |= dict.fromkeys(_right(verb, manifest, namespace) for verb in verbs)
    return list(found)


# Calls that name an object by `kind`, `name` and `namespace`
_ON_NAMED = frozenset(
    {"kube.set_keys", "kube.delete_when_empty", "kube.delete", "carm.release", "samples.delete", "upgrade.record"}
)


def _rights_for(change: Change, namespace: str) -> list[Right]:
    """What one change needs; `namespace` is that of helm's records."""
    named = change.params
    if change.call == "helm.uninstall":
        return _rights_to_uninstall(change)
    if change.system == "helm":
        return [Right(*_HELM_RECORD, namespace)]
    if change.call in {"kube.apply", "crds.apply_common", "samples.apply_late"}:
        # the verb of a server-side apply is patch; what does not exist needs create as well
        verbs = ("create", "patch") if change.op is Op.CREATE else ("patch",)
        return [_right(verb, named["manifest"], "") for verb in verbs]
    if change.call == "crds.convert":
        crd, names = paths.ref("CustomResourceDefinition"), named["manifest"]["spec"]["names"]
        own = [(crd.api_version.rpartition("/")[0], f"{crd.plural}{part}") for part in ("", "/status")]
        every = [*own, (str(named["manifest"]["spec"]["group"]), str(names["plural"]))]
        return [Right("patch", group, resource, "") for group, resource in every]
    if change.call in _ON_NAMED:
        return _rights_on(change)
    if change.call in ADOPTION_VERBS:
        manifest = named.get("manifest") or {"kind": named["kind"], "metadata": named}
        return [_right(verb, manifest, "") for verb in ADOPTION_VERBS[change.call]]
    on_object = _ON_OBJECTS.get(change.call)
    if on_object:
        group = named["api_version"].rpartition("/")[0]
        return [Right(verb, group, named["plural"], named["namespace"]) for verb in on_object]
    return [Right(*right) for right in _FIXED.get(change.call, ())] + (
        [Right("patch", "apps", "deployments", named["namespace"])]
        if change.call in {"kube.restart", "controller.await_agent"}
        else []
    )


def _rights_to_uninstall(change: Change) -> list[Right]:
    """helm's record, and each kind of object of the release."""
    kinds = [("Secret", change.params["namespace"]), *map(tuple, change.params["kinds"])]
    references = [paths.ref(kind, namespace=namespace) for kind, namespace in kinds]
    return [Right("delete", one.api_version.rpartition("/")[0], one.plural, one.namespace) for one in references]


def _rights_on(change: Change) -> list[Right]:
    """For changes that name an object by `kind` (default ConfigMap), `name` and `namespace`."""
    named = change.params
    reference = paths.ref(named.get("kind", "ConfigMap"), named["name"], named.get("namespace", ""))
    verb = "delete" if "delete" in change.call else "patch"
    verbs = [verb, "create"] if change.op is Op.CREATE else [verb]
    group = reference.api_version.rpartition("/")[0]
    name = reference.name if reference.kind == "ConfigMap" else ""
    return [Right(one, group, reference.plural, reference.namespace, "" if one == "create" else name) for one in verbs]


def _right(verb: str, manifest: Manifest, namespace: str) -> Right:
    reference = paths.ref_in(manifest, namespace)
    group = reference.api_version.rpartition("/")[0]
    return Right(verb, group, reference.plural, reference.namespace)


def check(target: Target, changes: Sequence[Change], manifests: Sequence[Document]) -> list[str]:
    """Check IAM and the apiserver concurrently; notes on what IAM does not tell. Errors: `aws-access-denied`,
    `kube-forbidden`, with what is denied."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        own = [change for change in changes if not change.call.startswith(OTHER_ACCOUNT)]
        aws = pool.submit(check_iam, target.aws.iam, target.identity.arn, own, target.cluster.arn)
        _review_access(target, kube_needs(changes, manifests, target.settings.controller_namespace), pool)
        return aws.result()


def check_iam(iam: Iam, caller: str, changes: Sequence[Change], cluster_arn: str = "") -> list[str]:
    """Check the caller's IAM permissions, by its own account; notes on what is unknown. `cluster_arn`: the cluster of
    changes in EKS. Error: `aws-access-denied`."""
    return check_needs(iam, caller, iam_needs(changes, cluster_arn))


def check_needs(iam: Iam, caller: str, needs: Mapping[str, Sequence[str]], remedy: str = "") -> list[str]:
    """The same for the actions needed on each ARN. Error: `aws-access-denied`, with `remedy` if there is one."""
    decisions = iam.decisions(caller, needs) if needs else {}
    denied = [pair for pair, decision in decisions.items() if decision.allowed is False]
    if denied:
        actions = ", ".join(sorted({action for action, _ in denied}))
        raise AcksmError(
            "aws-access-denied",
            f"{caller} is not authorized to perform {actions}",
            where=", ".join(sorted({resource for _, resource in denied})),
            remedy=remedy or f"allow {actions} to {caller}",
            details={"actions": sorted({action for action, _ in denied}), "principal": caller},
        )
    unknown: dict[str, set[str]] = {}
    for (action, _), decision in decisions.items():
        if decision.allowed is None:
            unknown.setdefault(decision.why, set()).add(action)
    return [
        f"not checked: whether {caller} may perform {', '.join(sorted(actions))} ({why})"
        for why, actions in unknown.items()
    ]


def check_kube(target: Target, changes: Sequence[Change], manifests: Sequence[Document]) -> None:
    """Check the apiserver alone. Error: `kube-forbidden`."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        _review_access(target, kube_needs(changes, manifests, target.settings.controller_namespace), pool)


def _review_access(target: Target, needs: Sequence[Right], pool: ThreadPoolExecutor) -> None:
    """One review is enough for an administrator, and one of all namespaces for whoever has a ClusterRole."""
    if not needs or target.kube.can("*", "*", "*"):
        return

    def review(rights: Sequence[Right]) -> dict[Right, bool]:
        answers = pool.map(
            lambda one: target.kube.can(one.verb, one.group, one.resource, one.namespace, name=one.name), rights
        )
        return dict(zip(rights, answers, strict=True))

    counts = Counter(right._replace(namespace="") for right in needs if right.namespace)
    everywhere = review([right for right, count in counts.items() if count > FEW])
    left = [right for right in needs if not everywhere.get(right._replace(namespace=""))]
    denied = [str(right) for right, allowed in review(left).items() if not allowed]
    if denied:
        raise AcksmError(
            "kube-forbidden",
            f"the caller may not {'; '.join(denied)}",
            where=f"cluster {target.cluster.name} as {target.identity.arn}",
            details={"denied": denied},
        )
