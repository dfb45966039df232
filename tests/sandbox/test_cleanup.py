"""`acksm cleanup` on real parts: objects first, then what served them, from any half state; and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import snapshot
from abroad import Abroad, until
from acksm.guide.identity.policies import LINKED_SERVICE, SERVICE_LINKED_ROLE
from acksm.kube.paths import Ref, ref
from report_schema import complaints
from world import ONE, World

NOT_ALLOWED = "User: controller is not authorized to perform: sagemaker:DeleteModel"
SAGEMAKER, AUTOSCALING = "ack-sagemaker-controller", "ack-applicationautoscaling-controller"


@pytest.fixture
def abroad(world: World) -> Iterator[Abroad]:
    found = Abroad.open(world)
    snapshot.settled(world)
    yield found
    found.clean()


def test_everything_that_was_made_goes_and_nothing_else(abroad: Abroad) -> None:
    """install, region, carm, adopt, samples and objects of two accounts, then cleanup --all: both accounts and the
    apiserver are as they were, compared whole. What was adopted was there before, and stays."""
    world, b = abroad.world, abroad.account
    both = [world.account, b]
    world.aws("sagemaker").create_model(
        ModelName="theirs",
        ExecutionRoleArn="arn:aws:iam::012345678901:role/execution",
        PrimaryContainer={"Image": "practice:1", "ModelDataUrl": "s3://bucket/model.tar.gz"},
    )
    before = snapshot.whole(world, both)
    world.install()
    abroad.setup().ok()
    name, regional = f"production-{world.count}", f"regional-{world.count}"
    world.acksm("carm", "bind", name, "--target-account", b, "--create-namespace").ok()
    world.acksm("region", "bind", regional, "eu-west-1", "--create-namespace").ok()
    there, here = abroad.model(name, "abroad"), abroad.model(regional, "regional")
    abroad.located(there)
    abroad.located(here)
    team = abroad.namespace("team")
    world.acksm("adopt", "Model", "theirs", "-n", team).ok()
    world.bucket("of-ours")
    world.acksm("samples", "apply", "model", "--with-role", "--set", "bucket=of-ours", "-n", team, "-y").ok()

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
        f"Model {team}/theirs": (world.account, "leaves"),
        f"Model {team}/acksm-model": (world.account, "deletes"),
    }
    steps = list(dict.fromkeys(change["step"] for change in planned["changes"]))
    assert steps == ["objects", "release", "crds", "carm", "region", "carm-role", "iam", "oidc", "namespace"]

    done = world.acksm(*everything, "--confirm", world.cluster, "-o", "json").ok().data
    assert complaints(done) == []
    assert done["result"]["left"] == []
    assert (abroad.models(account=b), abroad.models("eu-west-1"), abroad.models()) == ([], [], ["theirs"])
    world.kube.delete(ref("Namespace", team))
    snapshot.settled(world)
    # the service-linked roles are the accounts' own: they carry no mark of who made them (docs/cleanup.md)
    linked = f"role/aws-service-role/{LINKED_SERVICE}/{SERVICE_LINKED_ROLE}"
    assert snapshot.difference(before, snapshot.whole(world, both)) == [
        f"{account}: + role arn:aws:iam::{account}:{linked}" for account in both
    ]
    with world.requests() as again:
        run = world.acksm(*everything)
    assert (run.exit_code, again.writes) == (0, [])
    assert "already up to date" in run.stderr


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
    abroad.located(scaled)
    kept = abroad.model(name, "kept")
    abroad.located(kept)
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
        "--delete-namespaces",
        "-y",
        "-o",
        "json",
    ).ok()
    facts = done.data["result"]
    assert (abroad.models(), world.kube.get(kept)) == (["kept"], None)
    assert facts["kept_in_aws"] == [f"arn:aws:sagemaker:us-west-2:{world.account}:model/kept"]
    groups = {item["spec"]["group"] for item in world.kube.list(ref("CustomResourceDefinition"))}
    assert groups & {"sagemaker.services.k8s.aws", "applicationautoscaling.services.k8s.aws", "services.k8s.aws"} == {
        "applicationautoscaling.services.k8s.aws",
        "services.k8s.aws",
    }
    why = {item["what"]: item["why"] for item in facts["kept"]}
    assert why[role["Arn"]] == f"used by service account {world.namespace}/{AUTOSCALING}"
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


@pytest.mark.timeout(600)
def test_half_states_are_cleaned(abroad: Abroad) -> None:
    """Each is made by the command that a person would type; the same cleanup goes on from all of them."""
    world, b = abroad.world, abroad.account
    name = abroad.namespace("team")
    clean = ("cleanup", "--service", "sagemaker", "--crds", "none", "--delete-aws", "--confirm", world.cluster)

    def begin(model: str, namespace: str = name) -> None:
        world.install("--service", "sagemaker")
        abroad.located(abroad.model(namespace, model))

    def cleaned(*more: str) -> list[str]:
        """The ids of what it did."""
        done = world.acksm(*clean, *more, "-o", "json").ok()
        assert done.data["result"]["left"] == []
        assert (abroad.models(), abroad.models(account=b), world.objects("Deployment")) == ([], [], [])
        return [change["id"] for change in done.data["changes"]]

    # helm has forgotten its release, and the controller runs; at first it may not delete
    begin("forgotten")
    world.fault("sagemaker:DeleteModel", 400, "AccessDeniedException", NOT_ALLOWED)
    stuck = world.acksm(*clean, "--timeout", "6s")
    assert (stuck.error_id, stuck.exit_code) == ("cleanup-object-stuck", 5)
    assert f"Model {name}/forgotten: finalizers finalizers.sagemaker.services.k8s.aws/Model" in stuck.stderr
    for told in ("ACK.Recoverable=True: ", "  log: ", NOT_ALLOWED):
        assert told in stuck.stderr
    world.end_faults()
    for secret in world.objects("Secret"):
        world.kube.delete(ref("Secret", secret, world.namespace))
    assert "cleanup.release-object" in cleaned()
    assert world.objects("ServiceAccount") == ["default"]

    # the role is gone under the running controller: it is made for the deletion, and goes again
    begin("helpless")
    _delete_role(world)
    ids = cleaned()
    assert ids.index("iam-role.create") < ids.index("cleanup.object") < ids.index("cleanup.role")
    with pytest.raises(world.aws("iam").exceptions.NoSuchEntityException):
        world.role()

    # somebody deleted the map: objects of the other account would wait for ever
    world.install("--service", "sagemaker")
    abroad.setup().ok()
    world.acksm("carm", "bind", bound := abroad.namespace("bound"), "--target-account", b).ok()
    begin("abroad", bound)
    world.kube.delete(ref("ConfigMap", "ack-role-account-map", world.namespace))
    ids = cleaned("--carm", "--target-profile", abroad.profile)
    assert ids.index("carm.map") < ids.index("cleanup.object") < ids.index("carm.release") < ids.index("cleanup.role")
    with pytest.raises(abroad.iam.exceptions.NoSuchEntityException):
        abroad.trust()

    # the guide's own order (G11): controller, role, CRD and namespaces were deleted before the objects
    begin("alone")
    world.helm("uninstall", SAGEMAKER)
    _delete_role(world)
    crd = ref("CustomResourceDefinition", "models.sagemaker.services.k8s.aws")
    world.kube.delete(crd)
    world.kube.delete(ref("Namespace", name))
    ids = cleaned()
    assert ids.index("iam-role.create") < ids.index("release.install") < ids.index("cleanup.release")
    until(lambda: world.kube.get(crd) is None, "the CRD stays", lambda: world.kube.get(crd))
    until(lambda: world.kube.get(ref("Namespace", name)) is None, "the namespace stays", lambda: "")

    # and with its own namespace, in which nothing can be made: then only ACK's finalizers can be taken off
    begin("orphan", other := abroad.namespace("other"))
    world.helm("uninstall", SAGEMAKER)
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["example.com/held"]}}
    held["metadata"]["namespace"] = world.namespace  # type: ignore[index]
    world.kube.create(held)
    world.kube.delete(ref("Namespace", world.namespace))
    run = world.acksm(*clean)
    assert (run.error_id, run.exit_code) == ("cleanup-controller-gone", 6)
    thing = abroad.made[-1]
    world.kube.patch(thing, {"metadata": {"finalizers": ["example.com/mine", *_finalizers(world, thing)]}})
    orphan = ("cleanup", "--service", "sagemaker", "--crds", "none", "--orphan", "-y", "--timeout", "6s")
    run = world.acksm(*orphan)
    assert (run.error_id, run.exit_code) == ("cleanup-object-stuck", 5)
    assert "finalizer example.com/mine has to be removed by its owner" in run.stderr
    assert _finalizers(world, thing) == ["example.com/mine"]
    world.kube.patch(thing, {"metadata": {"finalizers": None}})
    assert "up to date" in world.acksm(*orphan).ok().stderr
    assert (abroad.models(), world.kube.get(thing)) == (["orphan"], None)
    world.kube.patch(ref("ConfigMap", "held", world.namespace), {"metadata": {"finalizers": None}})
    assert other


def _finalizers(world: World, thing: Ref) -> list[str]:
    return list((world.kube.get(thing) or {"metadata": {}})["metadata"].get("finalizers") or [])


def _delete_role(world: World) -> None:
    iam, role = world.aws("iam"), world.role()["RoleName"]
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    iam.delete_role(RoleName=role)


def test_what_others_made_stays_and_an_interrupted_cleanup_goes_on(abroad: Abroad) -> None:
    world = abroad.world
    production = ref("Namespace", abroad.namespace("production"))
    world.install(*ONE)
    iam = world.aws("iam")
    theirs = world.role_of_ones_own("of-another-tool")  # it trusts the provider that acksm made
    note = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note", "namespace": world.namespace}}
    world.kube.create(note)
    for verb, name in (("create", "of-nodes"), ("add", "of-nodes")):
        if verb == "create":
            iam.create_instance_profile(InstanceProfileName=name)
        else:
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=world.role()["RoleName"])
    bucket = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "buckets.s3.services.k8s.aws"},
        "spec": {
            "group": "s3.services.k8s.aws",
            "names": {"plural": "buckets", "singular": "bucket", "kind": "Bucket", "listKind": "BucketList"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1alpha1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
    world.kube.create(bucket)
    nobody = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "eks:*", "Resource": "*"}]}
    keys = world.user("of-the-cluster", policy=nobody, groups=["system:masters"])
    assert "is not allowed to perform iam:" in " ".join(
        world.acksm("cleanup", "--dry-run", "-o", "json", env=keys).ok().data["notes"]
    )
    assert world.acksm("cleanup", "--dry-run", "--iam", env=keys).error_id == "aws-access-denied"

    everything = ("cleanup", "--all", "-y", "-o", "json")
    facts = world.acksm(*everything).ok().data["result"]
    why = {item["what"]: item["why"] for item in facts["kept"]}
    assert why[world.role()["Arn"]] == "used by instance profile of-nodes"
    assert why["CustomResourceDefinition fieldexports.services.k8s.aws"].startswith(
        "may be needed by CRDs of s3.services.k8s.aws"
    )
    assert why[f"namespace {world.namespace}"] == f"contains ConfigMap {world.namespace}/note"
    assert any("oidc-provider" in what for what in why)
    own = "scalabletargets.applicationautoscaling.services.k8s.aws"
    assert world.kube.get(ref("CustomResourceDefinition", own)) is None
    assert world.kube.get(production) is not None

    # they let go, and it goes on; the first time AWS does not want to
    world.kube.delete(ref("CustomResourceDefinition", "buckets.s3.services.k8s.aws"))
    world.kube.delete(ref("ConfigMap", "note", world.namespace))
    iam.remove_role_from_instance_profile(InstanceProfileName="of-nodes", RoleName=world.role()["RoleName"])
    world.fault("iam:DeleteRole", 409, "DeleteConflict")
    run = world.acksm(*everything)
    assert (run.error_id, run.exit_code) == ("aws-role-in-use", 4)
    world.end_faults()
    # and the cluster itself is gone meanwhile: what is in IAM is found by its tags
    world.fault("eks:DescribeCluster", 404, "ResourceNotFoundException")
    assert world.acksm("cleanup", "-y").error_id == "cluster-unknown"
    facts = world.acksm(*everything).ok().data["result"]
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        world.role()
    assert [item["why"] for item in facts["kept"]] == [f"trusted by {theirs}"]
    iam.delete_role(RoleName="of-another-tool")
    world.acksm(*everything).ok()
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    world.end_faults()
    (last,) = world.acksm(*everything).ok().data["changes"]
    assert last["target"] == f"Namespace {world.namespace}"
    assert world.acksm(*everything).ok().data["changes"] == []
    assert world.kube.get(production) is not None
