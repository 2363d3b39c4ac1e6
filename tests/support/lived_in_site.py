"""The whole application over the lived-in home, with keys for everybody who looks."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import select

from replenish_server.database import Database
from replenish_server.fleet.tables import Slot
from replenish_server.households.membership import add_person, create_token, ensure_owner
from replenish_server.households.operators import add_operator
from replenish_server.households.people import Role, acts_of
from replenish_server.households.sign_in import start_session
from replenish_server.ids import DeviceId
from replenish_server.retailers.feed.keys import make_key
from replenish_server.retailers.kinds import NewRetailer, RetailerKind
from replenish_server.retailers.registry import add_retailer
from replenish_server.server import Server
from replenish_server.settings import Settings
from tests.fakes.retailer_house import HOUSEHOLD, House
from tests.support.lived_in_home import LivedInHome


class LivedIn:
    """A server whose workers do not run, so that nothing moves, and its home."""

    def __init__(self, template: Path, folder: Path) -> None:
        shutil.copy(template, folder / "replenish.db")
        self.server = Server(Settings(data_dir=folder))
        house = House(Database(self.server.settings.database_url))
        self.database, now = house.database, datetime.now(UTC)
        with house.database.write() as session:
            house.slots = {DeviceId(d): s for d, s in session.exec(select(Slot.device_id, Slot.id))}
            shop = add_retailer(session, NewRetailer(RetailerKind.FEED, "Corner", agreement="its feed"), now)
            session.flush()
            self.shop_key = make_key(session, shop, "", now)
            self.operator_token = add_operator(session, "Olga", now)[1]
            owner = ensure_owner(session, HOUSEHOLD)
            guest = add_person(session, HOUSEHOLD, "Gus", Role.GUEST, now)
            session.flush()
            self.api_token = create_token(session, owner, "program", acts_of(Role.OWNER), now)[1]
            self.cookies = {
                "owner": start_session(session, owner.id, "Phone", now),
                "guest": start_session(session, guest.id, "Firefox", now),
            }
        self.home = LivedInHome(house, now)
        self.home.furnish()

    def paths(self) -> list[str]:
        """Each of the household's pages once, with the most on it."""
        slots, orders = self.home.slots, self.home.orders
        rooms = ["/", "/mandate", "/trial", "/shopping-list", "/devices", "/shops", "/people", "/notices"]
        return [
            *rooms, f"/slots/{slots['needs_approval']}", f"/slots/{slots['leak']}",
            f"/slots/{slots['enough']}/mandate", f"/slots/{slots['enough']}/product",
            f"/orders/{orders['delivered']}", f"/orders/{orders['unknown_outcome']}",
            f"/orders/{orders['cooling_off']}", f"/orders/{orders['delivered']}/withdraw", "/nothing-here",
        ]  # fmt: skip

    def close(self) -> None:
        """Let go of everything."""
        self.server.shops.close()
        self.server.database.close()
        self.database.close()
