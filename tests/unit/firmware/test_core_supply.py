"""What a printer says of its supplies, and how far it is believed."""

import unittest

from firmware.core import snmp, supply


class SupplyTest(unittest.TestCase):
    def test_a_percentage_becomes_pages(self):
        steps = supply.Steps()
        self.assertEqual(supply.read(100, 100, 2500, steps).quality, "coarse")  # "full" may be all it can say
        answer = supply.read(73, 100, 2500, steps)
        self.assertEqual((answer.pages, answer.quality, answer.resolution), (1825, "ok", 25))

    def test_special_values_are_unknown(self):
        for level, maximum in (
            (-1, 100),
            (-2, 100),
            (-3, 100),
            (50, -2),
            (50, -1),
            (50, 0),
            (120, 100),
            (None, 1),
        ):
            answer = supply.read(level, maximum, 2500, supply.Steps())
            self.assertEqual((answer.pages, answer.quality, answer.resolution), (None, "unknown", 0))

    def test_a_printer_that_says_only_thirds_is_coarse(self):
        steps = supply.Steps()
        for level in (3, 2, 1, 0):
            answer = supply.read(level, 3, 3000, steps)
            self.assertEqual(answer.quality, "coarse")
        self.assertEqual((answer.pages, answer.resolution), (0, 1000))

    def test_whole_tenths_are_as_fine_as_a_tenth(self):
        steps = supply.Steps()
        for level in (100, 90, 80):
            answer = supply.read(level, 100, 2500, steps)
        self.assertEqual((answer.pages, answer.quality, answer.resolution), (2000, "ok", 250))

    def test_empty_alone_says_nothing_about_steps(self):
        answer = supply.read(0, 100, 2500, supply.Steps())
        self.assertEqual((answer.pages, answer.quality), (0, "coarse"))


def response(status, values):
    """An SNMPv1 response, put together by hand."""
    bindings = b"".join(
        bytes((0x30, 5 + len(value))) + b"\x06\x01\x2b" + bytes((0x02, len(value))) + value
        for value in values
    )
    body = b"\x02\x01\x07" + b"\x02\x01" + bytes((status,)) + b"\x02\x01\x00"
    body += bytes((0x30, len(bindings))) + bindings
    message = b"\x02\x01\x00\x04\x06public" + bytes((0xA2, len(body))) + body
    return bytes((0x30, len(message))) + message


class SnmpTest(unittest.TestCase):
    def test_a_question_is_what_the_rfc_says(self):
        asked = snmp.get(7, "public", [(1, 3, 6, 1, 2, 1, 43, 11, 1, 1, 9, 1, 1)])
        self.assertEqual(
            asked.hex(),
            "302a02010004067075626c6963a01d02010702010002010030123010060c2b060102012b0b01010901010500",
        )

    def test_version_2c_differs_in_its_number_only(self):
        first, second = (snmp.get(7, "public", [(1, 3)], version) for version in (snmp.V1, snmp.V2C))
        self.assertEqual(second, first[:4] + b"\x01" + first[5:])

    def test_large_numbers_take_more_bytes(self):
        self.assertTrue(bytes.fromhex("06042b868d1f") in snmp.get(1, "p", [(1, 3, 99999)]))
        self.assertTrue(bytes.fromhex("020200ff") in snmp.get(255, "p", [(1, 3)]))

    def test_values_are_signed(self):
        self.assertEqual(
            snmp.read_reply(response(0, [b"\xfd", b"\x00\xff", b"\x27\x10"]), 7), [-3, 255, 10_000]
        )

    def test_an_error_status_answers_nothing(self):
        self.assertEqual(snmp.read_reply(response(2, [b"\x05"]), 7), [])

    def test_a_number_beyond_32_bits_is_none(self):
        self.assertEqual(snmp.read_reply(response(0, [b"\x01\x00\x00\x00\x00", b"\x05"]), 7), [None, 5])

    def test_anything_else_is_refused(self):
        good = response(0, [b"\x05", b"\x64"])
        for content, number in ((good, 8), (b"", 7), (b"hello", 7)):
            with self.assertRaises(snmp.ReplyError):
                snmp.read_reply(content, number)
        for end in range(len(good)):
            with self.assertRaises(snmp.ReplyError):
                snmp.read_reply(good[:end], 7)


if __name__ == "__main__":
    unittest.main()
