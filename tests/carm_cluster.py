"""What the tests of bindings share: controllers, a wish, and a plan carried out on a cluster in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acksm.engine.change import Change, Plan
from acksm.engine.executor import execute
from acksm.guide.carm import command as carm, role_map
from acksm.guide.carm.role_map import Subject
from acksm.live import bindings
from acksm.live.bindings import ManagedObject
from acksm.live.running import Running
from memory_kube import MemoryKube

OWN, B, C = "000000000001", "011111111111", "222222222222"
ROLE = "arn:aws:iam::{}:role/SagemakerCrossAccountAccess"
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")


def running(service: str = "sagemaker", version: str = "1.9.1", namespace: str = "ack-system", **more: Any) -> Running:
    role = f"arn:aws:iam::{OWN}:role/ack-controller-role-demo"
    base = Running(service, namespace, f"ack-{service}-controller", f"ack-{service}", version, f"ack-{service}", role)
    return Running(**{**base.__dict__, **more})


BOTH = (running(), running("applicationautoscaling", "1.4.1"))


def account(number: str) -> Subject:
    return Subject(carm.ACCOUNT, number)


def desired(
    bound: Mapping[str, Subject], roles: Mapping[Subject, Mapping[str, str]] | None = None, **more: Any
) -> carm.Desired:
    asked: dict[Subject, Mapping[str, str]] = {subject: {"": ""} for subject in bound.values()}
    return carm.Desired(bound, asked | dict(roles or {}), OWN, "aws", PARTITIONS, **more)


def observed(kube: MemoryKube, found: Sequence[Running] = BOTH, objects: Sequence[ManagedObject] = ()) -> carm.Observed:
    real = kube
    maps = role_map.observe(real, {item.namespace for item in found})
    return carm.Observed(found, bindings.observe(real), maps, objects)


def dispatch(kube: MemoryKube) -> dict[str, Any]:
    real = kube
    done = {"controller.await_ready": lambda **_: None, "kube.restart": lambda **_: None}
    return {**bindings.kube_calls(real), **role_map.calls(real), **done}


def apply_plan(kube: MemoryKube, changes: Sequence[Change]) -> None:
    """One after another, so that a schedule of requests is the same every time."""
    for change in changes:
        execute(Plan("test", (change,)), dispatch(kube))


def bind(kube: MemoryKube, bound: Mapping[str, Subject], found: Sequence[Running] = BOTH, **more: Any) -> None:
    apply_plan(kube, carm.plan(observed(kube, found), desired(bound, **more)).changes)


def unbind(kube: MemoryKube, names: Sequence[str], found: Sequence[Running] = BOTH) -> None:
    apply_plan(kube, carm.plan_unbind(observed(kube, found), names, OWN).changes)


def state(kube: MemoryKube) -> dict[str, Any]:
    """Annotations of namespaces and data of maps, without versions."""
    found = {}
    for path, item in kube.objects.items():
        is_map = item["kind"] == "ConfigMap"
        found[path] = dict(item.get("data") or {}) if is_map else dict(item["metadata"].get("annotations") or {})
    return found
