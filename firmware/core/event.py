"""The documents a device sends and the acknowledgement it reads. It owns their keys and never keeps one.

Source: docs/wire.md (envelope of `up/ev`, `down/ack`). Bodies are built without `a` and `c`, which only the
moment of sending knows.
"""

import json

FIRMWARE = "0.1.0"
ANSWERS = ("placed", "waiting", "already", "refused")


class Ack:
    """What the server says it has stored.

    Args:
        boot: boot id of the records.
        seqs: their sequences.
        answer: one of `ANSWERS` for a press, else "".
    """

    def __init__(self, boot: str, seqs: list[int], answer: str) -> None:
        self.boot = boot
        self.seqs = seqs
        self.answer = answer


def compact(document: dict[str, object]) -> str:
    """JSON without spaces, which MicroPython writes unless told otherwise."""
    return json.dumps(document, separators=(",", ":"))


def level(boot: str, seq: int, grams: int | None, quality: str) -> str:
    """Body of a level reading; `grams` is None where there is no number to give."""
    document: dict[str, object] = {"v": 1, "b": boot, "s": seq, "t": "level", "q": quality}
    if grams is not None:
        document["n"] = grams
    return compact(document)


def usage(boot: str, seq: int, key: str, total: int) -> str:
    """Body of a total since the boot began, in the slot's wire unit."""
    return compact({"v": 1, "b": boot, "s": seq, "t": "usage", "k": key, "n": total})


def refill(boot: str, seq: int, key: str, amount: int) -> str:
    """Body of a new unit that was fitted; `amount` is what it holds."""
    return compact({"v": 1, "b": boot, "s": seq, "t": "refill", "k": key, "n": amount})


def supply(boot: str, seq: int, key: str, pages: int | None, quality: str, resolution: int) -> str:
    """Body of what a printer says of a supply; `resolution` is the pages that one step is worth."""
    document: dict[str, object] = {"v": 1, "b": boot, "s": seq, "t": "level", "k": key, "q": quality}
    if pages is not None:
        document["n"] = pages
        document["h"] = {"res": resolution}
    return compact(document)


def press(boot: str, seq: int, gesture: str) -> str:
    """Body of a press; `gesture` is short, long or double."""
    return compact({"v": 1, "b": boot, "s": seq, "t": "press", "g": gesture})


def hello(boot: str, seq: int, health: dict[str, object]) -> str:
    """Body of the daily sign of life."""
    return compact({"v": 1, "b": boot, "s": seq, "t": "hello", "h": health})


def health(battery_mv: int, rssi_dbm: int, dropped: int, next_s: int) -> dict[str, object]:
    """Health: battery in mV, signal in dBm (0: not known yet), records lost, next message in seconds."""
    return {"bat": battery_mv, "rssi": rssi_dbm, "drop": dropped, "next": next_s, "fw": FIRMWARE}


def with_age(body: str, age_s: int, quality: int) -> bytes:
    """The message to send: a stored body, completed with its age in seconds and its clock quality."""
    return (body[:-1] + f',"a":{age_s},"c":{quality}}}').encode()


def parse_ack(payload: bytes) -> Ack | None:
    """Read `down/ack`; None when it is not one. An unknown answer counts as no answer."""
    try:
        document = json.loads(payload)
        boot, seqs, answer = document["b"], document["s"], document.get("r", "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(boot, str) or not isinstance(seqs, list):
        return None
    return Ack(boot, [seq for seq in seqs if type(seq) is int], answer if answer in ANSWERS else "")
