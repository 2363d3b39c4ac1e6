"""Updates on simulated flash: a power cut at every operation, and every offer that must be refused."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from device_sim import images
from replenish_server.fleet.signing import SigningKeys
from tests.support.flash_board import FlashBoard, offer, run_with_a_cut

ROOT = Path(__file__).parents[2]
Row = Callable[..., dict[str, Any]]
_RUNS = [
    (behaviour, rollback) for behaviour in ("good", "hangs", "fails", "deaf") for rollback in (True, False)
]


def update_rows(row: Row) -> list[dict[str, Any]]:
    """Bricks, wrong outcomes and refusals, with how many were tried."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        keys = SigningKeys(folder / "keys")
        keys.create()
        known = {key: f"{public.modulus:x}" for key, public in keys.trusted().items()}
        content = images.build(ROOT)
        tally = _cut(folder, keys.private, known, content)
        refused, tried = _offers(folder, keys.private, known, content)
    wrong = tally["wrong"]
    blocks = (len(content) + 4095) // 4096
    how = (
        f"{tally.total()} power cuts: each flash operation of {len(_RUNS)} runs, an image of {blocks} blocks"
    )
    return [
        row("ota_bricks", tally["bricked"], "count", "== 0", tally["bricked"] == 0, how),
        row("ota_wrong_after_cut", wrong, "count", "== 0", wrong == 0, "neither proven nor back"),
        row("ota_bad_offers_refused", refused, "count", f"== {tried}", refused == tried,
            "forged, old, wrong kind, truncated, wrong size, wrong hash, not an offer", higher=True),
    ]  # fmt: skip


def _cut(folder: Path, key: Path, known: dict[str, str], content: bytes) -> Counter[str]:
    fw, tally = offer(key, content), Counter[str]()
    for behaviour, rollback in _RUNS:
        cut, came = 0, True
        while came:
            place = folder / f"{behaviour}-{rollback}-{cut}"
            became, came = run_with_a_cut(place, known, fw, content, behaviour, rollback, cut)
            tally[became] += came
            cut += 1
    return tally


def _offers(folder: Path, key: Path, known: dict[str, str], content: bytes) -> tuple[int, int]:
    """(refused without a change of image, tried)."""
    good = offer(key, content)
    bad: list[tuple[Any, bytes]] = [
        (
            good
            | {"sig": good["sig"][:at] + ("A" if good["sig"][at] != "A" else "B") + good["sig"][at + 1 :]},
            content,
        )
        for at in range(0, 512, 16)
    ]
    signed = {
        "seq": 13,
        "ver": "9",
        "size": good["size"] - 1,
        "block": 512,
        "sha256": "0" * 64,
        "key": "0" * 8,
    }
    bad += [(good | {name: value}, content) for name, value in signed.items()]
    bad += [(offer(key, content, kind="button"), content), (offer(key, content, seq=10), content)]
    bad += [(good, content[:cut]) for cut in (0, 1, 4096, len(content) - 1)]  # truncated
    bad += [(good, content[:-1] + bytes((content[-1] ^ 1,))), (good, content + b"x")]
    bad += [({name: value for name, value in good.items() if name != gone}, content) for gone in good]
    bad += [([], content), ("fw", content), (good | {"seq": -1}, content), (good | {"path": "/ x"}, content)]
    refused = 0
    for number, (fw, served) in enumerate(bad):
        place = folder / f"offer-{number}"
        place.mkdir()
        board = FlashBoard(place, known)
        board.store.content["life"] = b'{"floor":11}'
        board.shelf.content = served
        board.want(fw)
        for _ in range(4):
            board.live()
        stayed = board.chip_flash.boot(False) == "ota_0" and board.two.now == "ota_0"
        refused += stayed and board.told()[-1][0] == "refused"
        board.chip_flash.close()
    return refused, len(bad)
