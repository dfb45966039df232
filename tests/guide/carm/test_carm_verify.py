"""Every link of the chain, broken one at a time: exactly that one is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from acksm.engine.checks import Check, State, worst
from acksm.errors import AcksmError
from acksm.guide.carm import command as carm, trust as carm_trust, verify
from acksm.guide.carm.evidence import Evidence
from acksm.guide.carm.role_map import ACCOUNT_MAP, TEAM_MAP, Map
from acksm.guide.carm.role_selector import binding_selector
from acksm.guide.identity.judged import Judged, Verdict
from acksm.live.bindings import OBJECT_REGION, OWNER, REGION, TEAM, Namespace
from acksm.live.role_selectors import Selector
from acksm.live.running import CARM, SELECTOR
from carm_cluster import OWN, PARTITIONS, ROLE, B, C, running

CONTROLLER = running()
OWN_ROLE, FAR = CONTROLLER.role_arn, ROLE.format(B)
WHERE = ("ack-system", ACCOUNT_MAP)
YES = Judged(Verdict.YES)


def role(trust: Any = None, **more: Any) -> dict[str, Any]:
    return {"trust": trust or {}, "attached": ["x"], "inline": {}, "boundary": "", **more}


def whole(**more: Any) -> Evidence:
    """Everything holds: namespace production, account B, credentials of B."""
    maps = {WHERE: Map(*WHERE, {B: FAR}), ("ack-system", TEAM_MAP): Map("ack-system", TEAM_MAP)}
    spaces = {"production": Namespace("production", {OWNER: B, REGION: "eu-west-1"})}
    base = Evidence(
        carm.Observed((CONTROLLER,), spaces, maps),
        CARM,
        "aws",
        PARTITIONS,
        own_roles={OWN_ROLE: role()},
        allowed={(OWN_ROLE, FAR): YES},
        target_roles={FAR: role(carm_trust.merge_trust(None, [OWN_ROLE], False, carm_trust.SID))},
        regions={"sagemaker": ["eu-west-1"], "applicationautoscaling": ["eu-west-1"]},
    )
    return replace(base, **more)


def with_controller(**more: Any) -> Evidence:
    start = whole()
    changed = running(**more)
    return replace(start, observed=replace(start.observed, running=(changed,)))


def with_annotations(**annotations: str) -> Evidence:
    start = whole()
    keys = {"owner": OWNER, "region": REGION, "team": TEAM, "wrong": OBJECT_REGION}
    found = {keys[key]: value for key, value in annotations.items()}
    return replace(start, observed=replace(start.observed, namespaces={"production": Namespace("production", found)}))


def with_map(data: dict[str, str] | None) -> Evidence:
    start = whole()
    maps = {**start.observed.maps, WHERE: Map(*WHERE, data)}
    return replace(start, observed=replace(start.observed, maps=maps))


def with_trust(statement: Any, **more: Any) -> Evidence:
    return whole(target_roles={FAR: role({"Statement": statement})}, **more)


def trusted(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": OWN_ROLE}, "Action": "sts:AssumeRole", **more}


def broken(evidence: Evidence) -> list[str]:
    (chain,) = verify.chains(evidence, ["production"])
    checks = [*chain.checks, *verify.maps(evidence)]
    return [check.id for check in checks if check.state is State.FAILED]


def test_a_whole_chain_holds() -> None:
    (chain,) = verify.chains(whole(), ["production"])
    assert {check.state for check in chain.checks} == {State.OK}
    assert (chain.assumable, chain.roles) == ("yes", {"sagemaker": FAR})
    assert {check.id for check in chain.checks} == {
        f"check.carm-{link}"
        for link in (
            *("annotation", "watched", "region", "scope", "version", "controller-role"),
            *("map", "map-value", "policy", "role", "trust", "permissions"),
        )
    }


BREAKS: dict[str, tuple[Callable[[], Evidence], list[str]]] = {
    "no annotation": (lambda: with_annotations(), ["check.carm-annotation"]),
    "a digit lost": (lambda: with_annotations(owner=B[1:]), ["check.carm-annotation", "check.carm-map"]),
    "not a key": (lambda: with_annotations(owner="a b"), ["check.carm-annotation", "check.carm-map"]),
    "another account": (lambda: with_annotations(owner=C), ["check.carm-map"]),
    "not watched": (lambda: with_controller(watched=("other", "third")), ["check.carm-watched"]),
    "one namespace": (lambda: with_controller(watched=("production",)), ["check.carm-scope"]),
    "enableCARM off": (lambda: with_controller(enable_carm=False), ["check.carm-scope"]),
    "old": (lambda: with_controller(version="1.2.4"), ["check.carm-version"]),
    "no role": (lambda: with_controller(role_arn=""), ["check.carm-controller-role"]),
    "role gone": (lambda: whole(own_roles={OWN_ROLE: None}), ["check.carm-controller-role"]),
    "no map": (lambda: with_map(None), ["check.carm-map"]),
    "no entry": (lambda: with_map({C: FAR}), ["check.carm-map"]),
    "empty entry": (lambda: with_map({B: ""}), ["check.carm-map-value"]),
    "entry is a number": (lambda: with_map({B: "111111111111"}), ["check.carm-map-value"]),
    "entry is YAML": (lambda: with_map({B: f"roleARN: {FAR}\n"}), ["check.carm-map-value"]),
    "entry of another account": (lambda: with_map({B: ROLE.format(C)}), ["check.carm-map-value"]),
    "entry with a line end": (lambda: with_map({B: FAR + "\n"}), ["check.carm-map-value"]),
    "key was a number": (lambda: with_map({B: FAR, "11111111111": FAR}), ["check.carm-map-key"]),
    "key was a float": (lambda: with_map({B: FAR, "1.11111111111e+11": FAR}), ["check.carm-map-key"]),
    "service key was a number": (lambda: with_map({B: FAR, "sagemaker.1": FAR}), ["check.carm-map-key"]),
    "policy": (lambda: whole(allowed={(OWN_ROLE, FAR): Judged(Verdict.NO)}), ["check.carm-policy"]),
    "policy denies": (lambda: whole(allowed={(OWN_ROLE, FAR): Judged(Verdict.NO, "denied")}), ["check.carm-policy"]),
    "role of B": (lambda: whole(target_roles={FAR: None}), ["check.carm-role"]),
    "trust": (lambda: with_trust([trusted(Principal={"AWS": f"{OWN_ROLE}2"})]), ["check.carm-trust"]),
    "trust of a former role": (lambda: with_trust([trusted(Principal={"AWS": "AROAEXAMPLE"})]), ["check.carm-trust"]),
    "trust denies": (lambda: with_trust([trusted(), trusted(Effect="Deny")]), ["check.carm-trust"]),
    "external id": (
        lambda: with_trust([trusted(Condition={"StringEquals": {"sts:ExternalId": "x"}})]),
        ["check.carm-external-id"],
    ),
    "pod identity": (lambda: with_trust([trusted()], pod_identity=True), ["check.carm-tag-session"]),
    "no policies": (
        lambda: whole(target_roles={FAR: role({"Statement": trusted()}, attached=[])}),
        ["check.carm-permissions"],
    ),
    "region": (lambda: with_annotations(owner=B, region="mars-1"), ["check.carm-region"]),
    "live": (
        lambda: whole(proofs={(OWN_ROLE, FAR): AcksmError("aws-access-denied", "no")}),
        ["check.carm-live"],
    ),
    "service key without its gate": (lambda: with_map({f"sagemaker.{B}": FAR}), ["check.carm-gate", "check.carm-map"]),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_link_is_named_by_its_own_id(name: str) -> None:
    make, expected = BREAKS[name]
    assert broken(make()) == expected


UNJUDGED = {
    "a Deny with a condition": [
        trusted(),
        trusted(Effect="Deny", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
    ],
    "a Deny with NotAction": [
        trusted(),
        {"Effect": "Deny", "Principal": {"AWS": OWN_ROLE}, "NotAction": "sts:AssumeRole"},
    ],
    "a Deny with NotPrincipal": [
        trusted(),
        {"Effect": "Deny", "NotPrincipal": {"AWS": f"arn:aws:iam::{C}:role/x"}, "Action": "sts:AssumeRole"},
    ],
    "an Allow with a condition": [trusted(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-x"}})],
    "an Allow with NotAction": [{"Effect": "Allow", "Principal": {"AWS": OWN_ROLE}, "NotAction": "iam:*"}],
}


@pytest.mark.parametrize("name", UNJUDGED)
def test_a_trust_that_cannot_be_judged_is_unknown_until_the_role_is_really_assumed(name: str) -> None:
    evidence = with_trust(UNJUDGED[name])
    (chain,) = verify.chains(evidence, ["production"])
    (check,) = [one for one in chain.checks if one.id == "check.carm-trust"]
    assert (check.state, check.remedy) == (State.UNKNOWN, "acksm carm verify --live")
    assert chain.assumable == "unknown"
    (chain,) = verify.chains(replace(evidence, proofs={(OWN_ROLE, FAR): None}), ["production"])
    assert chain.assumable == "yes"


def test_a_policy_that_cannot_be_judged_is_unknown() -> None:
    doubtful = {(OWN_ROLE, FAR): Judged(Verdict.UNKNOWN, "a Deny with NotResource")}
    (chain,) = verify.chains(whole(allowed=doubtful), ["production"])
    (check,) = [one for one in chain.checks if one.state is not State.OK]
    assert (check.id, check.state) == ("check.carm-policy", State.UNKNOWN)
    assert "a Deny with NotResource" in check.text


def test_warnings_are_told_and_are_no_failure() -> None:
    evidence = with_annotations(owner=B, wrong="eu-west-1")
    (chain,) = verify.chains(evidence, ["production"])
    assert [check.id for check in chain.checks if check.state is State.WARNING] == ["check.region-annotation"]
    assert chain.assumable == "yes"
    (chain,) = verify.chains(with_controller(endpoint="http://x"), ["production"])
    assert [check.id for check in chain.checks if check.state is State.WARNING] == ["check.carm-endpoint"]


def test_without_credentials_of_b_nothing_is_claimed_and_the_real_thing_proves_it() -> None:
    (chain,) = verify.chains(whole(target_roles={}), ["production"])
    assert (chain.assumable, worst(chain.checks)) == ("unknown", State.UNKNOWN)
    (chain,) = verify.chains(whole(target_roles={}, proofs={(OWN_ROLE, FAR): None}), ["production"])
    assert chain.assumable == "yes"
    refused = whole(target_roles={}, proofs={(OWN_ROLE, FAR): AcksmError("aws-access-denied", "no")})
    (chain,) = verify.chains(refused, ["production"])
    assert chain.assumable == "no: check.carm-live"


def test_a_service_key_and_a_team_count_with_their_gates() -> None:
    gates = frozenset({"ServiceLevelCARM", "TeamLevelCARM"})
    start = with_map({f"sagemaker.{B}": FAR, B: ROLE.format(B) + "2"})
    evidence = replace(start, observed=replace(start.observed, running=(running(gates=gates),)))
    (chain,) = verify.chains(evidence, ["production"])
    assert chain.roles == {"sagemaker": FAR}
    team = with_annotations(owner=C, team="team-a")
    maps = {**team.observed.maps, ("ack-system", TEAM_MAP): Map("ack-system", TEAM_MAP, {"team-a": FAR})}
    evidence = replace(team, observed=replace(team.observed, running=(running(gates=gates),), maps=maps))
    (chain,) = verify.chains(evidence, ["production"])
    assert (str(chain.subject), chain.assumable) == ("team team-a", "yes")
    off = replace(team, observed=replace(team.observed, maps=maps))
    assert broken(off) == ["check.carm-map"]  # the gate is off, so the account counts, and it has no entry


def test_only_bound_namespaces_are_looked_at_and_unknown_ones_refused() -> None:
    start = whole()
    spaces = {**start.observed.namespaces, "free": Namespace("free")}
    evidence = replace(start, observed=replace(start.observed, namespaces=spaces))
    assert [chain.namespace for chain in verify.chains(evidence)] == ["production"]
    with pytest.raises(AcksmError) as caught:
        verify.chains(evidence, ["nowhere"])
    assert caught.value.id == "binding-namespace-missing"


# role selectors


def selected(*selectors: Selector, **more: Any) -> Evidence:
    changed = running(gates=frozenset({"IAMRoleSelector"}), enable_carm=False, **more)
    start = whole(mode=SELECTOR, selectors=selectors)
    return replace(
        start, observed=replace(start.observed, running=(changed,), namespaces={"production": Namespace("production")})
    )


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (selected(binding_selector("production", FAR)), []),
        (selected(), ["check.carm-selector"]),
        (selected(binding_selector("other", FAR)), ["check.carm-selector"]),
        (selected(binding_selector("production", FAR, "applicationautoscaling")), ["check.carm-selector"]),
        (selected(binding_selector("production", FAR), Selector("by-hand", FAR)), ["check.carm-selector-overlap"]),
        (selected(binding_selector("production", FAR), watched=("production", "other")), ["check.carm-scope"]),
    ],
)
def test_links_of_role_selectors(evidence: Evidence, expected: list[str]) -> None:
    assert broken(evidence) == expected


def test_a_check_takes_its_remedy_from_the_catalogue_only_when_something_is_wrong() -> None:
    assert Check("check.carm-map", State.OK, "x").effective_remedy == ""
    assert "acksm carm bind" in Check("check.carm-map", State.FAILED, "x").effective_remedy
    assert Check("check.carm-map", State.FAILED, "x", remedy="do").as_data()["remedy"] == "do"
    assert OWN
