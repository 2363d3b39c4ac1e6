"""The two slots for an image, as esp32.Partition shows them. It never decides which one should run."""

import esp32

if __debug__:
    from firmware.const import const

_SECTOR = const(4096)
_ERASE = const(6)
_ROLLBACK_NOT_BUILT = const(-261)


class ChipSlots:
    """Partitions ota_0 and ota_1 of the OTA layout."""

    def __init__(self) -> None:
        self._running = esp32.Partition(esp32.Partition.RUNNING)  # type: ignore[arg-type]  # the stub says str
        try:
            self._idle: esp32.Partition | None = self._running.get_next_update()
        except OSError:
            self._idle = None  # a layout with a single slot

    def running(self) -> str:
        return str(self._running.info()[4])

    def idle(self) -> str:
        return str(self._idle.info()[4]) if self._idle else ""

    def size(self) -> int:
        return int(self._idle.info()[3]) if self._idle else 0

    def write(self, sector: int, content: bytes) -> None:
        idle = self._there()
        for each in range((len(content) + _SECTOR - 1) // _SECTOR):
            idle.ioctl(_ERASE, sector + each)
        idle.writeblocks(sector, content, 0)

    def read(self, sector: int, buffer: bytearray) -> None:
        self._there().readblocks(sector, buffer, 0)

    def boot(self, label: str) -> None:
        found = esp32.Partition.find(esp32.Partition.TYPE_APP, label=label)
        if not found:
            raise OSError("no such slot")
        found[0].set_boot()

    def keep(self) -> None:
        try:
            esp32.Partition.mark_app_valid_cancel_rollback()
        except OSError as error:
            if error.errno != _ROLLBACK_NOT_BUILT:  # without the bootloader's rollback there is ours alone
                raise

    def _there(self) -> esp32.Partition:
        if self._idle is None:
            raise OSError("this board has room for one image only")
        return self._idle
