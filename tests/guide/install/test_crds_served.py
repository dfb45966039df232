"""Waiting until CRDs are served, also by an apiserver that was restarted in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.guide.install import crds
from acksm.kube.paths import Ref
from clock import Clock


class Apiserver:
    """Has accepted the names of one CRD, and serves it once it has seen `changes` changes of it."""

    def __init__(self, changes: int, refuses: str = "") -> None:
        self.left, self.refuses = changes, refuses
        self.annotations: dict[str, Any] = {}

    def list(self, of: Ref, **_options: object) -> list[dict[str, Any]]:
        return [*self.watch(of)]

    def watch(self, _of: Ref, **_options: object) -> Iterator[dict[str, Any]]:
        conditions = ["NamesAccepted"] + (["Established"] if self.left <= 0 else [])
        status = {"conditions": [{"type": name, "status": "True"} for name in conditions]}
        yield {"metadata": {"name": "models.sagemaker.services.k8s.aws"}, "status": status}

    def patch(self, _of: Ref, body: Mapping[str, Any]) -> dict[str, Any]:
        if self.refuses:
            raise AcksmError(self.refuses, "no")
        self.left -= 1
        for key, value in body["metadata"]["annotations"].items():
            self.annotations[key] = value
        return {}

    def wait(self, seconds: float = 60) -> None:
        crds.await_established(self, Clock().deadline(seconds), ["models.sagemaker.services.k8s.aws"])


def test_what_is_served_is_left_alone() -> None:
    apiserver = Apiserver(0)
    apiserver.wait()
    assert apiserver.annotations == {}


def test_what_a_restarted_apiserver_has_forgotten_is_served_after_a_change_that_is_taken_back() -> None:
    apiserver = Apiserver(1)
    apiserver.wait()
    assert apiserver.annotations == {crds.NUDGE_ANNOTATION: None}


@pytest.mark.parametrize("refuses", ["kube-forbidden", "kube-not-found"])
def test_who_may_not_change_it_waits(refuses: str) -> None:
    with pytest.raises(AcksmError) as caught:
        Apiserver(1, refuses).wait(20)
    assert caught.value.id == "timed-out"
