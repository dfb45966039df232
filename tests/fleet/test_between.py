"""What is wrong between clusters."""

from __future__ import annotations

import json
import shlex
from typing import Any, cast

import pytest

from acksm import reports
from acksm.fleet.between import findings
from acksm.fleet.file import Member
from acksm.fleet.remedies import Fleet
from cli.test_remedies import check

EAST, WEST, FAR = "111111111111/us-east-1/ml", "111111111111/us-west-2/ml", "222222222222/us-east-1/far"
TWIN = "222222222222/us-east-1/ml"
MODEL = ["sagemaker", "Model", "111111111111", "us-east-1", "classifier"]
TARGET = "arn:aws:iam::333333333333:role/SagemakerCrossAccountAccess"


def role(name: str, account: str = "111111111111") -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def trusting(*issuers: str) -> Any:
    provider = "arn:aws:iam::111111111111:oidc-provider/"
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"{provider}{issuer}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
            }
            for issuer in issuers
        ],
    }
    return {"role_arn": role("a"), "issuers": list(issuers), "policy": policy}


def facts(cluster: str = EAST, version: str = "1.9.1", role_arn: str = "", **more: Any) -> reports.FleetFactsReport:
    account, region, name = cluster.split("/")
    arn = f"arn:aws:eks:{region}:{account}:cluster/{name}"
    found: Any = {
        "target": {"cluster": name, "cluster_arn": arn, "region": region, "account": account},
        "context": name,
        "issuer": f"https://oidc.eks.{region}.amazonaws.com/id/{account}{name}",
        "controllers": [
            {"service": "sagemaker", "version": version, "role_arn": role_arn, "mode": "carm", "read_only": True}
        ],
        "trusts": [],
        "held": [],
        "adopted_resources": [],
        "crossing": [],
        "bound": [],
        "incomplete": [],
    }
    found |= more
    return cast(reports.FleetFactsReport, found)


def member(cluster: str, **more: Any) -> Member:
    account, region, name = cluster.split("/")
    return Member(name, account, region, **more)


def holding(*, read_only: bool = False, adopted: bool = False, what: str = "Model team/classifier") -> Any:
    return [{"object": what, "aws": MODEL, "read_only": read_only, "adopted": adopted}]


def bound(namespace: str, account: str, *roles: str, mode: str = "carm") -> Any:
    return {"namespace": namespace, "mode": mode, "account": account, "team": "", "role_arns": list(roles)}


def ids(*found: reports.FleetFactsReport, **more: Any) -> list[str]:
    every = {f"{one['target']['account']}/{one['target']['region']}/{one['target']['cluster']}": one for one in found}
    return [item["id"] for item in findings(every, Fleet(**more))]


def test_two_clusters_that_have_nothing_in_common_are_fine() -> None:
    assert ids(facts(EAST, role_arn=role("a")), facts(FAR, role_arn=role("a", "222222222222"))) == []
    assert findings({}) == []


def test_one_aws_object_in_two_clusters_is_an_error_and_comes_first() -> None:
    """The cluster that adopted the resource is the one to give it up, by a command for its own apiserver."""
    found = findings({EAST: facts(EAST, "1.8.0", held=holding(adopted=True)), FAR: facts(FAR, held=holding())})
    assert found[0] == {
        "id": "fleet.resource-in-two-clusters",
        "severity": "error",
        "clusters": [EAST, FAR],
        "text": "sagemaker Model classifier in 111111111111, us-east-1 is managed by "
        f"{EAST} (Model team/classifier), {FAR} (Model team/classifier)",
        "remedy": "kubectl --context ml annotate models.sagemaker.services.k8s.aws classifier -n team "
        "services.k8s.aws/read-only=true --overwrite",
    }
    assert found[1]["id"] == "fleet.version-skew"


def test_without_a_context_the_remedy_writes_it_first() -> None:
    both = {EAST: facts(EAST, held=holding(), context=""), FAR: facts(FAR, held=holding(adopted=True), context="")}
    (found,) = findings(both, Fleet("prod.yaml", {FAR: member(FAR, profile="ml-far")}))
    assert found["remedy"].split(" && ") == [
        "acksm connect --cluster far --region us-east-1 --profile ml-far",
        "kubectl --context arn:aws:eks:us-east-1:222222222222:cluster/far annotate models.sagemaker.services.k8s.aws "
        "classifier -n team services.k8s.aws/read-only=true --overwrite",
    ]


def test_where_read_only_has_no_effect_the_object_is_deleted_and_its_resource_retained() -> None:
    old = facts(FAR, held=holding(adopted=True))
    old["controllers"][0]["read_only"] = False
    (found,) = findings({EAST: facts(EAST, held=holding()), FAR: old})
    named = "models.sagemaker.services.k8s.aws classifier -n team"
    assert found["remedy"].split(" && ") == [
        f"kubectl --context far annotate {named} services.k8s.aws/deletion-policy=retain --overwrite",
        f"kubectl --context far delete {named}",
    ]
    pending = facts(FAR, held=holding(adopted=True, what="AdoptedResource team/classifier"))
    (found,) = findings({EAST: facts(EAST, held=holding()), FAR: pending})
    assert found["remedy"] == "kubectl --context far delete adoptedresources.services.k8s.aws classifier -n team"


def test_a_read_only_object_changes_nothing() -> None:
    assert ids(facts(EAST, held=holding()), facts(FAR, held=holding(read_only=True))) == []


ROLES: dict[str, tuple[list[reports.FleetFactsReport], list[str], str]] = {
    "a role of two clusters is kept by the one whose default it is": (
        [facts(FAR, role_arn=role("ack-controller-role-ml")), facts(EAST, role_arn=role("ack-controller-role-ml"))],
        ["fleet.role-in-two-clusters"],
        f"acksm fleet run --cluster {FAR} -- install --role-name ack-controller-role-far",
    ),
    "one name in two regions, without roles": (
        [facts(EAST), facts(WEST)],
        ["fleet.name-in-two-regions"],
        f"acksm fleet run --cluster {WEST} -- install --role-name ack-controller-role-ml-us-west-2",
    ),
    "one name in two regions, with roles of their own": (
        [facts(EAST, role_arn=role("a")), facts(WEST, role_arn=role("b"))],
        [],
        "",
    ),
    "one name in two regions, and one role": (
        [facts(EAST, role_arn=role("a")), facts(WEST, role_arn=role("a"))],
        ["fleet.name-in-two-regions", "fleet.role-in-two-clusters"],
        f"acksm fleet run --cluster {WEST} -- install --role-name ack-controller-role-ml-us-west-2",
    ),
    "one name in two accounts": (
        [facts(EAST), facts(TWIN)],
        ["fleet.name-in-two-accounts"],
        f"acksm fleet list --cluster {EAST}",
    ),
    "an issuer of an earlier cluster": (
        [facts(EAST, role_arn=role("a"), trusts=[trusting("oidc.eks/old", "oidc.eks/of-the-cluster")])],
        ["fleet.issuer-trusted", "fleet.issuer-trusted"],
        "",
    ),
    "the issuer of the cluster itself": (
        [
            facts(
                EAST,
                role_arn=role("a"),
                trusts=[trusting("oidc.eks.us-east-1.amazonaws.com/id/111111111111ml")],
            )
        ],
        [],
        "",
    ),
    "a target role of two clusters": (
        [
            facts(EAST, bound=[bound("x", "333333333333", TARGET, mode="role-selector")]),
            facts(FAR, bound=[bound("y", "333333333333", TARGET, mode="role-selector")]),
        ],
        ["fleet.target-role-in-two-clusters"],
        f"acksm fleet run --cluster {FAR} -- carm setup --target-account 333333333333 --target-role-name "
        "SagemakerCrossAccountAccess-far --target-profile PROFILE",
    ),
    "a role of the cluster's own account": (
        [facts(EAST, bound=[bound("x", "111111111111", role("x"), mode="role-selector")])] * 2,
        [],
        "",
    ),
    "a namespace in two accounts": (
        [
            facts(EAST, bound=[bound("x", "333333333333", mode="role-selector")]),
            facts(FAR, bound=[bound("x", "444444444444", mode="role-selector")]),
        ],
        ["fleet.namespace-in-two-accounts"],
        f"acksm fleet run --cluster {EAST} --cluster {FAR} -- carm list",
    ),
    "bound by annotation": (
        [facts(EAST, bound=[bound("x", "333333333333")])],
        ["fleet.carm"],
        f"acksm fleet run --cluster {EAST} -- carm list",
    ),
    "AdoptedResources": (
        [facts(EAST, adopted_resources=["a/b"])],
        ["fleet.adopted-resources"],
        f"acksm fleet upgrade --cluster {EAST} --convert-adopted",
    ),
    "other namespaces": (
        [facts(EAST, crossing=["FieldExport a/c", "FieldExport a/d"])],
        ["fleet.cross-namespace"],
        f"acksm fleet run --cluster {EAST} -- install --set enableCrossNamespace=true",
    ),
    "versions name those behind": (
        [facts(EAST, "1.10.0"), facts(FAR, "1.9.1")],
        ["fleet.version-skew"],
        f"acksm fleet upgrade --cluster {FAR} --version sagemaker=1.10.0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROLES)
def test_a_finding_has_a_remedy_that_can_be_pasted(name: str) -> None:
    found, expected, remedy = ROLES[name]
    by_id = {one["target"]["cluster_arn"]: one for one in found}
    every = {_id(arn): one for arn, one in by_id.items()}
    got = findings(every)
    assert [item["id"] for item in got] == expected
    if remedy:
        assert got[0]["remedy"].partition("   ")[0] == remedy
    for item in (one for one in got if one["remedy"].startswith("acksm ")):
        check(item["remedy"])
        words = shlex.split(item["remedy"].partition("   ")[0])
        if "--" in words:  # the command of each cluster
            check(shlex.join(["acksm", *words[words.index("--") + 1 :]]))


def _id(arn: str) -> str:
    _, _, _, region, account, name = arn.split(":")
    return f"{account}/{region}/{name.removeprefix('cluster/')}"


def test_the_remedy_has_the_trust_policy_without_the_issuer() -> None:
    own = facts(EAST)["issuer"].removeprefix("https://")
    one = facts(EAST, role_arn=role("a"), trusts=[trusting("oidc.eks/old", own)])
    (found,) = findings({EAST: one}, Fleet(members={EAST: member(EAST, profile="ml")}))
    *words, document = shlex.split(found["remedy"])
    assert shlex.join(words) == "aws iam update-assume-role-policy --profile ml --role-name a --policy-document"
    assert json.loads(document) == trusting(own)["policy"]


def test_an_unknown_issuer_is_reported_only_where_every_cluster_was_read() -> None:
    trusts = [trusting("oidc.eks/old")]
    one = facts(EAST, role_arn=role("a"), trusts=trusts)
    assert ids(one, whole=False) == []
    used_before = [trusting(facts(FAR)["issuer"].removeprefix("https://"))]
    assert ids(facts(EAST, role_arn=role("a"), trusts=used_before), facts(FAR), whole=False) == ["fleet.issuer-trusted"]


def test_one_name_in_two_accounts_that_create_objects_in_a_third() -> None:
    both = {one: facts(one, bound=[bound("x", "333333333333", mode="role-selector")]) for one in (EAST, TWIN)}
    (found,) = findings(both)
    assert "trust policies of account 333333333333" in found["text"]


def test_a_remedy_says_what_the_file_would_restore() -> None:
    both = {EAST: facts(EAST, "1.10.0", role("a")), FAR: facts(FAR, "1.9.1", role("a"))}
    file = {FAR: member(FAR, settings={"version": {"sagemaker": "1.9.1"}, "role_name": "a"})}
    shown = {item["id"]: item["remedy"].partition("   ")[2] for item in findings(both, Fleet(members=file))}
    assert shown == {
        "fleet.role-in-two-clusters": "(change role-name in fleet.yaml too)",
        "fleet.version-skew": "(change version in fleet.yaml too)",
    }


def test_remedies_name_the_file_of_the_fleet() -> None:
    (found,) = findings({EAST: facts(EAST, crossing=["FieldExport a/c"])}, Fleet("prod.yaml"))
    assert found["remedy"].startswith("acksm fleet run -f prod.yaml --cluster ")
