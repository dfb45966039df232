"""Ids of other regions and other accounts: bindings of namespaces, the map, roles in both accounts, role selectors."""

from acksm.catalog import Entry
from acksm.errors import ExitCode

_R, _U, _OK = ExitCode.REFUSED, ExitCode.USAGE, ExitCode.OK

_MATRIX = (
    Entry(
        "annotations-ignored",
        "a controller that watches one namespace reads no annotation of it",
        "From sagemaker 0.0.4 on, a controller that watches a single namespace does not run the cache of namespaces: "
        "owner account, default region, deletion policy and endpoint are silently ignored, and objects are made in the "
        "controller's own account and region (ack-facts.md §2.3).",
        "acksm install … --scope cluster   (or, from sagemaker 1.2.7 on, --watch-namespace with two or more)",
        _R,
    ),
    Entry(
        "carm-disabled",
        "enableCARM is false, so annotations of namespaces are not read",
        "With it off all four annotations of a namespace are ignored, and objects are made in the controller's own "
        "account and region (ack-facts.md §2.3).",
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
        "official page sets the gate alone (ack-facts.md §2.3).",
        "acksm install … --mode role-selector",
        _R,
    ),
    Entry(
        "selector-scope",
        "IAMRoleSelectors need cluster scope",
        "The kind is cluster-wide, and in namespace scope the chart gives the controller no right to list it "
        "(ack-facts.md §2.3).",
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
        "region (ack-facts.md §2.3).",
        "keep a scope that reads them (--scope cluster), or unbind them: acksm carm unbind, acksm region unbind",
        _R,
    ),
    Entry(
        "objects-would-be-lost",
        "objects of another account would be cut off",
        "A controller that does not follow the binding looks for them in its own account, does not find them and makes "
        "them anew there, or never deletes them (ack-facts.md §2.3, enableCARM).",
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
        "kube-system, kube-public and kube-node-lease are left out by the runtime (ack-facts.md §2.1).",
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
        "It counts on objects; two pages of the official documentation say otherwise (ack-facts.md §2.1).",
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
_CARM = (
    Entry(
        "carm-account",
        "not an account id",
        "An account id has 12 digits, leading zeros included; YAML and shells lose them where it is not in quotes.",
        'acksm carm … --account "012345678901"',
        _U,
    ),
    Entry(
        "carm-team",
        "not a name for a team",
        "It is a key of a ConfigMap: letters, digits, '-', '_' and '.'.",
        "acksm carm bind NAMESPACE --team NAME --role-arn ARN",
        _U,
    ),
    Entry(
        "carm-subject",
        "an account or a team, one of them",
        "A namespace is bound to one; with both a team wins silently.",
        "acksm carm bind NAMESPACE --account ID",
        _U,
    ),
    Entry("carm-service", "no such service", "A key for one service begins with its name.", "acksm status", _U),
    Entry(
        "carm-role-arn",
        "not the ARN of an IAM role",
        "arn:PARTITION:iam::ACCOUNT:role/PATH/NAME; a session of a role (sts, assumed-role) is another thing.",
        "aws iam get-role --role-name NAME --query Role.Arn",
        _U,
    ),
    Entry(
        "carm-partition",
        "the role is of a partition that cannot be",
        "A role can be assumed only within its partition (aws, aws-cn, aws-us-gov, …).",
        "aws sts get-caller-identity --query Arn",
        _U,
    ),
    Entry(
        "carm-role-account",
        "the role is of another account than the id",
        "The account that objects are made in is the one in the role's ARN, whatever the key says (community#1246).",
        "acksm carm bind NAMESPACE --account ACCOUNT_OF_THE_ROLE --role-arn ARN",
        _U,
    ),
    Entry(
        "carm-own-account",
        "this is the account of the controllers themselves",
        "Objects are made there without any binding.",
        "acksm carm bind NAMESPACE --account ID --role-arn ARN   (for another role in the same account)",
        _U,
    ),
    Entry(
        "carm-team-role",
        "nothing says which role the team has",
        "There is no default for teams.",
        "acksm carm bind NAMESPACE --team TEAM --role-arn ARN",
        _U,
    ),
    Entry(
        "carm-entry-broken",
        "the map's entry is not a role that could be assumed",
        "It was written by hand, or is of another account.",
        "acksm carm bind NAMESPACE --account ID --role-arn ARN",
        _R,
    ),
    Entry(
        "carm-team-wins",
        "the namespace is bound to a team",
        "With the gate TeamLevelCARM on, a team's annotation wins over an account's, without a word.",
        "acksm carm unbind NAMESPACE",
        _R,
    ),
    Entry(
        "carm-objects-live",
        "objects of another account live in the namespace",
        "They do not move: the controller would look for them in the wrong account, make them anew there or never "
        "delete them (ack-facts.md §2.3).",
        "delete these objects first (deletion-policy retain keeps what is in AWS), or use another namespace",
        _R,
    ),
    Entry(
        "carm-gate-off",
        "a feature gate is off, so the key would not be looked at",
        "Keys for single services need ServiceLevelCARM, teams need TeamLevelCARM; both are off by default.",
        "acksm install … --set featureGates.GATE=true",
        _R,
    ),
    Entry(
        "carm-gate-unsupported",
        "this version has no keys for services and teams",
        "They came with sagemaker 1.2.13 and applicationautoscaling 1.0.17.",
        "acksm install … --version SERVICE=latest",
        _R,
    ),
    Entry(
        "carm-controller-role",
        "the controllers have no role that another account could trust",
        "Their service account names none, or the role is not there, or it is of another account than the cluster's.",
        "acksm install …",
    ),
    Entry(
        "carm-target-access",
        "nothing says how the other account is reached",
        "One of three: a profile, a role to assume, or a print-out for its administrator.",
        "acksm carm setup --target-account ID --target-profile PROFILE   (or --target-role-arn ARN, or --print)",
        _U,
    ),
    Entry(
        "carm-target-account",
        "the credentials are of a third account",
        "The role would be made in the wrong account.",
        "acksm carm setup --target-account ID --target-profile PROFILE_OF_THAT_ACCOUNT",
        _R,
    ),
    Entry(
        "carm-role-not-ours",
        "a role of that name is in the other account, and acksm did not make it for this cluster",
        "Its tags do not mark it as acksm's for this cluster. Changing the trust of somebody's role could let somebody "
        "else's controllers in, or lock out what uses it.",
        "acksm carm setup … --target-role-name OTHER   (or --adopt-role; nothing of its owner's is removed)",
        _R,
    ),
    Entry(
        "carm-external-id",
        "the role's trust asks for an external id",
        "ACK's controllers call AssumeRole without an ExternalId and cannot be told to send one (community#2175), so "
        "a trust that asks for it never lets them in, whatever the documentation says.",
        "take the sts:ExternalId condition out of the role's trust, or use another: --target-role-name OTHER",
        _R,
    ),
    Entry(
        "carm-policy-too-long",
        "the controllers' role has no room for another role's ARN",
        'All inline policies of a role together may have 10,240 characters; acksm never writes "*" in their place.',
        "use shorter --target-role-name, or a role of its own for some clusters",
        _R,
    ),
    Entry(
        "selector-overlap",
        "two IAMRoleSelectors match the same objects",
        'The controller then works on none of them and says so only in its log: "multiple matching IAMRoleSelectors '
        'found" (ack-facts.md §2.4).',
        "kubectl get iamroleselectors.services.k8s.aws   (change or delete the other one)",
        _R,
    ),
    Entry(
        "selector-team",
        "role selectors know no teams",
        "A selector names a role and the namespaces that it is for.",
        "acksm carm bind NAMESPACE --account ID --role-arn ARN",
        _U,
    ),
    Entry("carm.map", "an entry of the map is written", "The controllers find the account's role there.", "", _OK),
    Entry("carm.bind", "a namespace is bound to an account or team", "Its annotation says another, or none.", "", _OK),
    Entry("carm.unbind", "a namespace is bound to nobody any more", "It was asked for.", "", _OK),
    Entry("carm.release", "an entry of the map is taken away", "No namespace uses it.", "", _OK),
    Entry("carm.map-empty", "an empty map is deleted", "acksm made it.", "", _OK),
    Entry("carm.confirm", "the map is looked at again", "Somebody may have unbound the last other user.", "", _OK),
    Entry(
        "carm.restart",
        "a controller is restarted after a change of the map",
        "Before sagemaker 1.2.13 it keeps the first role it saw for an account (community#2088).",
        "",
        _OK,
    ),
    Entry("carm.policy", "the controllers' role may assume a role", "The inline policy lacks its ARN.", "", _OK),
    Entry("selector.create", "an IAMRoleSelector is made", "The namespace has none of that role.", "", _OK),
    Entry("selector.delete", "an IAMRoleSelector is deleted", "Another role, or none, is wanted.", "", _OK),
    Entry("selector.confirm", "selectors are looked at again", "Somebody may have made another.", "", _OK),
)
_LINKS = (
    Entry(
        "check.carm-annotation",
        "the namespace names its account",
        "services.k8s.aws/owner-account-id (or team-id) with an id that a map can have.",
        "acksm carm bind NAMESPACE --account ID",
    ),
    Entry(
        "check.carm-watched",
        "a controller watches the namespace",
        "In namespace scope nothing happens elsewhere.",
        "acksm install … --scope cluster",
    ),
    Entry(
        "check.carm-scope",
        "the controller follows accounts in its scope and with its values",
        "Scope, enableCARM and the gate IAMRoleSelector decide (ack-facts.md §2.3).",
        "acksm install … --scope cluster --set enableCARM=true",
    ),
    Entry(
        "check.carm-version",
        "the controller's version sees changes of the map",
        "Before sagemaker 1.2.13 and applicationautoscaling 1.0.17 a role stays as it was first seen until a restart "
        "(community#2088), and before 1.2.8 a missing entry means the controller's own role.",
        "acksm install … --version SERVICE=latest",
    ),
    Entry(
        "check.carm-controller-role",
        "the controller has a role of its own, and IAM has it",
        "The other account trusts exactly this role.",
        "acksm install …",
    ),
    Entry(
        "check.carm-endpoint",
        "the controller's endpoint is AWS's own",
        "With aws.endpoint_url set, the call for the other account's role goes there too (ack-facts.md §2.2).",
        "acksm install … --set aws.endpoint_url=",
    ),
    Entry(
        "check.carm-gate",
        "the feature gate for this key is on",
        "Without ServiceLevelCARM keys of services, without TeamLevelCARM teams are not looked at.",
        "acksm install … --set featureGates.GATE=true",
    ),
    Entry(
        "check.carm-map",
        "the map in the controller's namespace has the entry",
        'Without it objects wait with "IAM Role is not available".',
        "acksm carm bind NAMESPACE --account ID",
    ),
    Entry(
        "check.carm-map-value",
        "the map's entry is a role of that account",
        "It was edited by hand: not an ARN, of another account or partition, or with white space.",
        "acksm carm bind NAMESPACE --account ID --role-arn ARN",
    ),
    Entry(
        "check.carm-map-key",
        "the map's keys are account ids",
        "A key was written as a number: its leading zeros are gone, or it became 1.1e+11.",
        "kubectl edit configmap ack-role-account-map   (take the key away), then acksm carm bind",
    ),
    Entry(
        "check.carm-policy",
        "the controllers' role may assume the other role",
        "Across accounts both sides have to allow it; the official page leaves this one out (ack-facts.md §2.2).",
        "acksm carm setup --target-account ID …",
    ),
    Entry(
        "check.carm-role",
        "the role is in the other account",
        "It was not made yet, or deleted, or has another path.",
        "acksm carm setup --target-account ID …",
    ),
    Entry(
        "check.carm-trust",
        "the role trusts the controllers' role",
        "Its trust policy has to name that role, without a condition that the controllers do not meet. A role that was "
        "deleted and made anew is another one to IAM, though its name is the same.",
        "acksm carm setup --target-account ID …",
    ),
    Entry(
        "check.carm-external-id",
        "the role's trust asks for no external id",
        "The controllers never send one (community#2175).",
        "take the sts:ExternalId condition out of the role's trust",
    ),
    Entry(
        "check.carm-tag-session",
        "the role's trust allows sts:TagSession",
        "With EKS Pod Identity the session's tags are handed on, and the trust has to allow that too.",
        "acksm carm setup --target-account ID …",
    ),
    Entry(
        "check.carm-permissions",
        "the role has policies",
        "A role without any can be assumed and do nothing.",
        "acksm carm setup --target-account ID …",
    ),
    Entry(
        "check.carm-live",
        "the role was assumed as the controllers do it",
        "Service account's token, the controllers' role, then the other account's. AWS does not say which side denied "
        "it. A policy or role that is seconds old may not be known everywhere yet.",
        "acksm carm verify --target-profile PROFILE   (tells the two sides apart), or again in 15 s",
    ),
    Entry(
        "check.carm-region",
        "the namespace's region has the service",
        "services.k8s.aws/default-region names a region of the partition.",
        "acksm region bind NAMESPACE REGION",
    ),
    Entry(
        "check.region-annotation",
        "no region annotation that does nothing",
        "services.k8s.aws/region counts on objects only.",
        "acksm region bind NAMESPACE REGION",
    ),
    Entry(
        "check.carm-selector",
        "an IAMRoleSelector matches the namespace's objects",
        "Where none does, objects are made with the controller's own role, without a word.",
        "acksm carm bind NAMESPACE --account ID",
    ),
    Entry(
        "check.carm-selector-overlap",
        "only one IAMRoleSelector matches",
        "With two the controller works on none of the objects and says so only in its log.",
        "kubectl get iamroleselectors.services.k8s.aws",
    ),
)

ENTRIES = (*_MATRIX, *_BINDINGS, *_CARM, *_LINKS)
