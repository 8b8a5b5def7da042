"""Looking a provider up for a page."""

from flask import abort

from senddock.dispatch import providers
from senddock.dispatch.refusals import Refused
from senddock.models import Provider
from senddock.web.services import services


def provider_or_404(provider_id: int) -> Provider:
    """The provider, or the page that says that there is none."""
    try:
        return providers.get(services().database, provider_id)
    except Refused:
        abort(404)
