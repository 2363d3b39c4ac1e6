"""Receipts and acknowledgements in words: rows for the page, and texts to keep on a durable medium."""

from typing import Any

from replenish_server.households.tables import Household
from replenish_server.ordering.tables import PurchaseOrder, Receipt, Withdrawal
from replenish_server.ordering.withdrawals import Sending, acknowledgement
from replenish_server.retailers.tables import Retailer
from replenish_server.web.formats import Formatter
from replenish_server.web.phrases import translate
from replenish_server.web.views import Lang


def receipt_rows(receipt: Receipt, fmt: Formatter) -> list[tuple[str, str]]:
    """(name, value) of everything that a person has to know of what was about to be bought."""
    facts, lang = receipt.data, fmt.lang
    currency = str(facts["currency"])
    parcel = facts["parcel"]
    packs = translate(lang, f"order.packs.{'one' if facts['packs'] == 1 else 'many'}", n=facts["packs"])
    rows = [
        ("receipt.product", f"{facts['product']} ({facts['item_id']})"),
        *_instead_of(facts, lang),
        ("receipt.packs", packs),
        ("receipt.total", fmt.money(facts["total_minor"], currency)),
    ]
    if parcel["total_minor"] != facts["total_minor"]:
        rows.append(("receipt.parcel", fmt.money(parcel["total_minor"], currency)))
    if parcel["shipping_minor"] is not None:
        rows.append(("receipt.shipping", fmt.money(parcel["shipping_minor"], currency)))
    rows += [
        ("receipt.retailer", f"{facts['retailer']['name']}, {facts['retailer']['url']}"),
        *((("receipt.payment", facts["payment"]),) if facts.get("payment") else ()),
        ("receipt.delivery", ", ".join(str(part) for part in facts["delivery"].values())),
        ("receipt.rule", _rule(facts, fmt, currency)),
        ("receipt.rule_hash", str(facts["rule"]["sha256"])[:16]),
        ("receipt.rights", translate(lang, "receipt.rights_text", n=facts["withdrawal_days"])),
    ]
    return [(translate(lang, key), value) for key, value in rows]


def _instead_of(facts: dict[str, Any], lang: Lang) -> list[tuple[str, str]]:
    """What the product stands in for, and why; receipts written before that was kept say nothing."""
    return [
        ("receipt.instead_of", translate(lang, f"receipt.{row['reason']}", product=row["product"]))
        for row in facts.get("instead_of", ())
    ]


def receipt_text(receipt: Receipt, fmt: Formatter) -> str:
    """The receipt to keep."""
    intro = translate(fmt.lang, "receipt.intro", when=fmt.moment(receipt.at))
    lines = [translate(fmt.lang, "receipt.title") + f" {receipt.id}", intro, ""]
    lines += [f"{name}: {value}" for name, value in receipt_rows(receipt, fmt)]
    lines += ["", f"{translate(fmt.lang, 'receipt.seal')}: {receipt.sha256}"]
    return _plain(lines)


def acknowledgement_text(
    order: PurchaseOrder, statement: Withdrawal, retailer: str, sending: Sending, fmt: Formatter
) -> str:
    """The acknowledgement of a withdrawal: what was declared, by whom, with date and time, and how it was
    sent to the shop."""
    lang = fmt.lang
    code = acknowledgement(order, statement)
    when = f"{fmt.moment(statement.at)} ({statement.at.isoformat()})"
    lines = [
        translate(lang, "withdraw.ack", when=when, code=code),
        "",
        translate(
            lang,
            "withdraw.statement",
            packs=order.packs,
            product=order.product_name,
            retailer=retailer,
            number=order.retailer_order_id or order.id,
        ),
        f"{translate(lang, 'withdraw.name')}: {statement.name}",
        f"{translate(lang, 'withdraw.email')}: {statement.email}",
    ]
    if statement.reason:
        lines.append(f"{translate(lang, 'withdraw.reason')}: {statement.reason}")
    lines += ["", sending_text(sending, fmt), translate(lang, "withdraw.next")]
    return _plain(lines)


def sending_text(sending: Sending, fmt: Formatter) -> str:
    """How the shop learns of a withdrawal, and since when; or that a person has to tell it."""
    key = f"withdraw.sent.{sending.channel}" if sending.state == "sent" else f"withdraw.{sending.state}"
    when = "" if sending.at is None else fmt.moment(sending.at)
    return translate(fmt.lang, key, when=when)


def letter(
    order: PurchaseOrder, statement: Withdrawal, retailer: Retailer, household: Household, fmt: Formatter
) -> str:
    """The statement as a letter to the shop. Source of its parts: Directive 2011/83/EU, annex I part B."""
    lang = fmt.lang
    number = order.retailer_order_id or order.id
    rows = [
        ("withdraw.letter.ordered", fmt.moment(order.placed_at) if order.placed_at else "-"),
        ("withdraw.letter.received", fmt.moment(order.delivered_at) if order.delivered_at else "-"),
        ("withdraw.letter.name", statement.name),
        ("withdraw.letter.address", f"{household.street}, {household.postal_code} {household.locality}"),
        ("withdraw.letter.email", statement.email),
        ("withdraw.letter.date", fmt.moment(statement.at)),
    ]
    goods = {"packs": order.packs, "product": order.product_name, "retailer": retailer.name, "number": number}
    lines = [
        translate(lang, "withdraw.letter.to", retailer=retailer.name, url=retailer.url).strip(" ,"),
        "",
        translate(lang, "withdraw.statement", **goods),
        "",
        *(f"{translate(lang, key)}: {value}" for key, value in rows),
    ]
    return _plain([*lines, *([statement.reason] if statement.reason else [])])


def _rule(facts: dict[str, Any], fmt: Formatter, currency: str) -> str:
    rule = facts["rule"]
    if rule["approved_minor"] is not None:
        named = facts["decided_by"] not in ("person", "mandate")
        who = facts["decided_by"] if named else translate(fmt.lang, "receipt.somebody")
        amount = fmt.money(rule["approved_minor"], currency)
        return translate(fmt.lang, "receipt.rule_person", who=who, amount=amount)
    cap = rule["price_cap_minor"]
    amount = "-" if cap is None else fmt.money(cap, currency)
    return translate(fmt.lang, "receipt.rule_cap", amount=amount)


def _plain(lines: list[str]) -> str:
    return "\n".join(lines).replace("\u00a0", " ") + "\n"
