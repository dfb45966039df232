"""Copying between two registries: whole, by digest, and from wherever an earlier copy was killed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from acksm.errors import AcksmError
from acksm.helm import copying
from acksm.helm.registry import Registry
from acksm.sandbox import registries
from acksm.sandbox.content import RefusalError, Repository
from acksm.sandbox.practice import images
from acksm.sandbox.registries import Asked
from acksm.sandbox.serving import Quiet

SERVICE, TAG = "sagemaker", "1.9.1"


@dataclass
class Fake:
    """A registry with one repository; `fuse` is how many writes it takes before it fails, `written` what it took."""

    repository: Repository
    fuse: int = 1000
    written: list[str] = field(default_factory=list)
    immutable: bool = False
    host: str = ""

    def __call__(self, environ: Any, begin: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        match = registries._PATH.fullmatch(environ["PATH_INFO"])
        assert match
        query = dict(part.split("=", 1) for part in environ["QUERY_STRING"].split("&") if part)
        asked = Asked(
            environ["REQUEST_METHOD"],
            match["name"],
            match["what"],
            match["rest"],
            query,
            body,
            environ.get("CONTENT_TYPE", ""),
        )
        try:
            if asked.writes:
                if self.fuse <= 0:
                    raise RefusalError(418, "KILLED", "killed")
                self.fuse -= 1
            status, headers, data = registries._served(self.repository, asked, immutable=self.immutable)
            if asked.method == "PUT":
                self.written.append(asked.rest if asked.what == "manifests" else query["digest"])
        except RefusalError as refusal:
            status, headers, data = refusal.status, {}, b'{"errors": [{"message": "%s"}]}' % refusal.message.encode()
        headers.setdefault("Content-Length", str(len(data)))
        begin(f"{status} x", list(headers.items()))
        return [b"" if asked.method == "HEAD" else data]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Fake], Registry]]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    servers = []

    def start(fake: Fake) -> Registry:
        server = make_server("127.0.0.1", 0, fake, threaded=True, request_handler=Quiet)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return Registry(f"127.0.0.1:{server.server_port}")

    yield start
    for server in servers:
        server.shutdown()


def copied(source: Registry, target: Registry) -> None:
    digest = images.image(SERVICE, TAG).tags[TAG]
    copying.copy(source, "from", target, "to", digest, TAG, lambda _: None)


def test_a_copy_is_whole_and_a_second_one_writes_the_tag_alone(serve: Callable[[Fake], Registry]) -> None:
    original = images.image(SERVICE, TAG)
    target = Fake(Repository())
    there = serve(target)
    here = serve(Fake(original))
    copied(here, there)
    assert (target.repository.blobs, target.repository.manifests) == (original.blobs, original.manifests)
    assert target.repository.tags == original.tags
    assert target.written[-1] == TAG  # a tag means a whole copy
    count = len(target.written)
    copied(here, there)
    assert target.written[count:] == [TAG]
    found = here.manifest("from", TAG)
    assert copying.platforms(here, found) == ["linux/amd64", "linux/arm64"]
    assert copying.digest_at(there, "to", TAG) == found.digest
    assert copying.digest_at(there, "to", "9.9.9") == ""


def test_a_copy_that_was_killed_anywhere_continues(serve: Callable[[Fake], Registry]) -> None:
    original = images.image(SERVICE, TAG)
    target = Fake(Repository(), fuse=0)
    here, there = serve(Fake(original)), serve(target)
    runs = 0
    while target.repository.tags != original.tags:
        runs += 1
        assert runs < 40
        target.fuse = 2  # a blob needs two
        try:
            copied(here, there)
        except AcksmError as error:
            assert "killed" in error.message  # noqa: PT017
    assert target.repository.manifests == original.manifests
    blobs = [one for one in target.written if one in original.blobs]
    assert len(blobs) == len(set(blobs))  # nothing is pushed twice


def test_what_is_changed_on_the_way_is_not_pushed(serve: Callable[[Fake], Registry]) -> None:
    original = images.image(SERVICE, TAG)
    broken = Repository({**original.blobs}, {**original.manifests}, {**original.tags})
    layer = next(iter(broken.blobs))
    broken.blobs[layer] = broken.blobs[layer][:-1] + b"x"
    target = Fake(Repository())
    with pytest.raises(AcksmError) as caught:
        copied(serve(Fake(broken)), serve(target))
    assert (caught.value.id, layer in target.repository.blobs, target.repository.tags) == ("mirror-digest", False, {})


def test_an_immutable_tag_is_told_as_that(serve: Callable[[Fake], Registry]) -> None:
    target = Fake(Repository(tags={TAG: "sha256:other"}), immutable=True)
    with pytest.raises(AcksmError) as caught:
        copied(serve(Fake(images.image(SERVICE, TAG))), serve(target))
    assert caught.value.id == "tag-immutable"
