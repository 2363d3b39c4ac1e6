"""PURE: what suppliers say in cXML, as plain data, so that only who reads a document loads an XML library."""

from dataclasses import dataclass

MAX_BYTES = 1 << 20
TAKEN = ("ConfirmationRequest", "ShipNoticeRequest")


class Unreadable(ValueError):
    """The document cannot be used; `code` is the cXML status that says so, the text what to change."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class Status:
    """A supplier's answer."""

    code: int
    text: str


@dataclass(frozen=True)
class LineConfirmation:
    """What a supplier says about some packs of one line: "accept", "reject", "backordered" and so on.

    `unit_minor` is the price that it would charge, in minor units of `currency`; None when it says nothing.
    """

    line_number: int
    packs: int
    kind: str
    unit_minor: int | None = None
    currency: str | None = None


@dataclass(frozen=True)
class Confirmation:
    """A ConfirmationRequest."""

    order_id: str
    kind: str
    lines: tuple[LineConfirmation, ...]
    comment: str = ""


@dataclass(frozen=True)
class ShipNotice:
    """A ShipNoticeRequest. `order_ids` are the orders that travel in it."""

    shipment_id: str
    operation: str
    order_ids: tuple[str, ...]
    carrier: str | None
    tracking_number: str | None


@dataclass(frozen=True)
class ProfileAsked:
    """A ProfileRequest: which requests are taken here, and where."""


@dataclass(frozen=True)
class Message:
    """A request of a supplier with who says that it sends it."""

    payload_id: str
    secret: str
    content: Confirmation | ShipNotice | ProfileAsked
