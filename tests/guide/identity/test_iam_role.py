"""The role: trust compared by meaning, owners respected, convergence from any state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from acksm.ack.names import SERVICES
from acksm.aws.documents import PolicyDocument, Role
from acksm.aws.eks import Cluster
from acksm.aws.iam_calls import Quotas
from acksm.aws.session import Identity
from acksm.engine.change import Change, Danger, Plan
from acksm.engine.executor import execute
from acksm.errors import AcksmError
from acksm.guide.identity import iam_role, limits, oidc, policies, role_policies, trust
from acksm.settings import RoleSettings
from memory_iam import ACCOUNT, World, cluster, role


def desired(
    of: Cluster | None = None, accounts: Any = (("ack-system", "ack-sagemaker-controller"),), **options: Any
) -> iam_role.Desired:
    of = of or cluster()
    partition = of.arn.split(":")[1]
    identity = Identity(ACCOUNT, f"arn:{partition}:iam::{ACCOUNT}:user/me", "x")
    known: dict[str, Any] = {"kinds": dict.fromkeys(SERVICES, ())}
    known |= {key: options.pop(key) for key in ("role", "live", "kinds") if key in options}
    return iam_role.desired(identity, of, RoleSettings(**options), accounts, oidc.provider_arn(of), **known)


def notes(changes: list[Change], name: str, kept: list[str]) -> list[str]:
    return role_policies.notes(changes, name, kept, cluster(), RoleSettings(), SERVICES)


OURS = oidc.marks(cluster())


def test_a_role_that_a_killed_run_made_is_new_to_sts_for_the_next_run_too() -> None:
    made = datetime(2026, 1, 1, tzinfo=UTC)
    fresh: Role = {**role({}), "created": made.isoformat()}
    assert iam_role.is_new(fresh, made + timedelta(seconds=60))
    assert iam_role.is_new(fresh, made - timedelta(seconds=60))  # this machine's clock is behind
    assert not iam_role.is_new(fresh, made + timedelta(hours=1))
    assert not iam_role.is_new(None, made)
    assert not iam_role.is_new(role({}), made)


def test_from_nothing_the_guides_role_and_then_nothing() -> None:
    world, want = World(), desired()
    first = iam_role.plan(world.observed(), want)
    assert [change.id for change in first] == [
        "iam-role.create",
        "iam-role.service-linked",
        "iam-role.attach",
        "iam-role.inline",
    ]
    assert all(change.target.startswith(f"arn:aws:iam::{ACCOUNT}:role/") for change in first)  # what IAM simulates on
    world.apply(first)
    assert iam_role.plan(world.observed(), want) == []


def test_a_service_linked_role_that_may_not_be_read_is_created_once() -> None:
    """A policy for this role alone names it with its path, and one that does not exist has none yet."""
    world, want = World(), desired()
    changes = iam_role.plan(iam_role.Observed(None, None), want)
    assert [change.reason for change in changes if change.id == "iam-role.service-linked"] == [
        "unless it exists: iam:GetRole is not allowed on it"
    ]
    world.apply(changes[:2])  # killed after it
    assert iam_role.plan(iam_role.Observed(world.role, None), want)[0].id == "iam-role.service-linked"
    world.apply(changes[2:])
    assert iam_role.plan(iam_role.Observed(world.role, None), want) == []


def test_a_policy_is_named_where_it_is_attached() -> None:
    policies = (
        "arn:aws:iam::aws:policy/AdministratorAccess",
        "arn:aws:iam::111122223333:policy/AmazonSageMakerFullAccess",
    )
    changes = iam_role.plan(World().observed(), replace(desired(), managed=policies))
    told: list[str] = []
    execute(
        Plan("x", tuple(changes)),
        dict.fromkeys((c.call for c in changes), lambda **_: None),
        lambda e: told.append(e.text),
    )
    name = desired().name
    assert f"attaching AdministratorAccess to role {name}" in told
    assert f"attached AdministratorAccess to role {name}" in told
    assert f"attached {policies[1]} to role {name}" in told  # not AWS's, whatever it is called
    assert sum(text.startswith("wrote policy ") for text in told) == len(desired().inline)


def test_the_trust_names_audience_and_the_real_service_accounts() -> None:
    accounts = (("ml", "own-name"), ("ack-system", "ack-sagemaker-controller"))
    document = iam_role.plan(iam_role.Observed(None), desired(accounts=accounts))[0].params["trust"]
    condition = document["Statement"][0]["Condition"]["StringEquals"]
    issuer = cluster().issuer.removeprefix("https://")
    assert condition == {
        f"{issuer}:aud": "sts.amazonaws.com",
        f"{issuer}:sub": [
            "system:serviceaccount:ack-system:ack-sagemaker-controller",
            "system:serviceaccount:ml:own-name",
        ],
    }


@pytest.mark.parametrize(
    ("partition", "region"), [("aws", "eu-west-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")]
)
def test_every_arn_is_of_the_callers_partition(partition: str, region: str) -> None:
    want = desired(cluster(partition, region), policy=["core", "studio", "autoscaling"])
    text = repr(want)
    assert want.arn.startswith(f"arn:{partition}:iam::")
    assert text.count(f"arn:{partition}:") == text.count("arn:")


def test_meaning_counts_not_text() -> None:
    issuer = cluster().issuer.removeprefix("https://")
    same = {
        "Version": "2012-10-17",
        "Statement": {
            "Sid": "x",
            "Action": ["sts:AssumeRoleWithWebIdentity"],
            "Effect": "Allow",
            "Principal": {"Federated": [oidc.provider_arn(cluster())]},
            "Condition": {
                "stringEquals": {
                    f"{issuer}:sub": "system:serviceaccount:ack-system:ack-sagemaker-controller",
                    f"{issuer}:aud": ["sts.amazonaws.com"],
                }
            },
        },
    }
    world = World(role(same, OURS))
    assert "iam-role.trust" not in [change.id for change in iam_role.plan(world.observed(), desired())]


def test_a_cluster_made_again_under_its_name_gets_its_new_issuer() -> None:
    """kubeflow-manifests#743: the old trust let nobody in, and the script went on."""
    world = World()
    world.apply(iam_role.plan(world.observed(), desired(cluster(issuer_id="A" * 32))))
    changes = iam_role.plan(world.observed(), desired(cluster(issuer_id="B" * 32)))
    assert [(change.id, change.danger) for change in changes] == [("iam-role.trust", Danger.MILD)]
    assert "A" * 32 not in repr(changes[0].after)


def test_the_users_own_statements_stay_byte_for_byte() -> None:
    theirs = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    world = World(role({"Version": "2012-10-17", "Statement": [theirs]}, OURS))
    world.apply(iam_role.plan(world.observed(), desired()))
    assert world.role is not None
    assert world.role["trust"]["Statement"][0] == theirs


def test_a_subject_that_no_release_has_goes_after_a_question_and_one_of_a_release_stays() -> None:
    """Whoever gets a former namespace of the controllers would become the controllers."""
    world = World()
    world.apply(iam_role.plan(world.observed(), desired(accounts=(("a", "one"),))))
    assert world.role is not None
    live = {trust.subject("a", "one")}
    (kept,) = iam_role.plan(world.observed(), desired(accounts=(("b", "two"),), live=live))
    assert trust.subjects_of(kept.params["trust"], oidc.provider_arn(cluster())) == {*live, trust.subject("b", "two")}
    assert kept.danger is Danger.NONE  # the controllers' own account is no news
    (gone,) = iam_role.plan(world.observed(), desired(accounts=(("b", "two"),)))
    assert trust.subjects_of(gone.params["trust"], oidc.provider_arn(cluster())) == {trust.subject("b", "two")}
    assert gone.danger is Danger.MILD
    assert "no longer trusts system:serviceaccount:a:one" in gone.reason
    world.apply([gone])
    assert iam_role.plan(world.observed(), desired(accounts=(("b", "two"),))) == []


def test_a_second_cluster_that_adopts_a_role_does_not_take_it_over() -> None:
    """With one tag for both, each would drop the other's statement, and its cleanup delete the role."""
    first, second = cluster(), replace(cluster(issuer_id="B" * 32), arn=f"{cluster().arn}-2")
    world = World()
    world.apply(iam_role.plan(world.observed(), desired(first)))
    assert world.role is not None
    world.apply(iam_role.plan(world.observed(), desired(second, adopt_role=True)))
    assert oidc.clusters_of(world.role["tags"]) == {first.arn, second.arn}
    assert world.role["tags"][oidc.CLUSTER_TAG] == first.arn
    for of in (first, second):
        assert iam_role.plan(world.observed(), desired(of)) == []
    providers = {item["Principal"]["Federated"] for item in trust.statements(world.role["trust"])}
    assert providers == {oidc.provider_arn(first), oidc.provider_arn(second)}


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"{issuer}:aud": "system:serviceaccount:ack-system:ack-sagemaker-controller"}},
        {
            "StringEquals": {"{issuer}:sub": "system:serviceaccount:ack-system:*", "{issuer}:aud": "sts.amazonaws.com"},
            "Bool": {"aws:SecureTransport": "true"},
        },
        {},
    ],
)
def test_a_malformed_statement_of_our_provider_is_put_right(condition: dict[str, Any]) -> None:
    issuer = cluster().issuer.removeprefix("https://")
    filled = {op: {key.format(issuer=issuer): value for key, value in pairs.items()} for op, pairs in condition.items()}
    bad = {
        "Effect": "Allow",
        "Principal": {"Federated": oidc.provider_arn(cluster())},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": filled,
    }
    merged = trust.merge({"Statement": [bad]}, oidc.provider_arn(cluster()), ["system:serviceaccount:a:b"], ours=True)
    assert merged["Statement"] == [trust.statement(oidc.provider_arn(cluster()), ["system:serviceaccount:a:b"])]


def test_a_role_that_is_not_ours_is_refused_with_a_diff() -> None:
    world = World(role({"Statement": []}, {"team": "x"}))
    with pytest.raises(AcksmError) as caught:
        iam_role.plan(world.observed(), desired())
    assert caught.value.id == "role-not-ours"
    assert any(line.startswith("+") and "acksm" in line for line in caught.value.details["diff"])


def test_the_same_name_for_a_cluster_of_another_region_is_refused() -> None:
    world = World(role({"Statement": []}, oidc.marks(cluster(region="eu-west-1"))))
    with pytest.raises(AcksmError, match="belongs to arn:aws:eks:eu-west-1"):
        iam_role.plan(world.observed(), desired())


def test_an_adopted_role_is_used_and_never_marked_as_made_here() -> None:
    world = World(role({"Statement": []}, {"team": "x"}))
    changes = iam_role.plan(world.observed(), desired(adopt_role=True))
    assert {change.danger for change in changes if change.id in {"iam-role.trust", "iam-role.tags"}} == {Danger.MILD}
    world.apply(changes)
    assert world.role is not None
    assert oidc.OWNED_TAG not in world.role["tags"]
    assert iam_role.plan(world.observed(), desired()) == []  # known from now on, without the flag


def test_policy_arns_take_the_place_of_presets() -> None:
    want = desired(policy_arn=["arn:aws:iam::aws:policy/PowerUserAccess"])
    assert want.managed == ("arn:aws:iam::aws:policy/PowerUserAccess",)
    assert want.inline == {}


def test_without_the_autoscaling_service_its_preset_is_not_needed() -> None:
    assert desired(kinds={"sagemaker": ()}).service_linked == ""


@pytest.mark.parametrize(
    ("options", "id"), [({"role_name": "x" * 65}, "role-name-too-long"), ({"role_path": "team"}, "config-invalid")]
)
def test_bad_names_and_paths(options: dict[str, Any], id: str) -> None:
    with pytest.raises(AcksmError) as caught:
        desired(**options)
    assert caught.value.id == id


def test_another_path_is_refused() -> None:
    with pytest.raises(AcksmError) as caught:
        iam_role.plan(iam_role.Observed(role({"Statement": []}, OURS, path="/team/")), desired())
    assert caught.value.id == "role-path-differs"


_statement = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Principal": st.sampled_from(
            [
                {"Federated": oidc.provider_arn(cluster())},
                {"AWS": "*"},
                "*",
                {"Federated": oidc.provider_arn(cluster(issuer_id="C" * 32))},
            ]
        ),
        "Action": st.sampled_from(["sts:AssumeRoleWithWebIdentity", ["sts:AssumeRole"], "sts:*"]),
    },
    optional={
        "Condition": st.sampled_from([{}, {"StringEquals": {"x": "y"}}, {"StringLike": {"a": ["b"]}}]),
        "Sid": st.just("theirs"),
    },
)


@settings(max_examples=200)
@given(
    st.none() | st.lists(_statement, max_size=4),
    st.booleans(),
    st.booleans(),
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True),
)
def test_from_any_state_it_converges_and_a_second_plan_is_empty(
    statements: list[Any] | None, ours: bool, scalar: bool, accounts: list[str]
) -> None:
    document = (
        None if statements is None else {"Statement": statements[0] if scalar and len(statements) == 1 else statements}
    )
    world = World(None if statements is None else role(document, dict(OURS) if ours else {"team": "x"}))
    want = desired(accounts=[("ns", account) for account in accounts], adopt_role=True)
    before = world.observed()
    again = iam_role.plan(before, want)
    assert iam_role.plan(before, want) == again  # planning changes nothing
    world.apply(again)
    assert iam_role.plan(world.observed(), want) == []
    assert world.role is not None
    kept = trust.statements(world.role["trust"])
    for item in statements or []:
        if item["Principal"] == {"AWS": "*"} or item["Principal"] == "*" or item["Effect"] == "Deny":
            assert item in kept


def test_policies_are_compared_by_meaning() -> None:
    one = {"Statement": {"Action": "a", "Resource": "r", "Effect": "Allow"}}
    other = {"Statement": [{"Effect": "Allow", "Action": ["a"], "Resource": ["r"]}]}
    assert policies.same(one, other)
    assert not policies.same(one, {"Statement": []})


def test_the_provider_is_made_once_without_thumbprint_and_an_audience_is_added() -> None:
    want = oidc.desired(cluster(), {})
    arn = oidc.provider_arn(cluster())
    (create,) = oidc.plan(oidc.Observed(arn), want)
    assert create.params["client_ids"] == ["sts.amazonaws.com"]
    assert "thumb" not in repr(create.params).lower()
    (added,) = oidc.plan(oidc.Observed(arn, ("other",)), want)
    assert (added.id, added.danger) == ("oidc.audience", Danger.MILD)
    assert oidc.plan(oidc.Observed(arn, ("other", "sts.amazonaws.com")), want) == []


# sizes


def test_a_trust_policy_is_measured_before_the_first_write() -> None:
    """kubeflow#6687: one role for four clusters; IAM refuses the fourth half-way."""
    world = World()
    clusters = [replace(cluster(issuer_id=letter * 32), arn=f"{cluster().arn}-{letter}") for letter in "ABCDEF"]
    accounts = [("ack-system", f"ack-{service}-controller") for service in ("sagemaker", "applicationautoscaling")]

    def never() -> Quotas:
        raise AssertionError("IAM is asked for its quota only where it matters")

    for of in clusters[:3]:
        changes = iam_role.plan(world.observed(), desired(of, accounts, adopt_role=True, role_name="shared"))
        limits.check(changes, world.role, never)
        world.apply(changes)
    changes = iam_role.plan(world.observed(), desired(clusters[3], accounts, adopt_role=True, role_name="shared"))
    with pytest.raises(AcksmError) as caught:
        limits.check(changes, world.role, Quotas)
    assert caught.value.id == "trust-too-long"
    assert "--role-name" in caught.value.remedy
    limits.check(changes, world.role, lambda: Quotas(trust=4_096))


def test_white_space_does_not_count() -> None:
    assert policies.size({"a b": "c d"}) == len('{"ab":"cd"}')


def test_inline_policies_are_measured_together() -> None:
    long: PolicyDocument = {"Statement": [{"Effect": "Allow", "Action": ["s3:" + "a" * 9_990], "Resource": ["*"]}]}
    world = World(role({"Statement": []}, OURS) | {"inline": {"theirs": long}})
    with pytest.raises(AcksmError) as caught:
        iam_role.plan(world.observed(), desired())
    assert caught.value.id == "role-policies-too-long"
    assert "theirs 10" in caught.value.message


# preset least


EXECUTION = f"arn:aws:iam::{ACCOUNT}:role/execution"


def test_least_takes_the_place_of_core_and_stays_without_options() -> None:
    world = World()
    world.apply(iam_role.plan(world.observed(), desired()))
    assert world.role is not None
    narrow = iam_role.plan(world.observed(), desired(policy=["least", "autoscaling"], execution_role=[EXECUTION]))
    assert [(change.id, change.danger) for change in narrow] == [
        ("iam-role.inline", Danger.NONE),
        ("iam-role.detach", Danger.MILD),
    ]
    world.apply(narrow)
    assert iam_role.plan(world.observed(), desired(role=world.role)) == []
    assert policies.execution_roles(world.role["inline"][policies.LEAST]) == (EXECUTION,)
    # and core, when it is asked for again, is not taken away by a later run
    world.apply(iam_role.plan(world.observed(), desired(policy=["core", "autoscaling"], role=world.role)))
    assert iam_role.plan(world.observed(), desired(role=world.role)) == []
    assert world.role["attached"] == [policies.core_arn("aws")]


def test_nothing_is_detached_from_an_adopted_role_and_that_is_said() -> None:
    world = World(role({"Statement": []}, {}) | {"attached": [policies.core_arn("aws")]})
    want = desired(policy=["least"], execution_role=[EXECUTION], adopt_role=True)
    changes = iam_role.plan(world.observed(), want)
    assert "iam-role.detach" not in [change.id for change in changes]
    kept = iam_role.not_narrowed(world.role, want)
    (note,) = notes(changes, want.name, kept)
    assert f"aws iam detach-role-policy --role-name {want.name}" in note


def test_core_is_warned_about_once_with_the_command_that_narrows_it() -> None:
    world = World()
    want = desired()
    (note,) = notes(iam_role.plan(world.observed(), want), want.name, [])
    assert "acksm iam-role --cluster demo --region us-west-2 --policy least --policy autoscaling" in note
    assert "--execution-role" in note
    world.apply(iam_role.plan(world.observed(), want))
    assert notes(iam_role.plan(world.observed(), want), want.name, []) == []


@pytest.mark.parametrize("roles", [[], ["*"], ["arn:aws:iam::999999999999:role/x"], [f"arn:aws:iam::{ACCOUNT}:role/*"]])
def test_least_wants_the_roles_of_the_account_by_name(roles: list[str]) -> None:
    with pytest.raises(AcksmError) as caught:
        desired(policy=["least"], execution_role=roles)
    assert caught.value.id == "policy-least-roles"


def test_least_of_kinds_that_are_given_no_role_needs_none() -> None:
    want = desired(policy=["least"], kinds={"sagemaker": ["EndpointConfig", "Endpoint"]})
    assert policies.PASS_ROLE not in repr(want.inline)
