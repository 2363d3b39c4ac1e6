"""The protocol's releases that the shop speaks. The shop's rooms speak 2026-04-08; each other release is one
module that turns requests into that shape and answers out of it."""

from device_sim.retailer.releases.release import Release
from device_sim.retailer.releases.release_2026_01_23 import Release20260123
from device_sim.retailer.releases.release_2026_04_08 import Release20260408
from device_sim.retailer.releases.release_2026_08_25 import Release20260825

PRIMARY: Release = Release20260408()
RELEASES: dict[str, Release] = {
    release.version: release for release in (Release20260123(), PRIMARY, Release20260825())
}

__all__ = ["PRIMARY", "RELEASES", "Release"]
