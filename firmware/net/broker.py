"""Which way leads to the broker, by what `data/device.json` says. It opens nothing."""

from firmware.net.tcp import TcpWire

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from firmware.app.ports import Wire


def wire_to(known: dict[str, str], port: int) -> "Wire":
    """TLS with a pre-shared key where there is one, else verified TLS where an authority is known, else TCP.

    Plain TCP reaches only a broker on the same machine: the shipped one lets nobody else in without TLS.

    Args:
        known: host, id; psk (hex); ca, certificate and private_key (PEM).
        port: TCP port.

    Raises:
        KeyError: no host, or no id.
    """
    host = known["host"]
    secured = None
    if known.get("psk"):
        from firmware.net import psk

        secured = psk.secured(known["id"], known["psk"])
    elif known.get("ca"):
        from firmware.net import certificate

        secured = certificate.secured(host, known)
    return TcpWire(host, port, secured)
