"""Status: whether AWS lets the controllers have their role, and what is where no controller of it is. Pure."""

from __future__ import annotations

import re

import pytest

from acksm.aws.documents import Role
from acksm.guide.identity import oidc
from acksm.guide.install.standing import broken, elsewhere, of_cluster
from acksm.guide.install.status import Compared, Row, _healthy
from acksm.live.bindings import REGION, Namespace
from acksm.live.discovery import Controllers
from acksm.live.inventory import Inventory, Item
from carm_cluster import BOTH, running
from doctor_facts import PROVIDER, SUBJECT, item, role

WELL = oidc.Observed(PROVIDER, ("sts.amazonaws.com",))
GOING = item(terminating=True, finalizers=("finalizers.sagemaker.services.k8s.aws/Model",))
GOOD = Row("sagemaker", True, "1.9.1", "deployed", "cluster", "", True, True, ())
NONE = Row("applicationautoscaling", False, "", "", "", "", False, False, ())
OF_TEAM_A = running(watched=("team-a",))


@pytest.mark.parametrize(
    ("found", "provider", "words"),
    [
        (role(SUBJECT), WELL, ""),
        (None, WELL, "does not exist"),
        (role("system:serviceaccount:x:y"), WELL, "its trust policy does not allow"),
        (role(SUBJECT), oidc.Observed(PROVIDER), "OIDC provider"),
        (role(SUBJECT), oidc.Observed(PROVIDER, ("other",)), "lacks audience"),
    ],
)
def test_what_stops_the_pods_within_the_hour(found: Role | None, provider: oidc.Observed, words: str) -> None:
    assert re.search(words, broken(found, provider, SUBJECT)) if words else broken(found, provider, SUBJECT) == ""


def inventory(*items: Item, own: tuple[object, ...] = BOTH, others: tuple[object, ...] = ()) -> Inventory:
    spaces = {"team": Namespace("team"), "far": Namespace("far", {REGION: "eu-west-1"})}
    return Inventory(items, (), {}, Controllers(own, others), spaces)  # type: ignore[arg-type]


def test_what_waits_for_a_controller_that_does_not_watch_it() -> None:
    assert list(of_cluster(inventory(GOING))) == []
    stuck, ignored = of_cluster(inventory(GOING, own=(OF_TEAM_A,)))
    assert "Terminating" in stuck.text
    assert stuck.remedy == "acksm install --add-watch-namespace team"
    assert "namespace far" in ignored.text
    assert ignored.remedy == "acksm install --add-watch-namespace far"
    (alone,) = of_cluster(inventory(GOING, own=()))  # where none is installed nothing is ignored yet
    assert alone.remedy == "acksm install"


def test_controllers_and_objects_elsewhere_are_notes() -> None:
    assert list(elsewhere(inventory(item()), "ack-system")) == []
    far = running(namespace="ml-ack")
    assert list(elsewhere(inventory(own=(), others=(far,)), "ack-system")) == [
        "sagemaker is found in ml-ack: use -n ml-ack"
    ]
    (rival,) = elsewhere(inventory(others=(far,)), "ack-system")
    assert "reconcile the same objects" in rival
    (alone,) = elsewhere(inventory(item(), own=(OF_TEAM_A,)), "ack-system")
    assert alone == "1 object that no controller watches: Model team/m"


def test_health_is_known_or_it_is_not_said() -> None:
    assert _healthy([GOOD], Compared()) is True
    assert _healthy([GOOD], Compared(unknown="registry-unreachable: x")) is None
    assert _healthy([GOOD, NONE], Compared()) is False
    assert _healthy([GOOD, NONE], Compared(unknown="registry-unreachable: x")) is False
