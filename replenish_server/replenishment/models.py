"""The forecasting models that serve: the shipped ones until one fitted on the fleet's own has beaten them."""

import time

from sqlmodel import Session, col, func, select

from replenish_server.database import Database
from replenish_server.forecast import LevelModel
from replenish_server.replenishment.priors import Models, shipped_models
from replenish_server.replenishment.tables import ForecastFit

_LOOK_EVERY_S = 60.0  # a new fit is a matter of weeks


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
