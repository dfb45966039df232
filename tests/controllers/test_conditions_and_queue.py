"""Conditions as they are concluded, adoption's annotations, and the work queue."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from acksm.ack.kinds import KINDS
from acksm.sandbox.controllers.standin import adoption
from acksm.sandbox.controllers.standin.conditions import Conditions
from acksm.sandbox.controllers.standin.queue import Queue
from acksm.sandbox.controllers.standin.versions import release

NEW, OLD, OLDEST = (release("sagemaker", tag) for tag in ("1.9.1", "1.4.1", "0.0.3"))
P = "services.k8s.aws/"


def concluded(which: Any, error: str = "", *, terminal: bool = False, **before: str) -> dict[str, tuple[str, str]]:
    found = Conditions({})
    for kind, message in before.items():
        found.set(f"ACK.{kind}", "True", message)
    found.conclude(which, error, terminal=terminal)
    return {item["type"]: (item["status"], item.get("message", "")) for item in found.items}


def test_all_well() -> None:
    text = "Resource synced successfully"
    assert concluded(NEW) == {"ACK.ResourceSynced": ("True", text), "Ready": ("True", text)}
    assert concluded(OLD) == {"ACK.ResourceSynced": ("True", text)}
    assert concluded(OLDEST) == {}


def test_a_recoverable_failure() -> None:
    told = concluded(NEW, "it failed", Recoverable="no access")
    assert told["ACK.ResourceSynced"][0] == "Unknown"
    assert told["Ready"] == ("False", "no access")


def test_a_terminal_failure() -> None:
    told = concluded(NEW, "it failed", terminal=True, Terminal="Resource already exists")
    assert told["ACK.ResourceSynced"] == ("False", "Resource not synced")
    assert told["Ready"] == ("False", "Resource already exists")


def test_a_success_ends_earlier_failures() -> None:
    found = Conditions({})
    found.error("x", terminal=True)
    found.error("y", terminal=False)
    assert not found.holds("ACK.Terminal")
    assert found.holds("ACK.Recoverable")
    found.success()
    assert not found.holds("ACK.Recoverable")


def obj(**annotations: str) -> dict[str, Any]:
    named = {f"{P}{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {"metadata": {"name": "m", "namespace": "n", "annotations": named}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("", "unmarshalling adoption-fields annotation: unexpected end of JSON input"),
        ("{", "unmarshalling adoption-fields annotation: invalid character"),
        ('["a"]', "cannot unmarshal"),
        ('{"modelName": 1}', "into Go value of type string"),
        ('{"name": "x"}', "required field missing: modelName"),
    ],
)
def test_adoption_fields_that_cannot_be_followed(fields: str, message: str) -> None:
    asked = obj(adoption_policy="adopt", adoption_fields=fields)
    kind = KINDS["sagemaker"]["Model"]
    with pytest.raises(adoption.TerminalError, match=message):
        adoption.populated(asked, kind, adoption.ADOPT)
    assert adoption.populated(asked, kind, adoption.ADOPT_OR_CREATE) == asked  # the spec has to say it


@pytest.mark.parametrize(
    ("service", "kind", "fields", "spec", "status"),
    [
        ("sagemaker", "Endpoint", {"endpointName": "e"}, {"endpointName": "e"}, {}),
        ("sagemaker", "Domain", {"domainID": "d"}, {}, {"domainID": "d"}),
        ("sagemaker", "ModelPackage", {"arn": "a"}, {}, {"ackResourceMetadata": {"arn": "a"}}),
        ("sagemaker", "DataQualityJobDefinition", {"jobDefinitionName": "j"}, {"jobDefinitionName": "j"}, {}),
        ("applicationautoscaling", "ScalableTarget", {"resourceID": "r", "serviceNamespace": "s"}, None, {}),
    ],
)
def test_where_the_key_of_a_kind_goes(
    service: str, kind: str, fields: dict[str, str], spec: dict[str, Any] | None, status: dict[str, Any]
) -> None:
    found = adoption.with_key(obj(), KINDS[service][kind], fields)
    assert found["spec"] == (fields if spec is None else spec)
    assert found["status"] == status


def test_every_kind_of_every_release_is_in_the_table() -> None:
    for service in KINDS:
        assert set(release(service, "latest").kinds) == set(KINDS[service])


def test_the_queue_gives_a_key_to_one_worker_at_a_time() -> None:
    queue: Queue[str] = Queue()
    queue.add("a")
    queue.add("a")
    queue.add("b", 0.01)
    assert queue.take() == "a"
    queue.add("a")  # changed while it is worked on
    assert queue.take() == "b"
    queue.done("b")
    queue.done("a")
    assert queue.take() == "a"


def test_the_queue_comes_back_and_an_earlier_time_wins() -> None:
    queue: Queue[str] = Queue()
    queue.add("late", 3600)
    queue.add("late", 0)
    assert queue.take() == "late"
    queue.done("late", again=0.01)
    assert queue.take() == "late"
    queue.done("late", failed=True)
    assert queue.take() == "late"


def test_the_queue_wakes_a_worker_that_waits() -> None:
    queue: Queue[str] = Queue()
    found: list[str] = []
    worker = threading.Thread(target=lambda: found.append(queue.take()), daemon=True)
    worker.start()
    queue.add("x")
    worker.join(10)
    assert found == ["x"]
