"""`acksm carm` on real parts: two accounts, STS that checks who is trusted, controllers that read the map."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from abroad import MARK, ROLE_NAME, Abroad
from acksm.kube.keys import DATA, set_keys
from acksm.kube.paths import ref
from acksm.sandbox import api
from killer import Forks, Order
from report_schema import complaints
from world import NAME, World

OWNER = MARK + "owner-account-id"
MAP = "ack-role-account-map"


@pytest.fixture
def abroad(world: World) -> Iterator[Abroad]:
    found = Abroad.open(world)
    yield found
    found.clean()


def documents(iam: Any, role: str) -> dict[str, Any]:
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}


@pytest.mark.crds
def test_an_object_lands_in_the_other_account(abroad: Abroad) -> None:
    """The whole of §6, with the real STS checks of the sandbox and a controller that reads the map."""
    world, b = abroad.world, abroad.account
    world.install()
    abroad.setup("--dry-run").ok()
    with pytest.raises(abroad.iam.exceptions.NoSuchEntityException):
        abroad.trust()
    to_b = ("carm", "setup", "--target-account", b, "--target-profile", abroad.profile)
    with world.requests() as asked:  # who is let in there is seen by somebody first
        unasked = world.acksm(*to_b)
        assert unasked.error_id == "needs-confirmation"
        assert abroad.own_role in unasked.stderr
    assert asked.writes == []
    abroad.setup().ok()
    (statement,) = abroad.trust()["Statement"]
    assert statement["Principal"] == {"AWS": abroad.own_role}
    own = documents(world.aws("iam"), abroad.own_role.rpartition("/")[2])["acksm-carm"]["Statement"]
    assert [item["Resource"] for item in own] == [[abroad.role]]
    with world.requests() as again:
        assert "up to date" in abroad.setup().ok().stderr
    assert again.writes == []

    name, free = abroad.namespace("production"), abroad.namespace("free")
    world.acksm("carm", "bind", name, "--target-account", b).ok()
    assert (abroad.map(), abroad.annotations(name)[OWNER]) == ({b: abroad.role}, b)
    with world.requests() as again:
        assert "up to date" in world.acksm("carm", "bind", name, "--target-account", b).ok().stderr
    assert again.writes == []

    there, here = abroad.model(name, "abroad"), abroad.model(free, "home")
    assert abroad.located(there)["ownerAccountID"] == b
    assert abroad.located(here)["ownerAccountID"] == world.account
    assert (abroad.models(account=b), abroad.models()) == (["abroad"], ["home"])

    live = world.acksm("carm", "verify", name, "--live", "-o", "json").ok().data
    assert live["verified"] is True
    assert complaints(live) == []
    seen = world.acksm("carm", "verify", name, "--target-profile", abroad.profile, "-o", "json").ok().data
    assert {check["state"] for check in seen["checks"]} == {"ok"}
    unproven = world.acksm("carm", "verify", name)
    assert unproven.exit_code == 3
    assert "unknown  check." in unproven.stdout
    (row,) = world.acksm("carm", "list", "--live", "-o", "json").ok().data["bindings"]
    assert (row["namespace"], row["id"], row["assumable"]) == (name, b, "yes")

    # while the object lives, nobody cuts it off
    assert world.acksm("carm", "unbind", name).error_id == "carm-objects-live"
    assert world.acksm("carm", "bind", free, "--target-account", b).error_id == "carm-objects-live"
    assert world.acksm("install", "-y", "--mode", "role-selector").error_id == "bindings-would-be-ignored"
    world.kube.patch(ref("Namespace", name), {"metadata": {"annotations": {OWNER: None}}})
    for options in (["--mode", "role-selector"], ["--set", "enableCARM=false"], ["--scope", "namespace"]):
        assert world.acksm("install", "-y", *options).error_id == "objects-would-be-lost"
    world.kube.patch(ref("Namespace", name), {"metadata": {"annotations": {OWNER: b}}})
    abroad.delete(there)
    assert abroad.models(account=b) == []
    world.acksm("carm", "unbind", name).ok()
    assert (abroad.map(), OWNER in abroad.annotations(name)) == (None, False)
    abroad.delete(here)


@pytest.mark.crds
def test_role_selectors_do_the_same_without_a_map(abroad: Abroad) -> None:
    world, b = abroad.world, abroad.account
    assert (
        world.acksm("install", "-y", "--set", "featureGates.IAMRoleSelector=true").error_id == "selector-needs-carm-off"
    )
    world.install("--service", "sagemaker", "--mode", "role-selector")
    abroad.setup().ok()
    name, other = abroad.namespace("production"), abroad.namespace("other")
    assert world.acksm("carm", "bind", name, "--target-account", b, "--mode", "carm").error_id == "mode-differs"
    world.acksm("carm", "bind", name, "--target-account", b).ok()
    with world.requests() as again:
        assert "up to date" in world.acksm("carm", "bind", name, "--target-account", b).ok().stderr
    assert again.writes == []
    assert (abroad.map(), OWNER in abroad.annotations(name)) == (None, False)
    thing = abroad.model(name, "selected")
    assert abroad.located(thing)["ownerAccountID"] == b
    assert world.acksm("carm", "verify", name, "--live").exit_code == 0
    everywhere = {
        "apiVersion": "services.k8s.aws/v1alpha1",
        "kind": "IAMRoleSelector",
        "metadata": {"name": "by-hand"},
        "spec": {"arn": abroad.role},
    }
    world.kube.create(everywhere)
    try:
        with world.requests() as refused:
            assert world.acksm("carm", "bind", other, "--target-account", b).error_id == "selector-overlap"
        assert refused.writes == []
        broken = world.acksm("carm", "verify", name, "-o", "json")
        ids = {check["id"] for check in broken.data["checks"] if check["state"] == "failed"}
        assert ids == {"check.carm-selector-overlap"}
        assert world.acksm("install", "-y", "--mode", "carm").error_id == "bindings-would-be-ignored"
    finally:
        world.kube.delete(ref("IAMRoleSelector", "by-hand"))
    assert world.acksm("carm", "unbind", name).error_id == "carm-objects-live"
    abroad.delete(thing)
    world.acksm("carm", "unbind", name).ok()
    assert world.kube.list(ref("IAMRoleSelector")) == []


@pytest.mark.crds
def test_every_broken_link_is_found_by_its_own_id(abroad: Abroad) -> None:
    world, b = abroad.world, abroad.account
    world.install("--service", "sagemaker")
    abroad.setup().ok()
    name = abroad.namespace("production", default_region="eu-west-1")
    world.acksm("carm", "bind", name, "--target-account", b).ok()

    def broken(*argv: str) -> set[str]:
        argv = argv or ("--target-profile", abroad.profile)
        run = world.acksm("carm", "verify", name, "-o", "json", *argv)
        assert complaints(run.data) == []
        found = {check["id"] for check in run.data["checks"] if check["state"] == "failed"}
        assert run.exit_code == (3 if found else 0)
        assert all(check["remedy"] for check in run.data["checks"] if check["state"] == "failed")
        return found

    assert broken() == set()
    assert broken("--live") == set()
    own = abroad.own_role.rpartition("/")[2]
    ours = abroad.trust()["Statement"][0]
    external = {**ours, "Condition": {"StringEquals": {"sts:ExternalId": "x"}}}
    elsewhere = {**ours, "Principal": {"AWS": f"arn:aws:iam::{world.account}:role/another"}}
    iam = world.aws("iam")
    policy = json.dumps(documents(iam, own)["acksm-carm"])
    attached = [
        item["PolicyArn"] for item in abroad.iam.list_attached_role_policies(RoleName=ROLE_NAME)["AttachedPolicies"]
    ]

    def annotate(**marks: str | None) -> None:
        keys = {MARK + key.replace("_", "-"): value for key, value in marks.items()}
        world.kube.patch(ref("Namespace", name), {"metadata": {"annotations": keys}})

    def data(**entries: str | None) -> None:
        world.kube.patch(ref("ConfigMap", MAP, world.namespace), {"data": {key[1:]: v for key, v in entries.items()}})

    key = f"_{b}"
    links: dict[str, tuple[Callable[[], Any], Callable[[], Any], set[str], tuple[str, ...]]] = {
        "annotation": (
            lambda: annotate(owner_account_id=None),
            lambda: annotate(owner_account_id=b),
            {"check.carm-annotation"},
            (),
        ),
        "annotation that lost a digit": (
            lambda: annotate(owner_account_id=b[1:]),
            lambda: annotate(owner_account_id=b),
            {"check.carm-annotation", "check.carm-map"},
            (),
        ),
        "region": (
            lambda: annotate(default_region="eu-wset-1"),
            lambda: annotate(default_region="eu-west-1"),
            {"check.carm-region"},
            (),
        ),
        "entry": (lambda: data(**{key: None}), lambda: data(**{key: abroad.role}), {"check.carm-map"}, ()),
        "value": (
            lambda: data(**{key: "111111111111"}),
            lambda: data(**{key: abroad.role}),
            {"check.carm-map-value"},
            (),
        ),
        "value in YAML": (
            lambda: data(**{key: f"role: {abroad.role}\nx: [\n"}),
            lambda: data(**{key: abroad.role}),
            {"check.carm-map-value"},
            (),
        ),
        "key": (lambda: data(_1e11="x"), lambda: data(_1e11=None), {"check.carm-map-key"}, ()),
        "policy": (
            lambda: iam.delete_role_policy(RoleName=own, PolicyName="acksm-carm"),
            lambda: iam.put_role_policy(RoleName=own, PolicyName="acksm-carm", PolicyDocument=policy),
            {"check.carm-policy"},
            (),
        ),
        "trust": (lambda: abroad.set_trust(elsewhere), lambda: abroad.set_trust(ours), {"check.carm-trust"}, ()),
        "external id": (
            lambda: abroad.set_trust(external),
            lambda: abroad.set_trust(ours),
            {"check.carm-external-id"},
            (),
        ),
        "trust, seen from here": (
            lambda: abroad.set_trust(elsewhere),
            lambda: abroad.set_trust(ours),
            {"check.carm-live"},
            ("--live",),
        ),
        "permissions": (
            lambda: _strip(abroad.iam),
            lambda: [abroad.iam.attach_role_policy(RoleName=ROLE_NAME, PolicyArn=arn) for arn in attached],
            {"check.carm-permissions"},
            (),
        ),
    }
    for link, (spoil, mend, expected, argv) in links.items():
        spoil()
        assert (link, broken(*argv)) == (link, expected)  # and nothing of the link before it
        mend()
    assert broken() == set()
    _strip(abroad.iam)
    abroad.iam.delete_role(RoleName=ROLE_NAME)
    assert broken() == {"check.carm-role"}
    assert broken("--live") == {"check.carm-live"}
    iam.detach_role_policy(RoleName=own, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    for inline in documents(iam, own):
        iam.delete_role_policy(RoleName=own, PolicyName=inline)
    iam.delete_role(RoleName=own)
    assert "check.carm-controller-role" in broken()
    world.kube.delete(ref("ConfigMap", MAP, world.namespace))
    assert "check.carm-map" in broken()


def _strip(iam: Any) -> None:
    for item in iam.list_attached_role_policies(RoleName=ROLE_NAME)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=ROLE_NAME, PolicyArn=item["PolicyArn"])
    for name in iam.list_role_policies(RoleName=ROLE_NAME)["PolicyNames"]:
        iam.delete_role_policy(RoleName=ROLE_NAME, PolicyName=name)


@pytest.mark.crds
def test_what_the_administrator_of_b_pastes_is_what_verify_waits_for(abroad: Abroad) -> None:
    world, b = abroad.world, abroad.account
    world.install("--service", "sagemaker")
    run = world.acksm("carm", "setup", "--target-account", b, "--print", "-y", "-o", "json").ok()
    assert complaints(run.data) == []
    name = abroad.namespace("production")
    world.acksm("carm", "bind", name, "--target-account", b).ok()
    assert world.acksm("carm", "verify", name, "--live").exit_code == 3
    for line in run.data["result"]["commands"]:
        words = shlex.split(line)[2:]
        options = {word: words[index + 1] for index, word in enumerate(words) if word.startswith("--")}
        params: dict[str, Any] = {_camel(key): value for key, value in options.items() if key != "--tags"}
        if "--tags" in words:
            pairs = [item.split(",") for item in words[words.index("--tags") + 1 :]]
            params["Tags"] = [{"Key": one[4:], "Value": other[6:]} for one, other in pairs]
        getattr(abroad.iam, words[0].replace("-", "_"))(**params)
    world.acksm("carm", "verify", name, "--live").ok()
    assert "up to date" in abroad.setup().ok().stderr  # the same role that setup would have made


def _camel(option: str) -> str:
    words = option.removeprefix("--").split("-")
    return "".join("AWS" if word == "aws" else word.capitalize() for word in words)


@pytest.mark.crds
def test_roles_that_cannot_be_used_are_refused_before_the_first_write(abroad: Abroad) -> None:
    world, b = abroad.world, abroad.account
    world.install("--service", "sagemaker")
    setup = ("carm", "setup", "--target-account")
    theirs = {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole"}
    abroad.iam.create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument=json.dumps({"Statement": [theirs]}))
    with world.requests() as refused:
        run = abroad.setup()
        assert run.error_id == "carm-role-not-ours"
        assert abroad.own_role in run.stderr  # the diff
        assert world.acksm(*setup, b).error_id == "carm-target-access"
        assert world.acksm(*setup, b[1:], "--target-profile", abroad.profile).error_id == "config-invalid"
        assert world.acksm(*setup, "222222222222", "--target-profile", abroad.profile).error_id == "carm-target-account"
        assert world.acksm(*setup, world.account, "--target-profile", abroad.profile).error_id == "carm-own-account"
        both = ("--target-profile", abroad.profile, "--target-role-arn", abroad.role)
        assert world.acksm(*setup, b, *both).error_id == "carm-target-access"
        assert world.acksm(*setup, b, "--target-role-arn", "x").error_id == "carm-role-arn"
        assert world.acksm(*setup, b, "--target-role-arn", abroad.role).error_id == "aws-access-denied"
        assert world.acksm(*setup, b, "--target-profile", "nobody").error_id == "aws-profile-unknown"
    assert refused.writes == []
    assert abroad.trust()["Statement"] == [theirs]
    abroad.set_trust(
        {
            "Effect": "Allow",
            "Principal": {"AWS": abroad.own_role},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "x"}},
        }
    )
    assert abroad.setup("--adopt-target-role").error_id == "carm-external-id"
    abroad.set_trust(theirs)
    abroad.setup("--adopt-target-role").ok()
    assert len(abroad.trust()["Statement"]) == 2
    assert "up to date" in abroad.setup().ok().stderr


@pytest.mark.crds
def test_b_is_reached_by_a_role_too(abroad: Abroad) -> None:
    world = abroad.world
    world.install("--service", "sagemaker")
    admin = f"arn:aws:iam::{world.account}:user/practice-admin"
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": admin}, "Action": "sts:AssumeRole"}]}
    abroad.iam.create_role(RoleName="admin", AssumeRolePolicyDocument=json.dumps(trust))
    abroad.iam.attach_role_policy(RoleName="admin", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    role = f"arn:aws:iam::{abroad.account}:role/admin"
    world.acksm("carm", "setup", "--target-account", abroad.account, "--target-role-arn", role, "-y").ok()
    assert abroad.trust()["Statement"][0]["Principal"] == {"AWS": abroad.own_role}
    name = abroad.namespace("production")
    world.acksm("carm", "bind", name, "--target-account", abroad.account).ok()
    world.acksm("carm", "verify", name, "--target-role-arn", role).ok()


@pytest.mark.crds
def test_people_who_bind_at_once_lose_nothing_and_other_peoples_keys_stay(
    abroad: Abroad, forks: Forks, tmp_path: Path
) -> None:
    world = abroad.world
    world.install("--service", "sagemaker")
    theirs = {"222222222222": "arn:aws:iam::222222222222:role/by-hand"}
    world.kube.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": MAP, "namespace": world.namespace, "labels": {"team": "x"}},
            "data": theirs,
        }
    )
    names = [abroad.namespace(f"team-{n}", region="kept") for n in range(6)]
    accounts = [f"{n:012d}" for n in range(3, 9)]
    # each waits for the others, and plans again when they have changed the map
    orders = [
        Order(("carm", "bind", name, "--target-account", account, "--lock-timeout", "10m"))
        for name, account in zip(names, accounts, strict=True)
    ]
    for done in forks.together(orders, os.environ | world.variables, tmp_path):
        assert done.code == 0, done
    role = "arn:aws:iam::{}:role/" + ROLE_NAME
    assert abroad.map() == theirs | {account: role.format(account) for account in accounts}
    for name, account in zip(names, accounts, strict=True):
        assert abroad.annotations(name)[OWNER] == account
        assert abroad.annotations(name)[MARK + "region"] == "kept"
    world.acksm("carm", "unbind", *names).ok()
    assert abroad.map() == theirs
    live = world.kube.get(ref("ConfigMap", MAP, world.namespace)) or {}
    assert live["metadata"]["labels"] == {"team": "x"}
    # a key whose value became a third one meanwhile is told, on the real apiserver too
    with pytest.raises(Exception, match="changed from None to"):
        set_keys(world.kube, "ConfigMap", MAP, {"222222222222": [None, "x"]}, field=DATA, namespace=world.namespace)


@pytest.fixture
def elsewhere(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Abroad]:
    """A cluster that is thrown away: to delete five hundred namespaces would keep the worker's own busy for minutes."""
    name = f"{world.cluster}-many"
    api.add_cluster(world.state, name, world.account)
    own = World(api.require(NAME), name, world.account, namespace="ack-system")
    own.variables = api.environment(NAME, name)
    for key, value in own.variables.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("ACKSM_CONTROLLER_NAMESPACE")
    yield Abroad.open(own)
    api.remove_cluster(world.state, name)


def test_five_hundred_namespaces_cost_what_changes(elsewhere: Abroad, tmp_path: Path) -> None:
    abroad, world, b = elsewhere, elsewhere.world, elsewhere.account
    names = [f"team-{n}" for n in range(500)]
    world.install("--service", "sagemaker")
    file = tmp_path / "many.yaml"

    def declare(region: str, some: int) -> str:
        lines = [
            f'  {name}: {{region: {region if n < some else "us-east-1"}, account: "{b}"}}'
            for n, name in enumerate(names)
        ]
        file.write_text(f'accounts: {{"{b}": {{role-arn: "{abroad.role}"}}}}\nnamespaces:\n' + "\n".join(lines))
        return str(file)

    run = world.acksm("region", "bind", "-f", declare("us-east-1", 500), "--create-namespace").ok()
    assert run.stderr.count("✓") == 1001  # each namespace created, each bound, as it happens; then the sum
    world.acksm("carm", "bind", "-f", str(file)).ok()
    assert {abroad.annotations(name)[OWNER] for name in names[::50]} == {b}
    for command in ("region", "carm"):
        with world.requests() as nothing:
            assert "up to date" in world.acksm(command, "bind", "-f", str(file)).ok().stderr
        assert nothing.writes == []
        assert len(nothing.kube) < 20
    with world.requests() as three:
        world.acksm("region", "bind", "-y", "-f", declare("eu-west-1", 3)).ok()
    assert len(three.writes) == 3
    assert len(three.kube) < 130  # objects of three namespaces are looked at, kind by kind
    rows = {row["namespace"]: row["region"] for row in world.acksm("region", "list", "-o", "json").ok().data["regions"]}
    assert [rows[name] for name in names[:4]] == ["eu-west-1"] * 3 + ["us-east-1"]
    listed = world.acksm("carm", "list", "-o", "json").data["bindings"]
    assert {row["namespace"] for row in listed} >= set(names)


@pytest.mark.crds
def test_teams_and_services_have_keys_of_their_own(abroad: Abroad) -> None:
    world, b = abroad.world, abroad.account
    world.install("--service", "sagemaker")
    name, other = abroad.namespace("team"), abroad.namespace("service")
    team = ("carm", "bind", name, "--team", "team-a", "--assume-role-arn", abroad.role)
    service = ("carm", "bind", other, "--target-account", b, "--for-service", "sagemaker")
    assert world.acksm(*team).error_id == "carm-gate-off"
    assert world.acksm(*service).error_id == "carm-gate-off"
    world.install(
        "--service",
        "sagemaker",
        "--set",
        "featureGates.TeamLevelCARM=true",
        "--set",
        "featureGates.ServiceLevelCARM=true",
    )
    abroad.setup().ok()
    world.acksm(*team).ok()
    world.acksm(*service).ok()
    assert abroad.map("ack-role-team-map") == {"team-a": abroad.role}
    assert abroad.map() == {f"sagemaker.{b}": abroad.role}
    things = [abroad.model(name, "of-team"), abroad.model(other, "of-service")]
    assert [abroad.located(thing)["ownerAccountID"] for thing in things] == [b, b]
    world.acksm("carm", "verify", name, other, "--live").ok()
    assert world.acksm("carm", "bind", name, "--target-account", b).error_id == "carm-team-wins"
    for thing in things:
        abroad.delete(thing)
    world.acksm("carm", "unbind", name, other).ok()
    assert (abroad.map(), abroad.map("ack-role-team-map")) == (None, None)
