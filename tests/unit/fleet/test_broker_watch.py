"""Watching the broker's log goes on, whatever the database does."""

import logging
from pathlib import Path

import pytest

from replenish_server.clock import SystemClock
from replenish_server.database import Database
from replenish_server.fleet.broker_watch import BrokerWatch


def test_a_database_that_does_not_answer_ends_no_watch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was raised in the MQTT client's thread would end it, and nobody would read the log any more."""
    database, ended = Database(f"sqlite:///{tmp_path / 'empty.db'}"), []
    watch = BrokerWatch(database, SystemClock(), "127.0.0.1", 1, "secret", ended.append, lambda: 0.0)
    with caplog.at_level(logging.ERROR):
        watch.read(b"Client level-1 disconnected due to out of memory.")
    database.close()
    (line,) = caplog.records
    assert line.getMessage().startswith("action=broker_log_unheeded")
    assert ended == []
