"""Whether an S3 bucket exists, and in which region: one HeadBucket, which reads nothing of it.

Names of buckets are unique in a partition, so that any account's credentials tell whether one exists
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html).
"""

from __future__ import annotations

from acksm.aws.errors import translated
from acksm.aws.session import Session
from acksm.dataclass import dataclass
from acksm.errors import AcksmError

_NO_SUCH_BUCKET = 404
REGION_HEADER = "x-amz-bucket-region"


@dataclass(frozen=True)
class Bucket:
    """`exists`: None where it could not be determined, with `why`. `region` "" where no answer has it."""

    exists: bool | None
    region: str = ""
    why: str = ""


def look(aws: Session, name: str, region: str = "") -> Bucket:
    """The bucket of this name; asked of S3 in `region`. Errors: of credentials only; others make it unknown."""
    from botocore.exceptions import ClientError

    client = aws.client("s3", region)
    try:
        with translated("s3", "HeadBucket", name):
            try:
                answer = client.head_bucket(Bucket=name)
            except ClientError as error:
                metadata = error.response.get("ResponseMetadata", {})
                status = int(metadata.get("HTTPStatusCode", 0))
                if status == _NO_SUCH_BUCKET:
                    return Bucket(False)
                headers = metadata.get("HTTPHeaders", {})
                # 403: it exists, or this identity may not know; its region is in the answer in either case
                return Bucket(None, str(headers.get(REGION_HEADER, "")), f"S3 answered {status}")
    except AcksmError as error:
        if error.id in {"aws-expired-credentials", "aws-no-credentials", "timed-out"}:
            raise
        return Bucket(None, why=error.message)
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return Bucket(True, str(headers.get(REGION_HEADER, "")))
