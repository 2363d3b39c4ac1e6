"""Safe mode: connect, report, take an update; nothing that was saved before is read. One call is one wake."""

from firmware.app.delivery import deliver
from firmware.app.node import Node
from firmware.core import policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.ports import Board, Heartbeat, Link, Radio
    from firmware.app.update import Updates


class Fresh:
    """The chip without what it kept: a boot of its own, which ends with this wake.

    Args:
        chip: the rest is its.
    """

    def __init__(self, chip: "Board") -> None:
        self._chip = chip

    def memory(self) -> bytes:
        return b""

    def keep(self, frame: bytearray) -> None:
        pass  # what normal wakes keep stays as it is

    def battery_mv(self) -> int:
        return self._chip.battery_mv()

    def random(self) -> int:
        return self._chip.random()


def wake(node: Node, radio: "Radio", link: "Link", updates: "Updates | None", heart: "Heartbeat") -> int:
    """Say hello, hear what the server wants, take an update at once.

    Returns:
        Seconds until the next wake, which is a normal one.
    """
    node.record_hello_if_due()
    deliver(node, radio, link)
    if updates is not None:
        updates.step(radio, link, heart)
    return policy.backoff_s(policy.SAFE_FAILURES, node.board.random())
