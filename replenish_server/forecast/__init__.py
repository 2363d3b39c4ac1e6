"""PURE (numpy): consumption rates, and the distribution of the day on which a slot runs out."""

from replenish_server.forecast.consumption import PRIORS, Consumption, Prior, estimate_consumption
from replenish_server.forecast.run_out import QUANTILES, demand_quantile, run_out_days

__all__ = [
    "PRIORS",
    "QUANTILES",
    "Consumption",
    "Prior",
    "demand_quantile",
    "estimate_consumption",
    "run_out_days",
]
