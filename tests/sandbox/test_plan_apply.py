"""`acksm plan -o` and `acksm apply`: planned on one machine, reviewed, carried out or refused on another."""

from __future__ import annotations

import json
from pathlib import Path

from acksm.kube.paths import ref
from world import ONE, World


def test_a_plan_is_carried_out_as_it_was_reviewed(world: World, tmp_path: Path) -> None:
    with world.requests() as seen:
        planned = world.acksm("plan", "install", *ONE, "-o", "plan.json", "--exit-code")
    assert (planned.exit_code, seen.writes + seen.leases) == (10, [])
    text = (tmp_path / "plan.json").read_text()
    for secret in ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"):
        assert world.variables.get(secret, "-absent-") not in text
    document = json.loads(text)
    world.acksm("oidc", "-y").ok()  # a part of it was done meanwhile, as when a run was killed
    away = {"ACKSM_CLUSTER": "", "ACKSM_CONTROLLER_NAMESPACE": "", "ACKSM_REGION": ""}  # it says itself where
    applied = world.acksm("apply", "plan.json", "-y", "-o", "json", env=away).ok()
    made = [item["target"] for item in applied.data["changes"]]
    assert made
    assert set(made) < {item["change"]["target"] for item in document["changes"]}
    assert not any("oidc-provider" in target for target in made)
    assert world.acksm("plan", "install", *ONE, "--exit-code").exit_code == 0
    with world.requests() as again:
        assert "up to date" in world.acksm("apply", "plan.json", "-y").ok().stderr
    assert again.writes + again.leases == []


def test_a_plan_that_the_world_has_left_behind_is_refused(world: World, tmp_path: Path) -> None:
    world.install(*ONE)
    world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
    world.acksm("plan", "region", "bind", "team", "eu-west-1", "-o", "plan.json").ok()
    world.kube.patch(
        ref("Namespace", "team"), {"metadata": {"annotations": {"services.k8s.aws/default-region": "us-east-1"}}}
    )
    with world.requests() as seen:
        refused = world.acksm("apply", "plan.json", "-y")
    assert (refused.error_id, refused.exit_code, seen.writes) == ("plan-outdated", 6, [])
    assert "us-east-1" in refused.stderr
    refused = world.acksm("plan", "region", "list", "-o", "other.json")
    assert (refused.error_id, refused.exit_code) == ("plan-command", 2)
    assert not (tmp_path / "other.json").exists()
