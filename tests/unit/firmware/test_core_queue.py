"""The spool's files and its order, and how old a record is."""

import unittest

from firmware.core import ages, event, queue, state

BODY = '{"v":1,"b":"00c0ffee","s":7,"t":"press","g":"short"}'


class QueueTest(unittest.TestCase):
    def test_a_record_comes_back(self):
        record = queue.decode(queue.encode(1234, 1795508313, BODY))
        self.assertEqual(record, (1234, 1795508313, BODY))

    def test_a_press_and_a_level_fit_into_an_inline_file(self):
        level = event.record("00c0ffee", 4000000000, "level", {"q": "settling", "n": 2500})
        for body in (level, event.record("00c0ffee", 4000000000, "press", {"g": "double"})):
            self.assertLessEqual(len(queue.encode(400000000, 1795508313, body)), 120)

    def test_every_torn_or_altered_file_is_seen(self):
        content = queue.encode(1234, 0, BODY)
        for size in range(len(content)):
            self.assertIsNone(queue.decode(content[:size]))
        for at in range(len(content)):
            self.assertIsNone(queue.decode(content[:at] + bytes((content[at] ^ 1,)) + content[at + 1 :]))
        self.assertIsNone(queue.decode(b"\xff" * 60))

    def test_names_sort_by_creation_over_boots(self):
        first = queue.name(255, "ffffffff", 9)
        second = queue.name(256, "00000000", 0)
        self.assertEqual(sorted([second, first]), [first, second])
        self.assertEqual(queue.parse_name(second), (256, "00000000", 0))
        for other in ("", "desired.json", "x" * 26, first + ".tmp"):
            self.assertIsNone(queue.parse_name(other))

    def test_next_numbers_never_repeat_what_lies_in_the_spool(self):
        names = [queue.name(4, "aaaaaaaa", 11), queue.name(5, "bbbbbbbb", 3)]
        self.assertEqual(queue.next_order(names), 6)
        self.assertEqual(queue.next_order([]), 1)
        self.assertEqual(queue.next_seq(names, "bbbbbbbb", 2), 4)
        self.assertEqual(queue.next_seq(names, "bbbbbbbb", 9), 9)
        self.assertEqual(queue.next_seq(names, "cccccccc", 0), 0)

    def test_a_full_spool_drops_the_oldest(self):
        names = [queue.name(order, "aaaaaaaa", order) for order in range(queue.LIMIT)]
        self.assertEqual(queue.overflow(names[1:]), [])
        self.assertEqual(queue.overflow(names), names[:1])

    def test_an_acknowledgement_lets_go_of_its_own_boot_only(self):
        names = [queue.name(1, "aaaaaaaa", 1), queue.name(2, "bbbbbbbb", 1), queue.name(3, "bbbbbbbb", 2)]
        self.assertEqual(queue.acknowledged(names, "bbbbbbbb", [1, 99]), [names[1]])


class EventTest(unittest.TestCase):
    def test_a_message_is_its_body_with_age_and_clock(self):
        self.assertEqual(event.with_age('{"v":1}', 5, 2), b'{"v":1,"a":5,"c":2}')

    def test_acknowledgements(self):
        ack = event.parse_ack(b'{"b":"00c0ffee","s":[1,2],"r":"placed","more":1}')
        self.assertEqual(ack, ("00c0ffee", [1, 2], "placed"))
        self.assertEqual(event.parse_ack(b'{"b":"00c0ffee","s":[1],"r":"later"}')[2], "")
        for bad in (b"", b"[]", b"5", b'{"b":1,"s":[]}', b'{"b":"x","s":1}', b'{"s":[1]}', b"\xff"):
            self.assertIsNone(event.parse_ack(bad))


class AgesTest(unittest.TestCase):
    def test_same_boot_uses_the_board_clock(self):
        self.assertEqual(ages.age(100, 0, True, 40, 0), 60)
        self.assertEqual(ages.quality(100, 0, 0, True, 0), 1)
        self.assertEqual(ages.quality(100, 1000000, 50, True, 0), 2)
        self.assertEqual(ages.quality(100 + 86401, 1000000, 100, True, 0), 1)

    def test_an_earlier_boot_needs_the_servers_time_on_both_sides(self):
        self.assertEqual(ages.age(10, 1000000, False, 5000, 1000003), 7)
        self.assertEqual(ages.quality(10, 1000000, 10, False, 1000003), 2)

    def test_an_age_that_nobody_knows_is_too_old_to_order(self):
        for offset, unix in ((0, 0), (1000000, 0), (0, 1000000)):
            self.assertEqual(ages.age(10, offset, False, 5000, unix), 86410)
            self.assertEqual(ages.quality(10, offset, 0, False, unix), 0)


class StateTest(unittest.TestCase):
    def test_it_comes_back(self):
        kept = state.State("00c0ffee")
        kept.seq, kept.rssi_dbm, kept.report_g = 4000000000, -61, 412
        back = state.decode(bytes(kept.encode()))
        self.assertEqual(
            (back.boot, back.seq, back.rssi_dbm, back.report_g), ("00c0ffee", 4000000000, -61, 412)
        )
        self.assertLessEqual(len(kept.encode()), 2048)

    def test_garbage_is_power_on(self):
        frame = state.State("00c0ffee").encode()
        for garbage in (b"", b"\xff" * len(frame), frame[:-1], frame[:20] + b"\x01" + frame[21:]):
            self.assertIsNone(state.decode(garbage))


if __name__ == "__main__":
    unittest.main()
