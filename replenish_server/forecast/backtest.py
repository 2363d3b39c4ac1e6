"""PURE: the models behind the face of a back-test: `fit(train)`, then `predict(batch)` to quantiles.

A batch has arrays of equal length. With levels (`lev`) it asks how long what is in the container lasts; with
past purchases (`ev_age`) it asks when the next one comes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from replenish_server.forecast.level_model import LevelBatch, LevelModel, LevelOutcomes, fit_levels
from replenish_server.forecast.purchase_model import (
    HORIZON_DAYS,
    PurchaseBatch,
    PurchaseModel,
    PurchaseOutcomes,
    fit_purchases,
)


class Forecaster:
    """Learns from one kind of batch and answers for the same kind.

    Fields of a level batch: `lev` (n, 336), `cap`, `cat`, `dow`; with outcomes `y`, `hh`, `sid`. Fields of a
    purchase batch: `ev_age` and `ev_qty` (n, 24), `cat`, `dow`, `first_age`, `ctx_any_age`, `ctx28`, `ctx84`;
    with outcomes `y`, `hh`, `sid`, and in `pur` every purchase with `y0` (days to the next) and `cens` (days
    that it was followed).
    """

    def __init__(self) -> None:
        self._model: LevelModel | PurchaseModel | None = None

    def fit(self, train: Any) -> "Forecaster":
        """Learn; returns itself."""
        if hasattr(train, "lev"):
            days = np.asarray(train.y, np.float32)
            self._model = fit_levels(LevelOutcomes(_levels(train), days, train.hh, train.sid))
        else:
            self._model = fit_purchases(_purchase_outcomes(train))
        return self

    def predict(self, batch: Any) -> NDArray[np.float32]:
        """Shape (n, 23): quantiles in days.

        Raises:
            ValueError: `fit` was not called, or with the other kind of batch.
        """
        if isinstance(self._model, LevelModel) and hasattr(batch, "lev"):
            return self._model.forecast(_levels(batch)).days
        if isinstance(self._model, PurchaseModel) and hasattr(batch, "ev_age"):
            return self._model.forecast(_purchases(batch))
        raise ValueError("fit first, with the same kind of batch")


def _levels(batch: Any) -> LevelBatch:
    return LevelBatch(
        np.asarray(batch.lev, np.float32),
        np.asarray(batch.cat).astype(str),
        np.asarray(batch.cap, np.float32),
        np.asarray(batch.dow, np.int64),
    )


def _purchases(batch: Any) -> PurchaseBatch:
    return PurchaseBatch(
        np.asarray(batch.ev_age, np.float32),
        np.asarray(batch.ev_qty, np.float32),
        np.asarray(batch.cat).astype(str),
        np.asarray(batch.dow, np.int64),
        np.asarray(batch.first_age, np.float32),
        np.column_stack([batch.ctx_any_age, batch.ctx28, batch.ctx84]).astype(np.float32),
    )


def _purchase_outcomes(train: Any) -> PurchaseOutcomes:
    """Moments between purchases, and moments right after one that were followed to the horizon."""
    between, after = _purchases(train), _purchases(train.pur)
    followed = np.asarray(train.pur.cens) >= HORIZON_DAYS
    after = after.rows(followed)
    batch = PurchaseBatch(
        *(
            np.concatenate([getattr(part, name) for part in (between, after)])
            for name in PurchaseBatch.__dataclass_fields__
        )
    )
    days = np.concatenate([np.asarray(train.y), np.asarray(train.pur.y0)[followed]])
    return PurchaseOutcomes(
        batch,
        np.minimum(days, HORIZON_DAYS).astype(np.float32),
        np.concatenate([train.hh, train.pur.hh[followed]]),
        np.concatenate([train.sid, train.pur.sid[followed]]),
    )
