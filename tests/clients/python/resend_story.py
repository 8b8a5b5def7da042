"""One story through the Python SDK; prints what it found as one line of JSON."""

import json
import uuid

import resend
from resend.version import get_version

GOOD = {
    "from": "Us <us@example.com>",
    "to": ["ana@example.org"],
    "subject": "Hello",
    "text": "It works.",
    "html": "<p>It works.</p>",
    "reply_to": "answers@example.com",
    "tags": [{"name": "kind", "value": "welcome"}],
}
found = {"version": get_version()}
sent = resend.Emails.send({**GOOD, "attachments": [{"filename": "a.bin", "content": [0, 1, 255]}]})
found["attachment"] = "sent" if uuid.UUID(sent["id"]) else ""
one = resend.Emails.get(sent["id"])
found["text"], found["tags"] = one["text"], one["tags"]
found["batch"] = len(resend.Batch.send([GOOD, GOOD])["data"])
later = resend.Emails.send({**GOOD, "scheduled_at": "in 1 hour"})
moved = resend.Emails.update({"id": later["id"], "scheduled_at": "in 2 days"})
found["moved"] = moved["id"] == later["id"]
resend.Emails.cancel(later["id"])
found["canceled"] = resend.Emails.get(later["id"])["last_event"]
for name, change in (("refused", {"to": "nobody"}), ("wrong_key", {})):
    if name == "wrong_key":
        resend.api_key = "sd_wrong"
    try:
        resend.Emails.send({**GOOD, **change})
    except resend.exceptions.ResendError as error:
        found[name] = type(error).__name__
print(json.dumps(found))
