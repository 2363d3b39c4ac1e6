"""An image over HTTP: whole, from a byte on, in pieces of any size, and from servers that talk nonsense."""

import pytest

from firmware.net.download import Answer, Download, read_head
from tests.unit.firmware.fake_board import ManualClock

SHA = "ab" * 32


class Script:
    """A link whose peer answers with these bytes, `step` at a time, and then with silence."""

    def __init__(self, answer: bytes, step: int) -> None:
        self.answer, self.step = answer, step
        self.asked = b""
        self.closed = 0

    def to(self, port: int) -> "Script":
        self.port = port
        return self

    def open(self) -> None:
        pass

    def send(self, content: bytes, timeout_ms: int) -> None:
        self.asked += content

    def receive(self, timeout_ms: int, count: int) -> bytes:
        out, self.answer = self.answer[: self.step], self.answer[self.step :]
        return out

    def close(self) -> None:
        self.closed += 1


def ask(answer: bytes, offset: int = 0, step: int = 7) -> tuple[Download, Script, Answer]:
    link = Script(answer, step)
    source = Download(link, "house.lan", ManualClock())
    return source, link, source.open(8443, "/firmware/v1/x", offset, SHA)


@pytest.mark.parametrize("step", [1, 7, 1024])
def test_a_file_comes_whole_in_pieces_of_any_size(step: int) -> None:
    content = bytes(range(256)) * 40
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10240\r\nETag: x\r\n\r\n"
    source, link, answer = ask(head + content, step=step)
    assert (answer.status, answer.start, answer.size) == (200, 0, 10_240)
    assert b"".join(source.read(4096) for _ in range(4)) == content
    assert source.read(4096) == b""
    assert link.asked == b"GET /firmware/v1/x HTTP/1.1\r\nHost: house.lan:8443\r\nConnection: close\r\n\r\n"
    source.close()
    assert link.closed == 1


def test_it_goes_on_from_a_byte_and_says_which_file_it_means() -> None:
    head = b"HTTP/1.1 206 Partial Content\r\ncontent-length: 6\r\nCONTENT-RANGE: bytes 4-9/10\r\n\r\n"
    source, link, answer = ask(head + b"456789", offset=4)
    assert (answer.status, answer.start, answer.size) == (206, 4, 10)
    assert source.read(100) == b"456789"
    assert b'Range: bytes=4-\r\nIf-Range: "' + SHA.encode() + b'"\r\n' in link.asked


def test_what_comes_after_its_length_is_not_part_of_it() -> None:
    source, _, _ = ask(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcdef")
    assert (source.read(10), source.read(10)) == (b"abc", b"")


def test_a_body_that_stops_is_an_error_and_not_an_end() -> None:
    source, _, _ = ask(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
    with pytest.raises(OSError, match=r"\d"):
        source.read(10)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0", (404, 0, 0, 0)),
        (b"HTTP/1.1 416 x\r\ncontent-range: bytes */10\r\ncontent-length: 0", (416, 0, 10, 0)),
        (b"HTTP/1.1 503 x\r\nRetry-After: 30\r\ncontent-length: 0", (503, 0, 0, 30)),
        (b"HTTP/1.1 429 x\r\nretry-after: Fri, 27 Nov 2026 00:00:00 GMT", (429, 0, 0, 0)),
        (b"HTTP/1.0 200 OK", (200, 0, 0, 0)),
    ],
)
def test_the_few_fields_that_matter_are_read(head: bytes, said: tuple[int, ...]) -> None:
    answer = read_head(head)
    assert (answer.status, answer.start, answer.size, answer.retry_s) == said


@pytest.mark.parametrize(
    "head",
    [
        b"", b"nonsense", b"HTTP/2 200", b"HTTP/1.1", b"HTTP/1.1 abc x", b"SSH-2.0-x 1 2", b"\xff\xfe 1 2",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1", b"HTTP/1.1 200 OK\r\ncontent-length: x",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked", b"HTTP/1.1 200 OK\r\nno colon",
        b"HTTP/1.1 206 x\r\ncontent-range: bytes 1-2", b"HTTP/1.1 206 x\r\ncontent-range: bytes x-2/3",
    ],
)  # fmt: skip
def test_nonsense_is_an_error_of_the_network(head: bytes) -> None:
    with pytest.raises(OSError, match="no HTTP answer"):
        read_head(head)


def test_a_head_without_an_end_fills_no_memory() -> None:
    with pytest.raises(OSError, match="no HTTP answer"):
        ask(b"HTTP/1.1 200 OK\r\n" + b"x" * 100_000, step=1024)


def test_a_silent_server_is_an_error() -> None:
    with pytest.raises(OSError, match=r"\d"):
        ask(b"HTTP/1.1 200")
