"""Ids of what can go wrong between acksm and the cluster's apiserver."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_S = ExitCode.STEP_FAILED

ENTRIES = (
    Entry(
        "kube-unreachable",
        "the apiserver does not answer",
        "The cluster's endpoint is private, a proxy or VPN stands between, or the cluster is being changed.",
        "aws eks describe-cluster --name CLUSTER --query cluster.resourcesVpcConfig",
    ),
    Entry(
        "kube-unauthorized",
        "the apiserver does not accept this identity",
        "The AWS identity is valid but neither aws-auth nor an access entry of the cluster maps it to a user.",
        "aws eks create-access-entry --cluster-name CLUSTER --principal-arn YOUR_ROLE_ARN",
    ),
    Entry(
        "kube-forbidden",
        "this identity may not do that in the cluster",
        "RBAC or the access entry's policy gives this user too few rights; installing needs cluster-admin because "
        "it creates CRDs and ClusterRoles.",
        "kubectl auth can-i --list",
    ),
    Entry(
        "kube-not-found",
        "the object or its kind is not there",
        "It was deleted, or its CRD is not served.",
        "acksm status",
        _S,
    ),
    Entry(
        "kube-exists",
        "the object exists already",
        "Somebody made it between the look and the write.",
        "run the same command again",
        _S,
    ),
    Entry(
        "kube-conflict",
        "another field manager owns what would be changed",
        "Server-side apply refuses to take fields from another manager (Argo CD, Flux, kubectl).",
        "kubectl get OBJECT -o yaml --show-managed-fields",
        ExitCode.REFUSED,
    ),
    Entry(
        "kube-webhook-denied",
        "an admission webhook refused the write",
        "A policy engine in the cluster (Kyverno, Gatekeeper, …) or a ValidatingAdmissionPolicy denies this object.",
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations,validatingadmissionpolicies",
        _S,
    ),
    Entry(
        "kube-invalid",
        "the apiserver says the object is invalid",
        "The object does not fit its schema.",
        "acksm install --dry-run --full",
        _S,
    ),
    Entry(
        "kube-gone",
        "the apiserver forgot the state that was asked for",
        "A list took longer than etcd's history.",
        "run the same command again",
        _S,
    ),
    Entry(
        "kube-busy",
        "the apiserver asks to wait",
        "Priority and fairness, or too many requests.",
        "run the same command again in a minute",
        _S,
    ),
    Entry(
        "kube-failed",
        "the apiserver failed",
        "An error inside the apiserver or etcd; its message is told.",
        "kubectl get --raw '/readyz?verbose'",
        _S,
    ),
    Entry(
        "kubeconfig-missing",
        "no kubeconfig",
        "The named file does not exist or cannot be read.",
        "acksm install --cluster NAME   (needs no kubeconfig)",
        ExitCode.USAGE,
    ),
    Entry(
        "kubeconfig-malformed",
        "the kubeconfig cannot be read",
        "The file is not YAML or lacks a part.",
        "kubectl config view",
        ExitCode.USAGE,
    ),
    Entry(
        "kubeconfig-context-unknown",
        "the context is not in the kubeconfig",
        "A typing error, or another file.",
        "kubectl config get-contexts",
        ExitCode.USAGE,
    ),
    Entry(
        "kubeconfig-exec",
        "the kubeconfig wants to start a program acksm does not know",
        "Only EKS token commands are understood, and acksm mints that token itself; any other exec entry is not run.",
        "acksm … --cluster NAME   (connects by itself)",
        ExitCode.REFUSED,
    ),
)
