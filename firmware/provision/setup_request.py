"""What a person enters at a board's first start: Wi-Fi and claim code, checked. It stores nothing."""

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 16
_READ_AS = {"I": "1", "L": "1", "O": "0"}


class SetupRequest:
    """Checked entries.

    Args:
        ssid: name of the Wi-Fi.
        key: its WPA2 key, "" for an open network; never printed.
        code: claim code without dashes, "" to keep the credential that the board has; never printed.
    """

    def __init__(self, ssid: str, key: str, code: str) -> None:
        self.ssid = ssid
        self.key = key
        self.code = code


def check(ssid: str, key: str, code: str, code_needed: bool) -> tuple[SetupRequest | None, str]:
    """(entered, "") or (None, what is wrong: "ssid", "key" or "code").

    A network name has 1 to 32 bytes, a key none or 8 to 63 printable ASCII characters (IEEE 802.11i, H.4).
    A code is read as the server reads it: case, dashes and spaces do not count, I and L are 1, O is 0.
    """
    if not 1 <= len(ssid.encode()) <= 32:
        return None, "ssid"
    if key and not (8 <= len(key) <= 63 and all(32 <= ord(letter) <= 126 for letter in key)):
        return None, "key"
    plain = normal_code(code)
    if plain is None or (code_needed and not plain):
        return None, "code"
    return SetupRequest(ssid, key, plain), ""


def normal_code(code: str) -> str | None:
    """A claim code without what does not count; "" for none, None for what cannot be one."""
    plain = "".join([_READ_AS.get(letter, letter) for letter in code.upper() if letter not in "- \t\r\n"])
    if plain and (len(plain) != _CODE_LENGTH or any(letter not in _LETTERS for letter in plain)):
        return None
    return plain


def parse_form(body: bytes) -> dict[str, str]:
    """The fields of a form as a browser posts it (application/x-www-form-urlencoded, UTF-8).

    Raises ValueError when an escape or its UTF-8 is broken.
    """
    fields: dict[str, str] = {}
    for part in body.decode().split("&"):
        name, _, value = part.partition("=")
        fields[_decoded(name)] = _decoded(value)
    return fields


def _decoded(text: str) -> str:
    pieces = text.replace("+", " ").split("%")
    out = pieces[0].encode()
    for piece in pieces[1:]:
        if len(piece) < 2:
            raise ValueError("broken escape")
        out += bytes((int(piece[:2], 16),)) + piece[2:].encode()
    return out.decode()
