"""EKS where moto accepts more than EKS does: compute of a cluster (EKS Auto Mode) and selectors of Fargate profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acksm.json_types import Json

if TYPE_CHECKING:
    from moto.core.responses import ActionResult
    from moto.eks.responses import EKSResponse

# https://docs.aws.amazon.com/eks/latest/APIReference/API_ComputeConfigRequest.html
_POOLS = {"general-purpose", "system"}
_TOGETHER = (
    "For EKS Auto Mode, please ensure that all required configs, including computeConfig, kubernetesNetworkConfig, "
    "and blockStorage are all either fully enabled or fully disabled."
)
_SELECTORS = 5


def apply() -> None:
    """Put them into moto."""
    from moto.eks import models
    from moto.eks.responses import EKSResponse

    before, before_selectors = EKSResponse.update_cluster_config, models._validate_fargate_profile_selectors

    def update(self: EKSResponse) -> ActionResult:
        return _compute(self) if self._get_param("computeConfig") is not None else before(self)

    def validate(selectors: list[Json]) -> None:
        before_selectors(selectors)
        if len(selectors) > _SELECTORS:
            raise _invalid(f"Fargate Profile cannot have more than {_SELECTORS} selectors.")
        if not all(selector["namespace"] for selector in selectors):
            raise _invalid(models.FARGATE_PROFILE_SELECTOR_NEEDS_NAMESPACE)

    EKSResponse.update_cluster_config = update  # type: ignore[method-assign]
    models._validate_fargate_profile_selectors = validate


def _compute(response: EKSResponse) -> ActionResult:
    """UpdateClusterConfig that turns EKS Auto Mode on or off. moto answers with the cluster, EKS with the update."""
    from moto.core.responses import ActionResult

    compute: Json = response._get_param("computeConfig")
    cluster = response.eks_backend.describe_cluster(response._get_param("name"))
    network: Json = response._get_param("kubernetesNetworkConfig") or {}
    storage: Json = response._get_param("storageConfig") or {}
    on = bool(compute.get("enabled"))
    others = (network.get("elasticLoadBalancing"), storage.get("blockStorage"))
    if any(item is None or bool(item.get("enabled")) is not on for item in others):
        raise _invalid(_TOGETHER)
    pools = list(compute.get("nodePools") or [])
    if unknown := sorted(set(pools) - _POOLS):
        raise _invalid(f"The node pool {unknown[0]} is not supported.")
    if bool(pools) is not bool(compute.get("nodeRoleArn")):
        raise _invalid("When Compute Config nodeRoleArn is not null or empty, nodePool value(s) must be provided.")
    described = {"enabled": on, "nodePools": pools, "nodeRoleArn": compute.get("nodeRoleArn")}
    vars(cluster).update(compute_config=described, storage_config=storage)  # which its description then has
    update = {"id": "practice", "status": "InProgress", "type": "AutoModeUpdate", "params": [], "errors": []}
    return ActionResult({"update": update})


def _invalid(message: str) -> Exception:
    from moto.eks.exceptions import InvalidParameterException

    return InvalidParameterException(
        clusterName=None, nodegroupName=None, fargateProfileName=None, addonName=None, message=message
    )
