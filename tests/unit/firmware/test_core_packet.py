"""MQTT 5 packets against bytes written by hand from the standard."""

import unittest

from firmware.core import packet, persistent


class PacketTest(unittest.TestCase):
    def test_varint_table_1_1_of_the_standard(self):
        for value, expected in (
            (0, b"\x00"),
            (127, b"\x7f"),
            (128, b"\x80\x01"),
            (16383, b"\xff\x7f"),
            (16384, b"\x80\x80\x01"),
            (2097151, b"\xff\xff\x7f"),
            (2097152, b"\x80\x80\x80\x01"),
            (268435455, b"\xff\xff\xff\x7f"),
        ):
            self.assertEqual(packet.varint(value), expected)
        with self.assertRaises(ValueError):
            packet.varint(268435456)

    def test_connect(self):
        self.assertEqual(
            packet.connect("d1", "d1", "pw", 30, b"", b""),
            b"\x10\x1c\x00\x04MQTT\x05\xc2\x00\x1e" + b"\x05\x27\x00\x00\x10\x00"
            + b"\x00\x02d1" * 2 + b"\x00\x02pw",
        )  # fmt: skip

    def test_subscribe_tells_retained_from_live(self):
        self.assertEqual(packet.subscribe(10, "a/+", 0), b"\x82\x09\x00\x0a\x00\x00\x03a/+\x00")
        self.assertEqual(packet.subscribe(10, "a/+", 1)[-1], 1)

    def test_publish_puback_ping(self):
        self.assertEqual(packet.publish("a/b", b"hi", 10, False), b"\x32\x0a\x00\x03a/b\x00\x0a\x00hi")
        self.assertEqual(packet.publish("a/b", b"", 10, True), b"\x33\x08\x00\x03a/b\x00\x0a\x00")
        self.assertEqual(persistent.puback(258), b"\x40\x02\x01\x02")
        self.assertEqual(persistent.pingreq(), b"\xc0\x00")

    def test_a_lasting_connection_has_a_session_and_a_will(self):
        more = persistent.session_and_will(86400, 60, "t", b"{}")
        self.assertEqual(
            packet.connect("d1", "d1", "pw", 60, *more),
            b"\x10\x2e\x00\x04MQTT\x05\xcc\x00\x3c\x0a\x27\x00\x00\x10\x00\x11\x00\x01\x51\x80"
            b"\x00\x02d1\x05\x18\x00\x00\x00\x3c\x00\x01t\x00\x02{}\x00\x02d1\x00\x02pw",
        )

    def test_connack_properties_that_bind_us_are_found_among_all_others(self):
        properties = (
            b"\x11\x00\x00\x00\x3c" + b"\x21\x00\x05" + b"\x24\x01" + b"\x25\x01" + b"\x27\x00\x00\x10\x00"
            + b"\x12\x00\x02id" + b"\x22\x00\x0a" + b"\x1f\x00\x02ok" + b"\x26\x00\x01a\x00\x02bc" * 2
            + b"\x28\x01\x29\x01\x2a\x01" + b"\x13\x00\x14" + b"\x1a\x00\x00" + b"\x1c\x00\x01b"
            + b"\x15\x00\x01m" + b"\x16\x00\x01d"
        )  # fmt: skip
        limits = packet.read_limits(b"\x00\x00" + bytes((len(properties),)) + properties)
        self.assertEqual(limits, (5, 20, 4096))
        self.assertEqual(packet.read_limits(b"\x00\x00\x00"), (65535, 0, 0))
        self.assertEqual(packet.read_limits(b"\x00\x00\x05\x27\x01\x02\x03\x04")[2], 0x01020304)
        for cut in range(1, len(properties)):
            with self.assertRaises(OSError):
                packet.read_limits(b"\x00\x00" + bytes((len(properties),)) + properties[:cut])
        for strange in (b"\x02\x7f\x00", b"\x02\x00\x00", b"\x01\x24", b"\x02\x21\x00"):
            with self.assertRaises(OSError):
                packet.read_limits(b"\x00\x00" + strange)

    def test_any_cut_of_a_stream_gives_the_same_packets(self):
        stream = b"\x20\x03\x00\x00\x00" + b"\x40\x02\x00\x07" + packet.publish("t", b"x" * 300, 9, False)
        for size in range(1, 40):
            found, received = [], b""
            for at in range(0, len(stream), size):
                received += stream[at : at + size]
                whole = packet.cut(received)
                while whole is not None and whole[2] <= len(received):
                    first, start, end = whole
                    found.append((first, received[start:end]))
                    received = received[end:]
                    whole = packet.cut(received)
            self.assertEqual([first >> 4 for first, _ in found], [2, 4, 3])
            self.assertEqual(packet.read_publish(*found[2])[1], b"x" * 300)

    def test_what_cannot_be_held_is_refused(self):
        for first in (b"\x30\xff\xff\x7f", b"\x30\x80\x80\x80\x80\x01"):
            with self.assertRaises(OSError):
                packet.cut(first)

    def test_answers(self):
        for kind, body, expected in (
            (2, b"\x01\x00\x00", ("connack", 0, 0)),  # session present is fine
            (2, b"\x00\x87\x00", ("connack", 0, 0x87)),
            (2, b"\x00\x01", ("connack", 0, 0x84)),  # a broker that speaks 3.1.1 only
            (4, b"\x00\x05", ("puback", 5, 0)),
            (4, b"\x00\x05\x87", ("puback", 5, 0x87)),
            (9, b"\x00\x0a\x00\x01\x80", ("suback", 10, 0x80)),
            (13, b"", ("pingresp", 0, 0)),
            (14, b"\x8e\x00", ("disconnect", 0, 0x8E)),
            (14, b"", ("disconnect", 0, 0)),
        ):
            self.assertEqual(packet.read_answer(kind, body), expected)

    def test_incoming_publish_with_properties(self):
        body = b"\x00\x03a/b" + b"\x00\x0a" + b"\x05\x02\x00\x00\x00\x3c" + b"hi"  # message expiry 60 s
        self.assertEqual(packet.read_publish(0b0011, body), ("a/b", b"hi", True, 10))
        self.assertEqual(packet.read_publish(0, b"\x00\x01t\x00"), ("t", b"", False, 0))

    def test_torn_packets_are_errors_never_surprises(self):
        body = b"\x00\x03a/b" + b"\x00\x0a" + b"\x05\x02\x00\x00\x00\x3c"
        for size in range(len(body)):
            with self.assertRaises(OSError):
                packet.read_publish(0b0010, body[:size])
        for kind in (1, 2, 4, 9, 15):
            with self.assertRaises(OSError):
                packet.read_answer(kind, b"\x00")
        with self.assertRaises(OSError):
            packet.read_answer(9, b"\x00\x0a\x00")  # no reason at all
        with self.assertRaises(OSError):
            packet.read_publish(0b0100, body)  # QoS 2
        with self.assertRaises(OSError):
            packet.read_publish(0, b"\x00\x01\xff\x00")


if __name__ == "__main__":
    unittest.main()
