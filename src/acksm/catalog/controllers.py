"""Ids of installing the controllers: CRDs, releases and what they start."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R, _S = ExitCode.REFUSED, ExitCode.STEP_FAILED

ENTRIES = (
    Entry(
        "crd-terminating",
        "a CRD is being deleted",
        "It was deleted while objects with ACK finalizers were there and no controller ran to remove them; the "
        "apiserver allows no new object of a kind that is terminating (docs/ack/deletion.md#terminating-crds).",
        "kubectl get KIND -A   (let the controller delete them, or remove exactly the ACK finalizers)",
        _R,
    ),
    Entry(
        "crd-not-ours",
        "a CRD belongs to another tool",
        "It would have to change for the chart asked for, and its labels name an owner that would put it back.",
        "change the version in the owner named, or ask acksm for the version it has by --version SERVICE=V",
        _R,
    ),
    Entry(
        "object-not-ours",
        "an object that the release needs belongs to another",
        'helm would refuse with "invalid ownership metadata" half-way; acksm looks first.',
        "uninstall the owner's release, or install with --controller-namespace and --set fullnameOverride=NAME",
        _R,
    ),
    Entry(
        "release-not-ours",
        "a release of that name was not made by acksm",
        "Another person or tool (Argo CD, Flux, helm by hand) manages it.",
        "acksm install --adopt-release   (takes it over with its values), or remove it there first",
        _R,
    ),
    Entry(
        "release-busy",
        "another helm works on the release",
        "Its last operation is pending and younger than five minutes, so its helm may still run. It is no helm of an "
        "acksm that was killed on this machine: that one is waited for.",
        "wait for it, or run the same command again in five minutes",
        _R,
    ),
    Entry(
        "namespace-missing",
        "a namespace to watch does not exist",
        "In namespace scope the chart puts a Role into each watched namespace, so they must be there first.",
        "acksm install … --create-namespace",
        ExitCode.CHECK_FAILED,
    ),
    Entry(
        "namespace-terminating",
        "the namespace is being deleted",
        "Nothing can be created in it any more; an object with a finalizer holds it.",
        "kubectl get namespace NAME -o yaml",
        _R,
    ),
    Entry(
        "no-nodes",
        "the cluster has no node that could run a pod",
        "There is no ready, schedulable node and no Fargate profile that would take the controller's namespace.",
        "eksctl create nodegroup --cluster NAME   (or a Fargate profile for ack-system)",
    ),
    Entry(
        "adopted-resources-left",
        "AdoptedResource objects would be stuck after this upgrade",
        "From sagemaker 1.5.1 and applicationautoscaling 1.1.2 on no controller removes their finalizer, so they, "
        "their CRD and their namespace could never be deleted "
        "(docs/ack/adoption.md#adoptedresource-removal). Deleting one does not delete "
        "what it adopted.",
        "kubectl delete adoptedresources.services.k8s.aws --all -A   (while the old controller runs)",
        _R,
    ),
    Entry(
        "pod-failing",
        "the controller's pod does not start",
        "The pod's own reason and its last log lines are told.",
        "kubectl -n ack-system describe pods",
        _S,
    ),
    Entry(
        "pod-identity-missing",
        "the pod has no AWS identity from the role",
        "The service account has the annotation but the pod lacks AWS_ROLE_ARN or AWS_WEB_IDENTITY_TOKEN_FILE: EKS's "
        'pod identity webhook did not see it. Ready alone would mean "some identity works", perhaps the node\'s.',
        "kubectl -n ack-system rollout restart deployment",
        _S,
    ),
    Entry("crds.create", "a CRD is created", "The chart has a kind that the cluster does not serve.", "", ExitCode.OK),
    Entry("crds.update", "a CRD is updated", "The chart's CRD differs from the served one.", "", ExitCode.OK),
    Entry("crds.established", "the CRDs are served", "The apiserver has accepted them.", "", ExitCode.OK),
    Entry(
        "namespace.create", "a namespace is created", "The controllers' namespace or a watched one.", "", ExitCode.OK
    ),
    Entry("release.install", "a controller is installed", "The release is not there.", "", ExitCode.OK),
    Entry(
        "release.upgrade",
        "a release is changed",
        "Its chart or its values differ from what is wanted.",
        "",
        ExitCode.OK,
    ),
    Entry(
        "release.recover",
        "a half-made release is put right",
        "helm was killed in an operation; until that is put right every helm upgrade fails.",
        "",
        ExitCode.OK,
    ),
    Entry(
        "release.restart",
        "the controller is restarted",
        "A pod gets AWS_ROLE_ARN when it is made; a role that changed later needs a new pod.",
        "",
        ExitCode.OK,
    ),
    Entry("release.ready", "the controller runs", "Deployment Available, identity in the pod.", "", ExitCode.OK),
)
