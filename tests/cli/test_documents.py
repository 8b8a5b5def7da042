"""docs/cli.md knows every command and every option."""

import importlib.util
from pathlib import Path

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
