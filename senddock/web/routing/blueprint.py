"""`/routing`: which way mail takes, and why."""

from datetime import datetime

from flask import Blueprint

from senddock.domain.route_order import percent

bp = Blueprint("routing", __name__, url_prefix="/routing")
bp.add_app_template_filter(datetime.fromisoformat, "from_iso")
bp.add_app_template_filter(percent, "percent")
