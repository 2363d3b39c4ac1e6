"""What may be set on sensors and meters: lowest, highest and default value by dotted path (docs/wire.md)."""

LEVEL = {
    "cfg.measure_s": (60, 86_400, 1800),  # below a minute, a battery lasts weeks
    "cfg.report_s": (600, 604_800, 86_400),
    "cfg.report_g": (5, 2000, 20),  # below 5 g, drift and temperature would report all day
}

COUNTERS = {
    "flow": {
        "cfg.burst_min": (1, 240, 10),
        "cfg.burst_ml_min": (1000, 200_000, 30_000),
        "cfg.hold_ms": (1000, 10_000, 3000),
        "cfg.pulses_per_l": (10, 100_000, 450),
        "cfg.report_ml": (100, 100_000, 5000),
        "cfg.report_s": (600, 604_800, 86_400),
    },
    "pages": {
        "cfg.hold_ms": (1000, 10_000, 3000),
        "cfg.page_ms": (50, 60_000, 500),
        "cfg.pulses_per_page": (1, 50, 1),
        "cfg.report_pages": (1, 10_000, 50),
        "cfg.report_s": (600, 604_800, 86_400),
        "cfg.supply_s": (300, 86_400, 3600),
    },
}
