"""Ids of what controllers say in their logs and in conditions of objects (docs/ack/messages.md)."""

from acksm.catalog import Entry

ENTRIES = (
    Entry(
        "symptom.web-identity-denied",
        "STS does not let the controller take its role on",
        '"Not authorized to perform sts:AssumeRoleWithWebIdentity": the role\'s trust policy names another provider, '
        "namespace or service account, or another audience than sts.amazonaws.com.",
        "acksm iam-role --dry-run   (shows the trust there is and the one that fits)",
    ),
    Entry(
        "symptom.oidc-provider",
        "IAM has no OIDC provider for the cluster's tokens",
        '"No OpenIDConnect provider found in your account" or "InvalidIdentityToken": the provider is not there, or '
        "its audiences lack sts.amazonaws.com.",
        "acksm oidc",
    ),
    Entry(
        "symptom.no-identity",
        "the controller has no AWS identity",
        '"unable to determine account info: unable to get caller identity": the service account has no role, the pod '
        "was made before it had one, the trust does not fit, or STS cannot be reached from the cluster.",
        "acksm doctor   (looks at annotation, provider, trust and pods one by one)",
    ),
    Entry(
        "symptom.account-id-missing",
        "this old chart needs aws.account_id",
        '"unable to start service controller as account ID is nil": charts before 0.2.0 do not ask STS for it '
        "(community#987).",
        "acksm install   (sets it for versions that need it)",
    ),
    Entry(
        "symptom.region-missing",
        "the controller was given no region",
        '"AWS region is missing": the value aws.region is empty.',
        "acksm install   (sets the cluster's region)",
    ),
    Entry(
        "symptom.selector-needs-carm-off",
        "the gate IAMRoleSelector is on beside enableCARM",
        "The controller ends at once; the official page sets the gate alone (docs/ack/accounts-and-regions.md#scope).",
        "acksm install --mode role-selector   (or --mode carm)",
    ),
    Entry(
        "symptom.feature-gate",
        "a feature gate that this version does not have",
        '"unknown feature gate": it came with a later version, or is misspelt.',
        "acksm install --reset-values   (or another --version)",
    ),
    Entry(
        "symptom.reconcile-resources",
        "reconcile.resources names a kind that this image does not know",
        "The list came from another chart's values, as helm upgrade --reuse-values keeps it "
        "(docs/ack/versions.md#reused-values).",
        "acksm install --reset-values",
    ),
    Entry(
        "symptom.selector-invalid",
        "an IAMRoleSelector is left out because it is not valid",
        '"invalid IAMRoleSelector, not caching": its objects are made with the controller\'s own role '
        "(docs/ack/accounts-and-regions.md#role-selectors).",
        "kubectl get iamroleselectors.services.k8s.aws -o yaml",
    ),
    Entry(
        "symptom.watch-namespace",
        "watchNamespace is not a list that the controller reads",
        '"invalid namespace" or "duplicate namespace": the list has spaces, empty or double names.',
        "acksm install --scope namespace --watch-namespace NAME   (repeat the option for each)",
    ),
    Entry(
        "symptom.list-forbidden",
        "the controller may not list what it works on",
        "Its Role is missing or bound in another namespace (community#1996, community#2006), or the "
        "ClusterRole for namespaces was taken away (community#2625).",
        "acksm status   (tells objects of the release that were changed)",
    ),
    Entry(
        "symptom.kind-not-served",
        "the cluster does not serve a kind that the controller works on",
        '"no matches for kind": the CRD is missing or older than the controller; helm never updates CRDs '
        "(community#2007, community#2160).",
        "acksm install   (applies the chart's CRDs)",
    ),
    Entry(
        "symptom.carm-off",
        "watching a single namespace, the controller reads no annotation of it",
        "Owner account, default region, deletion policy and endpoint are ignored "
        "(docs/ack/accounts-and-regions.md#scope).",
        "acksm install --scope cluster   (or two or more --watch-namespace)",
    ),
    Entry(
        "symptom.selectors-overlap",
        "several IAMRoleSelectors match an object",
        "The controller then does nothing, and says so only in its log "
        "(docs/ack/accounts-and-regions.md#role-selectors).",
        "acksm carm verify --mode role-selector",
    ),
    Entry(
        "symptom.region-moved",
        "the object's region was changed after it was made",
        "An object never moves: its status holds the region. The controller works on it no more, deletion included.",
        "acksm region explain KIND/NAME --namespace NAMESPACE",
    ),
    Entry(
        "symptom.account-moved",
        "the object's account was changed after it was made",
        "An object never moves to another account; the controller works on it no more, deletion included.",
        "acksm carm verify NAMESPACE   (bind the namespace to the account it was made in)",
    ),
    Entry(
        "symptom.adopted-not-found",
        "what is to be adopted is not in AWS",
        "Name, region or account is another. Only the log says so; the object's status stays empty (community#3005).",
        "acksm region explain KIND/NAME --namespace NAMESPACE   (the region that is looked in)",
    ),
    Entry(
        "symptom.adoption-kind",
        "no controller knows the kind that is to be adopted",
        "Group or kind in the AdoptedResource is misspelt (community#2396).",
        "kubectl get adoptedresources.services.k8s.aws -A -o yaml",
    ),
    Entry(
        "symptom.not-adoptable",
        "objects of this kind cannot be adopted",
        "The controller of this version has no adoption for it.",
        "acksm status   (tells the versions; adoption by annotation needs sagemaker 1.2.14 or newer)",
    ),
    Entry(
        "symptom.carm-map-missing",
        "the map of accounts is not in the controller's namespace",
        "The namespace of the object is bound to an account, and ConfigMap ack-role-account-map (or ack-role-team-map) "
        "is missing where the controller looks: in its own namespace.",
        "acksm carm bind NAMESPACE --account ID",
    ),
    Entry(
        "symptom.carm-key-missing",
        "the map of accounts has no entry for this account",
        "The namespace's annotation and the map's key differ, or the entry is in the map of another namespace.",
        "acksm carm bind NAMESPACE --account ID",
    ),
    Entry(
        "symptom.carm-role-empty",
        "the map's entry for this account is empty",
        "The key is there without a role ARN.",
        "acksm carm bind NAMESPACE --account ID --role-arn ARN",
    ),
    Entry(
        "symptom.role-not-available",
        "the role for this object's account is not to be had",
        "The object waits; every 15 s the controller looks again (docs/ack/accounts-and-regions.md#role-map).",
        "acksm carm verify NAMESPACE",
    ),
    Entry(
        "symptom.not-managed",
        "an AWS object of that name exists, and no Kubernetes object made it",
        "Another cluster or a person made it (community#1403). The controller touches nothing that it did not make.",
        "acksm adopt …   (takes it over; or choose another name)",
    ),
    Entry(
        "symptom.adoption-field",
        "adoption-fields lacks a field that names the object in AWS",
        '"required field missing": each kind has its own key fields (docs/ack/kinds.md).',
        'kubectl annotate KIND NAME services.k8s.aws/adoption-fields=\'{"FIELD": "VALUE"}\' --overwrite',
    ),
    Entry(
        "symptom.adoption-policy",
        "adoption-policy has a value that the controller does not know",
        "It is adopt or adopt-or-create.",
        "kubectl annotate KIND NAME services.k8s.aws/adoption-policy=adopt --overwrite",
    ),
    Entry(
        "symptom.assume-role-denied",
        "the controller's role may not take on the other account's role",
        "The controller's role has no policy for it, the other role's trust does not name it, or an organisation's "
        "policy forbids it.",
        "acksm carm verify NAMESPACE --live",
    ),
    Entry(
        "symptom.pass-role-denied",
        "the controller's role may not hand a role to a service",
        "iam:PassRole on the execution role (to sagemaker.amazonaws.com), or on the service-linked role of Application "
        "Auto Scaling, is missing (sagemaker-controller#130).",
        "acksm iam-role --policy core --policy autoscaling --dry-run",
    ),
    Entry(
        "symptom.action-denied",
        "AWS denies the controller an action",
        "The policies of the role in use, its boundary or an organisation's policy lack the action that is named.",
        "acksm iam-role --policy core --policy studio --policy autoscaling --dry-run",
    ),
)
