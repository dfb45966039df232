"""Ids of `acksm doctor` and `acksm report`."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R, _U = ExitCode.REFUSED, ExitCode.USAGE

_GROUND = (
    Entry(
        "check.helm",
        "helm is installed and new enough",
        "install and upgrade run helm; reading the cluster does not. Version 3.8 is the first that supports OCI "
        "registries.",
        "export ACKSM_HELM=/path/to/helm   (or put helm 3.8 or newer on PATH)",
    ),
    Entry(
        "check.region",
        "the region exists and has both services",
        "According to botocore's table of regions.",
        "acksm doctor --region REGION",
    ),
    Entry(
        "check.credentials",
        "the AWS credentials are valid",
        "They come from botocore's chain: environment, profile, SSO, instance.",
        "aws sts get-caller-identity   (then: aws configure, aws sso login, or --profile NAME)",
    ),
    Entry(
        "check.account",
        "the account is the one given by --account",
        "--account pins the account, so that a wrong profile is noticed before the first write.",
        "acksm doctor --profile PROFILE_OF_THAT_ACCOUNT",
    ),
    Entry(
        "check.cluster",
        "the EKS cluster exists and is active",
        "The name or the region may be wrong.",
        "aws eks list-clusters --region REGION",
    ),
    Entry(
        "check.partition",
        "caller and cluster are in the same partition and account",
        "Otherwise acksm would write ARNs of another partition or account (the guide always writes arn:aws).",
        "acksm doctor --profile PROFILE_OF_THAT_ACCOUNT",
    ),
    Entry(
        "check.kubernetes-version",
        "the cluster's Kubernetes version is supported",
        "The SageMaker guide of ACK requires 1.16 or newer.",
        "aws eks update-cluster-version --name CLUSTER --kubernetes-version VERSION",
    ),
    Entry(
        "check.context",
        "the kubeconfig context points to the cluster",
        "Its server has to be the endpoint that EKS reports for the cluster.",
        "aws eks update-kubeconfig --name CLUSTER --region REGION",
    ),
    Entry(
        "check.apiserver",
        "the apiserver responds and accepts the caller",
        "The endpoint is private, a proxy is in between, or the cluster has no access entry for this identity.",
        "aws eks describe-cluster --name CLUSTER --query cluster.resourcesVpcConfig",
    ),
    Entry(
        "check.compute",
        "a pod can be scheduled",
        "It needs a node that is ready and that its taints, selectors and size allow, or what adds one: a node pool of "
        "EKS Auto Mode or Karpenter, a node group that scales up, or a Fargate profile that selects the pod.",
        "eksctl create nodegroup --cluster NAME   (or a Fargate profile for ack-system)",
    ),
    Entry(
        "check.namespace",
        "the controllers' namespace is not being deleted",
        "Nothing can be created in a namespace that is Terminating; an object with a finalizer blocks its deletion.",
        "kubectl get namespace NAME -o yaml",
    ),
    Entry(
        "check.registry",
        "the charts can be read from the registry",
        "From this machine; whether nodes can pull the images shows at the pods.",
        "acksm doctor --registry HOST/PATH   (a mirror, which acksm mirror --to HOST/PATH fills)",
    ),
    Entry(
        "check.capability",
        "no EKS capability for ACK reconciles the same services",
        "A capability of type ACK is AWS's own controller for the same kinds: two controllers would reconcile each "
        "object. It can leave services out, or both can take turns by a Lease (docs/capability.md).",
        "acksm capability status   (which services it reconciles; acksm capability share takes services out of it)",
    ),
    Entry(
        "check.iam-rights",
        "the caller is allowed what each command does in AWS",
        "According to IAM's policy simulation with the caller's policies and permissions boundary. SCPs count only as "
        "far as IAM reports them.",
        "acksm doctor --print-policy COMMAND",
    ),
    Entry(
        "check.plan",
        "acksm install can plan for this cluster",
        "The plan of acksm install, with everything that it refuses: objects and releases of other owners, values, "
        "scopes.",
        "acksm install --dry-run",
    ),
    Entry(
        "check.plan-rights",
        "the caller is allowed what the plan needs",
        "According to IAM's policy simulation and SelfSubjectAccessReview, for the changes of the plan and the "
        "objects that the releases create.",
        "acksm install --dry-run   (shows what the permissions are needed for)",
    ),
)
_CONTROLLERS = (
    Entry(
        "check.release",
        "the releases are deployed",
        "A helm process that is killed leaves its release pending; one that fails leaves it failed.",
        "acksm install   (recovers an interrupted release)",
    ),
    Entry(
        "check.values",
        "the releases have only values that their charts know",
        "The charts' schemas accept unknown keys, which have no effect (docs/ack/versions.md#unknown-values).",
        "acksm install --reset-values",
    ),
    Entry(
        "check.drift",
        "the objects of the releases are as helm created them",
        "They were changed or deleted manually or by another tool. What a webhook, a policy or another field manager "
        "changes again after each write is not restored.",
        "acksm install   (restores them; or: acksm doctor --fix)",
    ),
    Entry(
        "check.engine",
        "the engine that keeps the controllers applies its source",
        "A Kustomization or HelmRelease of Flux that is suspended or not ready, or an Application of Argo CD that is "
        "OutOfSync or unhealthy, leaves the cluster as it was, or without controllers "
        "(docs/gitops.md#a-cluster-that-an-engine-keeps).",
        "kubectl get kustomizations.kustomize.toolkit.fluxcd.io -A   (or helmreleases, or applications of argoproj.io)",
    ),
    Entry(
        "check.kept",
        "controllers that another tool keeps are as the settings give them",
        "acksm writes nothing that an engine keeps; the difference is to be committed instead "
        "(docs/gitops.md#a-cluster-that-an-engine-keeps).",
        "acksm export --to flux --repo URL --out DIR   (or argocd, kustomize; commit DIR)",
    ),
    Entry(
        "check.crds",
        "the CRDs of the controllers are served",
        "A controller exits if a kind that it reconciles is not served (community#2007). A CRD that is being deleted "
        "accepts no new objects.",
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
        "Pod Identity and IRSA do not conflict",
        "A Pod Identity association and the service account's annotation name different roles. Pods created after the "
        "association use the role of the association (docs/ack/identity.md#pod-identity).",
        "aws eks list-pod-identity-associations --cluster-name CLUSTER --namespace ack-system",
    ),
    Entry(
        "check.pod-identity-agent",
        "pods with an association reach the agent of EKS Pod Identity",
        "A pod gets credentials only from eks-pod-identity-agent on its own node, and none on Fargate.",
        "acksm install --install-agent",
    ),
    Entry(
        "check.annotation",
        "the service accounts are annotated with a role",
        "Without the annotation a pod has the node's identity or none. Some tools strip it (community#2567).",
        "acksm install   (or: acksm doctor --fix)",
    ),
    Entry(
        "check.oidc",
        "IAM accepts the cluster's tokens",
        "It needs the OIDC provider of the cluster's issuer with the audience sts.amazonaws.com (eksctl does not "
        "check the audience).",
        "acksm oidc   (or: acksm doctor --fix)",
    ),
    Entry(
        "check.role",
        "the controllers' role exists and has policies",
        "The role was deleted, or was created without a policy.",
        "acksm iam-role   (or: acksm doctor --fix)",
    ),
    Entry(
        "check.trust",
        "the role trusts the controllers' service accounts",
        "By the way that the pods use: the cluster's tokens (IRSA) or EKS Pod Identity. A cluster that was recreated "
        "with the same name has another issuer, and the role trusts the old one (kubeflow-manifests#743). Condition "
        "keys and subjects have to match exactly.",
        "acksm iam-role   (or: acksm doctor --fix)",
    ),
    Entry(
        "check.trust-subjects",
        "the role trusts only service accounts of releases",
        "Anyone who may create a service account of that name, in a former or misspelt namespace of the controllers, "
        "can assume the controllers' role, and through it the role of every bound account. In a role that acksm "
        "created, acksm iam-role removes the subject after confirmation; in any other role it removes nothing.",
        "aws iam update-assume-role-policy --role-name ROLE --policy-document file://TRUST_WITHOUT_THEM",
    ),
    Entry(
        "check.pass-role",
        "the controllers' role can pass only specific roles",
        "AmazonSageMakerFullAccess allows iam:PassRole on every role for SageMaker: anyone who may create a "
        "TrainingJob in the cluster can run code as any role of the account that trusts SageMaker. According to the "
        "policies that acksm knows and IAM's policy simulation.",
        "acksm iam-role --policy least --policy autoscaling --execution-role ARN",
    ),
    Entry(
        "check.pod-role",
        "the pods have the role of their service account",
        "AWS_ROLE_ARN or, by EKS Pod Identity, AWS_CONTAINER_CREDENTIALS_FULL_URI is set when a pod is created. Ready "
        "alone means only that some identity works, for example the node's.",
        "kubectl -n ack-system rollout restart deployment   (or: acksm doctor --fix)",
    ),
    Entry(
        "check.pods",
        "the controllers are running",
        "The newest revision of each Deployment is available. For a pod that does not start, the message has its "
        "reason and its log.",
        "kubectl -n ack-system describe pods",
    ),
    Entry(
        "check.leader-election",
        "one pod of each controller is the leader",
        "With leader election one pod holds the Lease and renews it. Without it, all replicas would reconcile every "
        "object at the same time.",
        "kubectl get leases -A   (and: acksm install --set leaderElection.enabled=true for several replicas)",
    ),
    Entry(
        "check.log",
        "the controllers' logs show no known symptom",
        "Some failures never become a condition of an object (docs/ack/messages.md#only-in-the-log). Old lines remain "
        "until the log is rotated.",
        "acksm explain ID   (of the symptom in the message; where there is no log, see check.pods)",
    ),
    Entry(
        "check.other-controllers",
        "no other controller reconciles the same objects",
        "Two controllers of one service that watch the same namespace both change each object in it. They are found "
        "by who may write the service's objects, according to the apiserver, not by labels or images "
        "(docs/security.md).",
        "helm uninstall -n NAMESPACE RELEASE of one of them, or acksm install --scope namespace --watch-namespace …",
    ),
    Entry(
        "check.scope",
        "the controllers' scope fits the bindings",
        "In some scopes and with some flags, annotations of namespaces are silently ignored "
        "(docs/ack/accounts-and-regions.md#scope).",
        "acksm install --scope cluster",
    ),
    Entry(
        "check.bindings",
        "bound namespaces can use their account",
        "Each step from the annotation to the target account's role is checked, with an id of its own.",
        "acksm carm verify",
    ),
    Entry(
        "check.unwatched",
        "controllers watch every object and every bound namespace",
        "In namespace scope a controller watches only some namespaces. Elsewhere changes do not reach AWS, a deleted "
        "object is stuck in Terminating, and an account or region of the namespace has no effect. Objects alone are a "
        "warning.",
        "acksm install --add-watch-namespace NAMESPACE   (or --scope cluster)",
    ),
    Entry(
        "check.objects",
        "no object reports a failure",
        "According to its conditions; a known message is shown with its symptom.",
        "acksm doctor KIND/NAME --namespace NAMESPACE",
    ),
    Entry(
        "check.cross-namespace",
        "no controller refuses references and exports to another namespace",
        "Without enableCrossNamespace a controller refuses references to objects and Secrets of another namespace, and "
        "FieldExports that write to one: ACK.Terminal (community#3031). It is on by default up to sagemaker 1.9.1.",
        "acksm install --set SERVICE:enableCrossNamespace=true",
    ),
    Entry(
        "check.field-exports",
        "FieldExports follow their source",
        "From sagemaker 1.4.0 to 1.8.3, and applicationautoscaling 1.1.0 to 1.4.1, a FieldExport is written once, and "
        "not again when its source changes (community#2964).",
        "acksm upgrade --version SERVICE=latest",
    ),
    Entry(
        "check.stuck",
        "no object is stuck in Terminating",
        "An object that is being deleted keeps ACK's finalizer until its controller has finished, and no controller "
        "watches this one.",
        "acksm install   (a controller of the same version finishes the deletion)",
    ),
)
_OBJECT = (
    Entry(
        "check.object-kind",
        "the cluster serves the kind",
        "Its CRD exists, is established, and is not being deleted.",
        "acksm install",
    ),
    Entry(
        "check.object-there",
        "the object exists",
        "The name or the namespace may be wrong.",
        "kubectl get KIND -A",
    ),
    Entry(
        "check.object-controller",
        "a controller for it is installed",
        "Each service has its own controller.",
        "acksm install --service SERVICE",
    ),
    Entry(
        "check.object-running",
        "the controller is running",
        "Its Deployment is available.",
        "acksm doctor",
    ),
    Entry(
        "check.object-scope",
        "the controller watches the object's namespace",
        "In namespace scope a controller watches only some namespaces (community#1388).",
        "acksm install --add-watch-namespace NAMESPACE   (or --scope cluster)",
    ),
    Entry(
        "check.object-reconciled",
        "the controller reconciles objects of this kind",
        "The value reconcile.resources is a list of kinds; helm upgrade --reuse-values keeps an old list without "
        "newer kinds.",
        "acksm install --reset-values",
    ),
    Entry(
        "check.object-selector",
        "the object has the labels that the controller selects",
        "The value watchSelectors excludes objects that do not match.",
        "kubectl label KIND NAME KEY=VALUE -n NAMESPACE",
    ),
    Entry(
        "check.object-region",
        "the object is in the region that its annotations select",
        "An object cannot move: once it is created, another region is an error that only the log reports.",
        "acksm region explain KIND/NAME --namespace NAMESPACE",
    ),
    Entry(
        "check.object-account",
        "the object is in the account that its namespace is bound to",
        "An object cannot move to another account.",
        "acksm carm verify NAMESPACE",
    ),
    Entry(
        "check.object-role",
        "the role for the object can be assumed",
        "The checks of carm verify for its namespace.",
        "acksm carm verify NAMESPACE --live",
    ),
    Entry(
        "check.object-conditions",
        "its conditions report no failure",
        "The controller's last message; a known one is shown with its symptom and remedy.",
        "kubectl describe KIND NAME -n NAMESPACE",
    ),
    Entry(
        "check.object-log",
        "the controller's log reports no failure of the object",
        "Some failures never become a condition (docs/ack/messages.md#only-in-the-log).",
        "kubectl -n ack-system logs deployment/NAME",
    ),
    Entry(
        "check.object-deletion",
        "the object is not being deleted",
        "It is deleted when its last finalizer is removed; ACK removes its own when the AWS resource is deleted.",
        "kubectl get KIND NAME -n NAMESPACE -o yaml",
    ),
    Entry(
        "check.object-aws",
        "the AWS resource exists",
        "Checked by a call to AWS, in the account and region of the object's status.",
        "kubectl describe KIND NAME -n NAMESPACE",
    ),
)
ENTRIES = (
    *_GROUND,
    *_CONTROLLERS,
    *_OBJECT,
    Entry(
        "policy-unknown",
        "this command has no policy",
        "--print-policy accepts commands that call AWS, such as install or carm-setup.",
        "acksm doctor --print-policy install",
        _U,
    ),
    Entry(
        "not-looked-at",
        "not checked",
        "acksm cannot query AWS for this object, or a check that comes first failed.",
        "acksm doctor",
    ),
    Entry(
        "check-unknown",
        "no such check",
        "`--only` takes ids of checks and their categories, `--ignore` ids, with or without `check.`. Those of one "
        "object, KIND/NAME, differ from those of the cluster.",
        "acksm explain --list   (or acksm doctor --full)",
        _U,
    ),
    Entry(
        "logs-controller",
        "no controller, or several, whose log could be printed",
        "`acksm logs SERVICE` prints the log of the controller in the controllers' namespace (-n), else of the only "
        "one in the cluster.",
        "acksm status",
    ),
    Entry(
        "logs-pod",
        "the controller has no pod",
        "Its Deployment is scaled to zero, or its pods are not created.",
        "acksm doctor   (check.pods says why)",
    ),
    Entry(
        "report-file",
        "cannot write the support bundle",
        "The file exists, its directory does not exist, or its name does not end with .tar.gz, .tgz or .zip.",
        "acksm report   (or --out FILE)",
        _U,
    ),
)
