"""`acksm fleet …` as the benchmark measures it: `fleet_run.py HOW ARGUMENTS`, HOW as JSON.

"cluster": every entry of the fleet leads to this cluster, as fifty control planes need 25 GB; each is still a process
of acksm with its own settings. "reports": no process is started, and each cluster
answers with one of these at once, so that only the supervisor's own time and memory are left. "variables": of the
processes of clusters, in which `child/acksm` then stands for acksm.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from acksm.cli import main
from acksm.fleet import children, forks
from acksm.fleet.children import Children, Ended
from acksm.fleet.file import Member


def lead_to(place: Mapping[str, str]) -> None:
    """Let the settings of each entry name this cluster: its name, account and region."""
    own = children.settings_of

    def settings_of(one: Member) -> dict[str, Any]:
        return own(replace(one, cluster=place["name"], account=place["account"], region=place["region"]))

    children.settings_of = settings_of


def answer_with(reports: Mapping[str, Any]) -> None:
    """Let each cluster end well with the report of its command, read from its text as that of a process is."""
    texts = {command: json.dumps(report) for command, report in reports.items()}

    def run(_self: Children, one: Member, argv: Any, *_more: Any, **_named: Any) -> Ended:
        return Ended(0, json.loads(texts["facts" if "facts" in argv else "install"].replace("NAME", one.cluster)))

    Children.run = run  # type: ignore[method-assign, assignment]
    forks.possible = lambda: False


def stand_in(variables: Mapping[str, str]) -> None:
    """Let the processes of clusters be ones that only wait."""
    os.environ.update(variables, PYTHONPATH=str(Path(__file__).parent / "child"))
    children.IMPORTS = ()


if __name__ == "__main__":
    how = json.loads(sys.argv.pop(1))
    if "cluster" in how:
        lead_to(how["cluster"])
    elif "variables" in how:
        stand_in(how["variables"])
    else:
        answer_with(how["reports"])
    main()
