"""Application Auto Scaling's calls that moto answers otherwise than AWS, on moto's own objects.

moto ignores PolicyNames, repeats a page of targets for ever, gives an updated policy another ARN, accepts policies
without a target, and has another error for what does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from acksm.json_types import Document, Json
from acksm.sandbox import pages
from acksm.sandbox.pages import RefusalError

if TYPE_CHECKING:
    from moto.applicationautoscaling.models import ApplicationAutoscalingBackend

Params = Document
# docs.aws.amazon.com/autoscaling/application/APIReference: MaxResults of DescribeScalingPolicies and of the targets
MOST_POLICIES, MOST_TARGETS = 10, 50


def _fits(item: Json, params: Params, names: str, name: str) -> bool:
    """By the filters of a describe call; `names` is the parameter with a list of the member `name`."""
    chosen = params.get(names)
    single = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    return (not chosen or item[name] in chosen) and all(item[key] == params[key] for key in single if params.get(key))


def _page(member: str, found: Sequence[Json], params: Params, most: int) -> Json:
    named = params.get("ResourceId") or params.get("ResourceIds")
    if params.get("ScalableDimension") and not named:
        raise RefusalError("ValidationException", "A resource ID is required with a scalable dimension")
    return pages.page(member, found, params, most)


def _policies(backend: ApplicationAutoscalingBackend, params: Params) -> Json:
    from moto.applicationautoscaling.responses import _build_policy

    found = [_build_policy(policy) for policy in backend.policies.values()]
    found = [item for item in found if _fits(item, params, "PolicyNames", "PolicyName")]
    return _page("ScalingPolicies", found, params, MOST_POLICIES)


def _targets(backend: ApplicationAutoscalingBackend, params: Params) -> Json:
    from moto.applicationautoscaling.responses import _build_target

    every = [_build_target(target) for kept in backend.targets.values() for target in kept.values()]
    fitting = [item for item in every if _fits(item, params, "ResourceIds", "ResourceId")]
    found = [{name: value for name, value in item.items() if value is not None} for item in fitting]
    return _page("ScalableTargets", found, params, MOST_TARGETS)


def _put_policy(backend: ApplicationAutoscalingBackend, params: Params) -> Json:
    from moto.applicationautoscaling.responses import _build_alarms

    _require_target(backend, params)
    key = _policy_key(params)
    earlier = backend.policies.get(key)
    policy = backend.put_scaling_policy(
        params["PolicyName"],
        params["ServiceNamespace"],
        params["ResourceId"],
        params["ScalableDimension"],
        params.get("StepScalingPolicyConfiguration") or params.get("TargetTrackingScalingPolicyConfiguration") or {},
        params.get("PolicyType") or (earlier.policy_type if earlier else "StepScaling"),
    )
    if earlier:
        policy.policy_arn, policy.creation_time = earlier.policy_arn, earlier.creation_time
    return {"PolicyARN": policy.policy_arn, "Alarms": _build_alarms(policy)}


def _delete_policy(backend: ApplicationAutoscalingBackend, params: Params) -> Json:
    key = _policy_key(params)
    if key not in backend.policies:
        raise RefusalError("ObjectNotFoundException", f"No scaling policy found for {_where(params)}")
    del backend.policies[key]
    return {}


def _deregister(backend: ApplicationAutoscalingBackend, params: Params) -> Json:
    """With the target its policies are deleted."""
    _require_target(backend, params)
    of_target = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    resource, dimension = params["ResourceId"], params["ScalableDimension"]
    del backend.targets[dimension][resource]
    backend.policies = {
        key: policy
        for key, policy in backend.policies.items()
        if (policy.service_namespace, policy.resource_id, policy.scalable_dimension)
        != tuple(params[name] for name in of_target)
    }
    return {}


def _policy_key(params: Params) -> str:
    from moto.applicationautoscaling.models import FakeApplicationAutoscalingPolicy

    return FakeApplicationAutoscalingPolicy.formulate_key(
        params["ServiceNamespace"], params["ResourceId"], params["ScalableDimension"], params["PolicyName"]
    )


def _require_target(backend: ApplicationAutoscalingBackend, params: Params) -> None:
    if params["ResourceId"] not in backend.targets.get(params["ScalableDimension"], {}):
        raise RefusalError("ObjectNotFoundException", f"No scalable target registered for {_where(params)}")


def _where(params: Params) -> str:
    return (
        f"service namespace: {params['ServiceNamespace']}, resource ID: {params['ResourceId']}, "
        f"scalable dimension: {params['ScalableDimension']}"
    )


CALLS: dict[str, Callable[[ApplicationAutoscalingBackend, Params], Json]] = {
    "DeleteScalingPolicy": _delete_policy,
    "DeregisterScalableTarget": _deregister,
    "DescribeScalableTargets": _targets,
    "DescribeScalingPolicies": _policies,
    "PutScalingPolicy": _put_policy,
}
