"""Which way leads to the broker, by what `data/device.json` says. It opens nothing."""

TYPE_CHECKING = False
if TYPE_CHECKING:
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
    if known.get("psk"):
        from firmware.net.tls import PskWire

        return PskWire(host, port, known["id"], known["psk"])
    if known.get("ca"):
        from firmware.net.tls import CertificateWire

        mine = known.get("certificate", ""), known.get("private_key", "")
        return CertificateWire(host, port, known["ca"], *mine)
    from firmware.net.tcp import TcpWire

    return TcpWire(host, port)
