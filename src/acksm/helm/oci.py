"""A registry's HTTP: requests, sign-in, redirects and errors, by the OCI distribution specification
(https://github.com/opencontainers/distribution-spec/blob/main/spec.md).

Every request to a registry is made here. A request is tried without credentials first; a registry that requires them
answers with a challenge, and only then credentials are searched. They are sent to the registry itself and to the token
service that it names, never to the host of a redirect.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import IO, NamedTuple, Protocol
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3

from acksm.connections import Connections
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Json
from acksm.retries import UNTRUSTED, Bounded

READ_SECONDS, LAST_SECONDS = 60.0, 5.0
MAX_JSON = 4 * 1024 * 1024
_PASSING = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHALLENGE = re.compile(r'(\w{1,64})="([^"]*)"')
_READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Login:
    """Credentials for one registry: a name and a password, or an identity token. `source` says where they are from."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    source: str = ""

    @property
    def basic(self) -> str:
        """The Authorization header of name and password."""
        return str(urllib3.make_headers(basic_auth=f"{self.username}:{self.password}")["authorization"])


# Credentials for a repository of the registry at a host, None without any. Errors: registry-credentials, aws-…
SignIn = Callable[[str, str], Login | None]


def anonymous(_host: str, _repository: str) -> Login | None:
    """No credentials, for any registry."""
    return None


class Sink(Protocol):
    """Where a large body goes, piece by piece."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True)
class Answer:
    """The body, whole and within its limit, the headers and the status."""

    data: bytes
    headers: Mapping[str, str]
    status: int


class Fault(NamedTuple):
    """The first error in a registry's answer: its code ("NAME_UNKNOWN", "" without one) and its message."""

    code: str
    message: str


class Client:
    """One registry by its host, "HOST[:PORT]". Loopback hosts are reached by plain http, as in docker. Thread-safe.

    `left` gives the seconds that the command still has; nothing is retried after them (`timed-out`).
    """

    def __init__(self, host: str, left: Callable[[], float] = lambda: math.inf, sign_in: SignIn = anonymous) -> None:
        self.host, self._left, self._sign_in = host, left, sign_in
        name = urlsplit(f"//{host}").hostname or ""
        scheme = "http" if name in {"localhost", "127.0.0.1", "::1"} else "https"
        self.base = f"{scheme}://{host}"
        self._http = Connections(
            retries=Bounded(
                left=left,
                total=4,
                backoff_factor=0.3,
                raise_on_status=False,
                status_forcelist=_PASSING,
                redirect=0,
            ),
            maxsize=8,
        )
        self._authorizations: dict[tuple[str, bool], str] = {}  # by repository, and whether it is only read
        self._known: dict[str, Login | None] = {}  # credentials by repository
        self._lock = threading.Lock()

    def url(self, repository: str, path: str) -> str:
        """The URL of "manifests/TAG" and the like in a repository."""
        return f"{self.base}/v2/{repository}/{path}"

    def get(
        self,
        url: str,
        repository: str,
        limit: int = MAX_JSON,
        headers: Mapping[str, str] | None = None,
        sink: Sink | None = None,
    ) -> Answer:
        """What exists at `url`, of this registry or where it redirects to. Errors: `registry-…`, `timed-out`."""
        answer = self.request("GET", url, repository, headers=headers, limit=limit, sink=sink)
        if answer.status != 200:
            raise self.refused(answer, url)
        return answer

    def request(
        self,
        method: str,
        url: str,
        repository: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | IO[bytes] | None = None,
        limit: int = MAX_JSON,
        sink: Sink | None = None,
        hops: int = 4,
    ) -> Answer:
        """The answer to a request, signed in where the registry requires it; its status is the caller's to judge.

        A successful answer's body goes into `sink`, if there is one. Errors: `registry-unauthorized`,
        `registry-unreachable`, `registry-credentials`, aws-…, `timed-out`.
        """
        key, own = (repository, method in _READS), self.is_own(url)

        def ask(authorization: str) -> Answer:
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
            sent = {**(headers or {}), **({"Authorization": authorization} if authorization else {})}
            return self._ask(method, url, sent, body, limit, sink)

        answer = ask(self._authorizations.get(key, "") if own else "")
        challenge = answer.headers.get("WWW-Authenticate", "")
        for login in self._logins(repository) if answer.status == 401 and own else ():
            authorization = self._authorize(challenge, login)
            if authorization:
                answer = ask(authorization)
                if answer.status != 401:
                    self._authorizations[key] = authorization
                    break
        if answer.status == 401 and own:
            raise self._unauthorized(url, repository)
        if answer.status in _REDIRECTS and method in _READS and hops:
            target = self.followed(url, answer.headers.get("Location", ""))
            return self.request(method, target, repository, headers=headers, limit=limit, sink=sink, hops=hops - 1)
        return answer

    def followed(self, url: str, location: str) -> str:
        """The URL that a redirect or a link leads to; never from https to another scheme."""
        target = urljoin(url, location)
        if urlsplit(target).scheme not in {"https", urlsplit(self.base).scheme}:
            raise AcksmError("registry-failed", f"{self.host} redirects to {target[:200]}", where=url)
        return target

    def is_own(self, url: str) -> bool:
        """Whether it is the registry itself that answers there."""
        return urlsplit(url).netloc == urlsplit(self.base).netloc

    def json(self, data: bytes, url: str) -> Json:
        """An answer's body as an object. Error: `registry-failed`."""
        try:
            loaded = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise AcksmError("registry-failed", f"{self.host} did not respond with JSON", where=url) from error
        if not isinstance(loaded, dict):
            raise AcksmError("registry-failed", f"{self.host} did not respond with a JSON object", where=url)
        return loaded

    def refused(self, answer: Answer, url: str) -> AcksmError:
        """An answer that is not what was requested, as an error."""
        found = fault(answer)
        said = f": {found.message}" if found.message else ""
        if answer.status == 403:
            return AcksmError("registry-forbidden", f"{self.host} denies access (403){said}", where=url)
        if answer.status == 404:
            lacks = "repository" if found.code == "NAME_UNKNOWN" else "version"
            details = {"repository": False} if lacks == "repository" else {}
            known = {"repository": "registry-repository-unknown", "version": "chart-version-unknown"}[lacks]
            return AcksmError(known, f"{self.host} has no such {lacks} (404){said}", where=url, details=details)
        if answer.status == 401:
            message = f"{self.host} refers to a host that requires credentials"
            return AcksmError("registry-unauthorized", message, where=url)
        over = self._left() <= 0 and answer.status in _PASSING
        message = f"{self.host} answered {answer.status}{said}" + ("; deadline exceeded" if over else "")
        return AcksmError("timed-out" if over else "registry-failed", message, where=url)

    def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | IO[bytes] | None,
        limit: int,
        sink: Sink | None,
    ) -> Answer:
        """One request; `limit` bytes at most."""
        read = max(LAST_SECONDS, min(READ_SECONDS, self._left()))
        try:
            answer = self._http.to(url, "" if url.startswith("http:") else None).request(
                method,
                url,
                headers=headers,
                body=body,
                preload_content=False,
                redirect=False,
                timeout=urllib3.Timeout(connect=10, read=read),
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error, url) from error
        size, kept = 0, bytearray()
        try:
            while chunk := answer.read(min(1 << 20, limit + 1 - size)):
                size += len(chunk)
                if size > limit:
                    answer.close()
                    raise AcksmError("chart-unsafe", f"the response is larger than {limit} bytes", where=url)
                if sink is not None and answer.status == 200:
                    sink.write(chunk)
                else:
                    kept += chunk
        except urllib3.exceptions.TimeoutError as error:
            raise self._unreachable(error, url) from error
        except urllib3.exceptions.HTTPError as error:
            raise AcksmError("chart-truncated", f"the response is truncated: {error}"[:400], where=url) from error
        answer.release_conn()
        return Answer(bytes(kept), answer.headers, answer.status)

    def _unreachable(self, error: Exception, url: str) -> AcksmError:
        if UNTRUSTED in str(error):
            return AcksmError("certificate-untrusted", f"{self.host}: {error}"[:400], where=url)
        over = self._left() <= 0
        message = f"{self.host} did not answer" + (" before the deadline" if over else "")
        return AcksmError("timed-out" if over else "registry-unreachable", f"{message}: {error}"[:400], where=url)

    # sign-in

    def _logins(self, repository: str) -> Iterator[Login | None]:
        """The credentials, if there are any, and then none: a public repository is readable without, also where a
        login has expired (karpenter#3441)."""
        login = self._login(repository)
        if login:
            yield login
        yield None

    def _login(self, repository: str) -> Login | None:
        with self._lock:
            if repository not in self._known:
                self._known[repository] = self._sign_in(self.host, repository)
            return self._known[repository]

    def _authorize(self, challenge: str, login: Login | None) -> str:
        """The Authorization header that the registry requires, "" where these credentials do not give it."""
        kind = challenge.partition(" ")[0].lower()
        if kind == "basic":
            return login.basic if login and not login.identity_token else ""
        return self._token(challenge, login) if kind == "bearer" else ""

    def _token(self, challenge: str, login: Login | None) -> str:
        """A token by the registry's token flow (https://distribution.github.io/distribution/spec/auth/token/)."""
        fields = dict(_CHALLENGE.findall(challenge))
        realm = fields.pop("realm", "")
        fields.pop("error", "")
        if urlsplit(realm).scheme not in {"https", urlsplit(self.base).scheme}:
            return ""
        if login and login.identity_token:
            form = {"grant_type": "refresh_token", "refresh_token": login.identity_token, "client_id": "acksm"}
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = self._ask("POST", realm, kind, urlencode({**fields, **form}).encode(), MAX_JSON, None)
        else:
            address = realm + ("&" if "?" in realm else "?") + urlencode(fields)
            answer = self._ask("GET", address, {"Authorization": login.basic} if login else {}, None, MAX_JSON, None)
        if answer.status in {401, 403}:
            return ""
        loaded = self.json(answer.data, realm)
        token = str(loaded.get("token") or loaded.get("access_token") or "")
        return f"Bearer {token}" if token else ""

    def _unauthorized(self, url: str, repository: str) -> AcksmError:
        """What to do where the registry accepts nothing: there are no credentials, or not the right ones."""
        login = self._login(repository)
        if login is None:
            message = f"{self.host} requires credentials, and none were found for it"
        else:
            message = f"{self.host} rejects the credentials of {login.source}"
        return AcksmError("registry-unauthorized", message, where=url, remedy=f"docker login {self.host}")


def fault(answer: Answer) -> Fault:
    """What a registry says in an answer that is no success; empty where it says nothing that can be read."""
    try:
        first = json.loads(answer.data)["errors"][0]
        return Fault(str(first.get("code", "")), str(first.get("message") or "").strip()[:400])
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return Fault("", "")
