"""`acksm samples apply` on real parts, with controllers that run: chains, a second run, roles, refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from abroad import Abroad, until
from acksm.config import resolve
from acksm.engine.change import Plan
from acksm.engine.executor import execute
from acksm.events import silent
from acksm.guide.connect.target import Target, connect
from acksm.guide.samples import command as section, plan as sample_plan, roles
from acksm.guide.samples.files import chain, samples
from acksm.guide.samples.values import Location
from acksm.kube.paths import Ref, ref
from acksm.live import discovery, synced
from acksm.sandbox.state import OTHER_ACCOUNT, REGION
from report_schema import complaints
from sample_values_for import GIVEN, needed
from webhook import changing
from world import World

BUCKET = ("--set", "bucket=practice-data")


def connected() -> Target:
    """The cluster that the environment names."""
    settings = resolve({}).settings
    return connect(settings.target, settings.run)


def desired(name: str, role: str, live: Mapping[Ref, Any]) -> list[sample_plan.Desired]:
    """A sample and what it is made after, with all that has to be given."""
    given = {key: value for one in chain(name) for key, value in needed(one).items()}
    given |= {"role": role} if any("role" in one.parameters for one in chain(name)) else {}
    return sample_plan.desired(samples()[name], given, Location(REGION), "default", live, "")


class Bench:
    """A cluster with both controllers, and objects that samples make."""

    def __init__(self, world: World, abroad: Abroad) -> None:
        self.world, self.abroad, self.created = world, abroad, set[Ref]()
        for name in ("practice-data", "another", GIVEN["bucket"]):
            world.bucket(name)

    def apply(self, name: str, *words: str, namespace: str = "default", **more: Any) -> Any:
        """A run of `samples apply`; what it made is taken away at the end."""
        run = self.world.acksm("samples", "apply", name, "-y", "-o", "json", "-n", namespace, *words, **more)
        if run.exit_code == 0:
            result = run.data["result"]
            self.created |= {ref(item["kind"], item["name"], result["namespace"]) for item in result["objects"]}
        return run

    def make(self, names: list[str], role: str) -> None:
        """Samples that are not there yet, as one plan over one connection: a command line for each takes its time."""
        with connected() as target:
            seen = section.Observed(discovery.observe(target.kube, self.world.namespace).own, {})
            table = section.dispatch(target, seen, silent, {})
            for name in names:
                live = synced.look(target.kube, [one.ref for one in desired(name, role, {})])
                items = desired(name, role, live)
                self.created |= {one.ref for one in items}
                if live[items[-1].ref] is None:
                    execute(Plan("samples apply", tuple(sample_plan.plan(items, live, wait=True))), table)

    def make_user(self, role: str) -> None:
        """A user profile, which the practice cloud lacks, as far as its object: its domain's id is AWS's choice."""
        with connected() as target:
            items = desired("user-profile", role, {})
            *changes, _last_wait = sample_plan.plan(items, {}, wait=True)
            self.created |= {one.ref for one in items}
            table = section.dispatch(target, section.Observed([], {}), silent, {})
            execute(Plan("samples apply", tuple(changes)), table)
        domain, user = self.live("Domain", "acksm-domain"), self.live("UserProfile", "acksm-user-profile")
        assert user["spec"]["domainID"] == domain["status"]["domainID"] != ""

    def live(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
        return self.world.kube.get(ref(kind, name, namespace)) or {}

    def clean(self) -> None:
        for one in self.created:
            if self.world.kube.get(one):
                self.world.kube.patch(one, {"metadata": {"finalizers": None}})
            self.world.kube.delete(one)


@pytest.fixture
def bench(world: World) -> Iterator[Bench]:
    found = Bench(world, Abroad.open(world))  # which sees to it that the last test's controllers are gone
    yield found
    found.clean()


@pytest.mark.crds
def test_everything_that_the_sandbox_can_make(bench: Bench) -> None:
    """One install: a chain with its own role, the same again, and one sample of each other kind."""
    world = bench.world
    world.install("--policy", "core", "--policy", "studio", "--policy", "autoscaling")

    # the whole way to a scaling policy, with nothing but a bucket
    with world.requests() as looked:
        dry = bench.apply("scaling-policy", "--with-role", *BUCKET, "--dry-run").ok().data
    assert looked.writes == []
    assert any("dryRun=All" in path for _, path, _ in looked.kube)  # the apiserver saw each manifest
    objects = [item["target"].split()[0] for item in dry["changes"] if item["system"] == "kubernetes"]
    assert objects == ["Model", "EndpointConfig", "Endpoint", "ScalableTarget", "ScalingPolicy"]
    told = bench.apply("scaling-policy", "--with-role", *BUCKET).ok()
    assert complaints(dry) == complaints(told.data) == []
    assert told.stderr.count("✓ Endpoint") + told.stderr.count("created Endpoint") >= 2
    assert bench.live("Endpoint", "acksm-endpoint")["status"]["endpointStatus"] == "InService"
    scaling = world.aws("application-autoscaling")
    policies = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert [item["ResourceId"] for item in policies] == ["endpoint/acksm-endpoint/variant/all"]
    labels = bench.live("Model", "acksm-model")["metadata"]["labels"]
    assert labels == {"acksm.dev/owned": "true", sample_plan.SAMPLE_LABEL: "model"}

    # the role is SageMaker's to take on, may use that bucket, and is found by its tags
    target_arn = told.data["target"]["cluster_arn"]
    role = world.aws("iam").get_role(RoleName=told.data["result"]["role_arn"].rpartition("/")[2])["Role"]
    assert roles.is_for_samples({tag["Key"]: tag["Value"] for tag in role["Tags"]}, target_arn)
    trust = role["AssumeRolePolicyDocument"]["Statement"][0]
    assert (trust["Principal"], trust["Action"]) == ({"Service": "sagemaker.amazonaws.com"}, "sts:AssumeRole")
    inline = world.aws("iam").list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    assert inline == [roles.POLICY_PREFIX + "practice-data"]
    model = world.aws("sagemaker").describe_model(ModelName="acksm-model")
    assert model["ExecutionRoleArn"] == role["Arn"]

    with world.requests() as again:
        second = bench.apply("scaling-policy", "--with-role", *BUCKET).ok()
    assert again.writes == []
    assert "up to date" in second.stderr

    # what is there for another sample's sake is used as it is, and nothing has to be given for it
    other = bench.apply("scaling-policy-custom").ok().data
    assert [item["target"].split()[0] for item in other["changes"]] == ["ScalingPolicy"]
    assert any("Endpoint default/acksm-endpoint exists" in note for note in other["notes"])

    # a change: allowed by SageMaker for a target, and not for a model
    changed = bench.apply("scalable-target", "--set", "most=4").ok().data
    assert [item["op"] for item in changed["changes"]] == ["update"]
    assert bench.live("ScalableTarget", "acksm-scalable-target")["spec"]["maxCapacity"] == 4
    with world.requests() as refused:
        given = ("--set", f"role={role['Arn']}")
        assert bench.apply("model", *given, "--set", "bucket=another").error_id == "sample-unchangeable"
        assert bench.apply("model", *given, *BUCKET, "--object-region", "eu-west-1").error_id == "sample-unchangeable"
    assert refused.writes == []

    # and every other sample that the practice cloud has
    rest = [item for item in samples().values() if item.sandbox and item.service == "sagemaker"]
    assert len(rest) > 15
    bench.make_user(role["Arn"])
    bench.make([item.name for item in rest], role["Arn"])
    jobs = [bench.live(kind, f"acksm-{kind[:-3].lower()}") for kind in ("TrainingJob", "ProcessingJob", "TransformJob")]
    assert [job["status"]["ackResourceMetadata"]["region"] for job in jobs] == [REGION] * 3


@pytest.mark.crds
def test_preset_least_is_enough_for_jobs_and_endpoints_and_passes_on_no_other_role(bench: Bench) -> None:
    """The gate decides as IAM does, over resources, conditions and iam:PassRole; AWS itself is not asked here."""
    world = bench.world
    role, other = (f"arn:aws:iam::{world.account}:role/{name}" for name in ("execution", "powerful"))
    least = ("--policy", "least", "--policy", "autoscaling", "--execution-role", role)
    world.install(*least)
    iam, name = world.aws("iam"), f"ack-controller-role-{world.cluster}"
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    assert set(iam.list_role_policies(RoleName=name)["PolicyNames"]) == {"acksm-autoscaling", "acksm-least"}
    given = ("--set", f"role={role}")
    for sample in ("model", "training", "processing", "scaling-policy"):
        bench.apply(sample, *given, *BUCKET).ok()
    assert bench.live("Endpoint", "acksm-endpoint")["status"]["endpointStatus"] == "InService"
    bench.apply("scalable-target", "--set", "most=4").ok()  # an update

    refused = bench.apply("model", "--set", f"role={other}", *BUCKET, "--set", "name=other", "--no-wait").ok()
    assert any(f"may not pass {other}" in note for note in refused.data["notes"])
    until(
        lambda: "iam:PassRole" in str(bench.live("Model", "other").get("status")),
        "SageMaker's refusal in the object's conditions",
        lambda: str(bench.live("Model", "other")),
    )
    # a later run without options keeps what was narrowed
    with world.requests() as again:
        assert "up to date" in world.acksm("install").ok().stderr
    assert again.writes == []


@pytest.mark.crds
def test_every_sample_is_seen_by_the_apiserver_before_anything_is_made(bench: Bench, tmp_path: Path) -> None:
    """Dry runs of all samples, mistakes, and another region, on one install of the newest charts."""
    world = bench.world
    world.install()
    with connected() as target, world.requests() as looked:
        for name in samples():
            items = desired(name, f"arn:aws:iam::{world.account}:role/execution", {})
            section.validate(target, sample_plan.plan(items, {}, wait=False), exists=True)
    seen = {path.partition("?")[0].rpartition("/")[2] for _, path, _ in looked.kube if "dryRun=All" in path}
    assert seen == {f"acksm-{name}" for name in samples()}
    assert looked.writes == []

    role = ("--set", f"role=arn:aws:iam::{world.account}:role/execution")
    far = ("--set", f"role=arn:aws:iam::{OTHER_ACCOUNT}:role/execution")
    with world.requests() as refused:
        assert bench.apply("modle").error_id == "sample-unknown"
        assert bench.apply("model", "--set", "role").error_id == "sample-set"
        assert bench.apply("model", "--set", "bukcet=x").error_id == "sample-parameter-unknown"
        assert bench.apply("model", "--set", "image=XG BOOST").error_id == "sample-value"
        assert bench.apply("model", *BUCKET).error_id == "sample-no-role"
        assert bench.apply("model", *role).error_id == "sample-parameter-missing"
        assert bench.apply("model", *far, *BUCKET).error_id == "sample-value"
        assert bench.apply("model", *role, *BUCKET, "--with-role").error_id == "sample-set"
        assert bench.apply("model", *role, *BUCKET, namespace="nowhere").error_id == "object-namespace-missing"
        assert bench.apply("model", *role, *BUCKET, "--object-region", "eu-wset-1").error_id == "region-unknown"
    assert refused.writes == []
    missing = bench.apply("model", *BUCKET)
    assert "--with-role" in missing.stderr

    # somebody else's object of that name stays as it is
    world.custom(
        "sagemaker.services.k8s.aws/v1alpha1", "models", "Model", "default", "acksm-model", {"modelName": "theirs"}
    )
    bench.created.add(ref("Model", "acksm-model", "default"))
    assert bench.apply("model", *role, *BUCKET).error_id == "sample-not-ours"

    # a namespace that is still to be made, another region, and an image of that region
    ends = ("--create-namespace", "--object-region", "eu-west-1")
    near = f"practice-near-{world.account}"  # S3 says nothing of the region of another account's bucket here
    world.bucket(near)
    refused_there = bench.apply("model", *role, "--set", f"bucket={near}", *ends, namespace="research")
    assert refused_there.error_id == "sample-bucket-region"
    world.bucket("practice-far", "eu-west-1")
    there = ("--set", "bucket=practice-far")
    created = bench.apply("model", *role, *there, *ends, "--set", "name=far", namespace="research").ok()
    assert created.data["result"]["region"] == "eu-west-1"
    live = bench.live("Model", "far", "research")
    assert live["status"]["ackResourceMetadata"]["region"] == "eu-west-1"
    assert live["spec"]["primaryContainer"]["image"].startswith("141502667606.dkr.ecr.eu-west-1.")

    # a namespace of another account takes roles of that account only, and its objects are made there
    abroad = bench.abroad
    abroad.setup().ok()
    bound = abroad.namespace("bound")
    world.acksm("carm", "bind", bound, "--target-account", abroad.account).ok()
    theirs = ("--set", f"role=arn:aws:iam::{abroad.account}:role/execution")
    with world.requests() as refused:
        assert bench.apply("model", "--with-role", *BUCKET, namespace=bound).error_id == "sample-role-account"
        assert bench.apply("model", *role, *BUCKET, namespace=bound).error_id == "sample-value"
    assert refused.writes == []
    done = bench.apply("model", *theirs, *BUCKET, namespace=bound).ok().data
    assert done["result"]["account"] == abroad.account
    assert (abroad.models(account=abroad.account), "acksm-model" in abroad.models()) == (["acksm-model"], False)

    # the apiserver's word counts before the first write: a policy engine makes of each model what the CRD refuses
    wrong = {"op": "replace", "path": "/spec", "value": "no object"}
    with (
        changing(world, tmp_path / "pki", "sagemaker.services.k8s.aws", "models", wrong),
        world.requests() as refused,
    ):
        invalid = bench.apply("model", *role, *BUCKET, "--set", "name=strict")
    assert (invalid.error_id, refused.writes) == ("sample-invalid", [])

    # what AWS has already ends the wait with the cause
    world.aws("sagemaker").create_model(
        ModelName="taken", ExecutionRoleArn=GIVEN["role"], PrimaryContainer={"Image": "x:1"}
    )
    taken = bench.apply("model", *role, *BUCKET, "--set", "name=taken")
    bench.created.add(ref("Model", "taken", "default"))
    assert (taken.exit_code, taken.error_id) == (4, "object-terminal")
    assert "symptom.not-managed" in taken.stderr

    # an action that AWS denies: told when the time is over, with the controller's words
    world.fault(
        "sagemaker:CreateModel", 403, "AccessDeniedException", "User: x is not authorized to perform: iam:PassRole on y"
    )
    denied = bench.apply("model", *role, *BUCKET, "--set", "name=denied", "--timeout", "6s")
    bench.created.add(ref("Model", "denied", "default"))
    assert (denied.exit_code, denied.error_id) == (4, "object-recoverable")
    assert "symptom.pass-role-denied" in denied.stderr
    world.end_faults()


def test_what_is_not_installed_or_not_watched(bench: Bench) -> None:
    """An old chart of one service, in the scope of one namespace."""
    world = bench.world
    words = ("--set", f"role=arn:aws:iam::{world.account}:role/execution", *BUCKET)
    assert bench.apply("model", *words).error_id == "sample-kind-not-served"
    world.install("--service", "sagemaker", "--version", "sagemaker=0.2.0", "--scope", "namespace")
    with world.requests() as refused:
        old = bench.apply("pipeline", *words)
        assert old.error_id == "sample-kind-not-served"
        assert "0.5.0" in old.stderr
        elsewhere = bench.apply("model", *words)
        assert elsewhere.error_id == "sample-not-watched"
        assert world.namespace in elsewhere.stderr
        assert bench.apply("scaling-policy", *words).error_id == "sample-kind-not-served"
    assert refused.writes == []
    # its runtime has no ACK.ResourceSynced
    created = bench.apply("model", *words, namespace=world.namespace).ok()
    (made,) = created.data["result"]["objects"]
    assert made["arn"].endswith(":model/acksm-model")
    assert {**made, "arn": ""} == {
        "sample": "model",
        "kind": "Model",
        "name": "acksm-model",
        "state": "synced",
        "arn": "",
    }
