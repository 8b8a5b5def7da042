"""Writes docs/cli.md from the commands themselves: `python docs/make_cli.py`."""

from pathlib import Path

import click

from senddock.cli import cli

_HEAD = """# Command line

Every listing takes `--json`. Exit code 0: done; 1: refused, with one line on standard error; 2: wrong usage.
Completion: `eval "$(senddock completion bash)"` (or `zsh`; fish: `senddock completion fish | source`).
`senddock-sendmail -t -i -f` takes mail as sendmail does. Written by `python docs/make_cli.py`.
"""


def text() -> str:
    """The whole document."""
    parts = [_HEAD]
    context = click.Context(cli, info_name="senddock")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        _describe(command, f"senddock {name}", parts)
    return "\n".join(parts)


def _describe(command: click.Command, path: str, parts: list[str]) -> None:
    if isinstance(command, click.Group):
        parts.append(f"## {path}\n\n{command.help}\n")
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            _describe(child, f"{path} {name}", parts)
        return
    words = [item.make_metavar(click.Context(command)) for item in command.params if isinstance(item, click.Argument)]
    parts.append(f"### {' '.join([path, *words])}\n\n{(command.help or '').strip()}\n")
    options = [item for item in command.params if isinstance(item, click.Option)]
    if options:
        parts.append("\n".join(f"- `{' '.join(item.opts)}` {item.help or ''}".rstrip() for item in options) + "\n")


if __name__ == "__main__":
    (Path(__file__).parent / "cli.md").write_text(text(), "utf-8")
