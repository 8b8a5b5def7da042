"""For other WSGI servers: ``gunicorn wsgi:app`` with the settings of the environment."""

from senddock.app import create_app
from senddock.cli.house import House

_house = House()
app = create_app(_house.settings, vault=_house.vault, redis=_house.redis)
