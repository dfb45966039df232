"""The registries of the outside, each by its real name: the public one, Amazon ECR's of every account and region, and
two others, with tokens and with passwords. They are reached through the sandbox's network (network.py) alone.

As strict as the real ones (https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html): ECR takes only
passwords of GetAuthorizationToken in its own region, has IAM decide about each request, knows only repositories that
were created, refers downloads of layers to S3, and keeps immutable tags; its pull-through cache lists only what it has.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from wsgiref.types import StartResponse

import urllib3

from acksm.ack.names import SERVICES
from acksm.json_types import Json
from acksm.sandbox.content import RefusalError, Repository
from acksm.sandbox.practice import images

if TYPE_CHECKING:
    from moto.ecr.models import ECRBackend, Repository as EcrRecord

PUBLIC, TOKENS, PASSWORDS = "public.ecr.aws", "registry.example.com", "basic.example.com"
ROBOT = "robot"
_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")
_LAYERS = "prod-{}-starport-layer-bucket.s3.{}.amazonaws.com"
_S3 = re.compile(r"prod-[a-z0-9-]{1,20}-starport-layer-bucket\.s3\.[a-z0-9-]{1,20}\.amazonaws\.com")
_PATH = re.compile(r"/v2/(?P<name>.{1,256}?)/(?P<what>manifests|blobs/uploads|blobs|tags)/(?P<rest>[^/]*)")
_IMAGE = re.compile(rf"aws-controllers-k8s/(?P<service>{'|'.join(SERVICES)})-controller")
_VERSION = re.compile(r"v?\d+\.\d+\.\d+")
# (method, what is requested) -> the action that IAM has to allow
_ACTIONS = {
    ("GET", "manifests"): "BatchGetImage",
    ("HEAD", "manifests"): "BatchGetImage",
    ("PUT", "manifests"): "PutImage",
    ("GET", "blobs"): "GetDownloadUrlForLayer",
    ("HEAD", "blobs"): "BatchCheckLayerAvailability",
    ("POST", "blobs/uploads"): "InitiateLayerUpload",
    ("PATCH", "blobs/uploads"): "UploadLayerPart",
    ("PUT", "blobs/uploads"): "CompleteLayerUpload",
    ("GET", "tags"): "ListImages",
}
# why an identity may not perform an action on a resource, "" where it may: account, key, action, resource, region
Denied = Callable[[str, str, str, str, str], str]


@dataclass(frozen=True)
class Issued:
    """A password of GetAuthorizationToken, or a token: for whom, and for which repositories."""

    account: str = ""
    key: str = ""
    region: str = ""
    scope: str = ""


@dataclass(frozen=True)
class Asked:
    """A request to a repository."""

    method: str
    name: str
    what: str
    rest: str
    query: dict[str, str]
    body: bytes
    kind: str

    @property
    def writes(self) -> bool:
        return self.method not in {"GET", "HEAD"}


class Registries:
    """The WSGI application. `charts` is the sandbox's own registry, with the charts that the public one has; `denied`
    is IAM. `caches` are the prefixes of pull-through caches of the public registry, by account and region."""

    def __init__(self, charts: str, denied: Denied) -> None:
        self._charts, self._denied = charts, denied
        self.password = secrets.token_urlsafe()  # of ROBOT
        self.caches: dict[tuple[str, str], set[str]] = {}
        self.reaches_public: Callable[[str], bool] = lambda _account: True
        self._issued: dict[str, Issued] = {}
        self._layers: dict[str, bytes] = {}  # by the key of a presigned URL
        self._ecr: dict[tuple[str, str, str], Repository] = {}
        self._others: dict[str, Repository] = {}
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(10))

    def serves(self, host: str) -> bool:
        """Whether the host is one of these."""
        return host in {PUBLIC, TOKENS, PASSWORDS} or bool(_ECR.fullmatch(host) or _S3.fullmatch(host))

    def token(self, account: str, key: str, region: str) -> str:
        """The password that ECR issues to an identity, for every registry of the region that it may use."""
        password = secrets.token_urlsafe()
        self._issued[password] = Issued(account, key, region)
        return base64.b64encode(f"AWS:{password}".encode()).decode()

    def empty(self, account: str) -> None:
        """Remove the images of an account; those of the other registries are no account's."""
        for key in [key for key in self._ecr if key[0] == account]:
            del self._ecr[key]
        self.caches = {key: prefixes for key, prefixes in self.caches.items() if key[0] != account}

    def __call__(self, environ: Json, begin: StartResponse) -> Iterable[bytes]:
        host = str(environ.get("HTTP_HOST", "")).partition(":")[0]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        query = {key: values[0] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        try:
            status, headers, data = self._answer(host, environ, body, query)
        except RefusalError as refusal:
            status, headers = refusal.status, {"Content-Type": "application/json"}
            if refusal.status == 401:
                headers["WWW-Authenticate"] = refusal.message
            data = json.dumps({"errors": [{"code": refusal.code, "message": refusal.message}]}).encode()
        headers.setdefault("Content-Length", str(len(data)))
        begin(f"{status} answer", list(headers.items()))
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else data]

    def _answer(
        self, host: str, environ: Json, body: bytes, query: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        path, given = str(environ["PATH_INFO"]), str(environ.get("HTTP_AUTHORIZATION", ""))
        if _S3.fullmatch(host):
            if given:  # S3 takes a presigned URL or an Authorization header, never both
                raise RefusalError(400, "InvalidArgument", "Only one auth mechanism allowed")
            return 200, {}, self._layers[path.strip("/")]
        if path.strip("/") == "token" and host in {PUBLIC, TOKENS}:
            return self._issue(host, given, query)
        if path == "/v2/":
            return self._checked(host, given)
        match = _PATH.fullmatch(path)
        if not match:
            raise RefusalError(404, "UNSUPPORTED", "no such path")
        kind = str(environ.get("CONTENT_TYPE", ""))
        asked = Asked(environ["REQUEST_METHOD"], match["name"], match["what"], match["rest"], query, body, kind)
        if host == PUBLIC:
            return self._public(given, asked)
        if host in {TOKENS, PASSWORDS}:
            self._admit(host, given, asked)
            where = f"{host}/{asked.name}"
            repository = self._others.get(where)
            if repository is None and asked.writes:
                repository = self._others[where] = Repository()
            return _served(_known(repository, asked.name), asked)
        registry = _ECR.fullmatch(host)
        if registry is None:
            raise RefusalError(404, "UNSUPPORTED", "no such registry")
        return self._private(host, registry["account"], registry["region"], given, asked)

    def _checked(self, host: str, given: str) -> tuple[int, dict[str, str], bytes]:
        """What clients ask first, to learn how to sign in
        (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support)."""
        registry = _ECR.fullmatch(host)
        if registry is not None:
            self._caller(host, registry["region"], given)
        elif host == PASSWORDS:
            self._check_robot(host, given)
        elif given.removeprefix("Bearer ") not in self._issued:
            realm = f"https://{host}/token{'/' if host == PUBLIC else ''}"
            raise RefusalError(401, "UNAUTHORIZED", f'Bearer realm="{realm}",service="{host}"')
        return 200, {"Content-Type": "application/json"}, b"{}"

    # the public registry

    def _public(self, given: str, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if given.removeprefix("Bearer ") not in self._issued:
            raise RefusalError(
                401, "UNAUTHORIZED", f'Bearer realm="https://{PUBLIC}/token/",service="{PUBLIC}",scope="aws"'
            )
        if asked.writes:
            raise RefusalError(403, "DENIED", "not allowed")
        return self._upstream(asked)

    def _upstream(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """What the public registry has: charts of the sandbox's own, and the image of every version."""
        image = _IMAGE.fullmatch(asked.name)
        if image:
            repository = self._image(image["service"], asked.rest)
            return _served(repository, asked)
        url = f"http://{self._charts}/v2/{asked.name}/{asked.what}/{asked.rest}"
        answer = self._http.request(asked.method, url)
        kept = {
            name: answer.headers[name] for name in ("Content-Type", "Docker-Content-Digest") if name in answer.headers
        }
        return answer.status, kept, answer.data

    def _image(self, service: str, reference: str) -> Repository:
        """A repository that has `reference`; a tag is created when it is first requested."""
        found = self._others.setdefault(f"{PUBLIC}/{service}", Repository())
        if _VERSION.fullmatch(reference) and reference not in found.tags:
            made = images.image(service, reference)
            found.blobs |= made.blobs
            found.manifests |= made.manifests
            found.tags |= made.tags
        return found

    # registries that are no one's

    def _issue(self, host: str, given: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """The token flow; the public registry gives everyone a token, but none to a login that has expired."""
        if (given and not self._is_robot(given)) or (host == TOKENS and not given):
            raise RefusalError(403 if host == PUBLIC else 401, "DENIED", f'Basic realm="{host}"')
        token = secrets.token_urlsafe()
        self._issued[token] = Issued(scope=query.get("scope", ""))
        return 200, {"Content-Type": "application/json"}, json.dumps({"token": token}).encode()

    def _is_robot(self, given: str) -> bool:
        expected = "Basic " + base64.b64encode(f"{ROBOT}:{self.password}".encode()).decode()
        return hmac.compare_digest(given.encode(), expected.encode())

    def _check_robot(self, host: str, given: str) -> None:
        if not self._is_robot(given):
            raise RefusalError(401, "UNAUTHORIZED", f'Basic realm="{host}"')

    def _admit(self, host: str, given: str, asked: Asked) -> None:
        if host == PASSWORDS:
            self._check_robot(host, given)
            return
        scope = f"repository:{asked.name}:{'pull,push' if asked.writes else 'pull'}"
        issued = self._issued.get(given.removeprefix("Bearer "))
        if issued is None or not (issued.scope == scope or (not asked.writes and issued.scope == f"{scope},push")):
            challenge = f'Bearer realm="https://{host}/token",service="{host}",scope="{scope}"'
            raise RefusalError(401, "UNAUTHORIZED", challenge)

    # Amazon ECR

    def _private(
        self, host: str, account: str, region: str, given: str, asked: Asked
    ) -> tuple[int, dict[str, str], bytes]:
        issued = self._caller(host, region, given)
        self._allowed(issued, account, region, asked.name, _ACTIONS.get((asked.method, asked.what), "Unknown"))
        record = _backend(account, region).repositories.get(asked.name)
        if record is None and asked.what == "manifests" and not asked.writes:
            record = self._cached(issued, account, region, asked)
        if record is None:
            raise _no_repository(asked.name, account)
        repository = self._ecr.setdefault((account, region, asked.name), Repository())
        if asked.what == "blobs" and asked.method == "GET":
            key = secrets.token_hex(16)
            self._layers[key] = repository.blob(asked.rest)
            return 307, {"Location": f"https://{_LAYERS.format(region, region)}/{key}"}, b""
        return _served(repository, asked, immutable=record.image_tag_mutability == "IMMUTABLE")

    def _caller(self, host: str, region: str, given: str) -> Issued:
        if not given.startswith("Basic "):
            raise RefusalError(401, "UNAUTHORIZED", f'Basic realm="https://{host}/",service="ecr.amazonaws.com"')
        user, _, password = base64.b64decode(given[6:]).decode("utf-8", "replace").partition(":")
        issued = self._issued.get(password)
        if user != "AWS" or issued is None or issued.region != region:
            raise RefusalError(403, "DENIED", "Your Authorization Token is invalid.")
        return issued

    def _allowed(self, issued: Issued, account: str, region: str, name: str, action: str) -> None:
        arn = f"arn:aws:ecr:{region}:{account}:repository/{name}"
        why = self._denied(issued.account, issued.key, f"ecr:{action}", arn, region)
        record = _backend(account, region).repositories.get(name)
        if not why and account != issued.account and not _shares(record, issued.account, action):
            why = (
                f"not authorized to perform: ecr:{action} on resource: {arn} because no resource-based policy allows it"
            )
        if why:
            raise RefusalError(403, "DENIED", why)

    def _cached(self, issued: Issued, account: str, region: str, asked: Asked) -> EcrRecord | None:
        """The repository that a pull through the cache creates, with the image that it imports."""
        prefix, _, upstream = asked.name.partition("/")
        if prefix not in self.caches.get((account, region), set()) or not self.reaches_public(account):
            return None
        for action in ("BatchImportUpstreamImage", "CreateRepository"):
            self._allowed(issued, account, region, asked.name, action)
        repository = Repository()
        try:
            self._import(repository, upstream, asked.rest)
        except RefusalError:
            return None
        _backend(account, region).create_repository(asked.name, account, {}, None, "MUTABLE", [])
        self._ecr[account, region, asked.name] = repository
        return _backend(account, region).repositories.get(asked.name)

    def _import(self, repository: Repository, name: str, reference: str) -> None:
        def read(what: str, rest: str) -> tuple[dict[str, str], bytes]:
            status, headers, data = self._upstream(Asked("GET", name, what, rest, {}, b"", ""))
            if status != 200:
                raise RefusalError(status, "NAME_UNKNOWN", f"{PUBLIC} answered {status}")
            return headers, data

        headers, data = read("manifests", reference)
        document = json.loads(data)
        for child in document.get("manifests", []):
            self._import(repository, name, child["digest"])
        for part in [document["config"], *document["layers"]] if "layers" in document else []:
            repository.blobs[part["digest"]] = read("blobs", part["digest"])[1]
        repository.put_manifest(reference, headers["Content-Type"], data, immutable=False)

    def pull_fault(self, image: str, account: str) -> str:
        """Why a node of `account` cannot pull an image from one of these registries, "" where it can. A node of EKS may
        pull from every registry of its own account (AmazonEC2ContainerRegistryPullOnly)."""
        host, _, rest = image.partition("/")
        name, _, reference = rest.rpartition("@" if "@" in rest else ":")
        registry, resolving = _ECR.fullmatch(host), f'failed to resolve reference "{image}"'
        if host == self._charts:
            answer = self._http.request("GET", f"http://{host}/v2/{name}/manifests/{reference}")
            return "" if answer.status == 200 else f"{resolving}: {image}: not found"
        if not self.serves(host):
            return ""
        if host == PUBLIC:
            return "" if self.reaches_public(account) else f"{resolving}: dial tcp: lookup {host}: i/o timeout"
        if registry is None:
            return f"{resolving}: pull access denied, repository does not exist or may require authorization"
        record = _backend(registry["account"], registry["region"]).repositories.get(name)
        if registry["account"] != account and not _shares(record, account, "BatchGetImage"):
            return f"{resolving}: unexpected status from HEAD request to https://{host}: 403 Forbidden"
        found = self._ecr.get((registry["account"], registry["region"], name), Repository())
        known = reference in found.tags or reference in found.manifests
        return "" if known else f"{resolving}: {image}: not found"


def _known(repository: Repository | None, name: str) -> Repository:
    if repository is None:
        raise RefusalError(404, "NAME_UNKNOWN", f"repository name not known to registry: {name}")
    return repository


def _no_repository(name: str, account: str) -> RefusalError:
    text = f"The repository with name '{name}' does not exist in the registry with id '{account}'"
    return RefusalError(404, "NAME_UNKNOWN", text)


def _shares(record: EcrRecord | None, account: str, action: str) -> bool:
    """Whether the repository's policy allows another account the action."""
    policy = json.loads(record.policy) if record is not None and record.policy else {}
    return any(
        one.get("Effect") == "Allow"
        and f"ecr:{action}" in one.get("Action", [])
        and f"arn:aws:iam::{account}:root" in json.dumps(one.get("Principal"))
        for one in policy.get("Statement", [])
    )


def _backend(account: str, region: str) -> ECRBackend:
    from moto.ecr.models import ecr_backends

    return ecr_backends[account][region]


def _served(repository: Repository, asked: Asked, *, immutable: bool = False) -> tuple[int, dict[str, str], bytes]:
    """The OCI distribution API on one repository."""
    base = f"/v2/{asked.name}"
    match asked.method, asked.what:
        case (("GET" | "HEAD"), "manifests"):
            media_type, data = repository.manifest(asked.rest)
            digest = repository.tags.get(asked.rest, asked.rest)
            return (
                200,
                {"Content-Type": media_type, "Docker-Content-Digest": digest, "Content-Length": str(len(data))},
                data,
            )
        case (("GET" | "HEAD"), "blobs"):
            data = repository.blob(asked.rest)
            return 200, {"Docker-Content-Digest": asked.rest, "Content-Length": str(len(data))}, data
        case "GET", "tags":
            return 200, {"Content-Type": "application/json"}, json.dumps({"tags": sorted(repository.tags)}).encode()
        case "PUT", "manifests":
            digest = repository.put_manifest(asked.rest, asked.kind, asked.body, immutable=immutable)
            return 201, {"Location": f"{base}/manifests/{digest}", "Docker-Content-Digest": digest}, b""
        case "POST", "blobs/uploads":
            upload = secrets.token_hex(8)
            repository.uploads[upload] = bytearray()
            return 202, {"Location": f"{base}/blobs/uploads/{upload}"}, b""
        case "PATCH", "blobs/uploads" if asked.rest in repository.uploads:
            repository.uploads[asked.rest] += asked.body
            return 202, {"Location": f"{base}/blobs/uploads/{asked.rest}"}, b""
        case "PUT", "blobs/uploads" if asked.rest in repository.uploads:
            repository.put_blob(asked.rest, asked.query.get("digest", ""), asked.body)
            return 201, {"Location": f"{base}/blobs/{asked.query['digest']}"}, b""
    raise RefusalError(404, "BLOB_UPLOAD_UNKNOWN", "no such upload")
