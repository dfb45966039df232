"""Ids of objects of ACK: what their conditions and the controllers' logs say of them."""

from acksm.catalog import Entry
from acksm.errors import ExitCode

_S = ExitCode.STEP_FAILED

ENTRIES = (
    Entry(
        "object-terminal",
        "the controller gave up on the object",
        "Its condition ACK.Terminal is True: AWS refused the spec as it is, and it is not tried again until the object "
        "changes. The message is AWS's.",
        "change what the message names, and run the same command again",
        _S,
    ),
    Entry(
        "object-recoverable",
        "the controller tries again and again, and does not get through",
        "Its condition ACK.Recoverable is True with the same message for a while, or until the time allowed was over. "
        "What it waits for is in the message.",
        "mend what the message names; the controller goes on by itself",
        _S,
    ),
    Entry(
        "object-exists-in-aws",
        "AWS has an object of that name already",
        "ACK does not take over what it did not make: another cluster made it, or somebody by hand (community#1403).",
        "acksm adopt KIND NAME   (or another name)",
        _S,
    ),
    Entry(
        "object-no-account-role",
        "the namespace's account has no role in the map",
        "The controller waits for an entry of that account or team in its ConfigMap (ack-facts.md §2.2).",
        "acksm carm verify",
        _S,
    ),
    Entry(
        "object-account-denied",
        "the controller may not assume the role of the other account",
        "Either its own role has no policy for it, or the other role does not trust it.",
        "acksm carm verify",
        _S,
    ),
    Entry(
        "object-pass-role-denied",
        "the controller may not pass the role on",
        "Whoever makes a job hands it a role, and needs iam:PassRole on that. AmazonSageMakerFullAccess has it for "
        "sagemaker.amazonaws.com; policies of one's own may not (ack-facts.md §4.4).",
        "allow iam:PassRole on that role, with iam:PassedToService sagemaker.amazonaws.com, to the controllers' role",
        _S,
    ),
    Entry(
        "object-denied",
        "the controller's role is not allowed to do it",
        "The message names action and resource.",
        "acksm iam-role --dry-run   (preset studio for Domain, UserProfile, Space and App)",
        _S,
    ),
    Entry(
        "object-role-not-assumable",
        "SageMaker cannot assume the role that the object names",
        "Its trust policy does not let sagemaker.amazonaws.com in, or it is not there.",
        "aws iam get-role --role-name ROLE --query Role.AssumeRolePolicyDocument",
        _S,
    ),
    Entry(
        "object-failed",
        "the AWS object failed",
        "The object is in sync with an AWS object whose own state is that it failed; the reason is AWS's.",
        "look at the job's log in CloudWatch, under /aws/sagemaker",
        _S,
    ),
    Entry(
        "object-not-in-aws",
        "what is to be adopted is not in AWS",
        "The controller does not find it in the account and region that it works in, and tells so only in its log "
        "(community#3005).",
        "acksm region explain KIND -n NAMESPACE",
        _S,
    ),
    Entry(
        "object-many-selectors",
        "several IAMRoleSelectors fit the object",
        "The controller does not choose, and tells so only in its log (ack-facts.md §2.4).",
        "acksm carm list",
        _S,
    ),
    Entry(
        "object-moved",
        "the object is in another region or account than asked for now",
        "An object does not move. The controller works on it no more and tells so only in its log (ack-facts.md §2.4).",
        "acksm region explain KIND/NAME -n NAMESPACE",
        _S,
    ),
    Entry(
        "object-not-adoptable",
        "the controller cannot adopt this kind",
        "It does not know the kind, or the kind cannot be adopted; only its log tells (community#2396).",
        "acksm status",
        _S,
    ),
)
