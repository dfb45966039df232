"""Ids of what controllers say in their logs and in conditions of objects (docs/ack/messages.md)."""

from acksm.catalog import Entry

ENTRIES = (
    Entry(
        "symptom.web-identity-denied",
        "STS denies the controller its role",
        '"Not authorized to perform sts:AssumeRoleWithWebIdentity": the role\'s trust policy names another provider, '
        "namespace or service account, or another audience than sts.amazonaws.com.",
        "acksm iam-role --dry-run   (shows the trust policy there is and the required one)",
    ),
    Entry(
        "symptom.oidc-provider",
        "IAM has no OIDC provider for the cluster's tokens",
        '"No OpenIDConnect provider found in your account" or "InvalidIdentityToken": the provider does not exist, or '
        "its audiences lack sts.amazonaws.com.",
        "acksm oidc",
    ),
    Entry(
        "symptom.no-identity",
        "the controller has no AWS identity",
        '"unable to determine account info: unable to get caller identity": the service account has no role, the pod '
        "was created before it had one, the trust policy does not match, or STS cannot be reached from the cluster.",
        "acksm doctor   (checks annotation, provider, trust policy and pods one by one)",
    ),
    Entry(
        "symptom.account-id-missing",
        "this old chart needs aws.account_id",
        '"unable to start service controller as account ID is nil": charts before 0.2.0 do not get it from STS '
        "(community#987).",
        "acksm install   (sets it for versions that need it)",
    ),
    Entry(
        "symptom.region-missing",
        "the controller has no region",
        '"AWS region is missing": the value aws.region is empty.',
        "acksm install   (sets the cluster's region)",
    ),
    Entry(
        "symptom.selector-needs-carm-off",
        "the feature gate IAMRoleSelector conflicts with enableCARM",
        "The controller exits at once; ACK's own page sets only the gate (docs/ack/accounts-and-regions.md#scope).",
        "acksm install --mode role-selector   (or --mode carm)",
    ),
    Entry(
        "symptom.feature-gate",
        "this version does not have a feature gate that is set",
        '"unknown feature gate": a later version added it, or its name is misspelt.',
        "acksm install --reset-values   (or another --version)",
    ),
    Entry(
        "symptom.reconcile-resources",
        "reconcile.resources has a kind that this image does not know",
        "The list is from the values of another chart version; helm upgrade --reuse-values keeps it "
        "(docs/ack/versions.md#reused-values).",
        "acksm install --reset-values",
    ),
    Entry(
        "symptom.selector-invalid",
        "an IAMRoleSelector is ignored because it is invalid",
        '"invalid IAMRoleSelector, not caching": its objects are created with the controller\'s own role '
        "(docs/ack/accounts-and-regions.md#role-selectors).",
        "kubectl get iamroleselectors.services.k8s.aws -o yaml",
    ),
    Entry(
        "symptom.watch-namespace",
        "watchNamespace is not a valid list",
        '"invalid namespace" or "duplicate namespace": the list has spaces, empty or duplicate names.',
        "acksm install --scope namespace --watch-namespace NAME,NAME   (all of them)",
    ),
    Entry(
        "symptom.list-forbidden",
        "the controller is not allowed to list what it reconciles",
        "Its Role is missing or bound in another namespace (community#1996, community#2006), or the ClusterRole for "
        "namespaces was removed (community#2625).",
        "acksm status   (shows which objects of the release were changed)",
    ),
    Entry(
        "symptom.kind-not-served",
        "the cluster does not serve a kind that the controller reconciles",
        '"no matches for kind": the CRD is missing or older than the controller; helm never updates CRDs '
        "(community#2007, community#2160).",
        "acksm install   (applies the chart's CRDs)",
    ),
    Entry(
        "symptom.carm-off",
        "with a single watched namespace the controller ignores namespace annotations",
        "Owner account, default region, deletion policy and endpoint are ignored "
        "(docs/ack/accounts-and-regions.md#scope).",
        "acksm install --scope cluster   (or --add-watch-namespace NAMESPACE, for two or more)",
    ),
    Entry(
        "symptom.selectors-overlap",
        "several IAMRoleSelectors match an object",
        "The controller then does not reconcile it, which only its log reports "
        "(docs/ack/accounts-and-regions.md#role-selectors).",
        "acksm carm verify --mode role-selector",
    ),
    Entry(
        "symptom.region-moved",
        "the object's region was changed after it was created",
        "An object cannot move: its status records the region. The controller no longer reconciles it and does not "
        "delete it.",
        "acksm region explain KIND/NAME --namespace NAMESPACE",
    ),
    Entry(
        "symptom.account-moved",
        "the object's account was changed after it was created",
        "An object cannot move to another account. The controller no longer reconciles it and does not delete it.",
        "acksm carm verify NAMESPACE   (bind the namespace to the account it was created in)",
    ),
    Entry(
        "symptom.adopted-not-found",
        "the AWS resource to adopt was not found",
        "Its name, region or account differs. Only the log reports this; the object's status remains empty "
        "(community#3005).",
        "acksm region explain KIND/NAME --namespace NAMESPACE   (the region that the controller uses)",
    ),
    Entry(
        "symptom.adoption-kind",
        "no controller knows the kind to adopt",
        "Group or kind in the AdoptedResource is misspelt (community#2396).",
        "kubectl get adoptedresources.services.k8s.aws -A -o yaml",
    ),
    Entry(
        "symptom.not-adoptable",
        "objects of this kind cannot be adopted",
        "The controller of this version does not support it.",
        "acksm status   (shows the versions; adoption by annotation needs sagemaker 1.2.14 or newer)",
    ),
    Entry(
        "symptom.carm-map-missing",
        "the account map is not in the controller's namespace",
        "The namespace of the object is bound to an account, and ConfigMap ack-role-account-map (or "
        "ack-role-team-map) does not exist in the controller's own namespace, where it is read.",
        "acksm carm bind NAMESPACE --target-account ID",
    ),
    Entry(
        "symptom.carm-key-missing",
        "the account map has no entry for this account",
        "The namespace's annotation and the map's key differ, or the entry is in the map of another namespace.",
        "acksm carm bind NAMESPACE --target-account ID",
    ),
    Entry(
        "symptom.carm-role-empty",
        "the map's entry for this account is empty",
        "The key exists without a role ARN.",
        "acksm carm bind NAMESPACE --target-account ID --assume-role-arn ARN",
    ),
    Entry(
        "symptom.role-not-available",
        "the role for this object's account is not available",
        "The object waits; the controller retries every 15 s (docs/ack/accounts-and-regions.md#role-map).",
        "acksm carm verify NAMESPACE",
    ),
    Entry(
        "symptom.not-managed",
        "an AWS resource of that name exists and is not managed by an object",
        "Another cluster, tool or user created it (community#1403). The controller does not change resources that it "
        "did not create.",
        "acksm adopt KIND NAME -n NAMESPACE   (to manage it; or choose another name)",
    ),
    Entry(
        "symptom.adoption-field",
        "adoption-fields lacks a field that identifies the AWS resource",
        '"required field missing": each kind has its own key fields (docs/ack/kinds.md).',
        'kubectl annotate KIND NAME -n NAMESPACE services.k8s.aws/adoption-fields=\'{"FIELD": "VALUE"}\' --overwrite',
    ),
    Entry(
        "symptom.adoption-policy",
        "adoption-policy has an invalid value",
        "It is adopt or adopt-or-create.",
        "kubectl annotate KIND NAME -n NAMESPACE services.k8s.aws/adoption-policy=adopt --overwrite",
    ),
    Entry(
        "symptom.assume-role-denied",
        "the controller's role is not allowed to assume the target account's role",
        "The controller's role has no policy for it, the other role's trust policy does not name it, or an SCP denies "
        "it.",
        "acksm carm verify NAMESPACE --live",
    ),
    Entry(
        "symptom.pass-role-denied",
        "the controller's role is not allowed to pass a role to a service",
        "iam:PassRole on the execution role (to sagemaker.amazonaws.com), or on the service-linked role of "
        "Application Auto Scaling, is missing (sagemaker-controller#130).",
        "acksm iam-role --policy core --policy autoscaling --dry-run",
    ),
    Entry(
        "symptom.action-denied",
        "AWS denies the controller an action",
        "The policies of the role in use, its permissions boundary or an SCP do not allow the action in the message.",
        "acksm iam-role --policy core --policy studio --policy autoscaling --dry-run",
    ),
)
