"""The shop's few HTML pages: an order (with its cancel button), a checkout a person can finish, the terms."""

from html import escape

from device_sim.retailer.wire import CURRENCY, Doc

TERMS = "This shop is a sandbox. Nothing is sold, nothing is shipped, no money moves."


def page(title: str, body: str) -> str:
    """A whole page; `title` is escaped here, `body` is HTML that its maker has escaped."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<style>body{font:1rem/1.5 sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}"
        "td{padding:.2rem 1rem .2rem 0}</style>"
        f"<h1>{escape(title)}</h1>{body}<p><small>{escape(TERMS)}</small></p></html>"
    )


def order_page(order: Doc, state: str, *, cancelable: bool) -> str:
    """An order for the person who pays it."""
    events = "".join(
        f"<li>{escape(event['occurred_at'])} {escape(event['type'])}: {escape(event['description'])}</li>"
        for event in order["fulfillment"]["events"]
    )
    events += "".join(
        f"<li>{escape(entry['occurred_at'])} {escape(entry['type'])}: {escape(entry['description'])}</li>"
        for entry in order["adjustments"]
    )
    form = _button(f"/orders/{order['id']}/cancel", "Cancel this order") if cancelable else ""
    body = f"<p>State: <strong>{escape(state)}</strong></p>{_lines(order)}<ul>{events}</ul>{form}"
    return page(f"Order {order['label']}", body)


def checkout_page(checkout: Doc) -> str:
    """A session that was handed over: what is in it, what it lacks, and a button when nothing does."""
    lacks = "".join(f"<li>{escape(message['content'])}</li>" for message in checkout["messages"])
    form = _button(f"/checkout/{checkout['id']}", "Buy now") if _can_be_finished(checkout) else ""
    order = checkout.get("order")
    link = f'<p><a href="{escape(order["permalink_url"])}">Your order</a></p>' if order else ""
    status = f"<p>Status: <strong>{escape(checkout['status'])}</strong></p>"
    return page("Your checkout", f"{status}{_lines(checkout)}<ul>{lacks}</ul>{form}{link}")


def _can_be_finished(checkout: Doc) -> bool:
    """Whether a person can buy it here: nothing is open but what is for a person to confirm."""
    open_now = checkout["status"] in ("ready_for_complete", "requires_escalation")
    errors = [entry for entry in checkout["messages"] if entry["type"] == "error"]
    return open_now and all(
        entry["severity"].startswith("requires_buyer") and entry["code"] != "fulfillment_required"
        for entry in errors
    )


def _button(action: str, label: str) -> str:
    return f'<form method="post" action="{escape(action)}"><button>{escape(label)}</button></form>'


def _lines(doc: Doc) -> str:
    rows = ""
    for line in doc["line_items"]:
        quantity = line["quantity"]["original"] if isinstance(line["quantity"], dict) else line["quantity"]
        item = line["item"]
        rows += f"<tr><td>{quantity} × {escape(item['title'])}</td><td>{_euro(item['price'])} each</td></tr>"
    for entry in doc["totals"]:
        rows += f"<tr><td>{escape(entry['display_text'])}</td><td>{_euro(entry['amount'])}</td></tr>"
    return f"<table>{rows}</table>"


def _euro(minor: int) -> str:
    sign = "−" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d} {CURRENCY}"
