"""Trying other network settings without ever losing the ones that work; runs on CPython and in the VM."""

import unittest

from firmware.core import network

WISH = {"ssid": "new", "key": "12345678", "host": "replenish.local"}


def again(known: network.Network) -> network.Network:
    """After a reset."""
    return network.Network(known.encode())


class NetworkTest(unittest.TestCase):
    def test_what_leads_to_the_server_is_kept(self) -> None:
        known = network.Network(None)
        self.assertEqual((known.in_force(), known.report()), ({}, None))
        self.assertTrue(known.want(WISH))
        known = again(known)
        self.assertEqual(known.in_force(), WISH)
        self.assertFalse(again(known).heard())  # that was the conversation in which the wish came
        self.assertTrue(known.attempt())
        self.assertTrue(again(known).heard())
        known.heard()
        known = again(known)
        self.assertEqual((known.in_force(), known.report()), (WISH, {"state": "kept"}))
        self.assertFalse(known.want(WISH))

    def test_two_conversations_without_a_puback_bring_the_old_ones_back(self) -> None:
        known = network.Network(None)
        known.want({"host": "works"})
        known.attempt()
        known.heard()
        known.want(WISH)
        tries = 0
        while known.attempt():  # a power cut after each
            known = again(known)
            self.assertEqual(known.in_force(), WISH)
            tries += 1
        self.assertEqual(tries, 2)
        known = again(known)
        self.assertEqual(known.in_force(), {"host": "works"})
        self.assertEqual(known.report(), {"state": "reverted", "why": "no answer in two tries"})
        self.assertFalse(known.want(WISH))  # not again and again
        self.assertTrue(known.want({"ssid": "third", "key": "12345678"}))

    def test_no_wish_leads_back_to_what_the_board_was_given(self) -> None:
        known = network.Network(None)
        known.want(WISH)
        known.attempt()
        known.heard()
        for works in (False, True):  # that is a trial too: the old access point may be gone
            self.assertTrue(known.want(None))
            self.assertEqual((again(known).in_force(), again(known).state), ({}, "trial"))
            while not works and known.attempt():
                pass
            known.heard()
            self.assertEqual(known.in_force(), {} if works else WISH)
            self.assertFalse(known.want(None))
            known.want(WISH)

    def test_a_wish_that_cannot_be_is_refused_with_a_sentence_and_changes_nothing(self) -> None:
        for wish in (
            [], "x", 3, {"ssid": ""}, {"ssid": "x" * 33, "key": ""}, {"ssid": "x"}, {"key": "12345678"},
            {"ssid": "x", "key": "short"}, {"port": 0}, {"port": "1"}, {"host": 3}, {"other": 1},
            {"port": True},
        ):  # fmt: skip
            known = network.Network(None)
            self.assertTrue(known.want(wish))
            self.assertEqual((known.in_force(), known.state), ({}, "refused"))
            self.assertTrue(len(known.why) > 5)
            self.assertFalse(known.want(wish))

    def test_nonsense_on_flash_is_nothing(self) -> None:
        for saved in (b"", b"{", b"[]", b'{"now":3}', b'{"now":{},"trial":{"port":0},"left":2}'):
            self.assertEqual(network.Network(saved).in_force(), {})


if __name__ == "__main__":
    unittest.main()
