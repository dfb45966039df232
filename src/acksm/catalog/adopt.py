"""Ids of adoption: existing AWS resources become managed by objects of the cluster."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R, _U, _S, _OK = ExitCode.REFUSED, ExitCode.USAGE, ExitCode.STEP_FAILED, ExitCode.OK

_ASKED = (
    Entry(
        "adopt-nothing",
        "nothing to adopt",
        "Give kind and name or ARN, a file with an `adopt:` section, or --discover.",
        "acksm adopt KIND NAME   (or -f FILE, or --discover)",
        _U,
    ),
    Entry(
        "adopt-arn",
        "not an ARN of this kind",
        "An ARN is arn:PARTITION:SERVICE:REGION:ACCOUNT:TYPE/NAME, and its TYPE has to be the kind's.",
        "aws sagemaker describe-… --query '*Arn'",
        _U,
    ),
    Entry(
        "adopt-key",
        "not enough fields to find the AWS resource",
        "The controller finds each kind by its own fields (docs/ack/kinds.md): a user profile also by its domain, a "
        "scaling policy by the resource that it scales.",
        "acksm adopt UserProfile d-123/alice   (or --field KEY=VALUE for each)",
        _U,
    ),
    Entry(
        "adopt-field",
        "the kind has no such adoption field",
        "The controller ignores a field that it does not know, and the one that it needs is missing.",
        "use one of the fields in the message",
        _U,
    ),
    Entry(
        "adopt-wrong-group",
        "acksm does not adopt objects of this API group",
        "It adopts the kinds of sagemaker.services.k8s.aws and applicationautoscaling.services.k8s.aws; other groups "
        "have other controllers, or none.",
        "remove it from the file",
        _U,
    ),
    Entry(
        "adopt-twice",
        "one AWS resource or name is requested twice",
        "Two objects would manage the same resource, or have the same name.",
        "remove one of them",
        _U,
    ),
    Entry(
        "adopt-name",
        "invalid object name",
        "Lower-case letters, digits, '-' and '.', at most 253 characters.",
        "acksm adopt … --as NAME",
        _U,
    ),
    Entry(
        "adopt-ambiguous",
        "the name matches several AWS resources",
        "An optional field distinguishes them.",
        "acksm adopt … --field scalableDimension=…",
        _U,
    ),
)
_CLUSTER = (
    Entry(
        "adopt-off",
        "adoption is off in the installed version",
        "Before sagemaker 1.2.14 resources are adopted by AdoptedResource objects, from there to 1.3.3 by annotations "
        "behind the feature gate ResourceAdoption, from 1.4.0 on by annotations; 1.5.1 removed AdoptedResource "
        "(docs/ack/adoption.md). A request in another form is silently ignored.",
        "acksm install --set featureGates.ResourceAdoption=true",
        _R,
    ),
    Entry(
        "adopt-kind-not-served",
        "the cluster does not serve this kind",
        "The installed chart is older than the kind, or its CRD was deleted.",
        "acksm install --version sagemaker=VERSION",
    ),
    Entry(
        "adopt-kind-off",
        "the controller does not reconcile this kind",
        "The value reconcile.resources is a list of kinds without this one: an upgrade that reused old values keeps "
        "the old list (docs/ack/versions.md#reused-values).",
        "acksm install --set reconcile.resources=[]",
        _R,
    ),
    Entry(
        "adopt-not-watched",
        "no controller watches the namespace",
        "An object in it would never be reconciled.",
        "acksm install --add-watch-namespace NAMESPACE   (or --scope cluster)",
        _R,
    ),
    Entry(
        "adopt-two-controllers",
        "two controllers watch the namespace",
        "Both would reconcile the object, possibly with different roles and regions.",
        "acksm status   (which controllers there are; give each namespace one)",
        _R,
    ),
    Entry(
        "adopt-selector",
        "the controller watches only objects with certain labels",
        "Its value watchSelectors is not only labels with values, so acksm cannot add what it requires to the object.",
        "acksm adopt … --print   (then add the labels)",
        _R,
    ),
    Entry(
        "adopt-selectors",
        "several IAMRoleSelectors match the object",
        "The controller then does not reconcile it, which only its log reports: multiple matching IAMRoleSelectors "
        "found (docs/ack/accounts-and-regions.md#role-selectors).",
        "kubectl get iamroleselectors -o yaml",
        _R,
    ),
    Entry(
        "adopt-account-unmapped",
        "the namespace's account has no role",
        "Depending on its version, the controller waits for an entry in its account map or uses its own role "
        "(docs/ack/accounts-and-regions.md#role-map).",
        "acksm carm bind NAMESPACE --target-account ACCOUNT",
        _R,
    ),
    Entry(
        "adopt-managed",
        "another object already manages the AWS resource",
        "The controllers do not check this, and two objects that manage one resource overwrite each other's changes "
        "(community#843).",
        "kubectl get KIND NAME -n NAMESPACE",
        _R,
    ),
    Entry(
        "adopt-name-taken",
        "a different object of that name exists",
        "It manages another AWS resource, or it failed because the resource that it describes already exists in AWS.",
        "acksm adopt … --as ANOTHER_NAME   (or delete the object, if it manages nothing)",
        _R,
    ),
    Entry(
        "adopt-read-only",
        "this version does not support read-only objects, or the feature gate is off",
        "The annotation would be ignored, and the AWS resource be changed like any other.",
        "acksm install --set featureGates.ReadOnlyResources=true   (from sagemaker 1.2.14 on)",
        _R,
    ),
)
_AWS = (
    Entry(
        "adopt-not-in-aws",
        "the AWS resource was not found",
        "acksm searched where the controller would: in the region and account of the namespace. The controller itself "
        "would report it only in its log (community#3005).",
        "acksm adopt --discover --kind KIND   (or --object-region REGION)",
    ),
    Entry(
        "adopt-other-account",
        "the ARN is of another account",
        "All AWS resources of a namespace are in one account: the controllers' own, or the one it is bound to.",
        "acksm carm bind NAMESPACE --target-account ACCOUNT",
        _R,
    ),
    Entry(
        "adopt-other-region",
        "the ARN is of another region",
        "Without --region the region of the namespace is used.",
        "acksm adopt … --object-region REGION",
        _R,
    ),
    Entry(
        "adopt-account-unreachable",
        "no access to the target account",
        "acksm verifies that the AWS resource exists before it is adopted, and it does not use the controllers' role "
        "for that.",
        "acksm adopt … --target-profile PROFILE   (or --target-role-arn ARN)",
    ),
    Entry(
        "adopt-deleting",
        "the AWS resource is being deleted",
        "It will soon not exist any more.",
        "acksm …   (again, once it is deleted; or another one)",
        _R,
    ),
)
_WAIT = (
    Entry(
        "adopt-terminal",
        "the controller reports a terminal error",
        "Condition ACK.Terminal has the reason.",
        "kubectl describe KIND NAME -n NAMESPACE",
        _S,
    ),
    Entry(
        "adopt-failing",
        "the controller keeps failing to adopt the AWS resource",
        "The conditions or the controller's log have the reason; the controller keeps retrying.",
        "acksm carm verify NAMESPACE   (access); kubectl describe KIND NAME -n NAMESPACE",
        _S,
    ),
    Entry(
        "adopt-not-found-there",
        "the controller does not find the AWS resource",
        "acksm found it with the caller's credentials. The controller uses another region or account, because of a "
        "role, an endpoint, or an annotation that was changed since. Only its log reports this (community#3005).",
        "acksm region explain KIND/NAME -n NAMESPACE",
        _S,
    ),
    Entry(
        "adopt-other-resource",
        "the controller adopted another AWS resource",
        "Some releases find a scaling policy by the resource that it scales alone, and take the first of several. The "
        "object's status has the ARN of the other one.",
        "kubectl delete KIND NAME -n NAMESPACE   (deletion-policy retain keeps the AWS resource), then acksm upgrade",
        _S,
    ),
    Entry(
        "adopt-drift",
        "the object is in another region or account than the controller uses",
        "An object cannot move; only the log reports this (docs/ack/accounts-and-regions.md#drift).",
        "acksm region explain KIND/NAME -n NAMESPACE",
        _S,
    ),
    Entry(
        "adopt-not-adoptable",
        "this controller does not adopt the kind",
        "Its version does not support adoption of the kind, or does not know it (community#1581, community#2396).",
        "acksm install --version sagemaker=latest",
        _S,
    ),
    Entry("adopt.create", "an object that adopts is created", "No object manages the AWS resource.", "", _OK),
    Entry(
        "adopt.update",
        "deletion policy or read-only of an adopted object is updated",
        "The request differs from before.",
        "",
        _OK,
    ),
    Entry(
        "adopt.renew",
        "an object that was not adopted is recreated",
        "The controller retries a failed adoption at growing intervals of up to 15 minutes; recreating the object "
        "makes it retry at once. An object that was not adopted manages nothing in AWS.",
        "",
        _OK,
    ),
    Entry(
        "adopt.await",
        "waiting for adoptions",
        "By the objects' conditions, and by the controllers' logs for what the conditions do not report.",
        "",
        _OK,
    ),
)
ENTRIES = (*_ASKED, *_CLUSTER, *_AWS, *_WAIT)
