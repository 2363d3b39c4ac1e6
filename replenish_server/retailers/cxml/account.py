"""Who we are at a cXML supplier."""

from dataclasses import dataclass

from replenish_server.retailers.kinds import credential
from replenish_server.retailers.tables import Retailer


@dataclass(frozen=True)
class CxmlAccount:
    """Who we are at a supplier.

    Args:
        buyer: (domain, identity) of the From credential.
        supplier: (domain, identity) of the To credential.
        sender: (domain, identity) of the Sender credential, which the shared secret proves.
        secret: shared secret; never logged.
        cost_center: goes into a Distribution of every line; None leaves it out.
        mode: "production" or "test".
    """

    buyer: tuple[str, str]
    supplier: tuple[str, str]
    sender: tuple[str, str]
    secret: str
    cost_center: str | None = None
    mode: str = "production"


def account_of(retailer: Retailer) -> CxmlAccount:
    """The account that an operator described when they added the supplier."""
    options = retailer.options
    return CxmlAccount(
        credential(options["cxml_from"]),
        credential(options["cxml_to"]),
        credential(options.get("cxml_sender", options["cxml_from"])),
        retailer.payment_token,
        options.get("cost_center"),
        options.get("deployment_mode", "production"),
    )


def payload_id(account: CxmlAccount, key: str) -> str:
    """The payloadID of a document: what is unique about it, and who sends it."""
    return f"{key}@{account.sender[1]}"
