"""Use cases over the whole recording: fit a better model, and say how good the serving one was.

What is fitted is kept with its scores, whether it won or not; only a winner serves.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from replenish_server.database import Database
from replenish_server.fleet.tables import Slot
from replenish_server.fleet.units import BY_BASE
from replenish_server.forecast.contest import Contest, hold_contest
from replenish_server.forecast.level_model import HORIZON_DAYS, LevelOutcomes
from replenish_server.forecast.network import Recipe
from replenish_server.forecast.outcomes import Recorded, outcomes_of
from replenish_server.forecast.scores import Score, score
from replenish_server.inventory.grid import BINS_PER_DAY
from replenish_server.inventory.recording import long_shares
from replenish_server.replenishment.models import serving_models
from replenish_server.replenishment.readings import level_samples
from replenish_server.replenishment.tables import ForecastFit

log = logging.getLogger(__name__)

_SEED = 1  # of the fit's own chance: the same outcomes give the same model
_EPOCH_WEEKDAY = 3  # 1 January 1970 was a Thursday
LONGEST_PAST = timedelta(days=800)


@dataclass(frozen=True)
class BacktestReport:
    """How the serving model would have done on what was recorded here.

    Args:
        slots: with a sensor.
        outcomes: past moments that were followed to the end.
        days_recorded: of the longest recording.
        version: of the model.
        serving: its score; None without outcomes.
    """

    slots: int
    outcomes: int
    days_recorded: int
    version: str
    serving: Score | None


def refit(database: Database, now: datetime) -> Contest:
    """Let a model fitted on the fleet's outcomes challenge the serving one; keep what came of it.

    The fitting happens outside any transaction.
    """
    with database.read() as session:
        champion = serving_models(session)
        past = outcomes_of(_recordings(session, now))
    contest = (
        Contest(0, 0, None, None, None)
        if past is None
        else hold_contest(champion.levels, past, Recipe(), _SEED)
    )
    with database.write() as session:
        session.add(
            ForecastFit(
                at=now,
                rows=contest.rows,
                households=contest.households,
                champion_crps_days=None if contest.champion is None else contest.champion.crps_days,
                challenger_crps_days=None if contest.challenger is None else contest.challenger.crps_days,
                model=None if contest.winner is None else contest.winner.to_plain(),
            )
        )
    log.info(
        "action=refit rows=%d households=%d won=%s",
        contest.rows,
        contest.households,
        contest.winner is not None,
    )
    return contest


def backtest(session: Session, now: datetime) -> BacktestReport:
    """Score the serving model on the recording."""
    models = serving_models(session)
    recordings = _recordings(session, now)
    past: LevelOutcomes | None = outcomes_of(recordings)
    longest = max((len(recorded.levels) // BINS_PER_DAY for recorded in recordings), default=0)
    if past is None:
        return BacktestReport(len(recordings), 0, longest, models.version, None)
    quantiles = models.levels.forecast(past.batch).days
    return BacktestReport(
        len(recordings), len(past.batch), longest, models.version, score(quantiles, past.days, HORIZON_DAYS)
    )


def _recordings(session: Session, now: datetime) -> list[Recorded]:
    """Every slot with a sensor, as one long row of quarter-days that ends now."""
    found = []
    for slot in session.exec(select(Slot).where(col(Slot.capacity).is_not(None)).order_by(Slot.id)):
        samples = level_samples(session, slot, now - LONGEST_PAST)
        capacity = slot.capacity or 1
        levels, first = long_shares(samples, capacity, now)
        if len(levels) == 0:
            continue
        day = first // BINS_PER_DAY
        found.append(
            Recorded(
                slot=slot.id,
                household=slot.household_id,
                category=slot.category,
                size=capacity / BY_BASE[slot.unit].factor,
                levels=levels,
                weekday=int((day + _EPOCH_WEEKDAY) % 7),
            )
        )
    return found
