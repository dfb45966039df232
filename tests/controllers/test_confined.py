"""A program that may write in some directories only."""

import subprocess
import sys
from pathlib import Path

import pytest

from acksm.sandbox.controllers import confined

_TRY = """
import sys
for path in sys.argv[1:]:
    try:
        open(path, "a").close()
        print("written")
    except OSError as error:
        print(error.errno)
"""


def _confines() -> bool:
    """Whether this kernel can; tried in a process of its own, as it cannot be undone."""
    code = "import sys; from acksm.sandbox.controllers.confined import confine; sys.exit(not confine([]))"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not _confines(), reason="a kernel without Landlock")
def test_it_writes_where_it_may_and_in_dev(tmp_path: Path) -> None:
    mounted, other = tmp_path / "mounted", tmp_path / "other"
    mounted.mkdir()
    other.mkdir()
    paths = [str(mounted / "a"), str(other / "a"), "/dev/null"]
    argv = [sys.executable, confined.__file__, str(mounted), "--", sys.executable, "-c", _TRY, *paths]
    found = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert found == ["written", "13", "written"]
    assert [path.name for path in other.iterdir()] == []
