"""Whether anybody but the user could have written a file, asked as ssh's StrictModes and git's safe.directory ask it
(https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory)."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

LINKS = 40  # as Linux follows them


def others(path: Path) -> str:
    """Who else could have written `path`, in words; "" for nobody but the user and root. The file, links to it and
    their directories are looked at. Errors: OSError."""
    for place in _places(path):
        found = place.lstat()
        if found.st_uid not in _trusted():
            return f"{place} belongs to {_user(found.st_uid)}"
        if stat.S_ISLNK(found.st_mode) or (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX):
            continue  # a link's mode says nothing; in a directory with the sticky bit nobody replaces a file of others
        if found.st_mode & stat.S_IWOTH:
            return f"{place} is writable by all users"
        if found.st_mode & stat.S_IWGRP and not _is_private(found.st_gid, found.st_uid):
            return f"{place} is writable by group {_group(found.st_gid)}"
    return ""


def _places(path: Path) -> Iterator[Path]:
    place = path.absolute()
    for _ in range(LINKS):
        place = place.parent.resolve() / place.name
        yield place.parent
        yield place
        if not place.is_symlink():
            return
        place = place.parent / place.readlink()


def _trusted() -> set[int]:
    """Root may write everything anyhow; behind sudo stands the user who called it."""
    me, caller = os.geteuid(), os.environ.get("SUDO_UID", "")
    return {me, 0, *([int(caller)] if me == 0 and caller.isdecimal() else [])}


def _is_private(group: int, user: int) -> bool:
    """Whether the group is the user's alone, as most Linux distributions make one for each user, with a umask that lets
    it write. (OpenSSH of Debian judges the same: user-group-modes.patch.)"""
    try:
        members = {pwd.getpwnam(name).pw_uid for name in grp.getgrgid(group).gr_mem}
    except KeyError:
        return False
    members |= {item.pw_uid for item in pwd.getpwall() if item.pw_gid == group}
    return members <= {user}


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user id {uid}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
