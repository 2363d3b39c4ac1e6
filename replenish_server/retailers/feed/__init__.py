"""Retailers without an API of their own: they read their orders here, and tell us here what becomes of them."""
