"""Ids of `acksm mirror`: charts and images copied to another registry."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_OK = ExitCode.OK

ENTRIES = (
    Entry(
        "ecr.create-repository",
        "a repository is created in Amazon ECR",
        "ECR accepts pushes only to repositories that exist. It is private, with the tags of --tag.",
        "",
        _OK,
    ),
    Entry(
        "mirror.copy",
        "a chart or an image is copied",
        "By digest, an image with all its platforms. What the registry already has is skipped.",
        "",
        _OK,
    ),
    Entry("mirror.verified", "verifying the digests", "Each tag is read again and compared with its source.", "", _OK),
    Entry(
        "mirror-target",
        "the target of acksm mirror is not a registry",
        "--to takes HOST/PATH; charts and images are put below it, as HOST/PATH/sagemaker-chart and so on.",
        "acksm mirror --to HOST/PATH",
        ExitCode.USAGE,
    ),
    Entry(
        "mirror-digest",
        "a copy does not have the digest of its source",
        "The data was changed on the way, or a registry rewrites manifests, or the tag was moved while it was copied.",
        "acksm …   (again)",
        ExitCode.STEP_FAILED,
    ),
    Entry(
        "tag-immutable",
        "the registry does not move a tag",
        "The repository has immutable tags, and the tag names other content than the source does.",
        "acksm mirror --to HOST/OTHER-PATH   (or delete the tag in the registry first)",
        ExitCode.STEP_FAILED,
    ),
)
