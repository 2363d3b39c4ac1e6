"""An order's life in memory behind `LifePages`: keeps what it was asked to do."""

from datetime import datetime

from replenish_server.web.life_views import LifeAct, WithdrawForm
from replenish_server.web.views import Lang
from tests.fakes.pages import NOW


class FakeLife:
    """Every act succeeds; there is nothing to withdraw from and nothing to keep."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def now(self) -> datetime:
        return NOW

    def act(self, act: LifeAct, order_id: str, by: str) -> None:
        self.calls.append((act, order_id, by))

    def withdraw_form(self, order_id: str) -> WithdrawForm | None:
        return None

    def withdraw(self, order_id: str, name: str, email: str, reason: str, by: str) -> None:
        self.calls.append(("withdraw", order_id, name, email, reason, by))

    def withdrawal_text(self, order_id: str, lang: Lang) -> str | None:
        return None

    def receipt_text(self, order_id: str, lang: Lang) -> str | None:
        return None

    def stop(self, household_id: str | None, by: str) -> None:
        self.calls.append(("stop", household_id, by))

    def go(self, household_id: str | None) -> None:
        self.calls.append(("go", household_id))
