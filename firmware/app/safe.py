"""Safe mode: connect, report, take an update; nothing that was saved before is read. One call is one wake."""

from firmware.app.delivery import deliver
from firmware.app.node import Node
from firmware.core import policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.ports import Board, Link, Radio


class Nothing:
    """Files in memory: whatever lies on flash may be what breaks the program."""

    def __init__(self) -> None:
        self._content: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        return self._content.get(name)

    def write(self, name: str, content: bytes) -> None:
        self._content[name] = content

    def remove(self, name: str) -> None:
        self._content.pop(name, None)

    def names(self) -> list[str]:
        return list(self._content)


class Fresh:
    """The chip without what it kept: a boot of its own, which ends with this wake.

    Args:
        chip: the rest is its.
    """

    def __init__(self, chip: "Board") -> None:
        self._chip = chip

    def memory(self) -> bytes:
        return b""

    def keep(self, frame: bytes) -> None:
        pass  # what normal wakes keep stays as it is

    def battery_mv(self) -> int:
        return self._chip.battery_mv()

    def random(self) -> int:
        return self._chip.random()


def wake(node: Node, radio: "Radio", link: "Link") -> int:
    """Say hello and hear what the server wants; seconds until the next wake, which is a normal one."""
    node.record_hello_if_due()
    deliver(node, radio, link)
    return policy.backoff_s(policy.SAFE_FAILURES, node.board.random())
