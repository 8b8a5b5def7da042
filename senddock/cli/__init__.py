"""`senddock …`: the command line. Each command loads only the rooms it enters."""

import sys

import click

from senddock import __version__
from senddock.cli.domains import domain
from senddock.cli.house import House
from senddock.cli.keys import key
from senddock.cli.messages import explain, messages, send, status
from senddock.cli.processes import clock, submission, up, web, worker
from senddock.cli.providers import provider
from senddock.cli.routing import experiment, route
from senddock.cli.setup import db, project, stream, user
from senddock.cli.suppressions import suppression
from senddock.config import ConfigurationError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="senddock")
@click.pass_context
def cli(context: click.Context) -> None:
    """A durable queue in front of your own SMTP accounts."""
    context.obj = House()


for command in (up, web, worker, clock, submission, db, user, provider, project, stream, route, experiment, key):
    cli.add_command(command)
for command in (send, messages, status, explain, domain, suppression):
    cli.add_command(command)


def main() -> None:
    """Entry point: refusals become one line on standard error and exit code 1; wrong usage is 2."""
    # These are told apart here so that a traceback always means a defect of ours.
    try:
        cli(standalone_mode=False)
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
    except Exception as error:
        from senddock.dispatch.refusals import Refused
        from senddock.models import StorageUnavailable
        from senddock.redis_server import NoRedisServer
        from senddock.secrets.master_key import MasterKeyError
        from senddock.secrets.vault import SealBroken, WrongMasterKey
        from senddock.supervisor import AlreadyRunning

        known = (
            Refused,
            StorageUnavailable,
            NoRedisServer,
            MasterKeyError,
            WrongMasterKey,
            SealBroken,
            AlreadyRunning,
        )
        if isinstance(error, known):
            click.echo(f"senddock: {error}", err=True)
            sys.exit(1)
        raise
