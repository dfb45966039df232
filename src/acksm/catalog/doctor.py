"""Ids of `acksm doctor` and `acksm report`."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R, _U = ExitCode.REFUSED, ExitCode.USAGE

_GROUND = (
    Entry(
        "check.helm",
        "helm is there, and new enough",
        "install and upgrade start it; looking does not. Version 3.8 is the first that reads OCI registries.",
        "export ACKSM_HELM=/path/to/helm   (or put helm 3.8 or newer on PATH)",
    ),
    Entry(
        "check.region",
        "the region is known and has both services",
        "By botocore's own table of regions.",
        "acksm doctor --region REGION",
    ),
    Entry(
        "check.credentials",
        "AWS knows the credentials",
        "botocore's chain: environment, profile, SSO, instance.",
        "aws sts get-caller-identity   (then: aws configure, aws sso login, or --profile NAME)",
    ),
    Entry(
        "check.account",
        "the account is the pinned one",
        "--account pins it, so that a wrong profile is found before the first write.",
        "acksm doctor --profile PROFILE_OF_THAT_ACCOUNT",
    ),
    Entry(
        "check.cluster",
        "EKS knows the cluster, and it is active",
        "Name or region may be another.",
        "aws eks list-clusters --region REGION",
    ),
    Entry(
        "check.partition",
        "caller and cluster are of one partition and account",
        "ARNs of another partition or account would be made (the guide writes arn:aws everywhere).",
        "acksm doctor --profile PROFILE_OF_THAT_ACCOUNT",
    ),
    Entry(
        "check.kubernetes-version",
        "the cluster's Kubernetes is new enough",
        "The guide asks for 1.16 or newer.",
        "aws eks update-cluster-version --name CLUSTER --kubernetes-version VERSION",
    ),
    Entry(
        "check.context",
        "the kubeconfig's context is that cluster",
        "Its server has to be the endpoint that EKS gives for the cluster.",
        "aws eks update-kubeconfig --name CLUSTER --region REGION",
    ),
    Entry(
        "check.apiserver",
        "the apiserver answers and knows the caller",
        "A private endpoint, a proxy, or no access entry for this identity.",
        "aws eks describe-cluster --name CLUSTER --query cluster.resourcesVpcConfig",
    ),
    Entry(
        "check.compute",
        "a pod could run",
        "A ready, schedulable node, or a Fargate profile that takes the controllers' namespace.",
        "eksctl create nodegroup --cluster NAME   (or a Fargate profile for ack-system)",
    ),
    Entry(
        "check.namespace",
        "the controllers' namespace is not being deleted",
        "Nothing can be created in one that is; an object with a finalizer holds it.",
        "kubectl get namespace NAME -o yaml",
    ),
    Entry(
        "check.registry",
        "the charts can be read from the registry",
        "From this machine; whether nodes can pull images is seen at the pods.",
        "acksm doctor --registry HOST/PATH   (a mirror; or install with --chart SERVICE=FILE)",
    ),
    Entry(
        "check.capability",
        "EKS runs no ACK of its own in this cluster",
        "A capability of type ACK is AWS's own controller for the same kinds: two would work on each object "
        "(docs/ack/identity.md#eks-capability).",
        "aws eks delete-capability --cluster-name CLUSTER --capability-name NAME   (or leave the cluster to it)",
    ),
    Entry(
        "check.iam-rights",
        "the caller may do in AWS what each command does",
        "By IAM's simulation over the caller's policies, boundary included; organisations' policies count only where "
        "IAM tells them.",
        "acksm doctor --print-policy COMMAND",
    ),
    Entry(
        "check.plan",
        "acksm install has a plan for this cluster",
        "The same plan as that of acksm install, with everything that it refuses: objects and releases of others, "
        "values, scopes.",
        "acksm install --dry-run",
    ),
    Entry(
        "check.plan-rights",
        "the caller may do what the plan needs",
        "IAM's simulation and SelfSubjectAccessReview over the plan's own changes and the objects that the releases "
        "would make.",
        "acksm install --dry-run   (shows what the rights are needed for)",
    ),
)
_CONTROLLERS = (
    Entry(
        "check.release",
        "the releases are deployed",
        "A helm that was killed leaves its release pending, and one that failed leaves it failed.",
        "acksm install   (puts a half-made release right)",
    ),
    Entry(
        "check.values",
        "the releases have only values that their charts know",
        "The charts' schemas let unknown keys through, and nothing reads them (docs/ack/versions.md#unknown-values).",
        "acksm install --reset-values",
    ),
    Entry(
        "check.drift",
        "the objects of the releases are as helm made them",
        "Changed or deleted by hand, or by another tool.",
        "acksm install   (puts them back; or: acksm doctor --fix)",
    ),
    Entry(
        "check.crds",
        "the kinds of the controllers are served",
        "A controller ends when a kind that it works on is not served (community#2007); a CRD that is being deleted "
        "takes no new objects.",
        "acksm install   (applies missing CRDs; one that is being deleted waits for its objects)",
    ),
    Entry(
        "check.crd-drift",
        "the CRDs are those of the installed charts",
        "helm never updates CRDs (community#1419).",
        "acksm install   (or: acksm doctor --fix)",
    ),
    Entry(
        "check.pod-identity",
        "the role comes one way only",
        "EKS Pod Identity and the service account's annotation name different roles; pods made "
        "after the association have the association's (docs/ack/identity.md#pod-identity).",
        "aws eks list-pod-identity-associations --cluster-name CLUSTER --namespace ack-system",
    ),
    Entry(
        "check.annotation",
        "the service accounts name a role",
        "Without it a pod has the node's identity or none. Some tools strip it (community#2567).",
        "acksm install   (or: acksm doctor --fix)",
    ),
    Entry(
        "check.oidc",
        "IAM trusts the cluster's tokens",
        "The OIDC provider of the cluster's issuer, with audience sts.amazonaws.com (eksctl does not look at it).",
        "acksm oidc   (or: acksm doctor --fix)",
    ),
    Entry(
        "check.role",
        "the controllers' role is there and has policies",
        "A role that was deleted, or made without any policy.",
        "acksm iam-role   (or: acksm doctor --fix)",
    ),
    Entry(
        "check.trust",
        "the role lets the controllers' service accounts in",
        "A cluster made again under its name has another issuer, and the role kept the old one "
        "(kubeflow-manifests#743); keys and subjects have to be exact.",
        "acksm iam-role   (or: acksm doctor --fix)",
    ),
    Entry(
        "check.trust-subjects",
        "the role lets in service accounts of releases only",
        "Whoever may make a service account of that name, in a namespace that was once the controllers' or was "
        "mistyped, becomes the controllers' role, in every account that is bound. A role that acksm made is put right "
        "by acksm iam-role, which asks; in any other nothing is removed.",
        "aws iam update-assume-role-policy --role-name ROLE --policy-document file://TRUST_WITHOUT_THEM",
    ),
    Entry(
        "check.pass-role",
        "the controllers' role passes on named roles only",
        "AmazonSageMakerFullAccess allows iam:PassRole on every role for SageMaker: whoever may create a TrainingJob "
        "in the cluster runs code as any role of the account that trusts SageMaker. By the policies that acksm knows "
        "and IAM's simulation.",
        "acksm iam-role --policy least --policy autoscaling --execution-role ARN",
    ),
    Entry(
        "check.pod-role",
        "the pods have the role of their service account",
        "A pod gets AWS_ROLE_ARN when it is made; Ready alone means that some identity works, perhaps the node's.",
        "kubectl -n ack-system rollout restart deployment   (or: acksm doctor --fix)",
    ),
    Entry(
        "check.pods",
        "the controllers run",
        "The newest revision is available; a pod that does not start is told with its reason and what its log says.",
        "kubectl -n ack-system describe pods",
    ),
    Entry(
        "check.leader-election",
        "one pod of each controller works",
        "With leader election one pod holds the lease and renews it; without it, several replicas would work on every "
        "object at once.",
        "kubectl get leases -A   (and: acksm install --set leaderElection.enabled=true for several replicas)",
    ),
    Entry(
        "check.log",
        "the controllers' logs show no known symptom",
        "Some failures never reach an object's conditions "
        "(docs/ack/messages.md#only-in-the-log). Old lines stay until a log is rotated.",
        "acksm explain ID   (of the symptom that is named)",
    ),
    Entry(
        "check.other-controllers",
        "no other controller works on the same objects",
        "Two controllers of one service that watch the same namespace both change each object there. Who may write the "
        "service's objects was asked of the apiserver; labels and images count for nothing (docs/security.md).",
        "helm uninstall -n NAMESPACE RELEASE of one of them, or acksm install --scope namespace --watch-namespace …",
    ),
    Entry(
        "check.scope",
        "the controllers' scope fits the bindings",
        "In some scopes and with some flags annotations of namespaces are silently ignored "
        "(docs/ack/accounts-and-regions.md#scope).",
        "acksm install --scope cluster",
    ),
    Entry(
        "check.bindings",
        "bound namespaces reach their account",
        "Each link from the annotation to the other account's role; links that do not hold have ids of their own.",
        "acksm carm verify",
    ),
    Entry(
        "check.objects",
        "no object is failing",
        "Its conditions tell; those that are known have an id.",
        "acksm doctor KIND/NAME --namespace NAMESPACE",
    ),
    Entry(
        "check.stuck",
        "nothing waits for a controller that is not there",
        "An object that is being deleted keeps ACK's finalizer until its controller has done its work.",
        "acksm install   (a controller of the same version finishes the deletion)",
    ),
)
_OBJECT = (
    Entry(
        "check.object-kind",
        "the cluster serves the kind",
        "Its CRD is there, established, and not being deleted.",
        "acksm install",
    ),
    Entry(
        "check.object-there",
        "the object is there",
        "Name or namespace may be another.",
        "kubectl get KIND -A",
    ),
    Entry(
        "check.object-controller",
        "a controller for it is installed",
        "Each service has a controller of its own.",
        "acksm install --service SERVICE",
    ),
    Entry(
        "check.object-running",
        "that controller runs",
        "Its Deployment is available.",
        "acksm doctor",
    ),
    Entry(
        "check.object-scope",
        "the controller watches the object's namespace",
        "In namespace scope it sees only some (community#1388).",
        "acksm install --scope namespace --watch-namespace NAMESPACE   (each of them; or --scope cluster)",
    ),
    Entry(
        "check.object-reconciled",
        "the controller works on objects of this kind",
        "reconcile.resources is a list of kinds; helm upgrade --reuse-values keeps an old one without newer kinds.",
        "acksm install --reset-values",
    ),
    Entry(
        "check.object-selector",
        "the object has the labels that the controller selects",
        "watchSelectors leaves out what does not match.",
        "kubectl label KIND NAME KEY=VALUE -n NAMESPACE",
    ),
    Entry(
        "check.object-region",
        "the object's region is the one that is asked for",
        "An object never moves: once made, another region is an error that only the log tells.",
        "acksm region explain KIND/NAME --namespace NAMESPACE",
    ),
    Entry(
        "check.object-account",
        "the object's account is the one that its namespace is bound to",
        "An object never moves to another account.",
        "acksm carm verify NAMESPACE",
    ),
    Entry(
        "check.object-role",
        "the role for it can be assumed",
        "Each link of carm verify for its namespace.",
        "acksm carm verify NAMESPACE --live",
    ),
    Entry(
        "check.object-conditions",
        "its conditions tell of no failure",
        "What the controller said last; a known symptom has its own remedy.",
        "kubectl describe KIND NAME -n NAMESPACE",
    ),
    Entry(
        "check.object-log",
        "the controller's log tells of no failure with it",
        "Several failures never reach the conditions (docs/ack/messages.md#only-in-the-log).",
        "kubectl -n ack-system logs deployment/NAME",
    ),
    Entry(
        "check.object-deletion",
        "it is not being deleted",
        "It goes when every finalizer is gone: ACK's goes when AWS has deleted what is behind it.",
        "kubectl get KIND NAME -n NAMESPACE -o yaml",
    ),
    Entry(
        "check.object-aws",
        "AWS has it",
        "Asked of AWS itself, in the account and region of the object's status.",
        "kubectl describe KIND NAME -n NAMESPACE",
    ),
)
ENTRIES = (
    *_GROUND,
    *_CONTROLLERS,
    *_OBJECT,
    Entry(
        "capability-conflict",
        "EKS runs ACK itself in this cluster",
        "Two controllers would work on the same objects. AWS's own way to move over is a shared lease: "
        "leaderElection.namespace=kube-system (docs/ack/identity.md#eks-capability).",
        "acksm install --set leaderElection.enabled=true --set leaderElection.namespace=kube-system",
        _R,
    ),
    Entry(
        "policy-unknown",
        "no policy for this command",
        "--print-policy takes a command that asks AWS for something, such as install or carm-setup.",
        "acksm doctor --print-policy install",
        _U,
    ),
    Entry(
        "not-looked-at",
        "it was not looked at",
        "Something that comes before it failed.",
        "acksm doctor",
    ),
    Entry(
        "report-file",
        "the support bundle cannot be written there",
        "The file is there already, its directory is not, or its name ends with neither .tar.gz, .tgz nor .zip.",
        "acksm report --output acksm-report.tar.gz",
        _U,
    ),
)
