"""What people use today, each measured on the same sink with the same number of sessions: messages a second."""

import contextlib
import os
import pwd
import shutil
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

from bench.sinks import client_context, free_port, postfix_tool, wait_for_port

BODY = ("x" * 70 + "\n") * 26
_ROOT = Path(__file__).parent.parent


def source(port: int, messages: int, sessions: int) -> float:
    """smtp-source: no queue, no log. The ceiling."""
    started = time.perf_counter()
    command = ["-s", str(sessions), "-l", "2048", "-m", str(messages), "-d", f"127.0.0.1:{port}"]
    subprocess.run([postfix_tool("smtp-source"), *command], check=True, stdout=subprocess.DEVNULL)
    return messages / (time.perf_counter() - started)


def nodemailer(port: int, messages: int, sessions: int, ca_file: str | None = None) -> float:
    """nodemailer's pool: no queue on disk, no log. ``ca_file`` asks for STARTTLS."""
    command = [
        "node",
        "bench/nodemailer_pool.mjs",
        str(port),
        str(messages),
        str(sessions),
        "starttls" if ca_file else "none",
    ]
    environ = {**os.environ, **({"NODE_EXTRA_CA_CERTS": ca_file} if ca_file else {})}
    return messages / float(
        subprocess.run(command, check=True, capture_output=True, text=True, cwd=_ROOT, env=environ).stdout
    )


def post_office(port: int, messages: int, sessions: int) -> float:
    """django-post-office's `send_queued_mail` on SQLite."""
    with tempfile.TemporaryDirectory(prefix="sdb") as folder:
        command = [sys.executable, "-m", "bench.post_office_queue", str(port), str(messages), str(sessions), folder]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=_ROOT)
    return messages / float(done.stdout.split()[-1])


def smtplib_threads(port: int, messages: int, sessions: int, ca_file: str) -> float:
    """Plain smtplib, a thread a session, STARTTLS."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "us@example.com", "p@example.org", "Bench"
    mail.set_content(BODY)
    raw = mail.as_bytes().replace(b"\n", b"\r\n")

    def run(number: int) -> None:
        with smtplib.SMTP("localhost", port) as client:
            client.starttls(context=client_context(ca_file))
            for _ in range(messages // sessions):
                client.sendmail("us@example.com", [f"p{number}@example.org"], raw)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(sessions)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return messages / (time.perf_counter() - started)


def postfix(port: int, messages: int, sessions: int) -> float:
    """Postfix: from the first connection of smtp-source until its queue is empty again."""
    with _postfix(port, sessions) as (own_port, queue):
        started = time.perf_counter()
        source(own_port, messages, sessions)
        while any(_files(queue / name) for name in ("incoming", "active", "deferred")):
            time.sleep(0.01)
        return messages / (time.perf_counter() - started)


@contextlib.contextmanager
def postfix_that_keeps(sessions: int) -> Iterator[int]:
    """Postfix that takes mail into its queue and leaves it there: what accepting alone costs. Yields its port."""
    with _postfix(1, sessions, defer_transports="smtp, relay") as (port, _):
        yield port


def _files(folder: Path) -> bool:
    return any(names for _, _, names in os.walk(folder))


@contextlib.contextmanager
def _postfix(relay: int, sessions: int, **more: str) -> Iterator[tuple[int, Path]]:
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="sdpostfix", dir="/var/tmp"))
    folder.chmod(0o755)
    config, queue, data = folder / "etc", folder / "queue", folder / "data"
    for item in (config, queue, data):
        item.mkdir()
    os.chown(data, pwd.getpwnam("postfix").pw_uid, -1)
    main = {
        "compatibility_level": "3.6",
        "queue_directory": queue,
        "data_directory": data,
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "mydestination": "",
        "relayhost": f"[127.0.0.1]:{relay}",
        "mynetworks": "127.0.0.0/8",
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
        "default_process_limit": 100,
        "smtp_destination_concurrency_limit": sessions,
        "initial_destination_concurrency": sessions,
        "in_flow_delay": "0s",
        "disable_dns_lookups": "yes",
        "smtp_dns_support_level": "disabled",
        "maillog_file": "/dev/null",
        "maillog_file_prefixes": "/dev",
        "smtp_tls_security_level": "none",
        "smtpd_peername_lookup": "no",
        "alias_maps": "",
        "alias_database": "",
        "local_recipient_maps": "",
        **more,
    }
    (config / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in main.items()))
    services = [
        f"127.0.0.1:{port} inet n - n - - smtpd",
        "pickup unix n - n 60 1 pickup",
        "cleanup unix n - n - 0 cleanup",
        "qmgr unix n - n 300 1 qmgr",
        "rewrite unix - - n - - trivial-rewrite",
        "bounce unix - - n - 0 bounce",
        "defer unix - - n - 0 bounce",
        "trace unix - - n - 0 bounce",
        "verify unix - - n - 1 verify",
        "flush unix n - n 1000? 0 flush",
        "proxymap unix - - n - - proxymap",
        "smtp unix - - n - - smtp",
        "relay unix - - n - - smtp",
        "error unix - - n - - error",
        "retry unix - - n - - error",
        "discard unix - - n - - discard",
        "anvil unix - - n - 1 anvil",
        "scache unix - - n - 1 scache",
        "postlog unix-dgram n - n - 1 postlogd",
    ]
    (config / "master.cf").write_text("\n".join(services) + "\n")
    tool = [postfix_tool("postfix"), "-c", str(config)]
    try:
        subprocess.run([*tool, "start"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(port)
        yield port, queue
    finally:
        subprocess.run([*tool, "abort"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)
