"""One key that signs firmware, for all files of this folder: making one takes seconds."""

import pytest

from replenish_server.fleet.signing import SigningKeys
from tests.support.signing_key import signing_keys


@pytest.fixture(scope="package")
def keys() -> SigningKeys:
    """A folder with a private key, which is trusted."""
    return signing_keys()
