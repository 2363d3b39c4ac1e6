"""Retailers where a person finishes: a prefilled cart link, or an entry on the shopping list."""
