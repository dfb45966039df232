"""Exports: the files of a GitOps engine."""

from __future__ import annotations

from acksm.catalog import Entry
from acksm.exits import ExitCode

_C, _R, _U, _I = ExitCode.CHECK_FAILED, ExitCode.REFUSED, ExitCode.USAGE, ExitCode.INCOMPLETE

ENTRIES = (
    Entry(
        "export-repo-missing",
        "no repository of the exported files is specified",
        "Flux and Argo CD read the files from a Git repository or an OCI artifact, and their objects name it. A "
        "placeholder would be applied as it is, so --repo has no default.",
        "acksm export --to flux --repo https://git.example.com/platform/clusters.git --repo-path clusters/demo "
        "--out clusters/demo",
        _U,
    ),
    Entry(
        "export-repo-invalid",
        "the repository of the exported files is invalid",
        "--repo is the URL of a Git repository (https, ssh) or of an OCI artifact (oci) without user, password, tag "
        "and digest: engines take credentials from a Secret, and --revision names the tag. --repo-path is inside it.",
        "acksm export --to flux --repo oci://registry.example.com/clusters/demo --revision 1.2.0 --out demo",
        _U,
    ),
    Entry(
        "export-offline-incomplete",
        "an offline export lacks a setting",
        "With --offline neither AWS nor the cluster is asked, so name, region and account of the cluster have to be "
        "settings.",
        "acksm export --offline --cluster demo --region us-west-2 --account 111111111111 --identity pod-identity "
        "--to kustomize --out demo",
        _U,
    ),
    Entry(
        "export-issuer-missing",
        "an offline export lacks the cluster's OIDC issuer",
        "With IRSA the role trusts the tokens of the cluster's OIDC issuer, which EKS chooses when it creates the "
        "cluster. EKS Pod Identity needs none.",
        "aws eks describe-cluster --name CLUSTER --region REGION --query cluster.identity.oidc.issuer --output text   "
        "(for --issuer; or export with --identity pod-identity)",
        _U,
    ),
    Entry(
        "export-not-expressible",
        "the settings cannot be expressed in these files",
        "A CloudFormation template has at least one resource, and with these settings nothing in IAM or EKS is part of "
        "the export; or a binding needs what only the cluster knows; or the name of a wave is not the value of a "
        "label, by which an ApplicationSet selects Applications.",
        "acksm export --to kustomize --out demo   (the Kubernetes half alone)",
        _R,
    ),
    Entry(
        "export-dir-foreign",
        "the directory has files that no export wrote",
        "Files that acksm did not write, or that were changed since it wrote them, are not overwritten; nor is the "
        "export of another cluster, and links inside the directory are not followed.",
        "acksm export --to kustomize --out OTHER_DIRECTORY",
        _R,
    ),
    Entry(
        "export-dir-unreadable",
        "the directory of the export cannot be read",
        "The message has the reason of the operating system.",
        "ls -la DIRECTORY",
        _C,
    ),
    Entry(
        "export-write",
        "the directory of the export cannot be written",
        "The message has the reason of the operating system. Each file is complete or unchanged, and the next export "
        "continues.",
        "df -h DIRECTORY",
        ExitCode.STEP_FAILED,
    ),
    Entry(
        "export-record-missing",
        "the directory is no export",
        "An export has the file EXPORT.json, with its settings and the digest of each of its files.",
        "acksm export --to kustomize --out DIRECTORY",
        _U,
    ),
    Entry(
        "export-record-invalid",
        "EXPORT.json is invalid",
        "It was edited, or is of another tool or a newer acksm.",
        "git checkout -- EXPORT.json   (or export to another directory)",
        _C,
    ),
    Entry(
        "export-image-unread",
        "an exported image cannot be compared",
        "The files have the image by its digest, and its registry does not say which digest its tag has now.",
        "acksm export --check DIRECTORY   (once the registry answers)",
        _I,
    ),
)
