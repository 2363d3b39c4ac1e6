"""Universal Commerce Protocol, release 2026-04-08, REST binding; we are the platform."""

RELEASE = "2026-04-08"
