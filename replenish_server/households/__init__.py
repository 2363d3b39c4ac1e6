"""People and what they allow: households, addresses, mandates."""
