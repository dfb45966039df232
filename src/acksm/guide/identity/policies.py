"""The policies that the controllers' role needs, as presets.

`core` is the guide's AmazonSageMakerFullAccess. `studio` adds what that policy leaves out for Domain, UserProfile,
Space and App; `autoscaling` allows passing the service-linked role to Application Auto Scaling
(sagemaker-controller PR#130). `least` replaces `core`: the calls of the kinds that are reconciled, and
iam:PassRole on named execution roles only (docs/iam-role.md, "least").
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from acksm.ack.kinds import API, KINDS, Kind
from acksm.dataclass import dataclass
from acksm.guide.identity.judged import as_list, statements
from acksm.json_types import Document, Json

LINKED_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
SERVICE_LINKED_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
STUDIO, AUTOSCALING, LEAST = "acksm-studio", "acksm-autoscaling", "acksm-least"
CORE_MANAGED = "AmazonSageMakerFullAccess"
PASS_ROLE, PASSED_TO, SAGEMAKER = "iam:PassRole", "iam:PassedToService", "sagemaker.amazonaws.com"
INLINE_LIMIT = 10_240  # characters of all inline policies of a role, white space not counted (IAM quotas)

# Calls of sagemaker-controller 1.9.1 in addition to create, describe, update and delete (its rm.sdkapi calls).
_CALLS = {
    "NotebookInstance": ("StartNotebookInstance",),
    "PipelineExecution": ("UpdatePipelineExecution",),
    "TrainingJob": ("UpdateTrainingJob",),
}
_TAGGING = ("AddTags", "DeleteTags", "ListTags")
# More resources than its own that a kind's calls are authorized on (Service Authorization Reference, SageMaker AI).
_ALSO_ON = {
    "Endpoint": ("endpoint-config",),
    "InferenceComponent": ("endpoint",),
    "TrainingJob": ("training-plan", "reserved-capacity"),
}
# Kinds whose create call passes a role, which SageMaker then assumes.
_PASSING = frozenset(
    [
        "DataQualityJobDefinition",
        "Domain",
        "FeatureGroup",
        "HyperParameterTuningJob",
        "LabelingJob",
        "Model",
        "ModelBiasJobDefinition",
        "ModelExplainabilityJobDefinition",
        "ModelQualityJobDefinition",
        "MonitoringSchedule",
        "NotebookInstance",
        "Pipeline",
        "ProcessingJob",
        "Space",
        "TrainingJob",
        "UserProfile",
    ]
)
# Actions of other services that SageMaker performs with the caller's rights (SageMaker AI developer guide, "API
# permissions: actions, permissions, and resources reference"); most of VPCs do not support resource-level permissions.
_VPC = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
_ELSEWHERE = {
    "NotebookInstance": _VPC,
    "Domain": (*_VPC, "elasticfilesystem:CreateFileSystem"),
    "Project": (
        "servicecatalog:ProvisionProduct",
        "servicecatalog:TerminateProvisionedProduct",
        "servicecatalog:UpdateProvisionedProduct",
    ),
}
# What Application Auto Scaling does with its caller's rights (its user guide, "Identity-based policy examples")
_SCALING = (
    "sagemaker:DescribeEndpoint",
    "sagemaker:DescribeEndpointConfig",
    "sagemaker:DescribeInferenceComponent",
    "sagemaker:UpdateEndpointWeightsAndCapacities",
    "sagemaker:UpdateInferenceComponentRuntimeConfig",
)
_ALARMS = ("cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm")  # named TargetTracking-…
_STUDIO_SERVICE, _STUDIO_ROLE = SAGEMAKER, "AWSServiceRoleForAmazonSageMakerNotebooks"  # of an account's first domain


@dataclass(frozen=True)
class Least:
    """The inputs of `least`: the kinds that each service reconciles (() for all), and the ARNs of the execution roles
    that objects may name."""

    kinds: Mapping[str, Sequence[str]] = field(default_factory=dict)
    execution_roles: tuple[str, ...] = ()

    def chosen(self) -> list[Kind]:
        return [
            kind
            for service, names in self.kinds.items()
            for kind in KINDS[service].values()
            if not names or kind.name in names
        ]

    @property
    def passes(self) -> bool:
        """Whether one of these kinds has an execution role."""
        return any(kind.name in _PASSING for kind in self.chosen())


@dataclass(frozen=True)
class Chosen:
    """Managed policy ARNs, inline documents by name, and the service whose linked role is needed ("" for none).
    `narrowed`: managed policies that these replace."""

    managed: tuple[str, ...] = ()
    inline: Document = field(default_factory=dict)
    service_linked: str = ""
    narrowed: tuple[str, ...] = ()


def core_arn(partition: str) -> str:
    return f"arn:{partition}:iam::aws:policy/{CORE_MANAGED}"


def linked_arn(partition: str, account: str) -> str:
    """The ARN of the service-linked role of autoscaling, on which IAM authorizes creating it (IAM User Guide,
    "Service-linked role permissions")."""
    return f"arn:{partition}:iam::{account}:role/aws-service-role/{LINKED_SERVICE}/{SERVICE_LINKED_ROLE}"


def choose(presets: Sequence[str], partition: str, account: str, least: Least | None = None) -> Chosen:
    """The union of `presets` in this partition and account."""
    managed = (core_arn(partition),) if "core" in presets else ()
    inline: Json = {}
    if "least" in presets:
        inline[LEAST] = _least(partition, account, least or Least())
    if "studio" in presets:
        inline[STUDIO] = _studio(partition, account)
    if "autoscaling" in presets:
        inline[AUTOSCALING] = _autoscaling(partition, account)
    narrowed = (core_arn(partition),) if "least" in presets and not managed else ()
    return Chosen(managed, inline, LINKED_SERVICE if "autoscaling" in presets else "", narrowed)


def _studio(partition: str, account: str) -> Json:
    kinds = {"domain": "Domain", "user-profile": "UserProfile", "space": "Space", "app": "App"}
    actions = [f"sagemaker:{verb}{kind}" for kind in kinds.values() for verb in ("Create", "Delete", "Describe")]
    actions += [f"sagemaker:Update{kind}" for kind in ("Domain", "UserProfile", "Space")]
    actions += [f"sagemaker:{call}" for call in _TAGGING]  # ACK tags what it creates
    return _document(_allow(sorted(actions), [f"arn:{partition}:sagemaker:*:{account}:{kind}/*" for kind in kinds]))


def _autoscaling(partition: str, account: str) -> Json:
    return _document(_allow([PASS_ROLE], [linked_arn(partition, account)]))


def _least(partition: str, account: str, desired: Least) -> Json:
    """One statement for each set of resources: the kinds' own, "*", other services', and the roles."""
    kinds = desired.chosen()
    objects = [kind for kind in kinds if kind.service == "sagemaker"]
    scaling = [kind for kind in kinds if kind.service == "applicationautoscaling"]
    found: list[Json] = []
    if objects:
        types = {kind.arn_kind for kind in objects} | {more for kind in objects for more in _ALSO_ON.get(kind.name, ())}
        own = [f"arn:{partition}:sagemaker:*:{account}:{name}/*" for name in sorted(types)]
        calls = {call for kind in objects for call in _calls(kind)} | set(_TAGGING)
        found.append(_allow(sorted(f"sagemaker:{call}" for call in calls), own))
    if scaling:
        api = API["applicationautoscaling"]
        calls = {call for kind in scaling for call in _calls(kind)}
        reads = {call for call in calls if call.startswith("Describe")}
        writes = [*(calls - reads), "ListTagsForResource", "TagResource", "UntagResource"]
        targets = [f"arn:{partition}:{api}:*:{account}:scalable-target/*"]
        scaled = [
            f"arn:{partition}:sagemaker:*:{account}:{name}/*"
            for name in ("endpoint", "endpoint-config", "inference-component")
        ]
        alarms = [f"arn:{partition}:cloudwatch:*:{account}:alarm:TargetTracking-*"]
        found += [
            _allow(sorted(f"{api}:{call}" for call in writes), targets),
            _allow(sorted(["cloudwatch:DescribeAlarms", *(f"{api}:{call}" for call in reads)]), ["*"]),
            _allow(list(_SCALING), scaled),
            _allow(list(_ALARMS), alarms),
        ]
    elsewhere = sorted({action for kind in objects for action in _ELSEWHERE.get(kind.name, ())})
    if elsewhere:
        found.append(_allow(elsewhere, ["*"]))
    if any(kind.name == "Domain" for kind in objects):
        linked = f"arn:{partition}:iam::{account}:role/aws-service-role/{_STUDIO_SERVICE}/{_STUDIO_ROLE}"
        found.append(
            {
                **_allow(["iam:CreateServiceLinkedRole"], [linked]),
                "Condition": {"StringEquals": {"iam:AWSServiceName": _STUDIO_SERVICE}},
            }
        )
    if desired.execution_roles and desired.passes:
        passed = _allow([PASS_ROLE], sorted(set(desired.execution_roles)))
        found.append({**passed, "Condition": {"StringEquals": {PASSED_TO: SAGEMAKER}}})
    return _document(*found)


def _calls(kind: Kind) -> list[str]:
    calls = [kind.create_call, kind.describe_call, kind.delete_call, *_CALLS.get(kind.name, ())]
    calls += [kind.update_call] if kind.updates else []
    return calls + ([kind.stops_first] if kind.stops_first else [])


def _document(*items: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": list(items)}


def _allow(actions: list[str], resources: list[str]) -> Json:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def execution_roles(least: Document | None) -> tuple[str, ...]:
    """The roles that a document of preset `least` allows passing."""
    return tuple(
        str(role)
        for item in statements(least)
        if PASS_ROLE in as_list(item.get("Action"))
        for role in as_list(item.get("Resource"))
    )


def size(document: object) -> int:
    """Characters of a policy as IAM counts them: white space does not (IAM quotas, "IAM and STS character limits")."""
    return len("".join(json.dumps(document, ensure_ascii=False).split()))


def size_of_all(documents: Iterable[object]) -> int:
    return sum(map(size, documents))


def same(one: object, other: object) -> bool:
    """Whether two policy documents mean the same: scalars are lists of one, order does not count."""
    return bool(_canonical(one) == _canonical(other))


def _canonical(value: object) -> object:
    if isinstance(value, Mapping):
        return {
            key: _canonical(as_list(item) if key in {"Statement", "Action", "Resource"} else item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return sorted((_canonical(item) for item in value), key=repr)
    return value
