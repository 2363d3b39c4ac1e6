"""Settings from outside: merged, clamped, reported, or refused as a whole."""

import json
import unittest

from firmware.core import config


def resolve(document, kind="level"):
    return config.resolve(kind, 1000, config.parse(json.dumps(document).encode()))


class ConfigTest(unittest.TestCase):
    def test_left_out_keys_have_defaults_and_unknown_keys_are_ignored(self):
        settings = resolve({"v": 1, "rev": 3, "new": 1, "cfg": {"measure_s": 900, "other": "x"}})
        self.assertEqual(
            settings.document(),
            {
                "rev": 3,
                "cfg": {"measure_s": 900, "report_s": 86400, "report_g": 20},
                "slots": {"main": {"threshold": 200, "watch": 0}},
                "lim": [],
            },
        )

    def test_beyond_its_range_a_value_is_clamped_and_named(self):
        settings = resolve(
            {"v": 1, "rev": 4, "cfg": {"measure_s": 1}, "slots": {"main": {"threshold": 5000}}}
        )
        self.assertEqual(settings.limited, ["cfg.measure_s", "slots.main.threshold"])
        self.assertEqual(settings.values["cfg.measure_s"], 60)
        self.assertEqual(settings.values["slots.main.threshold"], 1000)

    def test_every_default_lies_in_its_range(self):
        for kind in ("button", "level", "flow", "pages"):
            for lowest, highest, default in config.limits(kind, 1000).values():
                self.assertTrue(lowest <= default <= highest)

    def test_a_button_knows_only_its_own_settings(self):
        settings = resolve({"v": 1, "rev": 1, "cfg": {"hold_ms": 9999, "measure_s": 1}}, "button")
        self.assertEqual(settings.values, {"cfg.hold_ms": 5000})
        self.assertEqual(settings.document()["slots"], {})

    def test_what_cannot_be_used_is_refused_with_its_reason(self):
        for payload, why in (
            (b"{", "not JSON"),
            (b"[]", "not an object"),
            (b'{"v":2,"rev":1}', "unknown v"),
            (b'{"v":1}', "rev is not a whole number"),
            (b'{"v":1,"rev":true}', "rev is not a whole number"),
        ):
            try:
                config.parse(payload)
                self.assertTrue(False)
            except config.RefusedDocument as error:
                self.assertEqual(str(error), why)
        for wrong in ({"measure_s": "1800"}, {"measure_s": 1.5}, {"measure_s": True}):
            with self.assertRaises(config.RefusedDocument):
                resolve({"v": 1, "rev": 1, "cfg": wrong})

    def test_a_group_of_the_wrong_shape_counts_as_left_out(self):
        settings = resolve({"v": 1, "rev": 1, "cfg": 5, "slots": []})
        self.assertEqual(settings.values, config.defaults("level", 1000).values)

    def test_server_time(self):
        self.assertEqual(config.server_now({"now": 1795508313}), 1795508313)
        for document in ({}, {"now": "x"}, {"now": -5}, {"now": 1.5}):
            self.assertEqual(config.server_now(document), 0)


if __name__ == "__main__":
    unittest.main()
