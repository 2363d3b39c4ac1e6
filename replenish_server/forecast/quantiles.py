"""PURE (numpy): the 23 levels at which every forecast answers, and the weight of each."""

import numpy as np
from numpy.typing import NDArray

from replenish_server.forecast.run_out import LEVELS

Floats = NDArray[np.float64]

QUANTILES: Floats = np.array(LEVELS)
"""The levels, rising."""

MEDIAN = 11
"""Where 0.5 stands among them."""

WEIGHTS: Floats = np.diff(np.concatenate([[0.0], (QUANTILES[1:] + QUANTILES[:-1]) / 2, [1.0]]))
"""The share of the unit interval that each level stands for, for integrals over all of them."""
