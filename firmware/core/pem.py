"""PEM to DER: boards are given text and understand bytes. Source: RFC 7468 section 2.

It decodes and never judges: whether the bytes are a certificate is for TLS to say.
"""

import binascii


def der(text: str) -> bytes:
    """The first block of a PEM text. Raises ValueError when there is none, or when it is not base64."""
    parts = text.split("-----")
    if len(parts) < 5:
        raise ValueError("not PEM")
    return binascii.a2b_base64("".join(parts[2].split()))
