"""`senddock submission`: the door as a process of its own."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Sequence

from senddock.dispatch.key_rate import KeyRate
from senddock.dispatch.outbox import Outbox
from senddock.models import Database
from senddock.submission.certificate import BadCertificate, Certificate
from senddock.submission.door import Door
from senddock.submission.intake import Intake
from senddock.submission.listening import Listening

log = logging.getLogger(__name__)

#: Seconds between two looks at the certificate's files.
_RENEW = 60.0


def run(
    database: Database,
    wake: Callable[[], None],
    rate: KeyRate,
    listening: Listening,
    ready: Callable[[Sequence[int]], None],
) -> None:
    """Serve until SIGTERM or SIGINT; then finish the messages under way. Raises `CannotListen`.

    ``ready`` is told the ports, the plain one first.
    """
    # The event loop must not wait 5 ms for its turn while the committer works.
    sys.setswitchinterval(0.0005)
    outbox = Outbox(database, wake)
    try:
        asyncio.run(_serve(Intake(database, outbox), rate, listening, ready))
    finally:
        outbox.close()


async def _serve(intake: Intake, rate: KeyRate, listening: Listening, ready: Callable[[Sequence[int]], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    door = Door(intake, name=listening.name, tls=listening.tls, rate=rate)
    ports = await door.open(plain=[listening.plain], implicit=[listening.implicit] if listening.implicit else [])
    ready(ports)
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), _RENEW)
        except TimeoutError:
            if listening.certificate is not None:
                _renew(listening.certificate)
    await door.close()


def _renew(certificate: Certificate) -> None:
    try:
        if certificate.renew():
            log.info("the certificate was renewed")
    except BadCertificate as error:
        log.error("the old certificate stays in use: %s", error)
