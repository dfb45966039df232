"""Ids of regions, of bindings of namespaces, and of what a controller reads of them."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R, _U, _OK = ExitCode.REFUSED, ExitCode.USAGE, ExitCode.OK

_MATRIX = (
    Entry(
        "annotations-ignored",
        "with a single watched namespace the controller ignores namespace annotations",
        "From sagemaker 0.0.4 on, a controller that watches a single namespace does not cache namespaces: owner "
        "account, default region, deletion policy and endpoint are silently ignored, and objects are created in the "
        "controller's own account and region (docs/ack/accounts-and-regions.md#scope).",
        "acksm install --scope cluster   (or, from sagemaker 1.2.7 on, --add-watch-namespace NAMESPACE)",
        _R,
    ),
    Entry(
        "carm-disabled",
        "enableCARM is false, so namespace annotations are ignored",
        "All four annotations of a namespace are ignored then, and objects are created in the controller's own "
        "account and region (docs/ack/accounts-and-regions.md#scope).",
        "acksm install … --set enableCARM=true",
        _R,
    ),
    Entry(
        "mode-is-role-selector",
        "the controller uses IAMRoleSelectors, so account annotations are ignored",
        "With the feature gate IAMRoleSelector on, enableCARM is off: the account map and the annotations have no "
        "effect.",
        "acksm carm bind NAMESPACE --target-account ID",
        _R,
    ),
    Entry(
        "selector-needs-carm-off",
        "the feature gate IAMRoleSelector conflicts with enableCARM",
        "The controller would exit with \"cannot enable feature gate 'IAMRoleSelector' when flag 'enable-carm' is set "
        "to true\"; ACK's own page sets only the gate (docs/ack/accounts-and-regions.md#scope).",
        "acksm install … --mode role-selector",
        _R,
    ),
    Entry(
        "selector-scope",
        "IAMRoleSelectors need cluster scope",
        "The kind is cluster-scoped, and in namespace scope the chart does not allow the controller to list it "
        "(docs/ack/accounts-and-regions.md#scope).",
        "acksm install … --scope cluster",
        _R,
    ),
    Entry(
        "mode-mixed",
        "the controllers run in different modes",
        "The feature gate IAMRoleSelector is on in one and off in another, so a binding would apply to one of them "
        "only.",
        "acksm install … --mode carm",
        _R,
    ),
    Entry(
        "mode-differs",
        "the controllers run in another mode than requested",
        "The mode is set by the installed release: feature gate IAMRoleSelector and enableCARM.",
        "acksm install … --mode MODE",
        _R,
    ),
    Entry(
        "mode-unsupported",
        "this version does not support IAMRoleSelector",
        "Supported from sagemaker 1.5.1 and applicationautoscaling 1.1.2 on.",
        "acksm install … --version SERVICE=latest",
        _R,
    ),
    Entry(
        "bindings-would-be-ignored",
        "bound namespaces would silently lose their region or account",
        "With the requested scope or values the controller ignores namespace annotations, and there are namespaces "
        "with such annotations: their next objects would be created in the controller's own account and region "
        "(docs/ack/accounts-and-regions.md#scope).",
        "keep a scope that reads them (--scope cluster), or unbind them: acksm carm unbind, acksm region unbind",
        _R,
    ),
    Entry(
        "objects-would-be-lost",
        "objects of another account would no longer be reconciled",
        "A controller that ignores the binding searches for them in its own account, does not find them, and creates "
        "them there again or never deletes them (docs/ack/accounts-and-regions.md#scope).",
        "delete these objects first, with the controller as it is, or keep the values",
        _R,
    ),
)
_BINDINGS = (
    Entry(
        "controllers-missing",
        "no controller is installed",
        "The controllers read the bindings, and what a binding does depends on their version and scope.",
        "acksm install",
    ),
    Entry(
        "bindings-none",
        "no namespace given",
        "Neither the command line nor acksm.yaml has one.",
        "acksm carm bind NAMESPACE --target-account ID   (or -f FILE with namespaces)",
        _U,
    ),
    Entry(
        "binding-not-watched",
        "no controller watches the namespace",
        "In namespace scope objects of other namespaces are ignored.",
        "acksm install --add-watch-namespace NAMESPACE   (or --scope cluster)",
        _R,
    ),
    Entry(
        "binding-namespace-missing",
        "the namespace does not exist",
        "The name is misspelt, or the namespace was not created yet.",
        "acksm … --create-namespace",
    ),
    Entry(
        "object-namespace-missing",
        "the namespace of the object does not exist",
        "The name is misspelt, or the namespace was not created yet.",
        "acksm … --create-namespace",
    ),
    Entry(
        "binding-managed",
        "another tool manages what would be changed",
        "The field manager of the key is a tool that would restore its own value.",
        "change it there, or remove the key from what that tool applies",
        _R,
    ),
    Entry(
        "namespace-name",
        "invalid namespace name",
        "Lower-case letters, digits and '-', at most 63 characters.",
        "kubectl get namespaces",
        _U,
    ),
    Entry(
        "namespace-ignored",
        "the controllers ignore annotations of this namespace",
        "ACK's runtime skips kube-system, kube-public and kube-node-lease "
        "(docs/ack/accounts-and-regions.md#annotations).",
        "use another namespace",
        _R,
    ),
    Entry(
        "kube-key-changed",
        "another user or tool changed the same key",
        "The key has a value now that acksm neither read nor meant to write; it is not overwritten.",
        "acksm …   (again)",
        ExitCode.STEP_FAILED,
    ),
    Entry(
        "region-unknown",
        "no such region",
        "The name is misspelt, or the region is in another partition. A region that is newer than the installed "
        "botocore is not in its table: pip install --upgrade botocore.",
        "aws ec2 describe-regions",
        _U,
    ),
    Entry(
        "region-no-service",
        "the service is not available in that region",
        "According to botocore's table of regions.",
        "acksm region bind NAMESPACE ANOTHER_REGION",
        _R,
    ),
    Entry(
        "region-objects-move",
        "objects would be created again in the other region",
        "Controllers before sagemaker 0.3.1 do not record an object's region in its status, so the namespace's region "
        "applies to existing objects too.",
        "acksm upgrade   (or use another namespace)",
        _R,
    ),
    Entry(
        "region-objects-stuck",
        "the controller would stop reconciling existing objects of the namespace",
        "From sagemaker 1.5.1 on, an object whose recorded region differs from its annotation, its namespace's or the "
        "controller's region is neither reconciled nor deleted, which only the controller's log reports. An "
        "annotation on the object keeps it in its region (docs/ack/accounts-and-regions.md#drift).",
        "kubectl annotate KIND NAME -n NAMESPACE services.k8s.aws/region=REGION_IT_IS_IN   (each), then again",
        _R,
    ),
    Entry(
        "region-annotation-ignored",
        "services.k8s.aws/region has no effect on a namespace",
        "It has an effect on objects only; two pages of ACK's documentation say otherwise "
        "(docs/ack/accounts-and-regions.md#annotations).",
        "acksm region bind NAMESPACE REGION",
    ),
    Entry(
        "kind-unknown",
        "the cluster serves no such kind",
        "The name is misspelt, or the CRD is not installed.",
        "kubectl api-resources --api-group sagemaker.services.k8s.aws",
        _U,
    ),
    Entry(
        "object-missing",
        "object not found",
        "The name is misspelt, or the object is in another namespace.",
        "kubectl get KIND -n NAMESPACE",
    ),
    Entry("region.bind", "a namespace is bound to a region", "Its annotation is missing or differs.", "", _OK),
    Entry("region.unbind", "a namespace is unbound from its region", "The command requests it.", "", _OK),
)

ENTRIES = (*_MATRIX, *_BINDINGS)
