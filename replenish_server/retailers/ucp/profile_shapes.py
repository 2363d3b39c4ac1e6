"""PURE: a shop's profile in the one shape that the releases describe, from the shapes that shops publish.

Seen at merchants of others (docs/retailers.md): no `ucp` member around the profile, services that list their
bindings by name, capabilities as an array (both of release 2026-01-11), capabilities without a name, and
handlers beside the profile under `payment`. Only shape is mended here; what is not said stays unsaid.
"""

from typing import Any
from urllib.parse import urlsplit

_BINDINGS = ("rest", "mcp", "a2a", "embedded")


def in_one_shape(document: Any) -> Any:
    """The profile with a `ucp` member, its services and capabilities and handlers as maps of lists.

    Args:
        document: JSON, of whatever shape; what is no profile at all is returned as it is.
    """
    if not isinstance(document, dict):
        return document
    whole = document if "ucp" in document else {"ucp": document}
    ucp = whole["ucp"]
    if not isinstance(ucp, dict):
        return document
    shaped = ucp | {
        "services": _services(ucp.get("services")),
        "capabilities": _capabilities(ucp.get("capabilities")),
        "payment_handlers": _handlers(ucp.get("payment_handlers"), whole.get("payment")),
    }
    for name in ("supported_versions", "signing_keys"):
        if name in shaped and shaped[name] is None:
            del shaped[name]
    return whole | {"ucp": shaped}


def _services(services: Any) -> Any:
    if not isinstance(services, dict):
        return {} if services is None else services
    return {name: _bindings(entry) if isinstance(entry, dict) else entry for name, entry in services.items()}


def _bindings(service: dict[str, Any]) -> list[dict[str, Any]]:
    """A service that keeps each binding under its own name, as a list of entries."""
    if "transport" in service:
        return [service]
    common = {name: service[name] for name in ("version", "spec") if name in service}
    return [
        common | service[binding] | {"transport": binding}
        for binding in _BINDINGS
        if isinstance(service.get(binding), dict)
    ]


def _capabilities(capabilities: Any) -> Any:
    if isinstance(capabilities, list):
        named: dict[str, list[Any]] = {}
        for entry in capabilities:
            if isinstance(entry, dict) and (name := entry.get("name") or _name_by_schema(entry)):
                named.setdefault(str(name), []).append(entry)
        return named
    if isinstance(capabilities, dict):
        return {name: [entry] if isinstance(entry, dict) else entry for name, entry in capabilities.items()}
    return {} if capabilities is None else capabilities


def _name_by_schema(entry: dict[str, Any]) -> str | None:
    """The name that a schema's address spells: `https://ucp.dev/<date>/schemas/shopping/checkout.json`."""
    try:
        parts = urlsplit(str(entry.get("schema", "")))
    except ValueError:
        return None
    _, found, tail = parts.path.partition("/schemas/")
    if not found or not parts.hostname or not tail.endswith(".json"):
        return None
    host = ".".join(reversed(parts.hostname.split(".")))
    return f"{host}.{tail.removesuffix('.json').replace('/', '.')}"


def _handlers(handlers: Any, payment: Any) -> Any:
    """Handlers by name; where the profile has none, those that stand beside it."""
    if handlers is None:
        handlers = payment.get("handlers") if isinstance(payment, dict) else None
    if isinstance(handlers, list):
        named: dict[str, list[Any]] = {}
        for entry in handlers:
            if isinstance(entry, dict):
                named.setdefault(str(entry.get("name") or entry.get("id")), []).append(entry)
        return named
    if isinstance(handlers, dict):
        return {name: [entry] if isinstance(entry, dict) else entry for name, entry in handlers.items()}
    return {} if handlers is None else handlers
