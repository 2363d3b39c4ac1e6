"""Our own profile with its key, as shops fetch it: run as a module with PORT, KEYS and READY."""

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from replenish_server.retailers.ucp.keys import KeyRing
from replenish_server.web.retailer_edge import build_retailer_edge


def main() -> None:
    """Serve until the end."""
    port, keys, ready = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    routes = build_retailer_edge(
        f"http://127.0.0.1:{port}", lambda _mandates: KeyRing(keys).public(), lambda _delivery: None
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        ready.write_text("ready")
        yield

    app = Starlette(routes=routes, lifespan=lifespan)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical")


if __name__ == "__main__":
    main()
