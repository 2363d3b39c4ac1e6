"""What sensors and meters say in a record (docs/wire.md). A button's memory need not hold it."""


def level(grams: int | None, quality: str) -> dict[str, object]:
    """A level; `grams` is None where there is no number to give."""
    return {"q": quality} if grams is None else {"q": quality, "n": grams}


def amount(key: str, number: int) -> dict[str, object]:
    """A total since the boot began in the slot's wire unit, or what a new unit holds."""
    return {"k": key, "n": number}


def supply(key: str, pages: int | None, quality: str, resolution: int) -> dict[str, object]:
    """What a printer says of a supply; `resolution` is the pages that one step is worth."""
    said: dict[str, object] = {"k": key, "q": quality}
    if pages is not None:
        said["n"] = pages
        said["h"] = {"res": resolution}
    return said
