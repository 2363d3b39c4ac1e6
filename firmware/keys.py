"""Whose firmware this board takes: the modulus of each key, in hex, by its name. It holds no secret.

Filled before an image is frozen, with what `replenish firmware key list --json` says: the key in use, and the
one that will replace it. Without a key a board is never offered anything.
"""

KEYS: dict[str, str] = {}
