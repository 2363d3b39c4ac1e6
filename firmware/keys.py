"""Whose firmware this board takes: the modulus of each key, in hex, by its name. It holds no secret.

Replaced before an image is frozen by what `replenish firmware key list --as-module` prints: the key in use,
and the one that will replace it. Without a key a board is never offered anything.
"""

KEYS: dict[str, str] = {}
