"""Our ingest alone, as the composition root wires it; the settings come from the environment.

`python -m tests.benchmarks.ingest.worker`. Prints READY once subscribed.
"""

import logging
import signal
import threading

from replenish_server.database import Database
from replenish_server.fleet.broker import SERVER_USER
from replenish_server.interpreter import begin_to_serve
from replenish_server.replenishment.answers import known_answers
from replenish_server.settings import Settings
from replenish_server.telemetry.ingest import Ingest
from replenish_server.telemetry.session import BrokerAddress, IngestSession


def main() -> None:
    """Take in messages until SIGTERM."""
    logging.basicConfig(level=logging.WARNING)
    settings = Settings()
    clock = settings.make_clock()
    database = Database(settings.database_url)
    password = settings.broker_passwords()["ingest"]
    address = BrokerAddress(settings.broker_host, settings.broker_port, SERVER_USER, password)
    session = IngestSession(address, clock.now)
    ingest = Ingest(database, session, known_answers, lambda _pressed: None)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    begin_to_serve()
    ingest.start()
    session.connected.wait()
    over.wait(0.3)  # the subscription follows the connection
    print("READY", flush=True)
    over.wait()
    ingest.stop()


if __name__ == "__main__":
    main()
