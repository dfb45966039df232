"""Ctrl-C and SIGTERM, sent to real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

from acksm.engine.change import Change, Op, Plan
from acksm.engine.executor import execute
from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.errors import AcksmError

PROGRAM = textwrap.dedent(
    """
    import atexit, sys, threading, time
    from acksm.engine.interrupts import finishing

    atexit.register(lambda: print("tidied", flush=True))
    stopped = threading.Event()
    with finishing(stopped, lambda event: print(event.text, flush=True)):
        print("ready", flush=True)
        if sys.argv[1] == "forever":
            threading.Event().wait(60)
        stopped.wait(60)
    print("ended", flush=True)
    """
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_the_work_end(number: signal.Signals) -> None:
    with _running("once") as process:
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "ended" in out  # what the thread tells may come before or after
    assert "tidied" in out


def test_the_second_leaves_at_once_and_tidies_up() -> None:
    with _running("forever") as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert "again to quit" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "tidied" in out
    assert "ended" not in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_outside_of_changes_a_signal_is_an_interrupt_even_for_a_containers_first_process(
    number: signal.Signals,
) -> None:
    code = """
        import time
        from acksm.cli.run import guarded
        from acksm.ui import Ui

        def work():
            print("ready", flush=True)
            time.sleep(60)

        raise SystemExit(guarded(Ui(), "status", work))
    """
    ignoring = (
        "import os, signal, sys; signal.signal(int(sys.argv[1]), signal.SIG_IGN); os.execv(sys.argv[2], sys.argv[2:])"
    )
    words = [sys.executable, "-c", ignoring, str(int(number)), sys.executable, "-c", textwrap.dedent(code)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "error[interrupted]" in err) == (130, True)


@pytest.mark.parametrize("where", ["reading", "changing"])
def test_a_second_one_that_comes_after_the_work_ends_the_process_at_once(where: str) -> None:
    code = """
        import signal, sys, threading, time
        from acksm.cli.run import guarded
        from acksm.engine.interrupts import finishing
        from acksm.ui import Ui

        def work():
            threading.Thread(target=time.sleep, args=(600,)).start()  # as one that waits for an answer
            if sys.argv[1] == "changing":
                with finishing(threading.Event(), Ui().emit):
                    signal.raise_signal(signal.SIGINT)
                return 130
            signal.raise_signal(signal.SIGINT)

        assert guarded(Ui(), "status", work) == 130
        print("answered", flush=True)
    """
    words = [sys.executable, "-c", textwrap.dedent(code), where]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "answered\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "press Ctrl-C again" in err
    assert "Traceback" not in err


def _running(mode: str) -> subprocess.Popen[str]:
    """The program, when it is ready; it takes over signals that its parent may have ignored."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, mode], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def change(target: str) -> Change:
    return Change(id="x", step="s", op=Op.CREATE, system="aws", target=target, call="do", params={"name": target})


def test_the_executor_ends_the_change_at_hand_and_begins_no_other() -> None:
    deadline, made = Deadline(60), list[str]()

    def do(name: str) -> None:
        deadline.stopped.set()
        made.append(name)

    with pytest.raises(AcksmError) as caught:
        execute(Plan("x", (change("a"), change("b"))), {"do": do}, deadline=deadline)
    assert (caught.value.id, caught.value.exit_code, caught.value.where) == ("interrupted", 130, "b")
    assert caught.value.details["done"] == [{"id": "x", "target": "a"}]
    assert made == ["a"]


def test_work_that_was_at_its_end_is_done() -> None:
    deadline = Deadline(60)
    execute(Plan("x", (change("a"),)), {"do": lambda name: deadline.stopped.set()}, deadline=deadline)


def test_a_wait_ends() -> None:
    deadline = Deadline(60)
    deadline.stopped.set()
    with pytest.raises(AcksmError) as caught:
        wait_until(lambda: Progress(False, "0 of 1"), deadline, what="pods")
    assert (caught.value.id, caught.value.where) == ("interrupted", "0 of 1")
