"""Ids of target accounts: the account map, roles in both accounts, role selectors, the checks of a binding."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R, _U, _OK = ExitCode.REFUSED, ExitCode.USAGE, ExitCode.OK

_CARM = (
    Entry(
        "carm-account",
        "invalid account id",
        "An account id has 12 digits, including leading zeros; without quotes YAML and other tools drop them.",
        'acksm carm … --target-account "012345678901"',
        _U,
    ),
    Entry(
        "carm-team",
        "invalid team id",
        "It is a key of a ConfigMap: letters, digits, '-', '_' and '.'.",
        "acksm carm bind NAMESPACE --team NAME --assume-role-arn ARN",
        _U,
    ),
    Entry(
        "carm-subject",
        "give either an account or a team",
        "A namespace is bound to one of them; with both, the team silently takes precedence.",
        "acksm carm bind NAMESPACE --target-account ID",
        _U,
    ),
    Entry("carm-service", "no such service", "A key for one service begins with its name.", "acksm status", _U),
    Entry(
        "carm-role-arn",
        "not the ARN of an IAM role",
        "A role's ARN is arn:PARTITION:iam::ACCOUNT:role/PATH/NAME; the ARN of a session (sts, assumed-role) is not "
        "one.",
        "aws iam get-role --role-name NAME --query Role.Arn",
        _U,
    ),
    Entry(
        "carm-partition",
        "the role is in another partition",
        "A role can be assumed only within its partition (aws, aws-cn, aws-us-gov, …).",
        "aws sts get-caller-identity --query Arn",
        _U,
    ),
    Entry(
        "carm-role-account",
        "the role belongs to another account than the id",
        "Objects are created in the account of the role's ARN, whatever the key is (community#1246).",
        "acksm carm bind NAMESPACE --target-account ACCOUNT_OF_THE_ROLE --assume-role-arn ARN",
        _U,
    ),
    Entry(
        "carm-own-account",
        "this is the controllers' own account",
        "Objects are created there without a binding.",
        "acksm carm bind NAMESPACE --target-account ID --assume-role-arn ARN   (for another role in the same account)",
        _U,
    ),
    Entry(
        "carm-team-role",
        "missing role for the team",
        "Teams have no default role.",
        "acksm carm bind NAMESPACE --team TEAM --assume-role-arn ARN",
        _U,
    ),
    Entry(
        "carm-entry-broken",
        "the map's entry is not a role that can be assumed",
        "It was edited manually, or belongs to another account.",
        "acksm carm bind NAMESPACE --target-account ID --assume-role-arn ARN",
        _R,
    ),
    Entry(
        "carm-team-wins",
        "the namespace is bound to a team",
        "With the feature gate TeamLevelCARM, the team's annotation silently takes precedence over the account's.",
        "acksm carm unbind NAMESPACE",
        _R,
    ),
    Entry(
        "carm-objects-live",
        "the namespace has objects of another account",
        "Objects cannot move: the controller would search for them in the wrong account, create them there again, or "
        "never delete them (docs/ack/accounts-and-regions.md#scope).",
        "delete these objects first (deletion-policy retain keeps their AWS resources), or use another namespace",
        _R,
    ),
    Entry(
        "carm-gate-off",
        "the feature gate for this key is off",
        "Keys for single services need ServiceLevelCARM, teams need TeamLevelCARM; both are off by default.",
        "acksm install … --set featureGates.GATE=true",
        _R,
    ),
    Entry(
        "carm-gate-unsupported",
        "this version does not support services and teams",
        "Supported from sagemaker 1.2.13 and applicationautoscaling 1.0.17 on.",
        "acksm install … --version SERVICE=latest",
        _R,
    ),
    Entry(
        "carm-controller-role",
        "the controllers have no role that a target account could trust",
        "Their service account is not annotated with a role, the role does not exist, or it is not in the cluster's "
        "account.",
        "acksm install",
    ),
    Entry(
        "carm-target-access",
        "access to the target account is missing or ambiguous",
        "Give one of: a profile, a role to assume, or --print for the account's administrator.",
        "acksm carm setup --target-account ID --target-profile PROFILE   (or --target-role-arn ARN, or --print)",
        _U,
    ),
    Entry(
        "carm-target-account",
        "the credentials are not those of the target account",
        "The role would be created in the wrong account.",
        "acksm carm setup --target-account ID --target-profile PROFILE_OF_THAT_ACCOUNT",
        _R,
    ),
    Entry(
        "carm-role-not-ours",
        "a role of that name exists in the target account, and acksm did not create it for this cluster",
        "Its tags do not mark it as acksm's for this cluster. Changing the trust policy of a role that others use "
        "could admit other controllers or lock out what uses it.",
        "acksm carm setup … --target-role-name OTHER   (or --adopt-target-role; it removes nothing of the owner's)",
        _R,
    ),
    Entry(
        "carm-external-id",
        "the role's trust policy requires an external id",
        "ACK's controllers call AssumeRole without an ExternalId, and no option changes that (community#2175), so STS "
        "denies the call, although the documentation suggests otherwise.",
        "remove the sts:ExternalId condition from the role's trust policy, or use another role: --target-role-name "
        "OTHER",
        _R,
    ),
    Entry(
        "carm-policy-too-long",
        "the policy of the controllers' role would be too long",
        "All inline policies of a role together are limited to 10,240 characters, and each target account adds an "
        'ARN; acksm never writes "*" instead.',
        "use shorter --target-role-name, or a role of its own for some clusters",
        _R,
    ),
    Entry(
        "selector-overlap",
        "two IAMRoleSelectors match the same objects",
        'The controller then reconciles none of them, which only its log reports: "multiple matching IAMRoleSelectors '
        'found" (docs/ack/accounts-and-regions.md#role-selectors).',
        "kubectl get iamroleselectors.services.k8s.aws   (change or delete the other one)",
        _R,
    ),
    Entry(
        "selector-team",
        "IAMRoleSelectors do not support teams",
        "An IAMRoleSelector has a role and the namespaces that it is for.",
        "acksm carm bind NAMESPACE --target-account ID --assume-role-arn ARN",
        _U,
    ),
    Entry("carm.map", "an entry of the map is written", "The controllers read the account's role there.", "", _OK),
    Entry("carm.bind", "a namespace is bound to an account or team", "Its annotation is missing or differs.", "", _OK),
    Entry("carm.unbind", "a namespace is unbound", "The command requests it.", "", _OK),
    Entry("carm.release", "an entry of the map is removed", "No namespace uses it.", "", _OK),
    Entry("carm.map-empty", "an empty map is deleted", "acksm created it.", "", _OK),
    Entry("carm.confirm", "the map is read again", "Another user may have unbound its last namespace.", "", _OK),
    Entry(
        "carm.restart",
        "a controller is restarted after a change of the map",
        "Before sagemaker 1.2.13 it keeps the first role that it read for an account (community#2088).",
        "",
        _OK,
    ),
    Entry("carm.policy", "the controllers' role is allowed to assume a role", "Its policy lacks the ARN.", "", _OK),
    Entry("selector.create", "an IAMRoleSelector is created", "None selects that role for the namespace.", "", _OK),
    Entry("selector.delete", "an IAMRoleSelector is deleted", "Another role, or none, is requested.", "", _OK),
    Entry("selector.confirm", "the IAMRoleSelectors are read again", "Another user may have created one.", "", _OK),
)
_LINKS = (
    Entry(
        "check.carm-annotation",
        "the namespace has a valid owner annotation",
        "services.k8s.aws/owner-account-id (or team-id), with an id that can be a key of the map.",
        "acksm carm bind NAMESPACE --target-account ID",
    ),
    Entry(
        "check.carm-watched",
        "a controller watches the namespace",
        "In namespace scope objects of other namespaces are ignored.",
        "acksm install … --scope cluster",
    ),
    Entry(
        "check.carm-scope",
        "the controller supports accounts in its scope and with its values",
        "Scope, enableCARM and the feature gate IAMRoleSelector decide (docs/ack/accounts-and-regions.md#scope).",
        "acksm install … --scope cluster --set enableCARM=true",
    ),
    Entry(
        "check.carm-version",
        "the controller's version notices changes of the map",
        "Before sagemaker 1.2.13 and applicationautoscaling 1.0.17 a controller keeps the first role until it is "
        "restarted (community#2088), and before 1.2.8 it uses its own role where an entry is missing.",
        "acksm install … --version SERVICE=latest",
    ),
    Entry(
        "check.carm-controller-role",
        "the controller has its own role, which exists in IAM",
        "The target account trusts exactly this role.",
        "acksm install",
    ),
    Entry(
        "check.carm-endpoint",
        "the controller's endpoint is AWS's own",
        "With aws.endpoint_url set, the call to assume the target account's role also uses that endpoint "
        "(docs/ack/accounts-and-regions.md#endpoint).",
        "acksm install … --set aws.endpoint_url=",
    ),
    Entry(
        "check.carm-gate",
        "the feature gate for this key is on",
        "Without ServiceLevelCARM keys of services are ignored, without TeamLevelCARM teams are.",
        "acksm install … --set featureGates.GATE=true",
    ),
    Entry(
        "check.carm-map",
        "the map in the controller's namespace has the entry",
        'Without it objects wait with "IAM Role is not available".',
        "acksm carm bind NAMESPACE --target-account ID",
    ),
    Entry(
        "check.carm-map-value",
        "the map's entry is a role of that account",
        "It was edited manually: not an ARN, of another account or partition, or with white space.",
        "acksm carm bind NAMESPACE --target-account ID --assume-role-arn ARN",
    ),
    Entry(
        "check.carm-map-key",
        "the map's keys are account ids",
        "A key was written as a number: it lost its leading zeros, or became 1.1e+11.",
        "kubectl edit configmap ack-role-account-map   (remove the key), then acksm carm bind",
    ),
    Entry(
        "check.carm-policy",
        "the controllers' role is allowed to assume the target account's role",
        "Across accounts both sides have to allow the call; ACK's own page omits this side "
        "(docs/ack/accounts-and-regions.md#assumed-roles). What policies alone do not decide (a permissions boundary, "
        "a Deny with conditions, NotAction, NotResource) is unknown until IAM's policy simulation or the real call "
        "decides it.",
        "acksm carm setup --target-account ID",
    ),
    Entry(
        "check.carm-role",
        "the role exists in the target account",
        "It was not created yet, was deleted, or has another path.",
        "acksm carm setup --target-account ID",
    ),
    Entry(
        "check.carm-trust",
        "the role trusts the controllers' role",
        "Its trust policy has to name that role, without a condition that the controllers do not meet. A role that "
        "was deleted and recreated is a different one to IAM, even with the same name. With NotAction, NotPrincipal "
        "or a condition that acksm cannot evaluate, the state is unknown until carm verify --live.",
        "acksm carm setup --target-account ID",
    ),
    Entry(
        "check.carm-external-id",
        "the role's trust policy requires no external id",
        "The controllers never send one (community#2175).",
        "remove the sts:ExternalId condition from the role's trust policy",
    ),
    Entry(
        "check.carm-tag-session",
        "the role's trust policy allows sts:TagSession",
        "With EKS Pod Identity the tags of the session are passed on, and the trust policy has to allow that too.",
        "acksm carm setup --target-account ID",
    ),
    Entry(
        "check.carm-permissions",
        "the role has policies",
        "A role without policies can be assumed but is allowed nothing.",
        "acksm carm setup --target-account ID",
    ),
    Entry(
        "check.carm-live",
        "the role can be assumed as the controllers do it",
        "The service account's token gets the controllers' role, which gets the target account's. AWS does not report "
        "which side denied the call. A policy or role that is seconds old may not have propagated yet.",
        "acksm carm verify --target-profile PROFILE   (distinguishes the two sides), or again in 15 s",
    ),
    Entry(
        "check.carm-region",
        "the namespace's region has the service",
        "services.k8s.aws/default-region has to be a region of the partition.",
        "acksm region bind NAMESPACE REGION",
    ),
    Entry(
        "check.region-annotation",
        "the namespace has no region annotation without effect",
        "services.k8s.aws/region has an effect on objects only.",
        "acksm region bind NAMESPACE REGION",
    ),
    Entry(
        "check.carm-selector",
        "an IAMRoleSelector matches the namespace's objects",
        "Without a match, objects are silently created with the controller's own role.",
        "acksm carm bind NAMESPACE --target-account ID",
    ),
    Entry(
        "check.carm-selector-overlap",
        "only one IAMRoleSelector matches",
        "With two, the controller reconciles none of the objects, which only its log reports.",
        "kubectl get iamroleselectors.services.k8s.aws",
    ),
)

ENTRIES = (*_CARM, *_LINKS)
