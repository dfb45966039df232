"""Credentials for registries where helm, docker and podman keep them: which entry counts, helpers, malformed files."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.errors import AcksmError
from acksm.helm import credentials
from acksm.helm.oci import Login

HOST, REPOSITORY = "registry.example.com", "team/acks/sagemaker-chart"


def auth(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".docker").mkdir()
    return tmp_path


def find(home: Path, host: str = HOST, **more: str) -> Login | None:
    return credentials.find(host, REPOSITORY, {"HOME": str(home), "PATH": str(home / "bin"), **more})


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))


def helper(home: Path, name: str, script: str) -> None:
    path = home / "bin" / f"docker-credential-{name}"
    write(path, f"#!/bin/sh\nread -r server\n{script}\n")
    path.chmod(0o700)


@pytest.mark.parametrize(
    ("auths", "host", "user"),
    [
        ({HOST: auth("a:b")}, HOST, "a"),
        ({f"https://{HOST}": auth("a:b")}, HOST, "a"),
        ({f"https://{HOST}/v1/": auth("a:b")}, HOST, "a"),
        ({HOST: auth("a:b"), f"{HOST}/team": auth("c:d"), f"{HOST}/other": auth("e:f")}, HOST, "c"),
        ({HOST: auth("a:b"), f"{HOST}/team/acks/sagemaker-chart": auth("c:d")}, HOST, "c"),
        ({HOST: {"username": "a", "password": "b"}}, HOST, "a"),
        ({"https://index.docker.io/v1/": auth("a:b")}, "registry-1.docker.io", "a"),
        ({f"{HOST}:5000": auth("a:b")}, HOST, None),
        ({f"{HOST}.evil.example": auth("a:b")}, HOST, None),
        ({HOST: {}}, HOST, None),
    ],
)
def test_the_entry_that_counts(auths: Any, host: str, user: str | None, home: Path) -> None:
    write(home / ".docker" / "config.json", {"auths": auths})
    found = find(home, host)
    assert (found.username if found else None) == user


def test_an_identity_token(home: Path) -> None:
    write(home / ".docker" / "config.json", {"auths": {HOST: {**auth("x:"), "identitytoken": "long"}}})
    found = find(home)
    assert found is not None
    assert (found.identity_token, found.password) == ("long", "")


@pytest.mark.parametrize(
    ("path", "variables"),
    [
        (".docker/config.json", {}),
        ("d/config.json", {"DOCKER_CONFIG": "{home}/d"}),
        (".config/helm/registry/config.json", {}),
        ("h/registry.json", {"HELM_REGISTRY_CONFIG": "{home}/h/registry.json"}),
        ("c/registry/config.json", {"HELM_CONFIG_HOME": "{home}/c"}),
        ("p/auth.json", {"REGISTRY_AUTH_FILE": "{home}/p/auth.json"}),
        ("run/containers/auth.json", {"XDG_RUNTIME_DIR": "{home}/run"}),
        (".config/containers/auth.json", {}),
    ],
)
def test_every_file(path: str, variables: Mapping[str, str], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert find(home) is None
    write(home / path, {"auths": {HOST: auth("a:b")}})
    found = find(home, **{name: value.format(home=home) for name, value in variables.items()})
    assert found == Login("a", "b", source=f"{home / path} ({HOST})")


def test_helms_own_login_comes_before_dockers(home: Path) -> None:
    write(home / ".docker" / "config.json", {"auths": {HOST: auth("docker:b")}})
    write(home / "helm.json", {"auths": {HOST: auth("helm:b")}})
    found = find(home, HELM_REGISTRY_CONFIG=str(home / "helm.json"))
    assert found is not None
    assert found.username == "helm"


@pytest.mark.parametrize(
    "document",
    [
        {"credHelpers": {HOST: "test"}, "auths": {HOST: auth("a:b")}},
        {"credsStore": "test", "auths": {HOST: {}}},
        {"credsStore": "test"},
    ],
)
def test_a_helper(document: Any, home: Path) -> None:
    write(home / ".docker" / "config.json", document)
    helper(home, "test", """[ "$1" = get ] && printf '{"Username": "u", "Secret": "for %s"}' "$server" """)
    assert find(home) == Login("u", f"for {HOST}", source=f"docker-credential-test ({HOST})")


def test_a_helpers_identity_token(home: Path) -> None:
    write(home / ".docker" / "config.json", {"credsStore": "test"})
    helper(home, "test", """printf '{"Username": "<token>", "Secret": "long"}'""")
    found = find(home)
    assert found is not None
    assert found.identity_token == "long"


@pytest.mark.parametrize("more", [{}, {"auths": {HOST: auth("a:b")}}])
def test_a_helper_without_credentials_leaves_it_to_the_file(more: Any, home: Path) -> None:
    write(home / ".docker" / "config.json", {"credsStore": "test", **more})
    helper(home, "test", "echo credentials not found in native keychain; exit 1")
    found = find(home)
    assert (found.username if found else None) == ("a" if more else None)


def test_a_common_helper_that_is_not_installed_says_nothing_of_other_registries(home: Path) -> None:
    """Docker Desktop's helper is named in files on machines that do not have it."""
    write(home / ".docker" / "config.json", {"credsStore": "desktop", "auths": {"other.example.com": {}}})
    assert find(home) is None
    with pytest.raises(AcksmError, match="docker-credential-desktop, which cannot be started"):
        find(home, "other.example.com")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "is not JSON"),
        ({"auths": []}, '"auths" is not a mapping'),
        ({"auths": {HOST: "x"}}, "is not a mapping"),
        ({"auths": {HOST: {"auth": "%%%"}}}, "is not base64"),
        ({"auths": {HOST: auth("no colon")}}, "USER:PASSWORD"),
        ({"credHelpers": {HOST: "../../bin/sh"}}, "no name of a program"),
        ({"credHelpers": {HOST: ["x"]}}, "no name of a program"),
        ({"credHelpers": {HOST: "absent"}}, "docker-credential-absent, which cannot be started"),
    ],
)
def test_malformed_files_are_named(document: Any, said: str, home: Path) -> None:
    path = home / ".docker" / "config.json"
    write(path, document)
    with pytest.raises(AcksmError) as caught:
        find(home)
    assert (caught.value.id, caught.value.where, said in caught.value.message) == (
        "registry-credentials",
        str(path),
        True,
    )


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo the keychain is locked; exit 1", "the keychain is locked"),
        ("echo hello", "not JSON"),
        ("echo []", "object"),
    ],
)
def test_a_helper_that_fails(script: str, said: str, home: Path) -> None:
    write(home / ".docker" / "config.json", {"credHelpers": {HOST: "test"}})
    helper(home, "test", script)
    with pytest.raises(AcksmError, match=said):
        find(home)


def test_an_empty_file_is_no_file(home: Path) -> None:
    write(home / ".docker" / "config.json", "\n")
    assert find(home) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["auths", "credHelpers", "credsStore"]), st.dictionaries(st.just(HOST), JSON) | JSON
    )
)
def test_any_file_gives_a_login_or_an_error_with_an_id(document: Any) -> None:
    found = ""
    try:
        credentials._of_file(document, Path("x.json"), HOST, REPOSITORY, {"PATH": "/nowhere"})
    except AcksmError as error:
        found = error.id
    assert found in {"", "registry-credentials"}


def test_no_password_is_shown() -> None:
    assert "s3cret" not in repr(Login("a", "s3cret", "s3cret"))
