"""`--dry-run` asks nothing to be written; `status` tells what is there and what differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from abroad import until
from acksm import yaml_reader
from acksm.cli import completion
from acksm.errors import AcksmError
from acksm.guide.export import images
from acksm.kube.paths import ref, ref_of
from acksm.live import drift
from report_schema import complaints
from webhook import changing
from world import ONE, World


def test_one_diff_over_aws_kubernetes_and_values_and_nothing_is_written(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.requests() as seen:
        run = world.acksm("install", "--dry-run", "--full").ok()
    assert seen.writes == []
    for part in (
        "# oidc",
        "# iam-role",
        "# crds",
        "# release",
        "# values.yaml of sagemaker",
        "AssumeRoleWithWebIdentity",
        "eks.amazonaws.com/role-arn",
        "CustomResourceDefinition models.sagemaker",
        "# objects of release",
        "nothing was written",
    ):
        assert part in run.stdout
    world.install()
    assert world.acksm("install", "--dry-run").ok().stdout.startswith("already up to date")
    monkeypatch.setattr(images, "read", lambda *_: [])  # the images' registry is not the sandbox's
    an_export_is_what_was_installed(world, tmp_path)


def an_export_is_what_was_installed(world: World, folder: Path) -> None:
    """The apiserver accepts each exported object, and but for marks it would change nothing."""
    with world.requests() as seen:
        world.acksm("export", "--to", "kustomize", "--out", str(folder)).ok()
        assert world.acksm("export", "--check", str(folder)).ok().stdout.startswith(f"{folder} is up to date")
    assert seen.writes == []
    paths = [path for path in sorted(folder.glob("manifests/*/*.yaml")) if path.name != "kustomization.yaml"]
    for path in paths:
        exported = yaml_reader.load(path.read_text())
        before = world.kube.get(ref_of(exported))
        after = world.kube.apply(exported, force=True, dry_run=True)
        assert before is not None, path
        for key in after.keys() - {"metadata", "status"}:
            assert after[key] == before[key], path
    assert len(paths) > 40


def test_what_the_dry_run_says_is_what_is_done(world: World) -> None:
    planned = world.acksm("install", "--dry-run", "-o", "json").ok().data
    done = world.acksm("install", "-y", "-o", "json").ok().data
    assert [item["target"] for item in planned["changes"]] == [item["target"] for item in done["changes"]]
    assert planned["dry_run"] is True
    assert planned["digest"].startswith("sha256:")
    again = world.acksm("install", "--dry-run", "-o", "json").ok().data
    assert again["changes"] == []


@pytest.mark.crds
def test_a_dry_run_of_a_change_shows_only_that(world: World) -> None:
    world.install(*ONE)
    run = world.acksm("install", *ONE, "--dry-run", "--set", "log.level=debug").ok()
    assert "log" in run.stdout
    assert "# crds" not in run.stdout
    assert "1 to update" in run.stdout


def test_status_of_nothing(world: World) -> None:
    run = world.acksm("status")
    assert run.exit_code == 3
    assert run.stdout.count("not installed") == 2


@pytest.mark.crds
def test_pods_that_never_come_are_told_by_install_status_and_doctor(world: World, tmp_path: Path) -> None:
    """With --no-wait a controller is installed whose service account nothing creates."""
    account = tmp_path / "account.yaml"
    account.write_text("serviceAccount: {create: false, name: ack}\n")
    run = world.acksm("install", "-y", "--no-wait", *ONE, "--values", str(account)).ok()
    assert "service account ack does not exist" in run.stderr
    message = f'error looking up service account {world.namespace}/ack: serviceaccount "ack" not found'
    remedy = f"kubectl -n {world.namespace} create serviceaccount ack"
    run = world.acksm("install", "-y", *ONE)  # nothing to change: it waits for the pods, and not to the end
    assert (run.error_id, run.exit_code) == ("pod-not-created", 4)
    assert message in run.stderr
    assert remedy in run.stderr
    shown = world.acksm("status", *ONE)
    assert shown.exit_code == 3
    assert shown.stdout.count(message) == 1
    assert "pods available" not in shown.stdout  # one cause is told once
    assert f"remedy: {remedy}" in shown.stdout
    checks = world.acksm("doctor", *ONE, "-o", "json").data["checks"]
    (found,) = [item for item in checks if item["id"] == "check.pods"]
    assert (found["state"], message in found["text"], remedy in found["remedy"]) == ("failed", True, True)


def test_status_tells_drift_by_hand(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.install()
    assert "no drift" in world.acksm("status").ok().stdout
    monkeypatch.setattr(completion, "SECONDS", 60)
    what_is_read_of_an_installation(world)
    account = ref("ServiceAccount", "ack-sagemaker-controller", world.namespace)
    world.kube.patch(account, {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}}})
    world.kube.delete(ref("CustomResourceDefinition", "models.sagemaker.services.k8s.aws"))
    run = world.acksm("status", "-o", "json")
    assert "crds.create" in [item["id"] for item in run.data["drift"]]
    assert run.exit_code == 3
    assert "arn:aws:iam::1:role/x" in str(run.data["controllers"])
    world.install()
    assert world.acksm("status").exit_code == 0


def what_is_read_of_an_installation(world: World) -> None:
    """`logs`, `versions`, `init` and the shell's TAB, on the installation of the test that calls it."""
    with world.requests() as seen:
        log = world.acksm("logs", "sagemaker", "-o", "json").ok()
        assert any("starting manager" in row["text"] for row in log.data["lines"])
        assert complaints(log.data) == []
        assert len(world.acksm("logs", "sagemaker", "--tail", "1").ok().stdout.splitlines()) == 1
        assert "starting manager" not in world.acksm("logs", "sagemaker", "--since", "1s", "--tail", "0").ok().stdout
        refused = world.acksm("logs", "sagemaker", "--previous")
        assert (refused.error_id or "").startswith("kube-")
        assert world.acksm("logs", "sagemaker", "-n", "default").error_id == "logs-controller"
        versions = world.acksm("versions", "--service", "sagemaker", "-o", "json").ok().data
        assert complaints(versions) == []
        (row,) = versions["services"]
        assert row["installed"] == row["tested"] == "1.9.1"
        assert row["latest"] == row["versions"][0]
        history = world.acksm("history", "-o", "json").ok().data
        assert complaints(history) == []
        assert history["unread"] == []
        assert all(row["time"] for row in history["events"])
        assert any("oidc-provider/" in row["object"] for row in history["events"])
        sources = {(row["source"], row["by"]) for row in history["events"]}
        assert sources == {("helm", "acksm"), ("kubernetes", "acksm"), ("iam", "acksm")}
        world.acksm("init", "-n", world.namespace, "-f", "new.yaml").ok()
        again = world.acksm("install", "-f", "new.yaml", "--dry-run", env={"ACKSM_CLUSTER": ""}).ok()
        assert "already up to date" in again.stdout
        for line, value in (("acksm status --cluster ", world.cluster), ("acksm carm bind ", world.namespace)):
            words = {"_ACKSM_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
            assert value in world.acksm(env=words).stdout.split()
    assert seen.writes + seen.leases == []


@pytest.mark.crds
def test_status_when_the_registry_is_away_still_tells_health(world: World) -> None:
    world.install(*ONE)
    run = world.acksm("status", *ONE, "--registry", "127.0.0.1:1/x")
    assert run.exit_code == 7
    assert "healthy" in run.stdout
    assert "incomplete:" in run.stdout
    assert "drift unknown" in run.stdout
    assert "no drift" not in run.stdout


@pytest.mark.crds
def test_status_knows_what_install_would_create_what_stops_the_pods_and_what_is_elsewhere(world: World) -> None:
    world.install(*ONE)
    run = world.acksm("status", "-o", "json")
    assert (run.exit_code, run.data["healthy"]) == (3, False)
    assert "release.install" in [item["id"] for item in run.data["drift"]]
    assert "leaves it out" in world.acksm("status").stdout
    elsewhere = world.acksm("status", *ONE, "-n", f"no-{world.namespace}")
    assert f"namespace no-{world.namespace} does not exist" in elsewhere.stdout
    assert f"is found in {world.namespace}: use -n {world.namespace}" in elsewhere.stdout
    nodes = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    nobody = json.dumps({"Version": "2012-10-17", "Statement": [nodes]})
    world.aws("iam").update_assume_role_policy(RoleName=world.role()["RoleName"], PolicyDocument=nobody)
    run = world.acksm("status", *ONE)
    assert run.exit_code == 3
    assert "the pods lose their credentials within the hour" in run.stdout


@pytest.mark.crds
def test_status_tells_a_deployment_that_was_deleted(world: World) -> None:
    world.install(*ONE)
    (name,) = world.objects("Deployment")
    world.kube.delete(ref("Deployment", name, world.namespace))
    run = world.acksm("status", *ONE)
    assert run.exit_code == 3
    assert "no Deployment" in run.stdout
    assert f"Deployment {world.namespace}/{name} (deleted)" in run.stdout
    world.install(*ONE)
    assert world.objects("Deployment") == [name]


def test_what_was_changed_by_hand_is_told_and_put_back(world: World) -> None:
    world.install(*ONE)
    (name,) = world.objects("Deployment")
    by_hand = {"spec": {"replicas": 0}, "metadata": {"annotations": {"theirs": "stays"}}}
    world.kube.patch(ref("Deployment", name, world.namespace), by_hand)
    run = world.acksm("status", *ONE)
    assert run.exit_code == 3
    assert "scaled to zero" in run.stdout
    assert f"changed by hand: Deployment {world.namespace}/{name}" in run.stdout
    world.install(*ONE)
    live = world.kube.get(ref("Deployment", name, world.namespace))
    assert live is not None
    assert live["spec"]["replicas"] == 1
    assert live["metadata"]["annotations"]["theirs"] == "stays"
    # what others add to a CRD is removed, once
    crd = ref("CustomResourceDefinition", "scalabletargets.applicationautoscaling.services.k8s.aws")
    versions = (world.kube.get(crd) or {})["spec"]["versions"]
    versions[0]["schema"]["openAPIV3Schema"]["properties"]["theirs"] = {"type": "string"}
    world.kube.patch(crd, {"spec": {"versions": versions}})
    world.install(*ONE)
    assert "theirs" not in str(world.kube.get(crd))
    with world.requests() as again:
        world.install(*ONE)
    assert again.writes == []


AS_PEOPLE_WRITE_THEM = """
resources:
  requests: {cpu: 0.5, memory: 512Mi}
  limits: {cpu: 1, memory: "1024Mi", ephemeral-storage: 1e9}
deployment:
  priorityClassName: null
  nodeSelector: {kubernetes.io/os: null, example.com/pool: "1"}
  labels: {team: "007", shift: "on"}
  annotations: {example.com/count: 12, example.com/flag: true}
  tolerations: [{key: example.com/gpu, operator: Exists, tolerationSeconds: 0, effect: NoExecute}, {operator: Exists}]
  affinity:
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 1
          podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {team: "007"}}}
  strategy: {rollingUpdate: {maxUnavailable: 0}}
  extraVolumes: [{name: scratch, emptyDir: {sizeLimit: 0.5Gi}}]
  extraVolumeMounts: [{name: scratch, mountPath: /scratch}]
  extraEnvVars: [{name: EMPTY, value: ""}, {name: TEXT, value: "no"}]
image: {pullSecrets: []}
role: {labels: {}}
reconcile: {defaultResyncPeriod: 3600, resourceResyncPeriods: {}}
"""


@pytest.mark.crds
def test_values_as_people_write_them_are_no_drift(world: World, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(AS_PEOPLE_WRITE_THEM)
    world.install(*ONE, "--values", "values.yaml", "--no-wait")
    with world.requests() as seen:
        again = world.acksm("install", "-y", *ONE, "--values", "values.yaml", "--no-wait").ok()
    assert (seen.writes, again.stderr.count("up to date")) == ([], 1)
    assert sum("dryRun=All" in path for _, path, _ in seen.kube) == 1
    status = world.acksm("status", *ONE, "-o", "json").data
    assert (status["drift"], status["drift_unknown"], status["notes"]) == ([], "", [])


AMOUNTS = st.sampled_from(
    [1, 2, 0.5, 1.5, 1e3, "1", "0.5", "100m", "0.1", "1e3", "1024Mi", "0.5Gi", "1.0", "+1", "1E3"]
)
FLAGS = st.none() | st.booleans()
MAPS = st.dictionaries(st.sampled_from(["a", "example.com/b"]), st.sampled_from(["", "1", "007", "on"]), max_size=2)
LIMITS = st.dictionaries(st.sampled_from(["cpu", "memory", "ephemeral-storage"]), AMOUNTS, max_size=3)
TOLERATION = st.fixed_dictionaries(
    {"operator": st.just("Exists"), "effect": st.just("NoExecute")},
    optional={"key": st.sampled_from(["", "a"]), "tolerationSeconds": st.sampled_from([None, 0, 5])},
)
VARIABLE: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"name": st.sampled_from("AB")}, optional={"value": st.sampled_from([None, "", "no"])}
)
POD: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "nodeSelector": st.none() | MAPS,
        "tolerations": st.none() | st.lists(TOLERATION, max_size=2),
        "affinity": st.sampled_from([None, {}, {"nodeAffinity": {}}]),
        "priorityClassName": st.sampled_from([None, ""]),
        "hostNetwork": FLAGS,
        "hostIPC": FLAGS,
        "dnsPolicy": st.sampled_from(["ClusterFirst", "Default"]),
        "automountServiceAccountToken": FLAGS,
        "terminationGracePeriodSeconds": st.sampled_from([None, 0, 10]),
        "securityContext": st.sampled_from([None, {}, {"runAsNonRoot": False}, {"runAsUser": 0}]),
        "volumes": st.sampled_from([None, [], [{"name": "v", "emptyDir": {"sizeLimit": "0.5Gi"}}, {"name": "w"}]]),
    },
)
CONTAINER: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"name": st.just("controller"), "image": st.just("a:1")},
    optional={
        "resources": st.fixed_dictionaries({}, optional={"limits": LIMITS, "requests": st.none()}),
        "env": st.lists(VARIABLE, max_size=2, unique_by=lambda one: str(one["name"])),
        "args": st.sampled_from([None, [], ["--a", ""]]),
        "ports": st.sampled_from([None, [], [{"containerPort": 8080}]]),
        "securityContext": st.fixed_dictionaries(
            {}, optional={"allowPrivilegeEscalation": FLAGS, "privileged": st.none(), "capabilities": st.just({})}
        ),
    },
)


def test_no_object_that_the_apiserver_takes_is_drift(world: World) -> None:
    """Whatever its chart writes: amounts, zero values, nulls, empty lists and maps."""
    world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.namespace}})
    taken, kube = [0], world.kube

    @settings(max_examples=30)
    @given(POD, CONTAINER, MAPS)
    def stored(pod: dict[str, Any], container: dict[str, Any], annotations: dict[str, str]) -> None:
        labels = {"app": "x"}
        meta = {"labels": labels, "annotations": annotations}
        template = {"metadata": meta, "spec": {**pod, "containers": [container]}}
        manifest = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": f"d-{taken[0]}", "namespace": world.namespace},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "strategy": {}, "template": template},
        }
        try:
            kube.apply(manifest)
        except AcksmError as error:
            if error.id != "kube-invalid":
                raise
            return
        taken[0] += 1
        assert list(map(str, drift.of_all(kube, [manifest], world.namespace))) == []

    stored()
    assert taken[0] > 10


PULL = "spec.template.spec.containers[controller].imagePullPolicy"


def patched_by(world: World, manager: str, **container: Any) -> Any:
    """The controller's container changed by a field manager of its own; the Deployment."""
    (name,) = world.objects("Deployment")
    body = {"spec": {"template": {"spec": {"containers": [{"name": "controller", **container}]}}}}
    return world.kube._request(
        "patch",
        ref("Deployment", name, world.namespace).path,
        body=body,
        query_params=[],
        field_manager=manager,
        content_type="application/strategic-merge-patch+json",
    )


def notes_of(world: World, *argv: str) -> tuple[list[str], list[str]]:
    """What an install wrote, and its notes."""
    with world.requests() as seen:
        run = world.acksm("install", "-y", *ONE, "--no-wait", *argv).ok()
    return seen.writes, [line.strip() for line in run.stderr.splitlines() if "Deployment" in line]


@pytest.mark.crds
def test_a_write_that_does_not_last_is_told_and_not_repeated(world: World, tmp_path: Path) -> None:
    world.install(*ONE)
    path = "/spec/template/spec/containers/0/imagePullPolicy"
    with changing(world, tmp_path / "pki", "apps", "deployments", {"op": "add", "path": path, "value": "Always"}):
        # others' additions are no drift, and this one lets the webhook change the object
        patched_by(world, "kubectl-set", env=[{"name": "THEIRS", "value": "stays"}])
        written, (told,) = notes_of(world)
        assert written == []
        assert f"{PULL} is changed at each write by an admission webhook or policy" in told
        until(lambda: world.acksm("status", *ONE).exit_code == 0, "the old pod stays", lambda: "")
        status = world.acksm("status", *ONE, "-o", "json").ok().data
        assert (status["drift"], len(status["notes"])) == ([], 1)
        with world.requests() as seen:
            fixed = world.acksm("doctor", "--fix", "-y", "-o", "json", *ONE).ok()
        assert (seen.writes, fixed.data["fix"]) == ([], [])
        assert [one["state"] for one in fixed.data["checks"] if one["id"] == "check.drift"] == ["warning"]

    reader = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "reader"}}
    world.kube.create({**role, "rules": [reader]})
    world.bind("reader", "looker")
    keys = world.user("looker", policy={"Version": "2012-10-17", "Statement": [ALL]})
    status = world.acksm("status", *ONE, "-o", "json", env=keys).data
    assert status["drift"] == []
    assert "whether the apiserver would change it is unknown" in status["drift_unknown"]
    assert 'cannot patch resource "deployments"' in status["drift_unknown"]

    # without the webhook it is a change like any other, and restored; but not for ever against another manager
    told_by_plan = world.acksm("install", *ONE, "--dry-run").ok().stdout
    assert f"({PULL}" in told_by_plan
    assert notes_of(world)[0] != []
    patched_by(world, "policy-bot", imagePullPolicy="Never")
    written, (told,) = notes_of(world)
    assert written == []
    assert f"{PULL} was restored, and policy-bot changed it again" in told
    # `false` is not what an apiserver assumes everywhere: removed, it is a change
    patched_by(world, "somebody", securityContext={"allowPrivilegeEscalation": None})
    assert "allowPrivilegeEscalation" in world.acksm("status", *ONE).stdout


ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
