"""Ids of `cleanup`."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_OK, _FAILED, _REFUSED = ExitCode.OK, ExitCode.STEP_FAILED, ExitCode.REFUSED

ENTRIES = (
    Entry(
        "cleanup-gitops",
        "the objects would come back",
        "Argo CD or Flux keeps these objects: it makes each again as soon as it is deleted, without the policy that "
        "protected what it stands for.",
        "take the objects out of their source, or suspend it, and run the same command again",
        _REFUSED,
    ),
    Entry(
        "cleanup-would-strand",
        "objects would be left without a controller",
        "Another controller works on these objects, so they are kept for it. But it has no ready replica, or its "
        "rights could not be checked, and the release that serves them now would go.",
        "kubectl -n NAMESPACE rollout status deployment NAME   for the other controller; or remove its release by helm "
        "and run the same command again",
        _REFUSED,
    ),
    Entry(
        "cleanup-not-watched",
        "objects wait for a controller that does not watch their namespace",
        "The controller's scope was made smaller while the objects were there, so that nobody lets go of them.",
        "acksm install --scope cluster, then the same command again; or acksm cleanup --orphan",
        _REFUSED,
    ),
    Entry(
        "cleanup-cannot-retain",
        "the controller is too old to leave AWS objects alone",
        "Policies of retain are followed since sagemaker 0.6.0 and applicationautoscaling 0.2.16; before, deleting an "
        "object always deletes what it stands for.",
        "acksm install with a newer --version first; or acksm cleanup --orphan; or, to delete in AWS, --delete-aws",
        _REFUSED,
    ),
    Entry(
        "cleanup-controller-gone",
        "objects wait for a controller that cannot be brought back",
        "Its namespace is being deleted, and nothing can be made in it. Without a controller nobody takes ACK's "
        "finalizers off.",
        "acksm cleanup --orphan   (what is in AWS stays there, and is listed)",
        _REFUSED,
    ),
    Entry(
        "cleanup-policy-changed",
        "somebody changed an object's deletion policy meanwhile",
        "The plan was to leave its AWS object alone, and the annotation that says so is gone. It was not deleted.",
        "run the same command again; it looks anew",
        _FAILED,
    ),
    Entry(
        "cleanup-object-stuck",
        "objects do not go",
        "They were deleted, and wait for a finalizer to be taken off. Finalizers, conditions and the controller's last "
        "words on them are told.",
        "mend what the controller names and run the same command again; or acksm cleanup --orphan",
        ExitCode.TIMED_OUT,
    ),
    Entry(
        "cleanup-object-refused",
        "the controller gave up on deleting an object",
        "Its condition ACK.Terminal says why: AWS refuses the deletion, often because something else uses the object.",
        "mend what the condition names and run the same command again; or acksm cleanup --orphan",
        _FAILED,
    ),
    Entry(
        "cleanup-aws-left",
        "objects are in AWS still",
        "Their objects in the cluster are gone, and AWS has not ended with what they stand for (community#2126).",
        "wait, and look with `aws sagemaker describe-…`; delete by hand what stays",
        ExitCode.TIMED_OUT,
    ),
    Entry(
        "cleanup-objects-appeared",
        "objects were made while their kind was to go",
        "Deleting a CRD deletes its objects, with no controller left to look after what they stand for.",
        "run the same command again; it looks anew",
        _FAILED,
    ),
    Entry(
        "cleanup-namespace-used",
        "something of somebody else's is in the namespace",
        "It was not there when the plan was made, or acksm did not make the namespace.",
        "move it away, or leave the namespace: acksm cleanup without --namespace",
        _FAILED,
    ),
    Entry(
        "aws-role-in-use",
        "IAM does not delete the role",
        "Something was attached to it meanwhile: a policy, or an instance profile.",
        "run the same command again; it looks anew",
        _FAILED,
    ),
    Entry(
        "cleanup.retain", "the AWS object is to stay", "Annotation services.k8s.aws/deletion-policy=retain.", "", _OK
    ),
    Entry("cleanup.object", "an object is deleted", "By background propagation (community#1759).", "", _OK),
    Entry("cleanup.common", "a FieldExport or AdoptedResource is deleted", "Nothing in AWS changes by it.", "", _OK),
    Entry("cleanup.orphan", "ACK's finalizers are taken off", "Exactly those; and the object is deleted.", "", _OK),
    Entry("cleanup.gone", "objects are waited for", "Until the controller has let go of them.", "", _OK),
    Entry("cleanup.in-aws", "AWS is asked whether objects are gone", "By a describe call of each.", "", _OK),
    Entry("cleanup.release", "a release goes", "helm uninstall; CRDs stay, as helm leaves them.", "", _OK),
    Entry("cleanup.release-object", "an object of a forgotten release goes", "helm has no record of it.", "", _OK),
    Entry("cleanup.release-gone", "its pods are waited for", "One that is ending still works.", "", _OK),
    Entry("cleanup.crd", "a CRD goes", "Only of the chosen services' groups, and when it has no objects.", "", _OK),
    Entry("cleanup.crds-gone", "CRDs are waited for", "The apiserver ends with them.", "", _OK),
    Entry("cleanup.namespace", "a namespace goes", "One that acksm made, with nothing else in it.", "", _OK),
    Entry("cleanup.namespace-gone", "namespaces are waited for", "The apiserver ends with them.", "", _OK),
    Entry("cleanup.role-detach", "a managed policy is detached", "IAM deletes no role with policies.", "", _OK),
    Entry("cleanup.role-inline", "an inline policy is deleted", "IAM deletes no role with policies.", "", _OK),
    Entry("cleanup.role", "a role goes", "One that acksm made for this cluster and nobody else uses.", "", _OK),
    Entry(
        "cleanup.carm-policy", "acksm's statement leaves a role that stays", "No account is bound any more.", "", _OK
    ),
    Entry(
        "cleanup.carm-trust",
        "this cluster's statement leaves the other account's role",
        "The role stays, for another cluster uses it or acksm did not make it.",
        "",
        _OK,
    ),
    Entry("cleanup.oidc", "the OIDC provider goes", "acksm made it, and no other role trusts it.", "", _OK),
)
