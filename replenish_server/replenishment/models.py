"""The forecasting models that serve: the shipped ones until one fitted on the fleet's own has beaten them."""

import json
import time
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sqlmodel import Session, col, func, select

from replenish_server.database import Database
from replenish_server.forecast import LevelModel, PurchaseModel
from replenish_server.replenishment.tables import ForecastFit

_LOOK_EVERY_S = 60.0  # a new fit is a matter of weeks


@dataclass(frozen=True)
class Models:
    """What forecasts are made with.

    Args:
        levels: for slots with a sensor.
        purchases: for slots without one.
        version: "shipped", or the number of the fit.
    """

    levels: LevelModel
    purchases: PurchaseModel
    version: str


@cache
def shipped_models() -> Models:
    """The models that every release brings along (docs/forecast.md); read once."""
    plain = json.loads(
        files("replenish_server.forecast").joinpath("shipped.json").read_text(encoding="utf-8")
    )
    return Models(
        LevelModel.from_plain(plain["levels"]), PurchaseModel.from_plain(plain["purchases"]), "shipped"
    )


def serving_models(session: Session) -> Models:
    """The newest fit that won, or the shipped models."""
    won = select(ForecastFit).where(col(ForecastFit.model).is_not(None))
    fit = session.exec(won.order_by(col(ForecastFit.version).desc()).limit(1)).first()
    if fit is None or fit.model is None:
        return shipped_models()
    return Models(LevelModel.from_plain(fit.model), shipped_models().purchases, str(fit.version))


class ModelStore:
    """The serving models of a running server, looked up now and then.

    Args:
        database: where fits are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._models: Models | None = None
        self._look_at = 0.0

    def current(self) -> Models:
        """The models to forecast with now."""
        if self._models is None or time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK_EVERY_S
            with self._database.read() as session:
                won = select(func.max(ForecastFit.version)).where(col(ForecastFit.model).is_not(None))
                newest = session.exec(won).first()
                version = "shipped" if newest is None else str(newest)
                if self._models is None or version != self._models.version:
                    self._models = serving_models(session)
        return self._models
