"""Ids of plan files: `acksm plan` and `acksm apply`."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

ENTRIES = (
    Entry(
        "plan-command",
        "this command has no plan",
        "Only commands that change something in AWS or the cluster have a plan: those with --dry-run.",
        "acksm plan install --out FILE",
        ExitCode.USAGE,
    ),
    Entry(
        "plan-file-invalid",
        "not a valid plan file",
        "A plan is applied only if the file is complete, unmodified and of a supported format.",
        "acksm plan … --out FILE   (again)",
        ExitCode.USAGE,
    ),
    Entry(
        "plan-file-altered",
        "the plan file shows different changes than it approves",
        "The file has each change as text for review and as a fingerprint. A change with this fingerprint reads "
        "differently now, so whoever reviewed the file approved something else.",
        "acksm plan … --out FILE   (again), and find out who wrote this file",
        ExitCode.REFUSED,
    ),
    Entry(
        "plan-digest",
        "the plan file is not the one that was reviewed",
        "Its digest differs from --digest. `acksm plan --out FILE` prints the digest, which is the last field of it.",
        "review this file, then: acksm apply FILE --digest ITS_DIGEST",
        ExitCode.REFUSED,
    ),
    Entry(
        "plan-file-write",
        "cannot write the plan file",
        "The directory is not writable, or the disk is full.",
        "acksm plan … --out ANOTHER_FILE",
        ExitCode.USAGE,
    ),
    Entry(
        "plan-other-target",
        "the plan is for another cluster or account",
        "The ARN of the cluster is compared, since names can be the same in two accounts or regions.",
        "use the profile, region and context that the plan was made with",
        ExitCode.REFUSED,
    ),
    Entry(
        "plan-outdated",
        "the cluster or the account changed after the plan was made",
        "The changes needed now differ from the planned ones. Planned changes that were already applied do not count, "
        "so an interrupted apply can be continued.",
        "acksm plan … --out FILE   (again), and review it",
        ExitCode.REFUSED,
    ),
)
