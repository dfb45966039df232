"""Ids of the guide's samples: their names, their parameters, and what stands in an object's way."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R, _U, _OK, _S = ExitCode.REFUSED, ExitCode.USAGE, ExitCode.OK, ExitCode.STEP_FAILED

ENTRIES = (
    Entry(
        "sample-unknown",
        "there is no such sample",
        "A typing error; the nearest are named. The name of a kind is taken for its sample.",
        "acksm samples list",
        _U,
    ),
    Entry(
        "sample-set",
        "--set is not NAME=VALUE",
        "A parameter is given once, as `--set NAME=VALUE`, or `--set SAMPLE.NAME=VALUE` for one before it.",
        "acksm samples show SAMPLE",
        _U,
    ),
    Entry(
        "sample-parameter-unknown",
        "the sample has no such parameter",
        "A typing error; the nearest are named.",
        "acksm samples show SAMPLE",
        _U,
    ),
    Entry(
        "sample-parameter-missing",
        "a parameter has to be given",
        "It has no default: nobody but you knows the bucket, the VPC or the team.",
        "acksm samples apply SAMPLE --set NAME=VALUE",
        _U,
    ),
    Entry(
        "sample-value",
        "a parameter has a value that it cannot have",
        "Each parameter has a form, so that a mistake is told before AWS tells it.",
        "acksm samples show SAMPLE",
        _U,
    ),
    Entry(
        "sample-no-role",
        "no execution role is given",
        "SageMaker works as a role of yours that trusts sagemaker.amazonaws.com and may read and write the bucket.",
        "acksm samples apply SAMPLE --set role=ARN   (or --with-role, which makes one)",
        _U,
    ),
    Entry(
        "sample-no-image",
        "no image of that algorithm is known in the region",
        "SageMaker's own images are in another account in each region, and the table has none for this one.",
        "acksm samples apply SAMPLE --set image=URI",
        _U,
    ),
    Entry(
        "sample-kind-not-served",
        "the cluster does not serve the sample's kind",
        "Kinds came with versions of the chart; the one that has it is named.",
        "acksm install --version SERVICE=VERSION",
    ),
    Entry(
        "sample-not-watched",
        "no controller watches the namespace",
        "In namespace scope nothing happens to objects of other namespaces, and a service that is not installed has "
        "nobody who works.",
        "acksm install --scope cluster   (or --watch-namespace with that one too)",
        _R,
    ),
    Entry(
        "sample-invalid",
        "the apiserver refuses the manifest",
        "Each manifest is shown to the apiserver before anything is made. The served CRD is of a version that the "
        "sample does not fit.",
        "acksm samples show SAMPLE   (and change what the message names)",
    ),
    Entry(
        "sample-not-ours",
        "an object of that name is there, and acksm did not make it",
        "What acksm did not make is not changed.",
        "acksm samples apply SAMPLE --set name=OTHER",
        _R,
    ),
    Entry(
        "sample-unchangeable",
        "the object is there with another content, and cannot be changed",
        "SageMaker has no call that changes an object of this kind, and none that moves one to another region; the "
        "controller would give up on it.",
        "acksm samples apply SAMPLE --set name=OTHER   (or delete the object)",
        _R,
    ),
    Entry(
        "sample-terminating",
        "the object is being deleted",
        "It has to be gone before one of its name can be made.",
        "run the same command again when it is gone",
    ),
    Entry(
        "sample-role-account",
        "a role of this account does not fit the namespace",
        "The namespace is bound to another account, and a role can be passed on only in its own.",
        "acksm samples apply SAMPLE --set role=ARN   (a role of that account)",
        _R,
    ),
    Entry(
        "sample-role-not-ours",
        "a role of that name is there, and acksm did not make it for samples",
        "Its tags do not say so; changing the trust of somebody's role could lock out what uses it.",
        "acksm samples apply SAMPLE --set role=ARN   (that one, if it fits)",
        _R,
    ),
    Entry(
        "sample-not-yet",
        "AWS has not given the other object its id yet",
        "The id of a domain is AWS's choice. Without --wait nothing waits for it.",
        "run the same command again, with --wait",
        _S,
    ),
    Entry("sample.create", "an object of a sample is made", "It is not there.", "", _OK),
    Entry("sample.update", "an object of a sample is changed", "It is there with other values.", "", _OK),
    Entry("sample.synced", "an object is waited for", "Until the controller says that it is in sync.", "", _OK),
)
