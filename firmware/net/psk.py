"""TLS with a key that both sides know: no certificate, no clock, half the bytes. For devices on a battery."""

import binascii
import gc

import tls

if __debug__:
    from firmware.const import const

_SOCKET_BYTES = const(528)
"""What MicroPython wants in one piece for a TLS stream, on 64 bits."""

_TYPES = const(False)
if _TYPES:
    from collections.abc import Callable
    from typing import Any


def secured(identity: str, key: str) -> "Callable[[Any], Any]":
    """What makes a TLS stream of a connected socket.

    Args:
        identity: the device id.
        key: the pre-shared key, in hex; never printed.
    """
    gc.collect()  # a context wants 3 KB in one piece: made here, before the heap is full of a program
    context: Any = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)  # Any: published stubs do not know the key of 1.29
    # What a Mosquitto of today takes; none of them has a certificate to be believed unverified.
    context.set_ciphers(["TLS-PSK-WITH-AES-128-GCM-SHA256", "TLS-PSK-WITH-AES-256-GCM-SHA384"])
    context.verify_mode = tls.CERT_NONE
    context.psk_identity = identity.encode()
    context.psk_key = binascii.unhexlify(key)
    room: bytearray | None = bytearray(_SOCKET_BYTES)

    def secure(connected: "Any") -> "Any":
        nonlocal room
        room = None  # kept free until now, in a heap that has filled up meanwhile
        gc.collect()
        return context.wrap_socket(connected, do_handshake_on_connect=False)

    return secure
