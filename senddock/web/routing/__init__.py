"""The section's blueprint."""

from senddock.web.routing import experiments, simulator, streams, views
from senddock.web.routing.blueprint import bp

__all__ = ["bp", "experiments", "simulator", "streams", "views"]
