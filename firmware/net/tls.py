"""TLS over the TCP connection: verified by a certificate authority, or by a pre-shared key.

The handshake happens within `write` and never waits. All waits are on the raw socket: a TLS object has no
descriptor, so polling it would wake the processor each millisecond.
"""

import binascii
import errno
import gc
import socket

import tls

from firmware.core import pem
from firmware.net.tcp import TcpWire

_PSK_CIPHERS = ["TLS-PSK-WITH-AES-128-GCM-SHA256", "TLS-PSK-WITH-AES-256-GCM-SHA384"]
_CERTIFICATE_CIPHERS = [
    "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256",
    "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384",
    "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256",
]
"""What a Mosquitto of today takes; a short list is a short greeting."""


class _TlsWire(TcpWire):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._tls: socket.socket | None = None

    def begin(self) -> None:
        super().begin()
        self._tls = None

    def write(self, content: memoryview) -> int:
        try:
            written = self._secured().write(content)
        except ValueError as error:  # so MicroPython says that a certificate was refused
            raise OSError("certificate: " + str(error).strip())  # noqa: B904 - MicroPython cannot chain
        return written or 0

    def read(self) -> bytes:
        received: bytes | None = self._secured().read(512)
        if received == b"":
            raise OSError(errno.ECONNRESET)
        return received or b""

    def close(self) -> None:
        if self._tls is not None:
            try:
                self._tls.close()
            except OSError:
                pass  # the peer is gone; the socket is closed below
            self._tls = None
        super().close()

    def _secured(self) -> socket.socket:
        if self._tls is None:
            self._tls = self._wrap(self._connected())
        return self._tls

    def _wrap(self, connected: socket.socket) -> socket.socket:
        raise NotImplementedError


class PskWire(_TlsWire):
    """Both sides know a key: no certificate, no clock, half the bytes. For devices that live on a battery.

    Args:
        host: name or address.
        port: TCP port.
        identity: the device id.
        key: the pre-shared key, in hex; never printed.
    """

    def __init__(self, host: str, port: int, identity: str, key: str) -> None:
        super().__init__(host, port)
        gc.collect()  # a context wants 3 KB in one piece: made here, before the heap is full of a program
        self._context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        self._context.set_ciphers(_PSK_CIPHERS)  # none of them has a certificate to be believed unverified
        # By name: the published stubs do not know these, of which the key came with MicroPython 1.29.
        setattr(self._context, "verify_mode", tls.CERT_NONE)  # noqa: B010
        setattr(self._context, "psk_identity", identity.encode())  # noqa: B010
        setattr(self._context, "psk_key", binascii.unhexlify(key))  # noqa: B010

    def _wrap(self, connected: socket.socket) -> socket.socket:
        wrapped: socket.socket = self._context.wrap_socket(connected, do_handshake_on_connect=False)
        return wrapped


class CertificateWire(_TlsWire):
    """The broker shows a certificate of our authority for the name that we called; we may show one too.

    The authority and all that it signs are valid from 1999 to 2099, so a clock that starts in 2000 will do.

    Args:
        host: name or address, as in the certificate.
        port: TCP port.
        authority: PEM; nobody else is believed.
        certificate: our own, PEM; "" where a password says who we are.
        key: its private key, PEM; never printed.
    """

    def __init__(self, host: str, port: int, authority: str, certificate: str = "", key: str = "") -> None:
        super().__init__(host, port)
        self._authority = authority
        self._certificate = certificate
        self._key = key

    def _wrap(self, connected: socket.socket) -> socket.socket:
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)  # which verifies, unless told otherwise
        context.set_ciphers(_CERTIFICATE_CIPHERS)
        context.load_verify_locations(pem.der(self._authority))
        if self._certificate:
            context.load_cert_chain(pem.der(self._certificate), pem.der(self._key))
        wrapped: socket.socket = context.wrap_socket(
            connected, server_hostname=self._host, do_handshake_on_connect=False
        )
        return wrapped
