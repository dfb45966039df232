"""What a release's pod needs, and what the apiserver answers to a dry run of it, before the first write."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.guide.install import admission
from acksm.kube.paths import Ref

ACCOUNT = {"kind": "ServiceAccount", "metadata": {"name": "ack"}}


def deployment(strategy: str = "RollingUpdate", **spec: Any) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": "ack"}},
        "spec": {"serviceAccountName": "ack", "containers": [{"name": "controller"}], **spec},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "ack"},
        "spec": {"strategy": {"type": strategy}, "template": template},
    }


class Server:
    """An apiserver with `live` objects by "Kind name"; `pod` and `deployment` are its answers to dry runs."""

    def __init__(
        self, *live: str, pod: AcksmError | None = None, deployment: AcksmError | None = None, secret: bool = True
    ) -> None:
        self.live, self.secret, self.answers = live, secret, {"Pod": pod, "Deployment": deployment}
        self.tried: list[Any] = []

    def get(self, of: Ref) -> Any:
        if not self.secret:
            raise AcksmError("kube-forbidden", "no")
        return {} if f"{of.kind} {of.name}" in self.live else None

    def _try(self, manifest: Any, dry_run: bool) -> None:
        assert dry_run
        self.tried.append(manifest)
        if error := self.answers[manifest["kind"]]:
            raise error

    def create(self, manifest: Any, *, dry_run: bool = False) -> None:
        self._try(manifest, dry_run)

    def apply(self, manifest: Any, *, force: bool = False, dry_run: bool = False) -> None:
        self._try(manifest, dry_run)

    def check(self, *manifests: Any, exists: bool = True, wait: bool = True) -> list[str]:
        target: Any = SimpleNamespace(
            kube=self, settings=SimpleNamespace(controller_namespace="ns"), run=SimpleNamespace(wait=wait)
        )
        return admission.check(target, manifests, {"ns": {}} if exists else {})

    def refused(self, *manifests: Any, **more: Any) -> AcksmError:
        with pytest.raises(AcksmError) as caught:
            self.check(*manifests, **more)
        assert self.check(*manifests, **more, wait=False)[0].startswith(caught.value.message)
        return caught.value


def test_a_pod_that_is_admitted_has_an_owner_and_an_account_that_exists() -> None:
    server = Server()
    assert server.check(deployment(), ACCOUNT) == []
    pod = server.tried[1]
    assert (pod["kind"], pod["spec"]["serviceAccountName"]) == ("Pod", "default")  # the release's is not there yet
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"  # policies forbid pods without one
    server = Server("ServiceAccount ack")
    assert server.check(deployment(), ACCOUNT) == []
    assert server.tried[1]["spec"]["serviceAccountName"] == "ack"


def test_nothing_is_tried_where_nothing_changes_or_the_namespace_is_new() -> None:
    server = Server()
    assert server.check(ACCOUNT) == []
    assert server.check(deployment(), ACCOUNT, exists=False) == []
    assert server.tried == []


@pytest.mark.parametrize("exists", [True, False])
def test_a_service_account_that_nothing_creates(exists: bool) -> None:
    error = Server().refused(deployment(), exists=exists)
    assert error.id == "service-account-missing"
    assert "serviceAccount.create=true" in error.remedy
    assert "kubectl -n ns create serviceaccount ack" in error.remedy
    assert Server("ServiceAccount ack").check(deployment()) == []


FROM_SECRET = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "aws", "key": "k"}}}]


@pytest.mark.parametrize(
    ("spec", "missing"),
    [
        ({"containers": [{"env": FROM_SECRET}]}, "Secret aws"),
        ({"initContainers": [{"envFrom": [{"configMapRef": {"name": "c"}}]}]}, "ConfigMap c"),
        ({"volumes": [{"name": "v", "secret": {"secretName": "aws"}}]}, "Secret aws"),
        ({"volumes": [{"name": "v", "projected": {"sources": [{"configMap": {"name": "c"}}]}}]}, "ConfigMap c"),
        ({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "d"}}]}, "PersistentVolumeClaim d"),
        ({"volumes": [{"name": "v", "secret": {"secretName": "aws", "optional": True}}]}, ""),
        ({"volumes": [{"name": "v", "emptyDir": {}}]}, ""),
    ],
)
def test_what_the_pod_refers_to(spec: dict[str, Any], missing: str) -> None:
    if not missing:
        assert Server().check(deployment(**spec), ACCOUNT) == []
        return
    error = Server().refused(deployment(**spec), ACCOUNT)
    assert (error.id, missing in error.message) == ("reference-missing", True)
    assert error.remedy.startswith("kubectl -n ")
    assert Server(missing).check(deployment(**spec), ACCOUNT) == []
    assert Server().refused(deployment(**spec), ACCOUNT, exists=False).id == "reference-missing"
    kind, name = missing.split()
    rendered = {"kind": kind, "metadata": {"name": name}}
    assert Server().check(deployment(**spec), ACCOUNT, rendered) == []
    assert Server(secret=False).check(deployment(**spec), ACCOUNT) == []  # the caller may not read it


def test_a_service_account_that_the_caller_may_not_read() -> None:
    (note,) = Server(secret=False).check(deployment())
    assert note == "whether service account ack exists could not be checked"


def forbidden(message: str) -> AcksmError:
    return AcksmError("kube-forbidden", message)


QUOTA = forbidden('pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1')
RESTRICTED = forbidden('pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true')
NO_RIGHT = forbidden('pods is forbidden: User "me" cannot create resource "pods" in API group "" in the namespace "ns"')
DENIED = AcksmError("kube-webhook-denied", 'admission webhook "a.b" denied the request: no')


@pytest.mark.parametrize(
    ("answer", "said", "remedy"),
    [
        (QUOTA, "exceeded quota: q", "kubectl -n ns describe resourcequota q"),
        (RESTRICTED, 'violates PodSecurity "restricted:latest"', "kubectl label namespace ns"),
        (
            forbidden('pods "x" is forbidden: no PriorityClass with name p was found'),
            "PriorityClass",
            "kubectl get prio",
        ),
    ],
)
def test_what_the_apiserver_refuses_is_said_before_the_first_write(answer: AcksmError, said: str, remedy: str) -> None:
    error = Server(pod=answer).refused(deployment(), ACCOUNT)
    assert (error.id, said in error.message) == ("pod-refused", True)
    assert 'pods "x"' not in error.message
    assert error.remedy.startswith(remedy)


@pytest.mark.parametrize(
    "answer",
    [
        NO_RIGHT,
        DENIED,  # of another user than the one who creates the pod
        AcksmError("kube-failed", 'failed calling webhook "a.b": no endpoints'),
        AcksmError("kube-invalid", "admission webhook a.b does not support dry run"),
        forbidden('error looking up service account ns/default: serviceaccount "default" not found'),
    ],
)
def test_what_cannot_be_told_is_a_note(answer: AcksmError) -> None:
    (note,) = Server(pod=answer).check(deployment(), ACCOUNT)
    assert answer.message in note


def test_a_deployment_that_is_denied_to_the_caller_is_refused() -> None:
    assert Server(deployment=DENIED).refused(deployment(), ACCOUNT).id == "kube-webhook-denied"


def test_a_quota_may_have_room_once_the_old_pod_has_ended() -> None:
    (note,) = Server(pod=QUOTA).check(deployment("Recreate"), ACCOUNT)
    assert "may not fit: exceeded quota" in note
