"""PURE: the spare-stock ledger: packs that came, packs that refills opened, and what a person said instead.

A refill opens spare packs; what they cannot explain was bought elsewhere, and is reported as such instead of
making the count negative. The ledger is a function of the set of events, so a refill that is seen late, or a
delivery that a shop reports late, leads to the same count as if it had been known in time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from replenish_server.inventory.events import Refill

_TOLERANCE = 10  # a tenth of a pack: sensors are not exact, nor do people shake out the last drop


@dataclass(frozen=True)
class Delivered:
    """Packs that arrived.

    Args:
        at: when the shop says so, aware UTC.
        packs: how many.
        shipped_at: when they left; a refill between then and `at` may have opened them already. None when
            unknown.
    """

    at: datetime
    packs: int
    shipped_at: datetime | None = None


@dataclass(frozen=True)
class Corrected:
    """What a person found when they looked; it replaces what was computed until then.

    Args:
        at: when they looked, aware UTC.
        spare_packs: unopened packs; None when they did not say.
        level: base units in the container; None when they did not say.
    """

    at: datetime
    spare_packs: int | None = None
    level: int | None = None


StockEvent = Delivered | Refill | Corrected


@dataclass(frozen=True)
class SourcedRefill:
    """A refill, and where it came from.

    Args:
        refill: the refill.
        spare_packs: packs of ours that it opened; 0 when it was the rest of an opened one.
        packs_elsewhere: packs that no delivery of ours explains.
    """

    refill: Refill
    spare_packs: int
    packs_elsewhere: int

    @property
    def explained(self) -> bool:
        """Whether our deliveries explain all of it."""
        return self.packs_elsewhere == 0


@dataclass(frozen=True)
class OpenedElsewhere:
    """Packs that were bought somewhere else: when they were opened, and how many at least."""

    at: datetime
    packs: int


@dataclass(frozen=True)
class Ledger:
    """What stands in the cupboard.

    Args:
        spare_packs: unopened packs.
        opened: base units that an opened pack should still hold. Certain only where a pack does not fit into
            the container; elsewhere the old rest may have been thrown away, so it explains a later refill but
            is no stock.
        refills: every refill with its source, oldest first.
        level: the level that a person last stated; None when nobody did.
        level_at: when they did.
    """

    spare_packs: int
    opened: int
    refills: tuple[SourcedRefill, ...]
    level: int | None = None
    level_at: datetime | None = None

    @property
    def opened_elsewhere(self) -> tuple[OpenedElsewhere, ...]:
        """Purchases made elsewhere, oldest first."""
        return tuple(
            OpenedElsewhere(sourced.refill.at, sourced.packs_elsewhere)
            for sourced in self.refills
            if not sourced.explained
        )

    def loaded(self, level: int | None, as_of: datetime | None) -> tuple[int | None, datetime | None]:
        """What is loaded and since when that is known: what a person said, until a newer reading says more.

        Args:
            level: what the readings say, base units; None when nothing.
            as_of: when the newest of them was taken.
        """
        if self.level_at is not None and (as_of is None or self.level_at > as_of):
            return self.level, self.level_at
        return level, as_of


def read_ledger(events: Iterable[StockEvent], pack_amount: int, spare_packs: int = 0) -> Ledger:
    """Work out the spare stock.

    Args:
        events: in any order, each once.
        pack_amount: base units in one pack, positive.
        spare_packs: unopened packs before the first event.
    """
    ledger = Ledger(spare_packs, 0, ())
    for event in sorted(events, key=_moment):
        match event:
            case Delivered():
                ledger = _deliver(ledger, event)
            case Refill():
                ledger = _refill(ledger, event, pack_amount)
            case Corrected():
                ledger = _correct(ledger, event)
    return ledger


def _moment(event: StockEvent) -> tuple[datetime, int, tuple[int, ...]]:
    """Events in time; at the same moment a pack comes before it is opened, and a person looks last."""
    match event:
        case Delivered():
            shipped = event.shipped_at
            return event.at, 0, (event.packs, 0 if shipped is None else 1 + int(shipped.timestamp() * 1e6))
        case Refill():
            return event.at, 1, (event.amount, event.swapped)
        case Corrected():
            said = (event.spare_packs, event.level)
            return event.at, 2, tuple(-1 if value is None else value for value in said)


def _deliver(ledger: Ledger, event: Delivered) -> Ledger:
    """Credit packs; those that were opened before the shop reported them are not spare any more."""
    packs = event.packs
    refills = list(ledger.refills)
    for i, sourced in enumerate(refills):
        if event.shipped_at is None or sourced.refill.at < event.shipped_at:
            continue
        opened = min(packs, sourced.packs_elsewhere)
        packs -= opened
        refills[i] = SourcedRefill(
            sourced.refill, sourced.spare_packs + opened, sourced.packs_elsewhere - opened
        )
    return replace(ledger, spare_packs=ledger.spare_packs + packs, refills=tuple(refills))


def _refill(ledger: Ledger, refill: Refill, pack_amount: int) -> Ledger:
    """Open packs, unless this is the rest of the opened one."""
    tolerance = pack_amount // _TOLERANCE
    if not refill.swapped and ledger.opened > 0 and refill.amount - tolerance <= ledger.opened:
        rest = ledger.opened - refill.amount
        sourced = SourcedRefill(refill, 0, 0)
        spare = ledger.spare_packs
    else:
        packs = max(1, -(-(refill.amount - tolerance) // pack_amount))
        ours = min(packs, ledger.spare_packs)
        rest = 0 if refill.swapped else packs * pack_amount - refill.amount
        sourced = SourcedRefill(refill, ours, packs - ours)
        spare = ledger.spare_packs - ours
    return replace(
        ledger,
        spare_packs=spare,
        opened=rest if rest > tolerance else 0,
        refills=(*ledger.refills, sourced),
    )


def _correct(ledger: Ledger, event: Corrected) -> Ledger:
    """Believe the person."""
    if event.spare_packs is not None:
        ledger = replace(ledger, spare_packs=event.spare_packs, opened=0)
    if event.level is not None:
        ledger = replace(ledger, level=event.level, level_at=event.at)
    return ledger
