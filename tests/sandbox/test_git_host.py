"""The sandbox's Git host: git itself pushes and clones, through the network, with the password alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from acksm.sandbox import api, git_host
from acksm.sandbox.state import directory
from world import NAME, World


def test_git_pushes_and_clones_by_name(world: World, tmp_path: Path) -> None:
    variables = os.environ | api.environment(NAME, world.cluster, registries=True)
    variables |= {"HOME": str(tmp_path), "GIT_TERMINAL_PROMPT": "0"}
    store = f"store --file={directory(NAME) / 'outside' / 'git-credentials'}"
    url = f"https://{git_host.HOST}/{world.cluster}/files.git"

    def git(*words: str, login: bool = True) -> subprocess.CompletedProcess[str]:
        options = ["-c", f"credential.helper={store}"] if login else []
        options += ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        words = ("git", *options, *words)
        return subprocess.run(words, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)

    assert git("init", "--quiet", "--initial-branch=main", "one").returncode == 0
    data = os.urandom(2_000_000)  # git sends more than a mebibyte in chunks
    (tmp_path / "one" / "data").write_bytes(data)
    for words in (("add", "data"), ("commit", "-qm", "first")):
        assert git("-C", "one", *words).returncode == 0
    anonymous = git("-C", "one", "push", url, "main", login=False)
    assert "could not read Username" in anonymous.stderr
    missing = git("clone", url.replace("files", "nothing"), "none")
    assert missing.returncode != 0
    assert "not found" in missing.stderr
    pushed = git("-C", "one", "push", url, "main")
    assert pushed.returncode == 0, pushed.stderr
    cloned = git("clone", "--quiet", url, "two")
    assert cloned.returncode == 0, cloned.stderr
    assert (tmp_path / "two" / "data").read_bytes() == data
