"""Whether another user could have written a file, checked as by ssh's StrictModes and git's safe.directory
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
    """Who else could have written `path`, as text; "" for only the user and root. The file, links to it and their
    directories are checked. Errors: OSError."""
    for part in _parts(path):
        found = part.lstat()
        if found.st_uid not in _trusted():
            return f"{part} belongs to {_user(found.st_uid)}"
        if stat.S_ISLNK(found.st_mode) or (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX):
            continue  # a link's mode has no meaning; with the sticky bit no one replaces files of others
        if found.st_mode & stat.S_IWOTH:
            return f"{part} is writable by all users"
        if found.st_mode & stat.S_IWGRP and not _is_private(found.st_gid, found.st_uid):
            return f"{part} is writable by group {_group(found.st_gid)}"
    return ""


def _parts(path: Path) -> Iterator[Path]:
    place = path.absolute()
    for _ in range(LINKS):
        place = place.parent.resolve() / place.name
        yield place.parent
        yield place
        if not place.is_symlink():
            return
        place = place.parent / place.readlink()


def _trusted() -> set[int]:
    """The user, root, who may write everything, and behind sudo its caller."""
    me, caller = os.geteuid(), os.environ.get("SUDO_UID", "")
    return {me, 0, *([int(caller)] if me == 0 and caller.isdecimal() else [])}


def _is_private(group: int, user: int) -> bool:
    """Whether the group is the user's own, which most Linux distributions create for each user, with a umask that
    allows it to write. (OpenSSH of Debian judges the same: user-group-modes.patch.)"""
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
