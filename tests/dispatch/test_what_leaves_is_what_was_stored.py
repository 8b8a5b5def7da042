"""A composed message leaves octet for octet as it was stored, so a DKIM signature made at the provider stays whole."""

from typing import Any

from sqlalchemy import select

from senddock.content.compose import Attachment
from senddock.models import Content
from tests.conftest import Bench


def test_nothing_is_changed_after_composing(sqlite_bench: Bench, smtp_server: Any) -> None:
    server = smtp_server()
    sqlite_bench.provider(server.port)
    sqlite_bench.submit(
        "Ünal <ana@example.org>",
        from_="Jörg <us@example.com>",
        subject="Größe & " + "sehr lang " * 40,
        text=".\r\n..a line with dots\nFrom the start\n" + "long line " * 200,
        html="<p>" + "ü" * 3000 + "</p>",
        headers={"X-Note": "naïve " * 30, "List-Unsubscribe": "<https://example.com/u>"},
        attachments=(Attachment("März.bin", bytes(range(256)) * 20),),
    )
    sqlite_bench.engine.drain()
    with sqlite_bench.database.read() as session:
        stored = bytes(session.scalars(select(Content.raw)).one())
    assert server.taken[0].data == stored
    assert stored.isascii(), "nothing needs 8BITMIME, so no server has a reason to convert it"
    assert max(map(len, stored.split(b"\r\n"))) <= 998
