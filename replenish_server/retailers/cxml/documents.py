"""The cXML documents that we write: an order, and the answer to what suppliers send. No network, no disk.

Source: cXML 1.2 reference guide. The document type is named and never fetched by anybody here.
"""

from datetime import datetime
from typing import Any

from lxml import etree

from replenish_server.retailers.book.prices import decimals
from replenish_server.retailers.book.quotes import OrderDraft
from replenish_server.retailers.cxml.account import CxmlAccount
from replenish_server.retailers.cxml.messages import TAKEN

RELEASE = "1.2.050"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_USER_AGENT = "Replenish"


def order_request(
    account: CxmlAccount,
    draft: OrderDraft,
    order_id: str,
    payload_id: str,
    now: datetime,
    change: tuple[str, str] | None = None,
) -> bytes:
    """An OrderRequest of type "new", or one that changes an order.

    Args:
        account: who orders where.
        draft: what; it must have an address.
        order_id: the order's stable key; the supplier knows the order by it.
        payload_id: unique for this document; a repetition carries the same one.
        now: when it is written.
        change: "update" or "delete", and the payloadID of the last OrderRequest of this order; an update
            holds the lines that remain.
    """
    root = etree.Element("cXML", payloadID=payload_id, timestamp=_stamp(now), version=RELEASE)
    root.set(_LANG, "en")
    header = etree.SubElement(root, "Header")
    _credential(etree.SubElement(header, "From"), account.buyer)
    _credential(etree.SubElement(header, "To"), account.supplier)
    sender = etree.SubElement(header, "Sender")
    _text(_credential(sender, account.sender), "SharedSecret", account.secret)
    _text(sender, "UserAgent", _USER_AGENT)
    request = etree.SubElement(root, "Request", deploymentMode=account.mode)
    order = etree.SubElement(request, "OrderRequest")
    kind = "new" if change is None else change[0]
    top = etree.SubElement(
        order, "OrderRequestHeader", orderID=order_id, orderDate=_stamp(now), type=kind, orderType="regular"
    )
    _money(etree.SubElement(top, "Total"), draft.subtotal_minor, draft.currency)
    _address(etree.SubElement(top, "ShipTo"), draft)
    _address(etree.SubElement(top, "BillTo"), draft)
    if draft.shipping_minor:
        shipping = etree.SubElement(top, "Shipping")
        _money(shipping, draft.shipping_minor, draft.currency)
        _text(shipping, "Description", "Delivery", en=True)
    if change is not None:
        etree.SubElement(top, "DocumentReference", payloadID=change[1])
    for number, line in enumerate(draft.lines, 1):
        if line.get("canceled") and kind == "update":
            continue  # numbers stay as they were
        _item(order, number, line, draft.currency, account.cost_center)
    return _bytes(root, "cXML.dtd")


def response(
    code: int, text: str, detail: str, payload_id: str, now: datetime, profile_url: str | None = None
) -> bytes:
    """The answer to a request: a Status, with what to do in its text.

    Args:
        code: of the Status.
        text: of the Status, one word or two.
        detail: what to do about it.
        payload_id: of the answer.
        now: the server's time.
        profile_url: where requests are taken; if given, a ProfileResponse follows (chapter on Profile).
    """
    root = etree.Element("cXML", payloadID=payload_id, timestamp=_stamp(now), version=RELEASE)
    answer = etree.SubElement(root, "Response")
    status = etree.SubElement(answer, "Status", code=str(code), text=text)
    status.text = detail or None
    if profile_url is not None:
        profile = etree.SubElement(answer, "ProfileResponse", effectiveDate=_stamp(now))
        for name in TAKEN:
            _text(etree.SubElement(profile, "Transaction", requestName=name), "URL", profile_url)
    return _bytes(root, "cXML.dtd")


def money_text(minor: int, currency: str) -> str:
    """An amount as a decimal with a point, e.g. "12.90"."""
    digits = decimals(currency)
    if digits == 0:
        return str(minor)
    return f"{minor // 10**digits}.{minor % 10**digits:0{digits}d}"


def _item(
    order: etree._Element, number: int, line: dict[str, Any], currency: str, cost_center: str | None
) -> None:
    item = etree.SubElement(order, "ItemOut", quantity=str(line["packs"]), lineNumber=str(number))
    _text(etree.SubElement(item, "ItemID"), "SupplierPartID", line["item_id"])
    detail = etree.SubElement(item, "ItemDetail")
    _money(etree.SubElement(detail, "UnitPrice"), line["unit_minor"], currency)
    _text(detail, "Description", line["name"], en=True)
    _text(detail, "UnitOfMeasure", line["unit"])
    _text(detail, "Classification", "NotAvailable").set("domain", "NotAvailable")
    if cost_center is not None:
        distribution = etree.SubElement(item, "Distribution")
        accounting = etree.SubElement(distribution, "Accounting", name="Cost center")
        segment = etree.SubElement(accounting, "AccountingSegment", id=cost_center)
        _text(segment, "Name", "Cost center", en=True)
        _text(segment, "Description", "Cost center", en=True)
        _money(etree.SubElement(distribution, "Charge"), line["total_minor"], currency)


def _credential(parent: etree._Element, who: tuple[str, str]) -> etree._Element:
    credential = etree.SubElement(parent, "Credential", domain=who[0])
    _text(credential, "Identity", who[1])
    return credential


def _address(parent: etree._Element, draft: OrderDraft) -> None:
    where = draft.ship_to or {}
    country = where["country"]
    address = etree.SubElement(parent, "Address", isoCountryCode=country)
    _text(address, "Name", draft.buyer_name, en=True)
    postal = etree.SubElement(address, "PostalAddress")
    _text(postal, "DeliverTo", draft.buyer_name)
    _text(postal, "Street", where["street"])
    _text(postal, "City", where["locality"])
    _text(postal, "PostalCode", where["postal_code"])
    _text(postal, "Country", country).set("isoCountryCode", country)
    _text(address, "Email", draft.buyer_email)


def _money(parent: etree._Element, minor: int, currency: str) -> None:
    _text(parent, "Money", money_text(minor, currency)).set("currency", currency)


def _text(parent: etree._Element, name: str, text: str, en: bool = False) -> etree._Element:
    element = etree.SubElement(parent, name)
    element.text = "".join(c for c in text if c in "\t\n" or ord(c) >= 32)  # XML knows no other controls
    if en:
        element.set(_LANG, "en")
    return element


def _stamp(now: datetime) -> str:
    return now.isoformat(timespec="seconds")


def _bytes(root: etree._Element, dtd: str) -> bytes:
    doctype = f'<!DOCTYPE cXML SYSTEM "http://xml.cxml.org/schemas/cXML/{RELEASE}/{dtd}">'
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", doctype=doctype)
