"""A byte stream that ends in two buffers: a session talks into it, and somebody else moves the bytes."""


class Pipe:
    """What a session takes for its link."""

    def __init__(self) -> None:
        self.out = b""
        """What the session wants to send."""
        self._arrived = b""

    def feed(self, received: bytes) -> None:
        """Give the session what has arrived."""
        self._arrived += received

    def open(self) -> None:
        pass  # the wire is open before anybody talks

    def send(self, content: bytes, timeout_ms: int) -> None:
        self.out += content

    def receive(self, timeout_ms: int, count: int) -> bytes:
        arrived, self._arrived = self._arrived, b""
        return arrived

    def close(self) -> None:
        self.out = self._arrived = b""
