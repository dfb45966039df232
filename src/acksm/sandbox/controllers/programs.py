"""Which program runs as a controller: a binary that an option names, the one in the pod's image, or the stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from acksm.sandbox.controllers.pods import ACKSM, Controller
from acksm.surroundings import passed_on

STAND_IN, BINARY, IMAGE, ITSELF = "stand-in", "binary", "image", "acksm"
PULL_SECONDS = 300.0
_REPOSITORY = "aws-controllers-k8s"


class PullError(Exception):
    """The image cannot be pulled, in containerd's words (ErrImagePull)."""


@dataclass(frozen=True)
class Program:
    """What to start: its kind, the argv before the pod's arguments (none for the stand-in, which is forked), and a
    sentence for users."""

    kind: str
    argv: tuple[str, ...]
    note: str


class Programs:
    """Chooses programs and keeps those extracted from images. Thread-safe.

    `named`: service to the path of a binary. `images`: whether binaries of images run; they are requested from
    `registry`, the sandbox's own ("127.0.0.1:PORT"), and with `pull` from the image's own too. `fault`: why the node
    cannot pull an image, "" where it can.
    """

    def __init__(
        self,
        named: Mapping[str, str],
        crane: Path,
        registry: str,
        store: Path,
        *,
        images: bool,
        pull: bool,
        fault: Callable[[str], str] = lambda _image: "",
    ) -> None:
        self._named, self._crane, self._registry, self._store = dict(named), crane, registry, store
        self._may_run_images, self._pull, self._fault = images, pull, fault
        self._images: dict[str, Program | None] = {}
        self._lock = threading.Lock()

    def choose(self, controller: Controller) -> Program:
        """The program for a controller's container; a request to a registry may take long. Raises PullError."""
        why = "" if self._pull else self._fault(controller.image)
        if why:
            raise PullError(f'failed to pull and unpack image "{controller.image}": {why}')
        if controller.service == ACKSM:
            return Program(ITSELF, (sys.executable, "-m", "acksm"), "the acksm that runs this sandbox")
        if controller.program == STAND_IN:
            return _stand_in("requested by the pod's annotation")
        path = self._named.get(controller.service)
        if path and controller.program != IMAGE:
            return Program(BINARY, (path,), f"binary {path}, by --controller")
        if not self._may_run_images:
            return _stand_in("binaries of images run only with --images")
        with self._lock:
            if controller.image not in self._images:
                self._images[controller.image] = self._from_image(controller)
            found = self._images[controller.image]
        if found:
            return found
        return _stand_in("no registry has its image" if self._pull else "the sandbox's registry has no image of it")

    def _from_image(self, controller: Controller) -> Program | None:
        tag = controller.image.rpartition("/")[2].partition(":")[2] or "latest"
        own = f"{self._registry}/{_REPOSITORY}/{controller.service}-controller:{tag}"
        named = self._pull or controller.image.startswith(f"{self._registry}/")
        for reference in (own, *([controller.image] if named else [])):
            binary = self._extract(reference)
            if binary:
                return Program(IMAGE, (str(binary),), f"the binary of image {reference}")
        return None

    def _extract(self, reference: str) -> Path | None:
        """The image's entrypoint as a file, None when the registry has no such image or it is for another machine."""
        config = self._run("config", reference)
        if config is None:
            return None
        image = json.loads(config).get("config") or {}
        entry = [*(image.get("Entrypoint") or []), *(image.get("Cmd") or [])][:1]
        if not entry:
            return None
        wanted = PurePosixPath(image.get("WorkingDir") or "/", entry[0]).relative_to("/")
        target = self._store / reference.replace("/", "_").replace(":", "_") / wanted.name
        with tempfile.TemporaryDirectory(dir=_made(self._store)) as scratch:
            archive = Path(scratch, "image.tar")
            if self._run("export", reference, str(archive)) is None:
                return None
            with tarfile.open(archive) as tar:
                member = next((item for item in tar if PurePosixPath(item.name) == wanted and item.isfile()), None)
                stream = tar.extractfile(member) if member else None
                if stream is None:
                    return None
                part = Path(scratch, "binary")
                part.write_bytes(stream.read())
            part.chmod(0o700)
            os.replace(part, _made(target.parent) / target.name)
        return target

    def _run(self, verb: str, reference: str, *more: str) -> bytes | None:
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
        argv = [str(self._crane), verb, "--platform", f"linux/{machine}", reference, *more]
        if reference.startswith("127.0.0.1:"):
            argv.append("--insecure")
        try:
            done = subprocess.run(
                argv, env=passed_on("DOCKER_CONFIG", "XDG_"), capture_output=True, timeout=PULL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return None
        return done.stdout if done.returncode == 0 else None


def _stand_in(why: str) -> Program:
    return Program(STAND_IN, (), f"acksm's stand-in, not the real controller ({why})")


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
