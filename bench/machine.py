"""What the benchmark ran on, without host names or paths."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from acksm.sandbox.parts import KUBERNETES

_NUMBER = re.compile(r"v?(\d+\.\d+(?:\.\d+)?)")


def facts(tools: Mapping[str, Path]) -> dict[str, str]:
    """CPU, cores, memory, OS and versions, in the order of the page."""
    return {
        "CPU": _field(Path("/proc/cpuinfo"), "model name") or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(_field(Path('/proc/meminfo'), 'MemTotal').split()[0]) / 1024**2:.0f} GiB",
        "OS": f"{platform.freedesktop_os_release().get('PRETTY_NAME', 'Linux')}, Linux {platform.release()}",
        "load before the first round": f"{os.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        "Go": _version(["go", "version"]),
        "Kubernetes": KUBERNETES,
        "helm": _version([str(tools["helm"]), "version", "--template", "{{.Version}}"]),
        "kubectl": _version([str(tools["kubectl"]), "version", "--client"]),
        "aws": _version([str(tools["aws"]), "--version"]),
        "yq": _version([str(tools["yq"]), "--version"]),
    }


def _version(argv: Sequence[str]) -> str:
    try:
        answer = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return "none"
    match = _NUMBER.search(answer.stdout + answer.stderr)
    return match[1] if match else "unknown"


def _field(path: Path, name: str) -> str:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
