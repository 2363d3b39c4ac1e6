"""Updates that never brick: a power cut at every flash operation, bad images, bad offers, bad networks."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.flash_board import FlashBoard, image, offer, run_with_a_cut

OLD, NEW = "ota_0", "ota_1"
PAYLOAD = b"".join(
    hashlib.sha256(bytes((n % 256, n // 256))).digest() for n in range(300)
)  # 9,600 B: 3 sectors
IMAGE = image(PAYLOAD)
LIVES = 30


@pytest.fixture
def board(tmp_path: Path, board_keys: dict[str, str]) -> Iterator[FlashBoard]:
    made = FlashBoard(tmp_path, board_keys)
    yield made
    made.chip_flash.close()


def offered(board: FlashBoard, key: Path, content: bytes = IMAGE, **changes: Any) -> None:
    board.shelf.content = content
    board.want(offer(key, content, **changes))


def test_a_good_image_is_fetched_switched_to_and_proven(board: FlashBoard, signing_key: Path) -> None:
    offered(board, signing_key)
    board.lives(LIVES)
    states = ["", "waiting", "downloading", "installed", "proven"]
    assert [state for state, _, _ in board.told()] == states
    assert board.told()[-1] == ("proven", "", 12)
    assert board.two.now == NEW
    assert board.shelf.asked == [0]
    assert board.heart.count >= 6  # the watchdog is fed while it is written and read back
    assert board.chip_flash.boot(False) == NEW  # marked valid: a reset stays
    # What runs is not taken again, and neither is anything older.
    board.live()
    assert board.told()[-1] == ("proven", "", 12)
    offered(board, signing_key, seq=11)
    board.live()
    assert board.told()[-1] == ("refused", "old", 12)


@pytest.mark.parametrize(
    ("behaviour", "rollback"),
    [("good", True), ("hangs", True), ("deaf", True), ("fails", False)],  # all eight: make bench-firmware
)
def test_a_power_cut_at_every_flash_operation_bricks_nothing(
    tmp_path: Path, board_keys: dict[str, str], signing_key: Path, behaviour: str, rollback: bool
) -> None:
    """Each operation of fetching, of the switch and of the verdict, torn in the middle, one in each run."""
    fw, cut, came = offer(signing_key, IMAGE), 0, True
    while came:
        folder = tmp_path / str(cut)
        became, came = run_with_a_cut(folder, board_keys, fw, IMAGE, behaviour, rollback, cut)
        assert became == "right", cut
        cut += 1
    assert cut > 15


def test_a_cut_connection_goes_on_at_the_last_whole_block(board: FlashBoard, signing_key: Path) -> None:
    offered(board, signing_key)
    board.live()
    board.shelf.dies_after = 2
    board.live()
    board.shelf.dies_after = -1
    board.lives(LIVES)
    assert board.shelf.asked == [0, 2 * 4096]
    assert board.told()[-1] == ("proven", "", 12)


def test_a_server_that_says_less_than_it_promised_is_asked_again(
    board: FlashBoard, signing_key: Path
) -> None:
    offered(board, signing_key)
    board.live()
    board.shelf.most = 1000
    board.live()
    assert board.told()[-1][0] == "downloading"
    board.shelf.most = None
    board.lives(LIVES)
    assert board.shelf.asked == [0, 0]
    assert board.told()[-1] == ("proven", "", 12)


def test_a_network_that_never_gives_a_block_is_given_up(board: FlashBoard, signing_key: Path) -> None:
    offered(board, signing_key)
    board.shelf.dies_after = 0
    for _ in range(14):
        board.live()
        board.shelf.dies_after = 0
    assert board.told()[-1] == ("failed", "network", 0)
    assert len(board.shelf.asked) == 10
    board.want(offer(signing_key, IMAGE, path="/another"), rev=3)  # a new offer may try again
    board.shelf.dies_after = -1
    board.lives(LIVES)
    assert board.told()[-1] == ("proven", "", 12)


@pytest.mark.parametrize("status", [404, 503, 429, 416, 500])
def test_what_the_server_says_is_heeded(board: FlashBoard, signing_key: Path, status: int) -> None:
    offered(board, signing_key)
    board.live()
    board.shelf.status = status
    board.live()
    assert board.two.now == OLD
    board.shelf.status = 0
    board.lives(LIVES)
    assert board.told()[-1] == ("proven", "", 12)


def test_an_offer_that_is_taken_back_is_dropped(board: FlashBoard, signing_key: Path) -> None:
    offered(board, signing_key)
    board.live()
    assert board.told()[-1] == ("waiting", "jitter", 0)
    board.want(None, rev=3)
    board.lives(LIVES)
    assert board.told()[-1] == ("", "", 0)
    assert board.shelf.asked == []


@pytest.mark.parametrize(
    ("why", "changes"),
    [
        ("kind", {"kind": "button"}),
        ("signature", {"ver": "0.12.1"}),
        ("signature", {"sha256": "0" * 64}),
        ("signature", {"sig": "A" * 512}),
        ("signature", {"key": "00000000"}),
        ("format", {"seq": "12"}),
        ("format", {"size": 0}),
    ],
)
def test_a_bad_offer_is_refused_told_once_and_fetches_nothing(
    board: FlashBoard, signing_key: Path, why: str, changes: dict[str, Any]
) -> None:
    fw = offer(signing_key, IMAGE) | changes
    board.shelf.content = IMAGE
    board.want(fw)
    before = board.chip_flash.operations
    for _ in range(4):
        board.live()
    assert board.told() == [("", "", 0), ("refused", why, 0)]
    assert board.chip_flash.operations - before <= 3  # it was noted, not fetched
    assert (board.shelf.asked, board.two.now) == ([], OLD)
    offered(board, signing_key)  # the honest offer of the same sequence is not shut out
    board.lives(LIVES)
    assert board.told()[-1] == ("proven", "", 12)


def test_another_image_than_the_signed_one_never_starts(board: FlashBoard, signing_key: Path) -> None:
    fw = offer(signing_key, IMAGE)
    for content, why in ((image(PAYLOAD[::-1]), "hash"), (IMAGE[:-1], "size"), (IMAGE + b"x", "size")):
        board.shelf.content = content
        board.want(fw | {"path": "/" + why})
        for _ in range(3):
            board.live()
        assert board.told()[-1] == ("refused", why, 0)
        board.store.save("life", b"{}")
    assert board.two.now == OLD
    assert board.chip_flash.boot(False) == OLD


def test_a_flash_that_keeps_something_else_is_found_out_by_reading_it_back(
    board: FlashBoard, signing_key: Path
) -> None:
    """What came was right to the last byte; what lies in the slot is not, and never starts."""
    board.two.bad_sector = next(n for n in (1, 2) if IMAGE[n * 4096] & 0x81)
    offered(board, signing_key)
    board.lives(LIVES)
    board.live()
    assert board.told()[-1] == ("failed", "flash", 0)
    assert board.two.now == OLD
    assert board.chip_flash.boot(False) == OLD


def test_a_signed_file_that_is_no_image_is_refused_by_the_chip(board: FlashBoard, signing_key: Path) -> None:
    offered(board, signing_key, b"no image at all" * 999)
    board.lives(LIVES)
    board.live()  # which tells it
    assert board.told()[-1] == ("refused", "format", 0)
    assert board.two.now == OLD


def test_a_port_that_does_not_say_so_is_found_out_by_where_the_board_starts(
    board: FlashBoard, signing_key: Path
) -> None:
    board.two.silent = True  # older builds of MicroPython drop what esp_ota_set_boot_partition answers
    offered(board, signing_key, b"no image at all" * 999)
    board.lives(LIVES)
    board.live()
    assert board.told()[-1] == ("rolled_back", "boots", 0)
    assert board.two.now == OLD


def test_what_is_being_measured_is_waited_for(board: FlashBoard, signing_key: Path) -> None:
    offered(board, signing_key)
    board.busy = True
    board.lives(5)
    assert board.told()[-1] == ("waiting", "busy", 0)
    assert board.shelf.asked == []
    board.busy = False
    board.lives(LIVES)
    assert board.told()[-1] == ("proven", "", 12)


def test_a_low_battery_is_not_spent_on_an_update(board: FlashBoard, signing_key: Path) -> None:
    fw = offer(signing_key, IMAGE)
    board.chip.millivolts = 2200
    board.want(fw)
    board.lives(5)
    assert board.told()[-1] == ("waiting", "battery", 0)
    assert board.shelf.asked == []
    board.chip.millivolts = 3000
    board.shelf.content = IMAGE
    board.lives(LIVES)
    assert board.told()[-1] == ("proven", "", 12)


def test_an_image_that_does_not_fit_is_given_up(board: FlashBoard, signing_key: Path) -> None:
    board.two.room = 8192
    offered(board, signing_key)
    board.lives(5)
    assert board.told()[-1] == ("failed", "space", 0)
    assert board.shelf.asked == []
