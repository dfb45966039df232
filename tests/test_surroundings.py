"""Proxy variables as people write them: read as curl reads them, or refused without their value."""

from __future__ import annotations

import pytest
import urllib3
from hypothesis import given, strategies as st

from acksm.errors import AcksmError
from acksm.surroundings import settle_proxies


@pytest.mark.parametrize(
    ("value", "settled"),
    [
        ("proxy:3128", "http://proxy:3128"),
        ("10.0.0.1:3128", "http://10.0.0.1:3128"),
        ("user:pass@proxy:3128", "http://user:pass@proxy:3128"),
        (" http://proxy:3128 ", "http://proxy:3128"),
        ("https://proxy", "https://proxy"),
        ("http://[::1]:3128", "http://[::1]:3128"),
        ("socks5h://localhost:1080", "socks5h://localhost:1080"),
        ("http://us%40er:p%3Ass@proxy:3128/", "http://us%40er:p%3Ass@proxy:3128/"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_without_a_scheme_is_an_http_proxy(name: str, value: str, settled: str) -> None:
    environment = {name: value, "NO_PROXY": "x"}
    settle_proxies(environment)
    assert environment == {name: settled, "NO_PROXY": "x"}
    settle_proxies(environment)
    assert environment[name] == settled


@pytest.mark.parametrize(
    "value", ["http://", "://x", "ftp://x:1", "http://x:port", "http://[::1", "http://x:99999", "http://s3cret@ho st:1"]
)
def test_what_is_no_proxy_is_refused_without_its_value(value: str) -> None:
    with pytest.raises(AcksmError) as caught:
        settle_proxies({"HTTPS_PROXY": value})
    assert (caught.value.id, caught.value.where) == ("proxy-invalid", "variable HTTPS_PROXY")
    assert "s3cret" not in caught.value.message


@given(
    st.text(st.characters(blacklist_characters="\0"), max_size=30) | st.from_regex(r"(\w{1,6}:)?[\w@:/.%\[\]]{0,20}")
)
def test_any_value_is_refused_or_one_that_urllib3_takes(value: str) -> None:
    environment = {"HTTPS_PROXY": value}
    try:
        settle_proxies(environment)
    except AcksmError:
        return
    if environment["HTTPS_PROXY"].startswith("http") and value.strip():
        assert urllib3.ProxyManager(environment["HTTPS_PROXY"]).proxy
