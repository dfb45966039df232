"""Runs a program as the first process of a container: it ignores SIGTERM unless it handles it (as the kernel has it for
that process, https://man7.org/linux/man-pages/man7/pid_namespaces.7.html), and it may write in some directories only.

By Landlock (https://docs.kernel.org/userspace-api/landlock.html), which needs no privileges; a kernel without it
confines nothing. A file of its own that imports nothing of acksm, started by its path: DIR… -- PROGRAM ARGUMENT…
"""

import ctypes
import os
import signal
import struct
import sys

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system calls, the same on every architecture
_VERSION_FLAG, _PATH_BENEATH, _NO_NEW_PRIVILEGES = 1, 1, 38
_WRITE_FILE, _TRUNCATE, _REFER = 1 << 1, 1 << 14, 1 << 13
_REMOVE_AND_MAKE = 0b1_1111_1111 << 4  # remove and create directories, files, devices, sockets, links


def confine(directories: list[str]) -> bool:
    """From now on this process and its children write below `directories` and /dev only; whether the kernel can."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, 0, _VERSION_FLAG)
    if version < 1:
        return False
    # without REFER no file can be renamed from one directory into another
    handled = _WRITE_FILE | _REMOVE_AND_MAKE | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    rules = libc.syscall(_CREATE, struct.pack("=Q", handled), 8, 0)
    for path in [*directories, "/dev"]:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if libc.syscall(_ADD, rules, _PATH_BENEATH, struct.pack("=Qi", handled, opened), 0):
            raise OSError(ctypes.get_errno(), "landlock_add_rule", path)
        os.close(opened)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if libc.syscall(_RESTRICT, rules, 0):
        raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    os.close(rules)
    return True


if __name__ == "__main__":
    end = sys.argv.index("--")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    confine(sys.argv[1:end])
    os.execv(sys.argv[end + 1], sys.argv[end + 1 :])  # noqa: S606  the program of the pod
