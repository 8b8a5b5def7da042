"""One-click unsubscribing (RFC 8058): what the large mailbox providers ask of mail that many people get."""

import re
from collections.abc import Mapping

_HTTPS = re.compile(r"<\s*https://[^<>\s]+\s*>", re.IGNORECASE)


def missing_unsubscribe(headers: Mapping[str, str]) -> str | None:
    """What a marketing message lacks, in words; ``None`` when it has both fields as RFC 8058 section 3.1 wants them."""
    found = {name.lower(): value for name, value in headers.items()}
    listed, post = found.get("list-unsubscribe"), found.get("list-unsubscribe-post")
    if listed is None:
        return (
            "A marketing message without `List-Unsubscribe`: Gmail and Yahoo put it into spam. Add the headers "
            "List-Unsubscribe: <https://…> and List-Unsubscribe-Post: List-Unsubscribe=One-Click."
        )
    if not _HTTPS.search(listed):
        return "`List-Unsubscribe` has no https address in angle brackets, so one-click unsubscribing (RFC 8058) fails."
    if post is None or post.strip().lower() != "list-unsubscribe=one-click":
        return "`List-Unsubscribe-Post: List-Unsubscribe=One-Click` is missing beside `List-Unsubscribe` (RFC 8058)."
    return None
