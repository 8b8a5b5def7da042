"""Several workers at one queue: what may be sent once is sent once, whoever is quicker."""

import threading
from collections import Counter
from collections.abc import Callable

from sqlalchemy import update

from senddock.dispatch.outbox import utcnow
from senddock.models import Message
from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP, reset


def test_the_one_repetition_of_an_uncertain_message_is_one_however_many_race_for_it(
    bench: Bench, smtp_server: Callable[..., ScriptedSMTP]
) -> None:
    # Four doubts are two failures: the breaker stays closed.
    server, other = smtp_server({"reply": [reset()] * 4}), smtp_server()
    bench.provider(server.port, "one", 1)
    bench.provider(other.port, "other", 2)
    racers = [bench, *(Bench(bench.database, bench.vault, bench.redis) for _ in range(2))]
    try:
        ids = [bench.submit(f"p{number}@example.org") for number in range(4)]
        for racer in racers:
            assert racer.engine.worker_id
        for _ in range(3):
            threads = [threading.Thread(target=racer.engine.drain) for racer in racers]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(120)
            with bench.database.write() as session:
                session.execute(update(Message).where(Message.due_at.is_not(None)).values(due_at=utcnow()))
        copies = Counter(taken.recipients[0] for taken in server.taken)
        assert set(copies.values()) == {2}, "each in doubt once, and repeated once"
        classes = [[item["class"] for item in bench.story(message_id)["attempts"]] for message_id in ids]
        assert classes == [["uncertain", "accepted"]] * 4
        assert other.taken == []
    finally:
        for racer in racers[1:]:
            racer.close()
