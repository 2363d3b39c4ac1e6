"""A sandbox shop that speaks UCP 2026-04-08 over REST, keeps stock, ships by the clock and fails on demand.

It is written from the protocol's text alone and shares no code with `replenish_server`, so that an error in
one reading of the protocol cannot hide in the other. It never runs outside a test or a demo.
"""

from device_sim.retailer.app import create_app
from device_sim.retailer.config import Clock, RetailerConfig

__all__ = ["Clock", "RetailerConfig", "create_app"]
