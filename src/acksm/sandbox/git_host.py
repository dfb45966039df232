"""A Git host of the outside, git.example.com: private repositories over smart HTTP, by git's own server program
(https://git-scm.com/docs/git-http-backend). Everything needs the password; the first push creates a repository."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import shutil
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse

from acksm.json_types import Json

HOST, USER = "git.example.com", "git"
_REPOSITORY = re.compile(r"/(?P<name>[a-z0-9-]{1,64}(?:/[a-z0-9-]{1,64}){0,3}\.git)/[A-Za-z0-9/._-]{1,200}")


class GitHost:
    """The WSGI application, with its repositories in `home`."""

    def __init__(self, home: Path) -> None:
        self.home, self.password = home, secrets.token_urlsafe()
        self._lock = threading.Lock()

    def serves(self, host: str) -> bool:
        return host == HOST

    def __call__(self, environ: Json, begin: StartResponse) -> Iterable[bytes]:
        expected = "Basic " + base64.b64encode(f"{USER}:{self.password}".encode()).decode()
        if not hmac.compare_digest(str(environ.get("HTTP_AUTHORIZATION", "")).encode(), expected.encode()):
            begin("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="Git"'), ("Content-Length", "0")])
            return [b""]
        match, git = _REPOSITORY.fullmatch(str(environ["PATH_INFO"])), shutil.which("git")
        if match is None or git is None:
            begin("404 Not Found" if git else "501 git is not installed", [("Content-Length", "0")])
            return [b""]
        if environ.get("QUERY_STRING") == "service=git-receive-pack":
            self._create(git, self.home / match["name"])
        status, headers, data = self._backend(git, environ)
        begin(status, [*headers, ("Content-Length", str(len(data)))])
        return [data]

    def _create(self, git: str, place: Path) -> None:
        with self._lock:
            if not place.exists():
                subprocess.run([git, "init", "--quiet", "--bare", "--initial-branch=main", str(place)], check=True)

    def _backend(self, git: str, environ: Json) -> tuple[str, list[tuple[str, str]], bytes]:
        """The program's answer to a request: status, headers, body (RFC 3875)."""
        is_chunked = environ.get("HTTP_TRANSFER_ENCODING") == "chunked"
        stream = environ["wsgi.input"]
        body = stream.read() if is_chunked else stream.read(int(environ.get("CONTENT_LENGTH") or 0))
        given = {
            "GIT_PROJECT_ROOT": str(self.home),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": str(environ.get("HTTP_GIT_PROTOCOL", "")),
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": str(self.home),
            "REMOTE_USER": USER,
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
        }
        names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "HTTP_CONTENT_ENCODING")
        given |= {name: str(environ.get(name, "")) for name in names}
        done = subprocess.run([git, "http-backend"], env=given, input=body, capture_output=True, check=True)
        head, _, data = done.stdout.partition(b"\r\n\r\n")
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in head.decode().split("\r\n"))]
        status = next((value for name, value in headers if name == "Status"), "200 OK")
        return status, [(name, value) for name, value in headers if name != "Status"], data
