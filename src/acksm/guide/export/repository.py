"""Where an engine finds the exported files: a Git repository or an OCI artifact, a path in it, and a revision."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from acksm.dataclass import dataclass
from acksm.errors import AcksmError

EXAMPLE = "https://git.example.com/platform/clusters.git"
_SCP = re.compile(r"[A-Za-z0-9._-]{1,64}@[A-Za-z0-9.-]{1,253}:(?!/)\S{1,1000}")  # git@HOST:PATH, as git alone reads it
_SCHEMES = ("https", "http", "ssh", "oci")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_VERSION = re.compile(r"v?[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}([-+][0-9A-Za-z.+-]{1,100})?")
_RANGE = re.compile(r"[<>=~^*].{0,100}|[0-9x*.]{1,40}\s-\s.{1,40}|v?[0-9]{1,9}(\.[0-9]{1,9})?\.[x*]")
_PART = re.compile(r"[A-Za-z0-9._-]{1,255}")


@dataclass(frozen=True)
class Repository:
    """`url` as engines take it, `path` relative without ./ ("" for its root), `revision_kind` of Flux's sources:
    branch, tag, semver, commit or digest."""

    url: str
    path: str
    revision_kind: str
    revision: str

    @property
    def is_oci(self) -> bool:
        return self.url.startswith("oci://")

    def below(self, path: str) -> str:
        """`path` of the export as a path in the repository."""
        return "/".join(part for part in (self.path, path) if part)


def parse(url: str, path: str, revision: str, engine: str) -> Repository:
    """The options --repo, --repo-path and --revision. Errors: `export-repo-missing`, `export-repo-invalid`."""
    if not url:
        raise AcksmError(
            "export-repo-missing",
            f"{engine} reads the files from a repository, and --repo does not name it",
            where="--repo",
            remedy=f"acksm … --repo {EXAMPLE}   (or --repo oci://registry.example.com/clusters/demo)",
        )
    try:
        split = urlsplit(url) if not _SCP.fullmatch(url) else None
    except ValueError as error:
        raise _invalid("not a URL", "--repo") from error
    if split is not None:
        user = split.username or ""
        if split.password is not None or (user and split.scheme != "ssh"):
            raise _invalid("the URL has a user or a password; engines take them from a Secret", "--repo")
        if split.scheme not in _SCHEMES or not split.netloc or not split.path.strip("/") or set(url) & set(" \t\n\"'"):
            raise _invalid("not the URL of a Git repository (https, ssh) or of an OCI artifact (oci)", "--repo")
        if split.query or split.fragment:
            raise _invalid("the URL of a repository has neither ? nor #", "--repo")
    if url.startswith("oci://") and re.search(r"(:[^/:]{1,128}|@[^/]{1,128})$", urlsplit(url).path):
        raise _invalid("the URL has a tag or a digest, which --revision names", "--repo")
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if path.startswith("/") or any(part == ".." or not _PART.fullmatch(part) for part in parts):
        raise _invalid(f"{path!r} is not a path inside the repository", "--repo-path")
    kind, revision = _revision(revision, url.startswith("oci://"))
    return Repository(url, "/".join(parts), kind, revision)


def _revision(text: str, is_oci: bool) -> tuple[str, str]:
    """The kind of a revision by its form, and the revision; by default the branch main, or the tag latest."""
    if set(text) & set(" \t\n\"'") and not _RANGE.fullmatch(text):
        raise _invalid(f"{text!r} is not a branch, tag, range of versions, commit or digest", "--revision")
    if is_oci:
        kind = "digest" if _DIGEST.fullmatch(text) else "semver" if _RANGE.fullmatch(text) else "tag"
        return kind, text or "latest"
    if _COMMIT.fullmatch(text):
        return "commit", text
    if _RANGE.fullmatch(text):
        return "semver", text
    return ("tag" if _VERSION.fullmatch(text) else "branch"), text or "main"


def _invalid(message: str, where: str) -> AcksmError:
    return AcksmError("export-repo-invalid", message, where=where)
