"""Our own profile with its key, as shops fetch it: run as a module with PORT, KEYS and READY."""

import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from replenish_server.retailers.ucp.keys import KeyRing
from replenish_server.web.retailer_edge import build_retailer_edge


def main() -> None:
    """Serve until the end."""
    port, keys, ready = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    app = FastAPI()
    app.include_router(
        build_retailer_edge(
            f"http://127.0.0.1:{port}", lambda _mandates: KeyRing(keys).public(), lambda _delivery: None
        )
    )
    app.router.on_startup.append(lambda: ready.write_text("ready"))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical")


if __name__ == "__main__":
    main()
