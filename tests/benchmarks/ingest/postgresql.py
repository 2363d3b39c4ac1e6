"""The same stream into PostgreSQL: CPU per message of ours and of the server together, beside SQLite's."""

import time
from pathlib import Path
from typing import Any

from replenish_server.database import Database
from tests.benchmarks.ingest import stream
from tests.benchmarks.ingest.bed import Bed, cpu_s, wait_for
from tests.benchmarks.ingest.goals import row
from tests.benchmarks.ingest.load import LAST_BOOT, level_stream
from tests.support.cluster import Cluster


def measure(repetitions: int, scale: float) -> list[dict[str, Any]]:
    """A cluster of our own, `fsync` on, reached over its socket; SQLite and PostgreSQL in turn."""
    cluster = Cluster(shared_buffers="256MB", autovacuum="on")
    cluster.start()
    file, ours, servers, rates, lost = [], [], [], [], []
    try:
        for _ in range(repetitions):
            with Bed(stream.DEVICES) as bed:
                packets = level_stream(bed.devices, int(stream.MESSAGES * scale))
                file.append(stream.run(bed.ours(), bed, packets, bed.database))
            name = cluster.make()
            with Bed(stream.DEVICES, database_url=cluster.url(name)) as bed:
                client, server, rate, missing = _run(bed, cluster, packets)
            cluster.drop(name)
            ours.append(client)
            servers.append(server)
            rates.append(rate)
            lost.append(missing)
    finally:
        cluster.remove()
    both = [client + server for client, server in zip(ours, servers, strict=True)]
    return [
        row("postgresql_cpu_per_message", both, "us", 50, baseline=[one.cpu_us for one in file]),
        row("postgresql_cpu_of_ours", ours, "us", 50),
        row("postgresql_cpu_of_server", servers, "us", 50),
        row("postgresql_throughput", rates, "1/s", 15_000, "higher", [one.per_second for one in file]),
        row("postgresql_lost", lost, "messages", 0),
    ]


def _run(bed: Bed, cluster: Cluster, packets: list[bytes]) -> tuple[float, float, float, int]:
    """Microseconds per message of ours and of the server, durable messages a second, and what is missing."""
    reader, count = bed.ours(), len(packets)
    publisher, database = bed.publisher(), Database(bed.settings.database_url)
    query = f"SELECT 1 FROM seen_range WHERE device_id = '{bed.devices[0]}' AND boot = {int(LAST_BOOT, 16)}"
    with database.reading.connect() as connection:
        watching = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        connection.rollback()

        def is_stored() -> bool:
            found = connection.exec_driver_sql(query).first() is not None
            connection.rollback()
            return found

        cpu, server = cpu_s(reader), _server_cpu_s(cluster, watching)
        started = time.perf_counter()
        publisher.send(packets)
        wait_for(is_stored, "the last message")
        took = time.perf_counter() - started
        time.sleep(0.1)  # the acknowledgements follow the commit
        client_us = (cpu_s(reader) - cpu) / count * 1e6
        server_us = (_server_cpu_s(cluster, watching) - server) / count * 1e6
        stored = connection.exec_driver_sql("SELECT count(*) FROM sample").scalar_one()
    publisher.close()
    database.close()
    return client_us, server_us, count / took, count - int(stored)


def _server_cpu_s(cluster: Cluster, watching: int) -> float:
    """CPU seconds of every process of the server but the one that only watches for us."""
    spent = 0
    for process in cluster.processes():
        if process != watching:
            spent += int(Path(f"/proc/{process}/schedstat").read_text().split()[0])
    return spent / 1e9
