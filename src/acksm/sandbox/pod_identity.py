"""EKS Pod Identity, which moto lacks: the associations of clusters, and the sessions that EKS opens for their pods.

What EKS refuses, and in which words: https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html
and https://github.com/hashicorp/terraform-provider-aws/issues/41483 (the trust policy is checked). An association
takes seconds until it has an effect, and its deletion too
(https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html#pod-id-considerations).
"""

from __future__ import annotations

import json
import secrets
import string
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from acksm.json_types import Json, Value
from acksm.sandbox import trust

if TYPE_CHECKING:
    from moto.sts.models import AssumedRole

SERVICE = "pods.eks.amazonaws.com"
SETTLES = 2.0  # seconds until a change has an effect
KEPT = 1.0  # seconds for which a deleted association still keeps another from its service account
QUOTA = 5000  # for each cluster (https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html)
_PAGE = 100
_ALPHABET = string.ascii_lowercase + string.digits


class RefusedError(Exception):
    """What EKS does not do: HTTP status, code and message of its answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True)
class Owner:
    """A cluster as EKS knows it."""

    account: str
    region: str
    cluster: str

    @property
    def arn(self) -> str:
        return f"arn:aws:eks:{self.region}:{self.account}:cluster/{self.cluster}"


@dataclass(frozen=True)
class Association:
    """What EKS has recorded for one service account."""

    id: str
    namespace: str
    service_account: str
    role: str
    created: float
    modified: float
    target: str = ""
    external_id: str = ""
    no_tags: bool = False
    policy: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""  # ARN of the add-on that has made it


@dataclass(frozen=True)
class Pod:
    """Of a pod, what its token says."""

    namespace: str
    service_account: str
    name: str
    uid: str


def tags(owner: Owner, pod: Pod) -> dict[str, str]:
    """The session's tags (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html)."""
    return {
        "eks-cluster-arn": owner.arn,
        "eks-cluster-name": owner.cluster,
        "kubernetes-namespace": pod.namespace,
        "kubernetes-service-account": pod.service_account,
        "kubernetes-pod-name": pod.name,
        "kubernetes-pod-uid": pod.uid,
    }


class PodIdentity:
    """Every association of every cluster. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        # of a service account of a cluster, each state with the second since when EKS has it; None: none
        self._history: dict[tuple[Owner, str, str], list[tuple[float, Association | None]]] = {}
        self.transitive: dict[str, dict[str, str]] = {}  # tags of a session, by its access key

    def empty(self, account: str) -> None:
        """Forget the associations of the account's clusters."""
        for key in [key for key in self._history if key[0].account == account]:
            del self._history[key]

    def effective(self, owner: Owner, namespace: str, service_account: str) -> Association | None:
        """What the webhook and the agent act by: the state of some seconds ago."""
        states = self._history.get((owner, namespace, service_account), [])
        settled = [state for since, state in states if since <= self._clock() - SETTLES]
        return settled[-1] if settled else None

    def answer(self, verb: str, owner: Owner, asked: Mapping[str, Value]) -> Json:
        """The body of EKS's answer. Raises RefusedError."""
        if verb == "ListPodIdentityAssociations":
            return self._list(owner, asked)
        if verb == "CreatePodIdentityAssociation":
            return {"association": self._described(owner, self._create(owner, asked))}
        found = self._named(owner, str(asked["associationId"]))
        if verb == "UpdatePodIdentityAssociation":
            found = self._put(owner, self._changed(owner, found, asked))
        if verb == "DeletePodIdentityAssociation":
            if found.owner:
                raise RefusedError(400, "InvalidRequestException", f"Association {found.id} is owned by an add-on.")
            self._history[(owner, found.namespace, found.service_account)].append((self._clock(), None))
        return {"association": self._described(owner, found)}

    def _create(self, owner: Owner, asked: Mapping[str, Value]) -> Association:
        namespace, account = str(asked["namespace"]), str(asked["serviceAccount"])
        states = self._history.get((owner, namespace, account), [])
        kept = [state for since, state in states[:-1] if self._clock() - states[-1][0] < KEPT]
        taken = (states[-1][1] if states else None) or next(reversed(kept), None)
        if taken:
            raise RefusedError(409, "ResourceInUseException", f"Association already exists: {taken.id}")
        if len(self._living(owner)) >= QUOTA:
            raise RefusedError(400, "ResourceLimitExceededException", f"Maximum of {QUOTA} associations reached")
        now = self._clock()
        name = "a-" + "".join(secrets.choice(_ALPHABET) for _ in range(17))
        fresh = Association(name, namespace, account, "", now, now, tags=dict(asked.get("tags") or {}))
        return self._put(owner, self._changed(owner, fresh, asked))

    def _changed(self, owner: Owner, before: Association, asked: Mapping[str, Value]) -> Association:
        """`before` with what a request asks for."""
        after = replace(
            before,
            role=str(asked.get("roleArn", before.role)),
            target=str(asked.get("targetRoleArn", before.target)),
            no_tags=bool(asked.get("disableSessionTags", before.no_tags)),
            policy=str(asked.get("policy", before.policy)),
            modified=self._clock(),
        )
        if after.policy and not after.no_tags:
            message = "disableSessionTags must be true when a policy is specified."
            raise RefusedError(400, "InvalidParameterException", message)
        if after.policy and not _is_json(after.policy):
            raise RefusedError(400, "InvalidParameterException", "The policy is not valid JSON.")
        check_role(owner, after.role, SERVICE)
        if after.target and not after.external_id:
            after = replace(after, external_id=secrets.token_hex(16))
        return after

    def _put(self, owner: Owner, found: Association) -> Association:
        states = self._history.setdefault((owner, found.namespace, found.service_account), [])
        states.append((self._clock(), found))
        return found

    def _living(self, owner: Owner) -> list[Association]:
        states = [found[-1][1] for key, found in self._history.items() if key[0] == owner]
        return sorted((state for state in states if state), key=lambda item: item.id)

    def _named(self, owner: Owner, name: str) -> Association:
        found = next((item for item in self._living(owner) if item.id == name), None)
        if found is None:
            raise RefusedError(404, "ResourceNotFoundException", f"The association was not found: {name}")
        return found

    def _list(self, owner: Owner, asked: Mapping[str, Value]) -> Json:
        wanted = (asked.get("namespace"), asked.get("serviceAccount"))
        found = [
            item
            for item in self._living(owner)
            if all(
                want in (None, has) for want, has in zip(wanted, (item.namespace, item.service_account), strict=True)
            )
        ]
        size, first = int(asked.get("maxResults") or _PAGE), int(asked.get("nextToken") or 0)
        page = found[first : first + size]
        keys = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn")
        described = [self._described(owner, item) for item in page]
        answer: Json = {"associations": [{key: item[key] for key in keys if key in item} for item in described]}
        return answer | ({"nextToken": str(first + size)} if first + size < len(found) else {})

    def _described(self, owner: Owner, found: Association) -> Json:
        more = {"targetRoleArn": found.target, "externalId": found.external_id, "policy": found.policy}
        return {
            "clusterName": owner.cluster,
            "namespace": found.namespace,
            "serviceAccount": found.service_account,
            "roleArn": found.role,
            "associationArn": f"{owner.arn.replace(':cluster/', ':podidentityassociation/')}/{found.id}",
            "associationId": found.id,
            "tags": dict(found.tags),
            "createdAt": found.created,
            "modifiedAt": found.modified,
            "disableSessionTags": found.no_tags,
            **{key: value for key, value in (more | {"ownerArn": found.owner}).items() if value},
        }

    def session(self, owner: Owner, pod: Pod) -> tuple[AssumedRole, Association]:
        """What AssumeRoleForPodIdentity gives the pod. Raises RefusedError."""
        found = self.effective(owner, pod.namespace, pod.service_account)
        if found is None:
            raise RefusedError(404, "ResourceNotFoundException", "No association was found for the service account.")
        carried = {} if found.no_tags else tags(owner, pod)
        context = {"aws:SourceAccount": owner.account, "aws:SourceArn": owner.arn}
        if not trust.admits(trust.role_of(_backends(), found.role), {"Service": {SERVICE}}, context, carried):
            raise RefusedError(
                400,
                "AccessDeniedException",
                "Unauthorized Exception! EKS does not have permissions to assume the associated role.",
            )
        session = self._open(owner, found.role, pod, found.policy)
        if found.target:
            session = self._further(owner, found, pod, carried)
        if carried:
            self.transitive[str(session.access_key_id)] = carried
        return session, found

    def _further(self, owner: Owner, found: Association, pod: Pod, carried: Mapping[str, str]) -> AssumedRole:
        """Through the association's role to its target role, which has to trust it with its external id."""
        target = trust.role_of(_backends(), found.target)
        account = found.role.split(":")[4]
        who = {"AWS": {found.role, account, f"arn:aws:iam::{account}:root"}}
        context = {"aws:PrincipalArn": found.role, "sts:ExternalId": found.external_id}
        if not trust.admits(target, who, context, carried):
            message = "EKS does not have permissions to assume the target role with the associated role."
            raise RefusedError(400, "AccessDeniedException", message)
        return self._open(owner, found.target, pod, "")

    def _open(self, owner: Owner, role: str, pod: Pod, policy: str) -> AssumedRole:
        from moto.sts.models import sts_backends

        return sts_backends[role.split(":")[4]]["aws"].assume_role(
            region_name=owner.region,
            role_session_name=f"eks-{owner.cluster}-{pod.name}"[:55] + f"-{secrets.token_hex(4)}",
            role_arn=role,
            policy=policy,
            duration=21_600,
            external_id="",
        )


def check_role(owner: Owner, arn: str, service: str) -> None:
    """EKS checks the role that is named: it has to exist, and its trust policy to name the service, under whatever
    conditions."""
    role = trust.role_of(_backends(), arn)
    if role is None or arn.split(":")[4] != owner.account:
        raise RefusedError(400, "InvalidParameterException", "Role provided in the request does not exist.")
    if not trust.names(role, "sts:AssumeRole", {"Service": {service}}):
        raise RefusedError(400, "InvalidParameterException", "Trust policy of the role provided is invalid")


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _backends() -> trust.Backends:
    from moto.iam.models import iam_backends

    return iam_backends
