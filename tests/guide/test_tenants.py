"""What a tenant makes in its own namespace changes no plan of acksm beyond that namespace.

A tenant has the built-in ClusterRole `edit` in one namespace
(kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles): workloads, service accounts, ConfigMaps,
Secrets and Leases, with any names, labels and annotations, but no roles and nothing cluster-wide.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from acksm.ack import charts
from acksm.ack.kinds import KINDS
from acksm.ack.names import SERVICES
from acksm.errors import AcksmError
from acksm.guide.adopt import placement
from acksm.guide.carm import accounts, bind
from acksm.guide.carm.bind import Requested
from acksm.guide.cleanup import command as cleanup
from acksm.guide.cleanup.observation import Desired
from acksm.guide.doctor import running
from acksm.guide.doctor.facts import Facts
from acksm.guide.identity import trust
from acksm.guide.install import command as install
from acksm.guide.region import command as region
from acksm.kube.paths import ref
from acksm.live import inventory
from acksm.settings import OtherAccountSettings, RoleSettings, RunSettings, Settings
from memory_account import ACCOUNT, HOME, ISSUER, ROLE, ROLE_NAME
from memory_kube import namespace
from memory_world import MemoryWorld, Said, commands_run_on, run_carm_bind, run_install

ACCOUNT_NAME = "ack-sagemaker-controller"
TENANT, VICTIM, OTHER = "aaa", "victim", "222222222222"  # the tenant's namespace is the first of all
EVERYTHING = Desired(crds="all", delete_aws=True, iam=True, oidc=True, carm=True, namespace=True)
EVIL = f"arn:aws:iam::{ACCOUNT}:role/evil"
Json = dict[str, Any]


class World:
    """Both controllers, a bound namespace, and an object in it; each command is planned on it."""

    current: MemoryWorld

    def __init__(self) -> None:
        World.current = self.memory = MemoryWorld()
        for name in (TENANT, VICTIM, "bound", "data"):
            self.memory.kube.put(namespace(name))
        run_install(self.memory.settings(), Said())
        run_carm_bind(self.memory.settings(), Said(), Requested(["bound"], account=OTHER))
        # what a mistyped --controller-namespace once left: the tenant's service account of that name has the role
        role = self.memory.iam.roles[ROLE_NAME]["Role"]
        document = trust.statement(ISSUER, [trust.subject(name, ACCOUNT_NAME) for name in (HOME, TENANT)])
        role["AssumeRolePolicyDocument"] = json.dumps({"Version": "2012-10-17", "Statement": [document]})
        location = ref("Model", "m", "data")
        where = {"arn": "arn:m", "ownerAccountID": ACCOUNT, "region": "us-west-2"}
        self.memory.kube.put(
            {
                "apiVersion": location.api_version,
                "kind": "Model",
                "metadata": {
                    "name": "m",
                    "namespace": "data",
                    "finalizers": ["finalizers.sagemaker.services.k8s.aws/Model"],
                },
                "spec": {"modelName": "m"},
                "status": {"ackResourceMetadata": where},
            }
        )

    @cached_property
    def before(self) -> dict[str, Any]:
        """The plans while the tenant has made nothing."""
        return self.plans()

    def plans(self) -> dict[str, Any]:
        """Each command's changes and notes without the tenant's own rows, or its error."""
        return {name: self._plan(run) for name, run in COMMANDS.items()}

    def _plan(self, run: Callable[[MemoryWorld, Said], Any]) -> Any:
        said = Said()
        try:
            result = run(self.memory, said)
        except AcksmError as error:
            return error.id, str(error)
        changes = [row for one in said.results for row in one["changes"] if TENANT not in row["target"]]
        notes = [note for one in said.results for note in one["notes"] if TENANT not in note]
        return changes, notes, [row for row in result or () if TENANT not in row] if isinstance(result, list) else ()


def _cleans(desired: Desired) -> Callable[[MemoryWorld, Said], Any]:
    return lambda world, ui: cleanup.run(world.settings(dry_run=True), ui, desired, "demo")


def _installs(**options: Any) -> Callable[[MemoryWorld, Said], Any]:
    def run(world: MemoryWorld, ui: Said) -> None:
        run_install(world.settings(dry_run=True, **options), ui)

    return run


def _placed(world: MemoryWorld, _ui: Said) -> list[str]:
    """Where an adopted object would go, and what doctor says of other controllers."""
    seen = placement.observe(world.target_of(world.settings().target, world.settings().run), [VICTIM, "bound"])
    kind = KINDS["sagemaker"]["Model"]
    found = inventory.observe(world.kube, HOME)
    facts = Facts(Settings.of(cluster="demo"), inventory=found)
    checks = [f"{one.state} {one.where} {one.text}" for one in running._others(facts)]
    return [str(placement.location(seen, kind, name, "")) for name in (VICTIM, "bound")] + checks


COMMANDS: dict[str, Callable[[MemoryWorld, Said], Any]] = {
    "install": _installs(set=["log.level=debug"]),
    "iam-role": lambda world, ui: run_install(
        world.settings(dry_run=True), ui, command="iam-role", sections=["iam-role"]
    ),
    "cleanup": _cleans(Desired()),
    "cleanup --all --delete-aws": _cleans(EVERYTHING),
    "carm bind": lambda world, ui: run_carm_bind(
        world.settings(dry_run=True), ui, Requested([VICTIM], account="333333333333")
    ),
    "carm unbind": lambda world, ui: bind.run_unbind(
        world.settings().target, RunSettings(dry_run=True), ui, ["bound"], mode=""
    ),
    "carm setup": lambda world, ui: accounts.run(
        world.settings().target,
        SERVICES,
        RoleSettings(adopt_role=True),
        OtherAccountSettings(target_account=OTHER),
        RunSettings(dry_run=True),
        ui,
        print_only=True,
    ),
    "region bind": lambda world, ui: region.run_bind(
        world.settings().target, RunSettings(dry_run=True), ui, {VICTIM: "eu-west-1"}, command="region bind"
    ),
    "adopt": _placed,
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        commands_run_on(patch, lambda: World.current, (install, region, bind, accounts, cleanup))
        yield World()


NAMES = st.sampled_from(
    ["ack-sagemaker-controller", "ack-applicationautoscaling-controller", "ack-role-account-map", "acksm", "x"]
)
LABELS = st.fixed_dictionaries(
    {},
    optional={
        "helm.sh/chart": st.sampled_from(["sagemaker-chart-1.9.1", "applicationautoscaling-chart-0.0.3", "x"]),
        "app.kubernetes.io/name": st.sampled_from(["sagemaker-chart", "ack-sagemaker-controller"]),
        "app.kubernetes.io/instance": NAMES,
        "app.kubernetes.io/managed-by": st.just("Helm"),
        "acksm.dev/owned": st.just("true"),
        "owner": st.just("helm"),
        "name": NAMES,
        "status": st.sampled_from(["deployed", "pending-upgrade"]),
        "version": st.sampled_from(["1", "¹", "99"]),
    },
)
ANNOTATIONS = st.fixed_dictionaries(
    {},
    optional={
        "meta.helm.sh/release-name": NAMES,
        "meta.helm.sh/release-namespace": st.sampled_from([HOME, TENANT]),
        "eks.amazonaws.com/role-arn": st.sampled_from([ROLE, EVIL, "foo"]),
    },
)
FLAGS = st.lists(
    st.sampled_from(
        [
            "--aws-region=eu-west-1",
            "--feature-gates=IAMRoleSelector=true",
            "--enable-carm=false",
            f"--watch-namespace={VICTIM}",
            "--deletion-policy=retain",
        ]
    ),
    unique=True,
)
IMAGES = st.sampled_from(["evil/sagemaker-controller:1.9.1", "evil/sagemaker-controller:99", "evil/x", ""])


def _record() -> str:
    """helm's record of a release that has a controller with the service account of the role's trust."""
    pod = {"serviceAccountName": ACCOUNT_NAME, "containers": [{"image": "evil/sagemaker-controller:1.9.1"}]}
    manifest = {"kind": "Deployment", "metadata": {"name": "x"}, "spec": {"template": {"spec": pod}}}
    chart = {"metadata": {"name": "sagemaker-chart", "version": "1.9.1"}}
    release = {
        "name": ACCOUNT_NAME,
        "namespace": TENANT,
        "version": 1,
        "info": {"status": "deployed"},
        "chart": chart,
        "manifest": json.dumps(manifest),
    }
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()


RECORD = _record()


def _made(api_version: str, kind: str, name: str, labels: Json, annotations: Json, **more: Any) -> Json:
    metadata = {"name": name, "namespace": TENANT, "labels": labels, "annotations": annotations}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


@st.composite
def _object(draw: st.DrawFn) -> Json:
    """Anything that `edit` lets be made, and that has to do with what acksm looks at."""
    name, labels, annotations = draw(NAMES), draw(LABELS), draw(ANNOTATIONS)
    kind = draw(st.sampled_from(["Deployment", "Pod", "ServiceAccount", "ConfigMap", "Secret", "Lease", "Service"]))
    if kind in {"Deployment", "Pod"}:
        spec = {
            "serviceAccountName": draw(NAMES),
            "containers": [{"name": "controller", "image": draw(IMAGES), "args": draw(FLAGS)}],
        }
        if kind == "Pod":
            return _made("v1", kind, name, labels, annotations, spec=spec)
        template = {"metadata": {"labels": draw(LABELS)}, "spec": spec}
        ready = {"readyReplicas": draw(st.integers(0, 1))}
        return _made("apps/v1", kind, name, labels, annotations, spec={"template": template}, status=ready)
    if kind == "ConfigMap":
        return _made("v1", kind, name, labels, annotations, data={OTHER: EVIL, "333333333333": EVIL})
    if kind == "Secret":
        data = {"release": draw(st.sampled_from([RECORD, base64.b64encode(b"x").decode()]))}
        secret = f"sh.helm.release.v1.{name}.v1"
        return _made("v1", kind, secret, labels, annotations, type="helm.sh/release.v1", data=data)
    if kind == "Lease":
        spec = {"holderIdentity": "x", "renewTime": "2999-01-01T00:00:00.000000Z"}
        return _made("coordination.k8s.io/v1", kind, name, labels, annotations, spec=spec)
    return _made("v1", kind, name, labels, annotations)


HELM: Json = {"app.kubernetes.io/managed-by": "Helm"}
FAKE = _made(
    "apps/v1",
    "Deployment",
    "fake",
    {"helm.sh/chart": "sagemaker-chart-1.9.1"},
    {},
    spec={
        "template": {
            "metadata": {"labels": {"app.kubernetes.io/name": "sagemaker-chart"}},
            "spec": {"serviceAccountName": "fake", "containers": [{"image": "evil/sagemaker-controller:1.9.1"}]},
        }
    },
)
RELEASE = {"meta.helm.sh/release-name": "ack-sagemaker-controller", "meta.helm.sh/release-namespace": HOME}


RECORDED = _made(
    "v1",
    "Secret",
    f"sh.helm.release.v1.{ACCOUNT_NAME}.v1",
    {"owner": "helm", "name": ACCOUNT_NAME, "status": "deployed", "version": "1"},
    {},
    data={"release": RECORD},
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_object(), min_size=1, max_size=4))
@example([FAKE])
@example([_made("v1", "ServiceAccount", "x", {}, {"eks.amazonaws.com/role-arn": ROLE})])
@example([FAKE, _made("v1", "ConfigMap", "ack-role-account-map", {}, {}, data={"333333333333": EVIL})])
@example(
    [
        _made(
            "v1",
            "Secret",
            "sh.helm.release.v1.ack-s3-controller.v1",
            {"owner": "helm", "name": "ack-s3-controller", "status": "deployed", "version": "1"},
            {},
        )
    ]
)
@example([_made("v1", "Service", "x", HELM, RELEASE)])
@example([RECORDED])
def test_a_tenants_objects_change_no_plan_beyond_its_namespace(world: World, objects: list[Json]) -> None:
    before, kept = world.before, world.memory.snapshot()
    for manifest in objects:
        world.memory.kube.objects[ref(manifest["kind"], manifest["metadata"]["name"], TENANT).path] = {
            **manifest,
            "metadata": {"uid": manifest["kind"] + manifest["metadata"]["name"], **manifest["metadata"]},
        }
    try:
        assert world.plans() == before
    finally:
        world.memory.restore(kept)


def test_every_command_has_a_plan_that_could_be_changed(world: World) -> None:
    plans = world.before
    refused = {name: plan for name, plan in plans.items() if isinstance(plan[0], str)}
    assert refused == {}
    assert all(any(plan) for plan in plans.values())


def test_the_same_objects_do_change_plans_where_their_account_may_write(world: World) -> None:
    """The property above would notice: with rights the fake of its first example is a second controller."""
    before, kept = world.before, world.memory.snapshot()
    rules = [{"apiGroups": ["sagemaker.services.k8s.aws"], "resources": ["*"], "verbs": ["*"]}]
    subject = {"kind": "ServiceAccount", "namespace": TENANT, "name": "fake"}
    rbac: Json = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "fake"}}
    world.memory.kube.put(FAKE)
    world.memory.kube.objects[ref("Deployment", "fake", TENANT).path]["status"] = {}  # no replica is ready
    world.memory.kube.put({**rbac, "kind": "ClusterRole", "rules": rules})
    world.memory.kube.put(
        {
            **rbac,
            "kind": "ClusterRoleBinding",
            "roleRef": {"kind": "ClusterRole", "name": "fake"},
            "subjects": [subject],
        }
    )
    after = world.plans()
    world.memory.restore(kept)
    different = {name for name in before if after[name] != before[name]}
    # install notes it in a row with the tenant's name, and asks with or without it
    assert different == {"cleanup", "cleanup --all --delete-aws", "adopt"}
    assert after["cleanup"][0] == "cleanup-would-strand"


def test_once_the_release_is_gone_a_tenants_marks_do_not_bring_it_back(world: World) -> None:
    """What helm has forgotten is known by its marks, and a tenant can write those on what is its own."""
    kept = world.memory.snapshot()
    releases = tuple(map(charts.release_name, charts.SERVICES))
    world.memory.kube._drop(lambda path: any(name in path for name in releases))
    before = world.plans()
    world.memory.kube.put(_made("v1", "Service", "x", HELM, RELEASE))
    world.memory.kube.put({**FAKE, "metadata": {**FAKE["metadata"], "labels": HELM, "annotations": RELEASE}})
    after = world.plans()
    world.memory.restore(kept)
    assert after == before
