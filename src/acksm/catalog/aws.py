"""Ids of what can go wrong between acksm and AWS, and of the changes that it makes there."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_S, _U, _R, _OK = ExitCode.STEP_FAILED, ExitCode.USAGE, ExitCode.REFUSED, ExitCode.OK

ENTRIES = (
    Entry(
        "aws-no-credentials",
        "missing or invalid AWS credentials",
        "botocore found none in its chain (environment, profile, SSO, instance), or AWS does not know the access key.",
        "aws sts get-caller-identity   (then: aws configure, aws sso login, or --profile NAME)",
    ),
    Entry(
        "aws-expired-credentials",
        "the AWS credentials have expired",
        "Session tokens are valid for a few hours.",
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
        "no region given",
        "Neither --region nor AWS_REGION nor the profile has one.",
        "acksm … --region REGION",
        _U,
    ),
    Entry(
        "aws-unreachable",
        "cannot connect to AWS",
        "There is no network, a proxy is in between, or AWS_ENDPOINT_URL is wrong.",
        "aws sts get-caller-identity --debug",
    ),
    Entry(
        "aws-config-invalid",
        "invalid AWS configuration",
        "A variable of the AWS SDKs (AWS_…), or a value in ~/.aws/config or ~/.aws/credentials, is not valid. The "
        "message is botocore's own.",
        "aws configure list   (and `acksm config show` for acksm's own settings)",
        _U,
    ),
    Entry(
        "proxy-invalid",
        "invalid proxy in the environment",
        "A proxy variable (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, in upper or lower case) is not a URL such as "
        "http://HOST:PORT or socks5h://HOST:PORT. SOCKS4 is not supported. The characters / ? # @ in a user or a "
        "password are percent-encoded.",
        "export HTTPS_PROXY=http://HOST:PORT",
        _U,
    ),
    Entry(
        "ca-bundle-invalid",
        "cannot use a bundle of certificate authorities",
        "AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE, SSL_CERT_DIR, or `ca_bundle` in "
        "~/.aws/config names a file that does not exist, cannot be read or has no PEM certificates.",
        "export AWS_CA_BUNDLE=/path/to/ca.pem",
        _U,
    ),
    Entry(
        "certificate-untrusted",
        "no trusted authority has signed the certificate",
        "A proxy intercepts TLS with certificates of its own, or the server's authority is a private one.",
        "export AWS_CA_BUNDLE=/path/to/ca.pem   (SSL_CERT_FILE for registries; see docs/locked-down.md)",
    ),
    Entry(
        "environment-invalid",
        "invalid variable in the environment",
        "A variable that libraries read has a value that they fail on.",
        "unset VARIABLE",
        _U,
    ),
    Entry(
        "aws-access-denied",
        "AWS denies a call",
        "The caller's policies, a permissions boundary, a session policy or a service control policy (SCP) do not "
        "allow the action in the message, which names the kind of policy where AWS does "
        "(https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html).",
        "let an administrator allow the action named above",
    ),
    Entry(
        "aws-throttled",
        "AWS throttles the calls",
        "botocore's retries were not enough.",
        "acksm …   (again in a minute)",
        _S,
    ),
    Entry("aws-failed", "an AWS call failed", "The message is AWS's own.", "acksm …   (again)", _S),
    Entry(
        "aws-wrong-account",
        "the credentials are of another account",
        "--account pins the account, so that a wrong profile is noticed before the first write.",
        "acksm … --profile PROFILE_OF_THAT_ACCOUNT",
        _R,
    ),
    Entry(
        "aws-oidc-quota",
        "the quota of OIDC providers is used up",
        "IAM allows 100 OIDC providers per account by default, including those of deleted clusters (eksctl#4513). "
        "acksm never deletes a provider to make room.",
        "aws iam delete-open-id-connect-provider --open-id-connect-provider-arn STALE_ARN",
        _S,
    ),
    Entry(
        "cluster-unknown",
        "no such cluster",
        "The name or the region is wrong.",
        "aws eks list-clusters --region REGION",
    ),
    Entry(
        "cluster-not-active",
        "the cluster is not ACTIVE",
        "It is being created or deleted, or it failed.",
        "aws eks wait cluster-active --name CLUSTER",
    ),
    Entry(
        "cluster-too-old",
        "the cluster's Kubernetes version is too old",
        "The SageMaker guide of ACK requires 1.16 or newer.",
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
        "a role of that name exists, and acksm did not create it",
        "Its tags do not mark it as acksm's for this cluster. Changing the trust policy of a role that others use "
        "could lock them out; using it unchanged is the opposite mistake (kubeflow-manifests#743).",
        "acksm … --role-name OTHER   (or --adopt-role to use it; it removes nothing of the owner's)",
        _R,
    ),
    Entry(
        "role-name-too-long", "the role's name is too long", "IAM allows 64 characters.", "acksm … --role-name NAME", _U
    ),
    Entry(
        "trust-too-long",
        "the role's trust policy would be too long",
        "IAM limits a trust policy to 2,048 characters, not counting white space; the quota can be raised to 8,192 "
        "(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html). Each cluster that shares a "
        "role needs about 500 of them.",
        "acksm … --role-name ANOTHER   (a role for each cluster; in the target account --target-role-name), or "
        "request an increase of the quota Role trust policy length (L-C07B4B0D of service iam, in us-east-1)",
        _R,
    ),
    Entry(
        "role-quota",
        "the role would exceed a quota of IAM",
        "IAM attaches up to 10 managed policies to a role, a quota that can be raised to 25, and allows 50 tags, which "
        "cannot be raised (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).",
        "acksm … --role-name ANOTHER   (a role of its own), or detach policies that it does not need: aws iam "
        "detach-role-policy --role-name NAME --policy-arn ARN",
        _R,
    ),
    Entry(
        "policy-arn-invalid",
        "a policy ARN is not one of this account",
        "IAM attaches only policies of the role's own account and AWS's own, as permissions policy and as permissions "
        "boundary. A file acksm.yaml that was written for another account may name that account's policies; those of "
        "the target account have options of their own (--target-policy-arn, --target-permissions-boundary).",
        "aws iam list-policies --scope Local --query 'Policies[].Arn'   (the policies of the account)",
        _U,
    ),
    Entry(
        "role-policies-too-long",
        "the role's inline policies would be too long",
        "All inline policies of a role together are limited to 10,240 characters, not counting white space; this "
        "quota cannot be raised.",
        'acksm … --set \'reconcile.resources=["Model","Endpoint"]\'   (fewer kinds make preset least shorter; or '
        "--policy-arn with a policy of your own)",
        _R,
    ),
    Entry(
        "policy-least-roles",
        "preset least needs the roles that may be passed",
        "It allows iam:PassRole on the given execution roles of the account only, without wildcards.",
        "acksm iam-role --policy least --execution-role arn:aws:iam::ACCOUNT:role/NAME",
        _U,
    ),
    Entry(
        "role-path-differs",
        "the role has another path",
        "IAM cannot change the path of a role.",
        "acksm … --role-path PATH_IT_HAS",
        _R,
    ),
    Entry("oidc.create", "the OIDC provider is created", "IAM has none for the cluster's issuer.", "", _OK),
    Entry("oidc.audience", "an audience is added to the provider", "It lacks sts.amazonaws.com.", "", _OK),
    Entry(
        "identity-differs",
        "the installed controllers get their role by the other way",
        "--identity is for what is not installed yet. Controllers that run are moved by a command of its own, as their "
        "pods would be without a role in between.",
        "acksm identity migrate --to pod-identity   (or --to irsa)",
        _R,
    ),
    Entry(
        "role-untrusting",
        "the role of --role-arn does not trust EKS Pod Identity for the controllers",
        "EKS creates an association only with a role whose trust policy allows sts:AssumeRole to "
        "pods.eks.amazonaws.com, and sessions need sts:TagSession too. acksm does not change a role that it is given.",
        "acksm install --role-name NAME   (a role of acksm's; or allow it in the trust policy: docs/iam-role.md)",
        _R,
    ),
    Entry(
        "association-not-ours",
        "a service account has an EKS Pod Identity association with another role, which acksm did not create",
        "A service account has at most one association. Another user or tool created this one, or an EKS add-on "
        "manages it; acksm changes only its own.",
        "acksm install --role-arn ROLE_ARN   (use the role of the association)",
        _R,
    ),
    Entry(
        "agent-missing",
        "the agent of EKS Pod Identity is not installed",
        "Pods with an association get their credentials from eks-pod-identity-agent on their node: an EKS add-on, or "
        "part of EKS Auto Mode (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html).",
        "acksm install --identity pod-identity --install-agent",
        _R,
    ),
    Entry(
        "agent-not-on-node",
        "the agent of EKS Pod Identity does not run on a node that may take a controller's pod",
        "A pod gets credentials only from the agent on its own node. A taint, a node selector or a failing pod of the "
        "agent keeps it from some nodes.",
        "kubectl -n kube-system describe pods -l app.kubernetes.io/name=eks-pod-identity-agent",
        _R,
    ),
    Entry(
        "agent-ipv6-off",
        "the agent of EKS Pod Identity cannot start, as IPv6 is off on its node",
        "It listens on an IPv4 and an IPv6 address, and fails where it cannot bind the latter "
        "(https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-config-ipv6.html).",
        "aws eks update-addon --cluster-name CLUSTER --region REGION --addon-name eks-pod-identity-agent "
        '--configuration-values \'{"agent":{"additionalArgs":{"-b":"169.254.170.23"}}}\'',
        _R,
    ),
    Entry(
        "pod-identity-fargate",
        "the controllers' pods run on Fargate, which EKS Pod Identity does not reach",
        "A Fargate profile selects the controllers' namespace, and Fargate has no agent "
        "(https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html#pod-id-restrictions).",
        "acksm install --identity irsa   (or change the selectors of the Fargate profile)",
        _R,
    ),
    Entry(
        "pod-identity-unsupported",
        "the cluster's version has no EKS Pod Identity",
        "EKS Pod Identity needs Kubernetes 1.24 or newer "
        "(https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html).",
        "acksm install --identity irsa",
        _R,
    ),
    Entry(
        "association.create",
        "a service account is associated with the role",
        "It has no EKS Pod Identity association.",
        "",
        _OK,
    ),
    Entry("association.update", "an association gets another role", "acksm created it, with another role.", "", _OK),
    Entry(
        "association.delete",
        "an association is deleted",
        "acksm created it, and the service account no longer needs it. Pods created later have no role from it.",
        "",
        _OK,
    ),
    Entry(
        "agent.delete",
        "the EKS add-on eks-pod-identity-agent is deleted",
        "acksm created it, and no association of the cluster needs it.",
        "",
        _OK,
    ),
    Entry("agent.create", "the EKS add-on eks-pod-identity-agent is created", "Nothing runs the agent.", "", _OK),
    Entry(
        "agent.ready",
        "waiting until the agent of EKS Pod Identity runs",
        "On each node that may take a controller's pod.",
        "",
        _OK,
    ),
    Entry("iam-role.create", "the role is created", "It does not exist.", "", _OK),
    Entry(
        "iam-role.trust",
        "the role's trust policy is updated",
        "It does not trust exactly the service accounts of this cluster's releases or, in a target account, exactly "
        "the cluster's controller roles. Removals, and new principals in a target account, need confirmation.",
        "",
        _OK,
    ),
    Entry("iam-role.tags", "the role is tagged", "Tags mark what acksm created or was allowed to use.", "", _OK),
    Entry("iam-role.boundary", "the permissions boundary is set", "The role has another, or none.", "", _OK),
    Entry("iam-role.attach", "a managed policy is attached", "The role lacks it.", "", _OK),
    Entry(
        "iam-role.detach",
        "a managed policy is detached",
        "Preset least replaces AmazonSageMakerFullAccess, on a role that acksm created.",
        "",
        _OK,
    ),
    Entry("iam-role.inline", "an inline policy is written", "The role lacks it, or has an older version.", "", _OK),
    Entry(
        "iam-role.service-linked",
        "the service-linked role is created",
        "Application Auto Scaling needs it to scale SageMaker endpoints.",
        "",
        _OK,
    ),
    Entry("iam.visible", "waiting until IAM shows the changes", "IAM is eventually consistent.", "", _OK),
)
