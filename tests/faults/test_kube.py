"""An apiserver that restarts, is busy, slow or broken: through urllib3's handler as acksm sets it up, on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest

from acksm.engine import lease
from acksm.errors import AcksmError
from acksm.kube import client
from acksm.kube.client import Endpoint, Kube
from acksm.kube.paths import ref
from clock import Clock
from http_server import Reply, Server, json_reply, serve

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}
ONE = "/api/v1/namespaces/x"
WORK: dict[str, Callable[[Kube], Any]] = {
    "get": lambda kube: kube.get(ref("Namespace", "x")),
    "list": lambda kube: kube.list(ref("Namespace")),
    "create": lambda kube: kube.create(NAMESPACE),
    "apply": lambda kube: kube.apply(NAMESPACE),
    "delete": lambda kube: kube.delete(ref("Namespace", "x")),
}
PATHS = {
    "get": f"GET {ONE}",
    "list": "GET /api/v1/namespaces?limit=500",
    "create": "POST /api/v1/namespaces?fieldManager=acksm",
    "apply": f"PATCH {ONE}?fieldManager=acksm",
    "delete": f"DELETE {ONE}?propagationPolicy=Background",
}
REPEATED = ("get", "list", "apply")  # a second time changes nothing
GOOD = json_reply({"items": [], **NAMESPACE})


def status(message: str, **more: Any) -> dict[str, Any]:
    return {"kind": "Status", "message": message, **more}


class Apiserver:
    """A server with planned answers, and acksm's client of it on a clock of the test's."""

    def __init__(self, server: Server, http: ThreadingHTTPServer, clock: Clock) -> None:
        self.server, self.http, self.clock = server, http, clock

    def kube(self, seconds: float = 900, **more: Any) -> Kube:
        return Kube(Endpoint(f"http://{self.server.host}", "", token="t0"), lambda: seconds - self.clock.now, **more)

    def answers(self, work: str, *replies: Reply) -> None:
        self.server.replies[PATHS[work]] = list(replies)


@pytest.fixture
def apiserver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Apiserver]:
    server, http = serve()
    clock = Clock()
    monkeypatch.setattr("urllib3.util.retry.time", type("time", (), {"sleep": clock.sleep, "time": clock}))
    yield Apiserver(server, http, clock)
    server.wake.set()
    http.shutdown()
    http.server_close()


def failure(work: Callable[[], Any]) -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        work()
    return caught.value


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("code", [429, 503])
def test_a_busy_apiserver_is_waited_for_as_long_as_it_asks(code: int, work: str, apiserver: Apiserver) -> None:
    """It refuses before it begins anything, so that writes are repeated as well."""
    busy = json_reply(status("slow down"), status=code, headers={"Retry-After": "2"})
    apiserver.answers(work, busy, busy, GOOD)
    WORK[work](apiserver.kube())
    assert apiserver.clock.slept == [2, 2]


@pytest.mark.parametrize("asked", ["86400", "nonsense", "-1"])
def test_what_is_asked_for_is_kept_within_reason(asked: str, apiserver: Apiserver) -> None:
    apiserver.answers("get", json_reply(status("x"), status=429, headers={"Retry-After": asked}), GOOD)
    apiserver.kube().get(ref("Namespace", "x"))
    assert sum(apiserver.clock.slept) <= 30


@pytest.mark.parametrize("work", REPEATED)
@pytest.mark.parametrize(
    "reply",
    [
        json_reply(status("etcdserver: request timed out"), status=500),
        json_reply(status("etcdserver: leader changed"), status=503),
        json_reply(status("Timeout: request did not complete within requested timeout"), status=504),
        Reply(b"<html>", 502),
        Reply(reset=True),
    ],
    ids=["etcd-slow", "leader", "timeout", "balancer", "reset"],
)
def test_what_passes_is_survived(work: str, reply: Reply, apiserver: Apiserver) -> None:
    apiserver.answers(work, reply, reply, GOOD)
    WORK[work](apiserver.kube())
    assert apiserver.server.methods.count(PATHS[work]) == 3


@pytest.mark.parametrize("work", ["create", "delete"])
@pytest.mark.parametrize(
    ("reply", "told_as"),
    [(json_reply(status("etcd"), status=500), "kube-failed"), (Reply(reset=True), "kube-unreachable")],
)
def test_a_write_that_may_have_been_done_is_not_repeated(
    reply: Reply, told_as: str, work: str, apiserver: Apiserver
) -> None:
    apiserver.answers(work, reply)
    error = failure(lambda: WORK[work](apiserver.kube()))
    assert (error.id, len(apiserver.server.methods)) == (told_as, 1)


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize(
    ("code", "message", "told_as"),
    [
        (403, 'admission webhook "policy" denied the request: no', "kube-webhook-denied"),
        (409, "the object has been modified", "kube-conflict"),
        (410, "too old resource version", "kube-gone"),
        (422, "invalid", "kube-invalid"),
        (429, "slow down", "kube-busy"),
        (500, 'failed calling webhook "x": context deadline exceeded', "kube-failed"),
    ],
)
def test_what_lasts_is_one_error(code: int, message: str, told_as: str, work: str, apiserver: Apiserver) -> None:
    apiserver.answers(work, json_reply(status(message), status=code))
    error = failure(lambda: WORK[work](apiserver.kube()))
    assert (error.id, error.message) == (told_as, message)
    assert ONE[:18] in error.where


def test_a_restart_is_waited_for_and_a_stranger_is_not(apiserver: Apiserver) -> None:
    kube = apiserver.kube()
    apiserver.answers("get", Reply(GOOD.body, headers={"Connection": "close"}))
    kube.get(ref("Namespace", "x"))
    apiserver.http.shutdown()
    apiserver.http.server_close()
    assert failure(lambda: kube.get(ref("Namespace", "x"))).id == "kube-unreachable"
    assert 20 < apiserver.clock.now < 60
    apiserver.clock.now = 0.0
    assert failure(lambda: apiserver.kube().get(ref("Namespace", "x"))).id == "kube-unreachable"
    assert apiserver.clock.now < 3


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize(
    "reply",
    [
        json_reply(status("slow down"), status=429, headers={"Retry-After": "1"}),
        json_reply(status("etcd"), status=500),
        Reply(reset=True),
    ],
    ids=["429", "500", "reset"],
)
def test_nothing_is_tried_again_when_the_time_is_over(reply: Reply, work: str, apiserver: Apiserver) -> None:
    apiserver.answers(work, reply)
    error = failure(lambda: WORK[work](apiserver.kube(seconds=0)))
    assert (error.id, error.exit_code, len(apiserver.server.methods)) == ("timed-out", 5, 1)
    assert PATHS[work].split("?")[0] in error.where


def test_pauses_end_with_the_time(apiserver: Apiserver) -> None:
    apiserver.answers("get", json_reply(status("slow down"), status=429, headers={"Retry-After": "20"}))
    assert failure(lambda: apiserver.kube(seconds=30).get(ref("Namespace", "x"))).id == "timed-out"
    assert apiserver.clock.slept == [20, 10]


def test_a_hung_apiserver_ends_with_the_time(apiserver: Apiserver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LAST_SECONDS", 0.1)
    apiserver.answers("get", Reply(seconds=60))
    assert failure(lambda: apiserver.kube(seconds=0).get(ref("Namespace", "x"))).id == "timed-out"
    apiserver.answers("create", Reply(seconds=60))
    assert failure(lambda: apiserver.kube(seconds=0).create(NAMESPACE)).id == "timed-out"


@pytest.mark.parametrize("body", [b"<html>not what was asked</html>", b"[]", b"null", b"\xff"])
def test_an_answer_that_is_no_object(body: bytes, apiserver: Apiserver) -> None:
    apiserver.answers("get", Reply(body))
    assert failure(lambda: apiserver.kube().get(ref("Namespace", "x"))).id == "kube-failed"


# the token


def unauthorized_but(*good: str) -> Callable[[Any], Reply]:
    accepted = {f"Bearer {token}" for token in good}
    return lambda headers: GOOD if headers["authorization"] in accepted else json_reply(status("no"), status=401)


@pytest.mark.parametrize("work", WORK)
def test_a_token_that_expires_in_mid_run_is_made_anew(work: str, apiserver: Apiserver) -> None:
    """EKS takes a token for 15 minutes, and cleanup may take an hour."""
    made = iter(["t1", "t2"])
    kube = apiserver.kube(renew=lambda: next(made))
    apiserver.server.replies["GET /version"] = json_reply({"gitVersion": "v1.35.0"})
    kube.version()
    apiserver.server.replies[PATHS[work]] = unauthorized_but("t1")
    WORK[work](kube)
    WORK[work](kube)
    assert next(made) == "t2"


def test_who_was_never_let_in_is_told_at_once(apiserver: Apiserver) -> None:
    apiserver.server.replies[PATHS["get"]] = unauthorized_but("t1")
    kube = apiserver.kube(renew=lambda: "t1")
    assert failure(lambda: kube.get(ref("Namespace", "x"))).id == "kube-unauthorized"
    assert len(apiserver.server.methods) == 1


def test_nor_is_a_token_of_the_users_replaced(apiserver: Apiserver) -> None:
    kube = apiserver.kube()
    apiserver.answers("get", GOOD, json_reply(status("no"), status=401))
    kube.get(ref("Namespace", "x"))
    assert failure(lambda: kube.get(ref("Namespace", "x"))).id == "kube-unauthorized"


# watches


@pytest.mark.parametrize(
    "end",
    [
        Reply(json.dumps({"type": "ERROR", "object": status("too old", code=410)}).encode() + b"\n"),
        Reply(b"<html>\n"),
        Reply(b'{"type": "ADDED"}\n[1]\n'),
        Reply(b'{"type": "ADDED", "object": {"half'),
    ],
    ids=["gone", "proxy", "no-object", "half"],
)
def test_a_watch_that_ends_early_gives_what_it_had(end: Reply, apiserver: Apiserver) -> None:
    first = json.dumps({"type": "ADDED", "object": NAMESPACE}).encode() + b"\n"
    path = "GET /api/v1/namespaces?watch=true&timeoutSeconds=5"
    apiserver.server.replies[path] = Reply(first + end.body)
    assert list(apiserver.kube().watch(ref("Namespace"), seconds=5)) == [NAMESPACE]
    apiserver.server.replies[path] = Reply(first, cut=10)
    assert list(apiserver.kube().watch(ref("Namespace"), seconds=5)) == []
    assert apiserver.server.methods == [path] * 2


def test_changes_continue_from_the_version_of_a_list(apiserver: Apiserver) -> None:
    """Only metadata is read; a version that the apiserver no longer has is an error, not the end of the watch."""
    listed = {"metadata": {"resourceVersion": "7"}, "items": [NAMESPACE]}
    apiserver.server.replies["GET /api/v1/namespaces?limit=500"] = json_reply(listed)
    kube = apiserver.kube()
    assert kube.snapshot(ref("Namespace")) == ([NAMESPACE], "7")
    path = "GET /api/v1/namespaces?watch=true&resourceVersion=7&timeoutSeconds=5&allowWatchBookmarks=true"
    gone = json.dumps({"type": "DELETED", "object": NAMESPACE}).encode() + b"\n"
    apiserver.server.replies[path] = Reply(gone)
    assert list(kube.changes(ref("Namespace"), "7", seconds=5)) == [("DELETED", NAMESPACE)]
    too_old = json.dumps({"type": "ERROR", "object": status("too old", code=410)}).encode() + b"\n"
    apiserver.server.replies[path] = Reply(gone + too_old)
    changes = kube.changes(ref("Namespace"), "7", seconds=5)
    assert next(changes) == ("DELETED", NAMESPACE)
    assert failure(lambda: next(changes)).id == "kube-gone"


# the Lease


def test_a_renewal_whose_answer_is_lost_is_no_loss_of_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """The repeated PATCH meets the version that the first one made: a conflict with oneself."""
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.01)
    me, renewed = lease._Me("ack-system", "me", "f" * 32), threading.Event()
    held = {**me.manifest(), "metadata": {**me.manifest()["metadata"], "resourceVersion": "2"}}
    versions: list[str] = []

    class Conflicted:
        def patch(self, _ref: Any, body: Any) -> Any:
            versions.append(body["metadata"]["resourceVersion"])
            if versions[-1] != "2":
                raise AcksmError("kube-conflict", "the object has been modified")
            renewed.set()
            return held

        def get(self, _ref: Any) -> Any:
            return held

    lost, stopped, ended = threading.Event(), threading.Event(), threading.Event()
    mine = {"metadata": {"resourceVersion": "1"}}
    kube: Any = Conflicted()
    thread = threading.Thread(target=lease._renew, args=(kube, me, mine, ended, lost, stopped))
    thread.start()
    assert renewed.wait(60)
    ended.set()
    thread.join()
    assert (versions[:2], lost.is_set(), stopped.is_set()) == (["1", "2"], False, False)
