"""Ids of charts: versions, archives, values, the registry and helm."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_S, _U, _R = ExitCode.STEP_FAILED, ExitCode.USAGE, ExitCode.REFUSED

ENTRIES = (
    Entry(
        "version-older",
        "upgrade does not downgrade",
        "`acksm upgrade` installs newer versions only. Going back is `acksm install` with the older version: the "
        "release gets its chart, and CRDs are kept, as an older one would lose fields of stored objects "
        "(docs/upgrade.md#going-back).",
        "acksm install --version SERVICE=V   (if a downgrade is intended)",
        ExitCode.USAGE,
    ),
    Entry(
        "downgrade-harmful",
        "the older version would harm what the newer one manages",
        "A feature that objects of this cluster depend on begins later, so that the older controller would create, "
        "change or delete AWS resources that the newer one does not (docs/upgrade.md#going-back). What could not be "
        "read counts as harm.",
        "acksm versions   (choose one that has the feature, docs/charts.md; or change the objects named)",
        _R,
    ),
    Entry(
        "rollback-impossible",
        "the upgrade could not be rolled back",
        "--rollback-on-worse needs helm's record of the revision before, the wait for the controllers, and an earlier "
        "version that can take over again. Nothing was changed.",
        "acksm upgrade   (without --rollback-on-worse: what became worse is listed all the same)",
        _R,
    ),
    Entry(
        "upgrade-record",
        "the record of an upgrade cannot be read",
        "Before an upgrade acksm writes into a ConfigMap of the controllers' namespace which objects are synced. Its "
        "data was changed since, so that nothing can be compared.",
        "kubectl -n ack-system delete configmap acksm-upgrade-SERVICE   (then acksm upgrade again)",
    ),
    Entry(
        "chart-version-unknown",
        "the registry has no such chart version",
        "The version is misspelt, or has a leading `v`: chart tags have none since May 2023 (community#1802).",
        "acksm install … --version SERVICE=latest",
    ),
    Entry(
        "chart-format-old",
        "the chart is in helm's experimental format",
        'Charts before 0.2.0 were pushed with helm < 3.7; helm now reports "manifest does not contain minimum number '
        'of descriptors" (community#988).',
        "acksm install … --version SERVICE=latest   (0.2.0 or newer; or --chart SERVICE=PATH)",
    ),
    Entry(
        "chart-unsafe",
        "the chart archive is unsafe to unpack",
        "It has a path outside the archive, a link, a device, or more data than any chart.",
        "get the chart from its publisher again",
    ),
    Entry(
        "chart-truncated",
        "the chart archive is incomplete",
        "The download or the file ends too early.",
        "acksm …   (again, or get the file again)",
    ),
    Entry(
        "chart-invalid",
        "the archive is not an ACK chart",
        "Chart.yaml, values.yaml or a CRD is missing or invalid.",
        "helm show chart PATH",
    ),
    Entry(
        "chart-digest-mismatch",
        "the chart's digest does not match the registry's manifest",
        "The data was changed on the way, by a faulty proxy or by tampering.",
        "acksm …   (again from another network; do not install it)",
    ),
    Entry(
        "registry-unreachable",
        "cannot connect to the registry",
        "There is no network, a proxy is in between, or --registry is wrong. A private cluster can use a mirror "
        "(docs/registries.md).",
        "acksm mirror --to HOST/PATH   (where the public registry is reachable; then acksm install --registry "
        "HOST/PATH)",
    ),
    Entry(
        "registry-unauthorized",
        "the registry requires credentials",
        "It answered 401. Credentials for Amazon ECR come from the AWS session; for any other registry from the files "
        "and credential helpers of helm, docker and podman (docs/registries.md#sign-in).",
        "docker login HOST",
    ),
    Entry(
        "registry-credentials",
        "cannot read the credentials for registries",
        "A file of helm, docker or podman is malformed, or the credential helper that it names fails.",
        "correct the file in the message, or write it again: docker login HOST",
    ),
    Entry(
        "registry-forbidden",
        "the registry denies access",
        "It answered 403: the caller may not read or write this repository, or a proxy denies the request. In Amazon "
        "ECR a repository of another account also needs a repository policy, and a pull-through cache "
        "ecr:BatchImportUpstreamImage and, the first time, ecr:CreateRepository.",
        "acksm doctor --print-policy install --registry HOST/PATH   (what the caller needs in Amazon ECR)",
    ),
    Entry(
        "registry-repository-unknown",
        "the registry has no such repository",
        "--registry names another path than the charts have, or nothing was copied there yet.",
        "acksm mirror --to HOST/PATH",
    ),
    Entry(
        "image-missing",
        "the registry lacks the controller's image",
        "Pods would pull it from there, and it has other tags of the image or had this one.",
        "acksm mirror --to HOST/PATH --version SERVICE=VERSION",
    ),
    Entry(
        "registry-failed",
        "the registry returned an error",
        "The message is the registry's own.",
        "acksm …   (again)",
        _S,
    ),
    Entry(
        "scope-broken",
        "this version does not work in namespace scope",
        "Its chart creates the Role in the wrong namespace, or none (community#1996, community#2006).",
        "acksm install … --version SERVICE=1.9.1",
    ),
    Entry(
        "scope-unsupported",
        "this version does not support the watched namespaces",
        "Several namespaces, and other namespaces than the release's, need a newer chart.",
        "acksm install … --version SERVICE=1.9.1",
    ),
    Entry(
        "values-unknown-key",
        "the chart has no such value",
        "helm would accept it without effect: the charts' schemas allow unknown keys "
        "(docs/ack/versions.md#unknown-values).",
        "helm show values CHART   (the message has its path)",
        _U,
    ),
    Entry(
        "values-type",
        "a value has the wrong type",
        "The chart's default is of another type.",
        "quote strings, do not quote numbers and booleans",
        _U,
    ),
    Entry(
        "values-managed",
        "acksm manages this value",
        "It is set from an option, so another value would be overwritten.",
        "use the option in the message",
        _U,
    ),
    Entry(
        "values-schema",
        "the values do not match the chart's schema",
        "helm would reject them only after the CRDs were applied.",
        "correct the value in the message",
        _U,
    ),
    Entry(
        "values-file",
        "cannot read a values file",
        "It does not exist, or is not YAML.",
        "helm lint --values FILE",
        _U,
    ),
    Entry(
        "helm-missing",
        "helm is not installed",
        "acksm runs helm to install charts; it needs 3.8 or newer, or 4.",
        "install helm, or give its path: ACKSM_HELM=/path/to/helm",
    ),
    Entry("helm-too-old", "helm is too old", "OCI charts need helm 3.8.", "install helm 3.8 or newer, or 4"),
    Entry("helm-failed", "helm failed", "The message is helm's own.", "acksm install --dry-run", _S),
    Entry(
        "helm-ownership",
        "helm does not own an object of the chart",
        "The object exists, and its helm annotations name another release, or none.",
        "kubectl get OBJECT -o yaml   (see meta.helm.sh/release-name)",
        _R,
    ),
    Entry(
        "helm-record",
        "cannot read helm's record of the release",
        "The Secret sh.helm.release.v1.… is not as helm writes it: truncated, or edited manually.",
        "helm history RELEASE -n NAMESPACE   (then delete the Secret of the damaged revision)",
        _S,
    ),
    Entry(
        "helm-timeout",
        "helm exceeded the deadline",
        "The rest of --timeout was over, and acksm stopped helm.",
        "acksm … --timeout 30m",
        ExitCode.TIMED_OUT,
    ),
)
