"""Ids of the samples: their names, their parameters, and objects that conflict with them."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R, _U, _OK, _S = ExitCode.REFUSED, ExitCode.USAGE, ExitCode.OK, ExitCode.STEP_FAILED

ENTRIES = (
    Entry(
        "sample-unknown",
        "no such sample",
        "The name is misspelt; the message suggests similar ones. The name of a kind selects its sample.",
        "acksm samples list",
        _U,
    ),
    Entry(
        "sample-bucket-missing",
        "the bucket does not exist",
        "S3 has no bucket of that name in any account of the partition. A job would fail with NoSuchBucket only after "
        "its instances have started.",
        "aws s3 mb s3://BUCKET   (or --set bucket=OTHER)",
        ExitCode.CHECK_FAILED,
    ),
    Entry(
        "sample-bucket-region",
        "the bucket is in another region",
        "SageMaker reads and writes buckets of the job's own region only.",
        "acksm samples apply SAMPLE --set bucket=BUCKET   (one in that region)",
        ExitCode.CHECK_FAILED,
    ),
    Entry(
        "sample-none",
        "the sample has no object there",
        "acksm deletes objects that it created, by their labels; it was deleted already, or is in another namespace.",
        "kubectl get trainingjobs.sagemaker.services.k8s.aws -A -l acksm.dev/sample",
        ExitCode.CHECK_FAILED,
    ),
    Entry(
        "sample-set",
        "--set is not NAME=VALUE",
        "A parameter is given once, as `--set NAME=VALUE`, or as `--set SAMPLE.NAME=VALUE` for a sample that is "
        "created first.",
        "acksm samples show SAMPLE",
        _U,
    ),
    Entry(
        "sample-parameter-unknown",
        "the sample has no such parameter",
        "The name is misspelt; the message suggests similar ones.",
        "acksm samples show SAMPLE",
        _U,
    ),
    Entry(
        "sample-parameter-missing",
        "missing required parameter",
        "It has no default: only you know the bucket, the VPC or the team.",
        "acksm … --set NAME=VALUE",
        _U,
    ),
    Entry(
        "sample-value",
        "invalid value of a parameter",
        "Parameters are validated before AWS would reject them.",
        "acksm samples show SAMPLE",
        _U,
    ),
    Entry(
        "sample-no-role",
        "missing execution role",
        "SageMaker assumes a role of yours, which trusts sagemaker.amazonaws.com and may read and write the bucket.",
        "acksm … --with-role   (creates one; or --set role=ARN)",
        _U,
    ),
    Entry(
        "sample-no-image",
        "no image of this algorithm is known for the region",
        "SageMaker's own images are in a different account in each region, and acksm's table has none for this one.",
        "acksm … --set image=URI",
        _U,
    ),
    Entry(
        "sample-kind-not-served",
        "the cluster does not serve the sample's kind",
        "The installed chart is older than the kind; the message has the version that added it.",
        "acksm install --version SERVICE=VERSION",
    ),
    Entry(
        "sample-not-watched",
        "no controller watches the namespace",
        "In namespace scope objects of other namespaces are ignored, and a service that is not installed has no "
        "controller at all.",
        "acksm install --add-watch-namespace NAMESPACE   (or --scope cluster)",
        _R,
    ),
    Entry(
        "sample-invalid",
        "the apiserver rejects the manifest",
        "Every manifest is validated by a server-side dry run before anything is created. The served CRD is of a "
        "version that the sample does not match.",
        "acksm samples show SAMPLE   (and change what the message names)",
    ),
    Entry(
        "sample-not-ours",
        "an object of that name exists, and acksm did not create it",
        "acksm changes only objects that it created.",
        "acksm … --set name=OTHER",
        _R,
    ),
    Entry(
        "sample-unchangeable",
        "the object exists with different content, and is immutable",
        "SageMaker cannot update an AWS resource of this kind or move one to another region; the controller would "
        "report a terminal error.",
        "acksm … --set name=OTHER   (or delete the object)",
        _R,
    ),
    Entry(
        "sample-no-effect",
        "a parameter would have no effect",
        "Only an object has it that exists and that the sample uses unchanged. `--set SAMPLE.NAME=VALUE` changes that "
        "object too, `--set SAMPLE.name=OTHER` creates another one.",
        "acksm … --set SAMPLE.NAME=VALUE",
        _R,
    ),
    Entry(
        "sample-terminating",
        "the object is being deleted",
        "A new object of that name can be created once it is deleted.",
        "acksm …   (again, when it is deleted)",
    ),
    Entry(
        "sample-role-account",
        "a role of this account cannot be used in the namespace",
        "The namespace is bound to another account, and a role can be passed only in its own account.",
        "acksm … --set role=ARN   (a role of that account)",
        _R,
    ),
    Entry(
        "sample-role-not-ours",
        "a role of that name exists, and acksm did not create it for samples",
        "Its tags do not say so. Changing the trust policy of a role that others use could lock them out.",
        "acksm … --set role=ARN   (of that role, if it is suitable)",
        _R,
    ),
    Entry(
        "sample-not-yet",
        "the object that the sample needs has no id in AWS yet",
        "AWS chooses the id of a domain. Without --wait acksm does not wait for it.",
        "acksm … --wait",
        _S,
    ),
    Entry("sample.create", "an object of a sample is created", "It does not exist.", "", _OK),
    Entry("sample.update", "an object of a sample is updated", "It exists with other values.", "", _OK),
    Entry(
        "sample.delete",
        "an object of a sample is deleted",
        "Its controller deletes the AWS resource, or stops a job.",
        "",
        _OK,
    ),
    Entry("sample.gone", "waiting for a deletion", "Until the controller has removed its finalizer.", "", _OK),
    Entry("sample.synced", "waiting for an object", "Until the controller reports it as synced.", "", _OK),
)
