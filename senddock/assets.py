"""Where templates, static files and migrations are: at the top of a checkout, or inside the installed package."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def asset_folder(name: str) -> Path:
    """The folder ``templates``, ``static`` or ``migrations``.

    Raises ``FileNotFoundError`` when the installation is incomplete.
    """
    for candidate in (_PACKAGE / "_assets" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the folder {name!r} is missing from this installation of SendDock: install it again")
