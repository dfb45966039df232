"""The end of acksm's process is Python's own, without the time that Python takes to free what nobody needs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

PROGRAM = """
import atexit, sys, threading, time
import acksm.cli

class Freed:
    def __del__(self):
        sys.stdout.write("freed")

def main():
    global kept
    kept = Freed()
    atexit.register(print, "handler")
    printed = threading.Event()
    threading.Thread(target=lambda: (printed.wait(), time.sleep(0.1), print("thread"))).start()
    print("x" * {size})
    printed.set()
    raise {ended}

acksm.cli.main = main
{start}
"""
START = "acksm.cli.process()"


def ended(how: str, start: str, size: int = 100_000, **more: Any) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(ended=how, start=start, size=size)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run([sys.executable, "-c", program], text=True, check=False, env=variables, **streams)


@pytest.mark.parametrize("how", ["SystemExit", "SystemExit(7)", "SystemExit(-1)", "SystemExit('no')"])
def test_it_ends_as_python_does_and_frees_nothing(how: str) -> None:
    whole, found = ended(how, "main()"), ended(how, START)
    assert found.returncode == whole.returncode
    assert found.stderr == whole.stderr
    assert whole.stdout == f"{found.stdout}freed"
    assert found.stdout.split() == ["x" * 100_000, "thread", "handler"]


@pytest.mark.parametrize("how", ["ValueError", "KeyboardInterrupt"])
def test_a_defect_and_a_signal_end_as_ever(how: str) -> None:
    whole, found = ended(how, "main()"), ended(how, START)
    assert (found.returncode, found.stdout) == (whole.returncode, whole.stdout)
    assert found.stderr.splitlines()[-1] == whole.stderr.splitlines()[-1]


def test_a_reader_that_is_gone_has_pythons_own_exit_code() -> None:
    for start in ("main()", START):
        reader, writer = os.pipe()
        os.close(reader)
        found = ended("SystemExit(0)", start, size=1, stdout=writer)
        os.close(writer)
        assert (found.returncode, "BrokenPipeError" in found.stderr) == (120, True)
