"""Ids that belong to no single part: options, confirmations, timeouts, and defects of acksm itself."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

ENTRIES = (
    Entry(
        "defect",
        "internal error in acksm",
        "This is a defect in acksm, not in your cluster or account.",
        "run it again with ACKSM_TRACEBACK=1 and report what it prints",
        ExitCode.DEFECT,
    ),
    Entry(
        "interrupted",
        "interrupted",
        "Ctrl-C or SIGTERM. The first one finishes the current call and starts no other; a second one exits at once. "
        "Changes that were applied are kept.",
        "acksm …   (continues)",
        ExitCode.INTERRUPTED,
    ),
    Entry(
        "cluster-busy",
        "another acksm holds the lock of this cluster",
        "A run that changes a cluster holds the Lease `acksm` in the controllers' namespace; others wait for it for "
        "--lock-timeout. The lock of a killed run is taken over: at once by the same user on the same machine, "
        "otherwise when it has not been renewed for 30 s.",
        "acksm … --lock-timeout 10m   (waits longer for the other run)",
        ExitCode.REFUSED,
    ),
    Entry(
        "lease-lost",
        "another acksm took over the lock",
        "The Lease was not renewed for 30 s: the machine was suspended, or the apiserver did not respond.",
        "acksm …   (continues, when the other run has ended)",
        ExitCode.STEP_FAILED,
    ),
    Entry(
        "timed-out",
        "deadline exceeded",
        "The message has the last state observed. Changes that were applied are kept, so the same command continues "
        "from there.",
        "acksm …   (continues; if necessary with a longer --timeout)",
        ExitCode.TIMED_OUT,
    ),
    Entry(
        "config-invalid",
        "invalid value of an option",
        "Every invalid option is listed with its origin.",
        "acksm config show",
        ExitCode.USAGE,
    ),
    Entry(
        "config-missing",
        "cannot read the settings file",
        "The file given by -f or ACKSM_CONFIG does not exist or cannot be read.",
        "ls -l FILE",
        ExitCode.USAGE,
    ),
    Entry(
        "config-untrusted",
        "another user could have written acksm.yaml",
        "A settings file decides which policies, charts and images are used. One that was not named is read only if "
        "no other user could have written it: the file, its directory and the target of a link must belong to you or "
        "root and must not be writable by another user or group.",
        "acksm … -f acksm.yaml   (when you have reviewed it; or ACKSM_CONFIG=acksm.yaml, or chmod go-w acksm.yaml .)",
        ExitCode.REFUSED,
    ),
    Entry(
        "config-unnamed",
        "this setting is accepted only from a file that was named",
        "`yes`, `adopt-role` and `adopt-release` answer questions that protect existing objects. An acksm.yaml that "
        "happens to be in the working directory, of a cloned repository for example, must not answer them.",
        "acksm … -f acksm.yaml   (names the file; or ACKSM_CONFIG=acksm.yaml, or give the setting as an option)",
        ExitCode.USAGE,
    ),
    Entry(
        "init-exists",
        "the settings file exists",
        "`acksm init` overwrites no file unless --force is given. The schema of acksm.yaml is written beside it, as "
        "acksm.schema.json.",
        "acksm init --file ANOTHER_FILE   (or --force)",
        ExitCode.REFUSED,
    ),
    Entry(
        "init-incomplete",
        "the settings file would name no cluster",
        "On a terminal `acksm init` asks for what is missing; elsewhere the cluster and its region have to be options.",
        "acksm init --cluster NAME --region REGION",
        ExitCode.USAGE,
    ),
    Entry(
        "init-write",
        "cannot write the settings file",
        "The directory is not writable, or the disk is full.",
        "acksm init --file ANOTHER_FILE",
        ExitCode.USAGE,
    ),
    Entry(
        "cluster-missing",
        "no cluster given",
        "acksm never guesses the cluster.",
        "acksm … --cluster NAME --region REGION   (or --context of an EKS kubeconfig)",
        ExitCode.USAGE,
    ),
    Entry(
        "explain-unknown",
        "unknown id",
        "Ids are printed in error[…] and in -o json.",
        "acksm explain --list",
        ExitCode.USAGE,
    ),
    Entry(
        "needs-confirmation",
        "confirmation required",
        "The plan changes existing objects, and stdin is not a terminal.",
        "acksm … --yes",
        ExitCode.REFUSED,
    ),
    Entry(
        "not-confirmed",
        "not confirmed",
        "The answer was not yes. Nothing was changed.",
        "acksm … --dry-run   (shows the plan)",
        ExitCode.REFUSED,
    ),
    Entry(
        "context-other-cluster",
        "the context points to another cluster",
        "The server of the kubeconfig context is not the endpoint that EKS reports for the cluster. acksm stops "
        "before the first write, so that it never changes one account and another account's cluster.",
        "aws eks update-kubeconfig --name CLUSTER --region REGION",
        ExitCode.REFUSED,
    ),
)
