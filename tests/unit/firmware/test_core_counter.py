"""Totals from pulses, what outlives a power cut, leaks and bursts."""

import unittest

from firmware.core import counter, state


def fresh(now_s=1000):
    kept = state.State("00c0ffee")
    counter.begin(kept, 0, now_s)
    return kept


class TotalTest(unittest.TestCase):
    def test_nothing_is_rounded_away(self):
        kept = fresh()
        added = [counter.add(kept, 1, 1000, 450) for _ in range(450)]
        self.assertEqual((sum(added), kept.total, kept.rest), (1000, 1000, 0))
        counter.add(kept, 333, 1000, 450)
        self.assertEqual(kept.total, 1740)
        counter.add(kept, 117, 1000, 450)
        self.assertEqual(kept.total, 2000)

    def test_another_calibration_counts_from_now_on(self):
        kept = fresh()
        counter.add(kept, 450, 1000, 450)
        counter.add(kept, 450, 1000, 900)
        self.assertEqual(kept.total, 1500)

    def test_a_chattering_contact_makes_no_pages(self):
        self.assertEqual(counter.believable(40, 1000, 500), 3)
        self.assertEqual(counter.believable(2, 1000, 500), 2)
        self.assertEqual(counter.believable(0, 1000, 500), 0)

    def test_what_was_not_told_outlives_a_power_cut_once(self):
        kept = fresh()
        kept.total, kept.told = 1700, 1000
        saved = counter.encode(kept)
        self.assertEqual(counter.left_over(saved, []), 700)
        # The cut came between the record and the file: the record in the spool is the younger word.
        self.assertEqual(counter.left_over(saved, [("00c0ffee", 1700), ("0000000a", 9000)]), 0)
        again = state.State("0000000b")
        counter.begin(again, 700, 0)
        self.assertEqual((again.total, again.told), (700, 0))
        self.assertEqual(counter.left_over(counter.encode(again), []), 700)

    def test_a_torn_file_is_nothing(self):
        for content in (None, b"", b"{", b"[]", b'{"b":"a"}', b'{"b":"a","total":"x","told":0}', b"null"):
            self.assertEqual(counter.left_over(content, []), 0)


class WatchTest(unittest.TestCase):
    def run_hours(self, kept, hours, flow):
        """Look once a minute; `flow(minute)` is the millilitres of that minute. The alarms that began."""
        begun = []
        for minute in range(hours * 60):
            if counter.watch(kept, flow(minute), kept.looked_at_s + 60, 30_000, 10):
                begun.append((minute, counter.ALARMS[kept.alarm]))
        return begun

    def test_a_dripping_tap_is_a_leak_after_a_day(self):
        kept = fresh()
        begun = self.run_hours(kept, 30, lambda minute: 5 if minute % 4 == 0 else 0)
        self.assertEqual([what for _, what in begun], ["leak"])
        self.assertTrue(abs(begun[0][0] - 1440) <= 2)
        self.assertEqual([what for _, what in self.run_hours(kept, 1, lambda minute: 0)], [""])

    def test_an_ordinary_day_is_none(self):
        kept = fresh()
        self.assertEqual(self.run_hours(kept, 72, lambda minute: 12_000 if minute % 60 < 20 else 0), [])

    def test_a_burst_is_said_after_minutes_and_ends(self):
        kept = fresh()
        begun = self.run_hours(kept, 2, lambda minute: 40_000 if 30 <= minute < 60 else 0)
        self.assertEqual([what for _, what in begun], ["burst", ""])
        self.assertTrue(38 <= begun[0][0] <= 41)
        self.assertEqual(self.run_hours(kept, 2, lambda minute: 40_000 if 30 <= minute < 38 else 0), [])

    def test_looks_within_a_second_lose_nothing(self):
        kept = fresh()
        for _ in range(5):
            self.assertFalse(counter.watch(kept, 10, kept.looked_at_s, 30_000, 10))
        counter.watch(kept, 0, kept.looked_at_s + 1, 30_000, 10)
        self.assertEqual(kept.flow_at_s, kept.looked_at_s)


if __name__ == "__main__":
    unittest.main()
