"""What the pages show of an order's life, and the port behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from replenish_server.web.views import Lang

LifeAct = Literal["leave", "skip", "take-up", "received", "in-box", "never-arrived", "at-retailer"]


@dataclass(frozen=True)
class ReceiptView:
    """What was about to be bought when the order left. Money in minor units; `rows` are (name, value)."""

    at: datetime
    rows: Sequence[tuple[str, str]]
    sha256: str


@dataclass(frozen=True)
class WithdrawalView:
    """A statement that was made: when, by whom, and the code of its acknowledgement; `sending` says how the
    shop learns of it, and where only a person can tell it (`by_hand`), `letter` is the text to send."""

    at: datetime
    name: str
    email: str
    code: str
    sending: str = ""
    by_hand: bool = False
    letter: str = ""


@dataclass(frozen=True)
class LifeView:
    """What can be said and done about an order now.

    `acts` are those that its state allows, `ends_at` when it ends by itself while nobody answers,
    `withdraw_until` the end of the time to withdraw once it runs, `pickup` where it can be fetched,
    `together` how many other orders travel in the same parcel, `stopped` whether a switch holds it,
    `asks_where` whether the goods came a while ago and were never seen in use, `asks_arrived` whether nothing
    was heard of them for long, `held_until` when the rule `held_by`
    lets go of an order that is to leave: "quiet_hours" or "pause".
    """

    acts: Sequence[LifeAct]
    ends_at: datetime | None
    receipt: ReceiptView | None
    can_withdraw: bool
    withdraw_until: datetime | None
    withdrawal: WithdrawalView | None
    pickup: str | None
    together: int
    stopped: bool
    asks_where: bool
    asks_arrived: bool = False
    held_until: datetime | None = None
    held_by: str = ""


@dataclass(frozen=True)
class WithdrawForm:
    """Who may withdraw, as the form is filled in at first: name and e-mail of the buyer."""

    product_name: str
    packs: int
    retailer_name: str
    retailer_order_id: str | None
    name: str
    email: str


class LifePages(Protocol):
    """What the pages need beyond `HouseholdPages`. Each call is one use case."""

    def now(self) -> datetime:
        """The present moment, aware."""

    def act(self, act: LifeAct, order_id: str, by: str) -> None:
        """Does one of `LifeView.acts`.

        Raises:
            Refused: the order's state no longer allows it.
        """

    def withdraw_form(self, order_id: str) -> WithdrawForm | None:
        """What the form is about, or None when there is nothing to withdraw from."""

    def withdraw(self, order_id: str, name: str, email: str, reason: str, by: str) -> None:
        """Keeps the statement.

        Raises:
            Refused: there is no contract, or the time is over.
        """

    def withdrawal_text(self, order_id: str, lang: Lang) -> str | None:
        """The acknowledgement as a text to keep, or None."""

    def receipt_text(self, order_id: str, lang: Lang) -> str | None:
        """The receipt as a text to keep, or None."""

    def stop(self, household_id: str | None, by: str) -> None:
        """Lets no order of the household leave."""

    def go(self, household_id: str | None) -> None:
        """Lets them leave again."""
