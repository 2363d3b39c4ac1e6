"""PURE: what is kept of a slot between readings: its level in each quarter-day of the last 84 days.

A bin holds what its good readings said at its end, so a grid is a function of the set of readings: new
readings need only the bins that they touch to be read again, in whatever order they came. It belongs to one
size of container; whoever changes that builds it anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from replenish_server.inventory.absence import UNKNOWN, to_ten_thousandths
from replenish_server.inventory.levels import OVERFULL_SHARE, LevelSample, level_now

DAYS = 84
BINS_PER_DAY = 4
BINS = DAYS * BINS_PER_DAY
BIN = timedelta(days=1) / BINS_PER_DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = 1  # first byte of an encoded grid
_HEAD_BYTES = 5
_BIN_BYTES = 2
ENCODED_BYTES = _HEAD_BYTES + BINS * _BIN_BYTES


def _encoded(level: int) -> bytes:
    return level.to_bytes(_BIN_BYTES, "little", signed=True)


_NOTHING_KNOWN = _encoded(UNKNOWN)


def bin_at(at: datetime) -> int:
    """The quarter-day of a moment, counted from 1970-01-01 00:00 UTC."""
    return (at - _EPOCH) // BIN


def bin_start(number: int) -> datetime:
    """When a quarter-day begins; it ends where the next begins."""
    return _EPOCH + number * BIN


@dataclass(frozen=True)
class LevelGrid:
    """A slot's quarter-days.

    Args:
        end_bin: number of the newest quarter-day, see `bin_at`.
        bins: 336 little-endian int16, oldest first: ten-thousandths of the container, -1 where no good
            level is known. Whether a container was lifted is judged on the way out, by `shares.fleet_shares`.
    """

    end_bin: int
    bins: bytes

    @classmethod
    def empty(cls, at: datetime) -> "LevelGrid":
        """Nothing known, up to the quarter-day of this moment."""
        return cls(bin_at(at), _NOTHING_KNOWN * BINS)

    @classmethod
    def of_samples(cls, samples: Iterable[LevelSample], capacity: int, at: datetime) -> "LevelGrid":
        """The grid of all readings up to the quarter-day of a moment.

        Args:
            samples: readings in any order, with or without duplicates; those outside the window are left out.
            capacity: base units of a full container, positive.
            at: the moment.
        """
        end = bin_at(at)
        known = [sample for sample in samples if bin_at(sample.at) <= end]
        return cls.empty(at).with_bins(known, capacity, {bin_at(sample.at) for sample in known})

    def with_bins(self, samples: Iterable[LevelSample], capacity: int, touched: Iterable[int]) -> "LevelGrid":
        """The grid with some quarter-days read again; a touched one newer than the window moves it.

        Args:
            samples: ALL readings of the touched quarter-days, in any order; others are left out.
            capacity: base units of a full container, positive.
            touched: numbers of the quarter-days into which new readings fell.
        """
        wanted = set(touched)
        grid = self._ending(max(wanted, default=self.end_bin))
        newest = newest_levels(samples, capacity)
        bins = bytearray(grid.bins)
        first = grid.end_bin - BINS + 1
        for number in wanted:
            if number >= first:
                at = (number - first) * _BIN_BYTES
                bins[at : at + _BIN_BYTES] = _encoded(newest.get(number, UNKNOWN))
        return LevelGrid(grid.end_bin, bytes(bins))

    def moved_to(self, at: datetime) -> "LevelGrid":
        """The grid up to the quarter-day of a later moment; an earlier one changes nothing."""
        return self._ending(bin_at(at))

    def encode(self) -> bytes:
        """677 bytes from which `decode` makes the same grid."""
        return bytes([_FORM]) + self.end_bin.to_bytes(_HEAD_BYTES - 1, "little", signed=True) + self.bins

    @classmethod
    def decode(cls, encoded: bytes) -> "LevelGrid":
        """The grid that was encoded.

        Raises:
            ValueError: when the bytes are no grid of this form; it is then built anew from the readings.
        """
        if len(encoded) != ENCODED_BYTES or encoded[0] != _FORM:
            raise ValueError(f"{len(encoded)} bytes are no level grid of form {_FORM}")
        return cls(int.from_bytes(encoded[1:_HEAD_BYTES], "little", signed=True), encoded[_HEAD_BYTES:])

    def _ending(self, end_bin: int) -> "LevelGrid":
        by = min(end_bin - self.end_bin, BINS)
        if by <= 0:
            return self
        return LevelGrid(end_bin, self.bins[by * _BIN_BYTES :] + _NOTHING_KNOWN * by)


def newest_levels(samples: Iterable[LevelSample], capacity: int) -> dict[int, int]:
    """Ten-thousandths by quarter-day: of each, what its good and plausible readings said at its end."""
    # Which boot came first cannot be told from one quarter-day alone; at the same moment its id decides.
    good = {
        (sample.at, sample.boot, sample.seq): (sample.level, sample.exact)
        for sample in samples
        if sample.level is not None
        and sample.good
        and not sample.retained
        and 0 <= sample.level <= capacity * OVERFULL_SHARE
    }
    by_bin: dict[int, list[tuple[datetime, int]]] = {}
    for rank in sorted(good):
        level, exact = good[rank]
        readings = by_bin.setdefault(bin_at(rank[0]), [])
        if exact:
            readings.clear()  # what was counted needs no company
        readings.append((rank[0], level))
    levels = {number: level_now(readings, capacity) for number, readings in by_bin.items()}
    return {number: to_ten_thousandths(said, capacity) for number, said in levels.items() if said is not None}
