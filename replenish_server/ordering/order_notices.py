"""What a household is told about its orders: the notices of this room, each once for each time it happens.

What asks for an answer stops asking when the order moves on: nobody is called to cancel what has left.
"""

from datetime import datetime

from sqlmodel import Session

from replenish_server.households.notices import Notice, notify, outdate
from replenish_server.ordering.tables import PurchaseOrder

_ASKING = (
    "order_cooling",
    "order_cooling_short",
    "order_attention",
    "order_substitute_asked",
    "order_reminder",
    "order_unknown_reminder",
    "order_unfitted",
    "order_ready",
    "order_to_buy",
    "order_unacknowledged",
)


def stop_asking(session: Session, order: PurchaseOrder, now: datetime) -> None:
    """The order moves on: what was asked of the household in the state that it leaves is asked no more."""
    outdate(session, order.household_id, f"{order.id}:", _ASKING, now)
    outdate(session, order.household_id, f"asked:{order.id}", ("asked_adult",), now)


def notify_of_order(
    session: Session, order: PurchaseOrder, kind: str, now: datetime, **data: int | str | datetime | None
) -> None:
    """Tell the household of an order, inside the caller's transaction.

    Args:
        session: a writing unit of work.
        order: which order; its product and packs are there for the sentence.
        kind: one of `households.notice_texts.KINDS`.
        now: the moment; the same kind at the same moment of the order's life is told once.
        data: what else the sentence needs; moments are written as text.
    """
    said = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in data.items()}
    notify(
        session,
        Notice(
            household_id=order.household_id,
            key=f"{order.id}:{kind}:{order.state_since.isoformat()}:{order.reminders}",
            kind=kind,
            data={"order_id": order.id, "product": order.product_name, "packs": order.packs, **said},
            at=now,
        ),
    )
