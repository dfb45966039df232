"""What this machine has of AWS: names of profiles, and of regions. Read without boto3, and without a request."""

from __future__ import annotations

import configparser
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

# The files of the AWS SDKs, and the variables that move them
# (https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html).
_FILES = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}


def profiles(environment: Mapping[str, str]) -> list[str]:
    """The profiles of both files, sorted; [] of files that cannot be read."""
    found: set[str] = set()
    for variable, usual in _FILES.items():
        parser = configparser.RawConfigParser(default_section="", strict=False)
        try:
            parser.read(Path(environment.get(variable) or usual).expanduser(), encoding="utf-8")
        except (configparser.Error, OSError, ValueError):
            continue
        for section in parser.sections():
            kind, _, name = section.partition(" ")
            if kind == "profile" and name:
                found.add(name.strip().strip("\"'"))
            elif section == "default" or variable != "AWS_CONFIG_FILE":
                found.add(section)
    return sorted(found)


def regions() -> dict[str, str]:
    """The regions of all partitions, each with its partition, from the table that botocore has as a file."""
    spec = find_spec("botocore")
    if spec is None or not spec.origin:
        return {}
    table = json.loads((Path(spec.origin).parent / "data" / "partitions.json").read_text("utf-8"))
    return {
        name: partition["id"]
        for partition in table["partitions"]
        for name in sorted(partition["regions"])
        if not name.endswith("-global")
    }
