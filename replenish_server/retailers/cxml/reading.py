"""cXML from others, read without trusting it: no entity, no other file, no depth, a bounded size."""

from decimal import Decimal, InvalidOperation

from lxml import etree

from replenish_server.retailers.book.prices import decimals
from replenish_server.retailers.cxml.messages import (
    MAX_BYTES,
    TAKEN,
    Confirmation,
    LineConfirmation,
    Message,
    ProfileAsked,
    ShipNotice,
    Status,
    Unreadable,
)
from replenish_server.retailers.cxml.rules import violations

_PROFILE = "ProfileRequest"


def parse(body: bytes) -> etree._Element:
    """The root of a document that keeps our bounds.

    Raises:
        Unreadable: it is too large, is no XML, or declares entities.
    """
    if len(body) > MAX_BYTES:
        raise Unreadable(400, f"a document has at most {MAX_BYTES} bytes")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(400, f"this is no XML: {error}"[:300]) from error
    subset = root.getroottree().docinfo.internalDTD
    declared = [] if subset is None else list(subset.iterentities())  # type: ignore[union-attr] # the stubs lack it
    if declared:
        raise Unreadable(400, "a document declares no entities here")
    return root


def read_status(body: bytes) -> Status:
    """The status of a Response.

    Raises:
        Unreadable: there is none.
    """
    status = parse(body).find("Response/Status")
    code = "" if status is None else status.get("code", "")
    if status is None or not (code.isascii() and code.isdigit() and len(code) == 3):
        raise Unreadable(400, "the answer has no Response/Status with a code")
    text = " ".join(part for part in (status.get("text", ""), (status.text or "").strip()) if part)
    return Status(int(code), text[:300])


def read_message(body: bytes) -> Message:
    """A supplier's ConfirmationRequest, ShipNoticeRequest or ProfileRequest.

    Raises:
        Unreadable: with the status that says what is wrong.
    """
    root = parse(body)
    asked = [child.tag for request in root.findall("Request") for child in request]
    if root.tag == "cXML" and not {*TAKEN, _PROFILE} & {*asked}:  # before rules of what is not for us
        raise Unreadable(450, f"only {', '.join(TAKEN)} and {_PROFILE} are taken here")
    wrong = list(violations(root, strict=False))
    if wrong:
        raise Unreadable(406, "; ".join(wrong[:5])[:500])
    secret = _found(root, "Header/Sender/Credential/SharedSecret")
    request = root.find("Request")
    content: Confirmation | ShipNotice | ProfileAsked = ProfileAsked()
    if request is not None and (confirmation := request.find("ConfirmationRequest")) is not None:
        content = _confirmation(confirmation)
    elif request is not None and (notice := request.find("ShipNoticeRequest")) is not None:
        content = _ship_notice(notice)
    return Message(root.get("payloadID", ""), secret, content)


def _confirmation(element: etree._Element) -> Confirmation:
    header = element.find("ConfirmationHeader")
    lines = []
    for item in element.findall("ConfirmationItem"):
        number = _whole(item.get("lineNumber", ""), "lineNumber")
        for status in item.findall("ConfirmationStatus"):
            price, currency = _price(status)
            packs = _whole(status.get("quantity", ""), "quantity")
            lines.append(LineConfirmation(number, packs, status.get("type", ""), price, currency))
    comment = "" if header is None else _found(header, "Comments")
    kind = "" if header is None else header.get("type", "")
    return Confirmation(_order_id(element), kind, tuple(lines), comment[:300])


def _ship_notice(element: etree._Element) -> ShipNotice:
    header = element.find("ShipNoticeHeader")
    carriers = element.findall("ShipControl/CarrierIdentifier")
    by_name = [one for one in carriers if one.get("domain", "").lower() in ("companyname", "company name")]
    carrier = (by_name or carriers)[0].text if carriers else None
    return ShipNotice(
        shipment_id="" if header is None else header.get("shipmentID", "")[:200],
        operation="new" if header is None else header.get("operation", "new"),
        order_ids=tuple(_order_id(portion) for portion in element.findall("ShipNoticePortion")),
        carrier=None if carrier is None else carrier.strip()[:100],
        tracking_number=_found(element, "ShipControl/ShipmentIdentifier")[:100] or None,
    )


def _order_id(element: etree._Element) -> str:
    """The order meant: by its own id, else by the document that ordered it."""
    reference = element.find("OrderReference")
    if reference is not None and reference.get("orderID"):
        return reference.get("orderID", "")
    info = element.find("OrderIDInfo")
    if info is not None and info.get("orderID"):
        return info.get("orderID", "")
    document = element.find("OrderReference/DocumentReference")
    if document is None or not document.get("payloadID"):
        raise Unreadable(406, "name the order by OrderReference/@orderID")
    return document.get("payloadID", "").partition("@")[0]


def _price(status: etree._Element) -> tuple[int | None, str | None]:
    money = status.find("UnitPrice/Money")
    money = money if money is not None else status.find("ItemIn/ItemDetail/UnitPrice/Money")
    if money is None:
        return None, None
    currency = money.get("currency", "")
    try:
        scaled = Decimal((money.text or "").strip().replace(",", "")).scaleb(decimals(currency))
    except ArithmeticError:  # no number, or one beyond all bounds
        raise Unreadable(406, "a UnitPrice is no number") from None
    if not scaled.is_finite() or not 0 <= scaled < 10**12:
        raise Unreadable(406, "a UnitPrice is no price")
    return int(scaled.to_integral_value(rounding="ROUND_CEILING")), currency


def _whole(text: str, name: str) -> int:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or not 0 <= number < 10**6 or number != number.to_integral_value():
        raise Unreadable(406, f"{name}={text[:40]!r} is no whole number")
    return int(number)


def _found(element: etree._Element, path: str) -> str:
    return (element.findtext(path) or "").strip()
