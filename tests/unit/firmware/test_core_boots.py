"""Counting boots and judging an image on trial; runs on CPython and in the VM."""

import unittest

from firmware.core import boots


def on_trial() -> boots.Life:
    life = boots.Life()
    life.floor = 11
    boots.start_trial(life, 12, "ota_1", "ota_0")
    life.goes = 1
    return life


class BootsTest(unittest.TestCase):
    def test_a_wake_from_sleep_counts_nothing(self) -> None:
        life = boots.Life()
        for _ in range(20):
            self.assertEqual(boots.begin(life, False, "ota_0"), boots.NORMAL)
        self.assertEqual(life.failed, 0)
        self.assertEqual(life.encode(), b"{}")

    def test_five_failed_boots_lead_to_safe_mode_and_a_good_one_out(self) -> None:
        life, modes = boots.Life(), []
        for _ in range(7):
            modes.append(boots.begin(life, True, "ota_0"))
        self.assertEqual(modes, [boots.NORMAL] * 5 + [boots.SAFE] * 2)
        boots.ended_well(life, boots.SAFE)
        self.assertEqual(boots.begin(life, False, "ota_0"), boots.NORMAL)  # one normal wake is tried
        self.assertEqual(boots.begin(life, True, "ota_0"), boots.SAFE)  # it failed
        boots.ended_well(life, boots.SAFE)
        boots.begin(life, False, "ota_0")
        boots.ended_well(life, boots.NORMAL)
        self.assertEqual(life.failed, 0)

    def test_errors_that_end_in_sleep_count_like_resets(self) -> None:
        life = boots.Life()
        for _ in range(5):
            self.assertEqual(boots.begin(life, False, "ota_0"), boots.NORMAL)
            boots.failed(life)
        self.assertEqual(boots.begin(life, False, "ota_0"), boots.SAFE)

    def test_three_boots_without_a_word_of_the_server_lead_back(self) -> None:
        life = on_trial()
        for _ in range(3):
            self.assertEqual(boots.begin(life, False, "ota_1"), boots.NORMAL)
        self.assertEqual(boots.begin(life, False, "ota_1"), boots.BACK)
        self.assertEqual(boots.begin(life, False, "ota_1"), boots.BACK)  # cut before the switch
        self.assertEqual(boots.begin(life, True, "ota_0"), boots.NORMAL)
        self.assertEqual((life.state, life.why, life.seq, life.trial), ("rolled_back", "boots", 12, 0))
        self.assertEqual(life.floor, 11)

    def test_a_bootloader_that_goes_back_is_asked_three_times(self) -> None:
        life = on_trial()
        for go in (1, 2, 3):
            self.assertEqual(boots.begin(life, True, "ota_1"), boots.NORMAL)
            self.assertEqual(boots.begin(life, True, "ota_0"), boots.SWITCH if go < 3 else boots.NORMAL)
            life.goes += 1
        self.assertEqual(life.state, "rolled_back")

    def test_an_image_that_never_starts_is_given_up(self) -> None:
        life = on_trial()
        self.assertEqual(boots.begin(life, True, "ota_0"), boots.SWITCH)
        life.goes = 3
        self.assertEqual(boots.begin(life, True, "ota_0"), boots.NORMAL)
        self.assertEqual(life.why, "boots")

    def test_a_proven_image_raises_the_floor(self) -> None:
        life = on_trial()
        boots.begin(life, True, "ota_1")
        boots.end_trial(life, "proven", "")
        self.assertEqual((life.floor, life.state, life.trial, life.failed), (12, "proven", 0, 0))
        self.assertEqual(boots.begin(life, True, "ota_1"), boots.NORMAL)

    def test_it_is_read_as_it_was_written_and_nonsense_is_a_new_life(self) -> None:
        life = on_trial()
        life.fault = "flash"
        self.assertEqual(boots.decode(life.encode()).encode(), life.encode())
        for content in (None, b"", b"{", b"[]", b"3", b'{"failed":"x","state":7}'):
            self.assertEqual(boots.decode(content).encode(), b"{}")


if __name__ == "__main__":
    unittest.main()
