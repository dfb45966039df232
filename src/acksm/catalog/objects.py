"""Ids of ACK resources that do not become ready. The controllers' own messages are in `symptoms`."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_S = ExitCode.STEP_FAILED

ENTRIES = (
    Entry(
        "object-terminal",
        "the controller reports a terminal error",
        "Condition ACK.Terminal is True: AWS rejected the spec, and the controller does not retry until the object "
        "changes. The message is AWS's; a known one is shown with its symptom.",
        "acksm …   (again, when what the message names is changed)",
        _S,
    ),
    Entry(
        "object-recoverable",
        "the controller keeps failing and retrying",
        "Condition ACK.Recoverable is True with the same message for a while or until the deadline; or the object "
        "waits for a role. A known message is shown with its symptom.",
        "fix what the message names; the controller retries by itself",
        _S,
    ),
    Entry(
        "object-silent",
        "the controller fails on the object, and only its log says so",
        "Some failures never become a condition (docs/ack/messages.md#only-in-the-log). The symptom was found in the "
        "controller's log.",
        "acksm explain SYMPTOM   (the one in the message)",
        _S,
    ),
    Entry(
        "object-failed",
        "the AWS resource failed",
        "The object is synced, and the state of the AWS resource is failed; the reason is AWS's.",
        "look at its log in CloudWatch, under /aws/sagemaker",
        _S,
    ),
)
