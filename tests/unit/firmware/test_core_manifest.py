"""Signed offers: the golden one is taken, everything else is refused with its reason; both interpreters."""

import json
import unittest

from firmware.core import manifest

MESSAGES = __file__.rsplit("/", 3)[0] + "/contract/"


def read(name: str) -> dict[str, object]:
    with open(MESSAGES + name) as file:  # noqa: PTH123 - MicroPython has no pathlib
        found: dict[str, object] = json.load(file)
    return found


KEY = read("firmware-key.json")
KEYS = {str(KEY["key"]): str(KEY["n"])}


def offer(**changes: object) -> dict[str, object]:
    fw = read("messages/desired-firmware.json")["fw"]
    assert isinstance(fw, dict)
    fw.update(changes)
    return fw


def why(offered: object, kind: str = "level", running: int = 11) -> str:
    """Why it is refused, "" when it is taken."""
    try:
        manifest.check(manifest.Manifest(offered), kind, running, KEYS)
    except manifest.RefusedManifest as error:
        return error.why
    return ""


class ManifestTest(unittest.TestCase):
    def test_the_golden_offer_is_taken(self) -> None:
        self.assertEqual(why(offer()), "")
        self.assertEqual(why(offer(port=1, path="/elsewhere")), "")  # where it lies is not signed

    def test_another_kind_and_an_old_sequence_are_refused(self) -> None:
        self.assertEqual(why(offer(), kind="button"), "kind")
        self.assertEqual(why(offer(), running=12), "old")
        self.assertEqual(why(offer(), running=4_000_000_000), "old")

    def test_every_signed_word_is_signed(self) -> None:
        sha = str(offer()["sha256"])
        for changes in (
            {"seq": 13}, {"ver": "0.2.1"}, {"size": 10241}, {"block": 512},
            {"sha256": sha[1:] + sha[:1]}, {"key": "00000000"},
        ):  # fmt: skip
            self.assertEqual(why(offer(**changes)), "signature")
        self.assertEqual(why(offer(kind="button"), kind="button"), "signature")

    def test_every_changed_letter_of_the_signature_is_seen(self) -> None:
        good = str(offer()["sig"])
        for at in range(0, 512, 37):
            letter = "A" if good[at] != "A" else "B"
            self.assertEqual(why(offer(sig=good[:at] + letter + good[at + 1 :])), "signature")
        for forged in ("A" * 512, "/" * 512, good[4:] + good[:4]):
            self.assertEqual(why(offer(sig=forged)), "signature")

    def test_what_is_no_offer_is_refused_as_such(self) -> None:
        for nonsense in (None, [], "fw", 3, {}):
            self.assertEqual(why(nonsense), "format")
        for key in ("kind", "seq", "ver", "size", "block", "sha256", "key", "sig", "port", "path"):
            cut = offer()
            del cut[key]
            self.assertEqual(why(cut), "format")
            for value in (None, True, -1, 1.5, "", [], 2**33, "\n"):
                self.assertEqual(why(offer(**{key: value})), "format")
        for changes in (
            {"sig": str(offer()["sig"])[:-1]}, {"block": 4095}, {"size": 4_194_305}, {"path": "firmware"},
            {"ver": "0.2.0\nsize=1"}, {"path": "/a b"}, {"path": "/a\r\nHost: x"}, {"sha256": "G" * 64},
        ):  # fmt: skip
            self.assertEqual(why(offer(**changes)), "format")

    def test_the_mark_tells_offers_apart(self) -> None:
        one, elsewhere = manifest.Manifest(offer()), manifest.Manifest(offer(path="/elsewhere"))
        self.assertEqual(one.mark(), elsewhere.mark())
        self.assertTrue(one.mark_of_place() != elsewhere.mark_of_place())
        self.assertTrue(one.mark() != manifest.Manifest(offer(seq=13)).mark())


if __name__ == "__main__":
    unittest.main()
