"""A supplier that takes cXML orders, answers late, twice, wrongly or never, and knows a payloadID again.

It reads and writes XML by itself and shares no code with the client.
"""

from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

import httpx

STATUS = (
    '<?xml version="1.0"?><cXML payloadID="{0}@s" timestamp="2026-05-04T12:00:00+00:00">'
    "<Response>{1}</Response></cXML>"
)


@dataclass
class CxmlSupplier:
    """What it has, what it was sent, and what it will do next.

    Args:
        script: what to do with the next requests: "accept", "silent" (accepts, answers nothing), "deaf"
            (neither), an int for a status, or bytes to answer as they are; then it accepts.
        forgets: whether it takes a known payloadID for a new order.
    """

    script: list[str | int | bytes] = field(default_factory=list)
    forgets: bool = False
    orders: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        body = request.read()
        self.bodies.append(body)
        act = self.script.pop(0) if self.script else "accept"
        if isinstance(act, bytes):
            return httpx.Response(200, content=act)
        if isinstance(act, int):
            if act < 400 or act >= 600:
                return httpx.Response(act)
            return self._status(act, "as scripted")
        if act == "deaf":
            raise httpx.ReadTimeout("nothing came")
        root = ET.fromstring(body)
        payload = root.get("payloadID", "")
        header = root.find("Request/OrderRequest/OrderRequestHeader")
        assert header is not None
        if payload not in self._known or self.forgets:
            self._known.add(payload)
            self.orders.append(header.get("orderID", ""))
        if act == "silent":
            raise httpx.ReadTimeout("accepted, and nothing was said")
        return self._status(200, "OK")

    def _status(self, code: int, text: str) -> httpx.Response:
        said = STATUS.format(len(self.bodies), f'<Status code="{code}" text="{text}"/>')
        return httpx.Response(200, text=said, headers={"content-type": "text/xml"})


def confirmation(secret: str, order_id: str, kind: str, items: str = "", payload: str = "c1") -> bytes:
    """A ConfirmationRequest as suppliers write it, with their document type."""
    return _message(
        secret,
        payload,
        f'<ConfirmationRequest><ConfirmationHeader confirmID="C1" operation="new" type="{kind}" '
        f'noticeDate="2026-05-04T13:00:00+00:00"/><OrderReference orderID="{order_id}">'
        f'<DocumentReference payloadID="{order_id}@home"/></OrderReference>{items}</ConfirmationRequest>',
    )


def line(number: int, packs: int, *statuses: tuple[int, str, str]) -> str:
    """A ConfirmationItem with its statuses: packs, type, and price or ""."""
    said = "".join(
        f'<ConfirmationStatus quantity="{count}" type="{kind}"><UnitOfMeasure>EA</UnitOfMeasure>'
        + (f'<UnitPrice><Money currency="EUR">{price}</Money></UnitPrice>' if price else "")
        + "</ConfirmationStatus>"
        for count, kind, price in statuses
    )
    return (
        f'<ConfirmationItem quantity="{packs}" lineNumber="{number}"><UnitOfMeasure>EA</UnitOfMeasure>{said}'
        "</ConfirmationItem>"
    )


def ship_notice(secret: str, *order_ids: str, shipment: str = "S1", payload: str = "s1") -> bytes:
    """A ShipNoticeRequest with a carrier and its number."""
    portions = "".join(
        f'<ShipNoticePortion><OrderReference orderID="{order_id}"><DocumentReference payloadID="p"/>'
        "</OrderReference></ShipNoticePortion>"
        for order_id in order_ids
    )
    return _message(
        secret,
        payload,
        f'<ShipNoticeRequest><ShipNoticeHeader shipmentID="{shipment}" operation="new" '
        'noticeDate="2026-05-05T08:00:00+00:00"/><ShipControl><CarrierIdentifier domain="SCAC">UPSN'
        '</CarrierIdentifier><CarrierIdentifier domain="companyName">UPS</CarrierIdentifier>'
        f"<ShipmentIdentifier>1Z999</ShipmentIdentifier></ShipControl>{portions}</ShipNoticeRequest>",
    )


def _message(secret: str, payload: str, content: str) -> bytes:
    credential = '<Credential domain="NetworkId"><Identity>{0}</Identity>{1}</Credential>'
    shared = f"<SharedSecret>{secret}</SharedSecret>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<!DOCTYPE cXML SYSTEM "http://xml.cxml.org/schemas/cXML/1.2.040/Fulfill.dtd">'
        f'<cXML payloadID="{payload}@supplier" timestamp="2026-05-04T13:00:00+00:00"><Header>'
        f"<From>{credential.format('AN02', '')}</From><To>{credential.format('AN01', '')}</To>"
        f"<Sender>{credential.format('AN02', shared)}<UserAgent>ERP</UserAgent></Sender></Header>"
        f"<Request>{content}</Request></cXML>"
    ).encode()
