"""Use cases of an operator: an installation, what is in it, how it does, and what is wrong with it."""

from replenish_server.operations.installation import (
    DatabaseUnfit,
    broker_files,
    broker_ports,
    gatekeeper,
    lock_data_folder,
    open_database,
)
from replenish_server.operations.registration import (
    Credential,
    add_retailer,
    claimed_credential,
    create_household,
    describe_credential,
    households,
    list_devices,
    register_device,
)
from replenish_server.operations.statistics import (
    collect_stats,
)

__all__ = [
    "Credential",
    "DatabaseUnfit",
    "add_retailer",
    "broker_files",
    "broker_ports",
    "claimed_credential",
    "collect_stats",
    "create_household",
    "describe_credential",
    "gatekeeper",
    "households",
    "list_devices",
    "lock_data_folder",
    "open_database",
    "register_device",
]
