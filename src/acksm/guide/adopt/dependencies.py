"""What an AWS resource refers to by name: an endpoint to its configuration, that to its models, and so on.

By members of the describe calls' answers (https://docs.aws.amazon.com/sagemaker/latest/APIReference/).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from acksm.ack.kinds import KINDS, Kind
from acksm.aws.objects import Found
from acksm.json_types import Document

# kind -> (path of the member, lists are walked; the kind that it names)
_MEMBERS: dict[str, tuple[tuple[str, str], ...]] = {
    "Endpoint": (("EndpointConfigName", "EndpointConfig"),),
    "EndpointConfig": (("ProductionVariants.ModelName", "Model"), ("ShadowProductionVariants.ModelName", "Model")),
    "InferenceComponent": (("EndpointName", "Endpoint"), ("Specification.ModelName", "Model")),
    "ModelPackage": (("ModelPackageGroupName", "ModelPackageGroup"),),
    "TransformJob": (("ModelName", "Model"),),
    "PipelineExecution": (("PipelineArn", "Pipeline"),),
    "NotebookInstance": (("NotebookInstanceLifecycleConfigName", "NotebookInstanceLifecycleConfig"),),
    "UserProfile": (("DomainId", "Domain"),),
    "Space": (("DomainId", "Domain"),),
    "MonitoringSchedule": (("EndpointName", "Endpoint"),),
    **{
        f"{name}JobDefinition": ((f"{name}JobInput.EndpointInput.EndpointName", "Endpoint"),)
        for name in ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
    },
}
_AUTOSCALED = {"ScalableTarget", "ScalingPolicy"}  # by ResourceId endpoint/NAME/variant/NAME


def named_by(found: Found) -> list[tuple[Kind, str]]:
    """Kind and name (or ARN) of each resource that this one refers to, each once; only of kinds that the controllers
    have."""
    pairs = [
        (kind, name)
        for path, kind in _MEMBERS.get(found.kind.name, ())
        for name in _at(found.answer, path.split("."))
        if name
    ]
    if found.kind.name in _AUTOSCALED:
        head, _, rest = str(found.answer.get("ResourceId", "")).partition("/")
        pairs += [("Endpoint", rest.partition("/")[0])] if head == "endpoint" and rest else []
    kinds = KINDS["sagemaker"]
    return [(kinds[kind], name) for kind, name in dict.fromkeys(pairs) if kind in kinds]


def _at(node: object, path: Iterable[str]) -> Iterator[str]:
    """The texts at a path of members."""
    first, *rest = [*path] or [""]
    if isinstance(node, list):
        for item in node:
            yield from _at(item, [first, *rest])
    elif first and isinstance(node, dict):
        yield from _at(_member(node, first), rest)
    elif not first and isinstance(node, str):
        yield node


def _member(node: Document, name: str) -> object:
    return node.get(name)
