"""Every connection by the same proxy and with the same authorities: AWS, the apiserver and registries."""

from __future__ import annotations

import base64
import importlib.metadata
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from acksm.aws.account import Aws
from acksm.errors import AcksmError
from acksm.helm.registry import Registry
from acksm.kube.client import Endpoint, Kube
from acksm.sandbox.certificates import Authority, write_key
from http_server import Reply, Server, json_reply, pump, serve

STS = "sts.us-west-2.amazonaws.com"
CALLER = Reply(
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::012345678901:user/me</Arn>"
    b"<UserId>A</UserId><Account>012345678901</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)
TAGS = "/v2/acks/sagemaker-chart/tags/list?n=1000"
VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*VARIABLES, "AWS_ENDPOINT_URL", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    """Of a proxy that intercepts TLS: certificates for any host, by an authority of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(name) for name in (STS, "registry.invalid", "abc.gr7.us-west-2.eks.amazonaws.com")]
    certificate = (
        authority._builder(x509.Name([]), key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .sign(authority._key, hashes.SHA256())
    )
    crt, pem = authority.directory / "any.crt", authority.directory / "any.key"
    crt.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    write_key(pem, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, pem)
    return context


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext) -> Iterator[Server]:
    server, http = serve()
    server.intercepts = tls
    server.replies = {"POST /": CALLER, TAGS: json_reply({"tags": ["1.0.0"]})}
    monkeypatch.setenv("HTTPS_PROXY", f"me@corp:p%40ß^w@{server.host}")
    yield server
    http.shutdown()
    http.server_close()


def failure(work: Callable[[], object]) -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        work()
    return caught.value


def arn() -> str:
    return Aws(region="us-west-2").identity().arn


def tags() -> list[str]:
    return Registry("registry.invalid/acks").tags("sagemaker")


@pytest.mark.parametrize("variable", VARIABLES[:4])
def test_a_proxy_with_a_login_that_intercepts_tls(
    variable: str, proxy: Server, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(authority.path))
    assert arn() == "arn:aws:iam::012345678901:user/me"
    assert tags() == ["1.0.0"]
    logins = {base64.b64decode(said.split()[1]).decode() for path, said in proxy.asked if path.startswith("CONNECT")}
    assert logins == {"me@corp:p@ß^w"}
    assert {path for path in proxy.paths if path.startswith("CONNECT")} == {
        f"CONNECT {STS}:443",
        "CONNECT registry.invalid:443",
    }


def test_the_bundle_of_a_profile(proxy: Server, authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "aws").write_text(f"[default]\nca_bundle = {authority.path}\n")
    assert arn().endswith("user/me")
    (tmp_path / "aws").write_text("[default]\nca_bundle = /nowhere.pem\n")
    error = failure(arn)
    assert (error.id, error.where) == ("ca-bundle-invalid", "ca_bundle of profile default")


@pytest.mark.usefixtures("proxy")
def test_an_authority_that_is_not_trusted_is_said(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    assert [failure(arn).id, failure(tags).id] == ["certificate-untrusted"] * 2
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.path))  # the apiserver has the cluster's authority alone
    other = Authority(authority.directory / "other")
    host = "abc.gr7.us-west-2.eks.amazonaws.com"
    error = failure(lambda: Kube(Endpoint(f"https://{host}", other.pem, token="t"), lambda: 0).version())
    assert "CERTIFICATE_VERIFY_FAILED" in error.message
    assert (
        f"NO_PROXY={host}" in failure(lambda: Kube(Endpoint(f"https://{host}", other.pem, token="t")).version()).remedy
    )


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("kind", ["missing", "directory", "text", "loop", "long"])
def test_a_bundle_that_is_none(
    variable: str, kind: str, proxy: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / kind
    if kind == "directory":
        path.mkdir()
    elif kind == "text":
        path.write_text("no certificate")
    elif kind == "loop":
        path.symlink_to(path)
    if variable == "SSL_CERT_DIR" and kind == "directory":
        pytest.skip("a directory is right")
    monkeypatch.setenv(variable, str(path) if kind != "long" else "x" * 5000)
    for work in (arn, tags):
        error = failure(work)
        assert (error.id, error.where) == ("ca-bundle-invalid", f"variable {variable}")
    assert proxy.asked == []


def test_a_proxy_that_refuses_is_named_without_its_password(proxy: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy.intercepts = None
    for work, expected in ((arn, "aws-unreachable"), (tags, "registry-unreachable")):
        error = failure(work)
        assert error.id == expected
        assert "403" in error.message
        assert "w@" not in error.message
    monkeypatch.setenv("HTTPS_PROXY", "http://t:p@127.0.0.1:9")
    error = failure(arn)
    assert (error.id, "http://***@127.0.0.1:9" in error.message) == ("aws-unreachable", True)


def test_the_apiserver_is_reached_by_the_same_proxy(proxy: Server, authority: Authority) -> None:
    proxy.intercepts = None
    kube = Kube(Endpoint("https://192.0.2.1:6443", authority.pem, token="t"), lambda: 0)
    failure(kube.version)
    assert [path for path, said in proxy.asked if said] == ["CONNECT 192.0.2.1:6443"]


def test_no_proxy_counts_for_aws_and_the_apiserver(proxy: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a network, which botocore's own decision does not know."""
    dead = "http://127.0.0.1:9"
    monkeypatch.setenv("HTTP_PROXY", dead)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{proxy.host}")
    proxy.replies["/version"] = json_reply({"gitVersion": "v1.35.0"})
    kube = Endpoint(f"http://{proxy.host}", "", token="t")
    assert failure(arn).id == "aws-unreachable"
    assert failure(Kube(kube, lambda: 0).version).id == "timed-out"
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8, 127.0.0.0/8")
    assert arn().endswith("user/me")
    assert Kube(kube).version() == "1.35.0"


def test_what_a_kubeconfig_says_is_above_no_proxy(proxy: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    proxy.intercepts = None
    at = Endpoint("https://192.0.2.1:6443", "", token="t", proxy_url=f"http://{proxy.host}")
    failure(Kube(at, lambda: 0).version)
    assert proxy.paths == ["CONNECT 192.0.2.1:6443"]


@pytest.fixture
def socks() -> Iterator[tuple[int, list[str]]]:
    """A SOCKS5 proxy with a login (RFC 1928, 1929); what it was asked for, and by whom."""
    asked: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(client: socket.socket) -> None:
        with client:
            client.recv(client.recv(2)[1])
            client.sendall(b"\5\2")
            user = client.recv(client.recv(2)[1])
            password = client.recv(client.recv(1)[0])
            client.sendall(b"\1\0")
            assert client.recv(4)[3] == 3  # a name, which the proxy resolves
            name = client.recv(client.recv(1)[0]).decode()
            port = int.from_bytes(client.recv(2), "big")
            asked.append(f"{user.decode()}:{password.decode()} {name}")
            with socket.create_connection(("127.0.0.1", port)) as there:
                client.sendall(b"\5\0\0\1\0\0\0\0\0\0")
                pump(client, there)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1], asked
    listener.close()


def test_aws_the_apiserver_and_registries_by_socks(
    socks: tuple[int, list[str]], proxy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, asked = socks
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv("ALL_PROXY", f"socks5h://me:p%40s@127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://aws.invalid:{proxy.port}")
    proxy.replies["/version"] = json_reply({"gitVersion": "v1.35.0"})
    assert arn().endswith("user/me")
    assert Kube(Endpoint(f"http://kube.invalid:{proxy.port}", "", token="t")).version() == "1.35.0"
    assert asked == ["me:p@s aws.invalid", "me:p@s kube.invalid"]


def test_no_import_warns_of_a_missing_package() -> None:
    """urllib3 warns where PySocks is missing, on whatever thread imports it first: acksm requires it."""
    assert any(one.startswith("urllib3[socks]") for one in importlib.metadata.requires("acksm") or ())
    code = "import warnings; warnings.simplefilter('error'); import acksm.connections, botocore.httpsession"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
