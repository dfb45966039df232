"""Ids of `cleanup`."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_OK, _FAILED, _REFUSED = ExitCode.OK, ExitCode.STEP_FAILED, ExitCode.REFUSED

ENTRIES = (
    Entry(
        "cleanup-gitops",
        "a GitOps tool would recreate the objects",
        "Argo CD or Flux manages these objects: it recreates each one when it is deleted, without the deletion policy "
        "that protected its AWS resource.",
        "acksm …   (again, when the objects are removed from their source, or it is suspended)",
        _REFUSED,
    ),
    Entry(
        "cleanup-would-strand",
        "objects would be left without a controller",
        "These objects are kept, because another controller reconciles them. But that one has no ready replica, or "
        "its permissions could not be checked, and the release that reconciles them now would be uninstalled.",
        "kubectl -n NAMESPACE rollout status deployment NAME   for the other controller; or remove its release by "
        "helm and run the same command again",
        _REFUSED,
    ),
    Entry(
        "cleanup-not-watched",
        "objects wait for a controller that does not watch their namespace",
        "The controller's scope was narrowed while they existed, so no controller removes their finalizers.",
        "acksm install --add-watch-namespace NAMESPACE   (then acksm cleanup again; or acksm cleanup --orphan)",
        _REFUSED,
    ),
    Entry(
        "cleanup-cannot-retain",
        "the controller is too old to keep AWS resources",
        "The deletion policy retain is supported from sagemaker 0.6.0 and applicationautoscaling 0.2.16 on; before, "
        "deleting an object always deletes its AWS resource.",
        "acksm upgrade   (first; or acksm cleanup --orphan; or, to delete in AWS, --delete-aws)",
        _REFUSED,
    ),
    Entry(
        "cleanup-controller-gone",
        "objects wait for a controller that cannot be reinstalled",
        "Its namespace is being deleted, so nothing can be created in it, and without a controller ACK's finalizers "
        "are not removed.",
        "acksm cleanup --orphan   (AWS resources are kept and listed)",
        _REFUSED,
    ),
    Entry(
        "cleanup-policy-changed",
        "the deletion policy of an object was changed during the run",
        "The plan was to keep its AWS resource, and the annotation for that was removed. The object was not deleted.",
        "acksm …   (again, with a new plan)",
        _FAILED,
    ),
    Entry(
        "cleanup-object-stuck",
        "objects are stuck in Terminating",
        "They were deleted and wait for a finalizer to be removed. The message has their finalizers, conditions and "
        "the controller's last log lines.",
        "acksm …   (again, when what the controller names is fixed; or with --orphan)",
        ExitCode.TIMED_OUT,
    ),
    Entry(
        "cleanup-object-refused",
        "the controller cannot delete an object",
        "Condition ACK.Terminal has the reason: AWS rejects the deletion, often because something else uses the "
        "resource.",
        "acksm …   (again, when what the condition names is fixed; or with --orphan)",
        _FAILED,
    ),
    Entry(
        "cleanup-aws-left",
        "AWS resources still exist",
        "Their objects in the cluster are deleted, and AWS has not finished deleting the resources (community#2126).",
        "wait, and check with `aws sagemaker describe-…`; delete what remains manually",
        ExitCode.TIMED_OUT,
    ),
    Entry(
        "cleanup-objects-appeared",
        "objects were created while their CRD was to be deleted",
        "Deleting a CRD deletes its objects, and no controller is left to handle their AWS resources.",
        "acksm …   (again, with a new plan)",
        _FAILED,
    ),
    Entry(
        "cleanup-namespace-used",
        "the namespace has objects that acksm did not create",
        "They were created after the plan was made, or acksm did not create the namespace.",
        "move it away, or leave the namespace: acksm cleanup without --delete-namespaces",
        _FAILED,
    ),
    Entry(
        "aws-role-in-use",
        "IAM cannot delete the role",
        "A policy or an instance profile was attached to it after the plan was made.",
        "acksm …   (again, with a new plan)",
        _FAILED,
    ),
    Entry(
        "cleanup.retain",
        "an object is annotated to keep its AWS resource",
        "Annotation services.k8s.aws/deletion-policy=retain.",
        "",
        _OK,
    ),
    Entry("cleanup.object", "an object is deleted", "By background propagation (community#1759).", "", _OK),
    Entry("cleanup.common", "a FieldExport or AdoptedResource is deleted", "AWS is not affected.", "", _OK),
    Entry(
        "cleanup.orphan", "an object is orphaned", "Only ACK's finalizers are removed; the object is deleted.", "", _OK
    ),
    Entry("cleanup.gone", "waiting until objects are deleted", "Until the controller removes its finalizer.", "", _OK),
    Entry("cleanup.in-aws", "waiting until AWS resources are deleted", "By a describe call for each.", "", _OK),
    Entry("cleanup.release", "a release is uninstalled", "helm uninstall; helm keeps the CRDs.", "", _OK),
    Entry("cleanup.release-object", "an object of a lost release is deleted", "helm has no record of it.", "", _OK),
    Entry(
        "cleanup.release-gone",
        "waiting until the controller's pods are deleted",
        "A pod that is terminating still reconciles.",
        "",
        _OK,
    ),
    Entry("cleanup.crd", "a CRD is deleted", "Only of the selected services, and only without objects.", "", _OK),
    Entry("cleanup.crds-gone", "waiting until CRDs are deleted", "The apiserver finishes them.", "", _OK),
    Entry("cleanup.namespace", "a namespace is deleted", "Only one that acksm created and that is empty.", "", _OK),
    Entry("cleanup.namespace-gone", "waiting until namespaces are deleted", "The apiserver finishes them.", "", _OK),
    Entry("cleanup.role-detach", "a managed policy is detached", "IAM deletes no role with policies.", "", _OK),
    Entry("cleanup.role-inline", "an inline policy is deleted", "IAM deletes no role with policies.", "", _OK),
    Entry(
        "cleanup.role",
        "a role is deleted",
        "Only one that acksm created for this cluster, without other users.",
        "",
        _OK,
    ),
    Entry(
        "cleanup.carm-policy",
        "acksm's statement is removed from a role that is kept",
        "No account is bound any more.",
        "",
        _OK,
    ),
    Entry(
        "cleanup.carm-trust",
        "this cluster's statement is removed from the target account's role",
        "The role is kept, because another cluster uses it or acksm did not create it.",
        "",
        _OK,
    ),
    Entry("cleanup.oidc", "the OIDC provider is deleted", "acksm created it, and no other role trusts it.", "", _OK),
)
