"""Proxy variables as people write them: read as curl reads them, or refused without their value."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import urllib3
from hypothesis import given, strategies as st

from acksm.errors import AcksmError
from acksm.surroundings import context_proxy, passed_on, proxy_for, settled
from acksm.words import without_login

AWS = "https://sts.us-west-2.amazonaws.com/"
P = "http://proxy:3128"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("proxy:3128", P),
        ("10.0.0.1:3128", "http://10.0.0.1:3128"),
        ("user:pass@proxy:3128", "http://user:pass@proxy:3128"),
        (f" {P} ", P),
        (f"{P}/", P),
        ("HTTP://Proxy:3128", P),
        ("https://proxy", "https://proxy"),
        ("http://[::1]:3128", "http://[::1]:3128"),
        ("socks5h://localhost:1080", "socks5h://localhost:1080"),
        ("http://us%40er:p%3Ass@proxy:3128/", "http://us%40er:p%3Ass@proxy:3128"),
        ("us@er:p@ss@proxy:3128", "http://us%40er:p%40ss@proxy:3128"),
        ("DOMAIN\\me:pä ß^100%@proxy:3128", "http://DOMAIN%5Cme:p%C3%A4%20%C3%9F%5E100%25@proxy:3128"),
        ("user@proxy:3128", "http://user@proxy:3128"),
        ("", ""),
        ("  ", ""),
    ],
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_is_read_as_curl_reads_it(name: str, value: str, found: str) -> None:
    environment = {name: value}
    assert proxy_for(AWS, environment) == found
    with settled(environment):
        assert proxy_for(AWS, environment) == found
        if found:
            assert environment["https_proxy"] == environment["HTTPS_PROXY"] == found
    assert environment == {name: value}


@pytest.mark.parametrize(
    "value",
    [
        "http://",
        "://x",
        "ftp://x:1",
        "socks4://s3cret:1080",
        "http://x:port",
        "http://[::1",
        "http://x:99999",
        "http://s3cret@ho st:1",
        "http://user:s3/cret@proxy:1",
        "http://user:12/s3cret@proxy:1",
        "http://user:12#s3cret@proxy:1",
    ],
)
def test_what_is_no_proxy_is_refused_without_its_value(value: str) -> None:
    with pytest.raises(AcksmError) as caught, settled({"HTTPS_PROXY": value}):
        pass
    assert (caught.value.id, caught.value.where) == ("proxy-invalid", "variable HTTPS_PROXY")
    assert "cret" not in caught.value.message


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"HTTPS_PROXY": "upper:1", "https_proxy": "lower:1"}, "http://lower:1"),
        ({"HTTPS_PROXY": "upper:1", "https_proxy": ""}, "http://upper:1"),
        ({"HTTPS_PROXY": "its:1", "all_proxy": "all:1"}, "http://its:1"),
        ({"HTTP_PROXY": "other:1", "ALL_PROXY": "all:1"}, "http://all:1"),
        ({"HTTP_PROXY": "other:1"}, ""),
        ({"ALL_PROXY": "socks5://h:1", "no_proxy": "", "NO_PROXY": ".amazonaws.com"}, ""),
        ({"ALL_PROXY": "all:1", "no_proxy": "x", "NO_PROXY": ".amazonaws.com"}, "http://all:1"),
    ],
)
def test_which_variable_counts(environment: dict[str, str], found: str) -> None:
    assert proxy_for(AWS, environment) == found
    with settled(environment):
        assert proxy_for(AWS, environment) == found


@pytest.mark.parametrize(
    ("listed", "host", "bypassed"),
    [
        ("*", "x.example", True),
        ("a, *", "x.example", True),
        ("a b\tx.example", "x.example", True),
        ("example.com", "www.example.com", True),
        (".example.com", "www.example.com", True),
        (".example.com", "example.com", True),
        ("*.example.com", "www.example.com", True),
        ("EXAMPLE.com.", "www.Example.COM.", True),
        ("example.com", "notexample.com", False),
        ("example.com:443", "example.com", True),
        ("example.com:8443", "example.com", False),
        ("example.com:8443", "example.com:8443", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.1.2.3/8", "10.200.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/8", "10.example", False),
        ("10.0.0.0/33", "10.0.0.1", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1:443", "10.0.0.1", True),
        ("10.0.0.1:80", "10.0.0.1", False),
        ("fd00::/8", "[fd00:ec2::254]", True),
        ("[fd00::1]", "[FD00:0:0::1]", True),
        ("[fd00::1]:443", "[fd00::1]", True),
        ("::1", "[::1]:8443", True),
        ("fd00::/8", "10.0.0.1", False),
        ("0.0.0.0/0", "[::1]", False),
        (",, .", "x.example", False),
        ("", "x.example", False),
    ],
)
def test_no_proxy(listed: str, host: str, bypassed: bool) -> None:
    assert (proxy_for(f"https://{host}/", {"HTTPS_PROXY": "proxy:3128", "NO_PROXY": listed}) == "") is bypassed


def test_credentials_of_a_machine_never_come_through_a_proxy() -> None:
    """botocore reads them by its own requests, which know no networks in NO_PROXY."""
    environment = {"HTTP_PROXY": "proxy:1", "NO_PROXY": "169.254.0.0/16 internal"}
    with settled(environment):
        assert environment["NO_PROXY"] == "169.254.0.0/16 internal,fd00:ec2::254,fd00:ec2::23"
    environment = {"HTTPS_PROXY": "proxy:1"}
    with settled(environment):
        before = dict(environment)
        assert "169.254.169.254,169.254.170.2,169.254.170.23" in environment["no_proxy"]
        with settled(environment):
            assert environment == before
    environment = {"NO_PROXY": "x", "PATH": "y"}
    with settled(environment):
        assert environment == {"NO_PROXY": "x", "PATH": "y"}


def test_a_proxy_of_a_kubeconfig_is_read_as_kubectl_reads_it() -> None:
    assert context_proxy("socks5://localhost:1080") == "socks5h://localhost:1080"  # the proxy resolves names
    assert context_proxy("http://me:s%40x@proxy:1") == "http://me:s%40x@proxy:1"
    for value in ("proxy:3128", "socks5h://x", "socks4://x", "http://", "x"):
        with pytest.raises(ValueError, match="proxy-url is not"):
            context_proxy(value)


def test_a_password_in_a_url_is_hidden() -> None:
    assert without_login("cannot reach http://me:p@ss@proxy:1/x?a@b") == "cannot reach http://***@proxy:1/x?a@b"
    assert without_login("oci://host/chart@sha256:0") == "oci://host/chart@sha256:0"
    error = AcksmError("defect", "Failed to parse: http://me:secret@[", where="https://me:secret@host")
    assert "secret" not in f"{error.message} {error.where} {error}"


def test_programs_get_proxies_only_where_they_need_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        os, "environ", {"PATH": "/bin", "https_proxy": "p", "AWS_X": "s", "LC_ALL": "C", "GOPROXY": "g"}
    )
    assert passed_on() == {"PATH": "/bin", "https_proxy": "p", "LC_ALL": "C"}
    assert passed_on("GO", proxies=False) == {"PATH": "/bin", "LC_ALL": "C", "GOPROXY": "g"}


def test_a_log_of_tls_keys_that_cannot_be_written(tmp_path: Path) -> None:
    with settled({"SSLKEYLOGFILE": str(tmp_path / "keys")}):
        pass
    with pytest.raises(AcksmError) as caught, settled({"SSLKEYLOGFILE": str(tmp_path)}):
        pass
    assert (caught.value.id, caught.value.where) == ("environment-invalid", "variable SSLKEYLOGFILE")


@given(
    st.text(st.characters(blacklist_characters="\0"), max_size=30) | st.from_regex(r"(\w{1,6}:)?[\w@:/.%\[\]]{0,20}"),
    st.text(st.characters(blacklist_characters="\0"), max_size=30) | st.from_regex(r"[\w*.,:/ \[\]]{0,20}"),
)
def test_any_value_is_refused_or_one_that_urllib3_takes(value: str, listed: str) -> None:
    environment = {"HTTPS_PROXY": value, "NO_PROXY": listed}
    try:
        with settled(environment):
            found = proxy_for(AWS, environment)
    except AcksmError:
        return
    if found.startswith("http"):
        assert urllib3.ProxyManager(found).proxy
