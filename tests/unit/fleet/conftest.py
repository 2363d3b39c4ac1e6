"""One key that signs firmware, for all files of this folder: making one takes seconds."""

import pytest

from replenish_server.fleet.signing import SigningKeys


@pytest.fixture(scope="package")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    """A folder with a private key, which is trusted."""
    made = SigningKeys(tmp_path_factory.mktemp("firmware"))
    made.create()
    return made
