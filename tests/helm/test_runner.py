"""How helm is started: its words, its surroundings, its time, and what becomes of what it says."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.helm import runner
from acksm.helm.releases import Releases
from acksm.helm.runner import Helm, explain, find
from fake_helm import FakeHelm

KUBECONFIG = {"users": [{"name": "acksm", "user": {"token": "secret-token"}}]}
VALUES = {"aws": {"account_id": "012345678901", "region": "us-west-2"}, "watchNamespace": "a,b"}
ACCOUNT = "012345678901"


@pytest.fixture
def fake(tmp_path: Path) -> FakeHelm:
    return FakeHelm(tmp_path)


@pytest.fixture
def helm(fake: FakeHelm) -> Iterator[Helm]:
    made = Helm(lambda: KUBECONFIG, fake.path)
    yield made
    made.close()


def failure(work: Callable[[], Any]) -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        work()
    return caught.value


# where it is


def test_it_is_found_on_path_and_a_named_one_wins(fake: FakeHelm) -> None:
    assert find({"PATH": str(fake.home)}) == fake.path
    assert find({"PATH": "/nowhere", "ACKSM_HELM": fake.path}) == fake.path


@pytest.mark.parametrize(
    ("environment", "named"), [({"PATH": "/nowhere"}, "PATH"), ({"PATH": "/bin", "ACKSM_HELM": "/x/helm"}, "/x/helm")]
)
def test_missing(environment: dict[str, str], named: str) -> None:
    error = failure(lambda: find(environment))
    assert (error.id, error.where) == ("helm-missing", named)
    assert named in error.message


def test_what_cannot_be_started_counts_as_missing(tmp_path: Path) -> None:
    (tmp_path / "helm").write_text("not a program")
    (tmp_path / "helm").chmod(0o755)
    made = Helm(lambda: KUBECONFIG, str(tmp_path / "helm"))
    assert failure(lambda: made.run(["list"], seconds=5)).id == "helm-missing"
    made.close()


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.8.0", (3, 8)),
        ("v3.19.2", (3, 19)),
        ("v4.0.0-rc.1", (4, 0)),
        ("v4.1.0+g12345", (4, 1)),
        ("v3.7.2", None),
        ("v2.17.0", None),
        ("", None),
        ("nonsense", None),
    ],
)
def test_versions(text: str, version: tuple[int, int] | None, helm: Helm, fake: FakeHelm) -> None:
    fake.answer("version", text)
    if version:
        assert helm.version == version
        assert helm.version == version
        assert len(fake.calls) == 1
    else:
        error = failure(lambda: helm.version)
        assert (error.id, error.exit_code) == ("helm-too-old", ExitCode.CHECK_FAILED)


# its surroundings


def test_nothing_of_the_users_reaches_it(fake: FakeHelm, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = {
        "KUBECONFIG": "/home/me/.kube/config",
        "KUBE_CONFIG_PATH": "/home/me",
        "HELM_NAMESPACE": "elsewhere",
        "HELM_KUBECONTEXT": "production",
        "HELM_KUBEINSECURE_SKIP_TLS_VERIFY": "true",
        "HELM_KUBETLS_SERVER_NAME": "x",
        "HELM_KUBETOKEN": "x",
        "HELM_DRIVER": "memory",
        "HELM_DEBUG": "true",
        "HELM_REPOSITORY_CONFIG": "/home/me/repositories.yaml",
        "HELM_REGISTRY_CONFIG": "/home/me/registry.json",
        "HELM_PLUGINS": "/home/me/plugins",
        "HELM_CACHE_HOME": "/home/me/cache",
    }
    theirs |= {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "canary",
        "AWS_SESSION_TOKEN": "canary",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/x",
        "GITHUB_TOKEN": "canary",
        "GOOGLE_APPLICATION_CREDENTIALS": "/home/me/key.json",
        "ACKSM_CLUSTER": "demo",
        "PGPASSWORD": "canary",
        "HTTPS_PROXY": "http://me:canary@proxy",  # its kubeconfig has the proxy for its connection
        "no_proxy": "10.0.0.0/8",
    }
    ours = {
        "SSL_CERT_FILE": "/etc/ca.pem",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": str(fake.home),
    }
    for name, value in {**theirs, **ours}.items():
        monkeypatch.setenv(name, value)
    helm = Helm(lambda: KUBECONFIG, fake.path)
    helm.run(["list"], seconds=10)
    (call,) = fake.calls
    home = call.env["HOME"]
    assert {name for name in call.env if name.startswith(("HELM_", "KUBE"))} == {
        "HELM_CACHE_HOME",
        "HELM_CONFIG_HOME",
        "HELM_DATA_HOME",
        "HELM_REGISTRY_CONFIG",
        "KUBECONFIG",
        "KUBECACHEDIR",
    }
    assert all(value.startswith(home) for name, value in call.env.items() if name.startswith(("HELM_", "KUBE")))
    assert {name: call.env.get(name) for name in ours} == ours
    assert "canary" not in str(call.env)
    assert not set(call.env) & {name for name in theirs if not name.startswith(("HELM_", "KUBE"))}
    assert call.env["PATH"] == os.environ["PATH"]
    assert call.stdin == ""
    assert call.file("kubeconfig.json") == KUBECONFIG
    assert os.stat(home).st_mode & 0o777 == 0o700
    helm.close()
    assert not Path(home).exists()


def test_the_token_is_in_no_word_and_no_variable(helm: Helm, fake: FakeHelm) -> None:
    helm.run(["list"], seconds=10)
    (call,) = fake.calls
    assert "secret-token" not in str(call.argv) + str(call.env)


def test_account_ids_reach_the_chart_as_texts(helm: Helm, fake: FakeHelm) -> None:
    Releases(helm).install("r", "ns", "/c.tgz", VALUES, seconds=60)
    assert fake.calls[-1].file("values-r.json") == VALUES
    assert f'"account_id": "{ACCOUNT}"' in next(
        text for path, (_, text) in fake.calls[-1].files.items() if "values" in path
    )


# its words, for each operation and major version


WRITTEN = "--skip-crds --disable-openapi-validation -f values-r.json --timeout 60s -o json"
WORDS = {
    "template": "template r /c.tgz -n ns -f template-r.json",
    "install": f"install r /c.tgz -n ns {WRITTEN}",
    "upgrade": f"upgrade r /c.tgz -n ns {WRITTEN} --reset-values{{force}}",
    "uninstall": "uninstall r -n ns",
    "rollback": "rollback r 3 -n ns",
}


@pytest.mark.parametrize(("version", "force"), [("v3.8.0", ""), ("v4.1.0", " --force-conflicts")])
@pytest.mark.parametrize("take_back", [True, False])
def test_words(version: str, force: str, take_back: bool, helm: Helm, fake: FakeHelm) -> None:
    fake.answer("version", version)
    releases = Releases(helm)
    releases.template("r", "ns", "/c.tgz", VALUES, seconds=60)
    releases.install("r", "ns", "/c.tgz", VALUES, seconds=60)
    releases.upgrade("r", "ns", "/c.tgz", VALUES, take_back=take_back, seconds=60)
    releases.recover("r", "ns", "uninstall", 0, seconds=60)
    releases.recover("r", "ns", "rollback", 3, seconds=60)
    assert fake.words == [words.format(force=force if take_back else "") for words in WORDS.values()]


def test_helm_is_never_asked_to_wait_and_gets_no_set(helm: Helm, fake: FakeHelm) -> None:
    Releases(helm).install("r", "ns", "/c.tgz", VALUES, seconds=60)
    Releases(helm).upgrade("r", "ns", "/c.tgz", VALUES, take_back=False, seconds=0.2)
    words = " ".join(fake.words)
    assert not any(word in words for word in ("--wait", "--atomic", "--set", "--reuse-values", "--create-namespace"))
    assert "--timeout 1s" in words


# its time


def test_one_that_does_not_end_is_interrupted_and_told(helm: Helm, fake: FakeHelm) -> None:
    fake.answer("install", sleep=600)
    error = failure(lambda: helm.run(["install", "r"], seconds=0))
    assert (error.id, error.exit_code) == ("helm-timeout", ExitCode.TIMED_OUT)
    assert not alive(int((fake.home / "asleep").read_text()))


def test_one_that_takes_no_interrupt_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "END_SECONDS", 0.2)
    stubborn = tmp_path / "helm"
    stubborn.write_text(f"#!/bin/sh\ntrap '' INT TERM\necho $$ > {tmp_path}/pid\nsleep 600\nsleep 600\n")
    stubborn.chmod(0o755)
    helm = Helm(lambda: KUBECONFIG, str(stubborn))
    assert failure(lambda: helm.run(["install"], seconds=0)).id == "helm-timeout"
    assert not alive(int((tmp_path / "pid").read_text()))
    helm.close()


def test_ctrl_c_ends_helm_too(helm: Helm, fake: FakeHelm) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # who started pytest may have it ignored
    fake.answer("install", sleep=600)
    asleep = fake.home / "asleep"

    def interrupt() -> None:
        limit = time.monotonic() + 60
        while not (asleep.exists() and asleep.read_text()) and time.monotonic() < limit:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            helm.run(["install", "r"], seconds=120)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not alive(int(asleep.read_text()))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# what it says


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        (
            'Error: unable to continue with install: ServiceAccount "x" in namespace "ns" exists and cannot be '
            "imported into the current release: invalid ownership metadata; annotation validation error: key "
            '"meta.helm.sh/release-name" must equal "a": current value is "b"',
            "helm-ownership",
        ),
        (
            "Error: manifest does not contain minimum number of descriptors (2), descriptors found: 1",
            "chart-format-old",
        ),
        (
            "Error: values don't meet the specifications of the schema(s) in the following chart(s):\n"
            "sagemaker-chart:\n- installScope: must be one of",
            "values-schema",
        ),
        ("Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress", "release-busy"),
        ('Error: Kubernetes cluster unreachable: Get "https://127.0.0.1:1/version": refused', "kube-unreachable"),
        ("Error: the server has asked for the client to provide credentials", "kube-unauthorized"),
        ('Error: roles.rbac is forbidden: User "me" cannot create resource "roles"', "kube-forbidden"),
        ("Error: uninstall: Release not loaded: r: release: not found", "helm-failed"),
        ("Error: something new", "helm-failed"),
        ("", "helm-failed"),
        ("\xff\xfe", "helm-failed"),
    ],
)
def test_messages(stderr: str, expected: str, helm: Helm, fake: FakeHelm) -> None:
    fake.answer("install", stderr=stderr, code=1)
    error = failure(lambda: helm.run(["install", "r"], seconds=30))
    assert error.id == expected
    assert not error.message.startswith("Error: ")
    assert error.message.strip()
    assert error.details == ({"missing": True} if "release: not found" in stderr else {})


@pytest.mark.parametrize(
    "noise",
    [
        "WARNING: Kubernetes configuration file is group-readable. This is insecure.",
        "W1124 19:00:00.123456    4242 warnings.go:70] unknown field",
        "I0101 00:00:00.000000       1 request.go:655] Throttling request",
        'level=WARN msg="unable to find exact version"',
        "time=2026-01-01T00:00:00Z level=ERROR msg=x",
    ],
)
def test_log_lines_are_not_the_message(noise: str) -> None:
    assert explain("install", f"{noise}\nError: no\n{noise}").message == "helm install: no"


def test_a_long_message_is_cut() -> None:
    assert len(explain("install", "Error: " + "x" * 100_000).message) < 2000


def test_uninstalling_what_is_gone_already_is_fine(helm: Helm, fake: FakeHelm) -> None:
    fake.answer("uninstall", stderr="Error: uninstall: Release not loaded: r: release: not found", code=1)
    Releases(helm).recover("r", "ns", "uninstall", 0, seconds=30)
    fake.answer("uninstall", stderr="Error: timed out", code=1)
    assert failure(lambda: Releases(helm).recover("r", "ns", "uninstall", 0, seconds=30)).id == "helm-failed"


def test_a_template_gives_objects_only(helm: Helm, fake: FakeHelm) -> None:
    fake.answer("template", "---\n# Source: x\n---\nkind: A\n---\nnull\n---\nkind: B\n")
    assert [item["kind"] for item in Releases(helm).template("r", "ns", "/c", {}, seconds=30)] == ["A", "B"]
