"""Files that only their owner may read, written atomically."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """An atomic 0600 file; missing directories are created. What root replaces remains its owner's. `mode`: for a file
    that has no secret. Errors: OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent)  # mkstemp creates it with mode 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        if mode != 0o600:
            os.chmod(scratch, mode)
        if os.geteuid() == 0 and path.exists() and (owner := path.stat()).st_uid:  # for the caller of sudo
            os.chown(scratch, owner.st_uid, owner.st_gid)
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
