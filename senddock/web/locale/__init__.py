"""Catalogues, and what `make translations` reads besides `_()` and templates."""
