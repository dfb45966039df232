"""The registry client against a small HTTP server: every answer of the protocol, and every way to be wrong."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import urllib3

from acksm import archive
from acksm.errors import AcksmError
from acksm.helm import parsed
from acksm.helm.oci import Client, Login
from acksm.helm.registry import CHART_LAYER, MANIFEST, OLD_LAYERS, Registry, local
from acksm.sandbox.practice import build
from acksm.sandbox.practice.generations import Chart
from http_server import Reply, Server, json_reply, serve

REPOSITORY = "acks/sagemaker-chart"
CHART = Chart("sagemaker", "1.9.1", "1.9.1")
DATA = build(CHART)
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()
TAGS, BLOB = f"/v2/{REPOSITORY}/tags/list?n=1000", f"/v2/{REPOSITORY}/blobs/{DIGEST}"
MANIFESTS = f"/v2/{REPOSITORY}/manifests/"


def put_chart(server: Server, tag: str = "1.9.1", layer: Mapping[str, Any] | None = None, data: bytes = DATA) -> None:
    """Let `server` have a repository with one chart."""
    described = {"mediaType": CHART_LAYER, "digest": DIGEST, "size": len(DATA)} if layer is None else layer
    server.replies[TAGS] = json_reply({"name": REPOSITORY, "tags": [tag]})
    server.replies[f"/v2/{REPOSITORY}/manifests/{tag}"] = json_reply({"mediaType": MANIFEST, "layers": [described]})
    server.replies[BLOB] = Reply(data)


@pytest.fixture
def server() -> Iterator[Server]:
    made, http = serve()
    yield made
    http.shutdown()
    http.server_close()


@pytest.fixture
def other() -> Iterator[Server]:
    made, http = serve()
    yield made
    http.shutdown()
    http.server_close()


@pytest.fixture(autouse=True)
def _quick_and_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No pause between tries, a cache of the test's own, and no proxy."""
    monkeypatch.setattr(urllib3.Retry, "sleep", lambda *_: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def registry(server: Server) -> Registry:
    return Registry(f"{server.host}/acks")


def failure(work: Callable[[], Any]) -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        work()
    return caught.value


@pytest.mark.parametrize(
    ("location", "host", "path", "base"),
    [
        ("public.ecr.aws/aws-controllers-k8s", "public.ecr.aws", "aws-controllers-k8s", "https://public.ecr.aws"),
        ("oci://a.example/b/c/", "a.example", "b/c", "https://a.example"),
        ("https://a.example/b", "a.example", "b", "https://a.example"),
        ("a.example:5000", "a.example:5000", "", "https://a.example:5000"),
        ("localhost:5000/x", "localhost:5000", "x", "http://localhost:5000"),
        ("127.0.0.1:1/x", "127.0.0.1:1", "x", "http://127.0.0.1:1"),
        ("[::1]:5000/x", "[::1]:5000", "x", "http://[::1]:5000"),
        ("localhost.evil.example/x", "localhost.evil.example", "x", "https://localhost.evil.example"),
    ],
)
def test_locations(location: str, host: str, path: str, base: str) -> None:
    made = Registry(location)
    assert (made.host, made.path, made.client.base) == (host, path, base)


def test_a_chart_is_pulled_whole_and_then_kept(server: Server, registry: Registry) -> None:
    put_chart(server)
    pulled = registry.pull("sagemaker", "1.9.1")
    assert (pulled.digest, pulled.chart.version, pulled.path.read_bytes()) == (DIGEST, "1.9.1", DATA)
    assert {auth for _, auth in server.asked} == {""}
    assert registry.pull("sagemaker", "1.9.1") == pulled
    assert server.paths.count(BLOB) == 1
    assert server.paths.count(MANIFESTS + "1.9.1") == 2  # which digest a tag has is asked each time
    assert TAGS not in server.paths  # whoever may pull may not always list


def test_what_was_kept_is_checked_again(server: Server, registry: Registry) -> None:
    put_chart(server)
    path = registry.pull("sagemaker", "1.9.1").path
    path.write_bytes(DATA[:-1])
    assert registry.pull("sagemaker", "1.9.1").path.read_bytes() == DATA
    assert server.paths.count(BLOB) == 2


@pytest.mark.parametrize("asked", ["1.9.1", "v1.9.1", "latest"])
@pytest.mark.parametrize("tag", ["1.9.1", "v1.9.1"])
def test_tags_with_and_without_v(asked: str, tag: str, server: Server, registry: Registry) -> None:
    put_chart(server, tag)
    assert registry.pull("sagemaker", asked).digest == DIGEST
    assert f"/v2/{REPOSITORY}/manifests/{tag}" in server.paths


def test_an_unknown_version_names_the_nearest(server: Server, registry: Registry) -> None:
    server.replies[TAGS] = json_reply({"tags": ["1.8.0", "v0.0.3", "1.9.1", "nonsense"]})
    error = failure(lambda: registry.pull("sagemaker", "1.9.2"))
    assert error.id == "chart-version-unknown"
    assert "1.8.0 or 1.9.1?" in error.message
    assert server.paths == [f"{MANIFESTS}1.9.2", f"{MANIFESTS}v1.9.2", TAGS]


def test_a_cache_that_lists_nothing_has_the_chart(server: Server, registry: Registry) -> None:
    """A pull-through cache lists what it has pulled, and nothing of a repository that it has not created yet."""
    put_chart(server)
    unknown = {"errors": [{"code": "NAME_UNKNOWN", "message": "The repository does not exist in the registry"}]}
    server.replies[TAGS] = json_reply(unknown, status=404)
    assert registry.pull("sagemaker", "v1.9.1").digest == DIGEST
    error = failure(lambda: registry.pull("applicationautoscaling", "1.4.1"))
    assert error.id == "chart-version-unknown"


@pytest.mark.parametrize(("status", "expected"), [(403, "chart-version-unknown"), (500, "registry-failed")])
def test_tags_that_may_not_be_listed(status: int, expected: str, server: Server, registry: Registry) -> None:
    server.replies[TAGS] = json_reply({"errors": [{"code": "DENIED", "message": "ecr:ListImages"}]}, status=status)
    assert failure(lambda: registry.pull("sagemaker", "1.9.9")).id == expected


def test_a_repository_that_does_not_exist_is_told_as_that(server: Server, registry: Registry) -> None:
    unknown = {"errors": [{"code": "NAME_UNKNOWN", "message": "The repository does not exist"}]}
    for path in (TAGS, f"{MANIFESTS}1.9.1", f"{MANIFESTS}v1.9.1"):
        server.replies[path] = json_reply(unknown, status=404)
    error = failure(lambda: registry.pull("sagemaker", "1.9.1"))
    assert (error.id, "The repository does not exist" in error.message) == ("registry-repository-unknown", True)


def test_tag_lists_come_in_pages(server: Server, registry: Registry) -> None:
    second = f"/v2/{REPOSITORY}/tags/list?n=1000&last=b"
    server.replies[TAGS] = json_reply({"tags": ["a", "b"]}, headers={"Link": f'<{second}>; rel="next"'})
    server.replies[second] = json_reply({"tags": ["c"]}, headers={"Link": f'<{second}>; rel="prev"'})
    assert registry.tags("sagemaker") == ["a", "b", "c"]


@pytest.mark.parametrize(
    "where", ["http://{other}/tags", "//{other}/tags", "https://{host}.example/tags", "ftp://{host}/t"]
)
def test_tags_go_on_at_the_same_registry_only(where: str, server: Server, registry: Registry) -> None:
    other, http = serve()
    link = where.format(other=other.host, host=server.host)
    server.replies[TAGS] = json_reply({"tags": ["a"]}, headers={"Link": f'<{link}>; rel="next"'})
    with pytest.raises(AcksmError) as caught:
        registry.tags("sagemaker")
    http.shutdown()
    http.server_close()
    assert (caught.value.id, other.asked) == ("registry-failed", [])


def test_pages_without_end_end(server: Server, registry: Registry) -> None:
    server.replies[TAGS] = json_reply({"tags": ["a"]}, headers={"Link": f'<{TAGS}>; rel="next"'})
    assert set(registry.tags("sagemaker")) == {"a"}


@pytest.mark.parametrize("answer", [{"tags": None}, {}, {"tags": []}])
def test_no_tags(answer: Any, server: Server, registry: Registry) -> None:
    server.replies[TAGS] = json_reply(answer)
    assert registry.tags("sagemaker") == []


# who asks

LOGIN = Login("robot", "s3cret", source="the test")
BASIC = "Basic " + base64.b64encode(b"robot:s3cret").decode()


def challenged(server: Server, realm: str) -> Callable[[Mapping[str, str]], Reply]:
    good = json_reply({"tags": ["1.9.1"]})
    challenge = f'Bearer realm="{realm}",service="public",scope="repository:{REPOSITORY}:pull"'

    def reply(headers: Mapping[str, str]) -> Reply:
        if headers.get("Authorization") == "Bearer secret":
            return good
        return Reply(b"{}", 401, {"WWW-Authenticate": challenge})

    return reply


TOKEN = "/token?service=public&scope=repository%3Aacks%2Fsagemaker-chart%3Apull"


@pytest.mark.parametrize("name", ["token", "access_token"])
def test_the_anonymous_token_is_asked_for_once(name: str, server: Server, registry: Registry) -> None:
    server.replies |= {TAGS: challenged(server, f"http://{server.host}/token"), TOKEN: json_reply({name: "secret"})}
    assert registry.tags("sagemaker") == ["1.9.1"]
    assert registry.tags("sagemaker") == ["1.9.1"]
    assert server.asked == [(TAGS, ""), (TOKEN, ""), (TAGS, "Bearer secret"), (TAGS, "Bearer secret")]


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (json_reply({"token": "wrong"}), "registry-unauthorized"),
        (json_reply({}), "registry-unauthorized"),
        (json_reply({"errors": []}, status=403), "registry-unauthorized"),
        (Reply(b"<html>"), "registry-failed"),
        (Reply(b"[]"), "registry-failed"),
        (Reply(b"x" * 5_000_000), "chart-unsafe"),
    ],
)
def test_a_token_that_is_none(token: Reply, expected: str, server: Server, registry: Registry) -> None:
    server.replies |= {TAGS: challenged(server, f"http://{server.host}/token"), TOKEN: token}
    assert failure(lambda: registry.tags("sagemaker")).id == expected
    assert len(server.asked) <= 3


@pytest.mark.parametrize("challenge", ["", "Basic realm=x", 'Bearer service="x"', 'Bearer realm="file:///etc/passwd"'])
def test_a_registry_that_wants_a_name_is_told_as_such(challenge: str, server: Server, registry: Registry) -> None:
    server.replies[TAGS] = Reply(b"", 401, {"WWW-Authenticate": challenge})
    error = failure(lambda: registry.tags("sagemaker"))
    assert (error.id, "requires credentials" in error.message) == ("registry-unauthorized", True)


def test_a_token_over_plain_http_is_only_for_loopback() -> None:
    challenge = 'Bearer realm="http://auth.example/token"'
    assert Client("a.example")._authorize(challenge, LOGIN) == ""


def signed_in(server: Server, login: Login | None) -> Registry:
    return Registry(f"{server.host}/acks", sign_in=lambda _host, _repository: login)


def basic(headers: Mapping[str, str]) -> Reply:
    if headers.get("Authorization") == BASIC:
        return json_reply({"tags": ["1.9.1"]})
    return Reply(b"{}", 401, {"WWW-Authenticate": 'Basic realm="https://x/",service="ecr.amazonaws.com"'})


def test_a_registry_with_names_and_passwords(server: Server) -> None:
    server.replies[TAGS] = basic
    registry = signed_in(server, LOGIN)
    assert registry.tags("sagemaker") == registry.tags("sagemaker") == ["1.9.1"]
    assert server.asked == [(TAGS, ""), (TAGS, BASIC), (TAGS, BASIC)]


@pytest.mark.parametrize(
    ("login", "said"),
    [(None, "none were found for it"), (Login("a", "b", source="~/x.json"), "rejects the credentials of ~/x.json")],
)
def test_credentials_that_are_missing_or_wrong(login: Login | None, said: str, server: Server) -> None:
    server.replies[TAGS] = basic
    error = failure(lambda: signed_in(server, login).tags("sagemaker"))
    assert (error.id, said in error.message, error.remedy) == (
        "registry-unauthorized",
        True,
        f"docker login {server.host}",
    )


def test_a_token_is_requested_with_the_credentials(server: Server) -> None:
    server.replies |= {TAGS: challenged(server, f"http://{server.host}/token"), TOKEN: json_reply({"token": "secret"})}
    assert signed_in(server, LOGIN).tags("sagemaker") == ["1.9.1"]
    assert server.asked == [(TAGS, ""), (TOKEN, BASIC), (TAGS, "Bearer secret")]


def test_an_identity_token_is_exchanged(server: Server) -> None:
    server.replies |= {
        TAGS: challenged(server, f"http://{server.host}/token"),
        "POST /token": json_reply({"access_token": "secret"}),
    }
    assert signed_in(server, Login(identity_token="long", source="x")).tags("sagemaker") == ["1.9.1"]
    assert server.methods[1] == "POST /token"


def test_a_stale_login_does_not_break_a_public_repository(server: Server) -> None:
    def token(headers: Mapping[str, str]) -> Reply:
        return Reply(b"{}", 403) if headers.get("Authorization") else json_reply({"token": "secret"})

    server.replies |= {TAGS: challenged(server, f"http://{server.host}/token"), TOKEN: token}
    assert signed_in(server, LOGIN).tags("sagemaker") == ["1.9.1"]
    assert [auth for path, auth in server.asked if path == TOKEN] == [BASIC, ""]


def test_a_token_that_has_expired_is_renewed(server: Server) -> None:
    tokens = iter(["first", "second"])
    valid = ["first"]

    def tags(headers: Mapping[str, str]) -> Reply:
        if headers.get("Authorization") == f"Bearer {valid[-1]}":
            return json_reply({"tags": ["1.9.1"]})
        return Reply(b"{}", 401, {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token"'})

    server.replies |= {TAGS: tags, "/token?": lambda _: json_reply({"token": next(tokens)})}
    registry = signed_in(server, LOGIN)
    assert registry.tags("sagemaker") == ["1.9.1"]
    valid.append("second")
    assert registry.tags("sagemaker") == ["1.9.1"]


def test_credentials_do_not_follow_a_redirect(server: Server, other: Server) -> None:
    put_chart(server)
    server.replies[BLOB] = lambda headers: (
        Reply(b"", 307, {"Location": f"http://{other.host}/layer"}) if headers.get("Authorization") else basic(headers)
    )
    other.replies["/layer"] = Reply(DATA)
    assert signed_in(server, LOGIN).pull("sagemaker", "1.9.1").digest == DIGEST
    assert other.asked == [("/layer", "")]


def test_what_a_registry_denies_is_in_its_own_words(server: Server) -> None:
    denied = {"errors": [{"code": "DENIED", "message": "not authorized to perform: ecr:BatchGetImage"}]}
    server.replies[f"{MANIFESTS}1.9.1"] = json_reply(denied, status=403)
    error = failure(lambda: signed_in(server, LOGIN).pull("sagemaker", "1.9.1"))
    assert (error.id, "ecr:BatchGetImage" in error.message) == ("registry-forbidden", True)


def test_a_redirect_to_another_host_does_not_carry_the_token(server: Server, other: Server, registry: Registry) -> None:
    put_chart(server)
    tags = challenged(server, f"http://{server.host}/token")
    server.replies |= {TAGS: tags, TOKEN: json_reply({"token": "secret"})}
    server.replies[BLOB] = Reply(b"", 307, {"Location": f"http://{other.host}/layer"})
    other.replies["/layer"] = Reply(DATA)
    assert registry.tags("sagemaker") == ["1.9.1"]
    assert registry.pull("sagemaker", "1.9.1").digest == DIGEST
    assert (BLOB, "Bearer secret") in server.asked
    assert other.asked == [("/layer", "")]


def test_a_401_behind_a_redirect_gets_no_token(server: Server, other: Server, registry: Registry) -> None:
    put_chart(server)
    server.replies[BLOB] = Reply(b"", 302, {"Location": f"http://{other.host}/layer"})
    other.replies["/layer"] = Reply(b"", 401, {"WWW-Authenticate": f'Bearer realm="http://{other.host}/token"'})
    assert failure(lambda: registry.pull("sagemaker", "1.9.1")).id == "registry-unauthorized"
    assert other.paths == ["/layer"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://x/y", "gopher://x"])
def test_redirects_stay_in_http(target: str, server: Server, registry: Registry) -> None:
    server.replies[TAGS] = Reply(b"", 302, {"Location": target})
    assert failure(lambda: registry.tags("sagemaker")).id == "registry-failed"


def test_redirects_without_end_end(server: Server, registry: Registry) -> None:
    server.replies[TAGS] = Reply(b"", 302, {"Location": TAGS})
    assert failure(lambda: registry.tags("sagemaker")).id == "registry-failed"
    assert len(server.asked) <= 6


# what goes wrong


@pytest.mark.parametrize(
    ("status", "expected"),
    [(403, "registry-forbidden"), (404, "chart-version-unknown"), (418, "registry-failed"), (204, "registry-failed")],
)
def test_statuses(status: int, expected: str, server: Server, registry: Registry) -> None:
    server.replies[TAGS] = Reply(b"", status)
    error = failure(lambda: registry.tags("sagemaker"))
    assert error.id == expected
    assert error.where.endswith(TAGS)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status: int, server: Server, registry: Registry) -> None:
    server.replies[TAGS] = [Reply(b"", status), Reply(b"", status), json_reply({"tags": ["a"]})]
    assert registry.tags("sagemaker") == ["a"]
    server.replies[TAGS] = Reply(b"", status)
    server.asked.clear()
    assert failure(lambda: registry.tags("sagemaker")).id == "registry-failed"
    assert len(server.asked) == 5


def test_a_registry_that_is_down(server: Server) -> None:
    made, http = serve()
    http.shutdown()
    http.server_close()
    error = failure(lambda: Registry(f"{made.host}/acks").tags("sagemaker"))
    assert (error.id, made.host in error.message) == ("registry-unreachable", True)


def test_a_proxy_of_the_environment_is_used_and_loopback_goes_past_it(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "http_proxy"):
        monkeypatch.setenv(name, f"http://{other.host}")
    assert failure(lambda: Registry("registry.invalid/acks").tags("sagemaker")).id == "registry-unreachable"
    assert set(other.paths) == {"CONNECT registry.invalid:443"}
    server.replies[TAGS] = json_reply({"tags": ["a"]})
    assert Registry(f"{server.host}/acks").tags("sagemaker") == ["a"]
    monkeypatch.setenv("no_proxy", "registry.invalid")
    asked = len(other.paths)
    assert failure(lambda: Registry("registry.invalid/acks").tags("sagemaker")).id == "registry-unreachable"
    assert len(other.paths) == asked


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"null", b'"x"', b"[" * 100_000, b"\xff"])
def test_answers_that_are_not_json(body: bytes, server: Server, registry: Registry) -> None:
    server.replies[TAGS] = Reply(body)
    assert failure(lambda: registry.tags("sagemaker")).id == "registry-failed"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(DATA[:500], cut=len(DATA) - 500), "chart-truncated"),
        (Reply(DATA[:500]), "chart-truncated"),
        (Reply(b""), "chart-truncated"),
        (Reply(DATA[:-1] + b"\1"), "chart-digest-mismatch"),
        (Reply(b"\0" * len(DATA)), "chart-digest-mismatch"),
        (Reply(DATA + b"\0"), "chart-digest-mismatch"),
        (Reply(b"", 404), "chart-version-unknown"),
    ],
)
def test_a_body_that_is_not_the_chart_is_refused_and_not_kept(
    reply: Reply, expected: str, server: Server, registry: Registry, tmp_path: Path
) -> None:
    put_chart(server)
    server.replies[BLOB] = reply
    assert failure(lambda: registry.pull("sagemaker", "1.9.1")).id == expected
    assert not list(tmp_path.rglob("*.tgz"))
    server.replies[BLOB] = Reply(DATA)
    assert registry.pull("sagemaker", "1.9.1").digest == DIGEST


def test_a_body_without_end_is_not_read_to_it(
    server: Server, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_chart(server)
    monkeypatch.setattr(archive, "MAX_ARCHIVE", 100)
    assert failure(lambda: registry.pull("sagemaker", "1.9.1")).id == "chart-unsafe"


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        *[({"mediaType": media, "digest": DIGEST}, "chart-format-old") for media in sorted(OLD_LAYERS)],
        ({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": DIGEST}, "chart-invalid"),
        ({"mediaType": CHART_LAYER}, "chart-invalid"),
        ({"mediaType": CHART_LAYER, "digest": "sha256:../../../etc/passwd"}, "chart-invalid"),
        ({"mediaType": CHART_LAYER, "digest": DIGEST.upper()}, "chart-invalid"),
        ({"mediaType": CHART_LAYER, "digest": DIGEST + "\n"}, "chart-invalid"),
        ({"mediaType": CHART_LAYER, "digest": DIGEST, "size": "many"}, "chart-invalid"),
        ({"mediaType": CHART_LAYER, "digest": DIGEST, "size": None}, ""),
        ({"mediaType": CHART_LAYER, "digest": DIGEST, "size": -1}, ""),
    ],
)
def test_layers(layer: Mapping[str, Any], expected: str, server: Server, registry: Registry) -> None:
    put_chart(server, layer=layer)
    if expected:
        assert failure(lambda: registry.pull("sagemaker", "1.9.1")).id == expected
        assert BLOB not in server.paths
    else:
        assert registry.pull("sagemaker", "1.9.1").digest == DIGEST


@pytest.mark.parametrize("layers", [None, [], ["x"], "x", {"a": 1}])
def test_a_manifest_without_layers(layers: Any, server: Server, registry: Registry) -> None:
    put_chart(server)
    server.replies[f"/v2/{REPOSITORY}/manifests/1.9.1"] = json_reply({"layers": layers})
    assert failure(lambda: registry.pull("sagemaker", "1.9.1")).id == "chart-invalid"


def test_several_threads_pull_the_same_chart(server: Server, registry: Registry) -> None:
    from concurrent.futures import ThreadPoolExecutor

    put_chart(server)
    with ThreadPoolExecutor(6) as pool:
        pulled = list(pool.map(lambda _: registry.pull("sagemaker", "1.9.1"), range(6)))
    assert {item.digest for item in pulled} == {DIGEST}
    kept = pulled[0].path
    assert kept.name == f"{DIGEST.removeprefix('sha256:')}.tgz"
    assert {*kept.parent.iterdir()} == {kept, parsed.path_of(kept)}


def test_a_local_chart_is_kept_as_helm_will_see_it(tmp_path: Path) -> None:
    source = tmp_path / "x.tgz"
    source.write_bytes(DATA)
    pulled = local(str(source))
    assert (pulled.digest, pulled.path.read_bytes()) == (DIGEST, DATA)
    source.write_bytes(b"changed afterwards")
    assert pulled.path.read_bytes() == DATA
    for name, data in pulled.chart.files.items():
        (tmp_path / "chart" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "chart" / name).write_bytes(data)
    from_directory = local(str(tmp_path / "chart"))
    assert archive.read(from_directory.path).files == pulled.chart.files
    assert failure(lambda: local(str(tmp_path / "nowhere"))).id == "chart-invalid"
