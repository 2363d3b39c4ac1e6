"""A device that speaks MQTT over TLS: with a password, with a certificate, or with a pre-shared key.

Python 3.11 has no pre-shared keys, so those go through `openssl s_client`, as raw bytes.
"""

import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from replenish_server.operations import Credential


class TlsDevice:
    """Publishes a reading every few milliseconds until it is told to stop, and connects again when cut.

    Args:
        made: its credential.
        folder: for the files that TLS wants.
        client_id: what it calls itself; its own name when None.
    """

    def __init__(self, made: Credential, folder: Path, client_id: str | None = None) -> None:
        self.made, self._folder = made, folder
        self._name = made.device_id if client_id is None else client_id
        self.sent = 0
        self.connects = 0
        self.refused = 0
        self.acked: set[int] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Talk."""
        self._thread.start()

    def stop(self) -> None:
        """Fall silent."""
        self._stopping.set()
        self._thread.join(timeout=20)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                send, receive, close = self._open()
            except OSError:
                self.refused += 1
                time.sleep(0.1)
                continue
            connects = self.connects
            try:
                self._talk(send, receive)
            except OSError:
                self.refused += connects == self.connects
                time.sleep(0.05)
            finally:
                close()

    def _talk(self, send: Callable[[bytes], None], receive: Callable[[int], bytes]) -> None:
        send(connect_packet(self._name, self.made.device_id, self.made.password))
        answer = receive(4)
        if answer[3:] != b"\0":
            self.refused += 1
            time.sleep(0.1)
            return
        self.connects += 1
        topic = f"rp/1/{self.made.device_id}/up/ev"
        while not self._stopping.is_set():
            self.sent += 1
            body = {"v": 1, "b": "0000000a", "s": self.sent, "t": "level", "n": 900, "c": 2}
            send(publish_packet(topic, json.dumps(body).encode(), self.sent % 65535 + 1))
            receive(4)  # PUBACK
            time.sleep(0.02)

    def _open(self) -> tuple[Callable[[bytes], None], Callable[[int], bytes], Callable[[], None]]:
        if self.made.psk:
            return self._open_psk()
        context = ssl.create_default_context(cadata=self.made.ca)
        if self.made.certificate:
            files = [self._folder / f"{self.made.device_id}.{end}" for end in ("pem", "key")]
            files[0].write_text(self.made.certificate)
            files[1].write_text(self.made.key)
            context.load_cert_chain(*files)
        plain = socket.create_connection((self.made.host, self.made.port), timeout=5)
        try:
            wrapped = context.wrap_socket(plain, server_hostname=self.made.host)
        except OSError:
            plain.close()
            raise

        def receive(size: int) -> bytes:
            data = b""
            while len(data) < size:
                more = wrapped.recv(size - len(data))
                if not more:
                    raise ConnectionError("closed")
                data += more
            return data

        return wrapped.sendall, receive, wrapped.close

    def _open_psk(self) -> tuple[Callable[[bytes], None], Callable[[int], bytes], Callable[[], None]]:
        at = f"{self.made.host}:{self.made.port}"
        command = ["openssl", "s_client", "-quiet", "-tls1_2", "-connect", at, "-psk", self.made.psk]
        process = subprocess.Popen(
            [*command, "-psk_identity", self.made.device_id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        reader, writer = process.stdout, process.stdin

        def send(data: bytes) -> None:
            writer.write(data)
            writer.flush()

        def receive(size: int) -> bytes:
            data = reader.read(size)
            if len(data) < size:
                raise ConnectionError("closed")
            return data

        def close() -> None:
            process.kill()
            process.wait()
            reader.close()
            with contextlib.suppress(BrokenPipeError):
                writer.close()

        return send, receive, close


def _text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(2) + data


def _packet(first: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while True:
        rest, digit = divmod(rest, 128)
        length += bytes([digit | (0x80 if rest else 0)])
        if not rest:
            return bytes([first]) + length + body


def connect_packet(client_id: str, user: str, password: str) -> bytes:
    """MQTT 3.1.1 CONNECT, clean session, keep-alive 30 s. Source: MQTT 3.1.1 section 3.1."""
    body = _text("MQTT") + b"\x04\xc2\x00\x1e" + _text(client_id) + _text(user) + _text(password)
    return _packet(0x10, body)


def publish_packet(topic: str, payload: bytes, packet_id: int) -> bytes:
    """PUBLISH with QoS 1. Source: MQTT 3.1.1 section 3.3."""
    return _packet(0x32, _text(topic) + packet_id.to_bytes(2) + payload)
