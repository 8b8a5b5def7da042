"""Any exception under ``/api`` as an answer."""

import logging
import uuid

from senddock.api.answers import Reply
from senddock.api.call import Call
from senddock.api.errors import translate

log = logging.getLogger(__name__)


def failed(error: Exception, call: Call) -> Reply:
    """Flat JSON; what nobody expected is logged under the id that the answer has."""
    answer = translate(error)
    if answer.status == 500:
        answer.extra["request_id"] = reference = str(uuid.uuid4())
        log.error("an API request failed; its answer had request_id %s", reference, exc_info=error)
    return Reply(answer.body(f"{call.server}/guides/"), answer.status, list(answer.headers.items()))
