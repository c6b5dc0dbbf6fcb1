"""Intervals, tests and agreement: how much a measured accuracy says."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95  # of confidence intervals


def wilson(correct: int, total: int, level: float = LEVEL) -> tuple[float, float]:
    """Compute the Wilson score interval of a share.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference"; chosen
    over the textbook's normal approximation because it holds near 0 and 1 too (Newcombe 1998).

    Args:
        correct: how many were counted.
        total: of how many.
        level: the confidence level, in (0, 1).

    Returns:
        The lower and upper end; (0, 1) if `total` is 0.
    """
    from scipy.stats import binomtest

    if total == 0:
        return 0.0, 1.0
    interval = binomtest(correct, total).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class McNemar:
    """Two classifiers compared on the same images.

    Attributes:
        both: how many images both classified correctly.
        only_first: how many only the first did.
        only_second: how many only the second did.
        neither: how many neither did.
        p: the probability of a difference at least as large if the two are equally good.
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    p: float


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar:
    """Run McNemar's exact test, two-sided.

    McNemar 1947, "Note on the sampling error of the difference between correlated proportions
    or percentages". Exact: if the two are equally good, each image that only one classified
    correctly is the first's with probability 1/2. Without such an image `p` is 1.

    Args:
        first: bool, shape (n,), whether the first classified each image correctly.
        second: the same of the second.
    """
    from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    differing = only_first + only_second
    p = float(binomtest(only_first, differing, 0.5).pvalue) if differing else 1.0
    both, neither = int((first & second).sum()), int((~first & ~second).sum())
    return McNemar(both, only_first, only_second, neither, p)


def cohens_kappa(first: NDArray[np.integer], second: NDArray[np.integer]) -> float | None:
    """Compute the agreement of two classifiers beyond chance.

    Cohen 1960, "A coefficient of agreement for nominal scales".

    Args:
        first: int, shape (n,), the classes that the first predicted.
        second: the same of the second.

    Returns:
        1 for full agreement, 0 for what chance gives. None if n is 0, or if both predict one and
        the same class everywhere: chance alone would explain that.
    """
    if not len(first):
        return None
    classes = int(max(first.max(), second.max())) + 1
    shares = [np.bincount(chosen, minlength=classes) / len(first) for chosen in (first, second)]
    by_chance = float(shares[0] @ shares[1])
    if by_chance == 1:
        return None
    return (float((first == second).mean()) - by_chance) / (1 - by_chance)
