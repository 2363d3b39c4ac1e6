"""Universal Commerce Protocol, as a platform: every release that is spoken, the newest first."""

from replenish_server.retailers.ucp import release_2026_01_23, release_2026_04_08, release_2026_08_25

RELEASES = (release_2026_08_25.RELEASE, release_2026_04_08.RELEASE, release_2026_01_23.RELEASE)
NEWEST = RELEASES[0]
