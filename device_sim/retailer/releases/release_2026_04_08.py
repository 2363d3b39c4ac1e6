"""Release 2026-04-08: the shape that the shop's rooms speak, so there is nothing to turn around."""

from device_sim.retailer.releases.release import Release


class Release20260408(Release):
    """The release of April 2026."""

    version = "2026-04-08"
