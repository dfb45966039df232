"""Three clusters of one name, in two accounts and two regions: how they are installed at once, each with its own
credentials, and what `acksm fleet doctor` says of what is between them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from acksm import reports
from acksm.fleet.between import checked, findings
from acksm.sandbox import api
from acksm.sandbox.state import REGION
from world import NAME, ONE, World

FAR_ACCOUNT, FAR_REGION, TEAMS = "222222222222", "eu-west-1", "333333333333"
ALONE = "ack-controller-role-alone"
COMMON, OLD = "services.k8s.aws/v1alpha1", "1.1.1"


class Namesakes:
    """The world's cluster, and two of its name: of the same account in another region (`twin`), and of another account
    in that region (`far`)."""

    def __init__(self, world: World, twin: World, far: World) -> None:
        self.world, self.twin, self.far = world, twin, far
        name = world.cluster
        self.ids = {
            "near": f"{world.account}/{REGION}/{name}",
            "twin": f"{world.account}/{FAR_REGION}/{name}",
            "far": f"{FAR_ACCOUNT}/{FAR_REGION}/{name}",
        }

    @property
    def role(self) -> str:
        """The default role of a cluster of their name."""
        return f"ack-controller-role-{self.world.cluster}"

    def reached(self, name: str) -> list[str]:
        """The options that lead acksm to one of them."""
        account, region, cluster = self.ids[name].split("/")
        profile = ["--profile", f"other-{account}"] if account == FAR_ACCOUNT else []
        return ["--cluster", cluster, "--region", region, *profile]

    def findings(self) -> dict[str, reports.FleetFinding]:
        """What `acksm fleet doctor` compares, by the id of the finding, in this process."""
        facts = {}
        for name, cluster in self.ids.items():
            facts[cluster] = checked(self.world.acksm("fleet", "facts", *self.reached(name), "-o", "json").ok().data)
        found = findings(facts)
        assert len({item["id"] for item in found}) == len(found), found
        return {item["id"]: item for item in found}

    def concerned(self) -> dict[str, list[str]]:
        """By the id of each finding, the clusters that it names."""
        names = {cluster: name for name, cluster in self.ids.items()}
        return {key: sorted(names[one] for one in item["clusters"]) for key, item in self.findings().items()}


@pytest.fixture
def namesakes(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Namesakes]:
    accounts = (world.account, FAR_ACCOUNT)
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda one: api.add_cluster(world.state, world.cluster, one, FAR_REGION), accounts))
        api.open_account(world.state, TEAMS)
        for key in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(key, api.environment(NAME, world.cluster)[key])
        state = api.require(NAME)
        twin, far = (World(state, one.handle, one.account, world.namespace) for one in made)
        yield Namesakes(world, twin, far)
        list(pool.map(lambda one: api.remove_cluster(world.state, one.handle), made))
        for account in (FAR_ACCOUNT, TEAMS):
            api.control(world.state, "POST", f"accounts/{account}/empty")


@pytest.mark.crds
@pytest.mark.timeout(600)
def test_clusters_of_one_name(namesakes: Namesakes, tmp_path: Path) -> None:
    installed_at_once(namesakes, tmp_path / "fleet.yaml")
    assert namesakes.concerned() == {
        "fleet.name-in-two-accounts": ["far", "near", "twin"],
        "fleet.version-skew": ["twin"],
    }
    one_role(namesakes)
    teams(namesakes)
    assert namesakes.concerned() == {
        "fleet.name-in-two-accounts": ["far", "near", "twin"],
        "fleet.name-in-two-regions": ["near", "twin"],
        "fleet.role-in-two-clusters": ["near", "twin"],
        "fleet.version-skew": ["twin"],
        "fleet.adopted-resources": ["twin"],
        "fleet.cross-namespace": ["far"],
        "fleet.carm": ["far", "near", "twin"],
        "fleet.namespace-in-two-accounts": ["far", "near", "twin"],
        "fleet.target-role-in-two-clusters": ["near", "twin"],
    }


def installed_at_once(namesakes: Namesakes, file: Path) -> None:
    """Where IAM lets one call of a kind a second through, two writers of an account wait for each other, and all end
    well. The role of a cluster is not taken by another of its name."""
    world = namesakes.world
    file.write_text(f"""
defaults: {{service: [applicationautoscaling], controller-namespace: {world.namespace}}}
clusters:
- {{cluster: {world.cluster}, account: "{world.account}", region: {REGION}}}
- {{cluster: {world.cluster}, account: "{world.account}", region: {FAR_REGION}, role-name: {ALONE},
   version: {{applicationautoscaling: {OLD}}}}}
- {{cluster: {world.cluster}, account: "{FAR_ACCOUNT}", region: {FAR_REGION}, profile: other-{FAR_ACCOUNT}}}
""")
    world.fault("iam:*", 400, "Throttling", "Rate exceeded", rate=1)
    with world.requests() as seen:
        applied = world.acksm("fleet", "apply", "--yes", "-o", "json").ok().data
    world.end_faults()
    assert [item["state"] for item in applied["clusters"]] == ["done"] * 3
    assert {status for action, status in seen.aws if action == "iam:GetRole"} >= {200, 400}
    refused = world.acksm("install", "-y", *ONE, "--role-name", namesakes.role, *namesakes.reached("twin"))
    assert refused.error_id == "role-not-ours"


def one_role(namesakes: Namesakes) -> None:
    """Somebody lets the twin use the role all the same."""
    version = ("--version", f"applicationautoscaling={OLD}")
    words = ("--role-name", namesakes.role, "--adopt-role", *version, *namesakes.reached("twin"))
    namesakes.world.acksm("install", "-y", *ONE, *words).ok()


def teams(namesakes: Namesakes) -> None:
    """A team of the two clusters of one account has an account, by one role there; in the third cluster its namespace
    is another account's. Two of the objects are for a controller that newer ones are not."""
    world, kind = namesakes.world, {"group": "applicationautoscaling.services.k8s.aws", "kind": "ScalableTarget"}
    target = ("--target-account", TEAMS)
    setup = ("carm", "setup", "-y", *target, "--target-profile", f"other-{TEAMS}")
    for name, adopted in (("near", ()), ("twin", ("--adopt-target-role",))):
        reached = namesakes.reached(name)
        world.acksm(*setup, *adopted, *reached).ok()
        world.acksm("carm", "bind", "team", "-y", *target, "--create-namespace", *reached).ok()
    bound = {"name": "team", "annotations": {"services.k8s.aws/owner-account-id": world.account}}
    namesakes.far.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": bound})
    export = {
        "from": {"path": ".status.x", "resource": {**kind, "name": "x"}},
        "to": {"kind": "configmap", "name": "x", "namespace": "default"},
    }
    namesakes.far.custom(COMMON, "fieldexports", "FieldExport", "team", "x", export)
    wish = {"aws": {"nameOrID": "endpoint/x/variant/v"}, "kubernetes": {**kind, "metadata": {"name": "x"}}}
    namesakes.twin.custom(COMMON, "adoptedresources", "AdoptedResource", "team", "x", wish)
