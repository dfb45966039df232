"""The guide's tools: aws from a pinned lock in an environment of its own, kubectl and yq from pinned Go modules."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from acksm.config import cache_dir
from acksm.events import Emit, Event, Kind
from acksm.sandbox import parts
from acksm.sandbox.locks import file_lock

LOCK = Path(__file__).parent / "requirements-aws.lock"


def tools(emit: Emit) -> dict[str, Path]:
    """Paths of aws, kubectl, yq and helm. Only pinned builds: a tool that PATH happens to have may be any version."""
    built = parts.ensure(("kubectl", "yq", "helm"), emit, pinned=True)
    return {"aws": _aws(emit), **built}


def _aws(emit: Emit) -> Path:
    home = cache_dir() / "bench" / f"aws-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    marker = home / ".ready"
    with file_lock(home.parent / "aws.lock", emit, "another benchmark"):
        if not marker.exists():
            emit(Event(Kind.STEP, "bench.aws", "environment of the aws command line (once; then cached)"))
            shutil.rmtree(home, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
            pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
            subprocess.run([*pip, "--require-hashes", "--no-deps", "--requirement", str(LOCK)], check=True)
            marker.touch()
    return home / "bin" / "aws"
