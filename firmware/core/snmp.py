"""SNMP GET of integers, version 1 or 2c, as bytes. It never opens a socket.

Source: RFC 1157, 1901 and 3416 (messages), X.690 (BER). Only what asking a printer for whole numbers needs.
"""

_INTEGER, _OCTETS, _NULL, _OID, _SEQUENCE, _GET, _RESPONSE = 0x02, 0x04, 0x05, 0x06, 0x30, 0xA0, 0xA2


class ReplyError(Exception):
    """Bytes that are no answer to what was asked."""


V1, V2C = 0, 1


def get(request_id: int, community: str, oids: list[tuple[int, ...]], version: int = V1) -> bytes:
    """A GET request for these object ids."""
    bindings = b"".join([_tlv(_SEQUENCE, _oid(oid) + _tlv(_NULL, b"")) for oid in oids])
    body = _integer(request_id) + _integer(0) + _integer(0) + _tlv(_SEQUENCE, bindings)
    return _tlv(_SEQUENCE, _integer(version) + _tlv(_OCTETS, community.encode()) + _tlv(_GET, body))


def read_reply(content: bytes, request_id: int) -> list[int | None]:
    """The values in the order asked for; None for one that is no integer of 32 bits.

    Empty for an error status: version 1 then answers nothing of what was asked.

    Raises:
        ReplyError: not a response, or of another request.
    """
    try:
        message = _inside(content, 0, _SEQUENCE)[0]
        at = _skip(message, _skip(message, 0))  # version, community
        body = _inside(message, at, _RESPONSE)[0]
        number, at = _inside(body, 0, _INTEGER)
        status, at = _inside(body, at, _INTEGER)
        if _signed(number) != request_id:
            raise ReplyError("another request")
        if _signed(status) != 0:
            return []
        bindings = _inside(body, _skip(body, at), _SEQUENCE)[0]
        values: list[int | None] = []
        at = 0
        while at < len(bindings):
            binding, at = _inside(bindings, at, _SEQUENCE)
            value = _skip(binding, 0)
            content = _inside(binding, value, _INTEGER)[0] if binding[value] == _INTEGER else b""
            values.append(_signed(content) if 1 <= len(content) <= 4 else None)
        return values
    except IndexError:
        raise ReplyError("cut short")  # noqa: B904 - MicroPython cannot chain


def _tlv(tag: int, content: bytes) -> bytes:
    if len(content) < 128:
        return bytes((tag, len(content))) + content
    return bytes((tag, 0x82)) + len(content).to_bytes(2, "big") + content


def _integer(value: int) -> bytes:
    """A whole number from 0 to 2**31 - 1."""
    content = value.to_bytes(4, "big")
    while len(content) > 1 and content[0] == 0 and content[1] < 128:
        content = content[1:]
    return _tlv(_INTEGER, content)


def _oid(parts: tuple[int, ...]) -> bytes:
    content = bytes((40 * parts[0] + parts[1],))
    for part in parts[2:]:
        groups = bytes((part & 127,))
        rest = part >> 7
        while rest:
            groups = bytes((128 | rest & 127,)) + groups
            rest >>= 7
        content += groups
    return _tlv(_OID, content)


def _inside(content: bytes, at: int, tag: int) -> tuple[bytes, int]:
    """What the element at `at` holds, and where the next one begins."""
    if content[at] != tag:
        raise ReplyError("tag 0x%02x where 0x%02x belongs" % (content[at], tag))
    end = _skip(content, at)
    if end > len(content):
        raise ReplyError("cut short")
    start = at + 2 + (content[at + 1] & 127 if content[at + 1] & 128 else 0)
    return content[start:end], end


def _skip(content: bytes, at: int) -> int:
    length = content[at + 1]
    if not length & 128:
        return at + 2 + length
    octets = length & 127
    if at + 2 + octets > len(content):
        raise ReplyError("cut short")
    return at + 2 + octets + int.from_bytes(content[at + 2 : at + 2 + octets], "big")


def _signed(content: bytes) -> int:
    value = int.from_bytes(content, "big")
    return value - (1 << 8 * len(content)) if content and content[0] & 128 else value
