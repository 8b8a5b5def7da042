"""`senddock …`: the command line. Each command loads only the rooms it enters."""

import errno
import importlib
import os
import sys
from collections.abc import Sequence

import click

from senddock import __version__
from senddock.config import ConfigurationError

#: Where each command is: a module is imported when its command is called, so that starting costs little.
_MODULES = {
    "processes": "up web worker clock submission",
    "setup": "db user project stream",
    "routing": "route experiment",
    "statistics": "statistics",
    "providers": "provider",
    "keys": "key",
    "messages": "messages status explain",
    "sending": "send",
    "domains": "domain",
    "suppressions": "suppression",
    "webhooks": "webhook",
    "keeping": "secrets backup restore prune",
    "doctor": "doctor",
    "completion": "completion",
}
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_HOME)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _HOME.get(cmd_name)
        if module is None:
            return None
        found: click.Command = getattr(importlib.import_module(f"senddock.cli.{module}"), cmd_name)
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="senddock")
@click.pass_context
def cli(context: click.Context) -> None:
    """A durable queue in front of your own SMTP accounts."""
    from senddock.cli.house import House

    context.obj = House()
    context.call_on_close(context.obj.close)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: refusals become one line on standard error and exit code 1; wrong usage is 2."""
    # These are told apart here so that a traceback always means a defect of ours.
    try:
        _refuse_other_encodings(sys.argv[1:] if arguments is None else arguments)
        cli(arguments, standalone_mode=False, prog_name="senddock", complete_var="_SENDDOCK_COMPLETE")
    except click.exceptions.Abort:
        sys.exit(130)
    except click.UsageError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(1)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except ConfigurationError as error:
        click.echo(f"senddock: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        if error.errno == errno.EPIPE:
            # Whoever read the answer, such as `head`, has seen enough. What is still buffered must not fail at the exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        if error.errno != errno.ENOSPC:
            raise
        click.echo(f"senddock: the answer cannot be written: {error.strerror}", err=True)
        sys.exit(1)
    except Exception as error:
        if isinstance(error, _refusals()):
            # What a database or a library says may have several lines.
            click.echo(f"senddock: {' '.join(str(error).split())}", err=True)
            sys.exit(1)
        raise


def _refuse_other_encodings(arguments: Sequence[str]) -> None:
    """Raises ``click.UsageError`` for an argument that is not UTF-8: no name, address or text here is anything else."""
    for argument in arguments:
        if not argument.isascii() and any("\ud800" <= letter <= "\udfff" for letter in argument):
            readable = argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            raise click.UsageError(f"the argument {readable!r} is not UTF-8 text")


def _refusals() -> tuple[type[Exception], ...]:
    """What a person is told in one line."""
    from senddock.dispatch.refusals import Refused
    from senddock.models import StorageUnavailable
    from senddock.redis_server import NoRedisServer
    from senddock.schema import NewerSchema
    from senddock.secrets.master_key import MasterKeyError
    from senddock.secrets.vault import SealBroken, WrongMasterKey
    from senddock.supervisor import AlreadyRunning

    return (
        Refused, StorageUnavailable, NewerSchema, NoRedisServer, MasterKeyError, WrongMasterKey, SealBroken, AlreadyRunning,
    )  # fmt: skip
