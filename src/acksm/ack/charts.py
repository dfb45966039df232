"""Facts about the versions of the two charts, as tables; nothing else compares versions.

Read at the upstream tags; the effects are in docs/ack/versions.md and docs/ack/accounts-and-regions.md.
Application Auto Scaling has the same history under its own numbers; where only "± one release" is known, the later
one is used, so that a feature is never assumed too early.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from packaging.version import InvalidVersion, Version

from acksm.ack.names import SERVICES as SERVICES
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Document
from acksm.words import did_you_mean

SAGEMAKER, AUTOSCALING = SERVICES
# Tested together on the sandbox; `--version` selects others.
TESTED = {SAGEMAKER: "1.9.1", AUTOSCALING: "1.4.1"}
REPOSITORY = "{service}-chart"
LATEST = "latest"


@dataclass(frozen=True)
class Feature:
    """Since which version of each chart something holds. `until` is the first version where it no longer does.

    `means` goes into docs/charts.md.
    """

    means: str
    since: tuple[str, str]
    until: tuple[str, str] | None = None

    def holds(self, service: str, version: Version) -> bool:
        index = SERVICES.index(service)
        if version < Version(self.since[index]):
            return False
        return self.until is None or version < Version(self.until[index])


ALWAYS = "0.0.0"
FEATURES: dict[str, Feature] = {
    # values.yaml keys
    "account-id": Feature(
        "values have aws.account_id, and the controller does not start without it", (ALWAYS, ALWAYS), ("0.2.0", "0.2.0")
    ),
    "watch-namespace-only": Feature(
        "values have watchNamespace and no installScope; it names one namespace", (ALWAYS, ALWAYS), ("0.0.4", "0.0.3")
    ),
    "install-scope": Feature("values have installScope: cluster or namespace", ("0.0.4", "0.0.3")),
    "watch-namespace": Feature("values have watchNamespace beside installScope", ("1.2.2", "1.0.5")),
    "watch-many": Feature("watchNamespace takes a list", ("1.2.7", "1.0.10")),
    "enable-carm": Feature("values have enableCARM", ("1.4.1", "1.1.1")),
    "feature-gates": Feature("values have featureGates", ("1.2.12", "1.0.16")),
    # what works
    "carm": Feature(
        "target accounts work: a changed or missing map entry is noticed without a restart", ("1.2.13", "1.0.17")
    ),
    "carm-waits": Feature(
        "an object whose account has no map entry waits; before, it was created with the controller's own role",
        ("1.2.8", "1.0.12"),
    ),
    "carm-levels": Feature("the feature gates ServiceLevelCARM and TeamLevelCARM exist", ("1.2.13", "1.0.17")),
    "drift-refused": Feature(
        "an object whose region or account would change is no longer reconciled, not even deleted",
        ("1.5.1", "1.1.2"),
    ),
    "status-region": Feature("an object's status has its region, which then applies", ("0.3.1", "0.2.7")),
    "adopted-resource": Feature("the controller handles AdoptedResource objects", (ALWAYS, ALWAYS), ("1.5.1", "1.1.2")),
    "adoption-gate": Feature(
        "adoption by annotation exists, behind the feature gate ResourceAdoption", ("1.2.14", "1.0.19")
    ),
    "adoption-annotations": Feature("adoption by annotation is on by default", ("1.4.0", "1.1.0")),
    "adopt-or-create-updates": Feature(
        "adopt-or-create changes AWS to the spec; before, the spec became what AWS has", ("1.2.17", "1.0.25")
    ),
    "synced-condition": Feature(
        "the condition ACK.ResourceSynced says whether an object is synced", ("0.3.1", "0.2.7")
    ),
    "deletion-policy": Feature(
        "the deletion policy retain is followed; before, deleting an object always deletes the AWS resource",
        ("0.6.0", "0.2.16"),
    ),
    "read-only": Feature("objects marked read-only are never changed or deleted in AWS", ("1.2.14", "1.0.19")),
    "field-export": Feature("the controller handles FieldExport objects", ("0.3.1", "0.2.7")),
    "resource-tags": Feature(
        "resourceTags of the values are set on each AWS resource; before, they had no effect", ("0.3.2", "0.2.10")
    ),
    "role-selector": Feature("the IAMRoleSelector CRD and its feature gate exist", ("1.5.1", "1.1.2")),
    "arm64-image": Feature("the controller's image exists for arm64 too", ("1.2.6", "1.0.9")),
    "cross-namespace": Feature(
        "values have enableCrossNamespace: without it, references and exports to another namespace are refused",
        ("1.8.1", "1.3.1"),
    ),
    "adoption-errors": Feature(
        "an adoption that cannot work is a terminal error of the object; before, it was retried without end",
        ("1.8.0", "1.3.0"),
    ),
    "call-timeout": Feature(
        "a call that AWS does not answer ends after a minute; before, its object waited for it (community#2736)",
        ("1.8.0", "1.3.0"),
    ),
    # bugs
    "namespace-rbac-broken": Feature(
        "bug: in namespace scope the Role is bound in the wrong namespace or missing",
        ("1.2.2", "1.0.5"),
        ("1.2.7", "1.0.10"),
    ),
    "fixed-cluster-role-names": Feature(
        "bug: the ClusterRoles of two releases in one cluster have the same name",
        (ALWAYS, ALWAYS),
        ("1.2.20", "1.0.22"),
    ),
    "exports-once": Feature(
        "bug: a FieldExport is written once, and no longer when its source changes (community#2964)",
        ("1.4.0", "1.1.0"),
        ("1.9.0", "1.5.0"),
    ),
    "system-tags": Feature(
        "bug: tags of resourceTags and of AWS itself may get into an object's spec",
        ("0.3.2", "0.2.10"),
        ("1.8.1", "1.3.1"),
    ),
    "pipeline-spaces": Feature(
        "bug: a Pipeline whose definition differs from AWS's in spaces only is updated without end",
        ("0.5.0", ALWAYS),
        ("1.8.3", ALWAYS),
    ),
    "v-tags": Feature("chart and image tags begin with v", (ALWAYS, ALWAYS), ("1.2.2", "1.0.5")),
    "old-archive-format": Feature(
        "pushed by helm before 3.7; later versions of helm cannot pull it", (ALWAYS, ALWAYS), ("0.2.0", "0.2.0")
    ),
}


def parse(version: str) -> Version:
    """A chart version, with or without `v`. Error: `chart-version-unknown`."""
    try:
        return _version(version)
    except InvalidVersion:
        raise AcksmError(
            "chart-version-unknown", f'invalid version "{version}": expected a version such as 1.9.1'
        ) from None


def is_version(text: str) -> bool:
    """Whether `parse` takes it."""
    try:
        _version(text)
    except InvalidVersion:
        return False
    return True


@lru_cache(maxsize=256)
def _version(text: str) -> Version:
    return Version(normalise(text))


def normalise(version: str) -> str:
    """Chart tags lost their `v` on 2023-05-15 (community#1802); acksm never writes it."""
    return version[1:] if version[:1] == "v" and version[1:2].isdigit() else version


def has(service: str, version: str, feature: str) -> bool:
    """Whether this version of the service's chart has `feature`, a key of FEATURES."""
    return FEATURES[feature].holds(service, parse(version))


def release_name(service: str) -> str:
    """The guide's release name; the service account has the same in every version."""
    return f"ack-{service}-controller"


def chart_name(service: str) -> str:
    return REPOSITORY.format(service=service)


def image_name(service: str) -> str:
    """The repository of the controller's image, beside its chart's."""
    return f"{service}-controller"


def resolve(service: str, requested: str, tags: Iterable[str]) -> str:
    """The registry's tag for `requested`: with or without `v`, or the newest final release for `latest`.

    Error: `chart-version-unknown` with close versions that exist.
    """
    known: dict[Version, str] = {}
    for tag in sorted(tags, reverse=True):  # where both forms exist, the one without `v` wins: digits sort before it
        try:
            known[Version(normalise(tag))] = tag
        except InvalidVersion:
            continue
    if requested == LATEST:
        finals = [version for version in known if not version.is_prerelease]
        if finals:
            return known[max(finals)]
        raise AcksmError("chart-version-unknown", f"the registry has no release of {chart_name(service)}")
    desired = parse(requested)
    if desired in known:
        return known[desired]
    raise AcksmError(
        "chart-version-unknown",
        f"{chart_name(service)} has no version {normalise(requested)}"
        + did_you_mean([str(version) for version in close(desired, known)]),
        where=f"{chart_name(service)}:{requested}",
    )


def close(desired: Version, known: Iterable[Version], count: int = 3) -> list[Version]:
    """The `count` versions closest to `desired`, in order."""

    def distance(version: Version) -> tuple[int, ...]:
        pairs = zip((*version.release, 0, 0, 0)[:3], (*desired.release, 0, 0, 0)[:3], strict=True)
        return tuple(abs(one - other) for one, other in pairs)

    return sorted(sorted(known, key=distance)[:count])


@dataclass(frozen=True)
class Reading:
    """What a controller does with namespaces in one configuration: `carm` follows owner-account-id and team-id,
    `defaults` default-region, deletion-policy and endpoint-url, `selectors` IAMRoleSelectors. `starts`: it runs at all.

    `id` is the catalogue's entry for what is not followed, "" when everything is.
    """

    carm: bool
    defaults: bool
    selectors: bool = False
    starts: bool = True
    id: str = ""


@dataclass(frozen=True)
class Row:
    """A row of the matrix; None matches anything. `watch` is all, one or many, `feature` a key of FEATURES."""

    reading: Reading
    watch: str | None = None
    feature: str | None = None
    enable_carm: bool | None = None
    selector: bool | None = None


# Scope x version, docs/ack/accounts-and-regions.md#scope; the first row that matches applies.
MATRIX = (
    Row(Reading(False, False, starts=False, id="selector-needs-carm-off"), enable_carm=True, selector=True),
    Row(Reading(False, False, id="selector-scope"), selector=True, watch="one"),
    Row(Reading(False, False, id="selector-scope"), selector=True, watch="many"),
    Row(Reading(False, True, selectors=True, id="mode-is-role-selector"), selector=True),
    Row(Reading(False, False, id="carm-disabled"), enable_carm=False),
    Row(Reading(True, True), watch="all"),
    Row(Reading(True, True), watch="many"),
    Row(Reading(True, True), watch="one", feature="watch-namespace-only"),
    Row(Reading(False, False, id="annotations-ignored"), watch="one"),
)


def reading(
    service: str, version: str, watched: Sequence[str], enable_carm: bool = True, selector: bool = False
) -> Reading:
    """The matrix's row. `watched` empty: all namespaces. A flag that the version does not have has its default."""
    watch = "all" if not watched else "one" if len(watched) == 1 else "many"
    enable_carm = enable_carm or not has(service, version, "enable-carm")
    selector = selector and has(service, version, "role-selector")
    return next(
        row.reading
        for row in MATRIX
        if row.watch in (None, watch)
        and (row.feature is None or has(service, version, row.feature))
        and row.enable_carm in (None, enable_carm)
        and row.selector in (None, selector)
    )


@dataclass(frozen=True)
class Scope:
    """How a chart is configured to watch: `values` to set, `text` for people, and whether annotations of namespaces
    (owner account, default region, deletion policy) are read at all (docs/ack/accounts-and-regions.md#scope)."""

    values: dict[str, str]
    text: str
    reads_namespaces: bool


def scope(service: str, version: str, desired: str, watch: Sequence[str], release_namespace: str) -> Scope:
    """The values for a scope. `watch` empty in namespace scope means the release namespace.

    Errors: `scope-broken` (versions whose RBAC does not fit), `scope-unsupported` (a namespace or a list that this
    version cannot watch).
    """
    where = f"{chart_name(service)} {version}"
    if desired == "cluster":
        key = {} if has(service, version, "watch-namespace-only") else {"installScope": "cluster"}
        key |= {"watchNamespace": ""} if _has_watch_key(service, version) else {}
        return Scope(key, "all namespaces", reading(service, version, ()).carm)
    names = list(dict.fromkeys(watch)) or [release_namespace]
    text = f"{'namespaces' if len(names) > 1 else 'namespace'} {', '.join(names)}"
    if has(service, version, "namespace-rbac-broken"):
        raise AcksmError(
            "scope-broken",
            f"{where} cannot be installed in namespace scope: its Role is bound in the "
            "wrong namespace or not created (community#1996, community#2006)",
            where=where,
        )
    if len(names) > 1 and not has(service, version, "watch-many"):
        raise AcksmError(
            "scope-unsupported",
            f"{where} watches one namespace only; lists need version "
            f"{FEATURES['watch-many'].since[SERVICES.index(service)]}",
            where=where,
        )
    follows = reading(service, version, names).carm
    if has(service, version, "watch-namespace-only"):
        return Scope({"watchNamespace": names[0]}, text, follows)
    if not has(service, version, "watch-namespace"):
        if names != [release_namespace]:
            raise AcksmError(
                "scope-unsupported",
                f"{where} watches only its release namespace {release_namespace}, not {names[0]}",
                where=where,
                remedy=f"acksm install … --controller-namespace {names[0]}",
            )
        return Scope({"installScope": "namespace"}, text, follows)
    return Scope({"installScope": "namespace", "watchNamespace": ",".join(names)}, text, follows)


def watched(values: Document) -> list[str]:
    """The namespaces that the values name for a controller; [] for none."""
    return [name for name in str(values.get("watchNamespace") or "").split(",") if name]


def _has_watch_key(service: str, version: str) -> bool:
    return has(service, version, "watch-namespace-only") or has(service, version, "watch-namespace")
