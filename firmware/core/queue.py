"""How a record lies on flash, in which order records go out, and which are let go.

It owns the file names and the file content of the spool. It never opens a file (`firmware.hal.store` does)
and never decides that a record was delivered: only an acknowledgement from the server names records to let
go.
"""

import binascii

LIMIT = 400
"""Records kept at most; about 25 days of hourly reports in 400 littlefs inline files."""

BATCH = 8
"""Records sent before waiting for acknowledgements: below Mosquitto's default of 20 in flight."""


def encode(stamp_s: int, unix_s: int, body: str) -> bytes:
    """File content: CRC-32, stamp, Unix time and body, separated by spaces.

    Args:
        stamp_s: the board's own clock when it happened, in seconds (firmware.core.ages).
        unix_s: Unix time when it happened, or 0 where the device did not know it.
        body: the envelope without age and clock quality, as compact JSON.
    """
    rest = f"{stamp_s} {unix_s} {body}".encode()
    return f"{binascii.crc32(rest):08x} ".encode() + rest


def decode(content: bytes) -> tuple[int, int, str] | None:
    """What `encode` was given; None when the content is torn or was altered."""
    try:
        rest = content[9:]
        if content[8:9] != b" " or int(content[:8], 16) != binascii.crc32(rest):
            return None
        stamp, unix, body = rest.decode().split(" ", 2)
        return int(stamp), int(unix), body
    except ValueError:
        return None


def name(order: int, boot: str, seq: int) -> str:
    """File name of a record; names sort by `order`, which rises with every record in the spool."""
    return f"{order:08x}-{boot}-{seq:08x}"


def parse_name(text: str) -> tuple[int, str, int] | None:
    """(order, boot, seq) of a file name, or None for a file that is no record."""
    parts = text.split("-")
    if len(text) != 26 or len(parts) != 3:
        return None
    try:
        return int(parts[0], 16), parts[1], int(parts[2], 16)
    except ValueError:
        return None


def next_order(names: list[str]) -> int:
    """The order of the next record, given the names in the spool."""
    return 1 + max([_key(text)[0] for text in names], default=0)


def next_seq(names: list[str], boot: str, remembered: int) -> int:
    """The next sequence of `boot`: never one that lies in the spool, whatever was remembered."""
    used = [_key(text)[2] for text in names if _key(text)[1] == boot]
    return max(used + [remembered - 1]) + 1  # noqa: RUF005 - MicroPython has no [*list]


def overflow(names: list[str]) -> list[str]:
    """The oldest records, to be dropped so that one more fits within `LIMIT`."""
    excess = len(names) + 1 - LIMIT
    return sorted(names)[:excess] if excess > 0 else []


def acknowledged(names: list[str], boot: str, seqs: list[int]) -> list[str]:
    """The records that an acknowledgement of `seqs` of `boot` lets go."""
    return [text for text in names if _key(text)[1] == boot and _key(text)[2] in seqs]


def _key(text: str) -> tuple[int, str, int]:
    return parse_name(text) or (0, "", -1)
