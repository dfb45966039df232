"""Ids of plan files: `acksm plan` and `acksm apply`."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

ENTRIES = (
    Entry(
        "plan-command",
        "no plan can be made of this command",
        "Only commands that change something in AWS or the cluster have one: those with --dry-run.",
        "acksm plan install … -o FILE",
        ExitCode.USAGE,
    ),
    Entry(
        "plan-file-invalid",
        "not a plan file as acksm wrote it",
        "A plan is carried out only when it is read as it was written: whole, unchanged, of a known form.",
        "acksm plan … -o FILE   (again)",
        ExitCode.USAGE,
    ),
    Entry(
        "plan-file-altered",
        "the plan file shows something else than it approves",
        "Each change stands in the file as people read it and as a fingerprint. What would be done now has that "
        "fingerprint and reads otherwise, so whoever reviewed the file approved something else.",
        "acksm plan … -o FILE   (again), and ask who wrote this one",
        ExitCode.REFUSED,
    ),
    Entry(
        "plan-digest",
        "the plan file is not the one that was reviewed",
        "Its digest is not the one that --digest gives. `acksm plan -o FILE` prints it; it is the file's last field.",
        "review this file, then: acksm apply FILE --digest ITS_DIGEST",
        ExitCode.REFUSED,
    ),
    Entry(
        "plan-file-write",
        "the plan file cannot be written",
        "The directory is not writable, or the disk is full.",
        "acksm plan … -o ANOTHER_FILE",
        ExitCode.USAGE,
    ),
    Entry(
        "plan-other-target",
        "the plan is for another cluster or account",
        "Names can be the same in two accounts or regions; the ARN of the cluster decides.",
        "use the profile, region and context that the plan was made with",
        ExitCode.REFUSED,
    ),
    Entry(
        "plan-outdated",
        "the world has moved since the plan was made",
        "What would be done now is not what was planned. Changes of the plan that were made meanwhile do not count, so "
        "a plan half applied goes on.",
        "acksm plan … -o FILE   (again), and review it",
        ExitCode.REFUSED,
    ),
)
