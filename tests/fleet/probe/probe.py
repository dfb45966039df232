"""Prints as JSON what a process has from who started it, or does what its first word says."""

from __future__ import annotations

import atexit
import gc
import json
import locale
import os
import random
import resource
import signal
import ssl
import sys
import threading
import time
import uuid
from pathlib import Path


def shown() -> dict[str, object]:
    main = sys.modules["__main__"]
    limits = {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT")}
    streams = (sys.stdin, sys.stdout, sys.stderr)
    mask = os.umask(0)
    os.umask(mask)
    status = Path("/proc/self/status").read_text().splitlines()
    return {
        "variables": dict(os.environ),
        "argv": sys.argv,
        "main": [main.__name__, main.__package__, main.__file__],
        "title": Path("/proc/self/cmdline").read_text().rstrip("\0").split("\0"),
        "files": {name: "socket" not in os.readlink(f"/proc/self/fd/{name}") for name in "012"},
        "inherited": [number for number in map(int, os.listdir("/proc/self/fd")) if number > 2 and inherited(number)],
        "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals()) if number < 32],
        "masks": [line for line in status if line.startswith(("SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "Threads"))],
        "session": os.getsid(0) == os.getpid() == os.getpgrp(),
        "directory": os.getcwd(),
        "umask": mask,
        "limits": limits,
        "nice": os.nice(0),
        "streams": [(one.encoding, one.errors, one.line_buffering, one.isatty()) for one in streams],
        "encodings": [sys.getfilesystemencoding(), locale.getpreferredencoding(), str(locale.setlocale(locale.LC_ALL))],
        "time": time.tzname,
        "collecting": [gc.isenabled(), gc.get_threshold()],
        "threads": threading.active_count(),
        "hooks": [sys.excepthook is sys.__excepthook__, sys.getswitchinterval(), sys.getrecursionlimit()],
    }


def inherited(number: int) -> bool:
    """Whether a program that is started from here has it too."""
    try:
        return os.get_inheritable(number)
    except OSError:  # that of the listing
        return False


def main() -> None:
    word, *rest = sys.argv[1:]
    say = sys.stdout.write
    if word == "shown":
        json.dump(shown(), sys.stdout)
    elif word == "random":
        json.dump([random.random(), ssl.RAND_bytes(8).hex(), str(uuid.uuid4()), os.getpid()], sys.stdout)
    elif word == "exit":
        say("not flushed")
        atexit.register(say, " and at its end")
        threading.Timer(0.2, say, [", a thread"]).start()
        sys.exit(int(rest[0]) if rest[0].isdigit() else {"none": None, "text": "a text"}[rest[0]])
    elif word == "raise":
        raise ValueError("what is not handled")
    elif word == "full":
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
        say("lost")
    elif word == "wait":
        sys.stderr.write("waiting\n")
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            sys.exit(7)
    elif word == "signal":
        os.kill(os.getpid(), int(rest[0]))


main()
