"""PURE: which share of the households a row belongs to, the same whenever it is asked."""

import hashlib

import numpy as np
from numpy.typing import NDArray


def fold_of(household: NDArray[np.str_], folds: int, repeats: int) -> NDArray[np.int64]:
    """Shape (n, repeats): numbers below `folds`, the same for all rows of a household: a hash of its name."""
    names, inverse = np.unique(np.asarray(household, str), return_inverse=True)
    digests = [[hashlib.sha256(f"{k}:{name}".encode()).digest() for k in range(repeats)] for name in names]
    numbers = np.array([[int.from_bytes(d[:8], "big") % folds for d in row] for row in digests], np.int64)
    result: NDArray[np.int64] = numbers[inverse]
    return result
