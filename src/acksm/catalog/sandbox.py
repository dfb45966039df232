"""Ids of the sandbox."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_S, _U = ExitCode.STEP_FAILED, ExitCode.USAGE

ENTRIES = (
    Entry(
        "sandbox-go-missing",
        "Go is missing or too old",
        "The control plane's programs are built once from their Go modules; prebuilt ones on PATH or in "
        "KUBEBUILDER_ASSETS are taken where there are any.",
        "install Go 1.26 or newer",
    ),
    Entry(
        "sandbox-build-failed",
        "a part of the sandbox could not be built",
        "go's own message is told.",
        "go env GOPROXY   (modules are downloaded through it)",
        _S,
    ),
    Entry(
        "sandbox-part-failed",
        "a part of the sandbox did not start or ended",
        "The end of its log is told.",
        "acksm sandbox down && acksm sandbox up",
        _S,
    ),
    Entry(
        "sandbox-failed",
        "the sandbox did not start",
        "The end of its log is told.",
        "acksm sandbox down && acksm sandbox up",
        _S,
    ),
    Entry(
        "sandbox-registry",
        "the sandbox's registry refuses",
        "The registry's process may have ended.",
        "acksm sandbox status",
        _S,
    ),
    Entry(
        "sandbox-missing", "there is no such sandbox", "It was never started, or it was taken down.", "acksm sandbox up"
    ),
    Entry(
        "sandbox-version",
        "the sandbox was started by another version of acksm",
        "It runs on as that version started it, without what this one's sandbox has. `down` ends it and all that is in "
        "it.",
        "acksm sandbox down && acksm sandbox up",
    ),
    Entry(
        "sandbox-cluster",
        "the sandbox has no such cluster",
        "Clusters are named when they are made.",
        "acksm sandbox up --cluster NAME",
        _U,
    ),
    Entry(
        "sandbox-name", "not a name for a sandbox", "It becomes a directory's name.", "acksm sandbox up --name demo", _U
    ),
    Entry(
        "sandbox-extra",
        "the sandbox's own packages are not installed",
        "moto and cryptography come with the extra.",
        "pip install 'acksm[sandbox]'",
    ),
    Entry(
        "sandbox-controller",
        "not a controller to run",
        "A real controller's binary is named by its service and path; without one the sandbox's stand-in runs.",
        "acksm sandbox up --controller sagemaker=PATH",
        _U,
    ),
)
