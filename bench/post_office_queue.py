"""django-post-office on SQLite: python -m bench.post_office_queue PORT MESSAGES THREADS FOLDER; prints the seconds that
`send_queued_mail` took for the queue, without the time to fill it."""

import sys
import time

import django
from django.conf import settings


def main() -> None:
    """Fill the queue, send it, and print."""
    port, messages, threads, folder = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/post_office.db"}},
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        EMAIL_BACKEND="post_office.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        USE_TZ=True,
        SECRET_KEY="bench",  # noqa: S106 - a throw-away installation
        # Its own options for speed: one process, a thread a session, large batches.
        POST_OFFICE={
            "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
            "THREADS_PER_PROCESS": threads,
            "BATCH_SIZE": 2000,
            "LOG_LEVEL": 2,
            "MESSAGE_ID_ENABLED": True,
            "MESSAGE_ID_FQDN": "example.com",
        },
    )
    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from post_office import mail
    from post_office.models import STATUS, Email

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
    text = ("x" * 70 + "\n") * 26
    for start in range(0, messages, 500):
        mail.send_many(
            [
                {
                    "sender": "us@example.com",
                    "recipients": [f"p{number}@example.org"],
                    "subject": "Bench",
                    "message": text,
                }
                for number in range(start, min(start + 500, messages))
            ]
        )
    started = time.perf_counter()
    while Email.objects.filter(status=STATUS.queued).exists():
        mail.send_queued(processes=1)
    took = time.perf_counter() - started
    assert Email.objects.filter(status=STATUS.sent).count() == messages
    print(took)


if __name__ == "__main__":
    main()
