"""What a request needs IAM to allow: its resources, the roles that it passes, and its context.

The resources of SageMaker's calls follow from the table of kinds, as the Service Authorization Reference has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from acksm.ack.kinds import API, KINDS, Kind
from acksm.json_types import Document, Json
from acksm.sandbox import actions, permissions
from acksm.sandbox.capabilities import SERVICE as CAPABILITIES
from acksm.sandbox.permissions import ALLOWED, DENIED
from acksm.sandbox.pod_identity import SERVICE

if TYPE_CHECKING:
    from moto.iam.models import IAMBackend
    from moto.sts.models import AssumedRole

PASS_ROLE, PASSED_TO = "iam:PassRole", "iam:PassedToService"
_PASSED_TO = {
    "sagemaker": "sagemaker.amazonaws.com",
    "application-autoscaling": "sagemaker.application-autoscaling.amazonaws.com",
}
_ROLE_MEMBER = re.compile(r"(^|[a-z])(RoleArn|RoleARN|ExecutionRole)$")
# Calls besides those of the table, and the kind that each is about
_MORE = {
    "Start": {"StartNotebookInstance": "NotebookInstance"},
    "Update": {"UpdateTrainingJob": "TrainingJob", "UpdatePipelineExecution": "PipelineExecution"},
}
_TAGS = {"AddTags", "DeleteTags", "ListTags"}
_ALSO = {"CreateEndpoint": "EndpointConfig", "UpdateEndpoint": "EndpointConfig", "CreateInferenceComponent": "Endpoint"}
# What Application Auto Scaling does with its caller's permissions (its user guide, "Identity-based policy examples")
_SCALES = ("DescribeEndpoint", "UpdateEndpointWeightsAndCapacities")

Context = Mapping[str, str]


class Need(NamedTuple):
    """An action on a resource ("*" where the action has none), with the context that the request gives."""

    action: str
    resource: str
    context: Context


def _by_call() -> dict[str, Kind]:
    found = {
        call: kind
        for kind in KINDS["sagemaker"].values()
        for call in (kind.create_call, kind.describe_call, kind.delete_call, kind.update_call, kind.stops_first)
        if call
    }
    return found | {call: KINDS["sagemaker"][name] for calls in _MORE.values() for call, name in calls.items()}


_KINDS = _by_call()


def needs(service: str, verb: str, body: bytes, region: str, account: str) -> list[Need]:
    """Every need of a request to SageMaker or Application Auto Scaling."""
    asked = _asked(body)
    context = _context(asked)
    if service == "application-autoscaling":
        return _scaling(verb, asked, region, account, context)
    resources = _resources(verb, asked, f"arn:aws:sagemaker:{region}:{account}")
    found = [Need(f"sagemaker:{verb}", one, context) for one in resources]
    if verb.startswith("Create") and asked.get("Tags"):
        found.append(Need("sagemaker:AddTags", resources[0], {**context, "sagemaker:TaggingAction": verb}))
    return found + _passed(service, asked, context)


def _asked(body: bytes) -> Json:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _context(asked: Document) -> dict[str, str]:
    names = ("DomainId", "UserProfileName", "SpaceName")
    found = {f"sagemaker:{name}": str(asked[name]) for name in names if asked.get(name)}
    sharing = (asked.get("SpaceSharingSettings") or {}).get("SharingType")
    return found | ({"sagemaker:SpaceSharingType": str(sharing)} if sharing else {})


def _passed(service: str, asked: object, context: Context) -> list[Need]:
    to = {**context, PASSED_TO: _PASSED_TO[service]}
    return [Need(PASS_ROLE, role, to) for role in dict.fromkeys(_roles(asked))]


def _roles(value: object) -> Iterator[str]:
    """Every role that a request names, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and _ROLE_MEMBER.search(key) and ":role/" in item:
                yield item
            else:
                yield from _roles(item)
    elif isinstance(value, list):
        for item in value:
            yield from _roles(item)


def _resources(verb: str, asked: Document, head: str) -> list[str]:
    if verb in _TAGS:
        return [str(asked.get("ResourceArn", "*"))]
    kind = _KINDS.get(verb)
    if kind is None:
        return ["*"]  # a list call: IAM defines no resource for it
    found = [_arn(KINDS["sagemaker"]["Pipeline"] if verb == "StartPipelineExecution" else kind, asked, head)]
    also = KINDS["sagemaker"].get(_ALSO.get(verb, ""))
    return found + ([_arn(also, asked, head)] if also and _value(asked, also.key[0]) != "*" else [])


def _arn(kind: Kind, asked: Document, head: str) -> str:
    if kind.by_arn and str(asked.get(kind.by_arn, "")).startswith("arn:"):
        return str(asked[kind.by_arn])
    names = {field: _value(asked, field) for way in kind.ways for field in re.findall(r"{(\w+)}", way)}
    ways = sorted(kind.ways, key=lambda way: sum(names[field] == "*" for field in re.findall(r"{(\w+)}", way)))
    return f"{head}:{kind.arn_kind}/{ways[0].format(**names)}"


def _value(asked: Document, field: str) -> str:
    """The request's member of that name, in any case; "*" where AWS chooses it."""
    return next((str(value) for key, value in asked.items() if key.lower() == field.lower() and value), "*")


def _scaling(verb: str, asked: Document, region: str, account: str, context: Context) -> list[Need]:
    api = API["applicationautoscaling"]
    target = "*" if verb.startswith("Describe") else f"arn:aws:{api}:{region}:{account}:scalable-target/*"
    found = [Need(f"{api}:{verb}", target, context)]
    kind, _, rest = str(asked.get("ResourceId", "")).partition("/")
    if verb == "RegisterScalableTarget" and kind == "endpoint":
        arn = f"arn:aws:sagemaker:{region}:{account}:endpoint/{rest.partition('/')[0]}"
        found += [Need(f"sagemaker:{action}", arn, context) for action in _SCALES]
    return found + _passed(api, asked, context)


def of_iam(action: str, resource: str, params: Mapping[str, str]) -> list[Need]:
    """The needs of a request to another service, with IAM's own condition keys."""
    keys = {
        "iam:AWSServiceName": params.get("AWSServiceName", ""),
        "iam:PolicyARN": params.get("PolicyArn", "") if "Policy" in action else "",
        "iam:PermissionsBoundary": params.get("PermissionsBoundary", ""),
    }
    return [Need(action, resource, {key: value for key, value in keys.items() if value})]


def of_eks(path: str, verb: str, body: bytes, region: str, account: str) -> list[Need]:
    """The needs of a request to EKS: whoever gives a role to pods has to be allowed to pass and to read it
    (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-association.html), and tags are a need of their own."""
    arn, asked = actions.of_eks(path, verb, body, region, account), _asked(body)
    found = [Need(f"eks:{verb}", arn, {})]
    if verb.endswith("PodIdentityAssociation"):
        for role in (str(asked[name]) for name in ("roleArn", "targetRoleArn") if asked.get(name)):
            found += [Need(PASS_ROLE, role, {PASSED_TO: SERVICE})] if role == asked.get("roleArn") else []
            found += [Need("iam:GetRole", role, {})] if role.split(":")[4:5] == [account] else []
    if verb.endswith("Capability") and asked.get("roleArn"):
        found.append(Need(PASS_ROLE, str(asked["roleArn"]), {PASSED_TO: CAPABILITIES}))
    if verb.startswith("Create") and asked.get("tags"):
        found.append(Need("eks:TagResource", arn, {}))
    return found


def of_ecr(verb: str, body: bytes, region: str, account: str) -> list[Need]:
    """The needs of a request to ECR. One about another account's registry needs that account's leave, which a request
    to its API never has here."""
    asked = _asked(body)
    owner = str(asked.get("registryId") or account)
    names = [asked.get("repositoryName"), *(asked.get("repositoryNames") or [])]
    arns = [f"arn:aws:ecr:{region}:{owner}:repository/{name}" for name in names if name] or ["*"]
    context = {"aws:ResourceAccount": owner}
    found = [Need(f"ecr:{verb}", arn, context) for arn in arns]
    if verb == "CreateRepository" and asked.get("tags"):
        found.append(Need("ecr:TagResource", arns[0], context))
    return found


def denied(
    backend: IAMBackend,
    caller: str,
    asked: list[Need],
    region: str,
    scps: Sequence[Document] | None = None,
    session: AssumedRole | None = None,
) -> tuple[Need, str] | None:
    """The first need that the caller is not allowed, and why, in IAM's words. `scps` are the account's service control
    policies, None outside of an organization; `session` may have a policy of its own."""
    own = {
        "aws:PrincipalArn": caller,
        "aws:PrincipalAccount": caller.split(":")[4],
        "aws:RequestedRegion": region,
        "aws:SecureTransport": "true",
        "aws:ResourceAccount": caller.split(":")[4],
    }
    layers = permissions.layers(backend, caller, scps, str(session.policy or "") if session else "")
    for need in asked:
        if need.context.get("aws:ResourceAccount", own["aws:ResourceAccount"]) != own["aws:ResourceAccount"]:
            return need, f"because no resource-based policy allows the {need.action} action"
        decision, by = permissions.allowed(layers, need.action, need.resource, {**own, **need.context})
        if decision == DENIED:
            return need, f"with an explicit deny in {'an' if by[0] in 'aeiou' else 'a'} {by}"
        if decision != ALLOWED:
            return need, f"because no {by} allows the {need.action} action"
    return None
