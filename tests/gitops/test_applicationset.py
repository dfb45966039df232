"""A fleet of two clusters rolled out by Argo CD's own ApplicationSet controller, wave after wave. Each test goes on
where the one before it ended; Argo CD runs for the second cluster, and reaches both by their cluster secrets."""

from __future__ import annotations

import base64
import json
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from acksm import yaml_reader
from acksm.fleet.applicationset import application
from acksm.fleet.file import Member
from acksm.sandbox import api, git_host
from acksm.sandbox.gitops import ENGINES, argocd
from acksm.sandbox.state import directory
from kept_cluster import NAMESPACE, Kept
from world import NAME

pytestmark = [pytest.mark.gitops, pytest.mark.timeout(1800)]
GROUP = "argoproj.io"
ARGO = f"{GROUP}/v1alpha1"
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "none", "namespace": NAMESPACE},
    "spec": {"hard": {"pods": "0"}},
}


@dataclass
class Rollout:
    """The hub is a cluster of the last wave; `first` is that of the first wave. `extra` are more settings of all."""

    first: Kept
    hub: Kept
    defaults: str = "identity: irsa"

    @property
    def both(self) -> tuple[Kept, Kept]:
        return self.first, self.hub

    def entry(self, kept: Kept, stage: str) -> str:
        found = kept.world.state.clusters[kept.world.cluster]
        place = f'cluster: {found.name}, account: "{found.account}", region: {found.region}'
        return f'  - {{{place}, issuer: "{found.issuer}", labels: {{stage: {stage}}}}}\n'

    def write(self, *members: str) -> None:
        waves = "[{name: canary, select: {stage: canary}}, {name: rest, concurrency: 2}]"
        text = f"defaults: {{{self.defaults}}}\nwaves: {waves}\nclusters:\n{''.join(members)}"
        (self.hub.home / "fleet.yaml").write_text(text)

    def export(self) -> None:
        self.hub.acksm(
            *("export", "--fleet", str(self.hub.home / "fleet.yaml"), "--to", "argocd", "--out", str(self.hub.folder)),
            *("--repo", f"https://{git_host.HOST}/{self.repository}", "--repo-path", "export", "--offline"),
        ).ok()
        self.hub.push_git(self.repository)

    @property
    def repository(self) -> str:
        return f"{self.hub.world.cluster}/fleet.git"

    def apply(self) -> None:
        """By the commands of the export's page."""
        for line in self.hub.readme("Apply"):
            program, *words = shlex.split(line)
            assert program == "kubectl"
            self.hub.kubectl(*words)

    def name(self, kept: Kept) -> str:
        found = kept.world.state.clusters[kept.world.cluster]
        return application(Member(found.name, found.account, found.region))

    def application(self, kept: Kept) -> dict[str, Any]:
        """{} where it does not exist."""
        return self.hub.of_engine(ARGO, "applications").get(self.name(kept), {})

    def state(self, kept: Kept) -> tuple[str, str, str]:
        """Synced or OutOfSync, its health, and the phase of its last sync."""
        status = self.application(kept).get("status") or {}
        return (
            str((status.get("sync") or {}).get("status", "")),
            str((status.get("health") or {}).get("status", "")),
            str((status.get("operationState") or {}).get("phase", "")),
        )

    def states(self) -> Any:
        sets = self.hub.of_engine(ARGO, "applicationsets")
        return [self.state(one) for one in self.both], [one.get("status") for one in sets.values()]

    def done(self) -> bool:
        return all(self.state(one) == ("Synced", "Healthy", "Succeeded") for one in self.both)

    def synced_at(self, kept: Kept) -> str:
        return str(self.application(kept)["status"]["operationState"]["startedAt"])

    def step(self, kept: Kept) -> dict[str, Any]:
        """What the ApplicationSet says of a cluster: its step, and since when it is in its status."""
        (found,) = self.hub.of_engine(ARGO, "applicationsets").values()
        listed: list[dict[str, Any]] = (found.get("status") or {}).get("applicationStatus") or []
        return next((one for one in listed if one["application"] == self.name(kept)), {})

    def reconciled(self) -> None:
        """Wait until the ApplicationSet controller has had the ApplicationSet once more: it removes the annotation."""
        mark = "argocd.argoproj.io/application-set-refresh"
        self.hub.kubectl("annotate", "--overwrite", "-n", "argocd", "applicationsets", "--all", f"{mark}=true")

        def had() -> bool:
            (found,) = self.hub.of_engine(ARGO, "applicationsets").values()
            return mark not in (found["metadata"].get("annotations") or {})

        self.hub.until(had, self.states)

    def refresh(self) -> None:
        """As `argocd app get --refresh`: Argo CD itself polls Git every three minutes."""
        for kept in self.both:
            mark = "argocd.argoproj.io/refresh=normal"
            self.hub.kubectl("annotate", "--overwrite", "-n", "argocd", f"applications.{GROUP}/{self.name(kept)}", mark)


def register(hub: Kept, one: Kept) -> None:
    """As `argocd cluster add` does, with the name that `aws eks update-kubeconfig` gives a context."""
    found = one.world.state.clusters[one.world.cluster]
    pki = directory(NAME) / "clusters" / found.name / "pki"
    tls = {"caData": found.ca_data}
    for key, end in (("certData", "crt"), ("keyData", "key")):
        tls[key] = base64.b64encode((pki / f"practice-bootstrap.{end}").read_bytes()).decode()
    secret(
        hub,
        found.name,
        "cluster",
        name=f"arn:aws:eks:{found.region}:{found.account}:cluster/{found.name}",
        server=found.endpoint,
        config=json.dumps({"tlsClientConfig": tls}),
    )


def secret(hub: Kept, name: str, kind: str, /, **data: str) -> None:
    labels = {"argocd.argoproj.io/secret-type": kind}
    metadata = {"name": name, "namespace": "argocd", "labels": labels}
    hub.kubectl(
        "apply",
        "-f",
        "-",
        given=json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}),
    )


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rollout]:
    home = tmp_path_factory.mktemp("fleet")
    (home / "first").mkdir()
    first = Kept.open("argocd", home / "first", runs=False, name="fleet-first")
    hub = Kept.open("argocd", home, name="fleet-hub")
    found = Rollout(first, hub)
    for one in found.both:
        one.folder.mkdir()
        for command in ("oidc", "iam-role"):
            one.acksm(command, "-y").ok()
    user, password = hub.git_login
    secret(
        hub, "files", "repository", url=f"https://{git_host.HOST}/{found.repository}", username=user, password=password
    )
    for one in found.both:
        register(hub, one)
    yield found
    hub.close()
    first.close()


def crds(kept: Kept) -> list[str]:
    return [name for name in kept.objects("CustomResourceDefinition") if "services.k8s.aws" in name]


def test_without_progressive_syncs_nothing_is_synced(fleet: Rollout) -> None:
    """They are not enabled by default: an automated sync would then reach all clusters at once."""
    fleet.write(fleet.entry(fleet.first, "canary"), fleet.entry(fleet.hub, "rest"))
    fleet.export()
    fleet.apply()
    fleet.hub.until(lambda: {fleet.state(one)[0] for one in fleet.both} == {"OutOfSync"}, fleet.states)
    time.sleep(5)
    assert [fleet.state(one)[2] for one in fleet.both] == ["", ""]
    assert [crds(one) for one in fleet.both] == [[], []]


def test_a_first_wave_that_does_not_get_healthy_holds_the_rest(fleet: Rollout) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    for item in (namespace, QUOTA):
        fleet.first.kubectl("create", "-f", "-", given=json.dumps(item))
    enable, _restart = fleet.hub.readme("Argo CD")
    fleet.hub.kubectl(*shlex.split(enable)[1:])
    for process in api.require(NAME).clusters[fleet.hub.world.cluster].processes:
        if process.name == argocd.APPLICATION_SETS:
            process.end()
    api.run_engine("argocd", NAME, fleet.hub.world.cluster)
    fleet.hub.until(lambda: fleet.state(fleet.first)[::2] == ("Synced", "Succeeded"), fleet.states)
    fleet.hub.until(
        lambda: fleet.state(fleet.first)[1] == "Degraded", fleet.states
    )  # it had its time to become Healthy
    assert crds(fleet.first)
    assert not fleet.first.running()
    fleet.hub.until(lambda: fleet.step(fleet.hub).get("status") == "Waiting", fleet.states)
    time.sleep(5)
    assert fleet.step(fleet.hub)["step"] == "2"
    assert fleet.state(fleet.hub) == ("OutOfSync", "Missing", "")
    assert crds(fleet.hub) == []


def test_the_rest_follows_when_the_first_wave_is_healthy(fleet: Rollout) -> None:
    fleet.first.kubectl("delete", "resourcequota", "none", "-n", NAMESPACE)
    fleet.hub.until(fleet.done, fleet.states)
    assert fleet.step(fleet.first)["lastTransitionTime"] <= fleet.synced_at(fleet.hub)
    for one in fleet.both:
        assert one.running()
        run = one.acksm("install", "--dry-run", "-o", "json").ok()
        assert run.data["changes"] == []
        paths = [path for _, _, path in one.writes()]
        first = next(place for place, path in enumerate(paths) if f"/namespaces/{NAMESPACE}/deployments/" in path)
        before, every = (
            {path for path in part if "customresourcedefinitions/" in path} for part in (paths[:first], paths)
        )
        assert before == every, "a controller before its CRDs"  # a rolling sync may apply all of it several times


def test_a_change_is_rolled_out_in_the_same_order(fleet: Rollout) -> None:
    before = [fleet.synced_at(one) for one in fleet.both]
    fleet.defaults += ", set: [log.level=debug]"
    fleet.write(fleet.entry(fleet.first, "canary"), fleet.entry(fleet.hub, "rest"))
    assert fleet.hub.acksm("export", "--check", str(fleet.hub.folder)).exit_code == 10
    fleet.export()
    assert fleet.hub.acksm("export", "--check", str(fleet.hub.folder)).exit_code == 0
    fleet.refresh()
    fleet.hub.until(lambda: fleet.synced_at(fleet.hub) > before[1] and fleet.done(), fleet.states)
    assert before[0] < fleet.synced_at(fleet.first) <= fleet.synced_at(fleet.hub)
    for one in fleet.both:
        for deployment in one.objects("Deployment", NAMESPACE).values():
            words = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
            assert words[words.index("--log-level") + 1] == "debug"


def test_nothing_is_deleted_with_an_entry_or_with_the_application_set(fleet: Rollout) -> None:
    made = {one.world.cluster: set(one.objects("Deployment", NAMESPACE)) for one in fleet.both}
    fleet.write(fleet.entry(fleet.first, "canary"))
    fleet.export()
    fleet.apply()
    path = fleet.hub.folder / "argocd/applicationset.yaml"
    elements = yaml_reader.load(path.read_text())["spec"]["generators"][0]["list"]["elements"]
    assert [one["application"] for one in elements] == [fleet.name(fleet.first)]
    fleet.reconciled()
    assert fleet.application(fleet.hub)["metadata"].get("deletionTimestamp") is None
    fleet.hub.kubectl("delete", "applicationset", "-n", "argocd", "--all", "--timeout=60s")
    for one in fleet.both:
        found = fleet.application(one)["metadata"]
        assert (found.get("deletionTimestamp"), found.get("ownerReferences")) == (None, None)
        assert set(one.objects("Deployment", NAMESPACE)) == made[one.world.cluster]
    assert ENGINES["argocd"].runs(api.require(NAME).clusters[fleet.hub.world.cluster])
