"""Records in RTC memory: they come back whole or not at all."""

import unittest

from firmware.core import event, queue, ring, state


def filled(count):
    full = ring.Ring()
    for order in range(count):
        body = event.record("00c0ffee", order, "level", {"q": "settling", "n": 1420})
        full.records[queue.name(order, "00c0ffee", order)] = queue.encode(100, 1795508313, body)
    return full


class RingTest(unittest.TestCase):
    def test_what_was_put_in_comes_back(self):
        for count in (0, 1, 9):
            self.assertEqual(ring.decode(filled(count).encode()).records, filled(count).records)

    def test_state_and_ring_share_the_memory_of_a_board(self):
        known = state.State("00c0ffee")
        frame = known.encode() + filled(9).encode()
        self.assertLessEqual(len(known.encode()) + ring.LIMIT_BYTES, 2048)
        self.assertEqual(state.decode(frame).boot, "00c0ffee")
        self.assertEqual(len(ring.decode(frame[state.size(frame) :]).records), 9)

    def test_a_state_of_another_layout_does_not_take_the_records_with_it(self):
        frame = bytearray(state.State("00c0ffee").encode() + filled(2).encode())
        frame[4] ^= 1  # a checksum that no longer fits, as that of an older layout would not
        self.assertIsNone(state.decode(bytes(frame)))
        self.assertEqual(len(ring.decode(bytes(frame[state.size(bytes(frame)) :])).records), 2)

    def test_a_torn_or_altered_frame_is_empty(self):
        frame = filled(3).encode()
        for size in range(len(frame)):
            self.assertEqual(ring.decode(frame[:size]).records, {})
        for at in range(len(frame)):
            altered = frame[:at] + bytes((frame[at] ^ 1,)) + frame[at + 1 :]
            self.assertEqual(ring.decode(altered).records, {})
        self.assertEqual(ring.decode(b"\x5a" * 2048).records, {})

    def test_it_takes_what_fits_and_no_more(self):
        full = filled(3)
        self.assertTrue(full.fits("x" * 26, b"y" * 100))
        self.assertFalse(full.fits("x" * 26, b"y" * 256))
        count = 3
        while filled(count).fits("x" * 26, b"y" * 110):
            count += 1
        self.assertTrue(8 <= count <= 16)
        self.assertLessEqual(len(filled(count).encode()), ring.LIMIT_BYTES)


if __name__ == "__main__":
    unittest.main()
