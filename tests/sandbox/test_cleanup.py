"""`acksm cleanup` on real parts: objects first, then what served them, from any half state; and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import snapshot
from abroad import Abroad, until
from acksm.guide.policies import LINKED_SERVICE, SERVICE_LINKED_ROLE
from acksm.kube.paths import ref
from report_schema import complaints
from world import World

SAGEMAKER, AUTOSCALING = "ack-sagemaker-controller", "ack-applicationautoscaling-controller"


@pytest.fixture
def abroad(world: World) -> Iterator[Abroad]:
    found = Abroad.open(world)
    snapshot.settled(world)
    yield found
    found.clean()


def test_everything_that_was_made_goes_and_nothing_else(abroad: Abroad) -> None:
    """install, region, carm and objects of two accounts, then cleanup --all: both accounts and the apiserver are as
    they were, compared whole."""
    world, b = abroad.world, abroad.account
    both = [world.account, b]
    before = snapshot.whole(world, both)
    world.install()
    abroad.setup().ok()
    name, regional = f"production-{world.count}", f"regional-{world.count}"
    world.acksm("carm", "bind", name, "--account", b, "--create-namespace").ok()
    world.acksm("region", "bind", regional, "eu-west-1", "--create-namespace").ok()
    there, here = abroad.model(name, "abroad"), abroad.model(regional, "regional")
    abroad.placed(there)
    abroad.placed(here)

    everything = ("cleanup", "--all", "--delete-aws", "--target-profile", abroad.profile)
    with world.requests() as refused:
        planned = world.acksm(*everything, "--dry-run", "-o", "json").ok().data
        for argv, refusal in (
            ((*everything,), "needs-confirmation"),
            ((*everything, "--yes"), "needs-confirmation"),
            ((*everything, "--yes", "--confirm", "another"), "not-confirmed"),
            ((*everything, "--orphan"), "config-invalid"),
            (("cleanup", "--crds", "some"), "config-invalid"),
            (("cleanup",), "needs-confirmation"),
        ):
            run = world.acksm(*argv)
            assert (run.error_id, run.exit_code) == (refusal, 2 if refusal == "config-invalid" else 6), argv
    assert refused.writes == []
    assert complaints(planned) == []
    assert {row["object"]: (row["account"], row["fate"]) for row in planned["result"]["objects"]} == {
        f"Model {name}/abroad": (b, "deletes"),
        f"Model {regional}/regional": (world.account, "deletes"),
    }
    steps = list(dict.fromkeys(change["step"] for change in planned["changes"]))
    assert steps == ["objects", "release", "crds", "carm", "region", "carm-role", "iam", "oidc", "namespace"]

    done = world.acksm(*everything, "--confirm", world.cluster, "-o", "json").ok().data
    assert complaints(done) == []
    assert done["result"]["left"] == []
    assert (abroad.models(account=b), abroad.models("eu-west-1")) == ([], [])
    # the service-linked role is the account's own: it carries no mark of who made it (docs/cleanup.md)
    linked = f"arn:aws:iam::{world.account}:role/aws-service-role/{LINKED_SERVICE}/{SERVICE_LINKED_ROLE}"
    assert snapshot.difference(before, snapshot.whole(world, both)) == [f"{world.account}: + role {linked}"]
    with world.requests() as again:
        run = world.acksm(*everything)
    assert (run.exit_code, again.writes) == (0, [])
    assert "nothing was to be done" in run.stderr


def test_one_service_goes_and_the_other_works_on(abroad: Abroad) -> None:
    """G12: the guide's own cleanup of SageMaker deletes the CRDs of Application Auto Scaling."""
    world = abroad.world
    world.install()
    name = abroad.namespace("team")
    target = {
        "resourceID": "endpoint/e/variant/v",
        "serviceNamespace": "sagemaker",
        "scalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "minCapacity": 1,
        "maxCapacity": 2,
    }
    group = "applicationautoscaling.services.k8s.aws/v1alpha1"
    scaled = world.custom(group, "scalabletargets", "ScalableTarget", name, "scaled", target)
    abroad.made.append(scaled)
    abroad.placed(scaled)
    kept = abroad.model(name, "kept")
    abroad.placed(kept)
    role = world.role()
    done = world.acksm(
        "cleanup",
        "--service",
        "sagemaker",
        "--crds",
        "all",
        "--iam",
        "--oidc",
        "--carm",
        "--namespace",
        "-y",
        "-o",
        "json",
    ).ok()
    facts = done.data["result"]
    assert (abroad.models(), world.kube.get(kept)) == (["kept"], None)
    assert facts["stays_in_aws"] == [f"arn:aws:sagemaker:us-west-2:{world.account}:model/kept"]
    groups = {item["spec"]["group"] for item in world.kube.list(ref("CustomResourceDefinition"))}
    assert groups & {"sagemaker.services.k8s.aws", "applicationautoscaling.services.k8s.aws", "services.k8s.aws"} == {
        "applicationautoscaling.services.k8s.aws",
        "services.k8s.aws",
    }
    why = {item["what"]: item["why"] for item in facts["kept"]}
    assert why[role["Arn"]] == f"service account {world.namespace}/{AUTOSCALING} uses it"
    assert AUTOSCALING.removeprefix("ack-").removesuffix("-controller") in why[f"namespace {world.namespace}"]
    assert world.role() == role
    # what runs still reconciles: a change reaches AWS, and a deletion too
    world.kube.patch(scaled, {"spec": {"maxCapacity": 5}})
    scaling = world.aws("application-autoscaling")

    def capacity() -> list[int]:
        found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        return [item["MaxCapacity"] for item in found]

    until(lambda: capacity() == [5], "the change does not arrive", capacity)
    abroad.delete(scaled)
    assert capacity() == []
    assert "up to date" in world.acksm("cleanup", "--service", "sagemaker").ok().stderr


def strip_release(world: World) -> None:
    """Delete helm's records, and leave what it made."""
    for secret in world.objects("Secret"):
        if secret.startswith("sh.helm.release"):
            world.kube.delete(ref("Secret", secret, world.namespace))


def test_half_states_are_cleaned(abroad: Abroad) -> None:
    """Each is made by the command that a person would type; the same cleanup goes on from all of them."""
    world = abroad.world
    install = ("--service", "sagemaker")
    clean = ("cleanup", "--service", "sagemaker", "--delete-aws", "--confirm", world.cluster, "-o", "json")
    name = abroad.namespace("team")

    def begin(model: str) -> None:
        world.install(*install)
        abroad.placed(abroad.model(name, model))

    def is_clean() -> bool:
        done = world.acksm(*clean, "--crds", "none").ok()
        assert done.data["result"]["left"] == []
        return (abroad.models(), world.objects("Deployment"), world.objects("ServiceAccount")) == ([], [], ["default"])

    # helm has forgotten its release, and the controller runs
    begin("forgotten")
    strip_release(world)
    assert is_clean()

    # the guide's own order (G11): the controller is gone, and its role and provider with it
    begin("alone")
    world.helm("uninstall", SAGEMAKER)
    iam, role = world.aws("iam"), world.role()["RoleName"]
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=role)
    world.kube.delete(ref("CustomResourceDefinition", "models.sagemaker.services.k8s.aws"))
    world.kube.delete(ref("Namespace", name))
    planned = world.acksm(*clean, "--dry-run").ok().data
    ids = [change["id"] for change in planned["changes"]]
    assert ids.index("iam-role.create") < ids.index("release.install") < ids.index("cleanup.release")
    assert ids.index("cleanup.release") < ids.index("cleanup.role")  # made for this, so it goes with it
    assert is_clean()
    assert not world.acksm(*clean, "--dry-run").ok().data["changes"] or world.kube.get(ref("Namespace", name))
