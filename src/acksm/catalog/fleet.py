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
        "object, the AWS resource goes for both. A read-only object changes nothing; where the version does not follow "
        "that annotation, the object is deleted, and its AWS resource retained. The remedy is for the cluster that "
        "adopted the resource.",
        "kubectl --context CONTEXT annotate KIND NAME -n NAMESPACE services.k8s.aws/read-only=true",
    ),
    Entry(
        "fleet.role-in-two-clusters",
        "two clusters use one IAM role",
        "Whoever controls one cluster acts with the permissions of the other, and the trust policy has to name both.",
        "acksm fleet run --cluster CLUSTER -- install --role-name NAME",
    ),
    Entry(
        "fleet.name-in-two-regions",
        "two clusters of one account have one name",
        "The default name of the controller role has the name of the cluster, not its region, and IAM has no regions.",
        "acksm fleet run --cluster CLUSTER -- install --role-name NAME",
    ),
    Entry(
        "fleet.name-in-two-accounts",
        "clusters of two accounts have one name",
        "Each works, but a name no longer says which cluster it is: --cluster NAME selects all of them, also for a "
        "cleanup, and the ARNs of their default roles differ by account alone, which is easily overlooked in a trust "
        "policy of a third account.",
        "acksm fleet list   (name one by ACCOUNT/REGION/CLUSTER)",
    ),
    Entry(
        "fleet.issuer-trusted",
        "a controller role trusts the tokens of a cluster that does not use it",
        "The issuer is that of a cluster that was deleted or recreated (a new cluster of the same name has a new "
        "issuer), that used the role before, or that the fleet file lacks. As long as such a cluster exists, its "
        "service accounts can assume the role. The remedy has the trust policy without the issuer.",
        "aws iam update-assume-role-policy --role-name NAME --policy-document DOCUMENT",
    ),
    Entry(
        "fleet.target-role-in-two-clusters",
        "one role of a target account is assumed by two clusters",
        "Whoever controls one of the clusters can change what the other created in the target account (docs/carm.md). "
        "A role for each cluster keeps them apart.",
        "acksm fleet run --cluster CLUSTER -- carm setup --target-account ID --target-role-name NAME "
        "--target-profile PROFILE",
    ),
    Entry(
        "fleet.namespace-in-two-accounts",
        "one namespace is bound to different accounts",
        "The same manifest creates its AWS resources in another account on each of the clusters. That may be intended; "
        "if it is not, the objects of one of them are in the wrong account.",
        "acksm fleet run --cluster CLUSTER -- carm list",
    ),
    Entry(
        "fleet.carm",
        "clusters bind namespaces by annotation",
        "An EKS capability does not follow owner account annotations, and a cluster that binds by IAMRoleSelectors "
        "ignores them (docs/carm.md), so these namespaces have to be bound again before a move to either.",
        "acksm fleet run --cluster CLUSTER -- carm list",
    ),
    Entry(
        "fleet.version-skew",
        "clusters have different versions of a controller",
        "What a version refuses, adopts or ignores differs (docs/charts.md), so the same manifest has other effects.",
        "acksm fleet upgrade --cluster CLUSTER --version SERVICE=VERSION",
    ),
    Entry(
        "fleet.adopted-resources",
        "clusters still have AdoptedResources",
        "From sagemaker 1.5.1 and applicationautoscaling 1.1.2 on no controller handles them (docs/upgrade.md).",
        "acksm fleet upgrade --cluster CLUSTER --convert-adopted",
    ),
    Entry(
        "fleet.cross-namespace",
        "clusters have objects that name another namespace",
        "A later version of the charts is announced to refuse them without enableCrossNamespace (docs/upgrade.md).",
        "acksm fleet run --cluster CLUSTER -- install --set enableCrossNamespace=true",
    ),
)
