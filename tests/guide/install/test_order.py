"""The order of the whole plan: what needs something comes after it, what needs nothing of each other side by side."""

from __future__ import annotations

from itertools import chain

from hypothesis import given, strategies as st

from acksm.ack import charts
from acksm.engine.change import Change, Op, Plan
from acksm.guide.install import command as install
from acksm.guide.install.controllers import Planned

ROLE = "arn:aws:iam::012345678901:role/r"


def change(id: str, lane: str = "", target: str = "") -> Change:
    op = Op.WAIT if id == "release.ready" else Op.CREATE
    return Change(
        id=id, step=id.partition(".")[0], op=op, system="x", target=target or id, call="x", params={}, lane=lane
    )


def crd(number: int) -> Change:
    return change("crds.create", f"crds-{number % 4}", f"CustomResourceDefinition c{number}")


def release(service: str) -> list[Change]:
    return [change("release.install", service, service), change("release.ready", service, service)]


@given(
    st.lists(st.sampled_from(["oidc.create", "iam-role.create", "iam-role.attach"]), unique=True),
    st.integers(0, 2),
    st.integers(0, 9),
    st.lists(st.sampled_from(charts.SERVICES), unique=True),
)
def test_releases_come_after_the_role_and_after_every_crd_is_served(
    iam: list[str], namespaces: int, crds: int, services: list[str]
) -> None:
    planned = Planned(
        namespaces=[change("namespace.create") for _ in range(namespaces)],
        crds=[crd(number) for number in range(crds)],
        releases=list(chain.from_iterable(map(release, services))),
    )
    ordered = install._ordered([change(name) for name in iam], planned, ROLE)
    stages = Plan("x", tuple(ordered)).stages()
    flat = [{item.id for lane in stage for item in lane} for stage in stages]
    first_release = next((index for index, ids in enumerate(flat) if "release.install" in ids), len(flat))
    before, after = set().union(*flat[:first_release]), set().union(*flat[first_release:])
    assert after <= {"release.install", "release.ready"}
    assert ("iam.visible" in before) is bool(iam)
    assert ("crds.established" in before) is bool(crds)
    # a wait comes when all that it waits for is done: the CRDs in stages before its own, the role before it in its lane
    for index, ids in enumerate(flat):
        if "crds.established" in ids:
            assert len(ids) == 1
            assert "crds.create" not in set().union(*flat[index:])
    role = [name for name in iam if name.startswith("iam-role")]
    for index, stage in enumerate(stages):
        for lane in stage:
            names = [item.id for item in lane]
            if "iam.visible" in names:
                assert names[-1] == "iam.visible"
                assert not set(role) - set(names) - set().union(*flat[:index])
    # IAM keeps its own order, and nothing is lost or doubled
    assert [item.id for item in ordered if item.id in iam] == iam
    waits = {"iam.visible", "crds.established"}
    assert len([item for item in ordered if item.id not in waits]) == len(iam) + namespaces + crds + 2 * len(services)
    if len(services) == 2:
        assert len(stages[-1]) == 2  # both services side by side
    if iam and crds:
        assert any({*iam, "crds.create"} <= ids for ids in flat)  # and IAM beside the CRDs


def test_the_wait_for_crds_names_them_all() -> None:
    (wait,) = [
        item for item in install._ordered([], Planned(crds=[crd(1), crd(2)]), ROLE) if item.id == "crds.established"
    ]
    assert (wait.params, wait.op, wait.lane) == ({"names": ["c1", "c2"]}, Op.WAIT, "")
