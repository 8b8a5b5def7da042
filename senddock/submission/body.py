"""Reading what follows DATA: up to CRLF.CRLF and to nothing else (RFC 5321 section 4.1.1.4)."""

_END = b"\r\n.\r\n"


class BodyReader:
    """Collects the bytes of one message, whole chunks at a time.

    Only CRLF.CRLF ends it: a lone CR or LF around a dot is content, so nobody smuggles a second message
    (CVE-2023-51764). A message over the limit is read to its end and thrown away as it comes.
    """

    __slots__ = ("_data", "_limit", "size")

    def __init__(self, limit: int) -> None:
        """``limit`` is the largest size to keep, in octets."""
        # The dot may be the very first byte after DATA's own CRLF.
        self._data = bytearray(b"\r\n")
        self._limit = limit
        #: Octets that came so far.
        self.size = 0

    @property
    def too_large(self) -> bool:
        """True when more came than is kept."""
        return self.size > self._limit

    def feed(self, chunk: bytes) -> bytes | None:
        """Take a chunk: ``None`` while the end has not come, afterwards the bytes that follow it."""
        data = self._data
        start = max(0, len(data) - len(_END) + 1)
        data += chunk
        self.size += len(chunk)
        end = data.find(_END, start)
        if end < 0:
            if self.too_large:
                del data[: -len(_END)]
            return None
        rest = bytes(data[end + len(_END) :])
        self.size -= len(rest) + 3
        del data[end + 2 :]
        return rest

    def content(self) -> bytes:
        """The message, its dots unstuffed (RFC 5321 section 4.5.2)."""
        data = self._data
        if b"\r\n." in data:
            data = data.replace(b"\r\n.", b"\r\n")
        return bytes(memoryview(data)[2:])
