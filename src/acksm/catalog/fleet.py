"""Ids of fleets: many clusters from one file."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

ENTRIES = (
    Entry(
        "fleet-invalid",
        "not a valid fleet file",
        "Every value of fleet.yaml is checked before the first cluster is read; docs/fleet.md has its form, and "
        "docs/schemas/fleet.json its schema.",
        "correct the line that the message names",
        ExitCode.USAGE,
    ),
    Entry(
        "fleet-unknown",
        "the fleet has no such cluster",
        "--cluster takes names of clusters, or ACCOUNT/REGION/CLUSTER where two have one name.",
        "acksm fleet list",
        ExitCode.USAGE,
    ),
    Entry(
        "fleet-empty",
        "no cluster was chosen",
        "No cluster of the file has all labels of --select, and discovery found none.",
        "acksm fleet list",
        ExitCode.USAGE,
    ),
    Entry(
        "fleet-command",
        "acksm fleet cannot run this command",
        "A fleet runs commands that take a cluster, with the options of that command; cluster, account, region, "
        "profile and the output format are those of the fleet.",
        "acksm fleet run -- status",
        ExitCode.USAGE,
    ),
    Entry(
        "fleet-shard-invalid",
        "not a shard of a fleet",
        "--shard takes I/N, counted from 1, or /N with the index from the variable of a Kubernetes Indexed Job, an AWS "
        "Batch array or a CI system.",
        "acksm fleet run --shard 1/4 -- status",
        ExitCode.USAGE,
    ),
    Entry(
        "fleet-job-invalid",
        "not a valid Job",
        "The names of a Job's pods are NAME-INDEX and have at most 63 characters, the shards are between 1 and 10000, "
        "and the image has acksm and helm (docs/fleet.md#the-image).",
        "acksm fleet job --shards 4 --image IMAGE -- status",
        ExitCode.USAGE,
    ),
    Entry(
        "fleet-job-file",
        "a pod cannot use this fleet file",
        "The file becomes a ConfigMap of at most 1 MiB. A pod has no AWS profile, no kubeconfig and no other file of "
        "the machine on which the file was written; it signs in as its service account, and from there with "
        "assume-role-arn.",
        "replace profile by assume-role-arn, and values by set   (in fleet.yaml)",
        ExitCode.USAGE,
    ),
    Entry(
        "fleet-job-waves",
        "shards do not wait for each other's waves",
        "Every shard runs the waves of its own clusters, so a shard without canaries would begin with the last wave. "
        "One shard keeps all waves; several are for the clusters of one wave.",
        "acksm fleet job --shards 4 --image IMAGE -- apply --yes --select stage=canary   (a Job for each wave)",
        ExitCode.USAGE,
    ),
    Entry(
        "fleet-report-invalid",
        "not a report of a fleet",
        "--failed-only and acksm fleet merge read what a command of acksm fleet prints with -o json.",
        "acksm fleet status -o json > report.json",
        ExitCode.USAGE,
    ),
    Entry(
        "fleet.resource-in-two-clusters",
        "two clusters manage one AWS resource",
        "Controllers do not know of each other: both change the object in turn, and when one cluster deletes its "
        "object, the AWS resource goes for both. A read-only object changes nothing.",
        "kubectl annotate KIND NAME -n NAMESPACE services.k8s.aws/read-only=true   (in all clusters but one)",
    ),
    Entry(
        "fleet.role-in-two-clusters",
        "two clusters use one IAM role",
        "Whoever controls one cluster acts with the permissions of the other, and the trust policy has to name both.",
        "acksm install --role-name NAME   (in all clusters but one)",
    ),
    Entry(
        "fleet.name-in-two-regions",
        "two clusters of one account have one name",
        "The default name of the controllers' role has the name of the cluster, not its region.",
        "acksm install --role-name NAME   (in all clusters but one)",
    ),
    Entry(
        "fleet.version-skew",
        "clusters have different versions of a controller",
        "What a version refuses, adopts or ignores differs (docs/charts.md), so the same manifest has other effects.",
        "acksm fleet upgrade --version SERVICE=VERSION",
    ),
    Entry(
        "fleet.adopted-resources",
        "clusters still have AdoptedResources",
        "From sagemaker 1.5.1 and applicationautoscaling 1.1.2 on no controller handles them (docs/upgrade.md).",
        "acksm explain adopted-resources-left",
    ),
    Entry(
        "fleet.cross-namespace",
        "clusters have objects that name another namespace",
        "A later version of the charts is announced to refuse them without enableCrossNamespace (docs/upgrade.md).",
        "acksm explain check.cross-namespace",
    ),
)
