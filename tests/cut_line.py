"""The line between SendDock and PostgreSQL, cut in the moment in which a commit has been carried out and not answered."""

import contextlib
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path


class CutLine:
    """A unix socket that passes everything on to the server's, until it is told to cut."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder = folder
        self._server = f"{server}/.s.PGSQL.5432"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen(64)
        #: Commits that the client shall get no answer to.
        self.cuts = 0
        #: Cut instead before the server has heard of the commit.
        self.before = False
        #: Only commits of transactions that name this.
        self.naming = b""
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, url: str) -> str:
        """The same database through this line."""
        return f"{url.partition('?')[0]}?host={self.folder}"

    def close(self) -> None:
        """End everything."""
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                with self._lock:
                    self._open += [client, server]
                threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        named = False
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                named = named or self.naming in data
                ends = b"COMMIT" in data
                if ends and named and self._cut():
                    # The client's end first, so that no answer can pass; the server's when it has nothing more to say.
                    client.shutdown(socket.SHUT_RDWR)
                    if not self.before:
                        server.sendall(data)
                        server.shutdown(socket.SHUT_WR)
                        continue
                    server.shutdown(socket.SHUT_RDWR)
                    continue
                server.sendall(data)
                named = named and not ends
            server.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 16):
                with contextlib.suppress(OSError):
                    client.sendall(data)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        client.close()
        server.close()

    def _cut(self) -> bool:
        with self._lock:
            before = self.cuts
            self.cuts -= 1 if self.cuts else 0
            return before > 0


@contextlib.contextmanager
def cut_line(server: str) -> Iterator[CutLine]:
    """A line to the server whose socket is in the folder ``server``."""
    with tempfile.TemporaryDirectory(prefix="sdc", dir="/tmp") as folder:
        made = CutLine(Path(folder), server)
        try:
            yield made
        finally:
            made.close()
