"""`launch.py RESULT COMMAND…`: run a command as the child of this small process, and write what it used into RESULT.

The peak memory of a process begins at the size of whoever forks it (getrusage(2)), and a benchmark is a large one.
"""

import json
import os
import sys
import time

if __name__ == "__main__":
    result, *argv = sys.argv[1:]
    began = time.monotonic()
    pid = os.posix_spawnp(argv[0], argv, os.environ)
    _, status, usage = os.wait4(pid, 0)  # the resources of the command and its descendants
    found = [time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024]
    with open(result, "w") as stream:
        json.dump([*found, os.waitstatus_to_exitcode(status)], stream)
