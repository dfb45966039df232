"""An export that kustomize builds and kubectl applies, from an empty cluster to an empty one: by the commands of its
README.md, word for word."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from acksm import yaml_reader
from acksm.kube.paths import ref
from kept_cluster import Kept

pytestmark = [pytest.mark.gitops, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def kustomize(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    kept = Kept.open("kustomize", tmp_path_factory.mktemp("kustomize"), runs=False)
    yield kept
    kept.close()


def run(kept: Kept, line: str) -> None:
    """A line of README.md: kubectl, perhaps with the output of another."""
    given = ""
    for one in line.split(" | "):
        program, *words = shlex.split(one)
        assert program == "kubectl"
        given = kept.kubectl(*words, given=given)


def test_an_export_is_what_kustomize_builds(kustomize: Kept) -> None:
    """kustomize's own program finds every object, once; an engine reads the folder with the same library."""
    kustomize.export()
    built = [dict(item) for item in yaml_reader.load_all(kustomize.kustomize(kustomize.folder))]
    names = [str(ref(one["kind"], one["metadata"]["name"], one["metadata"].get("namespace", ""))) for one in built]
    assert sorted(names) == sorted(map(str, kustomize.exported()))


def test_the_commands_of_its_page_install(kustomize: Kept) -> None:
    for line in kustomize.readme("kubectl"):
        run(kustomize, line)
    assert kustomize.running()
    assert all(kustomize.uids().values())
    made = kustomize.model("applied")
    kustomize.until(lambda: kustomize.synced(made), lambda: kustomize.world.kube.get(made))
    again = kustomize.acksm("install", "--dry-run", "-o", "json").ok()
    assert again.data["changes"] == []
    before = kustomize.uids()
    for line in kustomize.readme("kubectl"):
        run(kustomize, line)
    assert kustomize.uids() == before


def test_what_is_deleted_in_order_leaves_nothing(kustomize: Kept) -> None:
    kustomize.kubectl("delete", "models.sagemaker.services.k8s.aws", "applied")
    assert kustomize.models() == []
    for folder in sorted(kustomize.folder.glob("manifests/3-*"), reverse=True):
        kustomize.kubectl("delete", "-k", str(folder))
    left = {name.partition(" ")[0] for name, uid in kustomize.uids().items() if uid}
    assert left == {"CustomResourceDefinition", "Namespace"}
    kustomize.kubectl("delete", "crd,namespaces", "-l", "acksm.dev/export")
    assert not any(kustomize.uids().values())
