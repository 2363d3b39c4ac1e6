"""PURE: what a cXML 1.2 document must look like, as far as we write and read it.

The document type definitions are not ours to ship; these are the rules of theirs that our documents touch:
which children an element has, in which order and how often, and which attributes it must carry.
Source: cXML 1.2 reference guide, chapters on Header, OrderRequest, ConfirmationRequest, ShipNoticeRequest.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

_MANY = 10**6


@dataclass(frozen=True)
class Rule:
    """One element.

    Args:
        children: names in their order, with "?" for at most one, "*" for any number, "+" for one or more.
        attributes: the required ones.
        choices: allowed values by attribute.
    """

    children: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()


_CONFIRMED = ("accept", "allDetail", "detail", "backordered", "except", "reject", "requestToPay", "replace")
_ADDRESS = Rule(("Address",))
RULES: dict[str, Rule] = {
    "cXML": Rule(("Header?", "Request?", "Response?"), ("payloadID", "timestamp")),
    "Header": Rule(("From", "To", "Sender")),
    "From": Rule(("Credential+",)),
    "To": Rule(("Credential+",)),
    # The guide demands a UserAgent, which may be empty; nothing rests on it: who leaves it out is heard.
    "Sender": Rule(("Credential+", "UserAgent?")),
    "Credential": Rule(("Identity", "SharedSecret?"), ("domain",)),
    "Request": Rule(
        ("ProfileRequest?", "OrderRequest?", "ConfirmationRequest?", "ShipNoticeRequest?"),
        choices=(("deploymentMode", ("production", "test")),),
    ),
    "Response": Rule(("Status", "ProfileResponse?")),
    "ProfileResponse": Rule(("Transaction+",), ("effectiveDate",)),
    "Transaction": Rule(("URL",), ("requestName",)),
    "Status": Rule((), ("code", "text")),
    "OrderRequest": Rule(("OrderRequestHeader", "ItemOut+")),
    "OrderRequestHeader": Rule(
        (
            "Total",
            "ShipTo?",
            "BillTo",
            "Shipping?",
            "Tax?",
            "Payment?",
            "Contact*",
            "Comments?",
            "DocumentReference?",
        ),
        ("orderID", "orderDate"),
        (("type", ("new", "update", "delete")),),
    ),
    "Total": Rule(("Money",)),
    "UnitPrice": Rule(("Money",)),
    "Money": Rule((), ("currency",)),
    "ShipTo": _ADDRESS,
    "BillTo": _ADDRESS,
    "Address": Rule(("Name", "PostalAddress?", "Email?", "Phone?", "Fax?", "URL?")),
    "PostalAddress": Rule(("DeliverTo*", "Street+", "City", "State?", "PostalCode?", "Country")),
    "Country": Rule((), ("isoCountryCode",)),
    "Shipping": Rule(("Money", "Description")),
    "ItemOut": Rule(("ItemID", "ItemDetail?", "Distribution*", "Comments?"), ("quantity",)),
    "ItemID": Rule(("SupplierPartID", "SupplierPartAuxiliaryID?")),
    "ItemDetail": Rule(("UnitPrice", "Description+", "UnitOfMeasure", "Classification+")),
    "Classification": Rule((), ("domain",)),
    "Distribution": Rule(("Accounting", "Charge")),
    "Accounting": Rule(("AccountingSegment+",), ("name",)),
    "AccountingSegment": Rule(("Name", "Description"), ("id",)),
    "Charge": Rule(("Money",)),
    "ConfirmationRequest": Rule(
        ("ConfirmationHeader", "OrderReference?", "OrderIDInfo?", "ConfirmationItem*")
    ),
    "ConfirmationHeader": Rule(
        (), ("type", "noticeDate"), (("type", _CONFIRMED), ("operation", ("new", "update")))
    ),
    "ConfirmationItem": Rule(("UnitOfMeasure", "ConfirmationStatus+"), ("quantity", "lineNumber")),
    "ConfirmationStatus": Rule(
        ("UnitOfMeasure",), ("quantity", "type"), (("type", (*_CONFIRMED, "unknown")),)
    ),
    "ShipNoticeRequest": Rule(("ShipNoticeHeader", "ShipControl*", "ShipNoticePortion+")),
    "ShipNoticeHeader": Rule((), ("shipmentID", "noticeDate"), (("operation", ("new", "update", "delete")),)),
    "ShipControl": Rule(("CarrierIdentifier+", "ShipmentIdentifier+")),
    "CarrierIdentifier": Rule((), ("domain",)),
    "ShipNoticePortion": Rule(("OrderReference",)),
    "OrderReference": Rule(("DocumentReference",)),
    "DocumentReference": Rule((), ("payloadID",)),
}
_TEXT_ONLY = frozenset({"Money", "Country", "Classification", "CarrierIdentifier"})


def violations(root: etree._Element, strict: bool) -> Iterator[str]:
    """What is wrong with a document, each as a sentence with the element's path.

    Args:
        root: the `cXML` element.
        strict: also refuse children that no rule names; for documents of our own. Others may carry more.
    """
    if root.tag != "cXML":
        yield f"the root is {root.tag!r}, not cXML"
        return
    for element in root.iter():
        if isinstance(element.tag, str) and element.tag in RULES:
            yield from _element(element, RULES[element.tag], strict)


def _element(element: etree._Element, rule: Rule, strict: bool) -> Iterator[str]:
    path = element.getroottree().getpath(element)
    for name in rule.attributes:
        if not element.get(name):
            yield f"{path}: the attribute {name} is missing"
    for name, values in rule.choices:
        given = element.get(name)
        if given is not None and given not in values:
            yield f"{path}: {name}={given[:40]!r} is none of {', '.join(values)}"
    if element.tag in _TEXT_ONLY and not (element.text or "").strip():
        yield f"{path}: it is empty"
    names = [child.tag for child in element if isinstance(child.tag, str)]
    yield from _children(path, names, rule, strict)


def _children(path: str, names: list[str], rule: Rule, strict: bool) -> Iterator[str]:
    so_far = -1  # where the last child of the names before this one stands
    for child in rule.children:
        name, least, most = _occurs(child)
        places = [place for place, one in enumerate(names) if one == name]
        if not least <= len(places) <= most:
            yield f"{path}: {name} occurs {len(places)} times"
        if places and places[0] < so_far:
            yield f"{path}: {name} stands too late or too early"
        so_far = max([so_far, *places])
    if strict and rule.children:
        known = {_occurs(child)[0] for child in rule.children}
        yield from (f"{path}: {name} has no place here" for name in names if name not in known)


def _occurs(child: str) -> tuple[str, int, int]:
    if child[-1] == "?":
        return child[:-1], 0, 1
    if child[-1] == "*":
        return child[:-1], 0, _MANY
    if child[-1] == "+":
        return child[:-1], 1, _MANY
    return child, 1, 1
