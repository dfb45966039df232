"""EKS Pod Identity: associations of service accounts with roles, and the add-on with its agent."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field

from acksm.aws.errors import translated
from acksm.aws.iam_calls import PAUSE_SECONDS, SETTLING_SECONDS
from acksm.aws.session import Session
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Json

AGENT = "eks-pod-identity-agent"
# EKS checks the role, which IAM may not show it yet, and refuses a service account whose association it still deletes.
_LAGGING = ("Role provided in the request does not exist", "Trust policy of the role provided is invalid")
# How an endpoint answers that does not have an operation: by AWS's protocols, and as API Gateway does
UNKNOWN_OPERATION = {"UnknownOperationException", "UnknownOperation", "404", "405", "NotFoundException", "NotFound"}


@dataclass(frozen=True)
class Association:
    """What EKS Pod Identity gives the pods of a service account. `role` is that of their sessions: the target role
    where there is one, which `through` then is not. `tags`: whether sessions have tags, which they pass on.

    `name` is its id, `marks` are its own tags, `owner` the ARN of the add-on that manages it, `policy` limits sessions.
    """

    role: str
    through: str
    tags: bool
    name: str = ""
    namespace: str = ""
    service_account: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    policy: str = ""

    @property
    def account(self) -> tuple[str, str]:
        """(namespace, service account) of the pods that it is for."""
        return self.namespace, self.service_account


@dataclass(frozen=True)
class Addon:
    """An EKS add-on: `status` is EKS's (CREATING, ACTIVE, DEGRADED, …), `marks` its tags, `issues` what EKS reports."""

    name: str
    status: str
    marks: Mapping[str, str] = field(default_factory=dict)
    issues: tuple[str, ...] = ()


class PodIdentity:
    """The calls of EKS for Pod Identity."""

    WRITES = (
        "create_association",
        "update_association",
        "delete_association",
        "create_addon",
        "delete_addon",
    )

    def __init__(
        self, aws: Session, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._aws, self._clock, self._sleep = aws, clock, sleep

    # reads

    def pod_identity(self, cluster: str, namespace: str, service_account: str) -> Association | None:
        """What EKS Pod Identity gives this service account, None where nothing is associated.

        An endpoint that does not know Pod Identity (an old partition) has no associations.
        """
        found = self._associations(clusterName=cluster, namespace=namespace, serviceAccount=service_account)
        return next(iter(found), None)

    def associations(self, cluster: str, namespace: str = "") -> list[Association]:
        """Every association of the cluster, or of a namespace."""
        return self._associations(clusterName=cluster, **({"namespace": namespace} if namespace else {}))

    def pod_identity_users(self, cluster: str, role_arn: str) -> list[str]:
        """ "namespace/service account" of each EKS Pod Identity association of the cluster that uses this role."""
        found = self.associations(cluster)
        return ["/".join(one.account) for one in found if role_arn in (one.role, one.through)]

    def _associations(self, **asked: str) -> list[Association]:
        """Those of a cluster. A list names no roles, so each is described."""
        client = self._aws.client("eks")
        try:
            with translated("eks", "ListPodIdentityAssociations"):
                pages = client.get_paginator("list_pod_identity_associations").paginate(**asked)
                names = [str(item["associationId"]) for page in pages for item in page.get("associations") or []]
            with ThreadPoolExecutor(max_workers=4) as pool:
                found = list(pool.map(lambda name: self._described(asked["clusterName"], name), names))
            return [item for item in found if item]
        except AcksmError as error:
            if error.details.get("code") not in UNKNOWN_OPERATION:
                raise
        return []

    def _described(self, cluster: str, name: str) -> Association | None:
        """None where it was deleted after it was listed."""
        client = self._aws.client("eks")
        with translated("eks", "DescribePodIdentityAssociation"):
            try:
                answer: Json = client.describe_pod_identity_association(clusterName=cluster, associationId=name)
            except client.exceptions.ResourceNotFoundException:
                return None
        found = answer["association"]
        through, target = str(found["roleArn"]), str(found.get("targetRoleArn") or "")
        return Association(
            target or through,
            through,
            not found.get("disableSessionTags"),
            name,
            str(found["namespace"]),
            str(found["serviceAccount"]),
            dict(found.get("tags") or {}),
            str(found.get("ownerArn") or ""),
            str(found.get("policy") or ""),
        )

    def addon(self, cluster: str, name: str) -> Addon | None:
        """The add-on of that name, None where EKS does not manage it in this cluster."""
        try:
            answer = self._call(
                "DescribeAddon", "describe_addon", f"add-on {name}", clusterName=cluster, addonName=name
            )
        except AcksmError as error:
            if error.details.get("code") != "ResourceNotFoundException":
                raise
            return None
        found = answer["addon"]
        issues = (found.get("health") or {}).get("issues") or []
        texts = tuple(f"{item.get('code')}: {item.get('message')}" for item in issues)
        return Addon(str(found["addonName"]), str(found.get("status", "")), dict(found.get("tags") or {}), texts)

    # writes; the change of each may exist already, because an earlier run was killed after it

    def create_association(
        self, cluster: str, namespace: str, service_account: str, role_arn: str, tags: Mapping[str, str]
    ) -> None:
        """Associate a service account that has no association with a role."""
        where = f"service account {namespace}/{service_account}"
        began = self._clock()
        while True:
            try:
                self._call(
                    "CreatePodIdentityAssociation",
                    "create_pod_identity_association",
                    where,
                    clusterName=cluster,
                    namespace=namespace,
                    serviceAccount=service_account,
                    roleArn=role_arn,
                    tags=dict(tags),
                )
                return
            except AcksmError as error:
                taken = error.details.get("code") == "ResourceInUseException"
                found = self.pod_identity(cluster, namespace, service_account) if taken else None
                if found is not None and found.role == role_arn and dict(tags).items() <= found.marks.items():
                    return  # the answer to an earlier attempt was lost
                late = self._clock() - began >= SETTLING_SECONDS or self._aws.left() <= PAUSE_SECONDS
                if late or found is not None or not (taken or _lags(error)):
                    raise
            self._sleep(PAUSE_SECONDS)

    def update_association(self, cluster: str, name: str, role_arn: str) -> None:
        """Give the pods of an association another role; its other settings are kept."""
        began = self._clock()
        while True:
            try:
                self._call(
                    "UpdatePodIdentityAssociation",
                    "update_pod_identity_association",
                    f"association {name}",
                    clusterName=cluster,
                    associationId=name,
                    roleArn=role_arn,
                )
                return
            except AcksmError as error:
                late = self._clock() - began >= SETTLING_SECONDS or self._aws.left() <= PAUSE_SECONDS
                if late or not _lags(error):
                    raise
            self._sleep(PAUSE_SECONDS)

    def delete_association(self, cluster: str, name: str) -> None:
        """Delete an association; one that does not exist is no error."""
        self._gone(
            "DeletePodIdentityAssociation",
            "delete_pod_identity_association",
            f"association {name}",
            clusterName=cluster,
            associationId=name,
        )

    def create_addon(self, cluster: str, name: str, tags: Mapping[str, str]) -> None:
        """Create an add-on in EKS's default version; one that exists already is no error."""
        where = f"add-on {name}"
        try:
            self._call("CreateAddon", "create_addon", where, clusterName=cluster, addonName=name, tags=dict(tags))
        except AcksmError as error:
            if error.details.get("code") != "ResourceInUseException" or self.addon(cluster, name) is None:
                raise

    def delete_addon(self, cluster: str, name: str) -> None:
        """Delete an add-on with what it runs; one that does not exist is no error."""
        self._gone("DeleteAddon", "delete_addon", f"add-on {name}", clusterName=cluster, addonName=name)

    def _gone(self, operation: str, method: str, where: str, **params: object) -> None:
        try:
            self._call(operation, method, where, **params)
        except AcksmError as error:
            if error.details.get("code") != "ResourceNotFoundException":
                raise

    def _call(self, operation: str, method: str, where: str, **params: object) -> Json:
        client = self._aws.client("eks")
        with translated("eks", operation, where):
            answer: Json = getattr(client, method)(**params)
            return answer


def _lags(error: AcksmError) -> bool:
    return any(text in error.message for text in _LAGGING)
