"""Retailers without an API of their own: they read their orders here, and say what becomes of them."""
