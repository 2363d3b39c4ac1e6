"""What can be set about the shop before it opens; nothing here changes while it runs."""

from dataclasses import dataclass
from typing import Protocol

from device_sim.retailer.fulfilment import ADDRESS_FIELDS
from device_sim.retailer.wire import CAPABILITIES


class Clock(Protocol):
    """Where the shop reads the time: the simulation's clock, or one that a test moves by hand."""

    def now_s(self) -> float:
        """Unix time in seconds."""
        ...


@dataclass(frozen=True)
class RetailerConfig:
    """The shop's address, its speed and its patience.

    Args:
        base_url: where the shop can be reached, without a trailing slash; its links begin with it.
        ship_after_h: hours of the clock from the order to the parcel leaving; express takes half.
        deliver_after_h: hours of the clock from the order to the door, at least `ship_after_h`; express half.
        session_ttl_h: hours of the clock a checkout session lives (UCP's default is 6).
        tick_s: real seconds between two looks of the background task at the clock and at unsent webhooks.
        webhook_backoff_s: first and longest real wait between two tries to deliver one webhook.
        webhook_tries: after so many failed tries a delivery is given up.
        trust_unknown_platforms: answer a caller whose profile cannot be fetched as if it could do everything,
            instead of 424. Such a caller gets no webhooks.
        trusted_platforms: profile URLs of approved platforms, for which alone the same is true.
        address_needed: the address fields without which no parcel can be sent.
        offers: the capabilities that the profile names, in its order.
    """

    base_url: str = "http://127.0.0.1"
    ship_after_h: float = 4.0
    deliver_after_h: float = 20.0
    session_ttl_h: float = 6.0
    tick_s: float = 0.1
    webhook_backoff_s: tuple[float, float] = (0.5, 30.0)
    webhook_tries: int = 60
    trust_unknown_platforms: bool = False
    trusted_platforms: tuple[str, ...] = ()
    address_needed: tuple[str, ...] = ADDRESS_FIELDS
    offers: tuple[str, ...] = CAPABILITIES

    def __post_init__(self) -> None:
        if not 0 <= self.ship_after_h <= self.deliver_after_h:
            raise ValueError("a parcel ships before it arrives: 0 <= ship_after_h <= deliver_after_h")

    @property
    def profile_url(self) -> str:
        """The shop's own UCP profile."""
        return f"{self.base_url}/.well-known/ucp"
