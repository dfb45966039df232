"""Ids of charts: versions, archives, values, the registry and helm."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_S, _U, _R = ExitCode.STEP_FAILED, ExitCode.USAGE, ExitCode.REFUSED

ENTRIES = (
    Entry(
        "version-older",
        "an upgrade does not go backwards",
        "An older controller may not know what a newer one wrote, and CRDs never go back.",
        "acksm install --version SERVICE=V   (where it is meant)",
        ExitCode.USAGE,
    ),
    Entry(
        "chart-version-unknown",
        "the registry has no such chart version",
        "A typing error, or a tag with `v`: chart tags have none since May 2023 (community#1802).",
        "acksm install … --version SERVICE=latest",
    ),
    Entry(
        "chart-format-old",
        "the chart is in helm's experimental format",
        "Charts before 0.2.0 were pushed with helm < 3.7; today's helm says \"manifest does not contain minimum number "
        'of descriptors" (community#988).',
        "acksm install … --version SERVICE=0.2.0 or newer, or --chart SERVICE=PATH",
    ),
    Entry(
        "chart-unsafe",
        "the chart archive is not safe to unpack",
        "A path that leaves the archive, a link, a device, or more data than any chart has.",
        "get the chart from its publisher again",
    ),
    Entry(
        "chart-truncated",
        "the chart archive is not whole",
        "The download or the file ended too early.",
        "run the same command again, or get the file again",
    ),
    Entry(
        "chart-invalid",
        "the archive is not an ACK chart",
        "Chart.yaml, values.yaml or a CRD is missing or wrong.",
        "helm show chart PATH",
    ),
    Entry(
        "chart-digest-mismatch",
        "the chart is not the one the registry announced",
        "The bytes do not have the digest of the manifest: a broken proxy, or tampering.",
        "run the same command again from another network; do not install it",
    ),
    Entry(
        "registry-unreachable",
        "the registry does not answer",
        "No network, a proxy, or a wrong --registry. A private cluster can use --chart SERVICE=PATH.",
        "acksm install … --chart SERVICE=PATH",
    ),
    Entry(
        "registry-forbidden",
        "the registry refuses",
        "acksm asks anonymously, with an empty registry configuration of its own, so a stale `helm registry login` "
        "(403 after 12 hours, karpenter#3441) is not the cause here: the repository is private, or a proxy refuses.",
        "acksm install … --registry REGISTRY/PATH",
    ),
    Entry(
        "registry-failed",
        "the registry failed",
        "It answered with an error of its own.",
        "run the same command again",
        _S,
    ),
    Entry(
        "scope-broken",
        "this version cannot be installed in namespace scope",
        "Its chart puts the Role into the wrong namespace or makes none (community#1996, community#2006).",
        "acksm install … --version SERVICE=1.9.1",
    ),
    Entry(
        "scope-unsupported",
        "this version cannot watch that",
        "Lists and other namespaces came with later charts.",
        "acksm install … --version SERVICE=1.9.1",
    ),
    Entry(
        "values-unknown-key",
        "the chart has no such value",
        "helm would take it and do nothing: the charts' schemas do not forbid unknown keys "
        "(docs/ack/versions.md#unknown-values).",
        "acksm install --dry-run   (shows the chart's values)",
        _U,
    ),
    Entry(
        "values-type",
        "a value has the wrong type",
        "The chart's own value is of another type.",
        "quote texts, do not quote numbers and booleans",
        _U,
    ),
    Entry(
        "values-managed",
        "a value is acksm's own",
        "acksm sets it from an option and would set it back.",
        "use the option named",
        _U,
    ),
    Entry(
        "values-schema",
        "the values do not fit the chart's schema",
        "helm would refuse them after CRDs were applied.",
        "correct the value named",
        _U,
    ),
    Entry(
        "values-file", "a values file cannot be read", "It is not there, or not YAML.", "helm lint --values FILE", _U
    ),
    Entry(
        "helm-missing",
        "helm is not there",
        "acksm starts helm to install charts; it needs 3.8 or newer, or 4.",
        "install helm, or name it: ACKSM_HELM=/path/to/helm",
    ),
    Entry("helm-too-old", "helm is too old", "OCI charts need helm 3.8.", "install helm 3.8 or newer, or 4"),
    Entry("helm-failed", "helm failed", "helm's own message is told.", "acksm install --dry-run", _S),
    Entry(
        "helm-ownership",
        "helm refuses an object of another owner",
        "An object of the chart exists and its helm annotations name another release, or none.",
        "kubectl get OBJECT -o yaml   (see meta.helm.sh/release-name)",
        _R,
    ),
    Entry(
        "helm-record",
        "helm's record of the release cannot be read",
        "The Secret sh.helm.release.v1.… is not as helm writes it: cut short, or changed by hand.",
        "helm history RELEASE -n NAMESPACE   (then delete the Secret of the broken revision)",
        _S,
    ),
    Entry(
        "helm-timeout",
        "helm did not end in time",
        "The time left of --timeout is over; helm was ended.",
        "run the same command again, with a longer --timeout",
        ExitCode.TIMED_OUT,
    ),
)
