"""Ports for servers that a test starts in a process of their own.

A port that the kernel chose and that was let go again may be anybody's a moment later: another test's server, or the near
end of any connection on this machine. So these lie where the kernel chooses none, and each is given out once at a time.
"""

import random
import socket
from pathlib import Path

#: Held as long as this process lives.
_CLAIMS: list[socket.socket] = []


def reserved_port() -> int:
    """A port on which nobody listens or will, but for a server that is told this number."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    candidates = list(range(10_000, lowest))
    random.shuffle(candidates)
    for port in candidates:
        # A name in the abstract namespace belongs to one process, and is free again when that process ends.
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0senddock-test-port-{port}")
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            claim.close()
            continue
        _CLAIMS.append(claim)
        return port
    raise RuntimeError("every port below the kernel's own is in use")
