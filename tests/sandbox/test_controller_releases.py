"""What depends on how a controller was installed: release, scope, gates, identity; and what a kubelet shows of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from acksm.json_types import Untyped
from acksm.kube.paths import ref
from acksm.sandbox import api
from acksm.sandbox.controllers.kube import KubeError
from acksm.sandbox.state import directory
from lab import PROGRAMS, Lab
from world import World

pytestmark = pytest.mark.crds
P = "services.k8s.aws/"


@pytest.fixture
def lab(world: World) -> Lab:
    """Nothing is installed yet; the stand-in will run."""
    return Lab(world, "stand-in")


@pytest.fixture(params=PROGRAMS)
def either(request: pytest.FixtureRequest, world: World) -> Lab:
    """Nothing is installed yet; the stand-in or a real controller will run."""
    return Lab(world, request.param)


def _sagemaker(lab: Lab, *argv: str, values: dict[str, object] | None = None, wait: bool = True) -> None:
    lab.install("--service", "sagemaker", *argv, values=values, wait=wait)


def test_one_namespace_ignores_what_the_namespace_says(either: Lab, tmp_path: Path) -> None:
    """In the scope of one namespace the object silently lands in the controller's account and region."""
    namespace = either.namespace()
    _sagemaker(either, "--scope", "namespace", "--watch-namespace", namespace)
    # by hand: acksm itself refuses annotations that nobody reads
    marks = {"services.k8s.aws/owner-account-id": either.other, "services.k8s.aws/default-region": "eu-west-1"}
    either.world.kube.patch(ref("Namespace", namespace), {"metadata": {"annotations": marks}})
    either.model(namespace, "ignored")
    found = either.synced("Model", namespace, "ignored")
    assert found["status"]["ackResourceMetadata"]["ownerAccountID"] == either.world.account
    assert found["status"]["ackResourceMetadata"]["region"] == "us-west-2"
    assert "--watch-namespace is set to a single namespace. CARM will not be enabled." in either.log()
    outside = either.namespace()
    either.model(outside, "outside")
    either.until(lambda: either.has("Model", "ignored"))
    assert not (either.get("Model", outside, "outside") or {}).get("status")


def test_two_namespaces_read_them(either: Lab) -> None:
    one, two = either.namespace(default_region="eu-west-1"), either.namespace()
    _sagemaker(either, "--scope", "namespace", "--watch-namespace", one, "--watch-namespace", two)
    either.model(one, "read")
    assert either.synced("Model", one, "read")["status"]["ackResourceMetadata"]["region"] == "eu-west-1"


def test_role_selectors_choose_the_role(either: Lab) -> None:
    _sagemaker(either, values={"enableCARM": False, "featureGates": {"IAMRoleSelector": True}})
    role = either.trusted_role()
    either.may_assume(role)
    namespace = either.namespace()
    either.create("IAMRoleSelector", "", "one", {"arn": role, "namespaceSelector": {"names": [namespace]}})
    either.until(lambda: _selected(either, namespace, role))
    either.create("IAMRoleSelector", "", "two", {"arn": role, "namespaceSelector": {"names": [namespace]}})
    either.until(lambda: _fails(either, namespace, "multiple (2) matching IAMRoleSelectors found"))


def _selected(lab: Lab, namespace: str, role: str) -> bool:
    """A model abroad with the condition; the cache of selectors is not waited for, so the first may miss it."""
    lab.count += 1
    name = f"{lab.program}-s{lab.count}"
    lab.model(namespace, name)
    found = lab.synced("Model", namespace, name)
    told = [item for item in found["status"]["conditions"] if item["type"] == "ACK.IAMRoleSelected"]
    if told:
        assert f"roleARN: {role}, selectorName: one" in told[0]["reason"]
        assert found["status"]["ackResourceMetadata"]["ownerAccountID"] == lab.other
    return bool(told)


def _fails(lab: Lab, namespace: str, text: str) -> bool:
    lab.count += 1
    lab.model(namespace, f"{lab.program}-s{lab.count}")
    return text in lab.log()


def test_gates_that_exclude_each_other_crash_it(either: Lab) -> None:
    _sagemaker(either)
    # by hand: acksm itself refuses the two together
    chart, gate = either.world.chart("sagemaker", "1.9.1"), "featureGates.IAMRoleSelector=true"
    either.world.helm("upgrade", "ack-sagemaker-controller", chart, "--reuse-values", "--set", gate)
    text = "cannot enable feature gate 'IAMRoleSelector' when flag 'enable-carm' is set to true"
    state = either.until(lambda: _waiting(either, "CrashLoopBackOff"))
    assert state["restartCount"] >= 1
    assert state["lastState"]["terminated"]["exitCode"] == 1
    assert not state["ready"]
    either.logged(text)


def _waiting(lab: Lab, reason: str) -> dict[str, object] | None:
    for item in (lab.pod().get("status") or {}).get("containerStatuses") or []:
        if (item["state"].get("waiting") or {}).get("reason") == reason and item["lastState"]:
            return dict(item)
    return None


def test_a_role_that_does_not_trust_the_service_account_crashes_it(either: Lab) -> None:
    iam = either.aws("iam")
    iam.create_role(
        RoleName="of-another-cluster",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRoleWithWebIdentity",
                        "Principal": {"Federated": f"arn:aws:iam::{either.world.account}:oidc-provider/elsewhere"},
                    }
                ],
            }
        ),
    )
    run = either.world.acksm("oidc", "-y", env=either.world.variables)
    assert run.exit_code == 0, run.stderr
    arn = f"arn:aws:iam::{either.world.account}:role/of-another-cluster"
    _sagemaker(either, "--role-arn", arn, wait=False)
    either.until(lambda: _waiting(either, "CrashLoopBackOff"))
    either.logged("unable to determine account info: unable to get caller identity")
    either.logged("Not authorized to perform sts:AssumeRoleWithWebIdentity")


@pytest.mark.crds(False)
def test_before_1_2_8_a_missing_role_lands_it_in_the_wrong_account(lab: Lab) -> None:
    _sagemaker(lab, "--version", "sagemaker=1.2.4")
    namespace = lab.namespace(owner_account_id=lab.other)
    lab.model(namespace, "wrong")
    lab.synced("Model", namespace, "wrong")
    assert lab.has("Model", "wrong")
    assert not lab.has("Model", "wrong", account=lab.other)


@pytest.mark.crds(False)
def test_adopted_resources_of_old_releases(lab: Lab) -> None:
    _sagemaker(lab, "--version", "sagemaker=1.4.1")
    lab.aws("sagemaker").create_model(ModelName="old", ExecutionRoleArn="arn:aws:iam::012345678901:role/execution")
    namespace = lab.namespace()
    target = {"group": "sagemaker.services.k8s.aws", "kind": "Model", "metadata": {"name": "mine"}}
    lab.create("AdoptedResource", namespace, "a", {"aws": {"nameOrID": "old"}, "kubernetes": target})
    found = lab.condition("AdoptedResource", namespace, "a", "ACK.Adopted", "True")
    assert found["metadata"]["finalizers"] == ["finalizers.services.k8s.aws/AdoptedResource"]
    model = lab.synced("Model", namespace, "mine")
    assert model["metadata"]["annotations"][f"{P}adopted"] == "true"
    assert model["spec"]["modelName"] == "old"
    assert "Ready" not in [item["type"] for item in model["status"]["conditions"]]
    lab.delete("AdoptedResource", namespace, "a")  # the adopted object stays
    assert lab.get("Model", namespace, "mine")
    absent = {**target, "metadata": {"name": "absent"}}
    lab.create("AdoptedResource", namespace, "absent", {"aws": {"nameOrID": "nobody"}, "kubernetes": absent})
    lab.condition("AdoptedResource", namespace, "absent", "ACK.Adopted", "False", "resource not found")
    lab.create(
        "AdoptedResource", namespace, "odd", {"aws": {"nameOrID": "x"}, "kubernetes": {**target, "kind": "Gadget"}}
    )
    lab.logged("resource manager factory not found")
    _converted(lab, namespace, target)


def _converted(lab: Lab, namespace: str, target: Mapping[str, object]) -> None:
    """Over the line with --convert-adopted: failing ones and a namespace without a role are refused first."""
    world, mine = lab.world, {**target, "metadata": {"name": "mine"}}
    lab.create("AdoptedResource", namespace, "again", {"aws": {"nameOrID": "old"}, "kubernetes": mine})
    lab.condition("AdoptedResource", namespace, "again", "ACK.Adopted", "True")
    upgrade = ("upgrade", "-y", "--service", "sagemaker", "--convert-adopted", "-o", "json")
    refused = world.acksm(*upgrade)
    assert (refused.error_id, refused.exit_code) == ("adopted-resources-failing", 6)
    assert "resource not found" in str(refused.data["error"]["details"])
    for name in ("absent", "odd"):
        lab.delete("AdoptedResource", namespace, name)
    path = lab.path("AdoptedResource", namespace, "again")
    space = ref("Namespace", namespace)
    world.kube.patch(space, {"metadata": {"annotations": {f"{P}owner-account-id": lab.other}}})
    assert world.acksm(*upgrade).error_id == "adopted-resources-account"
    lab.until(lambda: lab.kube.request("DELETE", path))  # by hand: the controller waits for the role
    lab.logged("Unable to start adoption reconcilliation")
    assert lab.get("AdoptedResource", namespace, "again")
    world.kube.patch(space, {"metadata": {"annotations": {f"{P}owner-account-id": None}}})
    lab.create("AdoptedResource", namespace, "more", {"aws": {"nameOrID": "old"}, "kubernetes": mine})
    lab.condition("AdoptedResource", namespace, "more", "ACK.Adopted", "True")
    client = lab.aws("sagemaker")
    before = _in_aws(client)
    with world.requests() as seen:
        found = world.acksm(*upgrade).ok().data
    assert [one for one, _ in seen.aws if one.startswith("sagemaker:") and ":Describe" not in one] == []
    targets = [item["target"] for item in found["changes"] if item["id"] == "adopted-resource.delete"]
    assert targets == [f"AdoptedResource {namespace}/more"]
    # a pending one that is left: the new version does not know it, and it becomes an object with annotations
    client.create_model(ModelName="late", ExecutionRoleArn="arn:aws:iam::012345678901:role/execution")
    late = {**target, "metadata": {"name": "late", "labels": {"team": "a"}}}
    lab.create("AdoptedResource", namespace, "late", {"aws": {"nameOrID": "late"}, "kubernetes": late})
    row = world.acksm(*upgrade).ok().data["result"]["adoptions"][0]
    assert (row["name"], row["state"], row["method"], row["retain"]) == ("late", "adopted", "annotations", True)
    assert lab.kube.request("GET", lab.path("AdoptedResource", namespace))["items"] == []
    assert lab.synced("Model", namespace, "late")["metadata"]["labels"]["team"] == "a"
    assert lab.synced("Model", namespace, "mine")["spec"]["modelName"] == "old"
    assert _in_aws(client) == before
    with world.requests() as again:
        assert world.acksm(*upgrade).ok().data["changes"] == []
    assert again.writes == []


def _in_aws(client: Untyped) -> list[object]:
    """The adopted model, with its tags."""
    found = client.describe_model(ModelName="old")
    tags = client.list_tags(ResourceArn=found["ModelArn"])["Tags"]
    return [{key: value for key, value in found.items() if key != "ResponseMetadata"}, tags]


def test_adoption_by_annotation_needs_its_gate(lab: Lab) -> None:
    _sagemaker(lab, "--version", "sagemaker=1.4.1", values={"featureGates": {"ResourceAdoption": False}})
    lab.aws("sagemaker").create_model(ModelName="gated", ExecutionRoleArn="arn:aws:iam::012345678901:role/execution")
    namespace = lab.namespace()
    lab.model(namespace, "gated", {f"{P}adoption-policy": "adopt-or-create"})
    lab.condition("Model", namespace, "gated", "ACK.Terminal", "True", "Resource already exists")


def test_only_the_kinds_of_the_list_are_reconciled(either: Lab) -> None:
    _sagemaker(either, values={"reconcile": {"resources": ["Model"]}})
    namespace = either.namespace()
    either.create("ModelPackageGroup", namespace, "g", {"modelPackageGroupName": "g"})
    either.model(namespace, "m")
    either.synced("Model", namespace, "m")
    assert not (either.get("ModelPackageGroup", namespace, "g") or {}).get("status")


def test_a_kind_that_the_cloud_lacks_says_so(lab: Lab) -> None:
    _sagemaker(lab)
    namespace = lab.namespace()
    lab.create("Space", namespace, "s", {"domainID": "d-1", "spaceName": "s"})
    lab.condition("Space", namespace, "s", "ACK.Recoverable", "True", "the practice cloud has no DescribeSpace")
    lab.delete("Space", namespace, "s")


@pytest.mark.crds(False)
def test_without_crds_it_says_so_and_ends(lab: Lab) -> None:
    """After two minutes, which are five seconds here."""
    _sagemaker(lab, values={"deployment": {"extraEnvVars": [{"name": "PRACTICE_PACE", "value": "0.04"}]}})
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    lab.kube.request("DELETE", f"{crds}/spaces.sagemaker.services.k8s.aws")
    lab.until(lambda: lab.kube.get(f"{crds}/spaces.sagemaker.services.k8s.aws") is None)
    before = lab.pod()["metadata"]
    lab.kube.request("DELETE", f"/api/v1/namespaces/{before['namespace']}/pods/{before['name']}")
    lab.until(lambda: lab.pod()["metadata"]["uid"] != before["uid"])
    lab.logged('no matches for kind \\"Space\\" in version \\"sagemaker.services.k8s.aws/v1alpha1\\"')
    lab.until(lambda: _ended(lab) == 1)


def _ended(lab: Lab) -> int | None:
    """The exit code of the run before this one."""
    status = (lab.pod().get("status") or {}).get("containerStatuses") or [{}]
    code = ((status[0].get("lastState") or {}).get("terminated") or {}).get("exitCode")
    return None if code is None else int(code)


def test_a_pod_without_a_role_is_its_node_and_may_do_nothing(either: Lab) -> None:
    """§3: Ready means that some identity works, perhaps the node's."""
    _sagemaker(either)
    account = f"/api/v1/namespaces/{either.world.namespace}/serviceaccounts/ack-sagemaker-controller"
    either.kube.merge(account, {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": None}}})
    before = either.pod()["metadata"]
    either.kube.request("DELETE", f"/api/v1/namespaces/{before['namespace']}/pods/{before['name']}")
    either.until(lambda: either.pod()["metadata"]["uid"] != before["uid"] and _ready(either))
    namespace = either.namespace()
    either.model(namespace, "denied")
    text = "assumed-role/practice-node/i-00000000practice is not authorized to perform: sagemaker:DescribeModel"
    either.condition("Model", namespace, "denied", "ACK.Recoverable", "True", text)


def test_the_process_goes_with_its_pod_and_a_killed_one_comes_back(either: Lab) -> None:
    _sagemaker(either)
    pod = either.pod()["metadata"]
    (pid,) = _processes(either, pod["name"])
    os.kill(pid, signal.SIGKILL)
    either.until(lambda: _processes(either, pod["name"]) not in ([], [pid]))
    status = either.until(lambda: _ready(either))
    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 137
    either.kube.request("DELETE", f"/api/v1/namespaces/{pod['namespace']}/pods/{pod['name']}")
    either.until(lambda: either.kube.get(f"/api/v1/namespaces/{pod['namespace']}/pods/{pod['name']}") is None)
    assert _processes(either, pod["name"]) == []
    assert pod["name"] not in [item["pod"] for item in api.controllers(either.world.state)]


def _ready(lab: Lab) -> dict[str, object] | None:
    status = (lab.pod().get("status") or {}).get("containerStatuses") or [{}]
    return dict(status[0]) if status[0].get("ready") else None


def _processes(lab: Lab, pod: str) -> list[int]:
    """Processes that write the pod's log."""
    found = []
    for path in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            if f"_{pod}/" in os.readlink(path):
                found.append(int(path.parent.parent.name))
        except OSError:
            continue
    return found


def test_a_secret_that_is_missing_keeps_the_container_from_being_made(lab: Lab) -> None:
    extra = {"name": "X", "valueFrom": {"secretKeyRef": {"name": "missing", "key": "k"}}}
    _sagemaker(lab)
    pod = lab.pod()
    deployment = pod["metadata"]["name"].rsplit("-", 2)[0]
    path = f"/apis/apps/v1/namespaces/{lab.world.namespace}/deployments/{deployment}"
    spec = (lab.kube.get(path) or {})["spec"]["template"]["spec"]
    spec["containers"][0]["env"].append(extra)
    volume = {"name": "v", "secret": {"secretName": "unmounted"}}
    lab.kube.merge(path, {"spec": {"template": {"spec": {"containers": spec["containers"], "volumes": [volume]}}}})
    mounted = 'MountVolume.SetUp failed for volume "v" : secret "unmounted" not found'
    lab.until(lambda: mounted in _warnings(lab))
    assert _reason(lab) == "ContainerCreating"
    other = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "unmounted"}}
    lab.kube.request("POST", f"/api/v1/namespaces/{lab.world.namespace}/secrets", other)
    lab.until(lambda: _reason(lab) == "CreateContainerConfigError")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "missing"}, "stringData": {"k": "v"}}
    lab.kube.request("POST", f"/api/v1/namespaces/{lab.world.namespace}/secrets", secret)
    lab.until(lambda: _ready(lab))


def _warnings(lab: Lab) -> list[str]:
    """Messages of warnings about the pod."""
    events = lab.kube.request("GET", f"/api/v1/namespaces/{lab.world.namespace}/events")["items"]
    pod = lab.pod()["metadata"]["name"]
    return [item["message"] for item in events if item["involvedObject"]["name"] == pod and item["type"] == "Warning"]


def _reason(lab: Lab) -> str:
    status = (lab.pod().get("status") or {}).get("containerStatuses") or [{"state": {}}]
    return str((status[0]["state"].get("waiting") or {}).get("reason", ""))


def test_a_forbidden_list_is_told(lab: Lab) -> None:
    _sagemaker(lab, values={"role": {"labels": {}}})
    with pytest.raises(KubeError):
        lab.kube.request("GET", "/apis/nothing")
    roles = lab.kube.request("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles")["items"]
    for role in roles:
        name = role["metadata"]["name"]
        if name.startswith("ack-sagemaker") and "cache" not in name:
            rules = [rule for rule in role["rules"] if "services.k8s.aws" not in str(rule["apiGroups"])]
            lab.kube.merge(f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}", {"rules": rules})
    pod = lab.pod()["metadata"]
    lab.kube.request("DELETE", f"/api/v1/namespaces/{pod['namespace']}/pods/{pod['name']}")
    lab.until(lambda: lab.pod()["metadata"]["uid"] != pod["uid"])
    lab.logged("failed to list *v1alpha1.Model: models.sagemaker.services.k8s.aws is forbidden")


def test_the_binary_of_an_image_in_the_sandboxs_registry_runs(lab: Lab, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "controller"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "from the image, with $*"\nexec sleep 600\n')
    program.chmod(0o755)
    layer = tmp_path / "layer.tar"
    with tarfile.open(layer, "w") as tar:
        tar.add(program, "bin/controller")
    crane = json.loads((directory(lab.world.state.name) / "options.json").read_text())["parts"]["crane"]
    repository = f"{lab.world.state.registry}/own/sagemaker-controller"  # beside the charts it would make a mirror
    image = f"{repository}:9.9.9"
    login = os.environ | {"DOCKER_CONFIG": str(directory(lab.world.state.name) / "docker")}
    subprocess.run(
        [crane, "append", "--insecure", "-f", layer, "-t", image], env=login, check=True, capture_output=True
    )
    entry = ["--insecure", "--entrypoint", "/bin/controller", "--set-platform", "linux/amd64", image, "-t", image]
    subprocess.run([crane, "mutate", *entry], env=login, check=True, capture_output=True)
    real = Lab(lab.world, "image")
    _sagemaker(
        real, values={"image": {"repository": repository, "tag": "9.9.9"}}, wait=False
    )  # it answers no probe: it does not get ready
    real.logged("from the image, with --aws-region us-west-2")
    told = next(item for item in api.controllers(lab.world.state) if item["pod"] == real.pod()["metadata"]["name"])
    assert told["program"] == "image"
