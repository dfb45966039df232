"""No variable of the environment and no value in ~/.aws/config ends in a defect, and none shows a traceback."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from botocore import configprovider
from typer.testing import CliRunner

from acksm.cli import app
from acksm.config import FILE_ONLY
from acksm.settings import Flat
from http_server import Reply, Server, json_reply, serve

ARN = "arn:aws:eks:us-west-2:012345678901:cluster/demo"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}
CALLER = Reply(
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::012345678901:user/me</Arn>"
    b"<UserId>A</UserId><Account>012345678901</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)
# What a terminal, a shell and Python's libraries read
OTHERS = [
    *("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "KUBECONFIG", "PATH", "SUDO_UID", "TZ", "LANG"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSLKEYLOGFILE", "LC_ALL", "CI"),
    *("HTTP_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY", "no_proxy", "REQUEST_METHOD", "KUBECACHEDIR"),
    *("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"),
    *("TYPER_USE_RICH", "TERMINAL_WIDTH", "TYPER_STANDARD_TRACEBACK", "UNICODE_VERSION", "JUPYTER_COLUMNS"),
    *("ACKSM_HELM", "ACKSM_CONFIG", "ACKSM_SANDBOX_DIR", "HELM_NAMESPACE", "HELM_DEBUG"),
]


def of_botocore() -> list[str]:
    """Every variable that botocore's source names."""
    found = {"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_EKS", "AWS_REGION"}
    for path in Path(configprovider.__file__).parent.glob("*.py"):
        found |= set(re.findall(r"['\"]((?:AWS|BOTO|BOTOCORE)_[A-Z0-9_]+)['\"]", path.read_text()))
    return sorted(found)


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("values")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "bytes").write_bytes(b"\xff\xfe\0[[[\n%")
    return {
        "text": "x",
        "negative": "-1",
        "huge": "9" * 40,
        "long": "x" * 5000,
        "unicode": "ü☃",
        "no UTF-8": "\udcff",
        "lines": "a\nb",
        "url": "http://[::1",
        "directory": str(folder),
        "unreadable": str(folder / "loop"),
        "bytes": str(folder / "bytes"),
    }


def outcome(argv: list[str], environment: Mapping[str, str]) -> str:
    """The id of the error, "" for success."""
    run = CliRunner().invoke(app, argv, env=dict(environment), prog_name="acksm")
    assert run.exception is None or isinstance(run.exception, SystemExit)
    assert "Traceback" not in run.stderr
    found = re.search(r"error\[([a-z0-9.-]+)\]", run.stderr)
    assert bool(found) is bool(run.exit_code), run.stderr
    return found[1] if found else ""


TOKEN = ["token", "--cluster", "demo", "--region", "us-west-2"]


@pytest.mark.parametrize("name", of_botocore())
def test_a_variable_of_aws(name: str, values: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    found = {kind: outcome(TOKEN, KEYS | {name: values[kind]}) for kind in ("huge", "no UTF-8")}
    assert set(found.values()) <= {
        "",
        "aws-config-invalid",
        "aws-profile-unknown",
        "config-invalid",
        "aws-no-credentials",
    }


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    """botocore logs values of variables, and execnet carries no captured log that is not UTF-8."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def server() -> Server:
    server, _ = serve()
    cluster = {
        "name": "demo",
        "arn": ARN,
        "endpoint": f"http://{server.host}",
        "certificateAuthority": {"data": "LS0t"},
        "status": "ACTIVE",
        "version": "1.35",
        "identity": {"oidc": {"issuer": "https://x"}},
    }
    user = {"status": {"userInfo": {"username": "me", "groups": ["g"]}}}
    server.replies = {
        "POST /": CALLER,
        "/clusters/demo": json_reply({"cluster": cluster}),
        "/apis/authentication.k8s.io/v1/selfsubjectreviews": json_reply(user),
    }
    return server


CONNECT = ["connect", "--cluster", "demo", "--region", "us-west-2", "--dry-run"]


@pytest.mark.parametrize("name", OTHERS)
def test_a_variable_of_anything_else(
    name: str, values: dict[str, str], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    environment = KEYS | {"AWS_ENDPOINT_URL": f"http://{server.host}", "AWS_MAX_ATTEMPTS": "1"}
    kinds = ("negative", "no UTF-8", "directory", "bytes")
    found = {kind: outcome(CONNECT, environment | {name: values[kind]}) for kind in kinds}
    named = {
        *("config-invalid", "config-missing", "proxy-invalid", "environment-invalid", "ca-bundle-invalid"),
        *("kubeconfig-malformed", "kubeconfig-missing", "aws-unreachable", "aws-profile-unknown", "aws-wrong-account"),
    }
    assert set(found.values()) <= {"", *named}


def test_a_setting_that_is_not_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for field in Flat.model_fields:
        found = outcome(TOKEN, KEYS | {f"ACKSM_{field.upper()}": "\udcff"})
        assert found == ("" if field in {*FILE_ONLY, "cluster", "region"} else "config-invalid")  # TOKEN has these


B = "[profile b]\naws_access_key_id = a\naws_secret_access_key = b"
CHAIN = {"aws-no-credentials", "aws-config-invalid"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[default]\nregion = us west\n", {"aws-config-invalid"}),
        ("[default]\nmax_attempts = abc\n", {""}),  # acksm has its own, unless AWS_MAX_ATTEMPTS is set
        ("[default]\nretry_mode = x\n", {"", "aws-config-invalid"}),
        ("[default]\nendpoint_url = sts.example\n", {"aws-config-invalid"}),
        ("[default]\ndefaults_mode = x\n", {"aws-config-invalid"}),
        ("[default]\nsts_regional_endpoints = x\n", {"aws-config-invalid"}),
        ("[default]\nuse_fips_endpoint = x\n", {""}),
        ("[default]\nsigv4a_signing_region_set = x,,y\n", {""}),
        ("[default]\nservices = nowhere\n", {"aws-config-invalid"}),
        ("[default]\ns3 =\n  x\n", {"", "aws-config-invalid"}),
        ("[default]\nca_bundle = /nowhere\n", {""}),  # no request is made
        ("[default]\nrequest_min_compression_size_bytes = x\n", {"aws-config-invalid"}),
        ("[default]\nuser_agent_extra = %(x)s\nsdk_ua_app_id = é\n", {"", "aws-config-invalid"}),
        ("[[[\n", {"aws-config-invalid"}),
        ("a = 1\n", {"aws-config-invalid"}),
        ("[default]\n[default]\n", {"", "aws-config-invalid"}),
        ("[default]\nregion = a\nregion = b\n", {"aws-config-invalid"}),
        ("[profile 'x]\n", {"", "aws-config-invalid"}),
        ("\0", {"aws-config-invalid"}),
    ],
)
def test_a_value_in_the_file(text: str, expected: set[str], tmp_path: Path) -> None:
    (tmp_path / "config").write_text(text)
    argv = ["token", "--cluster", "demo"] + (["--region", "us-west-2"] if "\nregion" not in text else [])
    environment = KEYS | {"AWS_CONFIG_FILE": str(tmp_path / "config")}
    assert outcome(argv, environment) in expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("credential_process = /nowhere/program", CHAIN),
        ("credential_process = false", CHAIN),
        ("credential_process = echo no-json", CHAIN),
        ("credential_process = echo {}", CHAIN),
        ("credential_process = 'open", CHAIN),
        ("credential_process = echo '{\"Version\": 9}'", CHAIN),
        ('credential_process = echo \'{"Version": 1, "AccessKeyId": 7, "SecretAccessKey": []}\'', CHAIN),
        ("sso_session = nowhere", CHAIN),
        (
            "sso_start_url = https://x\nsso_region = us-west-2\nsso_account_id = 1\nsso_role_name = r",
            {"aws-expired-credentials"},
        ),
        ("sso_start_url = https://x", CHAIN),
        ("role_arn = arn:aws:iam::012345678901:role/x\nweb_identity_token_file = /nowhere", CHAIN),
        ("role_arn = arn:aws:iam::012345678901:role/x\nsource_profile = default", CHAIN),
        ("role_arn = arn:aws:iam::012345678901:role/x\nsource_profile = nowhere", CHAIN),
        ("role_arn = arn:aws:iam::012345678901:role/x\ncredential_source = x", CHAIN),
        ("role_arn = arn:aws:iam::012345678901:role/x", CHAIN),
        (
            "role_arn = x\nsource_profile = b\n[profile b]\nrole_arn = y\nsource_profile = default",
            CHAIN,
        ),
        (
            "role_arn = x\nsource_profile = b\nduration_seconds = abc\n" + B,
            CHAIN,
        ),
        (
            "role_arn = x\nsource_profile = b\nmfa_serial = m\n" + B,
            CHAIN,
        ),
        ("aws_access_key_id = a", CHAIN),
        ("aws_access_key_id = ä\naws_secret_access_key = ö", {"aws-config-invalid"}),
        ("login_session = x", CHAIN | {"aws-expired-credentials"}),
        ("metadata_service_timeout = abc", CHAIN),
        ("", {"aws-no-credentials"}),
    ],
)
def test_credentials_in_the_file(
    text: str, expected: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config").write_text(f"[default]\n{text}\n")
    environment = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_EC2_METADATA_DISABLED": "true"}
    assert outcome(TOKEN, environment) in expected


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/x"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "x"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/no"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a\nb"},
        {"AWS_ROLE_ARN": "x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere"},
        {"AWS_ROLE_ARN": "x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere"},
        {"AWS_SHARED_CREDENTIALS_FILE": "/"},
        {"AWS_ACCESS_KEY_ID": "a"},
        {**KEYS, "AWS_CREDENTIAL_EXPIRATION": "9" * 30},
        {**KEYS, "AWS_CREDENTIAL_EXPIRATION": "2000-01-01"},
        {**KEYS, "AWS_SESSION_TOKEN": "a\nb"},
        {"BOTO_CONFIG": "/"},
        {"AWS_CREDENTIAL_FILE": "/nowhere"},
    ],
    ids=json.dumps,
)
def test_credentials_in_the_environment(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    assert outcome(TOKEN, {"AWS_EC2_METADATA_DISABLED": "true", **variables}) in CHAIN
