"""`acksm doctor` and `acksm report` on real parts: a whole life of a cluster, things broken for real, and secrets."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from abroad import MARK, ROLE_NAME, Abroad, until
from acksm.kube.paths import ref
from report_schema import complaints
from world import Run, World

CRD = "models.sagemaker.services.k8s.aws"


@pytest.fixture
def abroad(world: World) -> Iterator[Abroad]:
    """Without controllers of other tests, which doctor would see too."""
    found = Abroad.open(world)
    yield found
    found.clean()


def looked(world: World, *argv: str, env: dict[str, str] | None = None) -> Run:
    """doctor in JSON: it writes nothing, and its document is as published."""
    with world.requests() as seen:
        run = world.acksm("doctor", "-o", "json", *argv, env=env)
    assert seen.writes == []
    assert complaints(run.data) == []
    return run


CORE = {"check.pass-role": "warning"}  # what the guide's policy lets people do


def states(run: Run, *which: str) -> dict[str, str]:
    """Check to its worst state, of those that are not as they should be (or of the `which` states)."""
    order = ("skipped", "ok", "warning", "unknown", "failed")
    desired = which or order[2:]
    found: dict[str, str] = {}
    for check in sorted(run.data["checks"], key=lambda item: order.index(item["state"])):
        if check["state"] in desired:
            found[check["id"]] = check["state"]
    return found


def deployment(world: World, service: str = "sagemaker") -> Any:
    return ref(
        "Deployment", next(name for name in world.objects("Deployment") if f"-{service}-" in name), world.namespace
    )


def waiting(world: World) -> list[str]:
    """Why containers of the controllers' namespace do not run."""
    pods = world.kube.list(ref("Pod", namespace=world.namespace))
    containers = [one for pod in pods for one in (pod.get("status") or {}).get("containerStatuses") or ()]
    return [str((one["state"].get("waiting") or {}).get("reason", "")) for one in containers]


def test_from_a_bare_cluster_to_broken_things_that_are_fixed(abroad: Abroad) -> None:
    world, iam = abroad.world, abroad.world.aws("iam")
    bare = looked(world).ok()
    assert states(bare) == {}
    assert {"check.registry", "check.compute", "check.plan", "check.plan-rights"} <= {*states(bare, "ok")}
    assert {"check.release", "check.trust", "check.pods", "check.scope"} <= {*states(bare, "skipped")}
    assert world.acksm("doctor").ok().stdout.endswith("\nready to install: acksm install --dry-run\n")

    world.install("--service", "sagemaker")
    one = ("--service", "sagemaker")
    well = looked(world, *one).ok()
    assert states(well) == CORE
    assert {*states(well, "skipped")} == {"check.bindings"}
    text = world.acksm("doctor", *one).ok().stdout.splitlines()
    assert text[0] == "tools: 1 ok"
    assert text[-1].endswith("ok, 1 skipped, 1 warning")

    # by hand: the trust of another cluster, a CRD gone, no pods, a value nobody reads
    role = f"ack-controller-role-{world.cluster}"
    kept = world.role()["AssumeRolePolicyDocument"]
    stale = json.dumps(kept).replace("system:serviceaccount", "system:another")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=stale)
    world.kube.delete(ref("CustomResourceDefinition", CRD))
    world.kube.patch(deployment(world), {"spec": {"replicas": 0}})
    hurt = looked(world, *one)
    assert hurt.exit_code == 3
    found = states(hurt)
    assert found.pop("check.log", "unknown") == "unknown"  # of a pod that is just going
    assert found == {
        **CORE,
        "check.trust": "failed",
        "check.trust-subjects": "warning",  # the other subject is no release's
        "check.crds": "failed",
        "check.pods": "failed",
        "check.drift": "warning",
    }
    (told,) = [check for check in hurt.data["checks"] if check["id"] == "check.trust"]
    assert "system:another" in told["text"]

    refused = world.acksm("doctor", "--fix", *one)
    assert (refused.error_id, refused.exit_code) == ("needs-confirmation", 6)
    with world.requests() as seen:
        dry = world.acksm("doctor", "--fix", "--dry-run", "-o", "json", *one)
    assert seen.writes == []
    assert dry.exit_code == 3
    fixed = world.acksm("doctor", "--fix", "-y", "-o", "json", *one).ok()
    assert complaints(fixed.data) == []
    ids = {change["id"] for change in fixed.data["fix"]}
    assert ids == {"iam-role.trust", "crds.create", "release.upgrade"}
    assert ids == {change["id"] for change in dry.data["fix"]}
    assert f"system:serviceaccount:{world.namespace}:" in json.dumps(world.role()["AssumeRolePolicyDocument"])
    assert states(looked(world, *one).ok()) == CORE

    # the provider gone and the annotation stripped: one run restores both, and makes the pods again
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
    account = ref("ServiceAccount", "ack-sagemaker-controller", world.namespace)
    world.kube.patch(account, {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": None}}})
    hurt = looked(world, *one)
    assert states(hurt)["check.annotation"] == "failed"
    assert states(hurt, "skipped")["check.oidc"] == "skipped"
    first = world.acksm("doctor", "--fix", "-y", "-o", "json", *one).ok()
    assert {"oidc.create", "release.upgrade", "release.restart"} <= {change["id"] for change in first.data["fix"]}
    assert states(first) == CORE
    with world.requests() as nothing:
        again = world.acksm("doctor", "--fix", *one).ok()
    assert nothing.writes == []
    assert "no problem found" in again.stderr

    # by helm: a value that nobody reads, and a gate with which the controller ends; its log says it
    gate = ("--set", "featureGates.IAMRoleSelector=true")
    chart = world.chart("sagemaker", "1.9.1")
    world.helm("upgrade", "ack-sagemaker-controller", chart, "--reuse-values", "--set", "moon=1", *gate)

    def crashed() -> Run | None:
        run = looked(world, *one)
        known = {item["id"] for item in run.data["symptoms"]}
        return run if "symptom.selector-needs-carm-off" in known and "check.pods" in states(run) else None

    until(lambda: "CrashLoopBackOff" in waiting(world), "the controller does not end", lambda: waiting(world))
    run = until(crashed, "nothing is said of it", lambda: looked(world, *one).data["checks"])
    assert states(run)["check.values"] == "warning"
    assert states(run)["check.scope"] == "failed"
    (told,) = [check for check in run.data["checks"] if check["id"] == "check.pods"]
    assert "IAMRoleSelector" in told["text"]
    assert told["remedy"].startswith("acksm install --mode")
    as_yaml = world.acksm("doctor", "-o", "yaml", *one)
    assert complaints(YAML(typ="safe").load(io.StringIO(as_yaml.stdout))) == []


def test_what_is_wrong_before_a_cluster_is_reached(
    abroad: Abroad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = abroad.world
    config = json.loads(Path(world.variables["KUBECONFIG"]).read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "other").write_text(json.dumps(config))
    stranger = world.user("stranger", policy=ALL, mapped=False)
    cases: list[tuple[list[str], dict[str, str], str]] = [
        (["--cluster", "nowhere"], {}, "check.cluster"),
        (["--region", "us-moon-1"], {}, "check.region"),
        (["--account", "999999999999"], {}, "check.account"),
        (["--kubeconfig", "other"], {}, "check.context"),
        ([], {"ACKSM_HELM": "no-such-helm"}, "check.helm"),
        (["--registry", "127.0.0.1:1/x"], {}, "check.registry"),
        ([], {"AWS_ACCESS_KEY_ID": "AKIANOBODYGAVETHIS00"}, "check.credentials"),
        ([], stranger, "check.apiserver"),
    ]
    for argv, env, expected in cases:
        run = looked(world, *argv, env=env)
        assert run.exit_code == 3, expected
        assert [name for name, state in states(run).items() if state == "failed"] == [expected], argv
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert states(looked(world))["check.credentials"] == "failed"
    assert states(looked(world, "--profile", "expired"))["check.credentials"] == "failed"


ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def test_what_a_caller_may_not_is_told_by_command_and_by_the_plan(abroad: Abroad) -> None:
    world = abroad.world
    few = {
        "Version": "2012-10-17",
        "Statement": [*ALL["Statement"], {"Effect": "Deny", "Action": "iam:CreateRole", "Resource": "*"}],
    }
    keys = world.user("few", policy=few, groups=["system:masters"])
    run = looked(world, env=keys)
    assert states(run) == {"check.iam-rights": "warning", "check.plan-rights": "failed"}
    lacking = {check["where"]: check for check in run.data["checks"] if check["state"] == "warning"}
    assert {*lacking} >= {"acksm iam-role", "acksm install"}
    assert not {*lacking} & {"acksm oidc", "acksm status", "acksm doctor"}
    assert "iam:CreateRole" in lacking["acksm install"]["text"]
    assert lacking["acksm install"]["remedy"] == "acksm doctor --print-policy install"
    blind = {**few, "Statement": [*few["Statement"], {"Effect": "Deny", "Action": "iam:Simulate*", "Resource": "*"}]}
    keys = world.user("blind", policy=blind, groups=["system:masters"])
    unknown = {"check.iam-rights": "unknown", "check.plan-rights": "unknown"}
    assert states(looked(world, env=keys).ok()) == unknown
    world.kube.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "reader"},
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}],
        }
    )
    world.bind("reader", "looker")
    run = looked(world, env=world.user("looker", policy=ALL))
    assert states(run) == {"check.plan-rights": "failed"}
    assert "create customresourcedefinitions" in next(c["text"] for c in run.data["checks"] if c["state"] == "failed")


@pytest.mark.crds
def test_an_object_is_followed_to_the_first_thing_wrong(abroad: Abroad) -> None:
    world, b = abroad.world, abroad.account
    world.install("--service", "sagemaker")
    abroad.setup().ok()

    def first(name: str, space: str) -> tuple[str, str, Run]:
        run = looked(world, f"Model/{name}", "-n", space)
        found = run.data["first"] or {"id": "", "text": ""}
        assert run.exit_code == (3 if run.data["first"] and run.data["first"]["state"] == "failed" else 0)
        return found["id"], found["text"], run

    home = abroad.namespace("home")
    abroad.located(abroad.model(home, "fine"))
    name, _, run = first("fine", home)
    assert name == ""
    assert "model/fine" in next(check["text"] for check in run.data["checks"] if check["id"] == "check.object-aws")
    assert "no problems found" in world.acksm("doctor", "models/fine", "-n", home).ok().stdout
    world.aws("sagemaker").delete_model(ModelName="fine")
    assert first("fine", home)[0] == "check.object-aws"
    assert first("nobody", home)[0] == "check.object-there"
    assert looked(world, "Moddel/x").data["first"]["id"] == "check.object-kind"

    # an account without an entry in the map: the condition and the chain say it
    lost = abroad.namespace("lost", owner_account_id=b)
    thing = abroad.model(lost, "waits")
    until(lambda: (world.kube.get(thing) or {}).get("status"), "no status", lambda: "")
    name, text, run = first("waits", lost)
    assert (name, "check.carm-map" in text) == ("check.object-role", True)
    assert "symptom.carm-map-missing" in [item["id"] for item in run.data["symptoms"]]

    # bound, and placed in the other account: AWS is asked there when credentials for it are named
    bound = abroad.namespace("bound")
    world.acksm("carm", "bind", bound, "--target-account", b).ok()
    abroad.located(abroad.model(bound, "far"))
    run = looked(world, "Model/far", "-n", bound).ok()
    assert states(run) == {"check.object-aws": "unknown"}
    run = looked(world, "Model/far", "-n", bound, "--target-profile", abroad.profile).ok()
    assert states(run) == {}

    # a namespace that says another region now: only the log and doctor tell
    world.kube.patch(ref("Namespace", bound), {"metadata": {"annotations": {f"{MARK}default-region": "eu-west-1"}}})
    assert first("far", bound)[0] == "check.object-region"
    world.kube.patch(ref("Namespace", bound), {"metadata": {"annotations": {f"{MARK}default-region": None}}})
    for policy in abroad.iam.list_attached_role_policies(RoleName=ROLE_NAME)["AttachedPolicies"]:
        abroad.iam.detach_role_policy(RoleName=ROLE_NAME, PolicyArn=policy["PolicyArn"])
    run = looked(world, "Model/far", "-n", bound, "--target-profile", abroad.profile)
    assert run.data["first"]["id"] == "check.object-role"
    assert "check.carm-permissions" in run.data["first"]["text"]


CANARIES = {
    "key": "AKIA" + "CANARYCANARY1234",
    "secret": "cAnArY0secretAccessKey1234567890abcDEFGH",
    "token": "canary-token-in-plain-sight",
    "password": "canary-password-77",
    "applied": "canary-last-applied",
    "data": "canary-secret-data",
    "escape": "\x1b[2Jcanary-escape",
}


@pytest.mark.crds
def test_a_bundle_has_what_helps_and_no_secret(abroad: Abroad, monkeypatch: pytest.MonkeyPatch) -> None:
    world = abroad.world
    values = {
        "deployment": {
            "extraEnvVars": [{"name": "HARMLESS", "value": CANARIES["password"]}],
            "annotations": {"note": CANARIES["key"]},
        },
        "aws": {"credentials": {"secretName": "", "secretKey": "credentials", "profile": "default"}},
    }
    Path("values.json").write_text(json.dumps(values))
    world.install("--service", "sagemaker", "--values", "values.json")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": world.namespace}}
    world.kube.create(secret | {"stringData": {"token": CANARIES["data"]}})
    applied = {"kubectl.kubernetes.io/last-applied-configuration": CANARIES["applied"]}
    space = abroad.namespace("team")
    thing = abroad.model(space, "m")
    abroad.located(thing)
    world.kube.patch(thing, {"metadata": {"annotations": applied}})
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": space},
        "involvedObject": {"kind": "Model", "name": "m", "namespace": space},
        "message": f"token: {CANARIES['token']} {CANARIES['secret']} {CANARIES['escape']}",
        "type": "Warning",
        "reason": "Practised",
    }
    world.kube.create(event)
    monkeypatch.setenv("ACKSM_TAG", f"password={CANARIES['password']}")
    with world.requests() as seen:
        run = world.acksm("report", "--out", "bundle.tar.gz", "--service", "sagemaker", "-o", "json").ok()
    assert seen.writes == []
    assert complaints(run.data) == []
    assert run.data["missing"] == {}
    with tarfile.open("bundle.tar.gz") as archive:
        files = {m.name.removeprefix("bundle/"): archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]
    assert {item["name"] for item in run.data["files"]} == {*files}
    everything = b"\n".join(files.values())
    for name, canary in CANARIES.items():
        assert canary.encode() not in everything, name
    assert b"\x1b" not in everything
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"):
        assert world.variables[name].encode() not in everything
    assert world.account.encode() not in everything
    assert f"********{world.account[-4:]}".encode() in everything
    for name, part in {
        "version.json": b"acksm",
        "config.json": b"ACKSM_CLUSTER",
        "doctor.txt": b"check.pods",
        "releases.json": b"extraEnvVars",
        "controllers.json": b"AWS_ROLE_ARN",
        "crds.json": CRD.encode(),
        "objects.json": f"Model {space}/m".encode(),
        f"events/{space}.json": b"Practised",
        "namespaces.json": b"{",
        "maps.json": b"{",
    }.items():
        assert part in files[name], name
    assert any(name.startswith("logs/sagemaker/") and b"starting manager" in body for name, body in files.items())
    assert world.acksm("report", "--out", "bundle.tar.gz").error_id == "report-file"
    shown = world.acksm("report", "--out", "shown.zip", "--show-accounts", "--service", "sagemaker").ok()
    assert shown.stdout.strip() == "shown.zip"


@pytest.mark.crds
def test_a_bundle_is_written_of_a_cluster_that_cannot_be_reached(abroad: Abroad) -> None:
    run = abroad.world.acksm("report", "--out", "b.zip", "--cluster", "nowhere", "-o", "json").ok()
    assert run.data["target"] is None
    assert {"releases.json", "controllers.json", "crds.json", "objects.json", "logs"} == {*run.data["missing"]}
    assert complaints(run.data) == []
