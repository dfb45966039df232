"""EKS: the cluster as AWS describes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from acksm.aws.errors import code_of, translated
from acksm.aws.pod_identity import (
    UNKNOWN_OPERATION,
    Addon as Addon,
    Association as Association,
    PodIdentity,
)
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Json, Manifest

MINIMUM_KUBERNETES = (1, 16)  # the guide's step 1
SERVING = frozenset({"ACTIVE", "UPDATING"})  # states in which the apiserver answers


@dataclass(frozen=True)
class Listed:
    """A cluster as discovery has it: its tags and EKS's state."""

    tags: Mapping[str, str] = field(default_factory=dict)
    status: str = "ACTIVE"


@dataclass(frozen=True)
class Cluster:
    """`ca_data` is base64 of a PEM, `issuer` the https URL of the OIDC issuer. `node_pools`: the built-in ones of EKS
    Auto Mode, None where it is off."""

    name: str
    arn: str
    region: str
    account: str
    endpoint: str
    ca_data: str
    issuer: str
    status: str
    version: str
    node_pools: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Capability:
    """An EKS capability of type ACK; `status` ACTIVE, CREATING, DELETING, …; `disabled`: the services that it leaves
    out, in EKS's order; `issues` of its health, as "CODE: message"."""

    name: str
    status: str
    disabled: tuple[str, ...] = ()
    version: str = ""
    role: str = ""
    issues: tuple[str, ...] = ()
    arn: str = ""


@dataclass(frozen=True)
class NodeGroup:
    """A managed node group, as EKS describes it. `desired` and `most` are numbers of nodes."""

    name: str
    status: str
    desired: int
    most: int
    ami_type: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Manifest] = ()


@dataclass(frozen=True)
class FargateProfile:
    """`selectors` are pairs of namespace and labels, each with wildcards."""

    name: str
    status: str
    selectors: Sequence[tuple[str, Mapping[str, str]]]


class Eks(PodIdentity):
    """The calls of EKS that acksm uses."""

    def describe_cluster(self, name: str) -> Cluster:
        """The cluster, ACTIVE and new enough. Errors: cluster-unknown, -not-active, -too-old, -no-issuer."""
        client = self._aws.client("eks")
        where = f"cluster {name} in {self._aws.region}"
        with translated("eks", "DescribeCluster", where):
            try:
                found: Json = client.describe_cluster(name=name)["cluster"]
            except client.exceptions.ResourceNotFoundException:
                raise AcksmError(
                    "cluster-unknown",
                    f'EKS cluster "{name}" does not exist in {self._aws.region}; {self._others()}',
                    where=where,
                ) from None
            except client.exceptions.ClientError as error:
                if code_of(error) in {"InvalidParameterException", "ValidationException"}:
                    raise AcksmError("cluster-unknown", str(error), where=where) from error
                raise
        arn = str(found["arn"])
        cluster = Cluster(
            name=name,
            arn=arn,
            region=arn.split(":")[3],
            account=arn.split(":")[4],
            endpoint=str(found.get("endpoint", "")),
            ca_data=str((found.get("certificateAuthority") or {}).get("data", "")),
            issuer=str(((found.get("identity") or {}).get("oidc") or {}).get("issuer", "")),
            status=str(found.get("status", "")),
            version=str(found.get("version", "")),
            node_pools=_node_pools(found.get("computeConfig") or {}),
        )
        if cluster.status not in SERVING:
            raise AcksmError("cluster-not-active", f"cluster {name} is {cluster.status}", where=where)
        if tuple(int(part) for part in cluster.version.split(".")[:2]) < MINIMUM_KUBERNETES:
            raise AcksmError(
                "cluster-too-old",
                f"cluster {name} has Kubernetes {cluster.version}; the controllers need 1.16 or newer",
                where=where,
            )
        if not cluster.issuer:
            raise AcksmError("cluster-no-issuer", f"cluster {name} has no OIDC issuer", where=where)
        return cluster

    def names(self) -> list[str]:
        """The clusters of the region."""
        client = self._aws.client("eks")
        with translated("eks", "ListClusters"):
            return [name for page in client.get_paginator("list_clusters").paginate() for name in page["clusters"]]

    def tagged(self) -> dict[str, Listed]:
        """The clusters of the region with their tags and states; those that are being deleted are left out."""
        client = self._aws.client("eks")
        found = {}
        for name in self.names():
            with translated("eks", "DescribeCluster", name):
                try:
                    answer = client.describe_cluster(name=name)["cluster"]
                except client.exceptions.ResourceNotFoundException:
                    continue  # deleted since it was listed
            if answer.get("status") != "DELETING":
                found[name] = Listed(dict(answer.get("tags") or {}), str(answer.get("status", "")))
        return found

    def _others(self) -> str:
        """The existing names, for the error message; best effort."""
        try:
            names = self._aws.client("eks").list_clusters(maxResults=20).get("clusters", [])
        except Exception:
            return "the clusters of the region could not be listed"
        return f"existing ones: {', '.join(names)}" if names else "the region has no cluster"

    def fargate_profiles(self, name: str) -> list[FargateProfile]:
        """The cluster's Fargate profiles."""
        client = self._aws.client("eks")
        with translated("eks", "ListFargateProfiles"):
            pages = client.get_paginator("list_fargate_profiles").paginate(clusterName=name)
            profiles = [profile for page in pages for profile in page["fargateProfileNames"]]
        found = []
        for profile in profiles:
            with translated("eks", "DescribeFargateProfile"):
                answer = client.describe_fargate_profile(clusterName=name, fargateProfileName=profile)["fargateProfile"]
            selectors = [
                (str(item.get("namespace", "")), dict(item.get("labels") or {}))
                for item in answer.get("selectors") or []
            ]
            found.append(FargateProfile(profile, str(answer.get("status", "ACTIVE")), selectors))
        return found

    def node_groups(self, name: str) -> list[NodeGroup]:
        """The cluster's managed node groups."""
        client = self._aws.client("eks")
        with translated("eks", "ListNodegroups"):
            pages = client.get_paginator("list_nodegroups").paginate(clusterName=name)
            groups = [group for page in pages for group in page["nodegroups"]]
        found = []
        for group in groups:
            with translated("eks", "DescribeNodegroup"):
                answer: Json = client.describe_nodegroup(clusterName=name, nodegroupName=group)["nodegroup"]
            scaling = answer.get("scalingConfig") or {}
            found.append(
                NodeGroup(
                    group,
                    str(answer.get("status", "")),
                    int(scaling.get("desiredSize") or 0),
                    int(scaling.get("maxSize") or 0),
                    str(answer.get("amiType") or ""),
                    dict(answer.get("labels") or {}),
                    list(answer.get("taints") or []),
                )
            )
        return found

    def ack_capabilities(self, cluster: str) -> list[Capability]:
        """The cluster's EKS capabilities of type ACK: controllers that AWS runs besides those that acksm installs.

        An endpoint that does not know capabilities (an old partition) has none. Errors: `aws-…`.
        """
        client = self._aws.client("eks")
        found = []
        try:
            with translated("eks", "ListCapabilities"):
                pages = client.get_paginator("list_capabilities").paginate(clusterName=cluster)
                listed = [
                    item for page in pages for item in page.get("capabilities") or [] if item.get("type") == "ACK"
                ]
            for item in listed:
                name = str(item["capabilityName"])
                with translated("eks", "DescribeCapability"):
                    answer: Json = client.describe_capability(clusterName=cluster, capabilityName=name)["capability"]
                found.append(_capability(name, answer))
        except AcksmError as error:
            if error.details.get("code") not in UNKNOWN_OPERATION:
                raise
        return found

    def disable_services(self, cluster: str, capability: str, services: Sequence[str]) -> None:
        """Set the services that the capability leaves out. EKS replaces its list with this one, and keeps the rest of
        the configuration. Error: `capability-busy`."""
        client = self._aws.client("eks")
        with translated("eks", "UpdateCapability", f"capability {capability} of cluster {cluster}"):
            try:
                client.update_capability(
                    clusterName=cluster,
                    capabilityName=capability,
                    configuration={"ack": {"disabledServices": list(services)}},
                )
            except client.exceptions.ResourceInUseException as error:
                raise AcksmError("capability-busy", str(error), where=f"capability {capability}") from error


def _capability(name: str, answer: Json) -> Capability:
    ack = (answer.get("configuration") or {}).get("ack") or {}
    issues = (answer.get("health") or {}).get("issues") or []
    return Capability(
        name,
        str(answer.get("status", "")),
        tuple(map(str, ack.get("disabledServices") or ())),
        str(answer.get("version") or ""),
        str(answer.get("roleArn") or ""),
        tuple(f"{item.get('code', '')}: {item.get('message', '')}" for item in issues),
        str(answer.get("arn") or ""),
    )


def _node_pools(compute: Json) -> tuple[str, ...] | None:
    """The built-in node pools of a `computeConfig`, None where Auto Mode is off."""
    return tuple(map(str, compute.get("nodePools") or [])) if compute.get("enabled") else None
