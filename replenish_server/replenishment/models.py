"""The forecasting models that serve: the shipped ones until one fitted on the fleet's own has beaten them."""

import time
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from replenish_server.database import Database
from replenish_server.fleet.tables import Slot
from replenish_server.inventory.grid import DAYS
from replenish_server.replenishment.priors import Models, shipped_models
from replenish_server.replenishment.tables import ForecastFit

_LOOK_EVERY_S = 60.0  # a new fit is a matter of weeks
_FIT_EVERY = timedelta(days=7)
_FIRST_FIT_AFTER = timedelta(days=2 * DAYS)  # half to look back on, half to see what came of it


def refit_is_due(session: Session, now: datetime) -> bool:
    """Whether a week has passed since the last try; before the first, whether a slot is old enough."""
    last = session.exec(select(func.max(ForecastFit.at))).first()
    if last is not None:
        return now - last >= _FIT_EVERY
    oldest = session.exec(select(func.min(Slot.created_at)).where(col(Slot.capacity).is_not(None))).first()
    return oldest is not None and now - oldest >= _FIRST_FIT_AFTER


def serving_models(session: Session) -> Models:
    """The newest fit that won, or the shipped models."""
    won = select(ForecastFit).where(col(ForecastFit.model).is_not(None))
    fit = session.exec(won.order_by(col(ForecastFit.version).desc()).limit(1)).first()
    if fit is None or fit.model is None:
        return shipped_models()
    from replenish_server.forecast.level_model import LevelModel  # with numpy

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
