"""Ids of installing the controllers: CRDs, releases and their pods."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R, _S, _OK = ExitCode.REFUSED, ExitCode.STEP_FAILED, ExitCode.OK

ENTRIES = (
    Entry(
        "crd-terminating",
        "a CRD is being deleted",
        "It was deleted while objects with ACK finalizers existed and no controller was running to remove them. The "
        "apiserver accepts no new objects of a kind that is Terminating (docs/ack/deletion.md#terminating-crds).",
        "kubectl get KIND -A   (let the controller delete them, or remove exactly the ACK finalizers)",
        _R,
    ),
    Entry(
        "crd-not-ours",
        "a CRD belongs to another tool",
        "The requested chart needs another version of it, and its labels name an owner that would restore its own.",
        "change the version in the tool named, or use the version it has: --version SERVICE=V",
        _R,
    ),
    Entry(
        "crd-version-gone",
        "an older chart needs a version that its CRD no longer serves",
        "CRDs are not downgraded, as fields of stored objects would be lost, and the cluster's is of a newer chart "
        "that dropped the version.",
        "acksm versions   (choose one that is not older than the CRD's chart)",
        _R,
    ),
    Entry(
        "crd-conversion",
        "a webhook converts a kind whose stored version is dropped",
        "A CRD of the chart has no version in which objects are stored, and its webhook changes more than the version, "
        "so that acksm cannot check whether the objects are kept (docs/upgrade.md#crds).",
        "kubectl get crd NAME -o jsonpath={.status.storedVersions}   (convert them as docs/upgrade.md#crds says)",
        _R,
    ),
    Entry(
        "crd-fields-lost",
        "objects have fields that the new version of their CRD lacks",
        "The chart's CRD drops the version in which they are stored, and the apiserver would prune these fields "
        "(docs/upgrade.md#crds).",
        "kubectl edit KIND NAME -n NAMESPACE   (remove the fields named, or keep the installed version)",
        _R,
    ),
    Entry(
        "object-not-ours",
        "an object of the release belongs to another owner",
        'helm would stop in the middle with "invalid ownership metadata", so acksm checks first.',
        "uninstall the owner's release, or install with --controller-namespace and --set fullnameOverride=NAME",
        _R,
    ),
    Entry(
        "release-not-ours",
        "a release of that name exists, and acksm did not create it",
        "Another user or tool (Argo CD, Flux, helm) manages it.",
        "acksm install --adopt-release   (adopts it with its values), or remove it there first",
        _R,
    ),
    Entry(
        "kept-by-engine",
        "another tool keeps what would have to change",
        "Flux, Argo CD, or whoever applied the manifests, keeps the controllers, not acksm by helm: an engine reverts "
        "the write, and the next apply does. What differs is listed; what acksm does in IAM and EKS is not affected "
        "(docs/gitops.md#a-cluster-that-an-engine-keeps).",
        "acksm export --to flux --repo URL --out DIR   (or argocd, kustomize; with this command's options; commit DIR)",
        _R,
    ),
    Entry(
        "release-busy",
        "another helm operation on the release is in progress",
        "Its last operation is pending and less than five minutes old, so helm may still be running. It was not "
        "started by a killed acksm on this machine: acksm waits for those.",
        "acksm …   (again, when it has ended or in five minutes)",
        _R,
    ),
    Entry(
        "namespace-missing",
        "a watched namespace does not exist",
        "In namespace scope the chart creates a Role in each watched namespace, so they have to exist first.",
        "acksm install … --create-namespace",
        ExitCode.CHECK_FAILED,
    ),
    Entry(
        "namespace-terminating",
        "the namespace is being deleted",
        "Nothing can be created in it; an object with a finalizer blocks its deletion.",
        "kubectl get namespace NAME -o yaml",
        _R,
    ),
    Entry(
        "no-nodes",
        "the cluster has no node for a controller's pod",
        "No node is ready, large enough, and allowed by taints, node selector, affinity and the image's architecture, "
        "and nothing would add one: no node pool of EKS Auto Mode or Karpenter, no node group that scales up, no "
        "Fargate profile that selects the pod.",
        "eksctl create nodegroup --cluster NAME   (or a Fargate profile; --no-wait installs without pods)",
    ),
    Entry(
        "service-account-missing",
        "the controller's service account does not exist",
        "The values name a service account that the release does not create (serviceAccount.create=false), so that no "
        "pod can be created.",
        "acksm install --set serviceAccount.create=true   (or create it; --no-wait installs without pods)",
    ),
    Entry(
        "reference-missing",
        "the controller's pod refers to an object that does not exist",
        "A Secret, ConfigMap or PersistentVolumeClaim of the values is not in the controllers' namespace, and is not "
        "optional, so that no container can start.",
        "kubectl -n ack-system get secrets,configmaps,persistentvolumeclaims   (create it; --no-wait installs without "
        "pods)",
    ),
    Entry(
        "pod-refused",
        "the namespace does not admit the controller's pod",
        "A server-side dry run of the pod was refused by a quota, a limit range, the namespace's Pod Security level, a "
        "priority class or a runtime class. The message is the apiserver's own.",
        "kubectl -n ack-system describe resourcequota,limitrange   (or: kubectl get namespace ack-system -o yaml)",
    ),
    Entry(
        "pod-not-created",
        "no pod of the controller is created",
        "Its ReplicaSet was refused: a missing service account, a quota, a limit range, the namespace's Pod Security "
        "level, or a webhook. The message is the apiserver's own (docs/troubleshooting.md#pods-that-do-not-start).",
        "kubectl -n ack-system describe replicasets",
        _S,
    ),
    Entry(
        "pod-unschedulable",
        "no node takes the controller's pod",
        "The message is the scheduler's own, with that of an autoscaler if it answered.",
        "kubectl -n ack-system describe pods",
        _S,
    ),
    Entry(
        "adopted-resources-left",
        "AdoptedResource objects would be stuck after this upgrade",
        "From sagemaker 1.5.1 and applicationautoscaling 1.1.2 on no controller removes their finalizer, so they, "
        "their CRD and their namespace could never be deleted, and pending ones would never be adopted "
        "(docs/ack/adoption.md#adoptedresource-removal). Deleting one does not delete what it adopted.",
        "acksm upgrade --convert-adopted   (docs/upgrade.md#adoptedresource)",
        _R,
    ),
    Entry(
        "adopted-resources-gitops",
        "Argo CD or Flux would create the AdoptedResources again",
        "Objects of these names carry the mark of Argo CD or Flux, which restores what is deleted. The error has the "
        "manifests that replace them: on an object that is managed already, adoption annotations have no effect.",
        "commit these manifests instead of the AdoptedResources, then acksm upgrade --convert-adopted",
        _R,
    ),
    Entry(
        "adopted-resources-failing",
        "AdoptedResources have adopted nothing",
        "Their controller could not adopt, for the reason in the message, or has no such kind. acksm does not guess "
        "whether to drop them or to correct them.",
        "kubectl delete adoptedresources.services.k8s.aws NAME -n NAMESPACE   (or correct it, then again)",
        _R,
    ),
    Entry(
        "adopted-resources-own",
        "an adopted object would be deleted with its AdoptedResource",
        "The AdoptedResource is in the object's metadata.ownerReferences, so Kubernetes deletes the object too, and "
        "ACK its AWS resource (https://kubernetes.io/docs/concepts/architecture/garbage-collection/).",
        "remove the owner reference from the object, then again",
        _R,
    ),
    Entry(
        "adopted-resources-account",
        "the controller would not finish the deletion of an AdoptedResource",
        "Before it removes the finalizer, the controller searches the role of the namespace's account or team in its "
        "map, and waits without an end where there is none "
        "(https://github.com/aws-controllers-k8s/runtime/blob/v0.52.0/pkg/runtime/adoption_reconciler.go).",
        "acksm carm bind NAMESPACE --target-account ACCOUNT",
        _R,
    ),
    Entry(
        "adopted-resources-stuck",
        "AdoptedResources are stuck in Terminating",
        "They were deleted, and the controller has not removed their finalizer. The message has the controller's last "
        "log lines.",
        "acksm logs   (then again, when what the controller names is fixed)",
        ExitCode.TIMED_OUT,
    ),
    Entry(
        "adopted-resource.delete",
        "an AdoptedResource is deleted",
        "It has created its object, which is kept, and its controller removes the finalizer.",
        "",
        _OK,
    ),
    Entry(
        "adopted-resource.orphan",
        "an AdoptedResource is deleted without its controller",
        "No controller would remove its finalizer, so acksm removes it. What was adopted is kept.",
        "",
        _OK,
    ),
    Entry(
        "adopted-resource.replace",
        "an AdoptedResource is deleted, as an object with adoption annotations replaces it",
        "It was not adopted yet. It is deleted only when that object exists.",
        "",
        _OK,
    ),
    Entry("adopted-resource.deleted", "AdoptedResources are waited for", "Until they are deleted.", "", _OK),
    Entry(
        "adopted-resource.pods",
        "pods of the old version are waited for",
        "A terminating controller still reconciles, and an old one does not know adoption annotations.",
        "",
        _OK,
    ),
    Entry(
        "pod-failing",
        "the controller's pod does not start",
        "The message has the pod's reason and the end of its log.",
        "kubectl -n ack-system describe pods",
        _S,
    ),
    Entry(
        "pod-identity-missing",
        "the pod does not have the role's identity",
        "The service account has the annotation, but the pod lacks AWS_ROLE_ARN or AWS_WEB_IDENTITY_TOKEN_FILE; or it "
        "has an EKS Pod Identity association, and the pod lacks AWS_CONTAINER_CREDENTIALS_FULL_URI: EKS's pod identity "
        "webhook did not modify it. Ready alone means only that some identity works, for example the node's.",
        "kubectl -n ack-system rollout restart deployment",
        _S,
    ),
    Entry("crds.create", "a CRD is created", "The cluster does not serve a kind of the chart.", "", _OK),
    Entry(
        "crds.share",
        "helm becomes the field manager of a common CRD",
        "Every ACK chart has the CRDs of services.k8s.aws, and helm 4 applies them server-side: it would meet a "
        "conflict with another field manager.",
        "",
        _OK,
    ),
    Entry("crds.update", "a CRD is updated", "The chart's CRD differs from the served one.", "", _OK),
    Entry("crds.established", "waiting until the CRDs are established", "The apiserver then serves them.", "", _OK),
    Entry("namespace.create", "a namespace is created", "The controllers' namespace or a watched one.", "", _OK),
    Entry("release.install", "a controller is installed", "Its release does not exist.", "", _OK),
    Entry(
        "crds.convert",
        "objects are stored in another version",
        "The chart's CRD drops the version in which they are stored.",
        "",
        _OK,
    ),
    Entry("release.rollback", "a release is rolled back", "Objects became worse, with --rollback-on-worse.", "", _OK),
    Entry(
        "upgrade.record",
        "what is synced is recorded",
        "Before an upgrade, in a ConfigMap of the controllers' namespace, so that any machine can compare later.",
        "",
        _OK,
    ),
    Entry("release.upgrade", "a release is upgraded", "Its chart or its values differ from the request.", "", _OK),
    Entry(
        "release.recover",
        "an interrupted release is recovered",
        "helm was killed during an operation; until the release is recovered every helm upgrade fails.",
        "",
        _OK,
    ),
    Entry(
        "release.restart",
        "the controller is restarted",
        "AWS_ROLE_ARN is set when a pod is created; a role that changed later needs a new pod.",
        "",
        _OK,
    ),
    Entry(
        "release.identity",
        "the controller's pods get EKS Pod Identity",
        "An association has an effect after some seconds, and only on pods created later: pods without it are "
        "replaced until the newest have it.",
        "",
        _OK,
    ),
    Entry(
        "release.ready", "waiting until the controller is ready", "Deployment Available, identity in the pod.", "", _OK
    ),
)
