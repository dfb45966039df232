"""The execution role that `acksm samples apply --with-role` creates: SageMaker assumes it for the samples' jobs.

One for each cluster, named after it and tagged like the controllers' role, so that cleanup finds it by `name` and its
tags. It has AmazonSageMakerFullAccess, whose S3 permissions are for buckets with "sagemaker" in their names, and a
policy for each other bucket of the samples. The controllers may pass it by the same managed policy, to
sagemaker.amazonaws.com only (docs/ack/identity.md#passing-roles).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from acksm.aws.account import Aws
from acksm.aws.documents import Role, Statement
from acksm.aws.eks import Cluster
from acksm.aws.session import Identity
from acksm.engine.change import Change
from acksm.errors import AcksmError
from acksm.guide.identity import iam_role, policies, role_names
from acksm.guide.identity.iam_role import Desired, Observed, Ownership
from acksm.guide.identity.judged import as_list, with_statements
from acksm.guide.identity.oidc import is_owned, marks
from acksm.json_types import Document, Json
from acksm.settings import RoleSettings

PREFIX = "acksm-samples-"
PURPOSE_TAG, PURPOSE = "acksm:made-for", "samples"
SERVICE = policies.SAGEMAKER
POLICY_PREFIX = "acksm-samples-bucket-"


def name(cluster: str) -> str:
    """The role's name."""
    return role_names.of_cluster(PREFIX, cluster)


def is_for_samples(tags: Mapping[str, str], cluster_arn: str) -> bool:
    """Whether a role's tags say that acksm created it for the samples of this cluster."""
    return is_owned(tags, cluster_arn) and tags.get(PURPOSE_TAG) == PURPOSE


def arn(identity: Identity, cluster: str, settings: RoleSettings) -> str:
    return iam_role.arn(identity, name(cluster), settings.role_path)


def plan(
    observed: Role | None, cluster: Cluster, identity: Identity, settings: RoleSettings, buckets: Iterable[str]
) -> list[Change]:
    """Changes towards the role. Errors: `sample-role-not-ours`, `config-invalid`, `policy-arn-invalid`."""
    role_names.check("", settings.role_path, "", "--role-path")
    iam_role.check_settings(settings, identity.partition, identity.account)
    if observed is not None and not is_for_samples(observed["tags"], cluster.arn):
        raise AcksmError(
            "sample-role-not-ours",
            f"role {name(cluster.name)} exists and was not created by acksm for this cluster's samples",
            where=str(observed["arn"]),
        )
    desired = Desired(
        name(cluster.name),
        arn(identity, cluster.name, settings),
        settings.role_path,
        _trust,
        (policies.core_arn(identity.partition),),
        {POLICY_PREFIX + bucket: _bucket_policy(identity.partition, bucket) for bucket in _uncovered(buckets)},
        "",
        {**settings.tag, **marks(cluster), PURPOSE_TAG: PURPOSE},
        settings.permissions_boundary,
        adopt=False,
        step="samples",
    )
    return iam_role.plan(Observed(observed), desired)


def _uncovered(buckets: Iterable[str]) -> list[str]:
    """Buckets that AmazonSageMakerFullAccess does not cover."""
    return sorted({bucket for bucket in buckets if "sagemaker" not in bucket})


def _trust(document: Document | None, _ownership: Ownership) -> Json:
    """A trust policy that trusts SageMaker; its other statements are kept."""
    statements = as_list((document or {}).get("Statement"))
    if any(_trusts_sagemaker(item) for item in statements):
        return dict(document or {})
    own: Statement = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}
    return with_statements(document, [*statements, own])


def _trusts_sagemaker(statement: Statement) -> bool:
    principal = statement.get("Principal")
    services = as_list(principal.get("Service") or []) if isinstance(principal, Mapping) else []
    actions = as_list(statement.get("Action") or [])
    return statement.get("Effect") == "Allow" and SERVICE in services and "sts:AssumeRole" in actions


def _bucket_policy(partition: str, bucket: str) -> Json:
    whole = f"arn:{partition}:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetBucketLocation", "s3:ListBucket"], "Resource": [whole]},
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": [f"{whole}/*"]},
        ],
    }


def may_pass(aws: Aws, controller_role: str, role: str) -> bool | None:
    """Whether the controller role may pass `role` to SageMaker; None where it could not be simulated."""
    return aws.iam.simulated(controller_role, policies.PASS_ROLE, role, {policies.PASSED_TO: SERVICE})
