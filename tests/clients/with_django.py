"""Django's e-mail backend, configured as its documentation says. Arguments: port, starttls|tls|plain, token, count."""

import sys
from pathlib import Path

from django.conf import settings

port, mode, token, count = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
settings.configure(
    EMAIL_HOST="localhost",
    EMAIL_PORT=port,
    EMAIL_HOST_USER="resend",
    EMAIL_HOST_PASSWORD=token,
    EMAIL_USE_TLS=mode == "starttls",
    EMAIL_USE_SSL=mode == "tls",
    EMAIL_TIMEOUT=20,
)

from django.core.mail import EmailMultiAlternatives, get_connection  # noqa: E402 - needs the settings

with get_connection() as connection:
    for _ in range(count):
        message = EmailMultiAlternatives(
            "Grüße ✓", "Hello\n.one dot\n..two\nümläut\n", "Us <us@example.com>", ["ana@example.org"],
            bcc=["eve@example.org"], cc=["bo@example.org"], connection=connection,
        )  # fmt: skip
        message.attach_alternative("<p>Hello ümläut</p>", "text/html")
        message.attach("invite.ics", Path(__file__).with_name("invite.ics").read_text("utf-8"), "text/calendar")
        message.attach("a.bin", bytes(range(256)), "application/octet-stream")
        assert message.send() == 1
