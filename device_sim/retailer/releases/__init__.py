"""The protocol's releases that the shop speaks. The shop's rooms speak 2026-04-08; each other release is one
module that turns requests into that shape and answers out of it."""

from device_sim.retailer.releases.release import Release
from device_sim.retailer.releases.release_2026_04_08 import Release20260408

PRIMARY: Release = Release20260408()
RELEASES: dict[str, Release] = {release.version: release for release in (PRIMARY,)}

__all__ = ["PRIMARY", "RELEASES", "Release"]
