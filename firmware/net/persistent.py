"""A persistent MQTT 5 connection: a session that outlasts it, a will, pings. It keeps no record.

It subscribes anew at QoS 1 each time, session present or not.
"""

from firmware.core import packet, persistent
from firmware.net.mqtt import Session

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from firmware.app.ports import Link
    from firmware.core.packet import Message

_SESSION_S = const(86_400)
_WILL_DELAY_S = const(20)
"""A device that is back by then was never gone."""

_WILL = const(b'{"v":1,"gone":1}')
_SEND_MS = const(1000)
_CONNACK = const(2)


class PersistentSession(Session):
    """One connection, until it is lost.

    Args:
        link: the byte stream.
        window, largest: as `Session` has them.
        keep_alive_s: silence of one and a half times this makes the broker publish the will (docs/wire.md).
    """

    def __init__(self, link: "Link", window: int, largest: int, keep_alive_s: int) -> None:
        super().__init__(link, window, largest)
        self.keep_alive_s = keep_alive_s
        """Within which the broker wants to hear of us; it may have its own idea of that."""
        self.connected = False
        """Whether the broker has let us in."""

    def ping(self) -> None:
        """Ask for a sign of life. Raises OSError."""
        self._link.send(persistent.pingreq(), _SEND_MS)

    def _greeting(self, device_id: str, password: str, topic: str) -> bytes:
        more = persistent.session_and_will(_SESSION_S, _WILL_DELAY_S, topic + "up/st", _WILL)
        head = packet.connect(device_id, device_id, password, self.keep_alive_s, *more)
        return head + packet.subscribe(self._take_id(), topic + "down/+", 1)

    def _take(self, first: int, body: bytes) -> "Message | None":
        message = super()._take(first, body)
        if message is not None and message[3]:
            self._link.send(persistent.puback(message[3]), _SEND_MS)
        if first >> 4 == _CONNACK:
            self.connected = True
            self.keep_alive_s = packet.read_limits(body)[1] or self.keep_alive_s
        return message
