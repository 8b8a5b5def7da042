"""A message as the command that would submit it again over the API."""

import json
import shlex
from typing import Any

from senddock.content.reading import ReadParts
from senddock.dispatch.journal import Story


def curl_of(story: Story, parts: ReadParts | None, base: str) -> str:
    """A shell line; the key is left for the reader to put in."""
    message, meta = story.message, story.meta
    body: dict[str, Any] = {
        "from": message.from_header,
        "to": meta.get("to") or [message.to_header],
        "cc": meta.get("cc"),
        "bcc": meta.get("bcc"),
        "reply_to": meta.get("reply_to"),
        "subject": message.subject,
        "html": parts.html if parts else None,
        "text": parts.text if parts else None,
        "stream": story.stream.name,
    }
    text = json.dumps({name: value for name, value in body.items() if value}, ensure_ascii=False)
    return (
        f'curl {shlex.quote(base + "/api/emails")} \\\n  -H "Authorization: Bearer $SENDDOCK_API_KEY" \\\n'
        f"  -H 'Content-Type: application/json' \\\n  -d {shlex.quote(text)}"
    )
