"""`/routing`: which way mail takes, and why."""

from collections.abc import Sequence

from flask import Blueprint

from senddock.dispatch import routes
from senddock.domain.route_order import percent
from senddock.web.services import services

bp = Blueprint("routing", __name__, url_prefix="/routing")
bp.add_app_template_filter(percent, "percent")


@bp.app_template_global()
def provider_users(provider_id: int) -> Sequence[routes.User]:
    """Who shares a provider's credentials; asked by the fragment that shows it."""
    with services().database.read() as session:
        return routes.users_of(session, provider_id)
