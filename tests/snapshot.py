"""Everything that is in a cluster and in accounts, as data to be compared: nothing is left out but what never stands
still."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from abroad import until
from acksm.errors import AcksmError
from acksm.kube.client import Kube
from acksm.kube.contents import DEFAULTS
from acksm.kube.paths import Ref, ref
from world import World

# Changed by the control plane all the time, or computed by it from what else is here.
_RESTLESS = {"events", "leases", "componentstatuses", "apiservices", "endpointslices", "endpoints", "csinodes"}
_PLAIN = {"name", "namespace", "labels", "annotations", "finalizers", "ownerReferences"}
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
Snapshot = dict[str, Any]


def cluster(kube: Kube) -> Snapshot:
    """Every object of every kind by its path, without versions, times and status."""
    kinds = []
    for root in ("/api", "/apis"):
        for group in kube.read(root, _DISCOVERY)["items"]:
            name, version = group["metadata"].get("name", ""), group["versions"][0]
            api = f"{name}/{version['version']}" if name else version["version"]
            for item in version["resources"]:
                if {"list", "get"} <= set(item["verbs"]) and item["resource"] not in _RESTLESS:
                    kinds.append(Ref(api, item["resource"], item.get("responseKind", {}).get("kind", "")))
    with ThreadPoolExecutor(8) as pool:
        lists = list(pool.map(lambda kind: _list(kube, kind), kinds))
    return {
        f"{kind.api_version}/{kind.plural} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}": _plain(
            item
        )
        for kind, items in zip(kinds, lists, strict=True)
        for item in items
        if (kind.kind, item["metadata"]["name"]) not in DEFAULTS  # they come some time after their namespace
    }


def _list(kube: Kube, kind: Ref) -> list[Any]:
    try:
        return kube.list(kind)
    except AcksmError as error:
        if error.id in {"kube-failed", "kube-not-found"}:
            return []
        raise


def _plain(item: Any) -> Any:
    metadata = {key: value for key, value in item["metadata"].items() if key in _PLAIN}
    if item["metadata"].get("deletionTimestamp"):
        metadata["ending"] = True
    kept = {key: value for key, value in item.items() if key not in {"metadata", "status"}}
    if item.get("aggregationRule"):  # a controller computes them, from other roles and some time after those
        kept.pop("rules", None)
    return {**kept, "metadata": metadata}


def account(world: World, number: str) -> Snapshot:
    """IAM and what the services have, of one account in the tests' regions."""
    iam = world.aws("iam", number)
    found: Snapshot = {}
    for role in iam.get_paginator("list_roles").paginate().build_full_result()["Roles"]:
        name = role["RoleName"]
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        found[f"role {role['Arn']}"] = {
            "trust": role["AssumeRolePolicyDocument"],
            "tags": sorted(iam.list_role_tags(RoleName=name)["Tags"], key=lambda tag: str(tag["Key"])),
            "boundary": role.get("PermissionsBoundary"),
            "attached": iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
            "inline": {one: iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"] for one in inline},
        }
    for one in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=one["Arn"])
        found[f"provider {one['Arn']}"] = (provider["ClientIDList"], provider.get("Tags"))
    found |= {f"user {user['Arn']}": True for user in iam.list_users()["Users"]}
    found |= {f"policy {one['Arn']}": True for one in iam.list_policies(Scope="Local")["Policies"]}
    found |= {f"profile {one['Arn']}": one["Roles"] for one in iam.list_instance_profiles()["InstanceProfiles"]}
    sagemaker = world.aws("sagemaker", number)
    for call, key, arn in (
        ("list_models", "Models", "ModelArn"),
        ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigArn"),
        ("list_endpoints", "Endpoints", "EndpointArn"),
        ("list_training_jobs", "TrainingJobSummaries", "TrainingJobArn"),
    ):
        found |= {one[arn]: True for one in getattr(sagemaker, call)()[key]}
    for one in world.aws("application-autoscaling", number).describe_scalable_targets(ServiceNamespace="sagemaker")[
        "ScalableTargets"
    ]:
        found[f"scalable target {one['ResourceId']}"] = (one["MinCapacity"], one["MaxCapacity"])
    return found


def settled(world: World) -> None:
    """Wait until what is being deleted has gone: pods of the last test, and namespaces, end in the background."""

    def ending() -> list[str]:
        return [
            item["metadata"]["name"]
            for kind in ("Namespace", "Pod")
            for item in world.kube.list(ref(kind), metadata_only=True)
            if item["metadata"].get("deletionTimestamp")
        ]

    until(lambda: not ending(), "namespaces and pods that end", ending)


def whole(world: World, accounts: Sequence[str]) -> Snapshot:
    """The cluster and the accounts."""
    return {"cluster": cluster(world.kube), **{number: account(world, number) for number in accounts}}


def difference(before: Snapshot, after: Snapshot) -> list[str]:
    """What came, went or changed, in words; [] for two equal worlds."""
    lines = []
    for part in before:
        one, other = before[part], after[part]
        lines += [f"{part}: + {key}" for key in sorted(set(other) - set(one))]
        lines += [f"{part}: - {key}" for key in sorted(set(one) - set(other))]
        lines += [f"{part}: ~ {key}" for key in sorted(set(one) & set(other)) if one[key] != other[key]]
    return lines
