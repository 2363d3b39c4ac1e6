"""TLS with a broker that shows a certificate of our authority for the name that we called.

The authority and all that it signs are valid from 1999 to 2099, so a clock that starts in 2000 will do.
"""

import tls

from firmware.core import pem

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from collections.abc import Callable
    from typing import Any

_CIPHERS = (
    "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256",
    "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384",
    "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256",
)
"""What a Mosquitto of today takes; a short list is a short greeting."""


def secured(host: str, known: dict[str, str]) -> "Callable[[Any], Any]":
    """What makes a TLS stream of a connected socket; it raises OSError for a PEM that is none.

    Args:
        host: name or address, as in the certificate.
        known: `ca` (PEM; nobody else is believed); `certificate` and `private_key` (PEM; never printed) where
            they, and no password, say who we are.
    """

    def secure(connected: "Any") -> "Any":
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)  # which verifies, unless told otherwise
        context.set_ciphers(list(_CIPHERS))
        try:
            context.load_verify_locations(pem.der(known["ca"]))
            if known.get("certificate"):
                context.load_cert_chain(pem.der(known["certificate"]), pem.der(known["private_key"]))
        except ValueError as error:
            raise OSError("certificate: " + str(error))  # noqa: B904 - MicroPython cannot chain
        return context.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)

    return secure
