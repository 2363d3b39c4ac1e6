"""What counts as a dose or a refill, and when a sensor says that it cannot tell."""

import unittest

from firmware.core import level, state, tracker


class Sensor:
    """Bursts every half hour, of this many grams."""

    def __init__(self, resolution_g=1):
        self.state = state.State("00c0ffee")
        self.now_s = 0
        self.resolution_g = resolution_g

    def read(self, grams, quality="ok"):
        burst = level.Reading(grams, quality, grams * 1000, 1000)
        reading = tracker.track(self.state, burst, self.resolution_g, self.now_s)
        self.now_s += 1800
        return reading

    def steps(self, *grams):
        return [self.read(gram).step_mg // 1000 for gram in grams]


class TrackerTest(unittest.TestCase):
    def test_a_dose_needs_two_bursts_that_agree(self):
        sensor = Sensor()
        self.assertEqual(sensor.steps(1000, 1001, 999, 1000), [0, 0, 0, 0])
        first = sensor.read(950)
        self.assertEqual((first.quality, first.grams, first.step_mg), ("settling", 950, 0))
        second = sensor.read(951)
        self.assertEqual(second.quality, "ok")
        self.assertTrue(-52_000 < second.step_mg < -48_000)
        self.assertEqual(second.grams, 951)

    def test_a_jump_that_goes_back_is_nothing(self):
        sensor = Sensor()
        self.assertEqual(sensor.steps(1000, 1000, 1100, 1000, 1000, 900, 1000), [0] * 7)

    def test_two_jumps_that_disagree_are_nothing_yet(self):
        sensor = Sensor()
        self.assertEqual(sensor.steps(1000, 1000, 1100, 1200, 1300), [0] * 5)
        self.assertEqual(sensor.steps(1301), [300])

    def test_a_refill_is_a_step_up(self):
        sensor = Sensor()
        self.assertEqual(sensor.steps(300, 300, 2300, 2300)[:3], [0, 0, 0])
        self.assertEqual(sensor.read(2300).grams, 2300)

    def test_a_daily_swing_is_followed_and_is_no_dose(self):
        sensor = Sensor()
        for wake in range(48 * 10):
            part = wake % 48
            grams = 1000 + (part * 30 // 24 if part < 24 else (48 - part) * 30 // 24)
            reading = sensor.read(grams)
            self.assertEqual((reading.step_mg, reading.quality), (0, "ok"))
            self.assertTrue(abs(reading.grams - grams) <= 5)

    def test_a_level_that_wanders_far_and_back_every_day_is_coarse(self):
        sensor = Sensor()
        for wake in range(48 * 3):
            part = wake % 48
            reading = sensor.read(1000 + 3 * (part if part < 24 else 48 - part))
        self.assertEqual(reading.quality, "coarse")
        self.assertTrue(sensor.state.swing_mg > 30_000)

    def test_a_wide_swing_alone_is_coarse(self):
        sensor = Sensor()
        for wake in range(48 * 3):
            part = wake % 48
            reading = sensor.read(1000 + 3 * (part if part < 24 else 48 - part) // 2)
        self.assertTrue(sensor.state.noise_mg < tracker.COARSE_NOISE_MG)
        self.assertEqual(reading.quality, "coarse")

    def test_after_a_long_silence_a_drift_is_no_dose(self):
        for silence_s, step in ((1800, True), (12 * 3600, False)):
            sensor = Sensor()
            sensor.steps(1000, 1000)
            sensor.now_s += silence_s - 1800
            self.assertEqual([gram != 0 for gram in sensor.steps(970, 970)], [False, step])

    def test_a_trembling_burst_must_go_further(self):
        for spread_mg, step in ((1000, True), (11_000, False)):
            sensor = Sensor()
            sensor.steps(1000, 1000)
            for _ in range(2):
                burst = level.Reading(972, "ok", 972_000, spread_mg)
                reading = tracker.track(sensor.state, burst, 1, sensor.now_s)
                sensor.now_s += 1800
            self.assertEqual(reading.step_mg != 0, step)

    def test_slow_use_is_no_swing(self):
        sensor = Sensor()
        for wake in range(48 * 4):
            reading = sensor.read(2000 - wake)
        self.assertEqual(reading.quality, "ok")
        self.assertTrue(sensor.state.swing_mg < 3000)

    def test_noise_raises_the_bar_and_is_said(self):
        sensor = Sensor()
        for wake in range(96):
            reading = sensor.read(1000 + (9, -8, 7, -9)[wake % 4])
        self.assertEqual(reading.quality, "coarse")
        self.assertEqual(sensor.steps(960, 960, 960, 1000, 1000), [0] * 5)
        self.assertTrue(sensor.steps(700, 700)[1] < -250)

    def test_a_bad_burst_changes_nothing(self):
        sensor = Sensor()
        sensor.steps(1000, 1000)
        kept = sensor.state.encode()
        self.assertEqual(sensor.read(700, "settling").quality, "settling")
        self.assertEqual(sensor.state.encode(), kept)

    def test_steps_of_the_sensor_itself_are_no_doses(self):
        sensor = Sensor(resolution_g=40)
        self.assertEqual(sensor.steps(1000, 1040, 1040, 1000, 1000, 1040), [0] * 6)
        self.assertTrue(sensor.steps(800, 800)[1] < -180)

    def test_it_is_kept_over_sleep(self):
        sensor = Sensor()
        sensor.steps(1000, 1001, 950)
        sensor.state = state.decode(sensor.state.encode())
        self.assertTrue(sensor.read(950).step_mg < -40_000)


if __name__ == "__main__":
    unittest.main()
