"""`--dry-run` asks nothing to be written; `status` tells what is there and what differs."""

from __future__ import annotations

from pathlib import Path

from acksm.kube.paths import ref
from world import ONE, World


def test_one_diff_over_aws_kubernetes_and_values_and_nothing_is_written(world: World) -> None:
    with world.requests() as seen:
        run = world.acksm("install", "--dry-run").ok()
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


def test_what_the_dry_run_says_is_what_is_done(world: World) -> None:
    planned = world.acksm("install", "--dry-run", "-o", "json").ok().data
    done = world.acksm("install", "-y", "-o", "json").ok().data
    assert [item["target"] for item in planned["changes"]] == [item["target"] for item in done["changes"]]
    assert planned["dry_run"] is True
    assert planned["digest"].startswith("sha256:")
    again = world.acksm("install", "--dry-run", "-o", "json").ok().data
    assert again["changes"] == []


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


def test_status_tells_drift_by_hand(world: World) -> None:
    world.install()
    assert "no drift" in world.acksm("status").ok().stdout
    account = ref("ServiceAccount", "ack-sagemaker-controller", world.namespace)
    world.kube.patch(account, {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}}})
    world.kube.delete(ref("CustomResourceDefinition", "models.sagemaker.services.k8s.aws"))
    run = world.acksm("status", "-o", "json")
    assert "crds.create" in [item["id"] for item in run.data["drift"]]
    assert run.exit_code == 3
    assert "arn:aws:iam::1:role/x" in str(run.data["controllers"])
    world.install()
    assert world.acksm("status").exit_code == 0


def test_status_when_the_registry_is_away_still_tells_health(world: World) -> None:
    world.install(*ONE)
    run = world.acksm("status", *ONE, "--registry", "127.0.0.1:1/x").ok()
    assert "healthy" in run.stdout
    assert "drift unknown" in run.stdout


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
    with world.requests() as again:
        world.install(*ONE)
    assert again.writes == []
