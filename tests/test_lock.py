"""The lock files: every package pinned by version and hash, none missing, none unneeded, none from elsewhere."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCKS = ["requirements.lock", "bench/requirements-aws.lock", "docs/requirements-site.lock"]
_ENTRY = re.compile(r"(?P<what>\S+==[^\s;]+(?: *;[^\\]+)?)(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n")


def locked(text: str) -> tuple[dict[str, Requirement], str]:
    """Entries by name, and whatever else stands in the file beside comments."""
    entries: dict[str, Requirement] = {}
    for match in _ENTRY.finditer(text):
        one = Requirement(match["what"])
        entries[canonicalize_name(one.name)] = one
    rest = re.sub(r"(?m)^\s*#.*\n", "", _ENTRY.sub("", text))
    return entries, rest.strip()


def here(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


@pytest.mark.parametrize("name", LOCKS)
def test_everything_is_pinned_with_hashes_and_nothing_else_stands_there(name: str) -> None:
    entries, rest = locked((ROOT / name).read_text())
    assert len(entries) > 5
    assert rest == ""


@pytest.mark.parametrize(
    "line",
    [
        "evil==1.0\n",
        "evil>=1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n",
        "evil==1.0 \\\n    --hash=md5:" + "0" * 32 + "\n",
        "--extra-index-url https://packages.invalid/simple\n",
        "evil @ https://packages.invalid/evil.whl\n",
        "-e .\n",
    ],
)
def test_what_is_not_pinned_is_seen(line: str) -> None:
    entries, rest = locked((ROOT / LOCKS[0]).read_text() + line)
    assert rest
    assert "evil" not in entries


def test_the_lock_is_what_pyproject_asks_for_and_all_that_this_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [Requirement(text) for text in [*project["dependencies"], *extras["dev"], *extras["sandbox"]]]
    entries, _ = locked((ROOT / LOCKS[0]).read_text())
    for one in asked:
        (version,) = entries[canonicalize_name(one.name)].specifier
        assert one.specifier.contains(version.version), one
    needed: set[str] = set()
    waiting = [(canonicalize_name(one.name), frozenset(one.extras)) for one in asked if here(one)]
    seen = set(waiting)
    while waiting:
        name, desired = waiting.pop()
        needed.add(name)
        for text in metadata.requires(name) or []:
            one = Requirement(text)
            item = (canonicalize_name(one.name), frozenset(one.extras))
            if any(here(one, extra) for extra in ("", *desired)) and item not in seen:
                seen.add(item)
                waiting.append(item)
    assert needed == {name for name, one in entries.items() if here(one)}


def test_what_is_installed_here_is_what_the_lock_says() -> None:
    entries, _ = locked((ROOT / LOCKS[0]).read_text())
    wrong = {}
    for name, one in entries.items():
        if here(one) and not one.specifier.contains(found := metadata.version(name), prereleases=True):
            wrong[name] = found
    assert wrong == {}


def test_an_audit_that_could_look_nothing_up_fails() -> None:
    """Without --strict pip-audit says "No known vulnerabilities found" where PyPI's JSON interface is not there."""
    recipe = subprocess.run(["make", "-n", "audit"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in recipe.splitlines() if "/pip-audit " in line]
    assert "--strict" in line.split()
