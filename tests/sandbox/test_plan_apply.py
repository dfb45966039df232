"""`acksm plan -o` and `acksm apply`: planned on one machine, reviewed, carried out or refused on another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acksm.engine import plan_file
from acksm.kube.paths import ref
from world import ONE, World

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.mark.crds
def test_a_plan_is_carried_out_as_it_was_reviewed(world: World, tmp_path: Path) -> None:
    with world.requests() as seen:
        planned = world.acksm("plan", "install", *ONE, "--out", "plan.json", "--exit-code")
    assert (planned.exit_code, seen.writes + seen.leases) == (10, [])
    text = (tmp_path / "plan.json").read_text()
    for secret in ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"):
        assert world.variables.get(secret, "-absent-") not in text
    document = json.loads(text)
    world.acksm("oidc", "-y").ok()  # a part of it was done meanwhile, as when a run was killed
    # it says itself where; and another machine keeps its charts elsewhere
    away = {"ACKSM_CLUSTER": "", "ACKSM_CONTROLLER_NAMESPACE": "", "ACKSM_REGION": ""}
    away["XDG_CACHE_HOME"] = str(tmp_path / "home of another")
    digest = document["digest"]
    assert f"acksm apply plan.json --digest {digest}" in planned.stderr
    refused = world.acksm("apply", "plan.json", "-y", "--digest", "sha256:0", env=away)
    assert (refused.error_id, refused.exit_code) == ("plan-digest", 6)
    refused = world.acksm("apply", "plan.json", "--digest", digest, env=away)
    assert (refused.error_id, refused.exit_code) == ("needs-confirmation", 6)
    assert "remedy: run it again with --yes" in refused.stderr
    with world.requests() as looked:
        shown = world.acksm("plan", "show", "plan.json", "--digest", digest, env=away).ok()
        assert "+ release " in shown.stdout
        dry = world.acksm("apply", "plan.json", "--dry-run", "-o", "json", env=away).ok().data
    assert (dry["dry_run"], looked.writes + looked.leases) == (True, [])
    left = {item["target"] for item in dry["changes"]}
    assert left
    assert left < {item["change"]["target"] for item in document["changes"]}
    applied = world.acksm("apply", "plan.json", "-y", "-o", "json", "--digest", digest, env=away).ok()
    for shown in (refused, applied):
        lines = shown.stderr.splitlines()
        assert (
            lines[0]
            == f"▸ plan for cluster {world.cluster} ({document['target']['cluster_arn']}), account {world.account}"
        )
        assert lines[1].endswith(f": acksm install {' '.join(ONE)}")
        assert lines[2].startswith("note: settings: cluster=")
        assert f"controller-namespace={world.namespace}" in lines[2]
        assert "+ release " in shown.stderr
    made = [item["target"] for item in applied.data["changes"]]
    assert made
    assert set(made) < {item["change"]["target"] for item in document["changes"]}
    assert not any("oidc-provider" in target for target in made)
    assert world.acksm("plan", "install", *ONE, "--exit-code").exit_code == 0
    with world.requests() as again:
        assert "up to date" in world.acksm("apply", "plan.json", "-y").ok().stderr
    assert again.writes + again.leases == []


@pytest.mark.crds
def test_a_plan_that_the_world_has_left_behind_is_refused(world: World, tmp_path: Path) -> None:
    world.install(*ONE)
    team = f"team-{world.count}"
    world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": team}})
    world.acksm("plan", "region", "bind", team, "eu-west-1", "--out", "plan.json").ok()
    world.kube.patch(
        ref("Namespace", team), {"metadata": {"annotations": {"services.k8s.aws/default-region": "us-east-1"}}}
    )
    with world.requests() as seen:
        refused = world.acksm("apply", "plan.json", "-y")
    assert (refused.error_id, refused.exit_code, seen.writes) == ("plan-outdated", 6, [])
    assert "us-east-1" in refused.stderr
    refused = world.acksm("plan", "region", "list", "--out", "other.json")
    assert (refused.error_id, refused.exit_code) == ("plan-command", 2)
    assert not (tmp_path / "other.json").exists()


def doctored(edit: Callable[[dict[str, Any]], object]) -> None:
    """plan.json as somebody leaves it who can make a digest, too."""
    path = Path("plan.json")
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps({**document, "digest": plan_file._digest(document)}))


def test_a_plan_that_reads_better_than_it_is_changes_nothing(world: World) -> None:
    world.acksm("plan", "iam-role", *ONE, "--policy-arn", ADMINISTRATOR, "--out", "plan.json").ok()

    def embellish(document: dict[str, Any]) -> None:
        found = [item["change"] for item in document["changes"] if item["change"]["id"] == "iam-role.attach"]
        assert len(found) == 1
        found[0].update(after={"attached": ADMINISTRATOR.replace("AdministratorAccess", "AmazonSageMakerReadOnly")})

    doctored(embellish)
    with world.requests() as seen:
        refused = world.acksm("apply", "plan.json", "-y")
    assert (refused.error_id, refused.exit_code, seen.writes) == ("plan-file-altered", 6, [])
    assert "-  attached: arn:aws:iam::aws:policy/AmazonSageMakerReadOnly" in refused.stderr
    assert "+  attached: arn:aws:iam::aws:policy/AdministratorAccess" in refused.stderr


def test_a_plan_does_not_answer_its_own_question(world: World) -> None:
    world.acksm("plan", "iam-role", *ONE, "-y", "--out", "plan.json").ok()
    doctored(lambda document: document["settings"].update(yes=True))
    with world.requests() as seen:
        refused = world.acksm("apply", "plan.json")
    assert (refused.error_id, refused.exit_code, seen.writes) == ("plan-file-invalid", 2, [])
    doctored(lambda document: document["settings"].pop("yes"))
    with world.requests() as seen:
        refused = world.acksm("apply", "plan.json")
    assert (refused.error_id, seen.writes) == ("needs-confirmation", [])
    assert "AmazonSageMakerFullAccess" in refused.stderr or "acksm" in refused.stderr


def test_cleanup_asks_for_the_name_whatever_its_plan_was_made_with(world: World) -> None:
    world.install(*ONE)
    words = ("cleanup", *ONE, "--delete-aws", "--confirm", world.cluster, "-y")
    team = f"team-{world.count}"  # a namespace of the test before may be on its way out
    world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": team}})
    world.custom(
        "applicationautoscaling.services.k8s.aws/v1alpha1",
        "scalabletargets",
        "ScalableTarget",
        team,
        "x",
        {
            "resourceID": "endpoint/x/variant/y",
            "scalableDimension": "sagemaker:variant:DesiredInstanceCount",
            "serviceNamespace": "sagemaker",
        },
    )
    planned = world.acksm("plan", *words, "--out", "plan.json").ok()
    assert "severe" in Path("plan.json").read_text(), planned.stdout
    with world.requests() as seen:
        refused = world.acksm("apply", "plan.json", "-y")
    assert (refused.error_id, seen.writes) == ("needs-confirmation", [])
    assert f"remedy: run it again with --confirm {world.cluster}" in refused.stderr
    world.acksm("apply", "plan.json", "--confirm", world.cluster).ok()


def test_no_words_of_the_command_make_a_plan_write(world: World) -> None:
    """An option whose value is missing takes the next word, such as a --dry-run that is put there."""
    with world.requests() as seen:
        world.acksm("plan", "iam-role", *ONE, "-y", "--role-name")
    assert seen.writes == []
