"""How many of SQLite's pages the writer of readings keeps."""

from replenish_server.telemetry.sources import Sources
from tests.fakes.retailer_house import House

DEVICE = "level-1"


def test_sqlite_keeps_pages_for_as_many_devices_as_speak(house: House) -> None:
    """A home's two MiB, and a KiB more for every third device: what is not kept, the kernel has."""
    sources, kept = Sources(), []
    with house.database.write() as session:
        connection = session.connection()
        columns = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(device)")]
        values = ", ".join("?" if name == "id" else f'"{name}"' for name in columns)
        copy = f"INSERT INTO device SELECT {values} FROM device WHERE id = ?"
        names = [f"copy-{number}" for number in range(60)]
        connection.exec_driver_sql(copy, [(name, DEVICE) for name in names])
        for spoken in (30, 60):
            sources.speakers(connection, [f"rp/1/{name}/up/st" for name in names[:spoken]])
            kept.append(connection.exec_driver_sql("PRAGMA cache_size").scalar_one())
    assert kept == [-2058, -2068]
