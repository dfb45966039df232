"""One life of a cluster after another, in memory: people install, bind, break things by hand, die half-way, clean up.

Whatever happened before: an install converges and a second one plans nothing, planning has no effect, binding
commutes over namespaces, and cleanup leaves exactly what acksm did not make.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from acksm.ack import charts
from acksm.errors import AcksmError
from acksm.guide.carm import bind as carm_bind
from acksm.guide.carm.bind import Requested
from acksm.guide.cleanup import command as cleanup
from acksm.guide.cleanup.observation import Desired
from acksm.guide.install import command as install
from acksm.guide.region import command as region
from acksm.kube.paths import ref, ref_in
from acksm.live.drift import differences
from memory_account import ACCOUNT, HOME, ISSUER, REGION, ROLE_NAME, Killed
from memory_helm import parsed, rendered
from memory_kube import config_map, copied, namespace
from memory_world import MemoryWorld, Said, commands_run_on, run_carm_bind, run_install

NAMES = ("one", "two", "three")
OTHER = "222222222222"
SERVICES = st.lists(st.sampled_from(charts.SERVICES), unique=True, min_size=1)
OPTIONS: list[dict[str, Any]] = [
    {},
    {"set": ["log.level=debug"]},
    {"reset_values": True},
    {"version": {"sagemaker": "1.4.1"}},
    {"version": {"sagemaker": "1.9.1", "applicationautoscaling": "1.4.1"}},
    {"scope": "namespace", "watch_namespace": ["one"]},
    {"scope": "cluster"},
    {"mode": "carm"},
]
# What may be refused, whatever was done before: it would hide objects or bindings from whoever they belong to.
REFUSED = {
    "controllers-missing",
    "annotations-ignored",
    "binding-not-watched",
    "bindings-would-be-ignored",
    "objects-would-be-lost",
    "region-objects-stuck",
    "region-objects-move",
    "carm-objects-live",
}
HANDS = st.sampled_from(["delete", "drift", "account", "records"])
IN_IAM = st.sampled_from(["provider", "audience", "role", "attached", "inline", "trust"])
GONE = Desired(crds="all", iam=True, oidc=True, carm=True, namespace=True)
Run = Callable[[MemoryWorld, bool], Said]


@pytest.fixture(autouse=True, scope="module")
def _in_memory() -> Iterator[None]:
    """Commands meet the world of the machine that runs."""
    with pytest.MonkeyPatch.context() as patch:
        commands_run_on(patch, lambda: Life.world, (install, region, carm_bind, cleanup))
        yield


def installs(services: list[str], **options: Any) -> Run:
    def run(world: MemoryWorld, dry_run: bool) -> Said:
        ui = Said()
        run_install(world.settings(service=services, dry_run=dry_run, **options), ui)
        return ui

    return run


def cleans(desired: Desired = GONE) -> Run:
    def run(world: MemoryWorld, dry_run: bool) -> Said:
        ui = Said()
        cleanup.run(world.settings(dry_run=dry_run), ui, desired, "demo")
        return ui

    return run


def regions(name: str, where: str | None) -> Run:
    def run(world: MemoryWorld, dry_run: bool) -> Said:
        ui = Said()
        given = world.settings(dry_run=dry_run)
        region.run_bind(given.target, given.run, ui, {name: where}, command="region bind")
        return ui

    return run


def binds(name: str, account: str | None) -> Run:
    def run(world: MemoryWorld, dry_run: bool) -> Said:
        ui = Said()
        given = world.settings(dry_run=dry_run)
        if account:
            run_carm_bind(given, ui, Requested([name], account=account))
        else:
            carm_bind.run_unbind(given.target, given.run, ui, [name], mode="")
        return ui

    return run


def bindings_of(names: st.SearchStrategy[str]) -> st.SearchStrategy[Run]:
    return st.one_of(
        st.builds(regions, names, st.sampled_from(["eu-west-1", "us-east-1", None])),
        st.builds(binds, names, st.sampled_from([OTHER, "333333333333", None])),
    )


BINDINGS = bindings_of(st.sampled_from(NAMES))
COMMANDS = st.one_of(
    st.builds(installs, SERVICES),
    st.builds(lambda services, more: installs(services, **more), SERVICES, st.sampled_from(OPTIONS)),
    st.just(cleans()),
    st.just(cleans(Desired())),
    BINDINGS,
)


class Life(RuleBasedStateMachine):
    world: MemoryWorld  # of the class: `connect` has to find it

    @initialize()
    def empty(self) -> None:
        Life.world = MemoryWorld()
        self.theirs: dict[str, Any] = {}
        for name in (*NAMES, "kube-system"):
            self._make(namespace(name))

    # what acksm does

    @rule(services=SERVICES, more=st.sampled_from(OPTIONS))
    def install(self, services: list[str], more: dict[str, Any]) -> None:
        if not self._carried_out(installs(services, **more)):
            return
        again = installs(services, **{key: value for key, value in more.items() if key != "reset_values"})
        assert again(self.world, True).results[0]["changes"] == []
        self._is_whole(services)
        for service, version in more.get("version", {}).items():
            assert service not in services or self.world.release(service).version == version  # type: ignore[union-attr]

    @rule()
    def install_as_it_is(self) -> None:
        """Nothing that was done by hand or left half-done is in the way of a plain install."""
        installs(list(charts.SERVICES))(self.world, False)
        assert installs(list(charts.SERVICES))(self.world, True).results[0]["changes"] == []
        self._is_whole(list(charts.SERVICES))

    @rule(run=BINDINGS)
    def bind(self, run: Run) -> None:
        if self._carried_out(run):
            assert run(self.world, True).results[0]["changes"] == []

    @rule(run=COMMANDS)
    def plan(self, run: Run) -> None:
        before = self.world.snapshot()
        self._attempt(run, dry_run=True)
        assert self.world.snapshot() == before

    @rule(run=COMMANDS, calls=st.integers(0, 60))
    def die(self, run: Run, calls: int) -> None:
        self.world.fuse.left = calls
        try:
            self._attempt(run)
        except Killed:
            event("killed")
        finally:
            self.world.fuse.left = -1

    @rule()
    def clean_up(self) -> None:
        # where a release lost its Deployment, the rest does not tell who made it, and the option has to say so
        refused = self._refusal(cleans())
        if refused == "cleanup-not-watched":  # as its remedy says
            installs(list(charts.SERVICES), scope="cluster")(self.world, False)
            refused = self._refusal(cleans())
        assert refused in {"", "release-not-ours"}
        assert not refused or not self._whole_releases()
        cleans(replace(GONE, adopt_release=bool(refused)))(self.world, False)
        assert cleans()(self.world, True).results[0]["changes"] == []
        objects, _, roles, providers, *_ = self.world.state()
        left = {path for path in objects if path not in self.theirs and not path.endswith("/nodes/node")}
        shared = {path for path in left if re.fullmatch(r"[a-z]+\.services\.k8s\.aws", path.rpartition("/")[2])}
        another = any("buckets.s3" in path for path in self.theirs)
        if another:  # the common CRDs, the bindings and their map may be in use
            left -= {*shared, ref("ConfigMap", "ack-role-account-map", HOME).path, ref("Namespace", HOME).path}
        if any(f"/namespaces/{HOME}/" in path for path in self.theirs):
            left -= {ref("Namespace", HOME).path}
        assert left == set()
        assert ROLE_NAME not in roles
        assert ISSUER not in providers
        for name in NAMES:
            assert another or not objects[ref("Namespace", name).path]["metadata"].get("annotations")

    @precondition(
        lambda self: ref("Deployment", "ack-sagemaker-controller-sagemaker-chart", HOME).path in self.world.kube.objects
    )
    @rule(one=bindings_of(st.just("one")), two=bindings_of(st.sampled_from(["two", "three"])))
    def bindings_commute(self, one: Run, two: Run) -> None:
        start = self.world.snapshot()
        ends = []
        for order in ((one, two), (two, one)):
            self.world.restore(start)
            if not self._attempt(order[0]) or not self._attempt(order[1]):
                self.world.restore(start)
                return
            ends.append(self.world.state())
        self.world.restore(start)
        assert ends[0] == ends[1]

    # what people do by hand

    @rule()
    def somebodys_config_map(self) -> None:
        if self._there("Namespace", HOME):
            self._make(config_map("theirs", {"a": "b"}, HOME))

    @rule()
    def another_service_of_ack(self) -> None:
        spec = {"group": "s3.services.k8s.aws", "names": {"plural": "buckets", "kind": "Bucket"}, "versions": []}
        meta = {"name": "buckets.s3.services.k8s.aws"}
        self._make(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": meta,
                "spec": spec,
            }
        )

    @rule(name=st.sampled_from(["kubeflow", "ack-sagemaker-controller-theirs"]))
    def somebodys_role(self, name: str) -> None:
        self.world.iam.roles.setdefault(
            name,
            {
                "Role": {
                    "Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
                    "Path": "/",
                    "Tags": [],
                    "CreateDate": datetime(2026, 1, 1, tzinfo=UTC),
                    "AssumeRolePolicyDocument": "{}",
                },
                "attached": [],
                "inline": {},
            },
        )

    @rule(service=st.sampled_from(charts.SERVICES), how=HANDS, what=IN_IAM)
    def heal(self, service: str, how: str, what: str) -> None:
        """Installed, broken in two places, installed again."""
        self.install_as_it_is()
        self.break_a_release(service, how)
        self.break_iam(what)
        self.install_as_it_is()

    @rule(service=st.sampled_from(charts.SERVICES), how=HANDS)
    def break_a_release(self, service: str, how: str) -> None:
        name = charts.release_name(service)
        location = ref("Deployment", f"{name}-{service}-chart", HOME)
        if not self._there("Deployment", location.name, HOME):
            return
        if how == "delete":
            self.world.kube.delete(location)
        elif how == "drift":
            self.world.kube.patch(location, {"metadata": {"labels": {"helm.sh/chart": None}}, "spec": {"replicas": 3}})
        elif how == "account":
            self.world.kube.delete(ref("ServiceAccount", name, HOME))
        else:
            self.world.kube._drop(lambda path: f"sh.helm.release.v1.{name}." in path)

    @rule(what=IN_IAM)
    def break_iam(self, what: str) -> None:
        iam = self.world.iam
        if what == "provider":
            iam.providers.pop(ISSUER, None)
        elif what == "audience" and ISSUER in iam.providers:
            iam.providers[ISSUER]["ClientIDList"] = []
        elif what == "role":
            iam.roles.pop(ROLE_NAME, None)
        elif ROLE_NAME in iam.roles and what in {"attached", "inline"}:
            iam.roles[ROLE_NAME][what].clear()
        elif ROLE_NAME in iam.roles:
            iam.roles[ROLE_NAME]["Role"]["AssumeRolePolicyDocument"] = '{"Version": "2012-10-17", "Statement": []}'

    @rule(name=st.sampled_from(["models.sagemaker", "adoptedresources", "fieldexports"]))
    def delete_a_crd(self, name: str) -> None:
        if not any("/models/" in path for path in self.world.kube.objects):
            self.world.kube.delete(ref("CustomResourceDefinition", f"{name}.services.k8s.aws"))

    @rule()
    def delete_the_namespace(self) -> None:
        self.world.kube.delete(ref("Namespace", HOME))
        self.theirs = {path: item for path, item in self.theirs.items() if f"/namespaces/{HOME}/" not in path}

    @rule(name=st.sampled_from(NAMES))
    def a_model(self, name: str) -> None:
        deployment = ref("Deployment", "ack-sagemaker-controller-sagemaker-chart", HOME)
        if deployment.path not in self.world.kube.objects:
            return
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/{name}"
        self.world.kube.in_aws.add(arn)
        location = ref("Model", "m", name)
        if location.path not in self.world.kube.objects:
            finalizers = ["finalizers.sagemaker.services.k8s.aws/Model"]
            self.world.kube.put(
                {
                    "apiVersion": location.api_version,
                    "kind": "Model",
                    "metadata": {"name": "m", "namespace": name, "finalizers": finalizers},
                    "spec": {"modelName": name},
                    "status": {"ackResourceMetadata": {"arn": arn, "ownerAccountID": ACCOUNT, "region": REGION}},
                }
            )
        self.made = getattr(self, "made", set()) | {arn}

    @rule(name=st.sampled_from(NAMES))
    def clean_up_around_a_model(self, name: str) -> None:
        """What it stands for in AWS stays: nobody said --delete-aws."""
        self.install_as_it_is()
        self.a_model(name)
        self.clean_up()

    # always

    @invariant()
    def what_is_not_ours_is_as_it_was(self) -> None:
        for path, item in getattr(self, "theirs", {}).items():
            assert self._plain(self.world.kube.objects.get(path)) == item, path
        assert self.world.kube.in_aws >= getattr(self, "made", set()) if hasattr(self, "theirs") else True

    # help

    def _carried_out(self, run: Run) -> bool:
        """Whether it was; a refusal has no effect, tells the way out, and is one of those that may be."""
        before, failure = self.world.state(), None
        try:
            run(self.world, False)
        except AcksmError as error:
            failure = error
        if failure is None:
            return True
        assert failure.id in REFUSED, failure
        assert failure.remedy
        assert self.world.state() == before
        return False

    def _is_whole(self, services: list[str]) -> None:
        """Everything of the releases and of IAM is as it has to be, looked at without acksm's own eyes."""
        objects, role = self.world.kube.objects, self.world.iam.roles[ROLE_NAME]
        for service in services:
            name = charts.release_name(service)
            found = self.world.release(service)
            assert found is not None
            assert found.status == "deployed"
            desired = rendered(name, HOME, f"/{service}-{found.version}.tgz", dict(found.values))
            for manifest in desired:
                live = objects[ref_in(manifest, HOME).path]
                assert not any(differences({key: value for key, value in manifest.items() if key != "metadata"}, live))
                assert manifest["metadata"]["labels"].items() <= live["metadata"]["labels"].items()
            assert {ref("CustomResourceDefinition", crd.name).path for crd in parsed(service, found.version)} <= {
                *objects
            }
            assert f"system:serviceaccount:{HOME}:{name}" in role["Role"]["AssumeRolePolicyDocument"]
            account = objects[ref("ServiceAccount", name, HOME).path]
            assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == role["Role"]["Arn"]
            (pod,) = [item for path, item in objects.items() if f"/pods/{name}-" in path]
            assert {"name": "AWS_ROLE_ARN", "value": role["Role"]["Arn"]} in pod["spec"]["containers"][0]["env"]
        assert any(arn.endswith("/AmazonSageMakerFullAccess") for arn in role["attached"])
        assert {"acksm-autoscaling"} <= set(role["inline"]) or services == ["sagemaker"]
        assert "sts.amazonaws.com" in self.world.iam.providers[ISSUER]["ClientIDList"]

    def _refusal(self, run: Run) -> str:
        """The id that a dry run ends with, "" for none."""
        try:
            run(self.world, True)
        except AcksmError as error:
            return error.id
        return ""

    def _whole_releases(self) -> bool:
        """Whether each release that is there in any part has its Deployment."""
        objects = self.world.kube.objects
        there = {name for name in map(charts.release_name, charts.SERVICES) if ref("ClusterRole", name).path in objects}
        return all(any("/deployments/" in path and name in path for path in objects) for name in there)

    def _attempt(self, run: Run, dry_run: bool = False) -> bool:
        try:
            run(self.world, dry_run)
        except AcksmError as error:
            event(f"not carried out: {error.id}")
            return False
        return True

    def _there(self, *location: str) -> bool:
        return ref(*location).path in self.world.kube.objects

    def _make(self, manifest: Any) -> None:
        location = ref(manifest["kind"], manifest["metadata"]["name"], manifest["metadata"].get("namespace", ""))
        if location.path not in self.world.kube.objects:
            self.world.kube.put(manifest)
            self.theirs[location.path] = self._plain(self.world.kube.objects[location.path])

    def _plain(self, item: Any) -> Any:
        """Without what everybody may add: annotations, versions, who owns which field."""
        if item is None:
            return None
        found = copied(item)
        for key in ("annotations", "resourceVersion", "managedFields"):
            found["metadata"].pop(key, None)
        return found


QUICK = settings(
    max_examples=20,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=300, stateful_step_count=25, derandomize=False)


def test_lives_of_a_cluster() -> None:
    run_state_machine_as_test(Life, settings=QUICK)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_many_long_lives_of_a_cluster() -> None:
    run_state_machine_as_test(Life, settings=LONG)
