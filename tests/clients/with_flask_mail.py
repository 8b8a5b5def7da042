"""Flask-Mail. Arguments: port, starttls|tls|plain, token, count."""

import sys
from pathlib import Path

from flask import Flask
from flask_mail import Mail, Message

port, mode, token, count = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
app = Flask("client")
app.config.update(
    MAIL_SERVER="localhost",
    MAIL_PORT=port,
    MAIL_USERNAME="resend",
    MAIL_PASSWORD=token,
    MAIL_USE_TLS=mode == "starttls",
    MAIL_USE_SSL=mode == "tls",
)
mail = Mail(app)
with app.app_context(), mail.connect() as connection:
    for _ in range(count):
        message = Message(
            "Grüße ✓", ["ana@example.org"], "Hello\n.one dot\n..two\nümläut\n", "<p>Hello ümläut</p>",
            sender=("Us", "us@example.com"), cc=["bo@example.org"], bcc=["eve@example.org"],
        )  # fmt: skip
        message.attach("invite.ics", "text/calendar", Path(__file__).with_name("invite.ics").read_bytes())
        message.attach("a.bin", "application/octet-stream", bytes(range(256)))
        connection.send(message)
