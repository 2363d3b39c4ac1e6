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
            answer = self._answer(question)
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
