"""The section's blueprint, shared by its files."""

from flask import Blueprint

bp = Blueprint("smtp", __name__, url_prefix="/smtp")
