"""The operator's list over a real database: states, health, refusals, filters, and a harmless CSV."""

import csv
import io
from datetime import timedelta

from sqlmodel import select

from replenish_server.fleet.credentials import revoke_device
from replenish_server.fleet.tables import Device, Twin
from replenish_server.operations.fleet_report import FleetFilter, as_csv, fleet_rows
from replenish_server.telemetry.store import Incoming, store_batch
from tests.fakes.retailer_house import NOW, House


def test_the_list_says_how_each_device_is(house: House) -> None:
    """One is heard, one was revoked, one sent nonsense; filters pick them."""
    with house.database.write() as session:
        first, second, *_ = session.exec(select(Device).order_by(Device.id)).all()
        first.last_seen_at, first.name = NOW, "Their secret"
        health = {"fw": "=1+1", "bat": 2950, "rssi": -61, "drop": "many"}
        session.get_one(Twin, first.id).reported = {"v": 1, "rev": 0, "h": health}
        store_batch(session, [Incoming(f"rp/1/{first.id}/up/ev", b"nonsense", False, NOW)])
        revoke_device(session, second.id, "stolen", NOW)
    with house.database.read() as session:
        rows = {row.device_id: row for row in fleet_rows(session, NOW + timedelta(hours=1))}
        late = {
            row.device_id: row for row in fleet_rows(session, NOW + timedelta(days=9), FleetFilter("silent"))
        }
        assert {first.id} == late.keys()
        assert fleet_rows(session, NOW, FleetFilter(kind="nothing")) == []
    heard, revoked = rows[first.id], rows[second.id]
    assert ("heard", "=1+1", 2950, None, 1) == (
        heard.state, heard.firmware, heard.battery_mv, heard.dropped, heard.refused,
    )  # fmt: skip
    assert "readable" in heard.refused_why
    assert ("revoked", None, {"refused"}) == (revoked.state, revoked.expected_by, heard.signs)
    text = as_csv([heard, revoked])
    (line, _) = csv.DictReader(io.StringIO(text))
    assert ("'=1+1", "-61") == (line["firmware"], line["rssi_dbm"])
    assert "Their secret" not in text
    assert "stolen" not in text
