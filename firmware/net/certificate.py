"""TLS with a broker that shows a certificate of our authority for the name that we called.

The authority and all that it signs are valid from 1999 to 2099, so a clock that starts in 2000 will do.
"""

import tls

from firmware import const
from firmware.core import pem

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


def secured(host: str, authority: str, certificate: str = "", key: str = "") -> "Callable[[Any], Any]":
    """What makes a TLS stream of a connected socket; it raises OSError for a PEM that is none.

    Args:
        host: name or address, as in the certificate.
        authority: PEM; nobody else is believed.
        certificate: our own, PEM; "" where a password says who we are.
        key: its private key, PEM; never printed.
    """

    def secure(connected: "Any") -> "Any":
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)  # which verifies, unless told otherwise
        context.set_ciphers(list(_CIPHERS))
        try:
            context.load_verify_locations(pem.der(authority))
            if certificate:
                context.load_cert_chain(pem.der(certificate), pem.der(key))
        except ValueError as error:
            raise OSError("certificate: " + str(error))  # noqa: B904 - MicroPython cannot chain
        return context.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)

    return secure
