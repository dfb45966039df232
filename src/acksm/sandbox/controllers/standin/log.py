"""Log lines in the controllers' two formats: JSON, or tabs with --enable-development-logging."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime

from acksm.json_types import Json

_LEVELS = {"debug": 0, "info": 1, "warn": 2, "error": 3}


class Log:
    """Writes to stderr. Thread-safe."""

    def __init__(self, level: str = "info", *, development: bool = False) -> None:
        self._from = _LEVELS.get(level.lower(), 1)
        self._development = development
        self._lock = threading.Lock()

    def debug(self, logger: str, message: str, **fields: object) -> None:
        self._write("debug", logger, message, fields)

    def info(self, logger: str, message: str, **fields: object) -> None:
        self._write("info", logger, message, fields)

    def error(self, logger: str, message: str, error: object, **fields: object) -> None:
        self._write("error", logger, message, {**fields, "error": str(error)})

    def _write(self, level: str, logger: str, message: str, fields: Json) -> None:
        if _LEVELS[level] < self._from:
            return
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        if self._development:
            line = "\t".join([moment, level.upper(), logger, message, json.dumps(fields)])
        else:
            line = json.dumps({"level": level, "ts": moment, "logger": logger, "msg": message, **fields})
        with self._lock:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
