"""Ids of regions, of bindings of namespaces, and of what a controller reads of them."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R, _U, _OK = ExitCode.REFUSED, ExitCode.USAGE, ExitCode.OK

_MATRIX = (
    Entry(
        "annotations-ignored",
        "a controller that watches one namespace reads no annotation of it",
        "From sagemaker 0.0.4 on, a controller that watches a single namespace does not run the cache of namespaces: "
        "owner account, default region, deletion policy and endpoint are silently ignored, and objects are made in the "
        "controller's own account and region (docs/ack/accounts-and-regions.md#scope).",
        "acksm install … --scope cluster   (or, from sagemaker 1.2.7 on, --watch-namespace with two or more)",
        _R,
    ),
    Entry(
        "carm-disabled",
        "enableCARM is false, so annotations of namespaces are not read",
        "With it off all four annotations of a namespace are ignored, and objects are made in the controller's own "
        "account and region (docs/ack/accounts-and-regions.md#scope).",
        "acksm install … --set enableCARM=true",
        _R,
    ),
    Entry(
        "mode-is-role-selector",
        "the controller works by IAMRoleSelector, so accounts on namespaces are not read",
        "With the gate IAMRoleSelector on, enableCARM is off: map and annotation do nothing, selectors decide.",
        "acksm carm bind … --mode role-selector",
        _R,
    ),
    Entry(
        "selector-needs-carm-off",
        "the gate IAMRoleSelector does not go with enableCARM: the controller would not start",
        "It exits with \"cannot enable feature gate 'IAMRoleSelector' when flag 'enable-carm' is set to true\"; the "
        "official page sets the gate alone (docs/ack/accounts-and-regions.md#scope).",
        "acksm install … --mode role-selector",
        _R,
    ),
    Entry(
        "selector-scope",
        "IAMRoleSelectors need cluster scope",
        "The kind is cluster-wide, and in namespace scope the chart gives the controller no right to list it "
        "(docs/ack/accounts-and-regions.md#scope).",
        "acksm install … --scope cluster",
        _R,
    ),
    Entry(
        "mode-mixed",
        "the controllers work in different modes",
        "One has the gate IAMRoleSelector on and another not; a binding would hold for one of them only.",
        "acksm install … --mode carm",
        _R,
    ),
    Entry(
        "mode-differs",
        "the controllers work in another mode than asked for",
        "The mode is a matter of the installed release: gate IAMRoleSelector and enableCARM.",
        "acksm install … --mode MODE",
        _R,
    ),
    Entry(
        "mode-unsupported",
        "this version has no IAMRoleSelector",
        "It came with sagemaker 1.5.1 and applicationautoscaling 1.1.2.",
        "acksm install … --version SERVICE=latest",
        _R,
    ),
    Entry(
        "bindings-would-be-ignored",
        "bound namespaces would silently lose their region or account",
        "The scope or the values asked for make a controller that does not read annotations of namespaces, and there "
        "are namespaces with such annotations: their next objects would be made in the controller's own account and "
        "region (docs/ack/accounts-and-regions.md#scope).",
        "keep a scope that reads them (--scope cluster), or unbind them: acksm carm unbind, acksm region unbind",
        _R,
    ),
    Entry(
        "objects-would-be-lost",
        "objects of another account would be cut off",
        "A controller that does not follow the binding looks for them in its own account, does not find them and makes "
        "them anew there, or never deletes them (docs/ack/accounts-and-regions.md#scope).",
        "delete these objects first, with the controller as it is, or keep the values",
        _R,
    ),
)
_BINDINGS = (
    Entry(
        "controllers-missing",
        "no controller is installed",
        "A binding is followed by the controllers, and what they do with it depends on their version and scope.",
        "acksm install …",
    ),
    Entry(
        "bindings-none",
        "nothing says which namespaces are meant",
        "Neither the command line nor acksm.yaml names one.",
        "acksm carm bind NAMESPACE --account ID   (or -f FILE with namespaces)",
        _U,
    ),
    Entry(
        "binding-not-watched",
        "no controller watches the namespace",
        "In namespace scope nothing happens to objects of other namespaces.",
        "acksm install … --scope cluster   (or --watch-namespace with that one too)",
        _R,
    ),
    Entry(
        "binding-namespace-missing",
        "the namespace does not exist",
        "A typing error, or it is to be made.",
        "run it again with --create-namespace",
    ),
    Entry(
        "binding-managed",
        "another tool keeps what would be changed",
        "The key's field manager is a tool that would put it back.",
        "change it there, or take the key out of what that tool applies",
        _R,
    ),
    Entry(
        "namespace-name",
        "not a name of a namespace",
        "Lower-case letters, digits and '-', at most 63.",
        "kubectl get namespaces",
        _U,
    ),
    Entry(
        "namespace-ignored",
        "the controllers read no annotation of this namespace",
        "kube-system, kube-public and kube-node-lease are left out by the runtime "
        "(docs/ack/accounts-and-regions.md#annotations).",
        "use another namespace",
        _R,
    ),
    Entry(
        "kube-key-changed",
        "somebody changed the same key meanwhile",
        "Between the look and the write the key became something else than either; nobody's value is overwritten.",
        "run the same command again",
        ExitCode.STEP_FAILED,
    ),
    Entry("region-unknown", "no such region", "A typing error, or another partition.", "aws ec2 describe-regions", _U),
    Entry(
        "region-no-service",
        "the service is not in that region",
        "botocore's table of the partition does not have it there.",
        "acksm region bind NAMESPACE ANOTHER_REGION",
        _R,
    ),
    Entry(
        "region-objects-move",
        "objects would be made a second time in the other region",
        "Controllers before sagemaker 0.3.1 do not write an object's region into its status, so the namespace's "
        "region decides for objects that exist as well.",
        "acksm install … with a newer version, or use another namespace",
        _R,
    ),
    Entry(
        "region-objects-stuck",
        "the controller would work no more on objects that live in the namespace",
        "From sagemaker 1.5.1 on, an object whose recorded region is not the one that its own annotation, its "
        "namespace or the controller asks for is not reconciled any more and not deleted either; it is told only in "
        "the controller's log. An annotation of its own keeps it where it is (runtime, reconciler.go, regionDrifted).",
        "kubectl annotate KIND NAME -n NAMESPACE services.k8s.aws/region=REGION_IT_IS_IN   (each), then again",
        _R,
    ),
    Entry(
        "region-annotation-ignored",
        "services.k8s.aws/region does nothing on a namespace",
        "It counts on objects; two pages of the official documentation say otherwise "
        "(docs/ack/accounts-and-regions.md#annotations).",
        "acksm region bind NAMESPACE REGION",
    ),
    Entry(
        "kind-unknown",
        "the cluster serves no such kind",
        "A typing error, or a CRD that is not installed.",
        "kubectl api-resources --api-group sagemaker.services.k8s.aws",
        _U,
    ),
    Entry(
        "object-missing",
        "there is no such object",
        "A typing error, or another namespace.",
        "kubectl get KIND -n NAMESPACE",
    ),
    Entry("region.bind", "a namespace gets a default region", "Its annotation says another, or none.", "", _OK),
    Entry("region.unbind", "a namespace loses its default region", "It was asked for.", "", _OK),
)

ENTRIES = (*_MATRIX, *_BINDINGS)
