"""Small values in the chip's non-volatile storage, apart from the file system. It never interprets them."""

import esp32

_USUAL, _LARGEST = 256, 3000


class Nvs:
    """Blobs of one namespace; a save is on flash when it returns."""

    def __init__(self) -> None:
        self._storage = esp32.NVS("replenish")

    def load(self, key: str) -> bytes | None:
        for size in (_USUAL, _LARGEST):
            buffer = bytearray(size)
            try:
                return bytes(buffer[: self._storage.get_blob(key, buffer)])
            except OSError:
                pass  # there is none, or it is longer
        return None

    def save(self, key: str, content: bytes) -> None:
        self._storage.set_blob(key, content)
        self._storage.commit()
