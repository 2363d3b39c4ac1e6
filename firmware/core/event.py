"""The documents a device sends and the acknowledgement it reads. It owns their keys and never keeps one.

Source: docs/wire.md (envelope of `up/ev`, `down/ack`). Bodies are built without `a` and `c`, which only the
moment of sending knows.
"""

import json

FIRMWARE = "0.1.0"
ANSWERS = ("placed", "waiting", "already", "refused")


def compact(document: dict[str, object]) -> str:
    """JSON without spaces, which MicroPython writes unless told otherwise."""
    return json.dumps(document, separators=(",", ":"))


def record(boot: str, seq: int, kind: str, more: dict[str, object]) -> str:
    """Body of one record: the envelope, and what is said in it (docs/wire.md).

    Args:
        boot: boot id.
        seq: sequence.
        kind: "press", "hello", "level", "usage" or "refill".
        more: {"g": gesture}, {"h": health}, or as firmware.core.measured makes it.
    """
    document: dict[str, object] = {"v": 1, "b": boot, "s": seq, "t": kind}
    document.update(more)
    return compact(document)


def health(battery_mv: int, rssi_dbm: int, dropped: int, next_s: int) -> dict[str, object]:
    """Health: battery in mV, signal in dBm (0: not known yet), records lost, next message in seconds."""
    return {"bat": battery_mv, "rssi": rssi_dbm, "drop": dropped, "next": next_s, "fw": FIRMWARE}


def with_age(body: str, age_s: int, quality: int) -> bytes:
    """The message to send: a stored body, completed with its age in seconds and its clock quality."""
    return (body[:-1] + f',"a":{age_s},"c":{quality}}}').encode()


def parse_ack(payload: bytes) -> tuple[str, list[int], str] | None:
    """Read `down/ack`, by which the server says what it has stored; None when it is not one.

    Returns:
        Boot id of the records, their sequences, and what became of a press, "" where that is unknown.
    """
    try:
        document = json.loads(payload)
        boot, seqs, answer = document["b"], document["s"], document.get("r", "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(boot, str) or not isinstance(seqs, list):
        return None
    return boot, [seq for seq in seqs if type(seq) is int], answer if answer in ANSWERS else ""
