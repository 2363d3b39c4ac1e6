"""Presses as a pin shows them."""

import unittest

from firmware.core.gesture import Gesture


def read(edges, hold_ms=800, every_ms=5):
    """The gesture of a pin that is pressed between each pair of `edges`, in ms; sampled every `every_ms`."""
    gesture = Gesture(hold_ms)
    for now_ms in range(0, 20000, every_ms):
        pressed = len([edge for edge in edges if edge <= now_ms]) % 2 == 1
        found = gesture.feed(now_ms, pressed)
        if found:
            return found, now_ms
    return "", 20000


class GestureTest(unittest.TestCase):
    def test_short(self):
        self.assertEqual(read([0, 200])[0], "short")
        self.assertEqual(read([0, 795])[0], "short")

    def test_long_is_known_while_held(self):
        self.assertEqual(read([0, 5000]), ("long", 800))
        self.assertEqual(read([0, 5000], hold_ms=2000), ("long", 2000))

    def test_double(self):
        self.assertEqual(read([0, 150, 300, 450])[0], "double")

    def test_two_presses_far_apart_are_a_short_one_first(self):
        self.assertEqual(read([0, 150, 900, 1000])[0], "short")

    def test_contact_bounce_is_one_press(self):
        self.assertEqual(read([0, 10, 15, 20, 30, 200, 210, 215, 220, 225])[0], "short")

    def test_a_spark_orders_nothing(self):
        self.assertEqual(read([0, 40])[0], "none")
        self.assertEqual(read([])[0], "none")
        self.assertTrue(read([])[1] < 100)

    def test_a_slow_sampler_still_sees_the_press(self):
        self.assertEqual(read([0, 300], every_ms=60)[0], "short")


if __name__ == "__main__":
    unittest.main()
