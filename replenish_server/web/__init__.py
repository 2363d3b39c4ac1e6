"""The household's pages: rendered on the server, in English and Korean, with and without JavaScript.

The pages draw and validate; they must never open a database transaction, call a network, or import another
room. What they show and do goes through the ports `HouseholdPages` and `PeoplePages`, which the composition
root supplies.
"""

from replenish_server.web.people_views import PeoplePages
from replenish_server.web.router import build_router, install_pages
from replenish_server.web.security import LOOPBACK_HOSTS
from replenish_server.web.views import HouseholdPages, Refused, RulesForm

__all__ = [
    "LOOPBACK_HOSTS",
    "HouseholdPages",
    "PeoplePages",
    "Refused",
    "RulesForm",
    "build_router",
    "install_pages",
]
