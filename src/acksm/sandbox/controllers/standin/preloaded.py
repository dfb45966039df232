"""What every stand-in needs, read when this is imported: its modules, and AWS's models of the services."""

from botocore import UNSIGNED
from botocore.config import Config

from acksm.ack.kinds import API
from acksm.sandbox.controllers.standin import cloud, main  # noqa: F401

_unsigned = Config(signature_version=UNSIGNED)
_session = cloud.new_session()
for _name in ("sts", *API.values()):
    _session.create_client(_name, region_name="us-west-2", config=_unsigned)
