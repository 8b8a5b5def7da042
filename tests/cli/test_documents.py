"""docs/cli.md knows every command and every option."""

import importlib.util
import re
import shlex
from pathlib import Path

import click

from senddock.cli import cli
from senddock.domain.catalogue.guide_book import guide_book

DOCS = Path(__file__).parents[2] / "docs"


def test_every_command_and_option_is_documented() -> None:
    spec = importlib.util.spec_from_file_location("make_cli", DOCS / "make_cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    known = set((DOCS / "cli.md").read_text("utf-8").splitlines())
    needed = [line for line in module.text().splitlines() if line.startswith(("#", "- `"))]
    assert [line for line in needed if line not in known] == [], "run: python docs/make_cli.py"


def test_every_command_in_the_guides_exists() -> None:
    lines = [
        (name, line)
        for name, guide in guide_book().items()
        for line in re.findall(r"(?:^|`)(senddock [a-z][^`\n]*)", guide.text, re.MULTILINE)
    ]
    assert len(lines) >= 5
    for name, line in lines:
        found: click.Command | None = cli
        for word in shlex.split(line)[1:]:
            if not isinstance(found, click.Group):
                break
            found = found.get_command(click.Context(found), word)
            assert found is not None, (name, line)
