"""Ids of the sandbox."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_S, _U = ExitCode.STEP_FAILED, ExitCode.USAGE

ENTRIES = (
    Entry(
        "sandbox-go-missing",
        "Go is missing or too old",
        "The programs of the control plane are built once from their Go modules, unless prebuilt ones are on PATH or "
        "in KUBEBUILDER_ASSETS.",
        "install Go 1.26 or newer",
    ),
    Entry(
        "sandbox-build-failed",
        "building a part of the sandbox failed",
        "The message is go's own.",
        "go env GOPROXY   (modules are downloaded through it)",
        _S,
    ),
    Entry(
        "sandbox-part-failed",
        "a part of the sandbox did not start, or exited",
        "The message has the end of its log.",
        "acksm sandbox down && acksm sandbox up",
        _S,
    ),
    Entry(
        "sandbox-failed",
        "the sandbox did not start",
        "The message has the end of its log.",
        "acksm sandbox down && acksm sandbox up",
        _S,
    ),
    Entry(
        "sandbox-registry",
        "the sandbox's registry returned an error",
        "The registry process may have exited.",
        "acksm sandbox status",
        _S,
    ),
    Entry("sandbox-missing", "no such sandbox", "It was never started, or it was stopped.", "acksm sandbox up"),
    Entry(
        "sandbox-version",
        "the sandbox was started by another version of acksm",
        "It keeps running as that version started it, without what this version adds. `down` stops it and deletes "
        "everything in it.",
        "acksm sandbox down && acksm sandbox up",
    ),
    Entry(
        "sandbox-cluster",
        "the sandbox has no such cluster",
        "A cluster gets its name when it is created.",
        "acksm sandbox up --cluster NAME",
        _U,
    ),
    Entry(
        "sandbox-cluster-foreign",
        "the cluster is not one of the sandbox's own",
        "The sandbox runs Flux only for clusters that it started, since it may change everything there.",
        "acksm sandbox up --cluster NAME",
        _U,
    ),
    Entry(
        "sandbox-name",
        "invalid sandbox name",
        "It is used as the name of a directory.",
        "acksm sandbox up --name demo",
        _U,
    ),
    Entry(
        "sandbox-extra",
        "the packages of the sandbox are not installed",
        "moto and cryptography are installed with the extra `sandbox`.",
        "pip install 'acksm[sandbox]'",
    ),
    Entry(
        "sandbox-controller",
        "invalid controller binary",
        "A real controller is given by its service and the path of its binary; without one the stand-in runs.",
        "acksm sandbox up --controller sagemaker=PATH",
        _U,
    ),
)
