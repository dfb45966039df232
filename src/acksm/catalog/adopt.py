"""Ids of adoption: objects that exist in AWS become objects of the cluster."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R, _U, _S, _OK = ExitCode.REFUSED, ExitCode.USAGE, ExitCode.STEP_FAILED, ExitCode.OK

_ASKED = (
    Entry(
        "adopt-nothing",
        "nothing says what is to be adopted",
        "An object is named by kind and name or ARN, declared in a file under `adopt:`, or looked for.",
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
        "not enough to find the object by",
        "The controller finds each kind by fields of its own (docs/ack/kinds.md); a user profile needs its domain, a "
        "scaling policy what it scales.",
        "acksm adopt UserProfile d-123/alice   (or --field KEY=VALUE for each)",
        _U,
    ),
    Entry(
        "adopt-field",
        "the kind has no such adoption field",
        "A field that the controller does not know is passed over, and the one that it needs is missing.",
        "name one of those told",
        _U,
    ),
    Entry(
        "adopt-wrong-group",
        "the manifest is of a group that acksm does not adopt",
        "acksm knows the kinds of sagemaker.services.k8s.aws and applicationautoscaling.services.k8s.aws; an object of "
        "another group is adopted by another controller, or by none.",
        "take it out of the file",
        _U,
    ),
    Entry(
        "adopt-twice", "one thing is asked for twice", "Two objects would manage it, or have one name.", "leave one", _U
    ),
    Entry(
        "adopt-name",
        "not a name that an object can have",
        "Lower-case letters, digits, '-' and '.', at most 253.",
        "acksm adopt … --as NAME",
        _U,
    ),
    Entry(
        "adopt-ambiguous",
        "the name fits more than one object in AWS",
        "A field that may be left out tells them apart.",
        "acksm adopt … --field scalableDimension=…",
        _U,
    ),
)
_CLUSTER = (
    Entry(
        "adopt-off",
        "adoption is off in the installed version",
        "Before sagemaker 1.2.14 objects are adopted by AdoptedResource objects, from there to 1.3.3 by annotations "
        "behind the feature gate ResourceAdoption, from 1.4.0 on by annotations; 1.5.1 ended AdoptedResource "
        "(docs/ack/adoption.md). What is written in the wrong way is passed over in silence.",
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
        "the controller does not work on this kind",
        "Its value reconcile.resources is a list of kinds, and this one is not in it: an upgrade that reused old "
        "values keeps the old list (docs/ack/versions.md#reused-values).",
        "acksm install --set reconcile.resources=[]",
        _R,
    ),
    Entry(
        "adopt-not-watched",
        "no controller watches the namespace",
        "An object in it would lie there for ever.",
        "acksm install --scope namespace --watch-namespace …   (or --scope cluster)",
        _R,
    ),
    Entry(
        "adopt-two-controllers",
        "two controllers watch the namespace",
        "Both would work on the object, perhaps with different roles and regions.",
        "give each namespace one controller: acksm status",
        _R,
    ),
    Entry(
        "adopt-selector",
        "the controller watches objects with certain labels only",
        "Its value watchSelectors is more than labels with values: acksm cannot give the object what it asks for.",
        "acksm adopt … --print   (then add the labels)",
        _R,
    ),
    Entry(
        "adopt-selectors",
        "several IAMRoleSelectors match the object",
        "The controller does nothing then, and says so only in its log: multiple matching IAMRoleSelectors found "
        "(docs/ack/accounts-and-regions.md#role-selectors).",
        "kubectl get iamroleselectors -o yaml",
        _R,
    ),
    Entry(
        "adopt-account-unmapped",
        "the namespace's account has no role",
        "The controller waits for an entry in its role map, or takes its own role, by version "
        "(docs/ack/accounts-and-regions.md#role-map).",
        "acksm carm bind NAMESPACE --account ACCOUNT",
        _R,
    ),
    Entry(
        "adopt-managed",
        "another object manages it already",
        "The controllers do not look, and two objects that manage one thing change it in turn (community#843).",
        "kubectl get KIND NAME -n NAMESPACE",
        _R,
    ),
    Entry(
        "adopt-name-taken",
        "an object of that name is there, and is not this one",
        "It manages something else, or it failed because what it describes exists in AWS already.",
        "acksm adopt … --as ANOTHER_NAME   (or delete it, when it manages nothing)",
        _R,
    ),
    Entry(
        "adopt-read-only",
        "this version does not know read-only objects, or its gate is off",
        "The mark would be passed over, and the object be changed like any other.",
        "acksm install --set featureGates.ReadOnlyResources=true   (from sagemaker 1.2.14 on)",
        _R,
    ),
)
_AWS = (
    Entry(
        "adopt-not-in-aws",
        "AWS has no such object",
        "It was looked for where the controller would look: in the region and account of the namespace. The controller "
        "itself would say so only in its log (community#3005).",
        "acksm adopt --discover --kind KIND   (or --region REGION)",
    ),
    Entry(
        "adopt-other-account",
        "the ARN is of another account",
        "Objects of a namespace are in one account: that of the controllers, or the one it is bound to.",
        "acksm carm bind NAMESPACE --account ACCOUNT",
        _R,
    ),
    Entry(
        "adopt-other-region",
        "the ARN is of another region",
        "Without --region an object is in the region of its namespace.",
        "acksm adopt … --region REGION",
        _R,
    ),
    Entry(
        "adopt-account-unreachable",
        "the other account cannot be looked at",
        "Whether the object exists has to be known before it is adopted; the controllers' role is for the controllers.",
        "acksm adopt … --target-profile PROFILE   (or --target-role-arn ARN)",
    ),
    Entry("adopt-deleting", "the object is being deleted in AWS", "It will be gone.", "wait, or take another", _R),
)
_WAIT = (
    Entry(
        "adopt-terminal",
        "the controller has given up on the object",
        "Its condition ACK.Terminal says why.",
        "kubectl describe KIND NAME -n NAMESPACE",
        _S,
    ),
    Entry(
        "adopt-failing",
        "the controller does not get the object adopted",
        "Its conditions or the controller's log say why; it goes on trying.",
        "acksm carm verify NAMESPACE   (access); kubectl describe KIND NAME -n NAMESPACE",
        _S,
    ),
    Entry(
        "adopt-not-found-there",
        "the controller does not find the object where it looks",
        "acksm found it with the caller's credentials. The controller looks in another region or account: by a role, "
        "an endpoint or an annotation that changed meanwhile. It says so only in its log (community#3005).",
        "acksm region explain KIND/NAME -n NAMESPACE",
        _S,
    ),
    Entry(
        "adopt-drift",
        "the object is bound to another region or account than the controller's",
        "An object does not move; this reaches the log only (docs/ack/accounts-and-regions.md#drift).",
        "acksm region explain KIND/NAME -n NAMESPACE",
        _S,
    ),
    Entry(
        "adopt-not-adoptable",
        "this controller does not adopt the kind",
        "Its version knows the kind and cannot adopt it, or does not know it (community#1581, community#2396).",
        "acksm install --version sagemaker=latest",
        _S,
    ),
    Entry("adopt.create", "an object is made that adopts", "Nothing in the cluster manages it yet.", "", _OK),
    Entry(
        "adopt.update",
        "deletion policy or read-only mark of an adopted object changes",
        "It is asked for otherwise than before.",
        "",
        _OK,
    ),
    Entry(
        "adopt.renew",
        "an object that was not adopted is made anew",
        "The controller looks at what it could not adopt ever more rarely, up to a quarter of an hour apart; nothing "
        "in AWS hangs on an object that is not adopted.",
        "",
        _OK,
    ),
    Entry(
        "adopt.await",
        "adoptions are waited for",
        "By the objects' conditions, and by the controllers' logs where they stay silent.",
        "",
        _OK,
    ),
)
ENTRIES = (*_ASKED, *_CLUSTER, *_AWS, *_WAIT)
