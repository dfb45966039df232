"""CRDs: the newest of the common ones, never backwards, another's left alone."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.errors import AcksmError
from acksm.guide.install.crds import DesiredCrd, established, kept_newer, newest, parse, plan, settled
from acksm.live.drift import differences, holds


def crd(
    name: str = "models",
    group: str = "sagemaker.services.k8s.aws",
    generator: str = "v0.16.0",
    fields: tuple[str, ...] = ("spec",),
) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{name}.{group}",
            "creationTimestamp": None,
            "annotations": {"controller-gen.kubebuilder.io/version": generator},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": name},
            "versions": [
                {
                    "name": "v1alpha1",
                    "schema": {"openAPIV3Schema": {"properties": {field: {"type": "object"} for field in fields}}},
                }
            ],
        },
    }


def common(generator: str = "v0.16.0", fields: tuple[str, ...] = ("spec",)) -> dict[str, Any]:
    return crd("fieldexports", "services.k8s.aws", generator, fields)


def desired(manifest: dict[str, Any], service: str = "sagemaker") -> DesiredCrd:
    return DesiredCrd(manifest, f"{service}-chart 1.0.0")


def served(manifest: dict[str, Any]) -> dict[str, Any]:
    """As the apiserver gives it back: defaults added."""
    live = {
        **manifest,
        "metadata": {**manifest["metadata"], "uid": "1"},
        "spec": {**manifest["spec"], "conversion": {"strategy": "None"}},
    }
    live["spec"]["names"] = {**manifest["spec"]["names"], "listKind": "X", "singular": "x"}
    return live


def by_name(*manifests: dict[str, Any]) -> dict[str, Any]:
    return {manifest["metadata"]["name"]: manifest for manifest in manifests}


def test_a_missing_crd_is_created_with_the_owners_mark_and_without_null_fields() -> None:
    (change,) = plan([desired(crd())], {})
    metadata = change.params["manifest"]["metadata"]
    assert (change.id, change.call) == ("crds.create", "kube.apply")
    assert metadata["labels"]["acksm.dev/owned"] == "true"
    assert "creationTimestamp" not in metadata


def test_what_the_apiserver_adds_is_no_difference() -> None:
    assert plan([desired(crd())], by_name(served(crd()))) == []


def test_a_changed_schema_is_put_right() -> None:
    (change,) = plan([desired(crd(fields=("spec", "status")))], by_name(served(crd())))
    assert change.id == "crds.update"


def test_a_common_crd_of_two_charts_is_applied_once_and_the_newest() -> None:
    old = desired(common("v0.9.0"), "sagemaker")
    new = desired(common("v0.16.0", ("spec", "more")), "applicationautoscaling")
    for order in ([old, new], [new, old]):
        assert newest(order) == [new]


def test_a_newer_common_crd_in_the_cluster_stays() -> None:
    live = by_name(served(common("v0.19.0", ("spec", "more"))))
    old = [desired(common("v0.16.0"))]
    assert plan(old, live) == []
    assert kept_newer(old, live) == ["fieldexports.services.k8s.aws"]


def test_generators_are_compared_as_versions_not_as_text() -> None:
    both = [desired(common("v0.9.2", ("a", "b", "c"))), desired(common("v0.16.2"))]
    assert newest(both)[0].manifest == common("v0.16.2")


def of_chart(manifest: dict[str, Any], chart: str) -> dict[str, Any]:
    """As acksm applied it from this chart."""
    live = served(manifest)
    live["metadata"]["annotations"] = {**live["metadata"]["annotations"], "acksm.dev/chart": chart}
    return live


@pytest.mark.parametrize(
    ("live", "kept"),
    [
        (of_chart(crd(fields=("spec", "more")), "sagemaker-chart 1.1.0"), True),
        # a newer chart whose schema has less is newer all the same
        (of_chart(crd(fields=("more",)), "sagemaker-chart 1.1.0"), True),
        (of_chart(crd(fields=("spec", "more")), "sagemaker-chart 0.9.0"), False),
        (of_chart(crd(fields=("spec", "more")), "sagemaker-chart 1.0.0"), False),  # changed by hand
        (of_chart(crd(fields=("spec", "more")), "unknown"), True),
        (served(crd(fields=("spec", "more"))), True),  # helm's own: by generator and fields
        (served(crd(generator="v0.15.0", fields=("spec", "more"))), False),
    ],
)
def test_a_service_crd_never_goes_back_as_fields_of_objects_would_be_lost(live: dict[str, Any], kept: bool) -> None:
    old = [desired(crd())]
    assert [change.id for change in plan(old, by_name(live))] == ([] if kept else ["crds.update"])
    assert kept_newer(old, by_name(live)) == (["models.sagemaker.services.k8s.aws"] if kept else [])


def test_an_older_chart_whose_versions_are_no_longer_served_is_refused() -> None:
    live = of_chart(crd(fields=("spec", "more")), "sagemaker-chart 1.1.0")
    live["spec"]["versions"] = [{**live["spec"]["versions"][0], "name": "v1", "served": True}]
    with pytest.raises(AcksmError) as caught:
        plan([desired(crd())], by_name(live))
    assert caught.value.id == "crd-version-gone"
    assert "v1alpha1" in caught.value.message


def test_only_missing_ones_leaves_alone_what_is_there_in_whatever_state() -> None:
    ending, old = crd("models"), crd("endpoints", fields=("old",))
    ending["metadata"]["deletionTimestamp"] = "now"
    asked = [desired(crd("models")), desired(crd("endpoints")), desired(crd("apps"))]
    (change,) = plan(asked, by_name(ending, old), only_missing=True)
    assert change.target.endswith(" apps.sagemaker.services.k8s.aws")


def test_a_terminating_crd_is_refused() -> None:
    live = served(crd())
    live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    with pytest.raises(AcksmError) as caught:
        plan([desired(crd())], by_name(live))
    assert caught.value.id == "crd-terminating"


@pytest.mark.parametrize(
    ("mark", "owner"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "ack:apiextensions"}}, "argocd ack:apiextensions"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "infra"}}, "flux infra"),
        ({"labels": {"olm.managed": "true"}}, "olm"),
        (
            {"annotations": {"meta.helm.sh/release-name": "other", "meta.helm.sh/release-namespace": "x"}},
            "helm x/other",
        ),
    ],
)
def test_anothers_crd_is_refused_with_its_owner_only_when_it_would_change(mark: dict[str, Any], owner: str) -> None:
    live = served(crd())
    live["metadata"] = {**live["metadata"], **mark}
    assert plan([desired(crd())], by_name(live)) == []
    with pytest.raises(AcksmError) as caught:
        plan([desired(crd(fields=("new",)))], by_name(live))
    assert caught.value.id == "crd-not-ours"
    assert owner in caught.value.message


def test_a_crd_of_our_own_release_is_not_anothers() -> None:
    live = served(crd())
    live["metadata"]["annotations"] = {"meta.helm.sh/release-name": "r", "meta.helm.sh/release-namespace": "n"}
    assert [c.id for c in plan([desired(crd(fields=("new",)))], by_name(live), releases=["n/r"])] == ["crds.update"]


def test_only_crds_of_ack_are_taken_from_a_chart() -> None:
    foreign = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n"
    with pytest.raises(AcksmError) as caught:
        parse([("crds/x.yaml", foreign)], "c")
    assert caught.value.id == "chart-invalid"
    with pytest.raises(AcksmError):
        parse([("crds/x.yaml", "a: [")], "c")


def test_established_needs_both_conditions() -> None:
    both = [{"type": kind, "status": "True"} for kind in ("NamesAccepted", "Established")]
    assert established({"status": {"conditions": both}})
    assert not established({"status": {"conditions": both[1:]}})
    assert not established(None)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(_json)
def test_everything_holds_itself(value: Any) -> None:
    assert not any(differences(value, value))


_few = st.recursive(
    st.sampled_from([None, True, 1, 1.0, "", "a"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)


@given(_few, _few)
def test_what_holds_has_no_differences(desired: Any, live: Any) -> None:
    assert holds(desired, live) is not any(differences(desired, live))
    view = MappingProxyType(desired) if isinstance(desired, dict) else desired
    assert holds(view, live) is holds(desired, live)


@given(st.dictionaries(st.text(max_size=3), _json, max_size=4), st.dictionaries(st.text(max_size=3), _json, max_size=4))
def test_added_fields_are_no_difference_and_changed_ones_are(base: dict[str, Any], more: dict[str, Any]) -> None:
    assert not any(differences(base, {**more, **base}))
    if base:
        key = next(iter(base))
        assert any(differences({**base, key: "one thing"}, {**base, key: "another"}))


class Cluster:
    """A cluster whose dry run of an apply gives `after`."""

    def __init__(self, after: Any = None, error: str = "") -> None:
        self.after, self.error, self.tried = after, error, 0

    def get(self, _ref: Any) -> Any:
        raise AssertionError

    def apply(self, manifest: Any, force: bool = False, dry_run: bool = False) -> Any:
        assert (force, dry_run) == (True, True)
        self.tried += 1
        if self.error:
            raise AcksmError(self.error, "no")
        return self.after or manifest


def applied(**more: Any) -> dict[str, Any]:
    """A CRD of the chart "c 1" as acksm applied it, and as another user changed it since."""
    live = served(crd(**more))
    live["metadata"]["annotations"] = {**live["metadata"]["annotations"], "acksm.dev/chart": desired(crd()).chart}
    live["metadata"]["labels"] = {"acksm.dev/owned": "true"}
    del live["apiVersion"], live["kind"]  # as in a list
    return live


def test_a_crd_that_an_apply_would_not_change_is_left_and_each_costs_one_request() -> None:
    want, more = [desired(crd())], applied(fields=("spec", "status", "theirs"))
    cluster = Cluster(more)
    unchanged, notes = settled(cluster, want, by_name(more))
    assert (unchanged, notes, cluster.tried) == (frozenset({want[0].name}), [], 1)  # a policy adds it
    assert plan(want, by_name(more), unchanged=unchanged) == []
    assert settled(Cluster(applied()), want, by_name(more)) == (
        frozenset(),
        [],
    )  # an apply would remove what others added
    fewer = applied(fields=())
    cluster = Cluster(applied())
    assert (settled(cluster, want, by_name(fewer)), cluster.tried) == ((frozenset(), []), 1)
    (change,) = plan(want, by_name(fewer))
    assert change.id == "crds.update"
    unchanged, (note,) = settled(Cluster(error="kube-forbidden"), want, by_name(fewer))
    assert (unchanged, "unknown: no" in note) == (frozenset({want[0].name}), True)
    # of another chart: an upgrade, which needs no dry run
    other, same = Cluster(), applied()
    fewer["metadata"]["annotations"]["acksm.dev/chart"] = "c 0"
    assert (settled(other, want, by_name(fewer)), settled(other, want, by_name(same))) == ((frozenset(), []),) * 2
    assert other.tried == 0
