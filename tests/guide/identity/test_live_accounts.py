"""Which service accounts are of a release, by helm's records; what doctor says of the others, and of iam:PassRole."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from acksm.engine.checks import Check, State
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.guide.doctor import role_facts, roles as doctor_roles
from acksm.guide.doctor.facts import Facts
from acksm.guide.identity import live_accounts, policies, trust
from acksm.guide.identity.judged import Judged, Verdict
from acksm.guide.identity.live_accounts import Live
from acksm.guide.identity.oidc import marks
from acksm.kube.paths import Ref
from acksm.settings import TargetSettings
from doctor_facts import CLUSTER, PROVIDER, ROLE, SUBJECT, role, whole

ACCOUNT = "ack-sagemaker-controller"


def record(name: str, chart: str = "sagemaker-chart", status: str = "deployed", kinds: str = "") -> dict[str, Any]:
    """helm's record of a release with one controller."""
    container = {"image": "x/sagemaker-controller:1.9.1", "args": ["--reconcile-resources", kinds] if kinds else []}
    pod = {"serviceAccountName": ACCOUNT, "containers": [container]}
    manifest = {"kind": "Deployment", "metadata": {"name": "c"}, "spec": {"template": {"spec": pod}}}
    release = {
        "name": name,
        "namespace": "",
        "version": 1,
        "info": {"status": status},
        "chart": {"metadata": {"name": chart, "version": "1.9.1"}},
        "manifest": json.dumps(manifest),
    }
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
    labels = {"owner": "helm", "name": name, "version": "1", "status": status}
    return {"metadata": {"name": f"sh.helm.release.v1.{name}.v1", "labels": labels}, "data": {"release": packed}}


class Secrets:
    """The apiserver as far as it is asked; namespaces with None may not be listed."""

    def __init__(
        self,
        *,
        idle: tuple[str, ...] = (),
        deployments: list[dict[str, Any]] | None = None,
        **namespaces: list[dict[str, Any]] | None,
    ) -> None:
        self.idle, self.deployments = idle, deployments or []
        self.namespaces = {name.replace("_", "-"): found for name, found in namespaces.items()}
        self.asked: list[str] = []

    def can(self, *_: str, account: tuple[str, str] | None = None, name: str = "") -> bool:
        assert account
        return account[0] not in self.idle

    def list(self, where: Ref, **_: object) -> list[dict[str, Any]]:
        if where.kind == "RoleBinding":
            return []
        if where.kind == "Deployment":
            return [one for one in self.deployments if one["metadata"]["namespace"] == where.namespace]
        self.asked.append(where.namespace)
        found = self.namespaces.get(where.namespace, [])
        if found is None:
            raise AcksmError("kube-forbidden", "no")
        return found

    def get(self, where: Ref) -> dict[str, Any] | None:
        found = self.namespaces.get(where.namespace) or []
        return next((one for one in found if one["metadata"]["name"] == where.name), None)


def observe(*subjects: str, **namespaces: Any) -> Live:
    return live_accounts.observe(Secrets(**namespaces), subjects, "ack-system")


def of(namespace: str, name: str = ACCOUNT) -> str:
    return trust.subject(namespace, name)


def test_a_release_keeps_its_account_whatever_its_name_and_nothing_else_does() -> None:
    found = observe(
        *(of(name) for name in ("team-a", "gone", "other-chart", "uninstalled")),
        of("team-a", "another"),
        "system:serviceaccount:*:*",
        "*",
        team_a=[record("their-name")],
        other_chart=[record("ack-sagemaker-controller", chart="nginx")],
        uninstalled=[record("x", status="uninstalled")],
    )
    assert found.of_releases == {of("team-a")}
    assert not found.unknown
    assert not found.notes
    assert found.strangers == {
        of("gone"),
        of("other-chart"),
        of("uninstalled"),
        of("team-a", "another"),
        "system:serviceaccount:*:*",
        "*",
    }
    assert found.kinds == {"sagemaker": ()}


def test_a_record_counts_elsewhere_only_for_an_account_that_may_write_objects() -> None:
    """A tenant may make Secrets: a record, whole or broken, keeps nobody in who could not be a controller."""
    broken = {**record("x"), "data": {"release": "?"}}
    records: Any = {"team_a": [record("x")], "team_b": [broken], "ack_system": [record("y")]}
    found = observe(of("team-a"), of("team-b"), of("ack-system"), idle=("team-a", "team-b", "ack-system"), **records)
    assert found.strangers == {of("team-a"), of("team-b")}
    assert found.of_releases == {of("ack-system")}


def test_what_may_not_be_read_is_kept_and_said() -> None:
    broken = {**record("x"), "data": {"release": "?"}}
    found = observe(of("closed"), of("broken"), of("gone"), closed=None, broken=[broken])
    assert found.unknown == {of("closed"), of("broken")}
    assert found.strangers == {of("gone")}
    assert found.kept == found.unknown
    (note,) = found.notes
    assert of("closed") in note
    assert of("gone") not in note
    assert found.kinds == {"sagemaker": (), "applicationautoscaling": ()}  # nothing is taken from what may be there


def test_only_the_namespaces_that_are_named_are_looked_into() -> None:
    kube = Secrets()
    live_accounts.observe(kube, [], "ack-system")
    assert kube.asked == []
    live_accounts.observe(kube, [of("a"), of("a", "other"), "*"], "ack-system")
    assert kube.asked == ["a"]


def test_a_controller_without_a_record_keeps_its_account() -> None:
    labels = {"helm.sh/chart": "sagemaker-chart-1.9.1"}
    container = {"name": "controller", "args": ["--reconcile-resources", "Model"]}
    pod = {"serviceAccountName": "ack", "containers": [container]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    deployment = {"metadata": {"name": "d", "namespace": "ack-system"}, "spec": {"template": template}}
    kube = Secrets(deployments=[deployment])
    found = live_accounts.observe(cast(Any, kube), [of("ack-system", "ack"), of("ack-system", "gone")], "ack-system")
    assert found.kept == {of("ack-system", "ack")}
    assert found.kinds == {"sagemaker": ("Model",)}
    assert found.strangers == {of("ack-system", "gone")}


def test_kinds_of_several_releases_are_united() -> None:
    found = observe(of("a"), of("b"), a=[record("x", kinds="Model")], b=[record("y", kinds="Endpoint")])
    assert found.kinds == {"sagemaker": ("Endpoint", "Model")}
    assert live_accounts.united(("Model",), ()) == ()
    assert live_accounts.united(None, ("Model",)) == ("Model",)


# doctor


def judged(definition: Any, facts: Facts) -> Check:
    (found,) = definition.look(facts)
    return cast(Check, found)


STRANGERS, PASSING = doctor_roles.CHECKS
STRANGER = of("team-a")


def test_all_is_well() -> None:
    assert judged(STRANGERS, whole()).state is State.OK
    assert judged(PASSING, whole()).state is State.OK


def test_a_stranger_in_an_adopted_role_is_told_with_the_whole_command() -> None:
    found = role(SUBJECT, STRANGER)
    facts = whole(roles={ROLE: found}, other_subjects={ROLE: Live(strangers=frozenset({STRANGER}))})
    check = judged(STRANGERS, facts)
    assert (check.state, check.where) == (State.WARNING, ROLE)
    assert STRANGER in check.text
    head, _, document = check.remedy.partition(" --policy-document ")
    assert head == "aws iam update-assume-role-policy --role-name ack-controller-role-demo"
    assert trust.subjects_of(json.loads(document.strip("'")), PROVIDER) == {SUBJECT}


def test_a_stranger_in_acksms_own_role_is_put_right_by_acksm() -> None:
    found = role(SUBJECT, STRANGER, tags=marks(CLUSTER))
    facts = whole(roles={ROLE: found}, other_subjects={ROLE: Live(strangers=frozenset({STRANGER}))})
    assert judged(STRANGERS, facts).remedy == "acksm iam-role --cluster demo --region us-west-2"
    assert STRANGERS.fixes == {"iam-role.trust"}


def test_what_is_not_known_is_unknown() -> None:
    facts = whole(
        other_subjects={ROLE: Live(unknown=frozenset({STRANGER}))}, pass_role={ROLE: Judged(Verdict.UNKNOWN, "x")}
    )
    assert (judged(STRANGERS, facts).state, judged(PASSING, facts).state) == (State.UNKNOWN, State.UNKNOWN)
    unread = whole(other_subjects=AcksmError("kube-forbidden", "no"), pass_role=AcksmError("aws-access-denied", "no"))
    assert (judged(STRANGERS, unread).state, judged(PASSING, unread).state) == (State.UNKNOWN, State.UNKNOWN)


def test_pass_role_on_everything_is_told_with_the_command_that_narrows_it() -> None:
    check = judged(PASSING, whole(pass_role={ROLE: Judged(Verdict.YES, "AmazonSageMakerFullAccess")}))
    assert check.state is State.WARNING
    assert "AmazonSageMakerFullAccess" in check.text
    assert check.remedy.startswith("acksm iam-role --cluster demo --region us-west-2 --policy least")


LEAST = policies.choose(
    ["least"], "aws", "012345678901", policies.Least({"sagemaker": ()}, ("arn:aws:iam::012345678901:role/x",))
).inline
WIDE = {"Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}
UNJUDGED = {"Statement": [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]}
FOR_SAGEMAKER = {
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        }
    ]
}


@pytest.mark.parametrize(
    ("found", "simulated", "verdict", "why"),
    [
        ({"attached": [policies.core_arn("aws")], "inline": {}}, None, Verdict.YES, "AmazonSageMakerFullAccess"),
        ({"attached": [policies.core_arn("aws")], "inline": {}}, False, Verdict.NO, ""),  # a boundary, perhaps
        ({"attached": [], "inline": LEAST}, None, Verdict.NO, ""),
        ({"attached": [], "inline": {**LEAST, "theirs": WIDE}}, None, Verdict.YES, "theirs"),
        ({"attached": [], "inline": {"theirs": FOR_SAGEMAKER}}, None, Verdict.YES, "theirs"),
        ({"attached": ["arn:aws:iam::1:policy/theirs"], "inline": LEAST}, None, Verdict.UNKNOWN, ""),
        ({"attached": ["arn:aws:iam::1:policy/theirs"], "inline": LEAST}, True, Verdict.YES, "its policies"),
        (
            {
                "attached": [],
                "inline": {"x": UNJUDGED},
            },
            None,
            Verdict.UNKNOWN,
            "",
        ),
    ],
)
def test_whether_every_role_may_be_passed_on(
    found: Mapping[str, Any], simulated: bool | None, verdict: Verdict, why: str
) -> None:
    iam = SimpleNamespace(simulated=lambda *_: simulated)
    target = SimpleNamespace(aws=SimpleNamespace(iam=iam), identity=SimpleNamespace(partition="aws"))
    answer = role_facts.pass_role(cast(Target, target), {ROLE: role(SUBJECT, **found), "gone": None})[ROLE]
    assert answer.verdict is verdict
    assert why in answer.why


def test_the_facts_are_of_each_role_that_is_there() -> None:
    kube = Secrets(team_a=[record("x")])
    target = cast(
        Target,
        SimpleNamespace(
            cluster=SimpleNamespace(arn="arn:aws:eks:us-west-2:012345678901:cluster/demo"),
            kube=kube,
            settings=TargetSettings(),
        ),
    )
    facts = whole()
    found = role_facts.other_subjects(target, facts.installed, {ROLE: role(SUBJECT, STRANGER), "gone": None}, PROVIDER)
    assert found == {ROLE: replace(Live(), of_releases=frozenset({STRANGER}), kinds={"sagemaker": ()})}
