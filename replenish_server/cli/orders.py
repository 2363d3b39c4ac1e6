"""Commands about orders: the stop switch of the operator, and how long an order can be canceled."""

from typing import Annotated

import typer

from replenish_server.cli.parts import AsJson, open_database, print_json, say, the_household
from replenish_server.households.tables import Household
from replenish_server.ordering.reconcile import Mark
from replenish_server.ordering.stops import EVERYTHING, RESTORED, go, stop, stopped_scopes
from replenish_server.settings import Settings

LONGEST_COOLING_OFF_HOURS = 168.0

Restored = Annotated[
    bool, typer.Option("--restored", help="The switch of a restored backup, once the shops were looked at.")
]


def add_order_commands(app: typer.Typer) -> None:
    """`replenish stop`, `replenish go` and `replenish cooling-off`."""

    @app.command("stop")
    def stop_orders(restored: Restored = False, as_json: AsJson = False) -> None:
        """Let no order leave, of any household, from now on. Orders at retailers are followed as before."""
        settings = Settings()
        with open_database(settings).write() as session:
            scope = RESTORED if restored else EVERYTHING
            stop(session, scope, settings.make_clock().now(), "operator")
            scopes = sorted(stopped_scopes(session))
        _say(scopes, as_json)

    @app.command("go")
    def let_orders_leave(restored: Restored = False, as_json: AsJson = False) -> None:
        """Take the operator's stop switch back. A household's own switch stays as it is."""
        settings = Settings()
        with open_database(settings).write() as session:
            if not restored:
                go(session, EVERYTHING)
            elif go(session, RESTORED):
                Mark(settings.sent_mark).lower_to(session)
            scopes = sorted(stopped_scopes(session))
        _say(scopes, as_json)

    @app.command("cooling-off")
    def cooling_off(
        hours: Annotated[float, typer.Argument(min=0.0, max=LONGEST_COOLING_OFF_HOURS)],
        as_json: AsJson = False,
    ) -> None:
        """For how many hours an order that nobody touched can be canceled before the retailer is called."""
        database = open_database(Settings())
        household_id = the_household(database)
        with database.write() as session:
            household = session.get_one(Household, household_id)
            household.cooling_off_minutes = round(hours * 60)
            session.add(household)
        if as_json:
            print_json({"cooling_off_minutes": round(hours * 60)})
            return
        say(f"New orders can be canceled for {hours:g} hours before they leave.")


def _say(scopes: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"stopped": scopes})
    elif scopes:
        say(f"No order leaves ({', '.join(scopes)}). Take it back: replenish go")
    else:
        say("Orders leave again.")
