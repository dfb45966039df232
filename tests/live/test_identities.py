"""What a pod has and what acksm says about it, by the table of cases, and of what could not be read."""

from __future__ import annotations

import pytest

from acksm.aws.eks import Association
from acksm.errors import AcksmError
from acksm.live import identities
from acksm.live.identities import Pod, Reading, Trust, Way
from acksm.live.readiness import pod_state
from identities_table import BY_R, ROLE, TABLE, created

DENIED = AcksmError("aws-access-denied", "not allowed")


def said(
    annotation: str | AcksmError, association: Association | AcksmError | None, *pods: Pod, **trusts: Trust
) -> identities.Verdict:
    found = {Way(name.replace("_", "-")): trust for name, trust in trusts.items()}
    return identities.judge(
        Reading("sagemaker", "ack-system", "sa", "d", annotation, association, pods, found), "demo", "us-west-2"
    )


@pytest.mark.parametrize("case", TABLE)
def test_what_a_pod_has_and_what_is_wrong_with_it(case: str) -> None:
    annotation, association, then, way, role, now, problems = TABLE[case]
    pod = identities.pod(created(*then))
    assert pod.way is way
    assert pod.proofs == (("variables", "token", "ready") if way in identities.AUDIENCES else ("ready",))
    verdict = said(annotation, BY_R if association else None, pod)
    assert (verdict.now, verdict.roles) == (now, {"p": None if role == "?" else role})
    assert [problem.id for problem in verdict.problems] == problems
    assert all(problem.remedy for problem in verdict.problems)
    assert verdict.unknown == ()


@pytest.mark.parametrize("case", TABLE)
def test_status_and_install_say_the_same(case: str) -> None:
    """install restarts, and status complains, exactly where a pod has a problem."""
    annotation, association, then, *_, problems = TABLE[case]
    state, role = pod_state(created(*then)), annotation or (ROLE if association else "")
    gone = "identity-association-deleted" in problems  # they do not read associations
    older = {"identity-pod-differs", "identity-pod-older"} & {*problems}
    if role and not gone and case != "association, annotation removed, pod older":
        assert state.lacks(role) is bool(older)


def test_unknown_is_neither_good_nor_a_problem() -> None:
    pods = [identities.pod(created(ROLE, "")), identities.pod(created("", ROLE)), identities.pod(created("", ""))]
    unsure = said(ROLE, DENIED, *pods)
    assert (unsure.now, unsure.role, unsure.problems) == (None, None, ())
    assert len(unsure.unknown) == 1
    assert said(DENIED, None).now is None
    assert said(DENIED, BY_R).now is Way.POD_IDENTITY
    reading = Reading("sagemaker", "ack-system", "sa", "d", ROLE, None, DENIED)
    assert len(identities.judge(reading, "demo", "us-west-2").unknown) == 1


def test_trust_of_the_ways_in_use() -> None:
    verdict = said(ROLE, BY_R, irsa=Trust(True), pod_identity=Trust(False, "it names no one"))
    (problem,) = verdict.problems
    assert (problem.id, problem.remedy) == ("identity-not-trusted", "acksm identity migrate --to pod-identity")
    unread = said(ROLE, None, irsa=Trust(None, "denied"))
    assert (len(unread.unknown), unread.notes) == (1, ())
    expected = said(ROLE, None, irsa=Trust(None, "in another account", expected=True))
    assert (expected.unknown, len(expected.notes)) == ((), 1)


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_PROFILE"])
def test_keys_come_before_every_role(name: str) -> None:
    pod = created(ROLE, "")
    pod["spec"]["containers"][0]["env"].append({"name": name, "valueFrom": {}})
    found = identities.pod(pod)
    assert found.way is Way.STATIC
    assert [problem.id for problem in said(ROLE, None, found).problems] == ["identity-static"]


def test_a_file_comes_after_the_token_and_before_the_agent() -> None:
    ways = []
    for association in ("", ROLE):
        pod = created(ROLE, association)
        pod["spec"]["containers"][0]["env"].append({"name": "AWS_SHARED_CREDENTIALS_FILE", "value": "/x"})
        ways.append(identities.pod(pod).way)
    assert ways == [Way.IRSA, Way.STATIC]


def test_a_pod_that_is_not_ready_and_has_nothing_has_nothing() -> None:
    assert identities.pod(created("", "", ready=False)) == Pod("p", "2026-01-01T00:00:00Z", False, Way.NONE)
