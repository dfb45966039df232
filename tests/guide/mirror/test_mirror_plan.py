"""What `acksm mirror` plans, from any state of the target."""

from __future__ import annotations

from hypothesis import given, strategies as st

from acksm.engine.change import Danger, Op
from acksm.guide.mirror.planning import CHART, IMAGE, Artifact, Observed, plan

TO, REGISTRY = "mirror.example.com/acks", "public.ecr.aws/aws-controllers-k8s"


def artifact(service: str, kind: str, digest: str = "sha256:1") -> Artifact:
    name = f"{service}-controller" if kind == IMAGE else f"{service}-chart"
    platforms = ("linux/amd64", "linux/arm64") if kind == IMAGE else ()
    return Artifact(service, kind, name, "1.9.1", digest, REGISTRY, f"aws-controllers-k8s/{name}", platforms)


ALL = [artifact(service, kind) for service in ("sagemaker", "applicationautoscaling") for kind in (IMAGE, CHART)]


def test_everything_is_copied_the_image_before_its_chart() -> None:
    changes = plan(Observed(ALL), TO, {})
    assert [(one.op, one.target.rpartition("/")[2], one.lane) for one in changes] == [
        (Op.CREATE, "sagemaker-controller:1.9.1", "sagemaker"),
        (Op.CREATE, "sagemaker-chart:1.9.1", "sagemaker"),
        (Op.CREATE, "applicationautoscaling-controller:1.9.1", "applicationautoscaling"),
        (Op.CREATE, "applicationautoscaling-chart:1.9.1", "applicationautoscaling"),
        (Op.WAIT, "acks", ""),
    ]


def test_repositories_are_created_before_what_goes_into_them() -> None:
    missing = {"sagemaker-chart": "arn:aws:ecr:us-west-2:111122223333:repository/acks/sagemaker-chart"}
    changes = plan(Observed(ALL[:2], {}, missing), TO, {"team": "ml"})
    assert [one.call for one in changes] == ["mirror.copy", "ecr.create_repository", "mirror.copy", "mirror.verify"]
    assert changes[1].params == {"name": "acks/sagemaker-chart", "tags": {"team": "ml"}}


def test_a_tag_that_names_something_else_is_asked_about() -> None:
    changes = plan(Observed(ALL[:1], {("sagemaker-controller", "1.9.1"): "sha256:2"}), TO, {})
    assert (changes[0].op, changes[0].danger, changes[0].before) == (Op.UPDATE, Danger.MILD, {"digest": "sha256:2"})


@given(st.lists(st.sampled_from(["", "sha256:1", "sha256:2"]), min_size=4, max_size=4), st.sets(st.integers(0, 3)))
def test_it_converges(digests: list[str], absent: set[int]) -> None:
    present = {(one.name, one.tag): digest for one, digest in zip(ALL, digests, strict=True)}
    missing = {ALL[index].name: "arn:aws:ecr:::repository/x" for index in absent}
    present |= {(ALL[index].name, "1.9.1"): "" for index in absent}
    for change in plan(Observed(ALL, present, missing), TO, {}):
        if change.call == "mirror.copy":
            present[change.params["name"], change.params["tag"]] = change.params["digest"]
    assert set(present.values()) == {"sha256:1"}
    assert plan(Observed(ALL, present), TO, {}) == []
