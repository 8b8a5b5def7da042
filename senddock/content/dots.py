"""Transparency: a line that begins with a dot gets another one (RFC 5321 section 4.5.2)."""


def dot_stuff(raw: bytes) -> bytes:
    """``raw`` (CRLF line ends) as it goes over the wire, ended with CRLF, without the final dot."""
    if not raw.endswith(b"\r\n"):
        raw += b"\r\n"
    if raw.startswith(b"."):
        raw = b"." + raw
    if b"\n." in raw:
        raw = raw.replace(b"\n.", b"\n..")
    return raw
