"""Ids of objects of ACK that do not come to what their spec says. What the controllers say is in `symptoms`."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_S = ExitCode.STEP_FAILED

ENTRIES = (
    Entry(
        "object-terminal",
        "the controller gave up on the object",
        "Its condition ACK.Terminal is True: AWS refused the spec as it is, and it is not tried again until the object "
        "changes. The message is AWS's; where it is a known one, its symptom is named.",
        "change what the message names, and run the same command again",
        _S,
    ),
    Entry(
        "object-recoverable",
        "the controller tries again and again, and does not get through",
        "Its condition ACK.Recoverable is True with the same message for a while, or until the time allowed was over; "
        "or it waits for a role. Where the message is a known one, its symptom is named.",
        "mend what the message names; the controller goes on by itself",
        _S,
    ),
    Entry(
        "object-silent",
        "the controller fails on the object, and only its log tells",
        "Some failures never become a condition "
        "(docs/ack/messages.md#only-in-the-log): the symptom that is named stands in the "
        "controller's log.",
        "acksm explain SYMPTOM   (the one that is named)",
        _S,
    ),
    Entry(
        "object-failed",
        "the AWS object failed",
        "The object is in sync with an AWS object whose own state is that it failed; the reason is AWS's.",
        "look at its log in CloudWatch, under /aws/sagemaker",
        _S,
    ),
)
