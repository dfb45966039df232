"""What of the sandbox can be told without starting it: IAM's decisions, pod identity, state, locks, charts."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, strategies as st

from acksm import archive, private_file
from acksm.errors import AcksmError
from acksm.events import Event
from acksm.sandbox import api, control_plane, doors, identity_webhook, state
from acksm.sandbox.api import exports
from acksm.sandbox.certificates import Authority
from acksm.sandbox.controllers.kube import Kube, KubeError
from acksm.sandbox.controllers.pods import controller_of
from acksm.sandbox.controllers.programs import Programs
from acksm.sandbox.controllers.run import Run, Surroundings
from acksm.sandbox.locks import file_lock
from acksm.sandbox.permissions import ALLOWED, DENIED, NOT_ALLOWED, decide, principal
from acksm.sandbox.practice import build, files
from acksm.sandbox.practice.generations import Chart, all_charts

# kubelet


class _Refusing(Kube):
    """An apiserver without the secrets of a pod, which takes no events (a namespace that is being deleted)."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken, self.deleted = broken, threading.Event()
        self.seen: list[str] = []

    def request(self, method: str, path: str, body: object = None, kind: str = "") -> dict[str, Any]:
        self.seen.append(f"{method} {path}")
        if method == "DELETE":
            self.deleted.set()
            return {}
        if method == "PATCH":
            return dict(POD)
        if path.endswith("/events"):
            raise KubeError(403, "Forbidden", "unable to create new content in namespace n because it is being deleted")
        if self.broken:
            raise ValueError("not expected")
        raise KubeError(404, "NotFound", "not found")


CONTAINER = {"name": "controller", "image": "sagemaker-controller:1.9.1", "args": ["--aws-region", "us-west-2"]}
POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u"},
    "spec": {
        "nodeName": "n",
        "containers": [CONTAINER],
        "volumes": [{"name": "v", "secret": {"secretName": "unmounted"}}],
    },
}


@pytest.mark.parametrize("broken", [False, True])
def test_a_pod_that_cannot_start_is_removed_whatever_its_apiserver_says(tmp_path: Path, *, broken: bool) -> None:
    kube = _Refusing(broken=broken)
    around = Surroundings("demo", "", "", "", "us-west-2", tmp_path, pace=0.1)
    controller = controller_of(POD)
    assert controller
    programs = Programs({}, Path("crane"), "127.0.0.1:1", tmp_path, images=False, pull=False)
    run = Run(around, kube, programs, POD, controller)
    run.start()
    run.join(0.2)
    run.end(remove=True)
    assert kube.deleted.wait(10), kube.seen
    assert ("POST /api/v1/namespaces/n/events" in kube.seen) is not broken


# IAM


def allow(action: Any, resource: Any = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Statement": {"Effect": effect, "Action": action, "Resource": resource, **more}}


ROLE = "arn:aws:iam::012345678901:role/r"


@pytest.mark.parametrize(
    ("documents", "action", "resource", "answer"),
    [
        ([], "iam:GetRole", "", NOT_ALLOWED),
        ([allow("iam:GetRole")], "iam:GetRole", ROLE, ALLOWED),
        ([allow("IAM:getrole")], "iam:GetRole", ROLE, ALLOWED),
        ([allow("iam:Get*")], "iam:GetRole", ROLE, ALLOWED),
        ([allow("iam:Get?ole")], "iam:GetRole", ROLE, ALLOWED),
        ([allow(["s3:*", "*"])], "iam:GetRole", ROLE, ALLOWED),
        ([allow("iam:Get")], "iam:GetRole", ROLE, NOT_ALLOWED),
        ([allow("iam.GetRole")], "iam:GetRole", ROLE, NOT_ALLOWED),
        ([allow("*", ROLE)], "iam:GetRole", ROLE, ALLOWED),
        ([allow("*", ROLE)], "iam:GetRole", ROLE + "x", NOT_ALLOWED),
        ([allow("*", ROLE)], "iam:GetRole", "", NOT_ALLOWED),
        ([allow("*", ROLE.upper())], "iam:GetRole", ROLE, NOT_ALLOWED),
        ([allow("*"), allow("iam:*", effect="Deny")], "iam:GetRole", ROLE, DENIED),
        ([allow("iam:*", effect="Deny"), allow("*")], "iam:GetRole", ROLE, DENIED),
        ([allow("*"), allow("iam:*", effect="Deny", Condition={"Bool": {"a:b": "1"}})], "iam:GetRole", ROLE, ALLOWED),
        ([allow("*", Condition={"StringEquals": {}})], "iam:GetRole", ROLE, ALLOWED),
        ([{"Statement": [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]}], "iam:GetRole", ROLE, ALLOWED),
        (
            [{"Statement": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]}],
            "iam:GetRole",
            ROLE,
            NOT_ALLOWED,
        ),
    ],
)
def test_decisions(documents: list[Any], action: str, resource: str, answer: str) -> None:
    assert decide(documents, action, resource) == answer


_patterns = st.text(st.sampled_from("ab*?:"), min_size=1, max_size=5)


@given(
    st.lists(st.tuples(st.sampled_from(["Allow", "Deny"]), _patterns), max_size=5),
    st.text("ab:", min_size=1, max_size=5),
)
def test_deny_wins_over_any_allow(statements: list[tuple[str, str]], action: str) -> None:
    document = {"Statement": [{"Effect": effect, "Action": item, "Resource": "*"} for effect, item in statements]}
    answer = decide([document], action, "x")
    without = decide(
        [{"Statement": [item for item in document["Statement"] if item["Effect"] == "Allow"]}], action, "x"
    )
    only = decide([{"Statement": [item for item in document["Statement"] if item["Effect"] == "Deny"]}], action, "x")
    assert answer == (DENIED if only == DENIED else without)


@pytest.mark.parametrize(
    ("arn", "who"),
    [
        ("arn:aws:iam::012345678901:user/me", ("user", "me")),
        ("arn:aws:iam::012345678901:user/team/me", ("user", "me")),
        ("arn:aws:iam::012345678901:role/team/r", ("role", "r")),
        ("arn:aws:sts::012345678901:assumed-role/r/session", ("role", "r")),
        ("arn:aws:iam::012345678901:root", ("", "")),
        ("nonsense", ("", "")),
    ],
)
def test_principals(arn: str, who: tuple[str, str]) -> None:
    assert principal(arn) == who


# pod identity


def applied(pod: dict[str, Any], role: str = ROLE) -> dict[str, Any]:
    """The pod after the webhook's answer, whose patch only adds."""
    way = identity_webhook.by_annotation(role) if role else None
    return patched(pod, way)


def patched(pod: dict[str, Any], way: identity_webhook.Way | None) -> dict[str, Any]:
    review = identity_webhook.answer({"request": {"uid": "u", "object": pod}}, way, "us-west-2")
    response = review["response"]
    assert (response["uid"], response["allowed"]) == ("u", True)
    pod = json.loads(json.dumps(pod))
    for operation in json.loads(base64.b64decode(response.get("patch", base64.b64encode(b"[]")))):
        *above, last = operation["path"].strip("/").split("/")
        node: Any = pod
        for key in above:
            node = node[int(key) if key.isdigit() else key]
        node[last] = operation["value"]
    return pod


def test_a_pod_gets_the_variables_the_volume_and_keeps_its_own() -> None:
    own = {"name": "AWS_DEFAULT_REGION", "value": "eu-west-1"}
    pod = {"spec": {"containers": [{"name": "a", "env": [own]}, {"name": "b"}], "volumes": [{"name": "mine"}]}}
    spec = applied(pod)["spec"]
    for container in spec["containers"]:
        env = {item["name"]: item["value"] for item in container["env"]}
        assert env["AWS_ROLE_ARN"] == ROLE
        assert env["AWS_WEB_IDENTITY_TOKEN_FILE"].startswith(container["volumeMounts"][0]["mountPath"])
    names = [item["name"] for item in spec["containers"][0]["env"]]
    assert (spec["containers"][0]["env"].count(own), "AWS_REGION" in names) == (1, False)
    assert [volume["name"] for volume in spec["volumes"]] == ["mine", "aws-iam-token"]
    (token,) = spec["volumes"][1]["projected"]["sources"]
    assert token["serviceAccountToken"]["audience"] == "sts.amazonaws.com"


def test_an_association_gives_a_pod_the_agents_variables_and_a_label() -> None:
    pod = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "a"}]}}
    found = patched(pod, identity_webhook.by_association())
    (container,), (volume,) = found["spec"]["containers"], found["spec"]["volumes"]
    env = {item["name"]: item["value"] for item in container["env"]}
    assert not {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"} & {*env}
    assert env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://169.254.170.23/v1/credentials"
    assert (
        env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] == f"{container['volumeMounts'][0]['mountPath']}/{volume['name']}"
    )
    (token,) = volume["projected"]["sources"]
    assert token["serviceAccountToken"]["audience"] == "pods.eks.amazonaws.com"
    assert found["metadata"]["labels"] == {"app": "a", "eks.amazonaws.com/pod-identity": "enabled"}


def test_a_pod_without_a_role_and_one_that_has_it_are_left_alone() -> None:
    pod = {"spec": {"containers": [{"name": "a"}]}}
    assert applied(pod, "") == pod
    assert applied(applied(pod)) == applied(pod)
    assert identity_webhook.configuration("https://x", "ca")["webhooks"][0]["failurePolicy"] == "Ignore"


# state


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACKSM_SANDBOX_DIR", str(tmp_path))


def sandbox(name: str = "demo") -> state.State:
    process = state.Process("daemon", os.getpid(), state.start_time(os.getpid()), "log")
    clusters = {"practice": state.ClusterState("practice", "r", "1", "https://x", "ca", "https://i", [process])}
    return state.State(
        name, process, "http://a", "http://c", "token", "h:1", None, "/helm", {"1": {"k": "v"}}, clusters
    )


def test_state_is_written_whole_and_privately_and_read_back() -> None:
    assert state.load("demo") is None
    state.save(sandbox())
    assert state.load("demo") == sandbox()
    file = state.directory("demo") / "state.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [item.name for item in file.parent.iterdir()] == ["state.json"]
    file.write_text(file.read_text()[:40])
    assert state.load("demo") is None


def former(pid: int) -> Path:
    """state.json as acksm 0.1 wrote it: no version, no token; its daemon is the process `pid`."""
    data = asdict(sandbox()) | {"authenticator": "http://b"}
    del data["version"], data["token"]
    data["daemon"] |= {"pid": pid, "started": state.start_time(pid)}
    file = state.directory("demo") / "state.json"
    private_file.write(file, json.dumps(data))
    return file


def test_a_sandbox_of_another_version_is_told_while_it_runs_and_is_ended_by_down() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    file = former(child.pid)
    data = json.loads(file.read_text())
    data["clusters"] = {}  # whose process is this one
    file.write_text(json.dumps(data))
    for ask in (state.load, api.require, api.status, api.environment, lambda name: api.up(api.Options(name))):
        with pytest.raises(AcksmError) as caught:
            ask("demo")
        assert caught.value.id == "sandbox-version"
        assert child.poll() is None
    assert api.down("demo")
    assert child.wait(10) == -signal.SIGTERM
    assert not file.exists()


def test_what_another_version_left_is_no_sandbox() -> None:
    file = former(os.getpid())
    file.write_text(file.read_text().replace(f'"started": {state.start_time(os.getpid())}', '"started": 1'))
    assert state.load("demo") is None
    assert {process.name for process in state.recorded("demo")} == {"daemon"}


# doors


def asked(app: doors.Application, **environ: str) -> str:
    told: list[str] = []

    def begin(status: str, _headers: object, _exc_info: object = None, /) -> Callable[[bytes], object]:
        told.append(status)
        return bytes

    app({"HTTP_HOST": "127.0.0.1:80", **environ}, begin)
    return told[0]


def _open(_environ: dict[str, Any], begin: doors.StartResponse) -> list[bytes]:
    begin("200 OK", [])
    return []


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({}, "200"),
        ({"HTTP_HOST": "localhost"}, "200"),
        ({"HTTP_HOST": ""}, "403"),
        ({"HTTP_HOST": "evil.example:80"}, "403"),
        ({"HTTP_HOST": "127.0.0.1.evil.example"}, "403"),
        ({"HTTP_HOST": "localhost.evil.example"}, "403"),
        ({"HTTP_HOST": "127.0.0.1:80\n"}, "403"),
        ({"HTTP_ORIGIN": "http://127.0.0.1:80"}, "403"),
        ({"HTTP_ORIGIN": ""}, "403"),
    ],
)
def test_servers_are_for_programs_of_this_machine(environ: dict[str, str], status: str) -> None:
    assert asked(doors.local(_open), **environ).startswith(status)


_JSON = {"CONTENT_TYPE": "application/json"}


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({"HTTP_AUTHORIZATION": "Bearer t", **_JSON}, "200"),
        (_JSON, "401"),
        ({"HTTP_AUTHORIZATION": "Bearer ", **_JSON}, "401"),
        ({"HTTP_AUTHORIZATION": "Bearer té", **_JSON}, "401"),
        ({"HTTP_AUTHORIZATION": "Bearer t"}, "415"),
        ({"HTTP_AUTHORIZATION": "Bearer t", "CONTENT_TYPE": "text/plain"}, "415"),
        ({"HTTP_AUTHORIZATION": "Bearer t", "CONTENT_TYPE": "text/plain; application/json"}, "415"),
    ],
)
def test_what_does_something_wants_the_token_and_json(environ: dict[str, str], status: str) -> None:
    assert asked(doors.with_token(_open, "t"), **environ).startswith(status)


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "-a", "a" * 33, "a\n", "a b", "é"])
def test_names_that_would_be_no_directory(name: str) -> None:
    with pytest.raises(AcksmError) as caught:
        state.directory(name)
    assert caught.value.id == "sandbox-name"


def test_an_engine_is_one_of_two() -> None:
    with pytest.raises(AcksmError) as caught:
        api.run_engine("argo", "never-was")
    assert (caught.value.id, caught.value.where) == ("config-invalid", "--engine")


def test_ports_are_given_once_are_free_and_are_no_connections_own(monkeypatch: pytest.MonkeyPatch) -> None:
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = [port for _ in range(40) for port in control_plane.free_ports(5)]
    assert len(set(ports)) == 200
    assert max(ports) < low
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        busy = taken.getsockname()[1]
        monkeypatch.setattr(control_plane, "_PORTS", cycle(range(busy - 5, busy + 6)))
        assert busy not in control_plane.free_ports(3)


def test_only_the_process_that_was_started_is_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    started = state.start_time(child.pid)
    assert state.Process("x", child.pid, started, "").alive()
    stranger = state.Process("x", child.pid, started + 1, "")  # the same id, another life
    assert not stranger.alive()
    stranger.end()
    assert child.poll() is None
    state.Process("x", child.pid, started, "").end()
    assert child.wait(10) == -signal.SIGTERM
    state.Process("x", child.pid, started, "").end()


def test_one_that_takes_no_signal_is_killed() -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(600)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    state.Process("x", child.pid, state.start_time(child.pid), "").end(patience=0.05)
    assert child.wait(10) == -signal.SIGKILL
    child.stdout.close()


HOLD = """
import sys, time
from pathlib import Path
from acksm.sandbox.locks import file_lock
with file_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_is_waited_for_and_goes_with_its_holder(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    told: list[Event] = []

    def emit(event: Event) -> None:
        told.append(event)
        holder.kill()

    with file_lock(tmp_path / "lock", emit, "another build"):
        pass
    assert [event.text for event in told] == ["waiting for another build"]
    with file_lock(tmp_path / "lock", told.append):
        pass
    assert len(told) == 1
    holder.wait(10)
    holder.stdout.close()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
def test_exports_survive_any_shell_value(value: str) -> None:
    lines = exports({"NAME": value})
    script = f'{lines}\nprintf %s "$NAME"'
    ended = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True)
    assert ended.stdout == value.encode()


def test_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    crt, key = authority.issue("kube-apiserver", server=True)
    user, _ = authority.issue("system:admin", organization="system:masters")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (key, tmp_path / "pki" / "system-admin.key")} == {0o600}
    ca = x509.load_pem_x509_certificate(authority.pem.encode())
    for path in (crt, user):
        x509.load_pem_x509_certificate(path.read_bytes()).verify_directly_issued_by(ca)
    names = x509.load_pem_x509_certificate(crt.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert "127.0.0.1" in map(str, names.value.get_values_for_type(x509.IPAddress))
    assert "system:masters" in x509.load_pem_x509_certificate(user.read_bytes()).subject.rfc4514_string()


# practice charts


@pytest.mark.parametrize("chart", all_charts(), ids=lambda chart: f"{chart.service}-{chart.version}")
def test_a_practice_chart_is_the_same_each_time_and_passes_as_hostile_input(chart: Chart) -> None:
    data = build(chart)
    assert build(chart) == data
    read = archive.read_bytes(data, "x")
    assert (read.name, read.version) == (f"{chart.service}-chart", chart.tag)
    assert read.files == files(chart)
    assert "practice" in read.files["Chart.yaml"].decode()
    kinds = {text.partition("kind: ")[2] for _, text in read.crds}
    assert len(kinds) == len(read.crds) == len(chart.kinds) + len(chart.common_kinds)
