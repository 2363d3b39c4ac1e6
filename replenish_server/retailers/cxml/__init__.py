"""Suppliers that take cXML 1.2 orders on account: OrderRequest out, confirmations and ship notices in."""
