"""What conditions and logs say of an object, and the wait for it, on a clock that is turned by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.kube.paths import Ref, ref
from acksm.live import synced
from clock import Clock

ONE = ref("Model", "churn", "team")
DENIED = "User: x is not authorized to perform: iam:PassRole on resource: y"


def condition(kind: str, status: str, message: str = "", reason: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "message": message, "reason": reason}


def thing(*conditions: dict[str, str], kind: str = "Model", version: str = "1", **status: Any) -> dict[str, Any]:
    meta = {"name": "churn", "namespace": "team", "resourceVersion": version}
    meta["creationTimestamp"] = "2026-01-01T10:00:00Z"
    return {"kind": kind, "metadata": meta, "status": {"conditions": list(conditions), **status}}


SYNCED = condition(synced.SYNCED, "True", "Resource synced successfully")
WAITING = condition(synced.SYNCED, "False", "Endpoint is in Creating status.")
TROUBLE = condition(synced.RECOVERABLE, "True", DENIED)


@pytest.mark.parametrize(
    ("manifest", "is_synced", "failure", "trouble", "text"),
    [
        (None, False, "", "", "does not exist"),
        (thing(), False, "", "", "waiting for the controller"),
        (thing(SYNCED), True, "", "", "successfully"),
        (thing(WAITING), False, "", "", "Creating"),
        (thing(condition(synced.TERMINAL, "False"), SYNCED), True, "", "", ""),
        (thing(condition(synced.TERMINAL, "True", "bad name"), SYNCED), False, "object-terminal", "", "bad name"),
        (
            thing(condition(synced.TERMINAL, "True", "Resource already exists", "This resource … not managed by ACK.")),
            False,
            "object-terminal symptom.not-managed",
            "",
            "already exists",
        ),
        (thing(TROUBLE), False, "", "object-recoverable symptom.pass-role-denied", "PassRole"),
        (thing(condition(synced.RECOVERABLE, "True", "slow")), False, "", "object-recoverable", "slow"),
        (
            thing(condition(synced.SYNCED, "False", "IAM Role is not available", "key not found in CARM configmap")),
            False,
            "",
            "object-recoverable symptom.carm-key-missing",
            "key not found",
        ),
        # runtimes that write no ACK.ResourceSynced
        (thing(ackResourceMetadata={"arn": "arn:x"}), True, "", "", "synced"),
        (
            thing(kind="Endpoint", ackResourceMetadata={"arn": "arn:x"}, endpointStatus="Creating"),
            False,
            "",
            "",
            "Creating",
        ),
    ],
)
def test_an_objects_conditions(
    manifest: dict[str, Any] | None, is_synced: bool, failure: str, trouble: str, text: str
) -> None:
    state = synced.judge(manifest, str(ONE))
    assert state.synced is is_synced
    assert (named(state.failure), named(state.trouble)) == (failure, trouble)
    assert text in state.text


def test_a_job_that_failed_in_aws_is_synced_and_told() -> None:
    job = thing(SYNCED, kind="TrainingJob", trainingJobStatus="Failed", failureReason="AlgorithmError: exit code 1")
    state = synced.judge(job, "job")
    told = synced.failed_in_aws(state, "job")
    assert state.synced
    assert told is not None
    assert (told.id, "AlgorithmError" in told.message) == ("object-failed", True)
    assert synced.failed_in_aws(synced.judge(thing(SYNCED), "model"), "model") is None


def named(error: AcksmError | None) -> str:
    """Its id, and the symptom's."""
    return f"{error.id} {error.details.get('symptom', '')}".strip() if error else ""


class Scripted:
    """A cluster whose one object is what `at` says of the second."""

    def __init__(self, clock: Clock, at: Callable[[float], dict[str, Any] | None]) -> None:
        self.clock, self.at = clock, at

    def get(self, _one: Ref) -> dict[str, Any] | None:
        return self.at(self.clock.now)


def wait(
    at: Callable[[float], dict[str, Any] | None], *, seconds: float = 300, applied: str = "", log: Any = synced.no_log
) -> tuple[synced.State | str, float]:
    """The state or the error's id, and when it came."""
    clock = Clock()
    deadline = clock.deadline(seconds)
    waiter = synced.Waiter(Scripted(clock, at), deadline, silent_failure=log)
    if applied:
        waiter.note(ONE, thing(version=applied))
    try:
        return waiter.wait("Model", "team", "churn"), clock.now
    except AcksmError as error:
        return named(error), clock.now


def test_the_wait_ends_with_the_controllers_word() -> None:
    state, when = wait(lambda now: thing(SYNCED) if now > 20 else thing(WAITING))
    assert isinstance(state, synced.State)
    assert 20 < when < 23


def test_what_is_terminal_ends_the_wait_at_once() -> None:
    assert wait(lambda _now: thing(condition(synced.TERMINAL, "True", "no"))) == ("object-terminal", 0.0)


def test_trouble_that_goes_is_borne_and_trouble_that_stays_is_told() -> None:
    state, _ = wait(lambda now: thing(TROUBLE) if now < 30 else thing(SYNCED))
    assert isinstance(state, synced.State)
    told, when = wait(lambda _now: thing(TROUBLE))
    assert told == "object-recoverable symptom.pass-role-denied"
    assert synced.PERSISTENT_SECONDS <= when < synced.PERSISTENT_SECONDS + 3
    # another message is another trouble, whose time begins anew
    told, when = wait(lambda now: thing(condition(synced.RECOVERABLE, "True", "first" if now < 40 else "second")))
    assert told == "object-recoverable"
    assert when >= 40 + synced.PERSISTENT_SECONDS - 2


def test_when_time_is_over_the_trouble_is_the_error() -> None:
    assert wait(lambda _now: thing(TROUBLE), seconds=5)[0] == "object-recoverable symptom.pass-role-denied"
    assert wait(lambda _now: thing(WAITING), seconds=5)[0] == "timed-out"


def test_a_condition_from_before_the_change_does_not_count() -> None:
    _, when = wait(lambda now: thing(SYNCED, version="7" if now < 4 else "8"), applied="7")
    assert 4 <= when < 6
    _, when = wait(lambda _now: thing(SYNCED, version="7"), applied="7")  # the controller had nothing to write
    assert synced.STALE_SECONDS <= when < synced.STALE_SECONDS + 2
    told, when = wait(lambda now: thing(condition(synced.TERMINAL, "True", "old"), version="7"), applied="7", seconds=5)
    assert told == "timed-out"


def test_many_objects_of_a_collection_cost_one_list() -> None:
    asked: list[str] = []

    class Counting:
        def get(self, one: Ref) -> dict[str, Any]:
            asked.append(one.path)
            return thing(SYNCED)

        def list(self, one: Ref, **_options: object) -> list[dict[str, Any]]:
            asked.append(one.collection)
            return [{"metadata": {"name": f"m{index}"}} for index in range(1, 5)]

    many = [ref("Model", f"m{index}", "team") for index in range(5)]
    found = synced.look(Counting(), [*many, ref("Endpoint", "e", "team")])
    assert len(asked) == 2
    assert (found[many[0]], (found[many[4]] or {})["kind"]) == (None, "Model")


# --- the log


def line(error: str, *, ts: object = "2026-01-01T10:00:05.123Z", name: str = "churn", **more: str) -> str:
    fields = {"level": "error", "ts": ts, "msg": "Reconciler error", "controllerKind": "Model", "namespace": "team"}
    return json.dumps({**fields, "name": name, "error": error, **more})


def tabbed(error: str) -> str:
    fields = {"controllerKind": "Model", "namespace": "team", "name": "churn", "error": error}
    return "\t".join(["2026-01-01T10:00:05.123Z", "ERROR", "", "Reconciler error", json.dumps(fields)])


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("", ""),
        (line("adopted resource not found"), "symptom.adopted-not-found"),
        (tabbed("adopted resource not found"), "symptom.adopted-not-found"),
        (line("multiple (2) matching IAMRoleSelectors found"), "symptom.selectors-overlap"),
        (line("Resource already exists in region us-east-1, but the desired state …"), "symptom.region-moved"),
        (line("resource not adoptable"), "symptom.not-adoptable"),
        (line("adopted resource not found", name="churn-2"), ""),
        (line("adopted resource not found", namespace="other"), ""),
        (line("adopted resource not found", controllerKind="Endpoint"), ""),
        (line("adopted resource not found", ts="2026-01-01T09:59:59Z"), ""),  # of an object before this one
        (line("adopted resource not found", ts=1767261605.5), "symptom.adopted-not-found"),  # zap's epoch seconds
        (line("adopted resource not found", ts="yesterday"), "symptom.adopted-not-found"),
        (line(DENIED), ""),  # a condition tells that as well
        (line("something that a condition tells as well"), ""),
        ("churn {not json", ""),
        ("churn [1]", ""),
        (
            f"{line('adopted resource not found')}\n" + line("multiple (3) matching IAMRoleSelectors found"),
            "symptom.selectors-overlap",
        ),
    ],
)
def test_what_only_the_log_tells(text: str, id: str) -> None:
    found = synced.silent_failure(text, ONE, thing())
    assert named(found) == (f"object-silent {id}" if id else "")


def test_the_wait_looks_into_the_log() -> None:
    def log(one: Ref, manifest: Any) -> AcksmError | None:
        return synced.silent_failure(line("adopted resource not found"), one, manifest)

    told, when = wait(lambda _now: thing(), log=log)
    assert told == "object-silent symptom.adopted-not-found"
    assert synced.LOG_SECONDS <= when < synced.LOG_SECONDS + 2
