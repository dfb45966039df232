"""Ids of what can go wrong between acksm and the cluster's apiserver."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_S = ExitCode.STEP_FAILED

ENTRIES = (
    Entry(
        "kube-unreachable",
        "cannot connect to the apiserver",
        "The cluster's endpoint is private, a proxy or VPN is in between, or the cluster is being updated.",
        "aws eks describe-cluster --name CLUSTER --query cluster.resourcesVpcConfig",
    ),
    Entry(
        "kube-unauthorized",
        "the apiserver does not accept this identity",
        "The AWS credentials are valid, but neither aws-auth nor an access entry of the cluster maps them to a user. "
        "An entry alone grants nothing: a policy is associated with it, or its groups have roles in the cluster.",
        "aws eks create-access-entry --cluster-name CLUSTER --region REGION --principal-arn PRINCIPAL_ARN && "
        "aws eks associate-access-policy --cluster-name CLUSTER --region REGION --principal-arn PRINCIPAL_ARN "
        "--access-scope type=cluster --policy-arn arn:PARTITION:eks::aws:cluster-access-policy/"
        "AmazonEKSClusterAdminPolicy   (as an administrator of the cluster)",
    ),
    Entry(
        "kube-forbidden",
        "forbidden by RBAC",
        "RBAC or the access entry's policy does not grant this. Installing needs cluster-admin, because it creates "
        "CRDs and ClusterRoles.",
        "acksm doctor --print-rbac COMMAND   (what an administrator has to grant for it)",
    ),
    Entry(
        "kube-not-found",
        "the object or its kind was not found",
        "It was deleted, or its CRD is not served.",
        "acksm status",
        _S,
    ),
    Entry(
        "kube-exists",
        "the object already exists",
        "Another user or tool created it after acksm read the cluster.",
        "acksm …   (again)",
        _S,
    ),
    Entry(
        "kube-conflict",
        "another field manager owns a field to be changed",
        "Server-side apply does not take fields from another manager (Argo CD, Flux, kubectl).",
        "kubectl get OBJECT -o yaml --show-managed-fields",
        ExitCode.REFUSED,
    ),
    Entry(
        "kube-webhook-denied",
        "an admission webhook denied the write",
        "A policy engine in the cluster (Kyverno, Gatekeeper, …) or a ValidatingAdmissionPolicy denies this object.",
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations,validatingadmissionpolicies",
        _S,
    ),
    Entry(
        "kube-invalid",
        "the apiserver rejected the object as invalid",
        "The object does not match its schema.",
        "acksm install --dry-run --full",
        _S,
    ),
    Entry(
        "kube-gone",
        "the resource version expired",
        "Listing took longer than etcd keeps its history.",
        "acksm …   (again)",
        _S,
    ),
    Entry(
        "kube-busy",
        "the apiserver is overloaded",
        "API Priority and Fairness rejected the request, or there were too many requests.",
        "acksm …   (again in a minute)",
        _S,
    ),
    Entry(
        "kube-failed",
        "the apiserver returned an error",
        "An internal error of the apiserver or etcd; the message is its own.",
        "kubectl get --raw '/readyz?verbose'",
        _S,
    ),
    Entry(
        "kubeconfig-missing",
        "cannot read the kubeconfig",
        "The file does not exist or cannot be read.",
        "acksm install --cluster NAME   (needs no kubeconfig)",
        ExitCode.USAGE,
    ),
    Entry(
        "kubeconfig-malformed",
        "invalid kubeconfig",
        "The file is not YAML, or a part is missing.",
        "kubectl config view",
        ExitCode.USAGE,
    ),
    Entry(
        "kubeconfig-not-written",
        "cannot write the kubeconfig",
        "The file or its directory is read-only, or the disk is full. The file is unchanged.",
        "acksm connect --kubeconfig PATH",
        _S,
    ),
    Entry(
        "kubeconfig-context-unknown",
        "the kubeconfig has no such context",
        "The name is misspelt, or the context is in another file.",
        "kubectl config get-contexts",
        ExitCode.USAGE,
    ),
    Entry(
        "kubeconfig-exec",
        "unsupported exec plugin in the kubeconfig",
        "acksm creates EKS tokens itself, so only the exec commands for EKS tokens are supported: `aws eks get-token`, "
        "`aws-iam-authenticator token` and `acksm token`, with their cluster, region, profile and role. Nothing is "
        "run, and an option that would change who signs in is refused instead of being ignored.",
        "acksm … --cluster NAME   (connects without the kubeconfig)",
        ExitCode.REFUSED,
    ),
    Entry(
        "kubeconfig-unsupported",
        "unsupported user in the kubeconfig",
        "The user of the context signs in with a password or an auth provider, which EKS does not accept, or acts "
        "as another user (impersonation), which acksm does not do.",
        "acksm … --cluster NAME   (connects without the kubeconfig)",
        ExitCode.REFUSED,
    ),
    Entry(
        "kubeconfig-insecure",
        "the context asks for an unverified connection",
        "The context has insecure-skip-tls-verify and a server that is not the cluster's own host. acksm verifies "
        "every connection with the certificate authority of the EKS cluster.",
        "kubectl config set-cluster CLUSTER --tls-server-name HOST   (HOST is that of the cluster's endpoint in EKS)",
        ExitCode.REFUSED,
    ),
    Entry("kubeconfig.entries", "the context is written", "It is missing, or has other values.", "", ExitCode.OK),
)
