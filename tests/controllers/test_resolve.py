"""Account, role, region and deletion policy: the order of the sources, by release.

docs/ack/accounts-and-regions.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from acksm.sandbox.controllers.standin import resolve
from acksm.sandbox.controllers.standin.flags import Config
from acksm.sandbox.controllers.standin.resolve import Caches, NoRoleError, Resolved, ResolveError
from acksm.sandbox.controllers.standin.versions import Release, release

A, B = "012345678901", "111111111111"
ROLE_B = f"arn:aws:iam::{B}:role/r"
P = "services.k8s.aws/"
NEW, BEFORE_WAITING, FIRST_WAITING = (release("sagemaker", tag) for tag in ("1.9.1", "1.2.7", "1.2.8"))


def obj(annotations: dict[str, str] | None = None, **metadata: str) -> dict[str, Any]:
    return {
        "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
        "kind": "Model",
        "metadata": {"namespace": "n", "name": "m", "annotations": annotations or {}},
        "status": {"ackResourceMetadata": metadata},
    }


def caches(accounts: dict[str, str] | None = None, **annotations: str) -> Caches:
    named = {f"{P}{key.replace('_', '-')}": value for key, value in annotations.items()}
    return Caches(annotations={"n": named}, accounts=accounts)


def config(**more: Any) -> Config:
    return Config(region="us-west-2", **more)


def account(thing: dict[str, Any], known: Caches, which: Release = NEW, settings: Config | None = None) -> Resolved:
    return resolve.account(thing, known, settings or config(), A, which)


def test_without_annotations_it_is_the_controllers_own() -> None:
    assert account(obj(), caches()) == Resolved(A, "")
    assert account(obj(ownerAccountID=A), caches()) == Resolved(A, "")


def test_the_account_is_that_of_the_role() -> None:
    assert account(obj(), caches({"team-x": ROLE_B}, owner_account_id="team-x")) == Resolved(B, ROLE_B)
    older = release("sagemaker", "1.4.1")
    assert account(obj(), caches({"team-x": ROLE_B}, owner_account_id="team-x"), older) == Resolved("team-x", ROLE_B)


@pytest.mark.parametrize(
    ("accounts", "new", "old"),
    [
        (None, "CARM configmap not found", "CARM configmap not found"),
        ({}, "key not found in CARM configmap", "account ID not found in CARM configmap"),
        ({B: ""}, "role value is empty in CARM configmap", "role ARN is empty in CARM configmap"),
    ],
)
def test_a_missing_role_is_waited_for_since_runtime_0_31(accounts: dict[str, str] | None, new: str, old: str) -> None:
    known = caches(accounts, owner_account_id=B)
    with pytest.raises(NoRoleError) as caught:
        account(obj(), known)
    assert (
        str(caught.value)
        == f'retrieving role ARN for account/team ID "{B}" from "ack-role-account-map" configmap: {new}'
    )
    with pytest.raises(NoRoleError) as caught:
        account(obj(), known, FIRST_WAITING)
    assert str(caught.value) == f"unable to retrieve role ARN for account {B}: {old}"
    # before, the object silently lands in the controller's own account
    assert account(obj(), known, BEFORE_WAITING) == Resolved(B, "")


def test_namespace_and_status_change_places_at_runtime_0_36() -> None:
    known = caches({A: "arn:aws:iam::012345678901:role/own", B: ROLE_B}, owner_account_id=B)
    assert account(obj(ownerAccountID="222222222222"), known) == Resolved(B, ROLE_B)
    with pytest.raises(NoRoleError, match="222222222222"):
        account(obj(ownerAccountID="222222222222"), known, FIRST_WAITING)


def test_carm_off_believes_the_status_and_assumes_nothing() -> None:
    settings = config(carm=False)
    assert account(obj(), caches({B: ROLE_B}, owner_account_id=B), NEW, settings) == Resolved(A, "")
    assert account(obj(ownerAccountID=B), caches({B: ROLE_B}), NEW, settings) == Resolved(B, "")


def test_in_one_namespace_annotations_do_not_count_and_other_accounts_objects_wait_for_ever() -> None:
    settings = config(watch=["n"])
    assert account(obj(), caches({B: ROLE_B}, owner_account_id=B), NEW, settings) == Resolved(A, "")
    with pytest.raises(NoRoleError, match="CARM configmap not found"):
        account(obj(ownerAccountID=B), Caches(), NEW, settings)


def test_service_and_team_keys_need_their_gates() -> None:
    other = "arn:aws:iam::333333333333:role/s"
    known = Caches(
        annotations={"n": {f"{P}owner-account-id": B, f"{P}team-id": "t"}},
        accounts={B: ROLE_B, f"sagemaker.{B}": other},
        teams={"t": "arn:aws:iam::444444444444:role/t"},
    )
    assert account(obj(), known).role == ROLE_B
    assert account(obj(), known, NEW, config(gates={"ServiceLevelCARM": True})).account == "333333333333"
    assert account(obj(), known, NEW, config(gates={"TeamLevelCARM": True})).account == "444444444444"
    lacking = Caches(annotations=known.annotations, accounts=known.accounts, teams={})
    with pytest.raises(NoRoleError, match="ack-role-team-map"):
        account(obj(), lacking, NEW, config(gates={"TeamLevelCARM": True}))


def test_a_value_that_is_no_arn_only_reaches_the_log() -> None:
    with pytest.raises(ResolveError, match="parsing role ARN"):
        account(obj(), caches({B: "nonsense"}, owner_account_id=B))


def _selector(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"arn": ROLE_B, **spec}}


def test_role_selectors() -> None:
    settings = config(carm=False, gates={"IAMRoleSelector": True})
    mine = _selector("mine", namespaceSelector={"names": ["n"]})
    known = Caches(selectors=[mine, _selector("other", namespaceSelector={"names": ["x"]})])
    assert account(obj(), known, NEW, settings) == Resolved(B, ROLE_B, mine)
    assert account(obj(), Caches(), NEW, settings) == Resolved(A, "")
    with pytest.raises(ResolveError, match=r"multiple \(2\) matching IAMRoleSelectors found"):
        account(obj(), Caches(selectors=[mine, _selector("all")]), NEW, settings)


@pytest.mark.parametrize(
    ("spec", "matches"),
    [
        ({}, True),
        ({"namespaceSelector": {"names": [], "labelSelector": {"matchLabels": {"team": "a"}}}}, True),
        ({"namespaceSelector": {"names": ["n"], "labelSelector": {"matchLabels": {"team": "b"}}}}, False),
        ({"resourceTypeSelector": [{"group": "", "version": "", "kind": "Model"}]}, True),
        ({"resourceTypeSelector": [{"group": "", "version": "v2", "kind": ""}]}, False),
        ({"resourceLabelSelector": {"matchLabels": {"x": "y"}}}, False),
    ],
)
def test_what_a_selector_matches(spec: dict[str, Any], matches: bool) -> None:
    assert resolve.selects(_selector("s", **spec), obj(), {"team": "a"}, NEW) is matches
    if "resourceLabelSelector" in spec:  # in the CRD before it is honoured
        assert resolve.selects(_selector("s", **spec), obj(), {}, release("sagemaker", "1.7.0"))


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"arn": ""}, "ARN cannot be empty"),
        ({"arn": "role/x"}, "invalid ARN"),
        ({"namespaceSelector": {"names": ["a", "a"]}}, "duplicate namespace name: a"),
        ({"resourceTypeSelector": [{"kind": ""}]}, "at least one of group, version, or kind"),
        ({"resourceTypeSelector": [{"kind": "A"}, {"kind": "A"}]}, "duplicate resource type selector"),
        ({}, ""),
    ],
)
def test_selectors_that_are_not_taken(spec: dict[str, Any], why: str) -> None:
    told = resolve.invalid_selector(_selector("s", **spec))
    assert why in told
    assert bool(told) == bool(why)


def test_the_order_of_regions() -> None:
    known = caches(default_region="eu-west-1")
    mine = {f"{P}region": "us-east-1"}
    assert resolve.region(obj(mine, region="ap-south-1"), known, config(), NEW) == "ap-south-1"
    assert resolve.region(obj(mine), known, config(), NEW) == "us-east-1"
    assert resolve.region(obj(), known, config(), NEW) == "eu-west-1"
    assert resolve.region(obj(), caches(region="eu-west-1"), config(), NEW) == "us-west-2"
    # before runtime 0.18 the status does not count
    assert resolve.region(obj(mine, region="ap-south-1"), known, config(), release("sagemaker", "0.2.0")) == "us-east-1"


def test_the_order_of_deletion_policies() -> None:
    known = Caches(annotations={"n": {f"sagemaker.{P}deletion-policy": "retain"}})
    assert resolve.deletion_policy(obj(), known, config(), NEW) == "retain"
    assert resolve.deletion_policy(obj({f"{P}deletion-policy": "delete"}), known, config(), NEW) == "delete"
    assert resolve.deletion_policy(obj(), Caches(), config(deletion_policy="retain"), NEW) == "retain"
    assert resolve.deletion_policy(obj(), known, config(), release("sagemaker", "0.2.0")) == "delete"
