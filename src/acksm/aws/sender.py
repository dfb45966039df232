"""How requests reach AWS: through acksm's own pools (`acksm.connections`) instead of botocore's.

botocore's know neither SOCKS nor networks in NO_PROXY nor ALL_PROXY, and trust neither the system's authorities nor
those of SSL_CERT_FILE. A handler of botocore's event `before-send` may answer a request; so does this one. Retries are
botocore's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from acksm.connections import Connections
from acksm.json_types import Untyped
from acksm.surroundings import proxy_for
from acksm.words import without_login

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

CONNECT_SECONDS = 10.0


class Sender:
    """Sends requests. `seconds` returns how long an attempt may wait for an answer; `bundle` is the file of certificate
    authorities that `where` names, "" for the usual ones.
    """

    def __init__(self, seconds: Callable[[], float], bundle: str = "", where: str = "") -> None:
        self._seconds = seconds
        self._connections = Connections(bundle, where, maxsize=16)

    def listen(self, events: Untyped) -> None:
        """Send the requests of a client or a session of botocore."""
        events.register_last("before-send", self._send, unique_id="acksm-send")

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        from botocore import exceptions as boto
        from botocore.awsrequest import AWSResponse
        from urllib3 import Retry, Timeout, exceptions

        url = request.url
        pool = self._connections.to(url)
        try:
            raw = pool.urlopen(
                request.method,
                url,
                body=request.body,
                headers=dict(request.headers.items()),
                retries=Retry(False),
                redirect=False,
                preload_content=False,
                decode_content=False,
                timeout=Timeout(connect=CONNECT_SECONDS, read=self._seconds()),
            )
            headers: Untyped = raw.headers
            answer = AWSResponse(url, raw.status, headers, raw)
            answer.content  # noqa: B018 (reads it, within this try)
        except exceptions.SSLError as error:
            raise boto.SSLError(endpoint_url=url, error=error) from error
        except exceptions.ProxyError as error:
            by = without_login(proxy_for(url))
            raise boto.HTTPClientError(error=f"proxy {by} for {url}: {error.original_error}") from error
        except exceptions.NewConnectionError as error:
            raise boto.EndpointConnectionError(endpoint_url=url, error=error) from error
        except exceptions.ConnectTimeoutError as error:
            raise boto.ConnectTimeoutError(endpoint_url=url, error=error) from error
        except exceptions.ReadTimeoutError as error:
            raise boto.ReadTimeoutError(endpoint_url=url, error=error) from error
        except exceptions.ProtocolError as error:
            raise boto.ConnectionClosedError(endpoint_url=url, error=error, request=request) from error
        except exceptions.HTTPError as error:
            raise boto.HTTPClientError(error=error) from error
        return answer
