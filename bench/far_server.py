"""A quick SMTP server with STARTTLS behind a delay: python -m bench.far_server PORT PEM ROUND_TRIP_SECONDS."""

import asyncio
import ssl
import sys
from pathlib import Path


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
    """One session: takes everything."""
    writer.write(b"220 far ESMTP\r\n")
    secure = False
    while line := await reader.readline():
        verb = line[:4].upper()
        if verb == b"EHLO":
            writer.write(
                b"250-far\r\n250-PIPELINING\r\n" + (b"" if secure else b"250-STARTTLS\r\n") + b"250 8BITMIME\r\n"
            )
        elif verb == b"STAR":
            writer.write(b"220 go ahead\r\n")
            await writer.drain()
            await writer.start_tls(context)
            secure = True
        elif verb == b"DATA":
            writer.write(b"354 go ahead\r\n")
            while (await reader.readline()) != b".\r\n":
                pass
            writer.write(b"250 2.0.0 Ok\r\n")
        else:
            writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 Ok\r\n")
            if verb == b"QUIT":
                break
    writer.close()


class Delayed(asyncio.Protocol):
    """One side of a proxied connection: what it reads is written to its peer later."""

    def __init__(self, delay: float, upstream: int | None) -> None:
        self._delay = delay
        self._upstream = upstream
        self._early = bytearray()
        self._task: asyncio.Task[None] | None = None
        self.peer: Delayed | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come, or the server has been reached."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self._upstream is not None:
            self._task = asyncio.get_running_loop().create_task(self._reach(self._upstream))

    async def _reach(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        _, peer = await loop.create_connection(lambda: Delayed(self._delay, None), "127.0.0.1", port)
        peer.peer, self.peer = self, peer
        if self._early:
            self.data_received(bytes(self._early))

    def data_received(self, data: bytes) -> None:
        """Pass it on after half a round trip."""
        if self.peer is None:
            self._early += data
            return
        asyncio.get_running_loop().call_later(self._delay, self.peer.write, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass that on as well."""
        if self.peer is not None and self.peer.transport is not None:
            asyncio.get_running_loop().call_later(self._delay, self.peer.transport.close)

    def write(self, data: bytes) -> None:
        """What the peer has read half a round trip ago."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)


async def main() -> None:
    """Serve until killed."""
    port, identity, round_trip = int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    server = await asyncio.start_server(lambda r, w: serve(r, w, context), "127.0.0.1", 0, limit=1 << 20)
    upstream = server.sockets[0].getsockname()[1]
    proxy = await asyncio.get_running_loop().create_server(lambda: Delayed(round_trip / 2, upstream), "127.0.0.1", port)
    await proxy.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
