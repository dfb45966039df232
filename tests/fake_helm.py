"""A helm that writes down how it was started and answers what the test says. Only for what a real one cannot be made to
do on demand (docs/testing.md): old versions, strange messages, never ending."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SCRIPT = """\
#!{python} -IS
import json, os, stat, sys, time
home = {home!r}
argv = sys.argv[1:]
files = {{}}
for name in [word for word in argv if word.endswith(".json")] + [os.environ.get("KUBECONFIG", "")]:
    if os.path.exists(name):
        files[name] = [oct(stat.S_IMODE(os.stat(name).st_mode)), open(name).read()]
with open(os.path.join(home, "calls"), "a") as log:
    log.write(json.dumps({{"argv": argv, "env": dict(os.environ), "files": files, "stdin": sys.stdin.read()}}) + "\\n")
answer = json.load(open(os.path.join(home, "answers"))).get(argv[0], {{}})
if answer.get("sleep"):
    open(os.path.join(home, "asleep"), "w").write(str(os.getpid()))
    time.sleep(answer["sleep"])
sys.stdout.write(answer.get("stdout", ""))
sys.stderr.write(answer.get("stderr", ""))
sys.exit(answer.get("code", 0))
"""


@dataclass
class Call:
    """How it was started: words, variables, files named by *.json words or KUBECONFIG as (mode, text), its stdin."""

    argv: list[str]
    env: Mapping[str, str]
    files: Mapping[str, tuple[str, str]]
    stdin: str

    def file(self, name: str) -> Any:
        """The content of the file of that name that was handed over, which has to be the owner's alone."""
        mode, text = next(value for path, value in self.files.items() if Path(path).name == name)
        assert mode == "0o600"
        return json.loads(text)


@dataclass
class FakeHelm:
    """`path` is the program. `answers` by verb: stdout, stderr, code, sleep (seconds)."""

    home: Path
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.path = str(self.home / "helm")
        Path(self.path).write_text(_SCRIPT.format(python=sys.executable, home=str(self.home)))
        Path(self.path).chmod(0o755)
        self.answer("version", "v4.1.0")

    def answer(self, verb: str, stdout: Any = "", **more: Any) -> None:
        """What `helm VERB` does from now on; what is no text is written as JSON."""
        self.answers[verb] = {"stdout": stdout if isinstance(stdout, str) else json.dumps(stdout), **more}
        (self.home / "answers").write_text(json.dumps(self.answers))

    @property
    def calls(self) -> list[Call]:
        log = self.home / "calls"
        return [Call(**json.loads(line)) for line in log.read_text().splitlines()] if log.exists() else []

    @property
    def words(self) -> list[str]:
        """The words of each call but `helm version`, private paths by their file's name."""
        return [
            " ".join(Path(word).name if word.endswith(".json") else word for word in call.argv)
            for call in self.calls
            if call.argv[0] != "version"
        ]
