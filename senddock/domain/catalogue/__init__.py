"""What is known of the providers: facts as data in ``providers.toml``, with how sure each of them is."""

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources

from senddock.domain.catalogue.entry import Confidence, Entry, Plan
from senddock.domain.catalogue.reading import entry_from

__all__ = ["Confidence", "Entry", "Plan", "catalogue", "entry_for", "entry_of_host"]


@functools.cache
def catalogue() -> Mapping[str, Entry]:
    """Every entry by its key, the six of the user documentation first."""
    text = resources.files(__name__).joinpath("providers.toml").read_text("utf-8")
    return {data["key"]: entry_from(data) for data in tomllib.loads(text)["provider"]}


def entry_for(key: str | None) -> Entry | None:
    """The entry of a provider's preset, or ``None``."""
    return catalogue().get(key) if key else None


@functools.cache
def entry_of_host(host: str) -> Entry | None:
    """The entry whose server ``host`` is, or ``None`` for a server that the catalogue does not know."""
    return next((entry for entry in catalogue().values() if entry.server.owns(host)), None)
