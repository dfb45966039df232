"""How the sandbox's own servers answer: werkzeug's, without a log, and as AWS does with persistent connections."""

from __future__ import annotations

import io

from werkzeug.serving import WSGIRequestHandler


class Quiet(WSGIRequestHandler):
    """Each connection is of one request."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        """Requests are recorded by the cloud and by the apiserver's audit log."""


class KeptOpen(Quiet):
    """Connections are kept open for further requests, as AWS's do. werkzeug closes each, since it does not know whether
    the request was read to its end; here it is, before it is answered."""

    timeout = 60.0  # of an idle one
    # The headers and the body are two packets: the kernel would hold back the second, for up to 40 ms, until the first
    # is acknowledged (tcp(7), TCP_NODELAY).
    disable_nagle_algorithm = True
    _whole = False

    def run_wsgi(self) -> None:
        stream, headers = self.rfile, self.headers
        self._whole = not ({"Transfer-Encoding", "Expect"} & set(headers)) and not self.close_connection
        if not self._whole:
            super().run_wsgi()
            return
        self.rfile = io.BytesIO(stream.read(int(headers.get("Content-Length") or 0)))
        try:
            super().run_wsgi()
        finally:
            self.rfile = stream

    def send_header(self, keyword: str, value: str) -> None:
        if not (self._whole and (keyword, value) == ("Connection", "close")):
            super().send_header(keyword, value)
