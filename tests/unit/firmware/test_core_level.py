"""From counts to grams, and which readings are worth a report."""

import unittest

from firmware.core import config, level, policy, reporting, state

VALUES = config.defaults("level", 2500).values  # measure 1800 s, report daily or at 20 g, threshold 500 g
OK = "ok"


def judge(*grams):
    samples = (list(grams) * level.SAMPLES)[: level.SAMPLES]
    return level.judge(
        [84000 + gram * 420 for gram in samples[:-1]] + [84001 + samples[-1] * 420], 84000, 420000, 2500
    )


class LevelTest(unittest.TestCase):
    def test_counts_become_grams(self):
        reading = judge(412)
        self.assertEqual((reading.grams, reading.quality), (412, "ok"))
        upside_down = [84000 - 412 * 420] * 11 + [84001 - 412 * 420]
        reading = level.judge(upside_down, 84000, -420000, 2500)
        self.assertEqual((reading.grams, reading.quality), (412, "ok"))

    def test_grams_are_rounded_to_the_nearest(self):
        for counts, grams in ((84000 + 209, 0), (84000 + 211, 1), (84000 + 412 * 420 - 1, 412)):
            self.assertEqual(level.judge([counts] * 11 + [counts - 1], 84000, 420000, 2500).grams, grams)

    def test_one_wild_sample_changes_nothing(self):
        reading = judge(*([1000] * 11 + [2600]))
        self.assertEqual((reading.grams, reading.quality), (1000, "ok"))

    def test_a_running_machine_is_settling(self):
        reading = judge(950, 1000, 1050, 980, 1020)
        self.assertEqual(reading.quality, "settling")
        self.assertEqual(judge(994, 1000, 1006).quality, "ok")

    def test_noise_around_empty_is_zero_but_a_lifted_container_is_unknown(self):
        self.assertEqual((judge(-15).grams, judge(-15).quality), (0, "ok"))
        self.assertEqual((judge(-40).grams, judge(-40).quality), (None, "unknown"))

    def test_beyond_the_container_or_the_cell_is_unknown(self):
        self.assertEqual(judge(2750).quality, "ok")
        self.assertEqual(judge(2760).quality, "unknown")
        for counts in ([0x7FFFFF] * 12, [-0x800000] * 12, [84000] * 11, []):
            self.assertEqual(level.judge(counts, 84000, 420000, 2500).quality, "unknown")

    def test_a_converter_that_stands_still_is_unknown(self):
        # A data line at ground reads 0: with a small zero, that would be an empty container.
        for counts in (0, -1, 84000 + 1200 * 420):
            self.assertEqual(level.judge([counts] * 12, 0, 420000, 2500).quality, "unknown")
        self.assertEqual(level.judge([0] * 11 + [1], 0, 420000, 2500).quality, "ok")
        in_steps = level.judge([120_000] * 12, 200_000, -40_000, 2500, 25)  # millimetres do stand still
        self.assertEqual((in_steps.grams, in_steps.quality), (2000, "ok"))

    def test_median(self):
        self.assertEqual(level.median([3, 1, 2]), 2)
        self.assertEqual(level.median([4, 1, 2, 3]), 2)


class Sensor:
    """Readings over time, as the application feeds them to the policy."""

    def __init__(self):
        self.state = state.State("00c0ffee")
        self.now_s = 0
        self.next_s = 0

    def read(self, grams, quality=OK, after_s=None):
        self.now_s += self.next_s if after_s is None else after_s
        reading = level.Reading(grams, quality)
        reason = reporting.report_reason(self.state, reading, VALUES, self.now_s)
        reporting.note_reading(self.state, reading, VALUES, self.now_s, bool(reason))
        self.next_s = reporting.next_measure_s(self.state, VALUES, self.now_s)
        return reason


class PolicyTest(unittest.TestCase):
    def test_a_quiet_day_costs_one_report(self):
        sensor = Sensor()
        reasons = [sensor.read(1200 + step % 7) for step in range(49)]
        self.assertEqual(reasons, ["first"] + [""] * 47 + ["daily"])

    def test_a_wash_is_reported(self):
        sensor = Sensor()
        sensor.read(1200)
        self.assertEqual([sensor.read(1181), sensor.read(1180), sensor.read(1165)], ["", "change", ""])

    def test_low_is_reported_until_the_server_can_act_and_then_no_more(self):
        sensor = Sensor()
        sensor.read(515)
        low = []
        for _ in range(8):
            reason = sensor.read(500)
            if reason:
                low.append(sensor.now_s)
        self.assertEqual(len(low), reporting.LOW_REPORTS)
        self.assertTrue(low[-1] - low[0] >= reporting.LOW_SPAN_S)

    def test_noise_around_the_threshold_does_not_start_again(self):
        sensor = Sensor()
        sensor.read(512)
        reasons = [sensor.read((500, 510)[step % 2]) for step in range(20)]
        self.assertEqual(len([reason for reason in reasons if reason]), 3)
        self.assertEqual(sensor.read(2400), "change")
        self.assertEqual(sensor.state.low_count, 0)

    def test_a_rise_is_confirmed_by_a_second_reading_soon(self):
        sensor = Sensor()
        sensor.read(600)
        self.assertEqual(sensor.read(2000), "change")
        self.assertEqual(sensor.next_s, 600)
        self.assertEqual([sensor.read(2001), sensor.read(2000)], ["confirm", ""])
        self.assertEqual(sensor.next_s, 1800)

    def test_the_server_may_watch_above_the_threshold(self):
        sensor = Sensor()
        values = dict(VALUES)
        values["slots.main.watch"] = 900
        told = 0
        for _ in range(8):
            reading = level.Reading(890, OK)
            sensor.now_s += sensor.next_s
            reason = reporting.report_reason(sensor.state, reading, values, sensor.now_s)
            reporting.note_reading(sensor.state, reading, values, sensor.now_s, bool(reason))
            sensor.next_s = reporting.next_measure_s(sensor.state, values, sensor.now_s)
            told += 1 if reason else 0
        self.assertEqual(told, 3)

    def test_a_bad_reading_is_looked_at_again_soon(self):
        sensor = Sensor()
        sensor.read(1200)
        self.assertEqual(sensor.read(1190, "settling"), "")
        self.assertEqual(sensor.next_s, 600)
        self.assertEqual(sensor.read(1200), "calm")
        self.assertEqual(sensor.next_s, 1800)

    def test_a_cell_that_stays_bad_is_said_once_and_costs_no_battery(self):
        sensor = Sensor()
        sensor.read(1200)
        reasons = [sensor.read(None, "unknown") for _ in range(10)]
        self.assertEqual(reasons, ["", "bad"] + [""] * 8)
        self.assertEqual(sensor.next_s, 1800)
        self.assertEqual(sensor.read(1200), "calm")

    def test_the_promise_is_kept(self):
        sensor = Sensor()
        sensor.read(1200)
        self.assertEqual(policy.promise_s("level", sensor.state, VALUES, sensor.now_s), 86400)
        sensor.read(400)
        self.assertEqual(policy.promise_s("level", sensor.state, VALUES, sensor.now_s), sensor.next_s)
        self.assertEqual(policy.promise_s("button", state.State("00c0ffee"), {}, 0), 86400)

    def test_backoff_rises_to_an_hour_and_is_spread(self):
        self.assertEqual(policy.backoff_s(1, 0), 30)
        for failures in range(1, 50):
            seen = [policy.backoff_s(failures, random) for random in range(0, 4000, 37)]
            self.assertTrue(failures == 1 or len(set(seen)) > 10)  # a fleet must not come back at one moment
            self.assertTrue(min(seen) >= 30)
            self.assertTrue(max(seen) <= 3600)
        self.assertTrue(min([policy.backoff_s(40, random) for random in range(0, 4000, 37)]) >= 1800)


if __name__ == "__main__":
    unittest.main()
