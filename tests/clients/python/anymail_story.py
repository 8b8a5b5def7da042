"""One story through django-anymail's Resend backend; prints what it found as one line of JSON."""

import json
import os

import django
from anymail.exceptions import AnymailRequestsAPIError
from django.conf import settings

settings.configure(
    EMAIL_BACKEND="anymail.backends.resend.EmailBackend",
    DEFAULT_FROM_EMAIL="us@example.com",
    ANYMAIL={"RESEND_API_KEY": os.environ["RESEND_API_KEY"], "RESEND_API_URL": os.environ["RESEND_API_URL"]},
)
django.setup()

from django.core.mail import EmailMultiAlternatives  # noqa: E402 - Django wants its settings first

found = {}
mail = EmailMultiAlternatives("Grüße", "It works.", to=["Ana <ana@example.org>"], cc=["bo@example.org"])
mail.attach_alternative("<p>It works.</p>", "text/html")
mail.attach("a.csv", "x,y\n", "text/csv")
mail.tags, mail.metadata = ["welcome"], {"order": 5}
found["sent"] = mail.send()
found["status"] = next(iter(mail.anymail_status.status))
found["attachment"] = mail.attachments[0][2]
batch = EmailMultiAlternatives("Hello", "It works.", to=["a@example.org", "b@example.org"])
batch.merge_data = {"a@example.org": {}, "b@example.org": {}}
batch.merge_metadata = {"a@example.org": {"order": 1}, "b@example.org": {"order": 2}}
batch.send()
found["batch"] = len(set(batch.anymail_status.message_id))
try:
    EmailMultiAlternatives("Hello", "x", to=[f"p{number}@example.org" for number in range(60)]).send()
except AnymailRequestsAPIError as error:
    found["refused"] = type(error).__name__
print(json.dumps(found))
