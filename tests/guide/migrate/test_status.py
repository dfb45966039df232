"""`identity status` as text and as a document."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from acksm.aws.eks import Association
from acksm.errors import AcksmError
from acksm.guide.migrate.status import Row, text
from acksm.live import identities
from acksm.live.identities import Pod, Reading, Trust, Way
from acksm.ui import Ui
from streams import Stream

ROLE, TARGET = "arn:aws:iam::012345678901:role/r", "arn:aws:iam::222222222222:role/t"
WHOLE = ("variables", "token", "ready")
OLD = Pod("ack-1", "2026-01-01T00:00:00Z", True, Way.IRSA, ROLE, WHOLE)
NEW = Pod("ack-2", "2026-01-02T00:00:00Z", True, Way.POD_IDENTITY, "", WHOLE)
NONE = Pod("ack-3", "2026-01-01T00:00:00Z", True, Way.NODE, "", ("ready",))
BY_R = Association(ROLE, ROLE, True, "a-1")


def row(annotation: str, association: Association | AcksmError | None, *pods: Pod, **trusts: Trust) -> Row:
    found = {Way(name.replace("_", "-")): trust for name, trust in trusts.items()}
    reading = Reading("sagemaker", "ack-system", "sa", "ack-sagemaker", annotation, association, pods, found)
    return Row(reading, identities.judge(reading, "demo", "us-west-2"))


def shown(rows: Sequence[Row], missing: Sequence[str] = (), *, columns: int = 0) -> list[str]:
    ui = Ui(stdout=Stream(), stderr=Stream())
    return text(rows, [], missing, ui.table).splitlines()


def test_while_it_migrates() -> None:
    assert shown([row(ROLE, BY_R, OLD, NEW)]) == [
        "SERVICE    POD    HAS           ROLE                              READY  NEXT POD      TAGS  PROVEN BY"
        "                SERVICE ACCOUNT",
        "sagemaker  ack-1  irsa          arn:aws:iam::012345678901:role/r  yes    pod-identity  yes   variables, token,"
        " ready  ack-system/sa",
        "sagemaker  ack-2  pod-identity  arn:aws:iam::012345678901:role/r  yes    pod-identity  yes   variables, token,"
        " ready  ack-system/sa",
        "sagemaker: association and annotation name the same role   (its pods were created before the association)",
    ]


def test_problems_have_ids_and_commands() -> None:
    lines = shown([row("", BY_R, NONE, pod_identity=Trust(False, "it names no one"))])
    assert lines[2:] == [
        f"! sagemaker: {ROLE} does not trust service account ack-system/sa (pod-identity): it names no one "
        "[identity-not-trusted]",
        "  remedy: acksm identity migrate --to pod-identity",
        "! sagemaker: pod ack-3 has no role of its own, as it was created before its association, which gives "
        f"{ROLE} [identity-pod-older]",
        "  remedy: kubectl -n ack-system rollout restart deployment ack-sagemaker",
    ]


def test_what_could_not_be_read() -> None:
    unsure = row(ROLE, AcksmError("aws-access-denied", "no"), NEW)
    lines = shown([unsure], unsure.verdict.unknown)
    assert "unknown" in lines[1]
    assert lines[2:] == [
        "",
        "incomplete: 1 part of the state could not be read",
        "  the association of service account ack-system/sa: aws-access-denied: no",
    ]
    assert shown([]) == ["no controller is installed: acksm install"]


def test_as_a_document() -> None:
    chained = Association(TARGET, ROLE, True, "a-1", owner="arn:x")
    data = row("", chained, NEW).as_data()
    assert data["association"] == {
        "id": "a-1",
        "role": ROLE,
        "target_role": TARGET,
        "session_tags": True,
        "owner": "arn:x",
    }
    assert (data["mechanism"], data["role"], data["associated"], data["annotation"]) == (
        "pod-identity",
        TARGET,
        True,
        "",
    )
    assert data["pods"] is not None
    assert data["pods"][0]["role"] == TARGET
    unsure = row(ROLE, AcksmError("aws-access-denied", "no"), NEW).as_data()
    assert (unsure["associated"], unsure["association"], unsure["mechanism"], unsure["role"]) == (None,) * 4
    assert unsure["pods"] is not None
    assert unsure["pods"][0]["role"] is None


@pytest.mark.parametrize(("pods", "cells"), [((), "none"), (AcksmError("kube-forbidden", "no"), "unknown")])
def test_a_controller_without_pods(pods: Sequence[Pod] | AcksmError, cells: str) -> None:
    reading = Reading("sagemaker", "ack-system", "sa", "d", ROLE, None, pods)
    (one,) = Row(reading, identities.judge(reading, "demo", "us-west-2")).cells()
    assert one[1] == cells
