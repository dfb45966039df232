"""Ids of what can go wrong between acksm and AWS, and of the changes it makes there."""

from acksm.catalog import Entry
from acksm.errors import ExitCode

_S, _U, _R, _OK = ExitCode.STEP_FAILED, ExitCode.USAGE, ExitCode.REFUSED, ExitCode.OK

ENTRIES = (
    Entry(
        "aws-no-credentials",
        "no AWS credentials, or wrong ones",
        "botocore found none in its chain (environment, profile, SSO, instance), or AWS does not know the key.",
        "aws sts get-caller-identity   (then: aws configure, aws sso login, or --profile NAME)",
    ),
    Entry(
        "aws-expired-credentials",
        "the AWS credentials have expired",
        "Session tokens live for hours; this one is over.",
        "aws sso login   (or get a new session token)",
    ),
    Entry(
        "aws-profile-unknown",
        "no such profile",
        "~/.aws/config has no profile of that name.",
        "aws configure list-profiles",
        _U,
    ),
    Entry(
        "aws-region-missing",
        "no region",
        "Neither --region nor AWS_REGION nor the profile names one.",
        "acksm … --region REGION",
        _U,
    ),
    Entry(
        "aws-unreachable",
        "AWS does not answer",
        "No network, a proxy, or a wrong AWS_ENDPOINT_URL.",
        "aws sts get-caller-identity --debug",
    ),
    Entry(
        "aws-access-denied",
        "AWS denies a call",
        "The caller's policies, a permissions boundary or an SCP lack the action that is named.",
        "let an administrator allow the action named above",
    ),
    Entry(
        "aws-throttled",
        "AWS asks to slow down",
        "botocore's retries were used up.",
        "run the same command again in a minute",
        _S,
    ),
    Entry("aws-failed", "an AWS call failed", "AWS's own message is told.", "run the same command again", _S),
    Entry(
        "aws-wrong-account",
        "the credentials are of another account",
        "--account pins the account, so that a wrong profile is found before the first write.",
        "acksm … --profile PROFILE_OF_THAT_ACCOUNT",
        _R,
    ),
    Entry(
        "aws-oidc-quota",
        "no room for another OIDC provider",
        "IAM allows 100 OIDC providers an account by default, and every cluster that was ever given one counts "
        "(eksctl#4513). acksm never deletes a provider by itself.",
        "aws iam delete-open-id-connect-provider --open-id-connect-provider-arn STALE_ARN",
        _S,
    ),
    Entry(
        "cluster-unknown",
        "no such cluster here",
        "The name or the region is another.",
        "aws eks list-clusters --region REGION",
    ),
    Entry(
        "cluster-not-active",
        "the cluster is not ACTIVE",
        "It is being made or deleted, or it failed.",
        "aws eks wait cluster-active --name CLUSTER",
    ),
    Entry(
        "cluster-too-old",
        "the cluster's Kubernetes is too old",
        "The guide asks for 1.16 or newer.",
        "aws eks update-cluster-version --name CLUSTER --kubernetes-version VERSION",
    ),
    Entry(
        "cluster-no-issuer",
        "the cluster has no OIDC issuer",
        "IAM roles for service accounts (IRSA) need one; every EKS cluster since 1.13 has it.",
        "aws eks describe-cluster --name CLUSTER --query cluster.identity",
    ),
    Entry(
        "role-not-ours",
        "a role of that name is there and acksm did not make it",
        "Its tags do not mark it as acksm's for this cluster. Changing the trust of somebody's role could lock out "
        "what uses it (kubeflow-manifests#743 is the opposite slip: going on as if it fitted).",
        "acksm … --role-name OTHER   (or --adopt-role to use it; nothing of its owner's is removed)",
        _R,
    ),
    Entry(
        "role-name-too-long", "the role's name is too long", "IAM allows 64 characters.", "acksm … --role-name NAME", _U
    ),
    Entry(
        "trust-too-long",
        "the role's trust policy would be too long",
        "IAM allows a trust policy 2,048 characters, white space not counted; an administrator can ask AWS for up to "
        "4,096 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html). Each cluster that shares "
        "a role takes some 500 of them.",
        "acksm … --role-name ANOTHER   (a role for each cluster; in the other account --target-role-name), or ask AWS "
        "for quota L-C07B4B0D of service iam, in us-east-1",
        _R,
    ),
    Entry(
        "role-policies-too-long",
        "the role's inline policies would be too long",
        "All inline policies of a role together may have 10,240 characters, white space not counted; that quota cannot "
        "be raised.",
        'acksm … --set \'reconcile.resources=["Model","Endpoint"]\'   (fewer kinds make preset least shorter; or '
        "--policy-arn with a policy of your own)",
        _R,
    ),
    Entry(
        "policy-least-roles",
        "preset least needs the roles that it passes on",
        "It allows iam:PassRole on named execution roles of the account and on nothing else, without patterns.",
        "acksm iam-role --policy least --execution-role arn:aws:iam::ACCOUNT:role/NAME",
        _U,
    ),
    Entry(
        "role-path-differs",
        "the role has another path",
        "IAM cannot move a role.",
        "acksm … --role-path PATH_IT_HAS",
        _R,
    ),
    Entry("oidc.create", "the OIDC provider is created", "IAM does not know the cluster's issuer.", "", _OK),
    Entry("oidc.audience", "an audience is added to the provider", "It lacks sts.amazonaws.com.", "", _OK),
    Entry("iam-role.create", "the role is created", "It is not there.", "", _OK),
    Entry(
        "iam-role.trust",
        "the role's trust policy is changed",
        "It does not let in exactly the service accounts of this cluster's releases, or in another account exactly its "
        "controllers' roles. What goes, and who is new in another account, is asked about.",
        "",
        _OK,
    ),
    Entry("iam-role.tags", "the role is tagged", "Tags mark what acksm made or was told to use.", "", _OK),
    Entry("iam-role.boundary", "the permissions boundary is set", "Another, or none, is set.", "", _OK),
    Entry("iam-role.attach", "a managed policy is attached", "The role lacks it.", "", _OK),
    Entry(
        "iam-role.detach",
        "a managed policy is detached",
        "Preset least takes the place of AmazonSageMakerFullAccess, on a role that acksm made.",
        "",
        _OK,
    ),
    Entry("iam-role.inline", "an inline policy is put", "The role lacks it, or an older form of it is there.", "", _OK),
    Entry(
        "iam-role.service-linked",
        "the service-linked role is created",
        "Application Auto Scaling works on SageMaker endpoints through it.",
        "",
        _OK,
    ),
    Entry("iam.visible", "IAM shows what was made", "IAM is eventually consistent.", "", _OK),
)
