"""Ids of other accounts: the map, roles in both accounts, role selectors, the links of the chain."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R, _U, _OK = ExitCode.REFUSED, ExitCode.USAGE, ExitCode.OK

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
        "delete them (docs/ack/accounts-and-regions.md#scope).",
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
        "acksm carm setup … --target-role-name OTHER   (or --adopt-target-role; nothing of its owner's is removed)",
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
        'found" (docs/ack/accounts-and-regions.md#role-selectors).',
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
        "Scope, enableCARM and the gate IAMRoleSelector decide (docs/ack/accounts-and-regions.md#scope).",
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
        "With aws.endpoint_url set, the call for the other account's role goes there too "
        "(docs/ack/accounts-and-regions.md#endpoint).",
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
        "Across accounts both sides have to allow it; the official page leaves this one out "
        "(docs/ack/accounts-and-regions.md#assumed-roles). What "
        "a document does not tell (a boundary, a Deny with conditions, NotAction, NotResource) is unknown: only IAM's "
        "simulation or the real call tells.",
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
        "deleted and made anew is another one to IAM, though its name is the same. A condition that acksm cannot "
        "judge, NotAction and NotPrincipal make it unknown; carm verify --live tells.",
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

ENTRIES = (*_CARM, *_LINKS)
