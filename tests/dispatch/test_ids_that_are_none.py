"""What has not the form of an id names no message, on SQLite and on PostgreSQL, which refuses to compare it."""

from datetime import UTC, datetime

import pytest

from senddock.dispatch import actions, journal
from senddock.dispatch.copying import copy_of
from senddock.dispatch.refusals import Refused
from senddock.models import Database

NONE = ["nope", "", "1" * 36, "01a21567-77c1-71b2-a258-91fa581d3bbg", "²" * 36]


@pytest.mark.parametrize("name", NONE)
def test_no_message_is_found_by_what_is_no_id(database: Database, name: str) -> None:
    for act in (
        lambda: actions.cancel(database, name, by="ana"),
        lambda: actions.retry(database, name, provider_id=None, by="ana"),
        lambda: actions.reschedule(database, name, datetime.now(UTC), by="ana"),
        lambda: copy_of(database, name, provider_id=None),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.code == "not_found"
    with database.read() as session:
        assert journal.story(session, name) is None
