"""A few steps of tests/guide/test_world_machine.py on real parts: the apiserver, helm and moto hold what memory did.

Each life begins with an empty cluster and account and ends with a cleanup, after which both are as they were.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

import snapshot
from acksm.kube.paths import ref
from world import World

ONE = ("--service", "sagemaker")
OPTIONS = [(), ("--set", "log.level=debug"), ("--version", "sagemaker=1.4.1"), ("--version", "sagemaker=1.9.1")]
FEW = settings(
    max_examples=1,
    stateful_step_count=6,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    verbosity=Verbosity.quiet,
)
MANY = settings(FEW, max_examples=8, stateful_step_count=10, derandomize=False)


class Life(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.installed = world, False

    @initialize()
    def empty(self) -> None:
        self.world.reset()
        snapshot.settled(self.world)
        for name, value in self.world.variables.items():
            self.set(name, value)
        self.space = f"life-{self.world.count}"
        self.world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.space}})
        self.before = snapshot.whole(self.world, [self.world.account])

    set: Callable[[str, str], None]

    @rule(more=st.sampled_from(OPTIONS))
    def install(self, more: tuple[str, ...]) -> None:
        self.world.install(*ONE, *more)
        with self.world.requests() as again:
            assert "up to date" in self.world.acksm("install", *ONE, *more).ok().stderr
        assert again.writes == []
        self.installed = True

    @rule(argv=st.sampled_from([("install", *ONE), ("cleanup", "--all"), ("oidc",)]))
    def plan(self, argv: tuple[str, ...]) -> None:
        with self.world.requests() as seen:
            self.world.acksm(*argv, "--dry-run").ok()
        assert seen.writes == []

    @precondition(lambda self: self.installed)
    @rule(region=st.sampled_from(["eu-west-1", ""]))
    def bind(self, region: str) -> None:
        argv = ("bind", self.space, region, "-y") if region else ("unbind", self.space, "-y")
        self.world.acksm("region", *argv).ok()
        with self.world.requests() as again:
            self.world.acksm("region", *argv).ok()
        assert again.writes == []

    @precondition(lambda self: self.installed)
    @rule(what=st.sampled_from(["deployment", "trust", "policy", "crd"]))
    def break_it(self, what: str) -> None:
        world, iam = self.world, self.world.aws("iam")
        name = f"ack-controller-role-{world.cluster}"
        if what == "deployment":
            for one in world.objects("Deployment"):
                world.kube.delete(ref("Deployment", one, world.namespace))
        elif what == "crd":
            world.kube.delete(ref("CustomResourceDefinition", "models.sagemaker.services.k8s.aws"))
        elif what == "trust":
            document = json.dumps(world.role()["AssumeRolePolicyDocument"])
            elsewhere = document.replace(f":{world.namespace}:", ":elsewhere:")
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=elsewhere)
        else:
            for one in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=name, PolicyArn=one["PolicyArn"])

    def teardown(self) -> None:
        if hasattr(self, "before"):
            self.world.acksm("cleanup", "--all", "--confirm", self.world.cluster).ok()
            after = snapshot.whole(self.world, [self.world.account])
            linked = [line for line in snapshot.difference(self.before, after) if "aws-service-role" not in line]
            assert linked == []


@pytest.mark.parametrize("many", [False, pytest.param(True, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_lives_on_real_parts(many: bool, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    Life.set = staticmethod(monkeypatch.setenv)
    life: Any = lambda: Life(world)  # noqa: E731 (a class is expected, and called)
    run_state_machine_as_test(life, settings=MANY if many else FEW)
