"""One key that signs firmware, for all tests of a process: making one takes seconds."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from replenish_server.fleet.signing import SigningKeys


@cache
def signing_keys() -> SigningKeys:
    """A folder with a private key, which is trusted; it is gone with the process."""
    folder = Path(tempfile.mkdtemp(prefix="rp-keys-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = SigningKeys(folder)
    made.create()
    return made
