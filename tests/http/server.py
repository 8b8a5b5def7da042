"""An HTTPS server on loopback that answers each path as the test said."""

import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]


def file(data: bytes, **fields: str) -> Answer:
    """200 with these octets; ``fields`` with underscores for hyphens."""

    def give(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in {"Content_Length": str(len(data)), **fields}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return give


def moved(place: str, status: int = 302) -> Answer:
    """A redirect."""

    def give(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", place)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return give


class FileServer:
    """Running until `stop`; ``asked`` lists host and path of each request."""

    def __init__(self, answers: Mapping[str, Answer], tls: ssl.SSLContext | None) -> None:
        self.answers = dict(answers)
        self.asked: list[tuple[str, str]] = []
        #: Set when the server goes away: slow answers end then.
        self.over = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append((self.headers["Host"], self.path))
                found = owner.answers.get(self.path)
                if found is None:
                    self.send_error(404)
                else:
                    found(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """Clients that go away early are what is tested."""

            def shutdown_request(self, request: Any) -> None:
                self.close_request(request)

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            # The handshake is made in the request's thread, so that a refused certificate stops nobody else.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
