"""`replenish drs ...`: tokens for appliance clouds that were written for the Dash Replenishment Service."""

from typing import Annotated

import typer

from replenish_server.cli.parts import AsJson, fail, open_database, print_json, say
from replenish_server.replenishment.dash import DashRefused, make_token
from replenish_server.settings import Settings

dash_app = typer.Typer(no_args_is_help=True, help="Clouds written for the Dash Replenishment Service.")


@dash_app.callback()
def drs() -> None:
    """Clouds written for the Dash Replenishment Service; see docs/drs.md."""


@dash_app.command("token")
def drs_token(
    device: Annotated[str, typer.Argument(help="Id of the device that it speaks for.")],
    test: Annotated[bool, typer.Option("--test", help="Its orders are tests: nothing is bought.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a token. It is shown once; only its hash is kept."""
    settings = Settings()
    try:
        with open_database(settings).write() as session:
            token = make_token(session, device, test, settings.make_clock().now())
    except DashRefused as error:
        raise fail(f"No token was made: {error}.") from error
    if as_json:
        print_json(
            {"token": token, "device_id": device, "base_url": f"{settings.base_url}/drs", "test": test}
        )
    else:
        say(f"Base URL: {settings.base_url}/drs")
        say(f"Token, shown once: {token}")
