"""Ids that belong to no single part: options, questions, time, and defects of acksm itself."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

ENTRIES = (
    Entry(
        "defect",
        "acksm itself failed",
        "This is a defect in acksm, not in your cluster or account.",
        "run it again with ACKSM_TRACEBACK=1 and report what it prints",
        ExitCode.DEFECT,
    ),
    Entry(
        "interrupted",
        "interrupted",
        "Ctrl-C, or SIGTERM. After the first the call that is under way is finished and no further one is made; the "
        "second leaves at once. What was done stays done.",
        "run the same command again; it goes on where it was",
        ExitCode.INTERRUPTED,
    ),
    Entry(
        "cluster-busy",
        "another acksm holds the lock of this cluster",
        "Whoever changes something holds the Lease `acksm` in the controllers' namespace, and others wait for it for "
        "--lock-timeout. A run that was killed is replaced: at once on the machine and by the user that started it, "
        "elsewhere when it has not renewed the Lease for 30 s.",
        "run it again when the other one is done, or wait longer: --lock-timeout 10m",
        ExitCode.REFUSED,
    ),
    Entry(
        "lease-lost",
        "another acksm has taken the lock over",
        "The Lease was not renewed for half a minute: the machine slept, or the apiserver did not answer.",
        "run the same command again; it goes on where the other one leaves off",
        ExitCode.STEP_FAILED,
    ),
    Entry(
        "timed-out",
        "the time allowed is over",
        "The last state seen is told. What was done stays done, so the same command goes on from there.",
        "run the same command again, with a longer --timeout if need be",
        ExitCode.TIMED_OUT,
    ),
    Entry(
        "config-invalid",
        "an option has a value it cannot have",
        "Each wrong option is named with its origin.",
        "acksm config show",
        ExitCode.USAGE,
    ),
    Entry(
        "config-missing",
        "the settings file cannot be read",
        "The file given by -f or ACKSM_CONFIG is not there.",
        "ls -l acksm.yaml",
        ExitCode.USAGE,
    ),
    Entry(
        "config-untrusted",
        "acksm.yaml of this directory may be somebody else's",
        "A settings file decides which policies, charts and images are used. One that nobody named is taken only where "
        "nobody else could have written it: the file, its directory, and what it links to have to be yours or root's, "
        "and no other user or group may write them.",
        "read it, then name it: acksm … -f acksm.yaml   (or ACKSM_CONFIG=acksm.yaml); or chmod go-w acksm.yaml .",
        ExitCode.REFUSED,
    ),
    Entry(
        "config-unnamed",
        "this setting is taken from a named file only",
        "`yes`, `adopt-role` and `adopt-release` answer questions that protect what is there. An acksm.yaml that "
        "merely lies in the working directory, of a cloned repository perhaps, does not answer them.",
        "give it as an option, or name the file: acksm … -f acksm.yaml   (or ACKSM_CONFIG=acksm.yaml)",
        ExitCode.USAGE,
    ),
    Entry(
        "cluster-missing",
        "no cluster was named",
        "acksm never guesses which cluster is meant.",
        "acksm … --cluster NAME --region REGION   (or --context of an EKS kubeconfig)",
        ExitCode.USAGE,
    ),
    Entry(
        "explain-unknown",
        "no such id",
        "Ids are printed in error[…] and in -o json.",
        "acksm explain --list",
        ExitCode.USAGE,
    ),
    Entry(
        "needs-confirmation",
        "somebody must say yes",
        "The plan changes something that exists, and there is no terminal to ask on.",
        "run it again with --yes",
        ExitCode.REFUSED,
    ),
    Entry(
        "not-confirmed",
        "the answer was not yes",
        "Nothing was changed.",
        "run it again with --dry-run to see the plan",
        ExitCode.REFUSED,
    ),
    Entry(
        "context-other-cluster",
        "the context is another cluster",
        "The kubeconfig context's server is not the endpoint that EKS gives for the named cluster. Changing one "
        "account and another cluster is the worst mix-up there is, so acksm stops before the first write.",
        "aws eks update-kubeconfig --name CLUSTER --region REGION",
        ExitCode.REFUSED,
    ),
)
