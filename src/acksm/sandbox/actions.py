"""The action of a request to AWS and the resource that IAM checks it on, by the protocols of botocore's models.

Resources are as the Service Authorization Reference has them
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html): "*"
for an action without one. A role that does not exist has no path yet, except in CreateRole, which gives it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs
from wsgiref.types import WSGIEnvironment as Environ

from acksm.sandbox.permissions import role_named

if TYPE_CHECKING:
    from moto.iam.models import IAMBackend

LINKED_ROLES = {
    "sagemaker.application-autoscaling.amazonaws.com": "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
}
# Actions of roles and users that name a managed policy too: their resource is the role or the user.
_OF_POLICIES = ("Policy", "PolicyVersion", "PolicyVersions", "EntitiesForPolicy", "PolicyTags")


class Route(NamedTuple):
    """An operation of a REST API: method, and the segments of its path; "{name}" matches any text."""

    name: str
    method: str
    segments: tuple[str, ...]

    def matches(self, method: str, segments: tuple[str, ...]) -> bool:
        pairs = zip(self.segments, segments, strict=False)
        same = len(self.segments) == len(segments) and method == self.method
        return same and all(own == given or own.startswith("{") for own, given in pairs)


def name(environ: Environ, body: bytes, service: str) -> str:
    """The operation's name; METHOD PATH where the service has none there."""
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return str(target).rpartition(".")[2]
    if b"Action=" in body:
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    method, path = str(environ.get("REQUEST_METHOD", "")), str(environ.get("PATH_INFO", ""))
    given = segments(path)
    found = [route for route in _routes(service) if route.matches(method, given)]
    literal = sorted(found, key=lambda route: sum(part.startswith("{") for part in route.segments))
    return literal[0].name if literal else f"{method} {path}"


def segments(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.partition("?")[0].split("/") if part)


@lru_cache(maxsize=8)
def _routes(service: str) -> tuple[Route, ...]:
    """The operations of a service whose requests differ in method and path."""
    from botocore.exceptions import DataNotFoundError, UnknownServiceError
    from botocore.loaders import create_loader

    try:
        model = create_loader(None).load_service_model(service, "service-2")
    except (UnknownServiceError, DataNotFoundError):
        return ()
    if not str(model["metadata"]["protocol"]).startswith("rest-"):
        return ()
    return tuple(
        Route(str(operation), str(found["http"]["method"]), segments(str(found["http"]["requestUri"])))
        for operation, found in model["operations"].items()
    )


def of_eks(path: str, verb: str, body: bytes, region: str, account: str) -> str:
    """The ARN of the cluster, or of what belongs to it, in a request to EKS."""
    head = f"arn:aws:eks:{region}:{account}"
    match segments(path):
        case ("clusters", cluster, "fargate-profiles", profile):
            return f"{head}:fargateprofile/{cluster}/{profile}/practice"  # AWS ends it with a UUID
        case ("clusters", cluster, "node-groups", group):
            return f"{head}:nodegroup/{cluster}/{group}/practice"
        case ("clusters", cluster, "pod-identity-associations", association):
            return f"{head}:podidentityassociation/{cluster}/{association}"
        case ("clusters", cluster, "addons", name):
            return f"{head}:addon/{cluster}/{name}/practice"  # AWS ends it with a UUID
        case ("clusters", cluster, "capabilities", name):
            return f"{head}:capability/{cluster}/*/{name}/*"  # AWS has its type and a UUID there
        case ("clusters", cluster, *_):
            return f"{head}:cluster/{cluster}"
    return f"{head}:cluster/{json.loads(body).get('name', '*')}" if verb == "CreateCluster" else "*"


def resource(backend: IAMBackend, account: str, verb: str, params: Mapping[str, str]) -> str:
    """The ARN that a request to IAM or STS is about."""
    head = f"arn:aws:iam::{account}"
    named, path = params.get("RoleName", ""), params.get("Path", "/")
    if named:
        role = role_named(backend, named)
        return str(role.arn) if role else f"{head}:role{path}{named}"
    if "AWSServiceName" in params:
        service = params["AWSServiceName"]
        linked = LINKED_ROLES.get(service, "AWSServiceRoleFor" + service.partition(".")[0].title())
        return f"{head}:role/aws-service-role/{service}/{linked}"
    if params.get("UserName"):
        user = backend.users.get(params["UserName"])
        return str(user.arn) if user else f"{head}:user{path}{params['UserName']}"
    if verb == "CreatePolicy":
        return f"{head}:policy{path}{params.get('PolicyName', '')}"
    if params.get("PolicyArn") and verb.endswith(_OF_POLICIES):
        return params["PolicyArn"]
    if "Url" in params:
        return f"{head}:oidc-provider/{params['Url'].partition('://')[2].rstrip('/')}"
    if params.get("InstanceProfileName"):
        return f"{head}:instance-profile{path}{params['InstanceProfileName']}"
    if verb in {"SimulatePrincipalPolicy", "GetContextKeysForPrincipalPolicy"}:
        return params.get("PolicySourceArn", "*")
    return params.get("RoleArn", "") or params.get("OpenIDConnectProviderArn", "") or "*"
