"""Guide §2.1.1: the IAM OIDC provider of the cluster's issuer, with audience sts.amazonaws.com."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field

from acksm.aws.account import Aws
from acksm.aws.eks import Cluster
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op
from acksm.guide.identity import limits

AUDIENCE = "sts.amazonaws.com"
OWNED_TAG, CLUSTER_TAG = "acksm:owned", "acksm:cluster-arn"


@dataclass(frozen=True)
class Observed:
    """`arn` is the provider's, existing or not; `audiences` is None when it does not exist."""

    arn: str
    audiences: tuple[str, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def lacks(self) -> str:
        """Why no service account can use it, "" where it is as it should be."""
        if self.audiences is None:
            return f"the cluster's OIDC provider {self.arn} does not exist in IAM"
        return "" if AUDIENCE in self.audiences else f"the cluster's OIDC provider lacks audience {AUDIENCE}"


@dataclass(frozen=True)
class Desired:
    url: str
    tags: Mapping[str, str]


def provider_arn(cluster: Cluster) -> str:
    """The ARN that IAM gives the provider of this issuer, in the cluster's own partition (G14)."""
    partition = cluster.arn.split(":")[1]
    return f"arn:{partition}:iam::{cluster.account}:oidc-provider/{cluster.issuer.removeprefix('https://')}"


def marks(cluster: Cluster) -> dict[str, str]:
    """The tags of what acksm creates for this cluster."""
    return {OWNED_TAG: "true", CLUSTER_TAG: cluster.arn}


def is_owned(tags: Mapping[str, str], cluster_arn: str) -> bool:
    """Whether the tags say that acksm created this for the cluster."""
    return tags.get(OWNED_TAG) == "true" and tags.get(CLUSTER_TAG) == cluster_arn


def clusters_of(tags: Mapping[str, str]) -> frozenset[str]:
    """ARNs of the clusters that a role is tagged as used by: its creator's, and those that adopted it later."""
    return frozenset(value for key, value in tags.items() if key == CLUSTER_TAG or key.startswith(f"{CLUSTER_TAG}:"))


def adopter_tag(cluster_arn: str) -> str:
    """The tag key of a cluster that adopts a role which another cluster owns, so that the owner's tag is kept (with the
    same tag, each of two clusters would take the role for its own)."""
    return f"{CLUSTER_TAG}:{hashlib.sha256(cluster_arn.encode()).hexdigest()[:8]}"


def desired(cluster: Cluster, tags: Mapping[str, str]) -> Desired:
    """Error: `config-invalid`, for tags that IAM refuses."""
    limits.check_tags(tags, "--tag")
    return Desired(cluster.issuer, {**tags, **marks(cluster)})


def observe(aws: Aws, cluster: Cluster) -> Observed:
    """Read the provider by its ARN, whoever created it."""
    arn = provider_arn(cluster)
    found = aws.iam.get_oidc_provider(arn)
    return Observed(arn) if found is None else Observed(arn, tuple(found["client_ids"]), found["tags"])


def plan(observed: Observed, want: Desired) -> list[Change]:
    """Create it, or add the audience that eksctl's does not check (eksctl#7933). Never deletes."""
    if observed.audiences is None:
        return [
            Change(
                id="oidc.create",
                step="oidc",
                op=Op.CREATE,
                system="aws",
                target=observed.arn,
                call="iam.create_oidc_provider",
                params={"url": want.url, "client_ids": [AUDIENCE], "tags": dict(want.tags)},
                after={"url": want.url, "audiences": [AUDIENCE], "tags": dict(want.tags)},
                guide="eksctl utils associate-iam-oidc-provider --cluster $CLUSTER_NAME --approve",
            )
        ]
    if AUDIENCE not in observed.audiences:
        return [
            Change(
                id="oidc.audience",
                step="oidc",
                op=Op.UPDATE,
                system="aws",
                target=observed.arn,
                call="iam.add_client_id",
                params={"arn": observed.arn, "client_id": AUDIENCE},
                before={"audiences": list(observed.audiences)},
                after={"audiences": [*observed.audiences, AUDIENCE]},
                danger=Danger.MILD,
                reason="IAM refuses the cluster's tokens without this audience",
            )
        ]
    return []
