"""A printer that speaks SNMPv1 over UDP on loopback: it answers supply levels from a table."""

import socket
import threading


class SnmpPrinterAgent:
    """Answers GET for prtMarkerSuppliesLevel and ...MaxCapacity of the supplies in `levels`.

    It looks for the two object ids in the raw question; it shares no code with the firmware.
    """

    def __init__(self) -> None:
        self.levels: dict[int, tuple[int, int]] = {}
        self.asked = 0
        self.loses = 0
        """Questions that get lost first."""
        self.noisy = False
        """Whether others answer before it: nonsense, 1400 bytes, another request's answer."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.port = int(self._socket.getsockname()[1])
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                question, asker = self._socket.recvfrom(512)
            except TimeoutError:
                continue
            self.asked += 1
            if self.asked <= self.loses:
                continue
            answer = self._answer(question)
            if answer and self.noisy:
                other = answer.replace(question[question.index(b"public") + 8 :][:3], b"\x02\x01\x7f", 1)
                for noise in (
                    b"",
                    b"\x30\x84\xff\xff\xff\xff",
                    bytes(1400),
                    b"\x30\x82\x02\xf0" + answer + bytes(700),
                    other,
                ):
                    self._socket.sendto(noise, asker)
            if answer:
                self._socket.sendto(answer, asker)

    def _answer(self, question: bytes) -> bytes | None:
        at = question.index(b"public") + 6 + 2  # the tag and length of the request follow
        request_id = question[at : at + 2 + question[at + 1]]
        start = question.index(bytes.fromhex("060c2b060102012b0b010109"))
        index = question[start + 13]
        if index not in self.levels:
            return None
        bindings = b""
        for column, value in zip((9, 8), self.levels[index], strict=True):
            oid = bytes.fromhex("060c2b060102012b0b0101") + bytes((column, 1, index))
            number = value.to_bytes(4, "big", signed=True)
            bindings += _tlv(0x30, oid + _tlv(0x02, number))
        body = request_id + b"\x02\x01\x00\x02\x01\x00" + _tlv(0x30, bindings)
        return _tlv(0x30, b"\x02\x01\x00\x04\x06public" + _tlv(0xA2, body))


def _tlv(tag: int, content: bytes) -> bytes:
    return bytes((tag, len(content))) + content
